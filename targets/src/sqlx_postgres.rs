//! The pool of `sqlx` for PostgreSQL, with sqlx's own driver.
//!
//! Settings: sqlx's own, which open nothing before the first checkout (`connect_lazy_with`); without TLS.
//!
//! What is documented (sqlx-core 0.9.0, `src/pool/mod.rs`): `close().await` is recommended, as "dropping the last `Pool` handle may not
//! immediately clean up connections by itself" (`:139`); "it will first close any idle connections currently waiting in the pool, then
//! wait for all checked-out connections" (`:428`). Fork is not mentioned.
//!
//! What the sources say:
//! - No process is remembered anywhere, so a child takes inherited idle connections (`sqlx-core/src/pool/inner.rs:196`). Before that
//!   the pool checks them, as `test_before_acquire` is on by default: a Sync (`:475`, `sqlx-postgres/src/connection/mod.rs:186`).
//! - A return is a task of the runtime, which writes a Sync and resets nothing (`sqlx-core/src/pool/connection.rs:208`, `:314`).
//! - `close` waits for what is out first, and closes what is idle then (`sqlx-core/src/pool/inner.rs:110`), other than it says.
//! - A connection that is dropped with its pool closes its socket without a goodbye.

use std::time::Duration;

use poolproof::asynchronous::{AsyncConnection, AsyncPool, Closing};
use poolproof::{Config, Database, Error, ErrorKind, Rows, Transport};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow, PgSslMode};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row};

/// A pool of sqlx.
pub struct SqlxPostgres(PgPool);

/// A connection of it.
pub struct Checkout(PoolConnection<Postgres>);

impl AsyncPool for SqlxPostgres {
    type Connection = Checkout;
    const DATABASE: Database = Database::Postgres;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    async fn open(config: &Config) -> Result<Self, Error> {
        let options = PgConnectOptions::new_without_pgpass();
        let options = match config.transport {
            Transport::Unix => options.socket(config.socket_dir()),
            _ => options.host(&config.host),
        };
        let options = options
            .port(config.port)
            .username(&config.user)
            .password(&config.password)
            .database(&config.database)
            .ssl_mode(PgSslMode::Disable);
        Ok(Self(PgPoolOptions::new().max_connections(config.max_size).connect_lazy_with(options)))
    }

    async fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
        // sqlx has a time limit for the whole pool, none for one checkout.
        let checkout = tokio::time::timeout(patience, self.0.acquire()).await;
        let checkout = checkout.map_err(|late| Error::from_error(ErrorKind::TimedOut, &late))?;
        checkout.map(Checkout).map_err(|error| failure(&error))
    }

    fn dispose(&self) -> Option<Closing> {
        let pool = self.0.clone();
        Some(Box::pin(async move {
            pool.close().await;
            Ok(())
        }))
    }
}

impl AsyncConnection for Checkout {
    async fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *self.0).await;
        rows.and_then(texts).map_err(|error| failure(&error))
    }

    async fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(argument).fetch_all(&mut *self.0).await;
        Some(rows.and_then(texts).map_err(|error| failure(&error)))
    }
}

/// Whatever type the server gives a column, its text is asked for.
fn texts(rows: Vec<PgRow>) -> Result<Rows, sqlx::Error> {
    rows.iter().map(|row| (0..row.len()).map(|column| row.try_get_unchecked(column)).collect()).collect()
}

fn failure(error: &sqlx::Error) -> Error {
    let kind = match error {
        sqlx::Error::PoolTimedOut => ErrorKind::TimedOut,
        sqlx::Error::PoolClosed => ErrorKind::Closed,
        _ => ErrorKind::Database,
    };
    Error::from_error(kind, error)
}
