//! Who holds what, who waits, and what must succeed: the harness's own account of an interleaving.
//!
//! Generators, promises, the executor and rules ask it. It is pure, and it says nothing of what a pool does inside.
//!
//! Here are its data and the questions about them; `applies` says what is skipped, `expects` what must succeed, `change` what a
//! step does to the state.

mod applies;
mod change;
mod expects;
#[cfg(test)]
mod tests;

use crate::history::{CheckoutId, PoolId};
use crate::interleaving::{Actor, Handle, Op, PoolName, Process, Thread};

/// The state of an interleaving between two steps.
#[derive(Clone, Debug)]
pub struct State {
    max_size: u32,
    processes: Vec<ProcessState>,
    pools: u32,
    checkouts: u32,
    /// A pid was given a second time.
    has_reused: bool,
}

/// One process.
#[derive(Clone, Debug)]
struct ProcessState {
    process: Process,
    parent: Option<Process>,
    life: Life,
    actors: Vec<ActorState>,
    pools: Vec<PoolSlot>,
    /// Checkouts that no name stands for any more: leaked, or held by threads that the process lacks.
    strays: Vec<Stray>,
    /// A pool was dropped without being disposed, or something was leaked.
    careless: bool,
    /// Another program runs in it, which only holds what it inherited.
    execed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    Ended,
    Reaped,
}

#[derive(Clone, Debug)]
struct ActorState {
    thread: Thread,
    /// Who can join it; nobody, if that thread has been joined itself.
    spawner: Option<Thread>,
    /// The pool and the name of the checkout that is in flight.
    checking_out: Option<(PoolId, Handle)>,
    busy: bool,
    /// It is inside an operation of which a reply is withheld.
    stalled: bool,
    /// The number of the pool or checkout that the operation in flight will make.
    reserved: u32,
    holdings: Vec<Holding>,
}

/// A checkout that an actor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Its name.
    pub handle: Handle,
    /// Its number.
    pub checkout: CheckoutId,
    /// The pool that it came from.
    pub pool: PoolId,
    /// It was checked out by another process, before the fork.
    pub inherited: bool,
    /// It is inside a transaction.
    pub transaction: bool,
    /// An operation on it has failed, or its session was ended.
    pub failed: bool,
    /// Its session was ended, and with it any transaction.
    pub lost: bool,
    /// Nothing was asked on it yet.
    pub fresh: bool,
}

/// A pool that a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSlot {
    /// Its name, if it has one.
    pub name: Option<PoolName>,
    /// Its number.
    pub id: PoolId,
    /// It was opened by another process, before the fork.
    pub inherited: bool,
    /// `dispose` was called here, or in an ancestor before the fork.
    pub disposed: bool,
    /// And the pool offers that, so that it may serve no longer.
    pub closed: bool,
    /// It was opened here, or the hook for a forked child was called since.
    pub hooked: bool,
    /// The administrator has ended a session of it: what it still hands out may be broken.
    pub faulty: bool,
}

#[derive(Clone, Copy, Debug)]
struct Stray {
    pool: PoolId,
    /// It was leaked by this process, which checked it out: it counts as used for certain.
    own: bool,
}

impl State {
    /// One process with one thread that holds nothing.
    pub fn new(max_size: u32) -> Self {
        let first = ProcessState::new(Process::FIRST, None);
        Self { max_size: max_size.max(1), processes: vec![first], pools: 0, checkouts: 0, has_reused: false }
    }

    /// The most connections that each pool may have open.
    pub fn max_size(&self) -> u32 {
        self.max_size
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

impl ProcessState {
    fn new(process: Process, parent: Option<Process>) -> Self {
        let main = ActorState::new(Thread::MAIN, None);
        Self {
            process,
            parent,
            life: Life::Running,
            actors: vec![main],
            pools: Vec::new(),
            strays: Vec::new(),
            careless: false,
            execed: false,
        }
    }

    fn thread(&self, thread: Thread) -> Option<&ActorState> {
        self.actors.iter().find(|actor| actor.thread == thread)
    }

    fn pool_at(&self, name: Option<PoolName>) -> Option<usize> {
        match name {
            None => self.pools.len().checked_sub(1),
            Some(_) => self.pools.iter().rposition(|pool| pool.name == name),
        }
    }

    fn pool(&self, name: Option<PoolName>) -> Option<PoolSlot> {
        self.pool_at(name).map(|at| self.pools[at])
    }

    fn handles(&self) -> usize {
        self.actors.iter().map(|actor| actor.holdings.len()).sum()
    }

    fn idle(&self) -> bool {
        self.actors.iter().all(|actor| !actor.busy)
    }

    /// How many connections of a pool are in use here for certain, and how many may count as used.
    fn used(&self, pool: PoolId) -> (u32, u32) {
        let held = || self.actors.iter().flat_map(|actor| &actor.holdings).filter(|held| held.pool == pool);
        let strays = || self.strays.iter().filter(|stray| stray.pool == pool);
        let waiting = self.actors.iter().filter(|actor| actor.waits_for(pool)).count();
        let certain = held().filter(|held| !held.inherited).count() + strays().filter(|stray| stray.own).count();
        (count(certain), count(held().count() + strays().count() + waiting))
    }
}

impl Holding {
    fn new(handle: Handle, checkout: CheckoutId, pool: PoolId) -> Self {
        Self { handle, checkout, pool, inherited: false, transaction: false, failed: false, lost: false, fresh: true }
    }
}

impl ActorState {
    fn new(thread: Thread, spawner: Option<Thread>) -> Self {
        Self { thread, spawner, checking_out: None, busy: false, stalled: false, reserved: 0, holdings: Vec::new() }
    }

    fn waits_for(&self, pool: PoolId) -> bool {
        self.checking_out.is_some_and(|(wanted, _)| wanted == pool)
    }

    fn holding(&self, handle: Handle) -> Option<&Holding> {
        self.holdings.iter().find(|held| held.handle == handle)
    }
}

/// A number of things that the limits keep small.
fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}
