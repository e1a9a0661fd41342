//! Adapters for pools that need a runtime: [`AsyncPool`] and [`AsyncConnection`], and what puts them on one.
//!
//! An author writes `async fn` and knows nothing of how it is run. [`OnRuntime`] makes a [`Pool`](crate::Pool) of it, in either
//! flavour, [`CurrentThread`] or [`MultiThread`]; each pool that is opened gets a runtime of its own. tokio says that a child "must not
//! reuse Tokio", "even if the runtime in the child is newly created" (tokio 1.54, `src/runtime/mod.rs:243`); here that is for the verdict
//! to say.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! use poolproof::asynchronous::{AsyncConnection, AsyncPool, CurrentThread, MultiThread, OnRuntime};
//! use poolproof::neutral::{Connection, Driver, Postgres};
//! use poolproof::{Config, Database, Error, ErrorKind, Rows, Target};
//! use tokio::sync::{OwnedSemaphorePermit, Semaphore};
//!
//! /// As many permits as there may be connections, and those that are idle.
//! struct MyPool {
//!     config: Config,
//!     permits: Arc<Semaphore>,
//!     idle: Arc<Mutex<Vec<Connection<Postgres>>>>,
//! }
//!
//! struct MyCheckout {
//!     connection: Option<Connection<Postgres>>,
//!     idle: Arc<Mutex<Vec<Connection<Postgres>>>>,
//!     _permit: OwnedSemaphorePermit,
//! }
//!
//! impl AsyncPool for MyPool {
//!     type Connection = MyCheckout;
//!     const DATABASE: Database = Database::Postgres;
//!
//!     async fn open(config: &Config) -> Result<Self, Error> {
//!         let permits = Arc::new(Semaphore::new(config.max_size as usize));
//!         Ok(Self { config: config.clone(), permits, idle: Arc::default() })
//!     }
//!
//!     async fn checkout(&self, patience: Duration) -> Result<MyCheckout, Error> {
//!         let permit = tokio::time::timeout(patience, self.permits.clone().acquire_owned()).await;
//!         let permit = permit.map_err(|late| Error::from_error(ErrorKind::TimedOut, &late))?;
//!         let permit = permit.map_err(|closed| Error::from_error(ErrorKind::Closed, &closed))?;
//!         let idle = self.idle.lock().expect("nothing panics under this lock").pop();
//!         let connection = idle.map_or_else(|| Connection::connect(&self.config), Ok)?;
//!         Ok(MyCheckout { connection: Some(connection), idle: self.idle.clone(), _permit: permit })
//!     }
//! }
//!
//! impl AsyncConnection for MyCheckout {
//!     async fn query(&mut self, sql: &str) -> Result<Rows, Error> {
//!         self.connection.as_mut().expect("it is there until it is dropped").query(sql)
//!     }
//! }
//!
//! impl Drop for MyCheckout {
//!     fn drop(&mut self) {
//!         self.idle.lock().expect("nothing panics under this lock").extend(self.connection.take());
//!     }
//! }
//!
//! let targets = [
//!     Target::of::<OnRuntime<MyPool, CurrentThread>>("my-pool", "my pool, on a runtime without threads"),
//!     Target::of::<OnRuntime<MyPool, MultiThread>>("my-pool-mt", "my pool, on a runtime with threads"),
//! ];
//! # assert_eq!(targets[0].database(), Postgres::DATABASE);
//! ```

mod runtime;

use std::pin::Pin;
use std::time::Duration;

use crate::pool::{Config, Database, Error, Rows};
use crate::transport::Transport;

pub use runtime::{Checkout, CurrentThread, Flavour, MultiThread, OnRuntime};

/// One kind of connection pool that needs a runtime. The counterpart of [`Pool`](crate::Pool).
pub trait AsyncPool: Sized + Send + Sync + 'static {
    /// What a checkout gives.
    type Connection: AsyncConnection;

    /// Which protocol it speaks.
    const DATABASE: Database;

    /// The transports that it can take to its server, of which [`Config::transport`] names one. It is asked for no other.
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix];

    /// Opens a pool of at most `config.max_size` connections; none before the first checkout, if the crate allows that.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn open(config: &Config) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Takes a connection out of the pool and waits at most `patience` for it.
    ///
    /// # Errors
    /// Whatever the crate answers; [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) when the patience ran out.
    fn checkout(&self, patience: Duration) -> impl Future<Output = Result<Self::Connection, Error>> + Send;

    /// The documented way to be done with the pool while others may still hold it. `None`: dropping it is the only way.
    ///
    /// It is called on the runtime, and what it gives is run on it: to its end where nothing is out, and else beside the rest, for it
    /// may wait until everything is back.
    fn dispose(&self) -> Option<Closing> {
        None
    }

    /// The documented hook for a forked child; it may replace `*self`. `None`: there is none. It is called on the runtime.
    fn after_fork(&mut self, _config: &Config) -> Option<Result<(), Error>> {
        None
    }
}

/// What ends when a disposed pool has closed its connections.
pub type Closing = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A connection that was checked out of an [`AsyncPool`]. Dropping it returns it; it is dropped on the runtime.
pub trait AsyncConnection: Send + 'static {
    /// Runs one statement and gives the rows of its answer.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn query(&mut self, sql: &str) -> impl Future<Output = Result<Rows, Error>> + Send;

    /// Runs one statement with one text argument through the crate's prepared statements. `None`: the crate has none.
    fn prepared(&mut self, _sql: &str, _argument: &str) -> impl Future<Output = Option<Result<Rows, Error>>> + Send {
        async { None }
    }

    /// Asks the server to cancel what runs on this connection. `None`: the crate has no such thing.
    fn cancel(&mut self) -> impl Future<Output = Option<Result<(), Error>>> + Send {
        async { None }
    }

    /// Starts a transaction.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn begin(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async { self.query("BEGIN").await.map(drop) }
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn commit(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async { self.query("COMMIT").await.map(drop) }
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn rollback(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async { self.query("ROLLBACK").await.map(drop) }
    }

    /// Returns the connection to its pool.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn give_back(self) -> impl Future<Output = Result<(), Error>> + Send
    where
        Self: Sized,
    {
        async {
            drop(self);
            Ok(())
        }
    }
}
