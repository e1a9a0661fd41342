//! diesel with [`r2d2`], over the C clients libpq and libmariadb (or libmysqlclient).
//!
//! Settings: r2d2's own, but `min_idle` 0, or opening would open `max_size` connections; and `build_unchecked`, which waits for
//! none. Transactions are begun and ended by diesel's transaction manager.
//!
//! What is documented: a connection is broken, and is closed when it comes back, "by whether or not the `TransactionManagerStatus` […]
//! is in an `InError` state or contains an open transaction when the connection goes out of scope" (diesel 2.3.14, `src/r2d2.rs:91`).
//! diesel and r2d2 have no dispose and no hook for a child, and do not mention fork. libpq's manual does: "On Unix, forking a process with
//! open libpq connections can lead to unpredictable results because the parent and child processes share the same sockets and
//! operating system resources. For this reason, such usage is not recommended, though doing an `exec` from the child process to
//! load a new executable is safe" (PostgreSQL 15, section 34.1).
//!
//! What the sources say:
//! - No process is remembered anywhere, so a child takes inherited idle connections (`r2d2/src/lib.rs:461`). Before that the pool
//!   checks them, as `test_on_check_out` is on by default (`r2d2/src/config.rs:58`): a statement, `SELECT 1`, written by the child
//!   (`diesel/src/r2d2.rs:292`).
//! - Connections are opened by three threads of the pool (`r2d2/src/config.rs:250`, `lib.rs:235`), which a child lacks.
//! - A return writes nothing: `has_broken` asks the transaction manager (`diesel/src/r2d2.rs:296`). A transaction that SQL began it does
//!   not know.
//! - Dropping a connection says goodbye in whatever process it is dropped: `PQfinish` (`diesel/src/pg/connection/raw.rs:333`) and
//!   `mysql_close` (`diesel/src/mysql/connection/raw.rs:253`).

use std::time::Duration;

use ::diesel::connection::TransactionManager;
use ::diesel::r2d2::{ConnectionManager, Pool, PooledConnection, R2D2Connection};
use ::diesel::result::QueryResult;
use ::diesel::sql_types::Text;
use ::diesel::{MysqlConnection, PgConnection, RunQueryDsl, sql_query};
use poolproof::{Config, Connection, Database, Error, ErrorKind, Rows};

use crate::over_diesel::{TextRow, failure, has_rows, url};

/// A pool of r2d2 with connections of diesel.
pub struct DieselR2d2<C: Client>(Pool<ConnectionManager<C>>);

/// A connection of it.
pub struct Checkout<C: Client>(PooledConnection<ConnectionManager<C>>);

/// One of diesel's connections over a C library.
pub trait Client: R2D2Connection + Send + Sized + 'static {
    /// Which protocol it speaks.
    const DATABASE: Database;

    /// Where the server is.
    fn url(config: &Config) -> String;

    /// Runs a statement for its rows.
    ///
    /// # Errors
    /// Whatever diesel answers.
    fn rows(&mut self, sql: &str, argument: Option<&str>) -> QueryResult<Rows>;

    /// Runs a statement that has none.
    ///
    /// # Errors
    /// Whatever diesel answers.
    fn execute(&mut self, sql: &str) -> QueryResult<usize>;
}

macro_rules! client {
    ($connection:ty, $database:expr, $url:expr) => {
        impl Client for $connection {
            const DATABASE: Database = $database;

            fn url(config: &Config) -> String {
                $url(config)
            }

            fn rows(&mut self, sql: &str, argument: Option<&str>) -> QueryResult<Rows> {
                let rows: Vec<TextRow> = match argument {
                    Some(argument) => sql_query(sql).bind::<Text, _>(argument).load(self),
                    None => sql_query(sql).load(self),
                }?;
                Ok(rows.into_iter().map(|row| row.0).collect())
            }

            fn execute(&mut self, sql: &str) -> QueryResult<usize> {
                sql_query(sql).execute(self)
            }
        }
    };
}

client!(PgConnection, Database::Postgres, |config: &Config| {
    let (directory, port) = (config.socket_dir().to_string_lossy(), config.port.to_string());
    url(config, "postgres", &[("host", &directory), ("port", &port)])
});
client!(MysqlConnection, Database::MySql, |config: &Config| {
    url(config, "mysql", &[("unix_socket", &config.socket.to_string_lossy())])
});

impl<C: Client> poolproof::Pool for DieselR2d2<C> {
    type Connection = Checkout<C>;
    const DATABASE: Database = C::DATABASE;

    fn open(config: &Config) -> Result<Self, Error> {
        let manager = ConnectionManager::new(C::url(config));
        Ok(Self(Pool::builder().max_size(config.max_size).min_idle(Some(0)).build_unchecked(manager)))
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout<C>, Error> {
        // r2d2's one error is that the time ran out; it carries the last failure to connect.
        self.0.get_timeout(patience).map(Checkout).map_err(|error| Error::from_error(ErrorKind::TimedOut, &error))
    }
}

impl<C: Client> Connection for Checkout<C> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        match has_rows(sql) {
            true => self.0.rows(sql, None),
            false => self.0.execute(sql).map(|_| Rows::new()),
        }
        .map_err(|error| failure(&error))
    }

    fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        Some(self.0.rows(sql, Some(argument)).map_err(|error| failure(&error)))
    }

    fn begin(&mut self) -> Result<(), Error> {
        C::TransactionManager::begin_transaction(&mut *self.0).map_err(|error| failure(&error))
    }

    fn commit(&mut self) -> Result<(), Error> {
        C::TransactionManager::commit_transaction(&mut *self.0).map_err(|error| failure(&error))
    }

    fn rollback(&mut self) -> Result<(), Error> {
        C::TransactionManager::rollback_transaction(&mut *self.0).map_err(|error| failure(&error))
    }
}
