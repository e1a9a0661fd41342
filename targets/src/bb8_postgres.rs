//! `bb8` with `bb8-postgres` and so the driver `tokio_postgres`.
//!
//! Settings: bb8's own; `build_unchecked`, which opens nothing as `min_idle` is off by default. bb8 has no dispose and no hook for a
//! child, and its documentation does not mention fork.
//!
//! What the sources say (bb8 0.9.1, bb8-postgres 0.9.0, tokio-postgres 0.7.18):
//! - No process is remembered anywhere, so a child takes inherited idle connections (`bb8/src/inner.rs:90`). Before that the pool
//!   checks them, as `test_on_check_out` is on by default: an empty query (`bb8/src/inner.rs:110`, `bb8-postgres/src/lib.rs:66`).
//! - Connections are opened by tasks of the runtime (`bb8/src/inner.rs:60`), and each is such a task itself
//!   (`bb8-postgres/src/lib.rs:61`). It says goodbye when the connection is dropped (`tokio-postgres/src/connection.rs:215`).
//! - A return writes nothing and resets nothing: `has_broken` looks at a flag (`bb8/src/inner.rs:143`).

use std::time::Duration;

use ::bb8_postgres::PostgresConnectionManager;
use bb8::{PooledConnection, RunError};
use poolproof::asynchronous::{AsyncConnection, AsyncPool};
use poolproof::{Config, Database, Error, ErrorKind, Rows, Transport};
use tokio_postgres::NoTls;

use crate::over_tokio_postgres::{cancel, failure, options, prepared_rows, text_rows};

type Manager = PostgresConnectionManager<NoTls>;

/// A pool of bb8.
pub struct Bb8Postgres(bb8::Pool<Manager>);

/// A connection of it.
pub struct Checkout(PooledConnection<'static, Manager>);

impl AsyncPool for Bb8Postgres {
    type Connection = Checkout;
    const DATABASE: Database = Database::Postgres;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    async fn open(config: &Config) -> Result<Self, Error> {
        let manager = Manager::new(options(config), NoTls);
        Ok(Self(bb8::Pool::builder().max_size(config.max_size).build_unchecked(manager)))
    }

    async fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
        // bb8 has a time limit for the whole pool, none for one checkout.
        let checkout = tokio::time::timeout(patience, self.0.get_owned()).await;
        match checkout.map_err(|late| Error::from_error(ErrorKind::TimedOut, &late))? {
            Ok(connection) => Ok(Checkout(connection)),
            Err(error @ RunError::TimedOut) => Err(Error::from_error(ErrorKind::TimedOut, &error)),
            Err(error) => Err(Error::from_error(ErrorKind::Database, &error)),
        }
    }
}

impl AsyncConnection for Checkout {
    async fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        text_rows(&self.0, sql).await
    }

    async fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        // Neither bb8 nor the driver keeps statements.
        Some(match self.0.prepare(sql).await {
            Ok(statement) => prepared_rows(&self.0, &statement, argument).await,
            Err(error) => Err(failure(&error)),
        })
    }

    async fn cancel(&mut self) -> Option<Result<(), Error>> {
        Some(cancel(&self.0).await)
    }
}
