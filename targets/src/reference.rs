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
//! The mutants are this code with one defect, asked for by [`Planted::has`] where correct code differs.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use poolproof::neutral::{Connection as Session, Driver, Generation, Postgres};
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows};

mod defect;

pub use defect::{Correct, CountersCopied, Defect, Goodbye, GuardOnlyAtCheckout, NoGuard, Planted};

/// The reference pool, or with another `P` a mutant of it.
pub struct ReferencePool<D: Driver = Postgres, P: Planted = Correct> {
    shared: &'static Shared<D, P>,
}

/// A connection that is out. Dropping it returns it.
pub struct Checkout<D: Driver, P: Planted> {
    /// `None` only while it is being opened.
    session: Option<Session<D>>,
    /// Where it is counted.
    state: &'static State<D>,
    shared: &'static Shared<D, P>,
}

/// What a pool and its checkouts share. None of it needs a lock, so a child can read it.
struct Shared<D: Driver, P> {
    config: Config,
    disposed: AtomicBool,
    /// From `Box::into_raw`, and never freed once it is here.
    state: AtomicPtr<State<D>>,
    planted: PhantomData<P>,
}

/// What belongs to one process.
struct State<D: Driver> {
    generation: Generation,
    counts: Mutex<Counts<D>>,
    /// One waiter is told when a place is free or a session idle, all when the pool is disposed.
    freed: Condvar,
}

/// `idle.len() + in_use` never exceeds `max_size`, and only a session that is idle or in use is open.
struct Counts<D: Driver> {
    idle: Vec<Session<D>>,
    in_use: u32,
}

impl<D: Driver, P: Planted> Pool for ReferencePool<D, P> {
    type Connection = Checkout<D, P>;
    const DATABASE: Database = D::DATABASE;

    fn open(config: &Config) -> Result<Self, Error> {
        let generation = Generation::current().map_err(|error| Error::new(ErrorKind::Other, error))?;
        let state = AtomicPtr::new(Box::into_raw(Box::new(State::new(generation, 0))));
        let shared = Shared { config: config.clone(), disposed: AtomicBool::new(false), state, planted: PhantomData };
        Ok(Self { shared: Box::leak(Box::new(shared)) })
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout<D, P>, Error> {
        let shared = self.shared;
        let (state, idle) = shared.take(patience)?;
        // From here on the place is given back when `checkout` is dropped, also if no session can be opened for it.
        let mut checkout = Checkout { session: idle.filter(|session| !session.is_broken()), state, shared };
        if checkout.session.is_none() {
            checkout.session = Some(shared.connect()?);
        }
        Ok(checkout)
    }

    fn dispose(&self) -> Option<Result<(), Error>> {
        self.shared.dispose();
        Some(Ok(()))
    }
}

impl<D: Driver, P: Planted> Drop for ReferencePool<D, P> {
    fn drop(&mut self) {
        self.shared.dispose();
    }
}

impl<D: Driver, P: Planted> Connection for Checkout<D, P> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.session()?.query(sql)
    }

    fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        Some(self.session().and_then(|session| session.prepared(sql, argument)))
    }

    fn cancel(&mut self) -> Option<Result<(), Error>> {
        Some(self.session().and_then(|session| session.cancel()))
    }
}

impl<D: Driver, P: Planted> Checkout<D, P> {
    /// The session, if it may be used here.
    fn session(&mut self) -> Result<&mut Session<D>, Error> {
        if self.inherited() {
            return Err(Error::new(ErrorKind::Refused, "this checkout belongs to the process that made it"));
        }
        self.session.as_mut().ok_or_else(|| Error::new(ErrorKind::Other, "there is no session"))
    }

    /// Whether it crossed a fork.
    fn inherited(&self) -> bool {
        if P::has(Defect::NoGuard) || P::has(Defect::GuardOnlyAtCheckout) {
            return false;
        }
        !self.state.generation.is_current()
    }
}

impl<D: Driver, P: Planted> Drop for Checkout<D, P> {
    fn drop(&mut self) {
        let session = self.session.take();
        if self.inherited() {
            // It is counted in a state that this process has no part in, and must not touch: its lock may be held for ever.
            session.into_iter().for_each(discard_inherited::<D, P>);
        } else {
            // A session that is of no more use is closed before its place is free, so that the server never sees too many.
            self.shared.take_back(session.and_then(clean));
        }
    }
}

