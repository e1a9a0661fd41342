//! No pool at all, as a measure for the pools: each checkout opens a connection of the driver `postgres` or `mysql`, each return
//! closes it. What fails here fails by the driver's fault, or because a program shares a connection with its child.
//!
//! A count bounds how many are out, and is copied by fork: what was out at the fork is lost to a child that does not return it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Transport};
use postgres::NoTls;

use crate::{mysql_pool, r2d2_postgres};

/// What opens a connection, and how it is asked.
pub trait Client: Sized + Send + 'static {
    /// Which protocol it speaks.
    const DATABASE: Database;

    /// Opens a connection.
    ///
    /// # Errors
    /// Whatever the driver answers.
    fn connect(config: &Config) -> Result<Self, Error>;

    /// Runs one statement.
    ///
    /// # Errors
    /// Whatever the driver answers.
    fn ask(&mut self, sql: &str) -> Result<Rows, Error>;
}

impl Client for postgres::Client {
    const DATABASE: Database = Database::Postgres;

    fn connect(config: &Config) -> Result<Self, Error> {
        r2d2_postgres::options(config).connect(NoTls).map_err(|error| Error::from_error(ErrorKind::Database, &error))
    }

    fn ask(&mut self, sql: &str) -> Result<Rows, Error> {
        r2d2_postgres::text_rows(self, sql)
    }
}

impl Client for mysql::Conn {
    const DATABASE: Database = Database::MySql;

    fn connect(config: &Config) -> Result<Self, Error> {
        Self::new(mysql_pool::options(config)).map_err(|error| Error::from_error(ErrorKind::Database, &error))
    }

    fn ask(&mut self, sql: &str) -> Result<Rows, Error> {
        mysql_pool::text_rows(self, sql)
    }
}

/// Nothing but a count.
pub struct NoPool<C: Client> {
    config: Config,
    places: Arc<Places>,
    client: std::marker::PhantomData<fn() -> C>,
}

/// A connection. Dropping it closes it.
pub struct Checkout<C: Client> {
    // Closed first, so that there are never more than there may be.
    client: C,
    _place: Place,
}

/// How many connections may still be opened.
struct Places {
    free: Mutex<u32>,
    returned: Condvar,
}

/// Room for one connection.
struct Place(Arc<Places>);

impl<C: Client> Pool for NoPool<C> {
    type Connection = Checkout<C>;
    const DATABASE: Database = C::DATABASE;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    fn open(config: &Config) -> Result<Self, Error> {
        let places = Places { free: Mutex::new(config.max_size), returned: Condvar::new() };
        Ok(Self { config: config.clone(), places: Arc::new(places), client: std::marker::PhantomData })
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout<C>, Error> {
        let place = self.places.take(patience).ok_or_else(|| Error::new(ErrorKind::TimedOut, "all connections are out"))?;
        Ok(Checkout { client: C::connect(&self.config)?, _place: place })
    }
}

impl<C: Client> Connection for Checkout<C> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.client.ask(sql)
    }
}

impl Places {
    fn take(self: &Arc<Self>, patience: Duration) -> Option<Place> {
        let waited = self.returned.wait_timeout_while(self.free(), patience, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Place(self.clone()))
    }

    fn free(&self) -> MutexGuard<'_, u32> {
        // Nothing panics under the lock.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.free() += 1;
        self.0.returned.notify_one();
    }
}
