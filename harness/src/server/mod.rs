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

use crate::choice::Pooling;
use crate::pool::{Config, Database};
use crate::supervisor::Supervisor;
use crate::transport::Transport;
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
    /// What is behind it, if it is a pooler.
    pub(crate) pooler: Option<Pooler>,
}

/// That a server is a pooler, which has another one behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pooler {
    /// Where the server behind it is, which is asked by the administrator.
    pub(crate) behind: Address,
    /// For how long a client has a session of that server to itself.
    pub(crate) pooling: Pooling,
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

/// Starts a private PgBouncer before a private PostgreSQL. Both end with the supervisor.
///
/// # Errors
/// As [`local`].
pub(crate) fn pgbouncer(supervisor: &Supervisor, pooling: Pooling) -> Result<Server, Trouble> {
    local::pgbouncer::start(supervisor, pooling)
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
        pooler: None,
    }
}

/// The port in the name of PostgreSQL's socket, where nobody says another one.
pub(crate) const PORT: u16 = 5432;

impl Server {
    /// How a pool connects to the server itself.
    pub(crate) fn direct_config(&self) -> Config {
        let (socket, port) = match &self.address {
            // PostgreSQL's clients want directory and port apart; the name of the socket has both.
            Address::Unix(path) => (path.clone(), path.extension().and_then(|port| port.to_str()?.parse().ok()).unwrap_or(PORT)),
            Address::Tcp(_, port) => (PathBuf::new(), *port),
            Address::Inside => (PathBuf::new(), PORT),
        };
        let (user, password, database) = (self.user.clone(), self.password.clone(), self.name.clone());
        let (transport, host, certificate) = (Transport::Unix, String::new(), None);
        Config { transport, socket, host, port, certificate, user, password, database, max_size: 1 }
    }

    /// The server that has the tables: this one, or the one behind it.
    pub(crate) fn administered(&self) -> Self {
        let address = self.pooler.as_ref().map_or(&self.address, |pooler| &pooler.behind);
        Self { address: address.clone(), pooler: None, ..self.clone() }
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
