//! Who holds what, who waits, and what must succeed: the harness's own account of an interleaving.
//!
//! Generators, promises, the executor and rules ask it. It is pure, and it says nothing of what a pool does inside.
//!
//! Here are the questions about it; `process` has its data, `applies` says what is skipped, `expects` what must succeed, `census` in which
//! condition a process finds a pool, `change` what a step does to the state.

mod applies;
mod census;
mod change;
mod expects;
mod process;
#[cfg(test)]
mod tests;

pub use census::Condition;
pub use process::{Holding, PoolSlot};

use crate::history::{CheckoutId, PoolId};
use crate::interleaving::{Actor, Handle, Op, PoolName, Process};
use process::{ActorState, Life, ProcessState, Stray, count};

/// The state of an interleaving between two steps.
#[derive(Clone, Debug)]
pub struct State {
    max_size: u32,
    processes: Vec<ProcessState>,
    pools: u32,
    checkouts: u32,
    /// A pid was given a second time.
    has_reused: bool,
    /// The server takes no new sessions.
    refusing: bool,
}

impl State {
    /// One process with one thread that holds nothing.
    pub fn new(max_size: u32) -> Self {
        let first = ProcessState::new(Process::FIRST, None);
        Self { max_size: max_size.max(1), processes: vec![first], pools: 0, checkouts: 0, has_reused: false, refusing: false }
    }

    /// The most connections that each pool may have open.
    pub fn max_size(&self) -> u32 {
        self.max_size
    }

    /// The server takes no new sessions.
    pub fn is_refusing(&self) -> bool {
        self.refusing
    }

    /// The checkout of that name that `actor` holds.
    pub fn holding(&self, actor: Actor, handle: Handle) -> Option<Holding> {
        self.holdings(actor).find(|held| held.handle == handle)
    }

