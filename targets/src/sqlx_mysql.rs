//! The pool of `sqlx` for MySQL and MariaDB, with sqlx's own driver.
//!
//! Settings: sqlx's own, which open nothing before the first checkout (`connect_lazy_with`); without TLS.
//!
//! The pool is that of [`crate::sqlx_postgres`], and so is what is documented. What the sources say (sqlx-core and sqlx-mysql 0.9.0):
//! the check before a checkout and the one after a return are a COM_PING each (`sqlx-mysql/src/connection/mod.rs:85`), and a new
//! connection sets `sql_mode`, `time_zone` and its names (`sqlx-mysql/src/options/connect.rs:87`).

use std::time::Duration;

use poolproof::asynchronous::{AsyncConnection, AsyncPool, Closing};
use poolproof::{Config, Database, Error, ErrorKind, Rows, Transport};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlRow, MySqlSslMode};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, MySql, MySqlPool, Row};

/// A pool of sqlx.
pub struct SqlxMySql(MySqlPool);

/// A connection of it.
pub struct Checkout(PoolConnection<MySql>);

impl AsyncPool for SqlxMySql {
    type Connection = Checkout;
    const DATABASE: Database = Database::MySql;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    async fn open(config: &Config) -> Result<Self, Error> {
        let options = MySqlConnectOptions::new();
        let options = match config.transport {
            Transport::Unix => options.socket(&config.socket),
            _ => options.host(&config.host).port(config.port),
        };
        let options =
            options.username(&config.user).password(&config.password).database(&config.database).ssl_mode(MySqlSslMode::Disabled);
        Ok(Self(MySqlPoolOptions::new().max_connections(config.max_size).connect_lazy_with(options)))
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
fn texts(rows: Vec<MySqlRow>) -> Result<Rows, sqlx::Error> {
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
