//! Where clients come in: a Unix socket, on which the kernel says who writes, or a port on the loopback, on which nobody does.
//!
//! It knows nothing of what clients say.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, getsockname};

use super::{Identify, holder};
use crate::history::Witness;

/// Where the tap is to listen.
#[derive(Clone, Copy)]
pub(crate) enum Entrance<'a> {
    /// On a Unix socket of this path.
    Socket(&'a Path),
    /// On a free port of the loopback.
    Loopback,
}

/// The listener.
pub(super) struct Listener {
    socket: OwnedFd,
    /// Its port on the loopback.
    port: Option<u16>,
}

/// Clients that have not been accepted yet, at the most.
const WAITING: i32 = 128;
const FLAGS: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

impl Listener {
    pub(super) fn open(entrance: Entrance<'_>) -> rustix::io::Result<Self> {
        let (socket, port) = match entrance {
            Entrance::Socket(path) => {
                let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None)?;
                // On the listener, so that not even the first bytes of a connection come without credentials.
                rustix::net::sockopt::set_socket_passcred(&socket, true)?;
                rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
                (socket, None)
            }
            Entrance::Loopback => {
                let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, FLAGS, None)?;
                rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
                let port = SocketAddrV4::try_from(getsockname(&socket)?)?.port();
                (socket, Some(port))
            }
        };
        rustix::net::listen(&socket, WAITING)?;
        Ok(Self { socket, port })
    }

    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Clients' writes come with the writer's pid.
    pub(super) fn shows_writers(&self) -> bool {
        self.port.is_none()
    }

    pub(super) fn accept(&self) -> rustix::io::Result<OwnedFd> {
        let client = rustix::net::accept_with(&self.socket, FLAGS)?;
        if !self.shows_writers() {
            rustix::net::sockopt::set_tcp_nodelay(&client, true)?;
        }
        Ok(client)
    }

    /// Who has connected. Over TCP it is the eldest of those who have the socket open: whoever is forked later has a copy of it.
    pub(super) fn opener(&self, client: &OwnedFd, who: &dyn Identify) -> Witness {
        match self.shows_writers() {
            true => who.identify(getsockopt(client, PeerCredentials).map_or(0, |credentials| credentials.pid())),
            false => holder::peer_inode(client).map_or(Witness::Unseen, |inode| who.holder(inode)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::fd::AsRawFd;

    use super::super::{Tap, TapShim, Upstream};
    use super::*;
    use crate::history::{Event, History};
    use crate::interleaving::Process;
    use crate::pool::Database;
    use crate::server::embedded::{Account, Embedded};

    /// Knows one socket.
    struct Holder(u32);

    impl Identify for Holder {
        fn identify(&self, _: i32) -> Witness {
            Witness::Stranger
        }

        fn holder(&self, socket: u32) -> Witness {
            if socket == self.0 { Witness::Process(Process::FIRST) } else { Witness::Unseen }
        }
    }

    /// Over TCP it is known who has connected, and not who writes; and what was written has arrived when the tap has caught up.
    #[test]
    fn over_tcp_an_opener_is_known_and_a_writer_is_not() {
        let account = Account { user: "me".to_owned(), password: "secret".to_owned(), name: "db".to_owned() };
        let upstream = Upstream::Embedded(Box::new(Embedded::new(Database::MySql, account)));
        let mut tap = Tap::listen(Entrance::Loopback, Database::MySql, upstream, TapShim::default()).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, tap.port().unwrap())).unwrap();
        let link = std::fs::read_link(format!("/proc/self/fd/{}", client.as_raw_fd())).unwrap();
        let number = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        let who = Holder(number.unwrap());
        let mut history = History::default();
        tap.drain(&who, &mut history).unwrap();
        assert!(matches!(history.events()[0], Event::Opened { owner: Witness::Process(Process::FIRST), .. }), "{history:?}");
        assert!(client.read(&mut [0; 512]).unwrap() > 0, "the server speaks first");
        client.write_all(b"anything").unwrap();
        tap.catch_up(&who, &mut history);
        let wrote = |event: &Event| matches!(event, Event::Wrote { writer: Witness::Unseen, bytes: 8, .. });
        assert!(history.events().iter().any(wrote), "{history:?}");
        drop(client);
        while tap.has_clients() {
            tap.drain(&who, &mut history).unwrap();
        }
        assert!(history.events().iter().any(|event| matches!(event, Event::ClientClosed { .. })));
    }
}
