//! The reference pool: what a pool has to do to be safe when the application promises nothing about fork, on either database.
//!
//! It is blocking, has no thread of its own, and keeps three things under one lock: what is idle, how many are out, and, by
//! holding it, the order of the two. No statement, connect or destructor runs while the lock is held. What is returned is reset
//! before it is idle, so that no holder finds anything of the last one.
//!
//! **Fork.** Each process has a state of its own. A process that finds the state of another generation installed puts a fresh
//! one in its place, by compare-and-exchange, for the old one's lock may be held by a thread that does not exist here.
//! The old state is leaked; its idle descriptors are closed without a byte. A checkout remembers the state that it was counted
//! in: one that crossed a fork refuses to query, and is closed without a byte where it is returned.
//!
//! **Leaks.** States and the little that a pool is besides are never freed, some 300 bytes for each pool and each process that
//! uses it. A checkout may outlive its pool, and a count of its users would never fall to zero in a child: it inherits the users
//! of threads that it lacks.
//!
//! The mutants are this code with one defect each. Where one of them differs the code asks `P`, a [`Planted`], which for the reference
//! answers at compile time what is right: see `planted.rs`. Most defects are behind these answers, in `mutant.rs`; a few that are about
//! an order of things are here, as `P::has(Defect::…)`.

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use poolproof::neutral::{Driver, Postgres};
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Transport};

pub mod defect;
mod mutant;
mod planted;
pub mod story;

use defect::Defect;
pub use mutant::Mutant;
pub use planted::{Act, Correct, Planted, Session};

/// The reference pool, or with [`Mutant`] the mutant that was chosen.
pub struct ReferencePool<D: Driver = Postgres, P: Planted = Correct> {
    shared: &'static Shared<D, P>,
}

/// A connection that is out. Dropping it returns it.
pub struct Checkout<D: Driver, P: Planted> {
    /// `None` only while it is being opened.
    session: Option<P::Session<D>>,
    /// Where it is counted.
    state: &'static State<D, P>,
    shared: &'static Shared<D, P>,
}

/// What a pool and its checkouts share. None of it needs a lock, so a child can read it.
struct Shared<D: Driver, P: Planted> {
    config: Config,
    disposed: AtomicBool,
    /// From `Box::into_raw`, and never freed once it is here.
    state: AtomicPtr<State<D, P>>,
}

/// What belongs to one process.
struct State<D: Driver, P: Planted> {
    process: P::Process,
    counts: Mutex<Counts<D, P>>,
    /// One waiter is told when a place is free or a session idle, all when the pool is disposed.
    freed: Condvar,
}

/// `idle.len() + in_use` never exceeds `max_size`, and only a session that is idle or in use is open.
struct Counts<D: Driver, P: Planted> {
    idle: Vec<P::Session<D>>,
    in_use: u32,
}

impl<D: Driver, P: Planted> Pool for ReferencePool<D, P> {
    type Connection = Checkout<D, P>;
    const DATABASE: Database = D::DATABASE;
    const TRANSPORTS: &'static [Transport] = D::TRANSPORTS;

    fn open(config: &Config) -> Result<Self, Error> {
        P::opened();
        let process = P::process().map_err(|error| Error::new(ErrorKind::Other, error))?;
        let state = AtomicPtr::new(Box::into_raw(Box::new(State::new(process, 0))));
        let shared = Shared { config: config.clone(), disposed: AtomicBool::new(false), state };
        Ok(Self { shared: Box::leak(Box::new(shared)) })
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout<D, P>, Error> {
        let shared = self.shared;
        let (state, idle) = shared.take(patience)?;
        // From here on the place is given back when `checkout` is dropped, also if no session can be opened for it.
        let mut checkout = Checkout { session: idle.filter(|session| !session.is_broken()), state, shared };
        if checkout.session.is_none() {
            let forks = P::forks();
            checkout.session = match P::Session::connect(&shared.config, patience) {
                Err(error) if P::has(Defect::RefusedPlace) => {
                    state.lock().in_use += 1;
                    return Err(error);
                }
                opened => Some(opened?),
            };
            if P::has(Defect::CountedLate) || P::has(Defect::PlaceLost) && P::forks() != forks {
                state.lock().in_use += 1;
            }
        }
        Ok(checkout)
    }

    fn dispose(&self) -> Option<Result<(), Error>> {
        self.shared.dispose();
        Some(Ok(()))
    }

    fn after_fork(&mut self, _config: &Config) -> Option<Result<(), Error>> {
        // The reference needs none.
        P::has_hook().then(|| {
            self.shared.state();
            Ok(())
        })
    }
}

impl<D: Driver, P: Planted> Drop for ReferencePool<D, P> {
    fn drop(&mut self) {
        self.shared.dispose();
    }
}

impl<D: Driver, P: Planted> Connection for Checkout<D, P> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.session(Act::Query)?.query(sql)
    }

    fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        Some(self.session(Act::Query).and_then(|session| session.prepared(sql, argument)))
    }

    fn cancel(&mut self) -> Option<Result<(), Error>> {
        Some(self.session(Act::Cancel).and_then(|session| session.cancel()))
    }
}

impl<D: Driver, P: Planted> Checkout<D, P> {
    /// The session, if it may be used here.
    fn session(&mut self, act: Act) -> Result<&mut P::Session<D>, Error> {
        if !P::is_here(&self.state.process, act) {
            return Err(P::refusal(self.session.as_ref()));
        }
        self.session.as_mut().ok_or_else(|| Error::new(ErrorKind::Other, "there is no session"))
    }
}

