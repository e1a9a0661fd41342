//! [`r2d2`] with `r2d2_mysql` and so the driver `mysql`.
//!
//! Settings: r2d2's own, but `min_idle` 0, or opening would open `max_size` connections; and `build_unchecked`, which waits for
//! none. r2d2 has no dispose and no hook for a child, and its documentation does not mention fork.
//!
//! What the sources say (r2d2 0.8.10, r2d2_mysql 28.0.0, mysql 28.0.4):
//! - No process is remembered anywhere, so a child takes inherited idle connections (`r2d2/src/lib.rs:461`), after a ping that
//!   the child writes: `test_on_check_out` is on by default (`r2d2/src/config.rs:58`, `r2d2_mysql/src/pool.rs:31`).
//! - Connections are opened by three threads of the pool (`r2d2/src/config.rs:250`, `lib.rs:235`), which a child lacks: its new
//!   connections never come, and `get_timeout` waits to its end (`lib.rs:438`).
//! - A return writes a ping, in whatever process it happens: `has_broken` is `is_valid` (`r2d2_mysql/src/pool.rs:35`). Nothing
//!   is reset: the pool of the driver would do that, r2d2 does not.
//! - Dropping a connection closes its prepared statements and writes COM_QUIT, in whatever process it is dropped
//!   (`mysql/src/conn/mod.rs:1486`).
//! - Without a fork: a connection that comes back broken is discarded, and wakes no waiter (`r2d2/src/lib.rs:501`, `:185`).

use std::time::Duration;

use ::r2d2_mysql::MySqlConnectionManager;
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Transport};
use r2d2::PooledConnection;

use crate::mysql_pool::{options, text_rows};

/// A pool of r2d2.
pub struct R2d2Mysql(r2d2::Pool<MySqlConnectionManager>);

/// A connection of it.
pub struct Checkout(PooledConnection<MySqlConnectionManager>);

impl Pool for R2d2Mysql {
    type Connection = Checkout;
    const DATABASE: Database = Database::MySql;
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix, Transport::Tcp];

    fn open(config: &Config) -> Result<Self, Error> {
        let manager = MySqlConnectionManager::new(options(config));
        Ok(Self(r2d2::Pool::builder().max_size(config.max_size).min_idle(Some(0)).build_unchecked(manager)))
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout, Error> {
        // r2d2's one error is that the time ran out; it carries the last failure to connect.
        self.0.get_timeout(patience).map(Checkout).map_err(|error| Error::from_error(ErrorKind::TimedOut, &error))
    }
}

impl Connection for Checkout {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        text_rows(&mut *self.0, sql)
    }
}
