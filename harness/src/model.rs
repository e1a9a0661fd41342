//! Who holds what, who waits, and what must succeed: the harness's own account of an interleaving.
//!
//! Generators, promises, the executor and rules ask it. It is pure, and it says nothing of what a pool does inside.

use crate::history::{CheckoutId, Expectation, PoolId, Skip};
use crate::interleaving::{Actor, Handle, Op, PoolName, Process, Thread};
use crate::limits;
use crate::promise::Promise;

/// The state of an interleaving between two steps.
#[derive(Clone, Debug)]
pub struct State {
    max_size: u32,
    processes: Vec<ProcessState>,
    pools: u32,
    checkouts: u32,
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
    /// An operation on it has failed.
    pub failed: bool,
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
        Self { max_size: max_size.max(1), processes: vec![first], pools: 0, checkouts: 0 }
    }

    /// Why `op` is skipped now; `None` if it is carried out.
    pub fn skips(&self, promise: Promise, actor: Actor, op: &Op) -> Option<Skip> {
        let Some(me) = self.actor(actor) else { return Some(Skip::NoSuchName) };
        if me.busy {
            return Some(Skip::DoesNotApply);
        }
        self.inapplicable(actor, op).or_else(|| (!promise.allows(self, actor, op)).then_some(Skip::Promise))
    }

    fn inapplicable(&self, actor: Actor, op: &Op) -> Option<Skip> {
        let Some(process) = self.running(actor.process) else { return Some(Skip::NoSuchName) };
        let unless = |fits: bool, why: Skip| (!fits).then_some(why);
        match *op {
            Op::Open(_) => unless(process.pools.len() < limits::POOLS, Skip::Limit),
            Op::Dispose(name) => self.no_pool(actor, name),
            Op::DropPool(name) | Op::LeakPool(name) => self.no_pool(actor, name).or_else(|| {
                let pool = process.pool(name)?.id;
                unless(!process.actors.iter().any(|other| other.waits_for(pool)), Skip::DoesNotApply)
            }),
            Op::Checkout(handle, name) => self.no_pool(actor, name).or_else(|| {
                let held = process.actors.iter().find_map(|other| other.holding(handle).map(|held| (other.thread, held)));
                let rebinds = held.is_none_or(|(thread, held)| thread == actor.thread && held.inherited);
                let reserved = process.actors.iter().any(|other| other.checking_out.is_some_and(|(_, name)| name == handle));
                unless(rebinds && !reserved, Skip::DoesNotApply).or(unless(process.handles() < limits::HANDLES, Skip::Limit))
            }),
            Op::Return(h) | Op::Leak(h) | Op::Query(h) | Op::Insert(h) => self.no_handle(actor, h),
            Op::Begin(h) => self.no_handle(actor, h).or_else(|| unless(!self.holding(actor, h)?.transaction, Skip::DoesNotApply)),
            Op::Commit(h) | Op::Rollback(h) => {
                self.no_handle(actor, h).or_else(|| unless(self.holding(actor, h)?.transaction, Skip::DoesNotApply))
            }
            Op::Fork(child) => unless(!self.processes.iter().any(|p| p.process == child), Skip::NoSuchName)
                .or(unless(self.processes.len() < limits::PROCESSES, Skip::Limit)),
            Op::Wait(child) => match self.process(child) {
                Some(p) if p.parent == Some(actor.process) && p.life == Life::Ended => None,
                Some(_) => Some(Skip::DoesNotApply),
                None => Some(Skip::NoSuchName),
            },
            Op::Exit(kind) => {
                use crate::interleaving::ExitKind::{Now, Signal};
                let others_idle = process.actors.iter().all(|other| other.thread == actor.thread || !other.busy);
                unless(others_idle || matches!(kind, Now | Signal), Skip::DoesNotApply)
            }
            Op::Spawn(thread) => unless(process.thread(thread).is_none() && thread != Thread::MAIN, Skip::NoSuchName)
                .or(unless(process.actors.len() < limits::THREADS, Skip::Limit))
                .or(unless(usize::from(thread.0) < limits::THREADS_NAMED, Skip::Limit)),
            Op::Join(thread) => match process.thread(thread) {
                Some(other) if other.spawner == Some(actor.thread) && thread != actor.thread && !other.busy => {
                    unless(thread != Thread::MAIN, Skip::DoesNotApply)
                }
                Some(_) => Some(Skip::DoesNotApply),
                None => Some(Skip::NoSuchName),
            },
            Op::Send(handle, thread) => self.no_handle(actor, handle).or_else(|| match process.thread(thread) {
                Some(other) => unless(thread != actor.thread && !other.busy, Skip::DoesNotApply),
                None => Some(Skip::NoSuchName),
            }),
        }
    }

    fn no_pool(&self, actor: Actor, name: Option<PoolName>) -> Option<Skip> {
        self.running(actor.process).and_then(|p| p.pool(name)).is_none().then_some(Skip::NoSuchName)
    }

    fn no_handle(&self, actor: Actor, handle: Handle) -> Option<Skip> {
        self.holding(actor, handle).is_none().then_some(Skip::NoSuchName)
    }

    /// What must become of `op` if it is carried out now.
    pub fn expects(&self, actor: Actor, op: &Op) -> Expectation {
        match *op {
            Op::Checkout(_, name) => self.expects_checkout(actor.process, name),
            Op::Query(h) | Op::Insert(h) | Op::Begin(h) | Op::Commit(h) | Op::Rollback(h) | Op::Return(h) => {
                match self.holding(actor, h) {
                    Some(held) if !held.inherited && !held.failed && !self.is_ended(actor.process, held.pool) => {
                        Expectation::Success
                    }
                    _ => Expectation::Either,
                }
            }
            Op::Dispose(name) | Op::DropPool(name) => match self.slot(actor.process, name) {
                Some(pool) if !pool.inherited && !pool.closed => Expectation::Success,
                _ => Expectation::Either,
            },
            _ => Expectation::Success,
        }
    }

    fn expects_checkout(&self, process: Process, name: Option<PoolName>) -> Expectation {
        let (Some(state), Some(pool)) = (self.running(process), self.slot(process, name)) else { return Expectation::Either };
        let (certain, possible) = state.used(pool.id);
        if pool.closed {
            Expectation::Either
        } else if possible < self.max_size {
            Expectation::Success
        } else if certain >= self.max_size {
            Expectation::Block
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

    /// There is room in the pool for a checkout that is already in flight.
    pub fn has_room(&self, process: Process, pool: PoolId) -> bool {
        self.running(process).is_some_and(|state| {
            let held = state.actors.iter().flat_map(|actor| &actor.holdings).filter(|held| held.pool == pool).count();
            let strays = state.strays.iter().filter(|stray| stray.pool == pool).count();
            let serves = state.pools.iter().any(|slot| slot.id == pool && !slot.closed);
            serves && count(held + strays) < self.max_size
        })
    }

    /// Finishes `op`, which [`State::start`] started; `succeeded` says whether the pool did it, and for a dispose whether the pool
    /// offers it.
    pub fn apply(&mut self, actor: Actor, op: &Op, succeeded: bool) {
        let checking_out = self.actor(actor).and_then(|me| me.checking_out);
        self.with_actor(actor, |me| {
            me.busy = false;
            me.checking_out = None;
        });
        match *op {
            Op::Open(name) if succeeded => {
                let id = PoolId(self.actor(actor).map_or(0, |me| me.reserved));
                let slot = PoolSlot { name, id, inherited: false, disposed: false, closed: false };
                self.with(actor.process, |process| process.pools.push(slot));
            }
            Op::Dispose(name) => self.with_pool(actor.process, name, |pool| {
                pool.disposed = true;
                pool.closed |= succeeded;
            }),
            Op::DropPool(name) => self.remove_pool(actor.process, name, false),
            Op::LeakPool(name) => self.remove_pool(actor.process, name, true),
            Op::Checkout(handle, _) if succeeded => self.check_out(actor, handle, checking_out),
            Op::Return(handle) => drop(self.release(actor, handle)),
            Op::Leak(handle) => self.leak(actor, handle),
            Op::Begin(handle) if succeeded => self.with_holding(actor, handle, |held| held.transaction = true),
            Op::Commit(handle) | Op::Rollback(handle) if succeeded => {
                self.with_holding(actor, handle, |held| held.transaction = false);
            }
            Op::Query(handle) | Op::Insert(handle) | Op::Begin(handle) | Op::Commit(handle) | Op::Rollback(handle)
                if !succeeded =>
            {
                self.with_holding(actor, handle, |held| held.failed = true);
            }
            Op::Fork(child) if succeeded => self.fork(actor, child),
            Op::Wait(child) => self.with(child, |process| process.life = Life::Reaped),
            Op::Exit(_) => self.end(actor.process),
            Op::Spawn(thread) if succeeded => self.with(actor.process, |process| {
                process.actors.push(ActorState::new(thread, Some(actor.thread)));
            }),
            Op::Join(thread) if succeeded => self.with(actor.process, |process| {
                process.actors.retain(|other| other.thread != thread);
                let orphans = process.actors.iter_mut().filter(|other| other.spawner == Some(thread));
                orphans.for_each(|other| other.spawner = None);
            }),
            Op::Send(handle, thread) if succeeded => {
                if let Some(held) = self.release(actor, handle) {
                    let to = Actor { thread, ..actor };
                    self.with_actor(to, |other| other.holdings.push(held));
                }
            }
            _ => {}
        }
    }

    /// Marks `actor` as inside `op`: it takes no step until [`State::apply`].
    pub fn start(&mut self, actor: Actor, op: &Op) {
        let checking_out = match *op {
            Op::Checkout(handle, name) => self.slot(actor.process, name).map(|pool| (pool.id, handle)),
            _ => None,
        };
        let reserved = match op {
            Op::Open(_) => take_number(&mut self.pools),
            Op::Checkout(..) => take_number(&mut self.checkouts),
            _ => 0,
        };
        self.with_actor(actor, |me| {
            me.busy = true;
            me.checking_out = checking_out;
            me.reserved = reserved;
        });
    }

    /// Marks a process as ended, whoever or whatever ended it.
    pub fn end(&mut self, process: Process) {
        self.with(process, |state| {
            state.life = Life::Ended;
            state.actors.clear();
            state.pools.clear();
        });
    }

    fn check_out(&mut self, actor: Actor, handle: Handle, checking_out: Option<(PoolId, Handle)>) {
        let Some((pool, _)) = checking_out else { return };
        self.leak(actor, handle);
        let checkout = CheckoutId(self.actor(actor).map_or(0, |me| me.reserved));
        let held = Holding { handle, checkout, pool, inherited: false, transaction: false, failed: false };
        self.with_actor(actor, |me| me.holdings.push(held));
    }

    fn leak(&mut self, actor: Actor, handle: Handle) {
        if let Some(held) = self.release(actor, handle) {
            self.with(actor.process, |process| {
                process.careless = true;
                process.strays.push(Stray { pool: held.pool, own: !held.inherited });
            });
        }
    }

    fn release(&mut self, actor: Actor, handle: Handle) -> Option<Holding> {
        let holdings = &mut self.actor_mut(actor)?.holdings;
        let at = holdings.iter().position(|held| held.handle == handle)?;
        Some(holdings.remove(at))
    }

    fn fork(&mut self, actor: Actor, child: Process) {
        let Some(parent) = self.running(actor.process) else { return };
        let mut born = ProcessState::new(child, Some(actor.process));
        born.pools = parent.pools.iter().map(|pool| PoolSlot { inherited: true, ..*pool }).collect();
        born.strays = parent.strays.iter().map(|stray| Stray { own: false, ..*stray }).collect();
        for other in &parent.actors {
            if other.thread == actor.thread {
                born.actors[0].holdings = other.holdings.iter().map(|held| Holding { inherited: true, ..*held }).collect();
            } else {
                let orphans = other.holdings.iter().map(|held| held.pool).chain(other.checking_out.map(|(pool, _)| pool));
                born.strays.extend(orphans.map(|pool| Stray { pool, own: false }));
            }
        }
        self.processes.push(born);
    }

    fn remove_pool(&mut self, process: Process, name: Option<PoolName>, leaked: bool) {
        self.with(process, |state| {
            if let Some(at) = state.pool_at(name) {
                let pool = state.pools.remove(at);
                state.careless |= leaked || !pool.disposed;
            }
        });
    }

    // Questions of promises, generators and the executor.

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

    /// Every process that was born, in that order.
    pub fn all_processes(&self) -> impl Iterator<Item = Process> + '_ {
        self.processes.iter().map(|state| state.process)
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
        Self { process, parent, life: Life::Running, actors: vec![main], pools: Vec::new(), strays: Vec::new(), careless: false }
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

impl ActorState {
    fn new(thread: Thread, spawner: Option<Thread>) -> Self {
        Self { thread, spawner, checking_out: None, busy: false, reserved: 0, holdings: Vec::new() }
    }

    fn waits_for(&self, pool: PoolId) -> bool {
        self.checking_out.is_some_and(|(wanted, _)| wanted == pool)
    }

    fn holding(&self, handle: Handle) -> Option<&Holding> {
        self.holdings.iter().find(|held| held.handle == handle)
    }
}

fn take_number(counter: &mut u32) -> u32 {
    let number = *counter;
    *counter += 1;
    number
}

/// A number of things that the limits keep small.
fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
