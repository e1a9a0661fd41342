//! The pool of the crate `mysql_async`.
//!
//! Settings: its own (`reset_connection` is on), but `min` as large as `max`, in place of 10: it opens none ahead, and `min` is how
//! many idle connections it keeps (`src/opts/mod.rs:537`).
//!
//! What is documented (mysql_async 0.37.1, `src/conn/pool/mod.rs`): "you will probably want to await `Pool::disconnect` before dropping
//! the runtime" (`:122`); that "won't resolve until all active connections, taken from it, are dropped or disonnected" (`:203`);
//! "`Pool` must not be shared across independent tokio runtimes" (`:127`). Fork is not mentioned.
//!
//! What the source says (in `src/conn`):
//! - No process is remembered anywhere, so a child takes inherited idle connections (`pool/mod.rs:287`). The check is a write of no
//!   bytes (`io/mod.rs:182`), so the child's first statement is its first byte.
//! - A return sends the connection to a task, the recycler (`pool/mod.rs:210`), which resets it with COM_RESET_CONNECTION
//!   (`pool/recycler.rs:109`, `mod.rs:1298`). The first checkout starts it (`pool/mod.rs:94`).
//! - Connections of a disposed pool say COM_QUIT (`mod.rs:454`).

use std::time::Duration;

use ::mysql_async::prelude::Queryable;
use ::mysql_async::{Conn, DriverError, OptsBuilder, PoolConstraints, PoolOpts, Row, Value};
use poolproof::asynchronous::{AsyncConnection, AsyncPool, Closing};
use poolproof::{Config, Database, Error, ErrorKind, Rows, Transport};

/// A pool of the crate `mysql_async`.
pub struct MysqlAsync(::mysql_async::Pool);

/// A connection of it.
pub struct Checkout(Conn);

impl AsyncPool for MysqlAsync {
    type Connection = Checkout;
    const DATABASE: Database = Database::MySql;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    async fn open(config: &Config) -> Result<Self, Error> {
        let constraints = usize::try_from(config.max_size).ok().and_then(|max| PoolConstraints::new(max, max));
        let constraints = constraints.ok_or_else(|| Error::new(ErrorKind::Other, "max_size must be positive"))?;
        let options = options(config).pool_opts(PoolOpts::default().with_constraints(constraints));
        Ok(Self(::mysql_async::Pool::new(options)))
    }

    async fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
        // It has no time limit of its own.
        let checkout = tokio::time::timeout(patience, self.0.get_conn()).await;
        let checkout = checkout.map_err(|late| Error::from_error(ErrorKind::TimedOut, &late))?;
        checkout.map(Checkout).map_err(|error| failure(&error))
    }

    fn dispose(&self) -> Option<Closing> {
        let pool = self.0.clone();
        Some(Box::pin(async { pool.disconnect().await.map_err(|error| failure(&error)) }))
    }
}

impl AsyncConnection for Checkout {
    async fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        let rows: Vec<Row> = self.0.query(sql).await.map_err(|error| failure(&error))?;
        Ok(texts(rows))
    }

    async fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        let rows: Result<Vec<Row>, _> = self.0.exec(sql, (argument,)).await;
        Some(rows.map(texts).map_err(|error| failure(&error)))
    }
}

fn options(config: &Config) -> OptsBuilder {
    let options = OptsBuilder::default();
    let options = match config.transport {
        Transport::Unix => options.socket(Some(config.socket.to_string_lossy())),
        _ => options.ip_or_hostname(&config.host).tcp_port(config.port),
    };
    options
        // It would leave a loopback TCP connection for the server's own socket, past any tap; said here so that it stays off.
        .prefer_socket(false)
        .user(Some(&config.user))
        .pass(Some(&config.password))
        .db_name(Some(&config.database))
}

fn texts(rows: Vec<Row>) -> Rows {
    rows.into_iter().map(|row| row.unwrap_raw().into_iter().map(|value| value.and_then(text)).collect()).collect()
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true)),
    }
}

fn failure(error: &::mysql_async::Error) -> Error {
    let kind = match error {
        ::mysql_async::Error::Driver(DriverError::PoolDisconnected) => ErrorKind::Closed,
        _ => ErrorKind::Database,
    };
    Error::from_error(kind, error)
}
