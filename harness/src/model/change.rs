//! What a step does to the state: it is started, and later finished with or without success.

use super::{ActorState, Holding, Life, PoolSlot, ProcessState, State, Stray};
use crate::history::{CheckoutId, PoolId};
use crate::interleaving::{Actor, ForkKind, Handle, Op, PoolName, Process, Thread};

impl State {
    /// Finishes `op`, which [`State::start`] started; `succeeded` says whether the pool did it, and for a dispose whether the pool
    /// offers it.
    pub fn apply(&mut self, actor: Actor, op: &Op, succeeded: bool) {
        let checking_out = self.actor(actor).and_then(|me| me.checking_out);
        self.with_actor(actor, |me| {
            me.busy = false;
            me.stalled = false;
            me.checking_out = None;
        });
        if let Some(handle) = op.statement() {
            self.with_holding(actor, handle, |held| held.fresh = false);
        }
        match *op {
            Op::Open(name) if succeeded => {
                let id = PoolId(self.actor(actor).map_or(0, |me| me.reserved));
                let slot =
                    PoolSlot { name, id, inherited: false, disposed: false, closed: false, hooked: true, faulty: self.refusing };
                self.with(actor.process, |process| process.pools.push(slot));
            }
            Op::Dispose(name) => self.with_pool(actor.process, name, |pool| {
                pool.disposed = true;
                pool.closed |= succeeded;
            }),
            Op::AfterFork(name) if succeeded => self.with_pool(actor.process, name, |pool| pool.hooked = true),
            Op::DropRuntime(name) if succeeded => self.with_pool(actor.process, name, |pool| pool.closed = true),
            Op::DropPool(name) => self.remove_pool(actor.process, name, false),
            Op::LeakPool(name) => self.remove_pool(actor.process, name, true),
            Op::Checkout(handle, _) if succeeded => self.check_out(actor, handle, checking_out),
            Op::Return(handle) => drop(self.release(actor, handle)),
            Op::Leak(handle) => self.leak(actor, handle),
            Op::Begin(handle) if succeeded => self.with_holding(actor, handle, |held| held.transaction = true),
            Op::Commit(handle) | Op::Rollback(handle) if succeeded => {
                self.with_holding(actor, handle, |held| held.transaction = false);
            }
            _ if !succeeded && let Some(handle) = op.statement() => {
                self.with_holding(actor, handle, |held| held.failed = true);
            }
            Op::EndSession(handle) if succeeded => {
                if let Some(ended) = self.holding(actor, handle) {
                    self.lose(Some(ended.pool), Some(ended.checkout));
                }
            }
            Op::Refuse(_) if succeeded => self.refuse(),
            Op::Accept if succeeded => self.refusing = false,
            Op::Restart if succeeded => self.lose_all(),
            Op::Fork(child, kind) if succeeded => {
                self.has_reused |= kind == ForkKind::ReusedPid;
                self.fork(actor, child);
            }
            Op::Exec if succeeded => self.with(actor.process, |process| {
                process.actors = vec![ActorState::new(Thread::MAIN, None)];
                process.pools.clear();
                process.strays.clear();
                process.execed = true;
            }),
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

    /// Marks `actor` as inside an operation of which a reply is withheld.
    pub fn stall(&mut self, actor: Actor) {
        self.with_actor(actor, |me| me.stalled = true);
    }

    /// Marks what an actor is inside of as going on.
    pub fn resume(&mut self, actor: Actor) {
        self.with_actor(actor, |me| me.stalled = false);
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
        let held = Holding::new(handle, checkout, pool);
        self.with_actor(actor, |me| me.holdings.push(held));
    }

    /// A session was ended: every copy of the checkout that had it is broken, and its pool may hand out what is.
    pub fn lose(&mut self, pool: Option<PoolId>, checkout: Option<CheckoutId>) {
        for process in &mut self.processes {
            let held = process.actors.iter_mut().flat_map(|actor| &mut actor.holdings);
            held.filter(|held| Some(held.checkout) == checkout).for_each(Holding::lose);
            process.pools.iter_mut().filter(|slot| Some(slot.id) == pool).for_each(|slot| slot.faulty = true);
        }
    }

    fn lose_all(&mut self) {
        for process in &mut self.processes {
            process.actors.iter_mut().flat_map(|actor| &mut actor.holdings).for_each(Holding::lose);
            process.pools.iter_mut().for_each(|slot| slot.faulty = true);
        }
    }

    /// From now on a pool may have nothing to hand out, however much room it has.
    fn refuse(&mut self) {
        self.refusing = true;
        self.processes.iter_mut().flat_map(|process| &mut process.pools).for_each(|slot| slot.faulty = true);
    }

    /// The server takes new sessions, whatever it did before.
    pub fn accept(&mut self) {
        self.refusing = false;
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
        born.pools = parent.pools.iter().map(|pool| PoolSlot { inherited: true, hooked: false, ..*pool }).collect();
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
}

fn take_number(counter: &mut u32) -> u32 {
    let number = *counter;
    *counter += 1;
    number
}
