//! The server's side of a session: a connection to a server, or a session of the one inside this process.
//!
//! It knows nothing of frames and of the history.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::Upstream;
use super::refusal::{Reaction, Refused};
use super::side::Side;
use crate::interleaving::Refusal;
use crate::pool::Database;
use crate::server::embedded::{Embedded, Number};

/// The server's side.
pub(super) enum Far {
    /// A connection to it.
    Socket(Side),
    /// A session of the server inside this process.
    Embedded(Inside),
    /// No session: the server does not take it.
    Refused(Refused),
}

/// A session of the server inside this process.
pub(super) struct Inside {
    number: Number,
    /// What the client wrote and the server has not been given.
    pending: Vec<u8>,
    /// The client writes no more.
    closing: bool,
    /// The server has ended the session.
    ended: bool,
}

impl Far {
    /// Connects to the server.
    pub(super) fn connect(upstream: &mut Upstream) -> rustix::io::Result<Self> {
        Ok(match upstream {
            Upstream::Embedded(embedded) => {
                let number = embedded.connect();
                Self::Embedded(Inside { number, pending: Vec::new(), closing: false, ended: false })
            }
            Upstream::Unix(path) => Self::Socket(Side::new(dial_unix(path)?, false)),
            Upstream::Tcp(address) => {
                let (socket, connecting) = dial_tcp(address)?;
                Self::Socket(Side::new(socket, connecting))
            }
        })
    }

    /// A server that does not take the session.
    pub(super) fn refused(how: Refusal, database: Database) -> Self {
        Self::Refused(Refused::new(how, database))
    }

    /// What a server does that does not take the session; `None` of any other.
    pub(super) fn react(&mut self) -> Option<Reaction> {
        match self {
            Self::Refused(refused) => Some(refused.react()),
            Self::Socket(_) | Self::Embedded(_) => None,
        }
    }

    /// Watches it for what the server writes; the embedded one says itself that it has output.
    pub(super) fn watch(&mut self, set: &OwnedFd, key: u64) -> rustix::io::Result<()> {
        match self {
            Self::Socket(side) => side.watch(set, key),
            Self::Embedded(_) | Self::Refused(_) => Ok(()),
        }
    }

    /// The port of this end, over TCP.
    pub(super) fn port(&self) -> Option<u16> {
        match self {
            Self::Socket(side) => side.port(),
            Self::Embedded(_) | Self::Refused(_) => None,
        }
    }

    /// The session of the embedded server.
    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Self::Socket(_) | Self::Refused(_) => None,
            Self::Embedded(inside) => Some(inside.number),
        }
    }

    /// Gives the embedded server what the client wrote.
    pub(super) fn hand_over(&mut self, embedded: &mut Embedded) {
        let Self::Embedded(inside) = self else { return };
        if !inside.pending.is_empty() {
            embedded.received(inside.number, &std::mem::take(&mut inside.pending));
        }
        if std::mem::take(&mut inside.closing) {
            embedded.client_closed(inside.number);
        }
    }

    /// Reads what came on a connection to the server; the embedded one is asked for its output instead.
    pub(super) fn read(&self, scratch: &mut [u8]) -> rustix::io::Result<usize> {
        match self {
            Self::Socket(side) => side.read(scratch),
            Self::Embedded(_) | Self::Refused(_) => Err(Errno::AGAIN),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Socket(side) => side.push(bytes),
            Self::Embedded(inside) if !inside.ended => inside.pending.extend_from_slice(bytes),
            Self::Embedded(_) => {}
            Self::Refused(refused) => refused.hear(bytes),
        }
    }

    pub(super) fn close(&mut self) {
        match self {
            Self::Socket(side) => side.close(),
            Self::Embedded(inside) => inside.closing = true,
            Self::Refused(refused) => refused.close(),
        }
    }

    /// The server writes no more.
    pub(super) fn end(&mut self) {
        match self {
            Self::Socket(side) => side.end(),
            Self::Embedded(inside) => inside.ended = true,
            Self::Refused(refused) => refused.ended = true,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        match self {
            Self::Socket(side) => side.has_ended(),
            Self::Embedded(inside) => inside.ended,
            Self::Refused(refused) => refused.ended,
        }
    }

    /// How many bytes were not passed on.
    pub(super) fn pending(&self) -> usize {
        match self {
            Self::Socket(side) => side.pending(),
            Self::Embedded(inside) => inside.pending.len(),
            Self::Refused(_) => 0,
        }
    }

    /// Whether it is to be read. The embedded server is not: who asks it nothing gets no answers.
    pub(super) fn pause(&mut self, paused: bool) {
        if let Self::Socket(side) = self {
            side.pause(paused);
        }
    }

    /// Writes what can be written now.
    pub(super) fn write(&mut self) {
        if let Self::Socket(side) = self {
            side.write();
        }
    }
}

/// A Unix connect waits for nothing but room in the server's queue.
fn dial_unix(path: &Path) -> rustix::io::Result<OwnedFd> {
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

/// Connects without waiting; says whether the connection is still on its way.
fn dial_tcp(address: &SocketAddr) -> rustix::io::Result<(OwnedFd, bool)> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
    match rustix::net::connect(&socket, address) {
        Ok(()) => Ok((socket, false)),
        Err(Errno::INPROGRESS) => Ok((socket, true)),
        Err(error) => Err(error),
    }
}
