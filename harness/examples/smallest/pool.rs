//! A pool in a few lines, and its adapter below.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use poolproof::neutral::{self, Postgres};
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows};

type Session = neutral::Connection<Postgres>;

/// A place for each connection that there may be; an empty one is connected when it is checked out.
pub(crate) struct Smallest(Arc<Places>);

struct Places {
    config: Config,
    free: Mutex<Vec<Option<Session>>>,
    returned: Condvar,
}

/// Whoever holds it holds its place.
pub(crate) struct Checkout {
    places: Arc<Places>,
    session: Option<Session>,
}

impl Drop for Checkout {
    fn drop(&mut self) {
        // As fresh as a new one, or not at all.
        let session = self.session.take().and_then(|mut session| session.reset().ok().map(|()| session));
        self.places.free.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        self.places.returned.notify_one();
    }
}

// From here on: the adapter.

impl Pool for Smallest {
    type Connection = Checkout;
    const DATABASE: Database = Database::Postgres;

    fn open(config: &Config) -> Result<Self, Error> {
        let free = Mutex::new((0..config.max_size).map(|_| None).collect());
        Ok(Self(Arc::new(Places { config: config.clone(), free, returned: Condvar::new() })))
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
        let free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.returned.wait_timeout_while(free, patience, |free| free.is_empty());
        let place = waited.unwrap_or_else(PoisonError::into_inner).0.pop();
        let Some(session) = place else { return Err(Error::new(ErrorKind::TimedOut, "every place is taken")) };
        let mut checkout = Checkout { places: Arc::clone(&self.0), session };
        if checkout.session.is_none() {
            checkout.session = Some(Session::connect(&self.0.config)?);
        }
        Ok(checkout)
    }
}

impl Connection for Checkout {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.session.as_mut().ok_or_else(|| Error::new(ErrorKind::Other, "there is no session"))?.query(sql)
    }
}
