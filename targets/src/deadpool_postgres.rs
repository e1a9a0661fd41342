//! `deadpool-postgres` and so the driver `tokio_postgres`, with each of its ways to look at a connection before it is used again.
//!
//! Settings: deadpool's own, and the patience of a checkout as each of its three time limits.
//!
//! What is documented: after `Pool::close` "all current and future tasks waiting for objects will return `PoolError::Closed`
//! immediately", and it "resizes the pool to 0" (deadpool 0.13.1, `src/managed/pool.rs:338`). Of the ways to recycle, `Fast`, the
//! default, is "a safe choice", `Verified` "guarantees that the database connection is ready to be used", `Clean` "guarantees a
//! pristine connection" (deadpool-postgres 0.14.2, `src/config.rs:311`, `:319`, `:330`). Fork is not mentioned.
//!
//! What the sources say:
//! - No process is remembered anywhere, so a child takes inherited idle connections (`deadpool/src/managed/pool.rs:137`). `Fast` asks a
//!   flag (`deadpool-postgres/src/lib.rs:156`), and the child's first statement is its first byte; the others ask the server.
//! - A return writes nothing and resets nothing (`deadpool/src/managed/pool.rs:455`).
//! - A connection is a task of the runtime (`deadpool-postgres/src/lib.rs:221`). Dropping a connection aborts it (`:311`): the socket is
//!   closed without a goodbye.

use std::marker::PhantomData;
use std::time::Duration;

use ::deadpool_postgres::{Client, Manager, ManagerConfig, PoolError, RecyclingMethod, Runtime, Timeouts};
use poolproof::asynchronous::{AsyncConnection, AsyncPool, Closing};
use poolproof::{Config, Database, Error, ErrorKind, Rows, Transport};
use tokio_postgres::NoTls;

use crate::over_tokio_postgres::{cancel, failure, options, prepared_rows, text_rows};

/// A pool of deadpool.
pub struct DeadpoolPostgres<M: Method>(::deadpool_postgres::Pool, PhantomData<M>);

/// A connection of it.
pub struct Checkout(Client);

/// What deadpool does with a connection before it is used again.
pub trait Method: Send + Sync + 'static {
    /// Its name for it.
    const METHOD: RecyclingMethod;
}

/// It looks whether the connection is known to be closed.
pub enum Fast {}
/// It asks the server, too.
pub enum Verified {}
/// It clears the session with a number of statements.
pub enum Clean {}

impl Method for Fast {
    const METHOD: RecyclingMethod = RecyclingMethod::Fast;
}

impl Method for Verified {
    const METHOD: RecyclingMethod = RecyclingMethod::Verified;
}

impl Method for Clean {
    const METHOD: RecyclingMethod = RecyclingMethod::Clean;
}

impl<M: Method> AsyncPool for DeadpoolPostgres<M> {
    type Connection = Checkout;
    const DATABASE: Database = Database::Postgres;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    async fn open(config: &Config) -> Result<Self, Error> {
        let manager = Manager::from_config(options(config), NoTls, ManagerConfig { recycling_method: M::METHOD });
        let max_size = usize::try_from(config.max_size).map_err(|error| Error::from_error(ErrorKind::Other, &error))?;
        let pool = ::deadpool_postgres::Pool::builder(manager).max_size(max_size).runtime(Runtime::Tokio1).build();
        pool.map(|pool| Self(pool, PhantomData)).map_err(|error| Error::from_error(ErrorKind::Other, &error))
    }

    async fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
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

impl AsyncConnection for Checkout {
    async fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        text_rows(&self.0, sql).await
    }

    async fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        Some(match self.0.prepare_cached(sql).await {
            Ok(statement) => prepared_rows(&self.0, &statement, argument).await,
            Err(error) => Err(failure(&error)),
        })
    }

    async fn cancel(&mut self) -> Option<Result<(), Error>> {
        Some(cancel(&self.0).await)
    }
}
