//! In which condition a process finds a pool.

use super::State;
use crate::history::PoolId;
use crate::interleaving::{Actor, Op, Process};

/// In which condition a process finds a pool when one of its actors does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// The process has no pool.
    NoPool,
    /// Nothing of it is checked out.
    Idle,
    /// Something is, and there is room for more.
    CheckedOut,
    /// The checkout that is used, or for other operations any, is inside a transaction.
    InTransaction,
    /// As many are out, or may count as out, as the pool may have.
    Exhausted,
    /// Another actor of the process is inside an operation on it, or the actor itself is.
    InFlight,
    /// It was disposed or dropped.
    Disposed,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 7] =
        [Self::NoPool, Self::Idle, Self::CheckedOut, Self::InTransaction, Self::Exhausted, Self::InFlight, Self::Disposed];
}

impl State {
    /// In which condition `actor` finds a pool on which it is to do `op`; ask before [`State::start`].
    pub fn condition(&self, actor: Actor, op: &Op, pool: PoolId) -> Condition {
        let Some(process) = self.running(actor.process) else { return Condition::NoPool };
        let mut others = process.actors.iter().filter(|other| other.busy && other.thread != actor.thread);
        let inside = others.any(|other| other.waits_for(pool) || other.holdings.iter().any(|held| held.pool == pool));
        if inside || *op == Op::Release {
            return Condition::InFlight;
        }
        if process.pools.iter().all(|slot| slot.id != pool || slot.disposed) {
            return Condition::Disposed;
        }
        let held = || process.actors.iter().flat_map(|other| &other.holdings).filter(|held| held.pool == pool);
        let used = op.handle().and_then(|handle| self.holding(actor, handle));
        if used.map_or_else(|| held().any(|held| held.transaction), |held| held.transaction) {
            return Condition::InTransaction;
        }
        match process.used(pool) {
            (_, possible) if possible >= self.max_size => Condition::Exhausted,
            (_, 0) => Condition::Idle,
            _ => Condition::CheckedOut,
        }
    }

    /// In the process's copy of the pool something counts as out that no name stands for: a thread that it lacks held it, or it was
    /// inherited and leaked.
    pub fn has_orphans(&self, process: Process, pool: PoolId) -> bool {
        self.running(process).is_some_and(|state| state.strays.iter().any(|stray| stray.pool == pool && !stray.own))
    }

    /// Another child of the same parent is alive and has a copy of the pool as well.
    pub fn has_sibling(&self, process: Process, pool: PoolId) -> bool {
        let parent = self.process(process).and_then(|state| state.parent);
        let others = self.running_processes().filter(|other| *other != process);
        let siblings =
            others.filter(|other| parent.is_some() && self.process(*other).is_some_and(|state| state.parent == parent));
        siblings.into_iter().any(|sibling| self.pools(sibling).iter().any(|slot| slot.id == pool))
    }
}
