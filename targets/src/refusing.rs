//! A pool that is correct in another way than the reference: it serves the process that opened it and no other.
//!
//! In a child everything that was inherited answers [`ErrorKind::Refused`], and nothing that was inherited is touched: no lock, no
//! place, no session; a checkout that is dropped there closes its descriptor without a byte. So the pool is an ordinary one.
//!
//! **Places.** There are `max_size` places, with a session in them or without. A place is in one hand only: that of the pool, of a
//! checkout, or of a waiter to whom it is on its way. What is returned goes to whoever has waited the longest, and into the pool
//! where nobody waits. Nothing is counted.
//!
//! **Leaks.** What a pool and its checkouts share is never freed, as with the reference.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poolproof::neutral::{Connection as Session, Driver, Generation};
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Transport};

/// The refusing pool.
pub struct RefusingPool<D: Driver> {
    shared: &'static Shared<D>,
}

/// A connection that is out. Dropping it returns it.
pub struct Checkout<D: Driver> {
    /// `None` only while it is being opened, and when it is of no more use.
    session: Option<Session<D>>,
    shared: &'static Shared<D>,
}

struct Shared<D: Driver> {
    opener: Generation,
    config: Config,
    desk: Mutex<Desk<D>>,
}

/// Room for one session, and perhaps the session.
type Place<D> = Option<Session<D>>;

/// Where places are given and taken.
struct Desk<D: Driver> {
    /// The places that nobody has. The last is given first.
    free: Vec<Place<D>>,
    /// Who waits for one, each with a number; there is none while a place is free.
    waiting: VecDeque<(u64, SyncSender<Place<D>>)>,
    /// The number that was given last.
    last: u64,
    disposed: bool,
}

impl<D: Driver> Pool for RefusingPool<D> {
    type Connection = Checkout<D>;
    const DATABASE: Database = D::DATABASE;
    const TRANSPORTS: &'static [Transport] = D::TRANSPORTS;

    fn open(config: &Config) -> Result<Self, Error> {
        let opener = Generation::current().map_err(|error| Error::new(ErrorKind::Other, error))?;
        let free = (0..config.max_size).map(|_| None).collect();
        let desk = Mutex::new(Desk { free, waiting: VecDeque::new(), last: 0, disposed: false });
        Ok(Self { shared: Box::leak(Box::new(Shared { opener, config: config.clone(), desk })) })
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout<D>, Error> {
        self.shared.check()?;
        let session = self.shared.take(patience)?.filter(|session| !session.is_broken());
        // From here on the place is given back when `checkout` is dropped, also if no session can be opened for it.
        let mut checkout = Checkout { session, shared: self.shared };
        if checkout.session.is_none() {
            checkout.session = Some(Session::connect(&self.shared.config)?);
        }
        Ok(checkout)
    }

    fn dispose(&self) -> Option<Result<(), Error>> {
        Some(self.shared.check().map(|()| self.shared.dispose()))
    }
}

impl<D: Driver> Drop for RefusingPool<D> {
    fn drop(&mut self) {
        if self.shared.check().is_ok() {
            self.shared.dispose();
        }
    }
}

impl<D: Driver> Connection for Checkout<D> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.session()?.query(sql)
    }

    fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        Some(self.session().and_then(|session| session.prepared(sql, argument)))
    }

    fn cancel(&mut self) -> Option<Result<(), Error>> {
        Some(self.session().and_then(|session| session.cancel()))
    }

    fn give_back(self) -> Result<(), Error> {
        self.shared.check() // and dropped, which returns it or abandons it
    }
}

impl<D: Driver> Checkout<D> {
    /// The session, if it may be used here.
    fn session(&mut self) -> Result<&mut Session<D>, Error> {
        self.shared.check()?;
        self.session.as_mut().ok_or_else(|| Error::new(ErrorKind::Other, "there is no session"))
    }
}

impl<D: Driver> Drop for Checkout<D> {
    fn drop(&mut self) {
        let session = self.session.take();
        if self.shared.check().is_err() {
            return session.into_iter().for_each(Session::abandon);
        }
        // A session that is of no more use is closed before its place is free, so that the server never sees too many.
        let fresh = session.and_then(|mut session| session.reset().is_ok().then_some(session));
        self.shared.put(fresh);
    }
}

impl<D: Driver> Shared<D> {
    /// That this is the process that opened the pool.
    fn check(&self) -> Result<(), Error> {
        match self.opener.is_current() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Refused, "this pool serves the process that opened it and no other")),
        }
    }

    fn take(&self, patience: Duration) -> Result<Place<D>, Error> {
        let (number, way) = {
            let mut desk = self.desk();
            if desk.disposed {
                return Err(closed());
            }
            if let Some(place) = desk.free.pop() {
                return Ok(place);
            }
            desk.queue()
        };
        match way.recv_timeout(patience) {
            Ok(place) => Ok(place),
            Err(RecvTimeoutError::Disconnected) => Err(closed()),
            Err(RecvTimeoutError::Timeout) => self.leave(number, &way),
        }
    }

    /// The patience of a waiter ran out. A place that was handed to it before it could leave is its own, or it would be lost.
    fn leave(&self, number: u64, way: &Receiver<Place<D>>) -> Result<Place<D>, Error> {
        let mut desk = self.desk();
        desk.waiting.retain(|(other, _)| *other != number);
        let closed = if desk.disposed { closed() } else { Error::new(ErrorKind::TimedOut, "all connections are out") };
        way.try_recv().map_err(|_| closed)
    }

    /// Hands a place on.
    fn put(&self, mut place: Place<D>) {
        let mut desk = self.desk();
        while let Some((_, next)) = desk.waiting.pop_front() {
            // Under the lock, so that a waiter whose patience runs out now finds either its number or the place.
            match next.try_send(place) {
                Ok(()) => return,
                Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) => place = back, // never: there is room for one
            }
        }
        let surplus = if desk.disposed {
            place
        } else {
            desk.free.push(place);
            None
        };
        drop(desk);
        drop(surplus); // with the lock released: closing a session writes
    }

    /// Closes what is free, sends all waiters away, and closes from now on what is returned.
    fn dispose(&self) {
        let mut desk = self.desk();
        desk.disposed = true;
        desk.waiting.clear();
        let free = std::mem::take(&mut desk.free);
        drop(desk);
        drop(free); // with the lock released
    }

    fn desk(&self) -> MutexGuard<'_, Desk<D>> {
        // Nothing panics under the lock, and no value under it is ever half changed.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Driver> Desk<D> {
    /// Takes the last place in the queue: its number, and the way on which a place will come.
    fn queue(&mut self) -> (u64, Receiver<Place<D>>) {
        let (to, way) = sync_channel(1);
        self.last += 1;
        self.waiting.push_back((self.last, to));
        (self.last, way)
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the pool was disposed")
}