impl<D: Driver, P: Planted> Drop for Checkout<D, P> {
    fn drop(&mut self) {
        let session = self.session.take();
        if !P::is_here(&self.state.process, Act::Return) {
            // It is counted in a state that this process has no part in, and must not touch: its lock may be held for ever.
            session.into_iter().for_each(|session| P::discard(session, Act::Return));
        } else {
            // A session that is of no more use is closed before its place is free, so that the server never sees too many.
            self.shared.take_back(session.and_then(clean));
        }
    }
}

impl<D: Driver, P: Planted> Shared<D, P> {
    /// The state of this process. Nothing here waits, so it works in a child whatever other threads did at the fork.
    fn state(&self) -> &'static State<D, P> {
        loop {
            let installed = self.state.load(Ordering::Acquire);
            // SAFETY: `self.state` holds what `Box::into_raw` gave, and nothing frees a state that was ever installed.
            let state: &'static State<D, P> = unsafe { &*installed };
            if P::is_here(&state.process, Act::UsePool) {
                return state;
            }
            // A state of another process. Of several threads that notice it together one installs its own.
            let Ok(process) = P::process() else { return state }; // never: the pool was opened with one
            let in_use = P::noticed::<D>(&self.config, || state.in_use());
            let fresh = Box::into_raw(Box::new(State::new(process, in_use)));
            let replaced = if P::has(Defect::ResetsTwice) { self.state.load(Ordering::Acquire) } else { installed };
            if self.state.compare_exchange(replaced, fresh, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                state.discard_idle();
            } else {
                // SAFETY: it comes from `Box::into_raw` above and was not installed: nobody else ever saw it.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }

    /// Takes a place and, if there is one, the session that was idle the shortest.
    fn take(&self, patience: Duration) -> Result<Taken<D, P>, Error> {
        let since = Instant::now();
        let state = self.state();
        let mut counts = state.lock();
        loop {
            if self.is_disposed() {
                drop(counts);
                return Err(P::closed());
            }
            let idle = counts.idle.pop();
            let left = P::left(patience, since.elapsed());
            if idle.is_some() || P::has_room(counts.in_use, self.config.max_size) || left.is_zero() && P::has(Defect::Overflow) {
                counts.in_use += u32::from(idle.is_some() || !P::has(Defect::CountedLate));
                return Ok((state, idle));
            }
            if left.is_zero() {
                return Err(Error::new(ErrorKind::TimedOut, "all connections are out"));
            }
            counts = P::wait(|| state.freed.wait_timeout(counts, left)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Frees a place and keeps the session that had it, if it is still good.
    fn take_back(&self, session: Option<P::Session<D>>) {
        if P::serves_nobody() {
            return std::mem::forget(session);
        }
        let state = self.state();
        let mut counts = state.lock();
        // A checkout that reaches this line was counted here, unless a mutant brings an inherited one.
        let freed = if session.is_none() && P::has(Defect::FreedTwice) { 2 } else { 1 };
        counts.in_use = counts.in_use.saturating_sub(freed);
        let wakes = session.is_some() || !P::has(Defect::LostWakeUp);
        let surplus = if self.is_disposed() {
            session
        } else {
            counts.idle.extend(P::kept(session));
            None
        };
        drop(counts);
        if wakes {
            state.freed.notify_one();
        }
        drop(surplus); // with the lock released: closing a session writes
        P::settled();
    }

    /// Closes what is idle, and from now on what is returned.
    fn dispose(&self) {
        let state = self.state();
        let mut counts = state.lock();
        while P::has(Defect::DisposeWaits) && counts.in_use > 0 {
            counts = state.freed.wait(counts).unwrap_or_else(PoisonError::into_inner);
        }
        // Under the lock, so that a waiter sees either this or the call that wakes it.
        self.disposed.store(true, Ordering::Relaxed);
        let idle = std::mem::take(&mut counts.idle);
        drop(counts);
        state.freed.notify_all();
        P::part(idle); // with the lock released
    }

    fn is_disposed(&self) -> bool {
        self.disposed.load(Ordering::Relaxed)
    }
}

/// Where a place was taken, and the session that was idle there.
type Taken<D, P> = (&'static State<D, P>, Option<<P as Planted>::Session<D>>);

impl<D: Driver, P: Planted> State<D, P> {
    fn new(process: P::Process, in_use: u32) -> Self {
        Self { process, counts: Mutex::new(Counts { idle: Vec::new(), in_use }), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Counts<D, P>> {
        // Nothing panics under the lock, and no value under it is ever half changed.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the idle sessions of another process. If a thread held the lock at the fork they stay open in this process until
    /// it ends: that is harmless, as the owner ends a session by saying so.
    fn discard_idle(&self) {
        let idle = self.counts.try_lock().map(|mut counts| std::mem::take(&mut counts.idle));
        idle.into_iter().flatten().for_each(|session| P::discard(session, Act::UsePool));
    }

    /// How many are out. Only a mutant asks, and about a state of which the lock may be held for ever.
    fn in_use(&self) -> u32 {
        self.counts.try_lock().map_or(0, |counts| counts.in_use)
    }
}

/// Makes a session fresh for the next holder. `None`, and closed, if it is of no more use.
fn clean<S: Session>(mut session: S) -> Option<S> {
    (session.reset().is_ok() && !session.is_broken()).then_some(session)
}
