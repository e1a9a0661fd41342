//! diesel-async over `deadpool`, and so the drivers `tokio_postgres` and `mysql_async`.
//!
//! Settings: deadpool's own, and the patience of a checkout as each of its three time limits. Transactions are begun and ended by
//! diesel-async's transaction manager.
//!
//! What is documented: after `Pool::close` "all current and future tasks waiting for objects will return `PoolError::Closed`
//! immediately", and it "resizes the pool to 0" (deadpool 0.13.1, `src/managed/pool.rs:338`). Of the ways to recycle, `Verified`, the
//! default, "guarantees that the database connection is ready to be used" (diesel-async 0.9.2, `src/pooled_connection/mod.rs:63`). Fork is
//! not mentioned.
//!
//! What the sources say:
//! - No process is remembered anywhere, so a child takes inherited idle connections (`deadpool/src/managed/pool.rs:137`). Before that
//!   it asks the server: `SELECT 1` (`diesel-async/src/pooled_connection/deadpool.rs:57`, `mod.rs:187`).
//! - A return writes nothing and resets nothing (`deadpool/src/managed/pool.rs:455`). A transaction that was left open is found out when
//!   the connection is to be used again, and closes it (`diesel-async/src/pooled_connection/deadpool.rs:55`).
//! - Connections end as they do over bb8: see [`crate::diesel_bb8`].

use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager as Manages, Object, Pool, PoolError, Timeouts};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, PoolError as Failure};
use poolproof::asynchronous::{AsyncPool, Closing};
use poolproof::{Config, Database, Error, ErrorKind};

use crate::over_diesel_async::{Checkout, Client};

type Manager<C> = AsyncDieselConnectionManager<C>;

/// A pool of deadpool with connections of diesel-async.
pub struct DieselDeadpool<C: Client>(Pool<Manager<C>>)
where
    Manager<C>: Manages<Type = C, Error = Failure>;

impl<C: Client> AsyncPool for DieselDeadpool<C>
where
    Manager<C>: Manages<Type = C, Error = Failure>,
{
    type Connection = Checkout<Object<Manager<C>>>;
    const DATABASE: Database = C::DATABASE;

    async fn open(config: &Config) -> Result<Self, Error> {
        let max_size = usize::try_from(config.max_size).map_err(|error| Error::from_error(ErrorKind::Other, &error))?;
        let pool = Pool::builder(Manager::new(C::url(config))).max_size(max_size).runtime(Runtime::Tokio1).build();
        pool.map(Self).map_err(|error| Error::from_error(ErrorKind::Other, &error))
    }

    async fn checkout(&self, patience: Duration) -> Result<Self::Connection, Error> {
        let limits = Timeouts { wait: Some(patience), create: Some(patience), recycle: Some(patience) };
        self.0.timeout_get(&limits).await.map(Checkout).map_err(|error| {
            let kind = match error {
                PoolError::Timeout(_) => ErrorKind::TimedOut,
                PoolError::Closed => ErrorKind::Closed,
                _ => ErrorKind::Database,
            };
            Error::from_error(kind, &error)
        })
    }

    fn dispose(&self) -> Option<Closing> {
        self.0.close();
        Some(Box::pin(async { Ok(()) }))
    }
}
