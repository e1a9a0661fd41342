//! Where the server, the tap and the administrator are found.

use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::pool::{Config, Database};
use crate::server::embedded::{Account, Embedded};
use crate::server::{Address, PORT, Server};
use crate::tap::{Tap, Upstream};
use crate::transport::Transport;
use crate::trouble::Trouble;

pub(crate) fn socket_name(database: Database) -> String {
    match database {
        Database::Postgres => format!(".s.PGSQL.{PORT}"),
        Database::MySql => "mysql.sock".to_owned(),
    }
}

/// How a pool connects to the tap.
pub(crate) fn config(server: &Server, transport: Transport, socket: PathBuf, tap: &Tap) -> Result<Config, Trouble> {
    let direct = server.direct_config();
    let certificate = match transport.shows_frames() {
        true => None,
        false => Some(server.certificate.clone().ok_or_else(|| no_tls(server, transport))?),
    };
    Ok(match tap.port() {
        None => Config { transport, socket, port: PORT, certificate, ..direct },
        Some(port) => Config { transport, socket: PathBuf::new(), host: LOOPBACK.to_owned(), port, certificate, ..direct },
    })
}

/// Where the tap listens, as clients call it.
const LOOPBACK: &str = "127.0.0.1";

fn no_tls(server: &Server, transport: Transport) -> Trouble {
    let cause = format!("poolproof has no certificate of {}; `--server local` starts servers with TLS", server.product);
    Trouble::Transport { transport, cause }
}

/// Where the tap passes things on. The server's own side is as the client's, as far as it offers that: TLS on a Unix socket is not
/// offered by all.
pub(crate) fn upstream(server: &Server, transport: Transport) -> Result<Upstream, Trouble> {
    let tcp = server.tcp.as_ref().filter(|_| !transport.shows_writers());
    let (host, port) = match &server.address {
        Address::Unix(_) | Address::Tcp(..) if tcp.is_some() => tcp.map_or(("", 0), |(host, port)| (host.as_str(), *port)),
        Address::Unix(_) if !Transport::UnixTls.is_offered_by(server.database) && !transport.shows_frames() => {
            return Err(Trouble::Transport {
                transport,
                cause: format!("{} offers no TLS on a Unix socket; name its host and port", server.product),
            });
        }
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