impl<D: Driver, P: Planted> Shared<D, P> {
    /// The state of this process. Nothing here waits, so it works in a child whatever other threads did at the fork.
    fn state(&self) -> &'static State<D> {
        loop {
            let installed = self.state.load(Ordering::Acquire);
            // SAFETY: `self.state` holds what `Box::into_raw` gave, and nothing frees a state that was ever installed.
            let state: &'static State<D> = unsafe { &*installed };
            if state.generation.is_current() || P::has(Defect::NoGuard) {
                return state;
            }
            // A state of another process. Of several threads that notice it together one installs its own.
            let Ok(generation) = Generation::current() else { return state }; // never: the pool was opened with one
            let in_use = if P::has(Defect::CountersCopied) { state.in_use() } else { 0 };
            let fresh = Box::into_raw(Box::new(State::new(generation, in_use)));
            if self.state.compare_exchange(installed, fresh, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                state.discard_idle::<P>();
            } else {
                // SAFETY: it comes from `Box::into_raw` above and was not installed: nobody else ever saw it.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }

    /// Takes a place and, if there is one, the session that was idle the shortest.
    fn take(&self, patience: Duration) -> Result<(&'static State<D>, Option<Session<D>>), Error> {
        let since = Instant::now();
        let state = self.state();
        let mut counts = state.lock();
        loop {
            if self.disposed.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Closed, "the pool was disposed"));
            }
            let idle = counts.idle.pop();
            if idle.is_some() || counts.in_use < self.config.max_size {
                counts.in_use += 1;
                return Ok((state, idle));
            }
            let left = patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(Error::new(ErrorKind::TimedOut, "all connections are out"));
            }
            counts = state.freed.wait_timeout(counts, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Frees a place and keeps the session that had it, if it is still good.
    fn take_back(&self, session: Option<Session<D>>) {
        let state = self.state();
        let mut counts = state.lock();
        // A checkout that reaches this line was counted here, unless a mutant brings an inherited one.
        counts.in_use = counts.in_use.saturating_sub(1);
        let surplus = if self.disposed.load(Ordering::Relaxed) {
            session
        } else {
            counts.idle.extend(session);
            None
        };
        drop(counts);
        state.freed.notify_one();
        drop(surplus); // with the lock released: closing a session writes
    }

    /// Closes what is idle, and from now on what is returned.
    fn dispose(&self) {
        let state = self.state();
        let mut counts = state.lock();
        // Under the lock, so that a waiter sees either this or the call that wakes it.
        self.disposed.store(true, Ordering::Relaxed);
        let idle = std::mem::take(&mut counts.idle);
        drop(counts);
        state.freed.notify_all();
        drop(idle); // with the lock released
    }

    fn connect(&self) -> Result<Session<D>, Error> {
        let session = Session::connect(&self.config)?;
        // The driver has a guard of its own, which would cover up for a pool that has none.
        Ok(if P::DEFECT.is_some() { session.without_guard() } else { session })
    }
}

impl<D: Driver> State<D> {
    fn new(generation: Generation, in_use: u32) -> Self {
        Self { generation, counts: Mutex::new(Counts { idle: Vec::new(), in_use }), freed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Counts<D>> {
        // Nothing panics under the lock, and no value under it is ever half changed.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the idle sessions of another process. If a thread held the lock at the fork they stay open in this process until
    /// it ends: that is harmless, as the owner ends a session by saying so.
    fn discard_idle<P: Planted>(&self) {
        let idle = self.counts.try_lock().map(|mut counts| std::mem::take(&mut counts.idle));
        idle.into_iter().flatten().for_each(discard_inherited::<D, P>);
    }

    /// How many are out. Only a mutant asks, and about a state of which the lock may be held for ever.
    fn in_use(&self) -> u32 {
        self.counts.try_lock().map_or(0, |counts| counts.in_use)
    }
}

/// Closes this process's copy of a descriptor. The session is another process's and goes on.
fn discard_inherited<D: Driver, P: Planted>(session: Session<D>) {
    if P::has(Defect::Goodbye) {
        session.close();
    } else {
        session.abandon();
    }
}

/// Makes a session fresh for the next holder. `None`, and closed, if it is of no more use.
fn clean<D: Driver>(mut session: Session<D>) -> Option<Session<D>> {
    (session.reset().is_ok() && !session.is_broken()).then_some(session)
}
