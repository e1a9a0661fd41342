//! `mobc` with `mobc-postgres` and so the driver `tokio_postgres`.
//!
//! Settings: mobc's own. It has no dispose and no hook for a child, and its documentation does not mention fork.
//!
//! What the sources say (mobc 0.9.0, mobc-postgres 0.9.0, futures-timer 3.0.4):
//! - No process is remembered anywhere, so a child takes inherited idle connections (`mobc/src/lib.rs:447`). Before that the pool
//!   checks them, as `test_on_check_out` is on by default: an empty query (`mobc/src/lib.rs:423`, `mobc-postgres/src/lib.rs:81`).
//! - A return is a task of the runtime (`mobc/src/lib.rs:634`). It writes nothing and resets nothing, and a connection that is known to
//!   be broken goes back, too: `mobc-postgres` has no `validate`.
//! - Time limits are kept by a thread of `futures-timer` (`mobc/src/time.rs:11`, `:41`), one for the whole program, started by the first
//!   of them. A child lacks it: no limit of mobc ever ends there.

use std::time::Duration;

use ::mobc_postgres::PgConnectionManager;
use mobc::Connection as PooledConnection;
use poolproof::asynchronous::{AsyncConnection, AsyncPool};
use poolproof::{Config, Database, Error, ErrorKind, Rows, Transport};
use tokio_postgres::NoTls;

use crate::over_tokio_postgres::{cancel, failure, options, prepared_rows, text_rows};

type Manager = PgConnectionManager<NoTls>;

/// A pool of mobc.
pub struct MobcPostgres(mobc::Pool<Manager>);

/// A connection of it.
pub struct Checkout(PooledConnection<Manager>);

impl AsyncPool for MobcPostgres {
    type Connection = Checkout;
    const DATABASE: Database = Database::Postgres;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    async fn open(config: &Config) -> Result<Self, Error> {
        let manager = Manager::new(options(config), NoTls);
        Ok(Self(mobc::Pool::builder().max_open(config.max_size.into()).build(manager)))
    }

    async fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
        self.0.get_timeout(patience).await.map(Checkout).map_err(|error| {
            let kind = match error {
                mobc::Error::Timeout => ErrorKind::TimedOut,
                mobc::Error::PoolClosed => ErrorKind::Closed,
                mobc::Error::Inner(_) | mobc::Error::BadConn => ErrorKind::Database,
            };
            Error::from_error(kind, &error)
        })
    }
}

impl AsyncConnection for Checkout {
    async fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        text_rows(&self.0, sql).await
    }

    async fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        // Neither mobc nor the driver keeps statements.
        Some(match self.0.prepare(sql).await {
            Ok(statement) => prepared_rows(&self.0, &statement, argument).await,
            Err(error) => Err(failure(&error)),
        })
    }

    async fn cancel(&mut self) -> Option<Result<(), Error>> {
        Some(cancel(&self.0).await)
    }
}
