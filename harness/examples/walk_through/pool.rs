//! A pool with a bug, and with its cure: `Workshop<false>` and `Workshop<true>`.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poolproof::neutral::{self, Generation, Postgres};
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows};

type Session = neutral::Connection<Postgres>;

pub(crate) struct Workshop<const CURED: bool>(Arc<Shared>);

struct Shared {
    config: Config,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    /// The process that all of this belongs to.
    generation: Generation,
    /// A place for each connection that there may be; an empty one is connected when it is checked out.
    free: Vec<Option<Session>>,
}

pub(crate) struct Checkout<const CURED: bool> {
    shared: Arc<Shared>,
    session: Option<Session>,
    generation: Generation,
}

fn generation() -> Result<Generation, Error> {
    Generation::current().map_err(|error| Error::new(ErrorKind::Other, error))
}

fn places(config: &Config) -> Vec<Option<Session>> {
    (0..config.max_size).map(|_| None).collect()
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<const CURED: bool> Workshop<CURED> {
    fn connect(&self) -> Result<Session, Error> {
        // Most drivers have no guard of their own: whoever holds the connection writes.
        Ok(Session::connect(&self.0.config)?.without_guard())
    }

    /// The cure, first part: in a new process every place is free, and what lay in it is left alone.
    fn begin_anew(&self) -> Result<(), Error> {
        let (mut state, generation) = (self.0.state(), generation()?);
        if state.generation != generation {
            state.generation = generation;
            let inherited = std::mem::replace(&mut state.free, places(&self.0.config));
            inherited.into_iter().flatten().for_each(Session::abandon);
        }
        Ok(())
    }
}

impl<const CURED: bool> Drop for Checkout<CURED> {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else {
            self.shared.state().free.push(None);
            self.shared.returned.notify_one();
            return;
        };
        // The cure, second part: what was checked out in another process goes back to no pool, and says no goodbye.
        if CURED && !self.generation.is_current() {
            session.abandon();
            return;
        }
        let session = session.reset().is_ok().then_some(session);
        self.shared.state().free.push(session);
        self.shared.returned.notify_one();
    }
}

/// The cure, third part: a pool that is dropped in another process takes its sessions with it in silence.
impl<const CURED: bool> Drop for Workshop<CURED> {
    fn drop(&mut self) {
        if CURED {
            let _ = self.begin_anew();
        }
    }
}

// From here on: the adapter.

impl<const CURED: bool> Pool for Workshop<CURED> {
    type Connection = Checkout<CURED>;
    const DATABASE: Database = Database::Postgres;

    fn open(config: &Config) -> Result<Self, Error> {
        let state = Mutex::new(State { generation: generation()?, free: places(config) });
        Ok(Self(Arc::new(Shared { config: config.clone(), state, returned: Condvar::new() })))
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout<CURED>, Error> {
        if CURED {
            self.begin_anew()?;
        }
        let waited = self.0.returned.wait_timeout_while(self.0.state(), patience, |state| state.free.is_empty());
        let place = waited.unwrap_or_else(PoisonError::into_inner).0.free.pop();
        let session = place.ok_or_else(|| Error::new(ErrorKind::TimedOut, "every place is taken"))?;
        let mut checkout = Checkout { shared: Arc::clone(&self.0), session, generation: generation()? };
        if checkout.session.is_none() {
            checkout.session = Some(self.connect()?);
        }
        Ok(checkout)
    }
}

impl<const CURED: bool> Connection for Checkout<CURED> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.session.as_mut().ok_or_else(|| Error::new(ErrorKind::Other, "there is no session"))?.query(sql)
    }
}
