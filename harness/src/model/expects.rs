//! What must succeed, what must wait, and what nobody can say.

use super::{Holding, State, count};
use crate::history::{Expectation, PoolId};
use crate::interleaving::{Actor, Handle, Op, PoolName, Process};

impl State {
    /// What must become of `op` if it is carried out now.
    pub fn expects(&self, actor: Actor, op: &Op) -> Expectation {
        match *op {
            Op::Checkout(_, name) => self.expects_checkout(actor.process, name),
            _ if self.has_stalled(actor.process) && (op.handle().is_some() || self.pool_of(actor, op).is_some()) => {
                // Somebody is inside the pool, and may hold a lock of it until he is released.
                Expectation::Either
            }
            _ if let Some(handle) = Self::used_by(op) => match self.holding(actor, handle) {
                Some(held) if !self.may_fail(actor.process, &held) => Expectation::Success,
                _ => Expectation::Either,
            },
            Op::AfterFork(_) | Op::DropRuntime(_) | Op::Cancel(_) | Op::Collect => Expectation::Either,
            // Some pools connect before anybody asks.
            Op::Open(_) if self.refusing => Expectation::Either,
            Op::Dispose(name) | Op::DropPool(name) => match self.slot(actor.process, name) {
                Some(pool) if !pool.inherited && !pool.closed => Expectation::Success,
                _ => Expectation::Either,
            },
            _ => Expectation::Success,
        }
    }

    /// The checkout that `op` asks something on, or returns.
    fn used_by(op: &Op) -> Option<Handle> {
        op.statement().or(if let Op::Return(handle) = op { Some(*handle) } else { None })
    }

    /// An error on this checkout says nothing against the pool.
    fn may_fail(&self, process: Process, held: &Holding) -> bool {
        let faulty = || self.pools(process).iter().any(|pool| pool.id == held.pool && pool.faulty);
        held.inherited || held.failed || self.is_ended(process, held.pool) || held.fresh && faulty()
    }

    fn expects_checkout(&self, process: Process, name: Option<PoolName>) -> Expectation {
        let (Some(state), Some(pool)) = (self.running(process), self.slot(process, name)) else { return Expectation::Either };
        let (certain, possible) = state.used(pool.id);
        if certain >= self.max_size && !pool.closed {
            Expectation::Block
        } else if pool.closed || pool.faulty || self.has_stalled(process) {
            Expectation::Either
        } else if possible < self.max_size {
            Expectation::Success
        } else {
            Expectation::Either
        }
    }

    /// Somebody other than `actor` can return a checkout of the pool that `actor` waits for, or would wait for.
    pub fn releasable(&self, actor: Actor, pool: PoolId) -> bool {
        self.running(actor.process).is_some_and(|process| {
            let others = process.actors.iter().filter(|other| other.thread != actor.thread && other.checking_out.is_none());
            others.flat_map(|other| &other.holdings).any(|held| held.pool == pool && !held.inherited)
        })
    }

    /// There is room in the pool for a checkout that is already in flight, and the server takes a session for it.
    pub fn has_room(&self, process: Process, pool: PoolId) -> bool {
        self.running(process).is_some_and(|state| {
            let held = state.actors.iter().flat_map(|actor| &actor.holdings).filter(|held| held.pool == pool).count();
            let strays = state.strays.iter().filter(|stray| stray.pool == pool).count();
            let serves = state.pools.iter().any(|slot| slot.id == pool && !slot.closed);
            serves && !self.refusing && count(held + strays) < self.max_size
        })
    }
}
