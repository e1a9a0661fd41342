//! What the model knows of one process: its threads, what they hold, its pools.

use crate::history::{CheckoutId, PoolId};
use crate::interleaving::{Handle, PoolName, Process, Thread};

/// One process.
#[derive(Clone, Debug)]
pub(super) struct ProcessState {
    pub(super) process: Process,
    pub(super) parent: Option<Process>,
    pub(super) life: Life,
    pub(super) actors: Vec<ActorState>,
    pub(super) pools: Vec<PoolSlot>,
    /// Checkouts that no name stands for any more: leaked, or held by threads that the process lacks.
    pub(super) strays: Vec<Stray>,
    /// A pool was dropped without being disposed, or something was leaked.
    pub(super) careless: bool,
    /// Another program runs in it, which only holds what it inherited.
    pub(super) execed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    Ended,
    Reaped,
}

#[derive(Clone, Debug)]
pub(super) struct ActorState {
    pub(super) thread: Thread,
    /// Who can join it; nobody, if that thread has been joined itself.
    pub(super) spawner: Option<Thread>,
    /// The pool and the name of the checkout that is in flight.
    pub(super) checking_out: Option<(PoolId, Handle)>,
    pub(super) busy: bool,
    /// It is inside an operation of which a reply is withheld.
    pub(super) stalled: bool,
    /// The number of the pool or checkout that the operation in flight will make.
    pub(super) reserved: u32,
    pub(super) holdings: Vec<Holding>,
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
    /// A session of it was ended, or the server took no new ones: what it hands out may be broken, if it hands out anything.
    pub faulty: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Stray {
    pub(super) pool: PoolId,
    /// It was leaked by this process, which checked it out: it counts as used for certain.
    pub(super) own: bool,
}

impl ProcessState {
    pub(super) fn new(process: Process, parent: Option<Process>) -> Self {
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

    pub(super) fn thread(&self, thread: Thread) -> Option<&ActorState> {
        self.actors.iter().find(|actor| actor.thread == thread)
    }

    pub(super) fn pool_at(&self, name: Option<PoolName>) -> Option<usize> {
        match name {
            None => self.pools.len().checked_sub(1),
            Some(_) => self.pools.iter().rposition(|pool| pool.name == name),
        }
    }

    pub(super) fn pool(&self, name: Option<PoolName>) -> Option<PoolSlot> {
        self.pool_at(name).map(|at| self.pools[at])
    }

    pub(super) fn handles(&self) -> usize {
        self.actors.iter().map(|actor| actor.holdings.len()).sum()
    }

    pub(super) fn idle(&self) -> bool {
        self.actors.iter().all(|actor| !actor.busy)
    }

    /// How many connections of a pool are in use here for certain, and how many may count as used.
    pub(super) fn used(&self, pool: PoolId) -> (u32, u32) {
        let held = || self.actors.iter().flat_map(|actor| &actor.holdings).filter(|held| held.pool == pool);
        let strays = || self.strays.iter().filter(|stray| stray.pool == pool);
        let waiting = self.actors.iter().filter(|actor| actor.waits_for(pool)).count();
        let certain = held().filter(|held| !held.inherited).count() + strays().filter(|stray| stray.own).count();
        (count(certain), count(held().count() + strays().count() + waiting))
    }
}

impl Holding {
    pub(super) fn new(handle: Handle, checkout: CheckoutId, pool: PoolId) -> Self {
        Self { handle, checkout, pool, inherited: false, transaction: false, failed: false, lost: false, fresh: true }
    }

    /// Its session was ended.
    pub(super) fn lose(&mut self) {
        self.failed = true;
        self.lost = true;
    }
}

impl ActorState {
    pub(super) fn new(thread: Thread, spawner: Option<Thread>) -> Self {
        Self { thread, spawner, checking_out: None, busy: false, stalled: false, reserved: 0, holdings: Vec::new() }
    }

    pub(super) fn waits_for(&self, pool: PoolId) -> bool {
        self.checking_out.is_some_and(|(wanted, _)| wanted == pool)
    }

    pub(super) fn holding(&self, handle: Handle) -> Option<&Holding> {
        self.holdings.iter().find(|held| held.handle == handle)
    }
}

/// A number of things that the limits keep small.
pub(super) fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}
