//! What the author of an adapter implements: [`Pool`] and [`Connection`], and what they are given.
//!
//! An adapter never asserts anything: it does what it is told and reports what the crate answered.

use std::path::PathBuf;
use std::time::Duration;

use crate::transport::Transport;

/// The protocol that a pool speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// PostgreSQL's protocol, version 3.
    Postgres,
    /// MySQL's client/server protocol, as MySQL and MariaDB speak it.
    MySql,
}

impl Database {
    /// The name in commands and environment variables: `postgres` or `mysql`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }
}

impl std::str::FromStr for Database {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = [Self::Postgres, Self::MySql].into_iter().find(|database| database.name() == word);
        found.ok_or_else(|| format!("expected postgres or mysql, found '{word}'"))
    }
}

/// One kind of connection pool.
pub trait Pool: Sized + Send + Sync + 'static {
    /// What a checkout gives.
    type Connection: Connection;

    /// Which protocol it speaks.
    const DATABASE: Database;

    /// The transports that it can take to its server, of which [`Config::transport`] names one. It is asked for no other.
    const TRANSPORTS: &'static [Transport] = &[Transport::Unix];

    /// Opens a pool of at most `config.max_size` connections; none before the first checkout, if the crate allows that.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn open(config: &Config) -> Result<Self, Error>;

    /// Takes a connection out of the pool and waits at most `patience` for it.
    ///
    /// # Errors
    /// Whatever the crate answers; [`ErrorKind::TimedOut`] when the patience ran out.
    fn checkout(&self, patience: Duration) -> Result<Self::Connection, Error>;

    /// The documented way to be done with the pool while others may still hold it. `None`: dropping it is the only way.
    fn dispose(&self) -> Option<Result<(), Error>> {
        None
    }

    /// The documented hook for a forked child; it may replace `*self`. `None`: there is none.
    fn after_fork(&mut self, _config: &Config) -> Option<Result<(), Error>> {
        None
    }

    /// Drops the runtime that the pool runs on. `None`: it runs on none.
    fn drop_runtime(&mut self) -> Option<Result<(), Error>> {
        None
    }
}

/// A connection that was checked out of a [`Pool`]. Dropping it returns it.
pub trait Connection: Send + 'static {
    /// Runs one statement and gives the rows of its answer.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn query(&mut self, sql: &str) -> Result<Rows, Error>;

    /// Runs one statement with one text argument through the crate's prepared statements. `None`: the crate has none.
    fn prepared(&mut self, _sql: &str, _argument: &str) -> Option<Result<Rows, Error>> {
        None
    }

    /// Asks the server to cancel what runs on this connection. `None`: the crate has no such thing.
    fn cancel(&mut self) -> Option<Result<(), Error>> {
        None
    }

    /// Starts a transaction.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn begin(&mut self) -> Result<(), Error> {
        self.query("BEGIN").map(drop)
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn commit(&mut self) -> Result<(), Error> {
        self.query("COMMIT").map(drop)
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn rollback(&mut self) -> Result<(), Error> {
        self.query("ROLLBACK").map(drop)
    }

    /// Returns the connection to its pool.
    ///
    /// # Errors
    /// Whatever the crate answers.
    fn give_back(self) -> Result<(), Error>
    where
        Self: Sized,
    {
        drop(self);
        Ok(())
    }
}

/// The rows of an answer, each value as text; `None` is SQL's NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// Where the server is and how many connections the pool may open.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Config {
    /// The way to the server, one of [`Pool::TRANSPORTS`]. What is not a Unix socket has no `socket`, and a Unix socket has no `host`.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub transport: Transport,
    /// The Unix socket. PostgreSQL's clients want its directory, see [`Config::socket_dir`]. Empty over TCP.
    pub socket: PathBuf,
    /// The host, over TCP. Empty on a Unix socket.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The port, over TCP; on a Unix socket that in the name of PostgreSQL's (`.s.PGSQL.PORT`).
    pub port: u16,
    /// The certificate, in a file in PEM, by which the server's is known to be right. `None` without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The database.
    pub database: String,
    /// The most connections that the pool may have open.
    pub max_size: u32,
}

impl Config {
    /// The directory of the socket: what PostgreSQL's clients take as host.
    pub fn socket_dir(&self) -> &std::path::Path {
        self.socket.parent().unwrap_or(&self.socket)
    }
}

fn is_usual(transport: &Transport) -> bool {
    *transport == Transport::Unix
}

/// What an operation of a pool answered in place of a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// A hint for messages; never evidence.
    pub kind: ErrorKind,
    /// The crate's own words.
    pub message: String,
}

impl Error {
    /// An error of the given kind with the words of whatever caused it, sources included.
    pub fn new(kind: ErrorKind, cause: impl std::fmt::Display) -> Self {
        Self { kind, message: cause.to_string() }
    }

    /// An error with the words of a standard error and of all its sources.
    pub fn from_error(kind: ErrorKind, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message.push_str(": ");
                message.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self { kind, message }
    }
}

/// What kind of error an operation of a pool answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The patience ran out.
    TimedOut,
    /// The pool refuses to serve a process that did not open it.
    Refused,
    /// The pool was disposed.
    Closed,
    /// The server answered with an error, or the connection to it broke.
    Database,
    /// Anything else.
    Other,
}
