//! diesel-async over `bb8`, and so the drivers `tokio_postgres` and `mysql_async`.
//!
//! Settings: bb8's own; `build_unchecked`, which opens nothing as `min_idle` is off by default. Transactions are begun and ended by
//! diesel-async's transaction manager.
//!
//! What is documented: of the ways to recycle, `Verified`, the default, "guarantees that the database connection is ready to be used"
//! (diesel-async 0.9.2, `src/pooled_connection/mod.rs:63`). There is no dispose and no hook for a child, and fork is not mentioned.
//!
//! What the sources say:
//! - No process is remembered anywhere, so a child takes inherited idle connections (`bb8/src/inner.rs:90`). Before that the pool
//!   checks them, as `test_on_check_out` is on by default: `SELECT 1` (`bb8/src/inner.rs:110`,
//!   `diesel-async/src/pooled_connection/mod.rs:187`).
//! - On PostgreSQL a connection is a task of the runtime (`diesel-async/src/pg/mod.rs:1031`), which ends with a word from the connection
//!   that is dropped (`:334`): the socket is closed without a goodbye. On MySQL the driver says COM_QUIT (`mysql_async` 0.36,
//!   `src/conn/mod.rs`).
//! - A return writes nothing: `has_broken` asks the transaction manager, and one that is open closes the connection
//!   (`diesel-async/src/pooled_connection/bb8.rs:41`).

use std::time::Duration;

use bb8::RunError;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, PoolError};
use poolproof::asynchronous::AsyncPool;
use poolproof::{Config, Database, Error, ErrorKind};

use crate::over_diesel_async::{Checkout, Client};

type Manager<C> = AsyncDieselConnectionManager<C>;

/// A pool of bb8 with connections of diesel-async.
pub struct DieselBb8<C: Client>(bb8::Pool<Manager<C>>)
where
    Manager<C>: bb8::ManageConnection<Connection = C, Error = PoolError>;

impl<C: Client> AsyncPool for DieselBb8<C>
where
    Manager<C>: bb8::ManageConnection<Connection = C, Error = PoolError>,
{
    type Connection = Checkout<bb8::PooledConnection<'static, Manager<C>>>;
    const DATABASE: Database = C::DATABASE;

    async fn open(config: &Config) -> Result<Self, Error> {
        let manager = Manager::new(C::url(config));
        Ok(Self(bb8::Pool::builder().max_size(config.max_size).build_unchecked(manager)))
    }

    async fn checkout(&self, patience: Duration) -> Result<Self::Connection, Error> {
        // bb8 has a time limit for the whole pool, none for one checkout.
        let checkout = tokio::time::timeout(patience, self.0.get_owned()).await;
        match checkout.map_err(|late| Error::from_error(ErrorKind::TimedOut, &late))? {
            Ok(connection) => Ok(Checkout(connection)),
            Err(error @ RunError::TimedOut) => Err(Error::from_error(ErrorKind::TimedOut, &error)),
            Err(error) => Err(Error::from_error(ErrorKind::Database, &error)),
        }
    }
}
