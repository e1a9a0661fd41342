//! Where the server, the tap and the administrator are found.

use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::pool::{Config, Database};
use crate::server::embedded::{Account, Embedded};
use crate::server::{Address, Server};
use crate::tap::Upstream;
use crate::trouble::Trouble;

/// The port in the name of PostgreSQL's socket.
pub(crate) const PORT: u16 = 5432;

pub(crate) fn socket_name(database: Database) -> String {
    match database {
        Database::Postgres => format!(".s.PGSQL.{PORT}"),
        Database::MySql => "mysql.sock".to_owned(),
    }
}

/// How a pool connects to the server itself.
pub(crate) fn direct_config(server: &Server) -> Config {
    let (socket, port) = match &server.address {
        // PostgreSQL's clients want directory and port apart; the name of the socket has both.
        Address::Unix(path) => (path.clone(), path.extension().and_then(|port| port.to_str()?.parse().ok()).unwrap_or(PORT)),
        Address::Tcp(_, port) => (PathBuf::new(), *port),
        Address::Inside => (PathBuf::new(), PORT),
    };
    let (user, password, database) = (server.user.clone(), server.password.clone(), server.name.clone());
    Config { socket, port, user, password, database, max_size: 1 }
}

pub(crate) fn upstream(server: &Server) -> Result<Upstream, Trouble> {
    let (host, port) = match &server.address {
        Address::Unix(path) => return Ok(Upstream::Unix(path.clone())),
        Address::Tcp(host, port) => (host.as_str(), *port),
        Address::Inside => {
            let Server { user, password, name, .. } = server.clone();
            return Ok(Upstream::Embedded(Box::new(Embedded::new(server.database, Account { user, password, name }))));
        }
    };
    let unreachable = |why: String| Trouble::ServerGone(format!("{host}:{port}: {why}"));
    let mut addresses = (host, port).to_socket_addrs().map_err(|error| unreachable(error.to_string()))?;
    addresses.next().map(Upstream::Tcp).ok_or_else(|| unreachable("it has no address".to_owned()))
}

/// The administrator's own connection; none to an embedded server.
pub(super) fn administrator_socket(upstream: &Upstream) -> Result<Option<OwnedFd>, Trouble> {
    let connected = match upstream {
        Upstream::Unix(path) => UnixStream::connect(path).map(Into::into),
        Upstream::Tcp(address) => TcpStream::connect(address).map(Into::into),
        Upstream::Embedded(_) => return Ok(None),
    };
    connected.map(Some).map_err(|error| Trouble::ServerGone(format!("the administrator cannot connect: {error}")))
}