    /// What `actor` holds.
    pub fn holdings(&self, actor: Actor) -> impl Iterator<Item = Holding> + '_ {
        self.actor(actor).into_iter().flat_map(|me| me.holdings.iter().copied())
    }

    /// The pool that a step of a process would use.
    pub fn slot(&self, process: Process, name: Option<PoolName>) -> Option<PoolSlot> {
        self.running(process)?.pool(name)
    }

    /// The pools of a process, oldest first.
    pub fn pools(&self, process: Process) -> &[PoolSlot] {
        self.running(process).map_or(&[], |state| &state.pools)
    }

    /// The pool that `op` names.
    pub fn pool_of(&self, actor: Actor, op: &Op) -> Option<PoolSlot> {
        match *op {
            Op::Dispose(name) | Op::DropPool(name) | Op::LeakPool(name) | Op::Checkout(_, name) => self.slot(actor.process, name),
            Op::AfterFork(name) | Op::DropRuntime(name) => self.slot(actor.process, name),
            _ => None,
        }
    }

    /// `op` names a pool that the process inherited.
    pub fn uses_inherited_pool(&self, actor: Actor, op: &Op) -> bool {
        self.pool_of(actor, op).is_some_and(|pool| pool.inherited)
    }

    /// `op` uses a checkout that the process inherited.
    pub fn uses_inherited_checkout(&self, actor: Actor, op: &Op) -> bool {
        op.handle().and_then(|handle| self.holding(actor, handle)).is_some_and(|held| held.inherited)
    }

    /// `op` gives the name of an inherited checkout to a new one, so that the old one is leaked.
    pub fn rebinds_inherited(&self, actor: Actor, op: &Op) -> bool {
        matches!(*op, Op::Checkout(handle, _) if self.holding(actor, handle).is_some_and(|held| held.inherited))
    }

    /// The process still holds, by name, something that it inherited.
    pub fn holds_inherited(&self, process: Process) -> bool {
        self.running(process).is_some_and(|state| {
            let held = state.actors.iter().flat_map(|actor| &actor.holdings).any(|held| held.inherited);
            held || state.pools.iter().any(|pool| pool.inherited)
        })
    }

    /// The process has inherited a pool of which the hook was not called.
    pub fn waits_for_hook(&self, process: Process) -> bool {
        self.pools(process).iter().any(|pool| !pool.hooked)
    }

    /// `op` uses a pool of which the hook was not called, or a checkout that came from one.
    pub fn uses_unhooked(&self, actor: Actor, op: &Op) -> bool {
        let held = op.handle().and_then(|handle| self.holding(actor, handle));
        let source = held.and_then(|held| self.pools(actor.process).iter().find(|pool| pool.id == held.pool).copied());
        self.pool_of(actor, op).or(source).is_some_and(|pool| !pool.hooked)
    }

    /// Nothing of the process is checked out, and nobody is about to check anything out.
    pub fn is_idle(&self, process: Process) -> bool {
        self.running(process).is_some_and(|state| {
            let checking_out = state.actors.iter().any(|actor| actor.checking_out.is_some());
            !checking_out && state.handles() == 0 && state.strays.is_empty()
        })
    }

    /// Another program runs in the process.
    pub fn has_execed(&self, process: Process) -> bool {
        self.running(process).is_some_and(|state| state.execed)
    }

    /// The actor is inside an operation of which a reply is withheld.
    pub fn is_stalled(&self, actor: Actor) -> bool {
        self.actor(actor).is_some_and(|me| me.stalled)
    }

    /// Somebody in the process is inside an operation of which a reply is withheld.
    pub fn has_stalled(&self, process: Process) -> bool {
        self.running(process).is_some_and(|state| state.actors.iter().any(|actor| actor.stalled))
    }

    /// The process whose pid a new one can be given: it has ended, and nobody of the interleaving is to wait for it any more.
    pub fn reusable(&self) -> Option<Process> {
        let orphaned = |state: &ProcessState| state.parent.is_none_or(|parent| self.running(parent).is_none());
        let free = |state: &&ProcessState| state.life == Life::Reaped || state.life == Life::Ended && orphaned(state);
        self.processes.iter().find(free).filter(|_| !self.has_reused).map(|state| state.process)
    }

    /// The process was born by a fork of the interleaving.
    pub fn is_child(&self, process: Process) -> bool {
        self.process(process).is_some_and(|state| state.parent.is_some())
    }

    /// The process holds nothing, has leaked nothing and disposed every pool before it dropped it.
    pub fn is_bare(&self, process: Process) -> bool {
        self.running(process).is_some_and(|state| {
            !state.careless && state.pools.is_empty() && state.strays.is_empty() && state.handles() == 0 && state.idle()
        })
    }

    /// The pool was disposed or dropped by this process.
    fn is_ended(&self, process: Process, pool: PoolId) -> bool {
        !self.running(process).is_some_and(|state| state.pools.iter().any(|slot| slot.id == pool && !slot.closed))
    }

    /// The living actors of a process, in the order of their birth.
    pub fn actors(&self, process: Process) -> impl Iterator<Item = Actor> + '_ {
        let actors = self.running(process).into_iter().flat_map(|state| &state.actors);
        actors.map(move |actor| Actor { process, thread: actor.thread })
    }

    /// The actor is inside an operation.
    pub fn is_busy(&self, actor: Actor) -> bool {
        self.actor(actor).is_some_and(|me| me.busy)
    }

    /// The running processes, in the order of their birth.
    pub fn running_processes(&self) -> impl Iterator<Item = Process> + '_ {
        self.processes.iter().filter(|state| state.life == Life::Running).map(|state| state.process)
    }

    /// The children of a process that have ended and were not waited for.
    pub fn unreaped(&self, parent: Process) -> impl Iterator<Item = Process> + '_ {
        self.processes.iter().filter(move |p| p.parent == Some(parent) && p.life == Life::Ended).map(|p| p.process)
    }

    /// The pool that `op` opens, ends or takes from, or from which its checkout came; ask after [`State::start`].
    pub fn pool_in(&self, actor: Actor, op: &Op) -> Option<PoolId> {
        match op {
            Op::Open(_) => self.actor(actor).map(|me| PoolId(me.reserved)),
            // The newest pool may be another one by now.
            Op::Checkout(..) => self.actor(actor)?.checking_out.map(|(pool, _)| pool),
            _ => self.pool_of(actor, op).map(|pool| pool.id).or_else(|| Some(self.holding(actor, op.handle()?)?.pool)),
        }
    }

    /// The checkout that `op` makes or uses; ask after [`State::start`].
    pub fn checkout_in(&self, actor: Actor, op: &Op) -> Option<CheckoutId> {
        match op {
            Op::Checkout(..) => self.actor(actor).map(|me| CheckoutId(me.reserved)),
            _ => Some(self.holding(actor, op.handle()?)?.checkout),
        }
    }

    // Access.

    fn process(&self, process: Process) -> Option<&ProcessState> {
        self.processes.iter().find(|state| state.process == process)
    }

    fn running(&self, process: Process) -> Option<&ProcessState> {
        self.process(process).filter(|state| state.life == Life::Running)
    }

    fn actor(&self, actor: Actor) -> Option<&ActorState> {
        self.running(actor.process)?.thread(actor.thread)
    }

    fn actor_mut(&mut self, actor: Actor) -> Option<&mut ActorState> {
        let process = self.processes.iter_mut().find(|state| state.process == actor.process)?;
        process.actors.iter_mut().find(|state| state.thread == actor.thread)
    }

    fn with(&mut self, process: Process, change: impl FnOnce(&mut ProcessState)) {
        if let Some(state) = self.processes.iter_mut().find(|state| state.process == process) {
            change(state);
        }
    }

    fn with_actor(&mut self, actor: Actor, change: impl FnOnce(&mut ActorState)) {
        if let Some(state) = self.actor_mut(actor) {
            change(state);
        }
    }

    fn with_holding(&mut self, actor: Actor, handle: Handle, change: impl FnOnce(&mut Holding)) {
        if let Some(held) = self.actor_mut(actor).and_then(|me| me.holdings.iter_mut().find(|held| held.handle == handle)) {
            change(held);
        }
    }

    fn with_pool(&mut self, process: Process, name: Option<PoolName>, change: impl FnOnce(&mut PoolSlot)) {
        self.with(process, |state| {
            if let Some(at) = state.pool_at(name) {
                change(&mut state.pools[at]);
            }
        });
    }
}
