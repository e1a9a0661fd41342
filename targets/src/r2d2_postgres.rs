//! [`r2d2`] with `r2d2_postgres` and so the driver `postgres`, which is `tokio_postgres` on a runtime of its own.
//!
//! Settings: r2d2's own, but `min_idle` 0, or opening would open `max_size` connections; and `build_unchecked`, which waits for
//! none. r2d2 has no dispose and no hook for a child, and its documentation does not mention fork.
//!
//! What the sources say (r2d2 0.8.10, r2d2_postgres 0.18.2, postgres 0.19.14, tokio-postgres 0.7.18):
//! - No process is remembered anywhere, so a child takes inherited idle connections (`r2d2/src/lib.rs:461`). Before that the
//!   pool checks them, as `test_on_check_out` is on by default (`r2d2/src/config.rs:58`): an empty query, written by the child
//!   (`r2d2_postgres/src/lib.rs:71`).
//! - Connections are opened by three threads of the pool (`r2d2/src/config.rs:250`, `lib.rs:235`), which a child lacks: its new
//!   connections never come, and `get_timeout` waits to its end (`lib.rs:438`).
//! - A return writes nothing and resets nothing: `has_broken` looks at a flag (`r2d2_postgres/src/lib.rs:75`), and r2d2 puts the
//!   connection back, open transaction and all (`r2d2/src/lib.rs:489`).
//! - Dropping a connection says goodbye in whatever process it is dropped: `Drop for Client` (`postgres/src/client.rs:18`) runs
//!   the connection until it has written Terminate (`tokio-postgres/src/connection.rs:217`) and called `shutdown(2)` (`:281`).
//!   Each has a current-thread runtime (`postgres/src/config.rs:460`), and so an epoll that parent and child share.
//! - Without a fork: a connection that comes back broken is discarded, and wakes no waiter (`r2d2/src/lib.rs:501`, `:185`).

use std::time::Duration;

use ::r2d2_postgres::PostgresConnectionManager;
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Transport};
use postgres::{Client, NoTls, SimpleQueryMessage};
use r2d2::PooledConnection;

type Manager = PostgresConnectionManager<NoTls>;

/// A pool of r2d2.
pub struct R2d2Postgres(r2d2::Pool<Manager>);

/// A connection of it.
pub struct Checkout(PooledConnection<Manager>);

impl Pool for R2d2Postgres {
    type Connection = Checkout;
    const DATABASE: Database = Database::Postgres;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    fn open(config: &Config) -> Result<Self, Error> {
        let manager = Manager::new(options(config), NoTls);
        Ok(Self(r2d2::Pool::builder().max_size(config.max_size).min_idle(Some(0)).build_unchecked(manager)))
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
        // r2d2's one error is that the time ran out; it carries the last failure to connect.
        self.0.get_timeout(patience).map(Checkout).map_err(|error| Error::from_error(ErrorKind::TimedOut, &error))
    }
}

impl Connection for Checkout {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        text_rows(&mut self.0, sql)
    }
}

/// How the driver is told where the server is.
pub(crate) fn options(config: &Config) -> postgres::Config {
    let mut options = postgres::Config::new();
    match config.transport {
        Transport::Unix => options.host_path(config.socket_dir()),
        _ => options.host(&config.host),
    };
    options.port(config.port);
    options.user(&config.user).password(&config.password).dbname(&config.database);
    options
}

/// Runs a statement by the simple protocol.
pub(crate) fn text_rows(client: &mut Client, sql: &str) -> Result<Rows, Error> {
    let messages = client.simple_query(sql).map_err(|error| Error::from_error(ErrorKind::Database, &error))?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    });
    Ok(rows.collect())
}
