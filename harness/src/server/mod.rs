//! Database servers: private ones from installed programs, and ones that are already there.
//!
//! A `Server` says where a server is and how to log in, and no more: it holds no connection. It must not know what is asked of
//! the server during a run.

pub(crate) mod admin;
#[cfg(feature = "containers")]
pub(crate) mod container;
pub(crate) mod embedded;
mod local;
mod probe;
#[doc(hidden)]
pub mod serve;
mod url;

use std::fmt;
use std::path::PathBuf;

use crate::pool::Database;
use crate::supervisor::Supervisor;
use crate::trouble::Trouble;

pub(crate) use url::from_url;

/// A server that answers.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// The protocol that it speaks.
    pub(crate) database: Database,
    /// Its name and version: `PostgreSQL 15.18`, `MariaDB 10.11.14`, `MySQL 8.4.2`.
    pub(crate) product: String,
    /// Whose it is.
    pub(crate) origin: Origin,
    /// Where it is; its Unix socket, if it has one.
    pub(crate) address: Address,
    /// Its host and port on TCP, where that is known.
    pub(crate) tcp: Option<(String, u16)>,
    /// The user.
    pub(crate) user: String,
    /// The user's password.
    pub(crate) password: String,
    /// The database.
    pub(crate) name: String,
    /// How many more sessions it allowed when it was asked.
    pub(crate) headroom: u32,
    /// The file with its certificate, if it speaks TLS and one is known.
    pub(crate) certificate: Option<PathBuf>,
    /// The file that it logs to.
    pub(crate) log: Option<PathBuf>,
}

/// Whose a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Started for this run, and ended with it; the embedded one too.
    Local,
    /// It was there before, and others may use it.
    Url,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A Unix socket, by its own path.
    Unix(PathBuf),
    /// A host and a port.
    Tcp(String, u16),
    /// Nowhere: each worker has a server of its own inside this process.
    Inside,
}

/// Starts a private server from the programs that are installed, with TLS if that is wanted. It ends with the supervisor.
///
/// # Errors
/// [`Trouble::NoServer`] where none is installed; [`Trouble::Server`], with the end of its log, where it does not start.
pub(crate) fn local(supervisor: &Supervisor, database: Database, encrypted: bool) -> Result<Server, Trouble> {
    match database {
        Database::Postgres => local::postgres::start(supervisor, encrypted),
        Database::MySql => local::mysql::start(supervisor, encrypted),
    }
}

/// Starts a server in a container. It goes with the supervisor.
///
/// # Errors
/// [`Trouble::Engine`] where no container engine answers, [`Trouble::Image`] for an image that is not to be had, [`Trouble::Server`]
/// for one that does not start.
#[cfg(feature = "containers")]
pub(crate) fn in_container(supervisor: &Supervisor, database: Database) -> Result<Server, Trouble> {
    container::start(supervisor, database)
}

/// Nothing here knows a container engine.
///
/// # Errors
/// Always [`Trouble::WithoutContainers`].
#[cfg(not(feature = "containers"))]
pub(crate) fn in_container(_supervisor: &Supervisor, _database: Database) -> Result<Server, Trouble> {
    Err(Trouble::WithoutContainers)
}

/// The server inside this process: nothing is started for it.
pub(crate) fn embedded(database: Database) -> Server {
    let product = match database {
        Database::Postgres => "the embedded PostgreSQL server",
        Database::MySql => "the embedded MySQL server",
    };
    Server {
        database,
        product: product.to_owned(),
        origin: Origin::Local,
        address: Address::Inside,
        tcp: None,
        user: "poolproof".to_owned(),
        password: "secret".to_owned(),
        name: "poolproof".to_owned(),
        headroom: u32::MAX,
        certificate: None,
        log: None,
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Inside => f.write_str("inside poolproof"),
        }
    }
}

/// Without the password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { product, origin, address, user, name, .. } = self;
        write!(f, "Server({product}, {origin:?}, {address}, user {user}, database {name})")
    }
}
