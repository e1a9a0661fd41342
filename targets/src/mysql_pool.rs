//! The pool of the crate `mysql`.
//!
//! Settings: its own (`reset_connection` and `check_health` are on, `mysql/src/conn/opts/pool_opts.rs:120`), but `min` 0 in place
//! of 10. It has no dispose and no hook for a child, and its documentation does not mention fork.
//!
//! What the source says (mysql 28.0.4, in `src/conn`):
//! - No process is remembered anywhere, so a child takes inherited idle connections (`pool/mod.rs:97`), after a ping that the
//!   child writes (`:118`).
//! - A return resets the connection with COM_RESET_CONNECTION, in whatever process it happens (`pool/mod.rs:230`,
//!   `mod.rs:1409`, `:469`). That ends a transaction that was left open.
//! - Dropping a connection closes its prepared statements and writes COM_QUIT, in whatever process it is dropped
//!   (`mod.rs:1486`). The socket is closed, not shut down.
//! - The count of connections is copied by fork (`pool/inner.rs:66`): what is out at the fork is lost to a child that does not
//!   return it. The lock is held while a connection is opened (`pool/mod.rs:95`, `:110`): a fork during that leaves it
//!   held in the child for ever.
//! - Without a fork: discarding a connection lowers the count and wakes no waiter (`pool/mod.rs:245`, `:120`).

use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{DriverError, OptsBuilder, PoolConstraints, PoolOpts, PooledConn, Row, Value};
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use mysql_common::packets::HandshakePacket;
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Transport};

/// A pool of the crate `mysql`.
pub struct MysqlPool(mysql::Pool);

/// A connection of it.
pub struct Checkout(PooledConn);

impl Pool for MysqlPool {
    type Connection = Checkout;
    const DATABASE: Database = Database::MySql;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    fn open(config: &Config) -> Result<Self, Error> {
        let constraints = usize::try_from(config.max_size).ok().and_then(|max| PoolConstraints::new(0, max));
        let constraints = constraints.ok_or_else(|| Error::new(ErrorKind::Other, "max_size must be positive"))?;
        let pool_options = PoolOpts::default().with_constraints(constraints);
        mysql::Pool::new(options(config).pool_opts(pool_options)).map(Self).map_err(|error| failure(&error))
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
        self.0.try_get_conn(patience).map(Checkout).map_err(|error| failure(&error))
    }
}

impl Connection for Checkout {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        text_rows(&mut self.0, sql)
    }
}

/// Compiles the patterns by which the driver reads a server's version: at their first use, which is the first connection, they would
/// cost each process more than the connection itself.
pub(crate) fn compile_patterns() {
    let (version, scramble, plugin) = (&b"0.0.0"[..], None::<&[u8]>, None::<&[u8]>);
    let (capabilities, status) = (CapabilityFlags::empty(), StatusFlags::empty());
    let greeting = HandshakePacket::new(10, version, 0, [0; 8], scramble, capabilities, 0, status, plugin);
    std::hint::black_box((greeting.server_version_parsed(), greeting.maria_db_server_version_parsed()));
}

/// How the driver is told where the server is.
pub(crate) fn options(config: &Config) -> OptsBuilder {
    let options = OptsBuilder::new();
    let options = match config.transport {
        Transport::Unix => options.socket(Some(config.socket.to_string_lossy())),
        _ => options.ip_or_hostname(Some(&config.host)).tcp_port(config.port),
    };
    options
        // It would leave a loopback TCP connection for the server's own socket, past any tap; said here so that it stays off.
        .prefer_socket(false)
        .user(Some(&config.user))
        .pass(Some(&config.password))
        .db_name(Some(&config.database))
}

/// Runs a statement by the text protocol. A statement without rows gives none.
pub(crate) fn text_rows(connection: &mut impl Queryable, sql: &str) -> Result<Rows, Error> {
    let rows: Vec<Row> = connection.query(sql).map_err(|error| failure(&error))?;
    Ok(rows.into_iter().map(|row| row.unwrap_raw().into_iter().map(|value| value.and_then(text)).collect()).collect())
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true)),
    }
}

fn failure(error: &mysql::Error) -> Error {
    let kind = match error {
        mysql::Error::DriverError(DriverError::Timeout) => ErrorKind::TimedOut,
        _ => ErrorKind::Database,
    };
    Error::from_error(kind, error)
}
