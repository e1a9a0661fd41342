//! One client connection and its session with the server, with the bytes on their way between them.

use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg};
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType};

use super::wire::Wire;
use super::{Identify, TapShim, Upstream};
use crate::history::{Event, Frame, History, SessionId, Witness};
use crate::pool::Database;
use crate::server::embedded::{Embedded, Number};

/// Both sides of a session.
pub(super) struct Link {
    session: SessionId,
    owner: Witness,
    client: Side,
    server: Far,
    wire: Wire,
    announced: Announced,
}

/// The server's side.
enum Far {
    /// A connection to it.
    Socket(Side),
    /// A session of the server inside this process.
    Embedded(Inside),
}

/// A session of the server inside this process.
struct Inside {
    number: Number,
    /// What the client wrote and the server has not been given.
    pending: Vec<u8>,
    /// The client writes no more.
    closing: bool,
    /// The server has ended the session.
    ended: bool,
}

/// What was already said in the history, so that it is said once.
#[derive(Default)]
struct Announced {
    ready: bool,
    cancel: bool,
    desynchronised: bool,
}

/// One socket.
struct Side {
    socket: OwnedFd,
    /// Bytes that are to be written to it.
    pending: Vec<u8>,
    /// Its peer writes no more.
    ended: bool,
    /// Nothing can be written to it any more.
    broken: bool,
    /// It is to be told that nothing more comes, once `pending` is empty.
    closing: bool,
    closed: bool,
    /// It is registered for writability.
    wants_room: bool,
    connecting: bool,
}

impl Side {
    fn new(socket: OwnedFd, connecting: bool) -> Self {
        Self {
            socket,
            pending: Vec::new(),
            ended: false,
            broken: false,
            closing: false,
            closed: false,
            wants_room: false,
            connecting,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.pending.extend_from_slice(bytes);
        }
    }

    fn write(&mut self) {
        let mut written = 0;
        while written < self.pending.len() && !self.broken {
            match rustix::net::send(&self.socket, &self.pending[written..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(sent) => {
                    written += sent;
                    self.connecting = false;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(Errno::NOTCONN) if self.connecting => break,
                Err(_) => self.broken = true,
            }
        }
        self.pending.drain(..written);
        if self.broken {
            self.pending.clear();
        }
        if self.closing && self.pending.is_empty() && !self.closed {
            self.closed = true;
            let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
        }
    }

    /// Writes what can be written now; `key` is its place in the epoll set.
    fn flush(&mut self, set: &OwnedFd, key: u64) {
        self.write();
        let wants_room = !self.pending.is_empty();
        let mut flags = epoll::EventFlags::empty();
        if !self.ended {
            flags |= epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
        }
        if wants_room {
            flags |= epoll::EventFlags::OUT;
        }
        if self.ended && !wants_room {
            // A socket at its end is always readable: it is watched no more.
            let _ = epoll::delete(set, &self.socket);
        } else if wants_room != self.wants_room {
            let _ = epoll::modify(set, &self.socket, epoll::EventData::new_u64(key), flags);
        }
        self.wants_room = wants_room;
    }
}

impl Far {
    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Socket(side) => side.push(bytes),
            Self::Embedded(inside) if !inside.ended => inside.pending.extend_from_slice(bytes),
            Self::Embedded(_) => {}
        }
    }

    fn close(&mut self) {
        match self {
            Self::Socket(side) => side.closing = true,
            Self::Embedded(inside) => inside.closing = true,
        }
    }

    fn has_ended(&self) -> bool {
        match self {
            Self::Socket(side) => side.ended,
            Self::Embedded(inside) => inside.ended,
        }
    }

    fn is_pending(&self) -> bool {
        match self {
            Self::Socket(side) => !side.pending.is_empty(),
            Self::Embedded(inside) => !inside.pending.is_empty(),
        }
    }
}

impl Link {
    /// Takes a client and connects to the server for it.
    pub(super) fn connect(
        session: SessionId,
        owner: Witness,
        client: OwnedFd,
        upstream: &mut Upstream,
        database: Database,
    ) -> rustix::io::Result<Self> {
        let server = match upstream {
            Upstream::Embedded(embedded) => {
                let number = embedded.connect();
                Far::Embedded(Inside { number, pending: Vec::new(), closing: false, ended: false })
            }
            Upstream::Unix(path) => Far::Socket(Side::new(dial_unix(path)?, false)),
            Upstream::Tcp(address) => {
                let (socket, connecting) = dial_tcp(address)?;
                Far::Socket(Side::new(socket, connecting))
            }
        };
        let (client, wire) = (Side::new(client, false), Wire::new(database));
        Ok(Self { session, owner, client, server, wire, announced: Announced::default() })
    }

    pub(super) fn register(&self, set: &OwnedFd, index: u64) -> rustix::io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
        epoll::add(set, &self.client.socket, epoll::EventData::new_u64(index * 2), flags)?;
        match &self.server {
            Far::Socket(side) => epoll::add(set, &side.socket, epoll::EventData::new_u64(index * 2 + 1), flags),
            Far::Embedded(_) => Ok(()),
        }
    }

    /// The session of the embedded server.
    pub(super) fn number(&self) -> Option<Number> {
        match &self.server {
            Far::Socket(_) => None,
            Far::Embedded(inside) => Some(inside.number),
        }
    }

    /// Gives the embedded server what the client wrote.
    pub(super) fn hand_over(&mut self, embedded: &mut Embedded) {
        let Far::Embedded(inside) = &mut self.server else { return };
        if !inside.pending.is_empty() {
            embedded.received(inside.number, &std::mem::take(&mut inside.pending));
        }
        if std::mem::take(&mut inside.closing) {
            embedded.client_closed(inside.number);
        }
    }

    /// Takes what the embedded server wrote.
    pub(super) fn take_answer(&mut self, embedded: &mut Embedded, shim: TapShim, history: &mut History) {
        let Far::Embedded(inside) = &mut self.server else { return };
        let number = inside.number;
        let bytes = embedded.output(number).map(std::mem::take).unwrap_or_default();
        if !bytes.is_empty() {
            self.answered(&bytes, history);
        }
        if embedded.is_over(number) && !self.server.has_ended() {
            embedded.remove(number);
            self.server_closed_now(shim, history);
        }
    }

    /// Takes what the client wrote, each writer's bytes as an event of their own.
    pub(super) fn read_client(&mut self, scratch: &mut [u8], shim: TapShim, who: &dyn Identify, history: &mut History) {
        while !self.client.ended {
            match receive(&self.client.socket, scratch) {
                Ok((0, _)) => self.client_closed(history),
                Ok((read, pid)) => {
                    let writer = if shim.blind { self.owner } else { who.identify(pid) };
                    let mut frames = Vec::new();
                    self.wire.client(&scratch[..read], &mut frames);
                    self.announce(history);
                    history.append(Event::Wrote { session: self.session, writer, bytes: read as u32, frames });
                    self.server.push(&scratch[..read]);
                }
                Err(nix::errno::Errno::EAGAIN) => return,
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => self.client_closed(history),
            }
        }
    }

    fn client_closed(&mut self, history: &mut History) {
        self.client.ended = true;
        self.server.close();
        history.append(Event::ClientClosed { session: self.session });
    }

    /// Takes what the server wrote.
    pub(super) fn read_server(&mut self, scratch: &mut [u8], shim: TapShim, history: &mut History) {
        while let Far::Socket(side) = &mut self.server
            && !side.ended
        {
            match rustix::net::recv(&side.socket, &mut *scratch, rustix::net::RecvFlags::DONTWAIT) {
                Ok((_, 0)) => self.server_closed_now(shim, history),
                Ok((_, read)) => self.answered(&scratch[..read], history),
                Err(Errno::AGAIN) => return,
                Err(Errno::NOTCONN) if side.connecting => return,
                Err(Errno::INTR) => {}
                Err(_) => self.server_closed_now(shim, history),
            }
        }
    }

    fn answered(&mut self, bytes: &[u8], history: &mut History) {
        let mut frames: Vec<Frame> = Vec::new();
        self.wire.server(bytes, &mut frames);
        let in_transaction = self.wire.state().in_transaction;
        history.append(Event::Answered { session: self.session, bytes: bytes.len() as u32, frames, in_transaction });
        self.announce(history);
        self.client.push(bytes);
    }

    /// The client's socket is kept open until the client's own end: a goodbye that comes late is still evidence.
    fn server_closed_now(&mut self, shim: TapShim, history: &mut History) {
        match &mut self.server {
            Far::Socket(side) => side.ended = true,
            Far::Embedded(inside) => inside.ended = true,
        }
        self.client.closing = true;
        history.append(Event::ServerClosed { session: self.session });
        if shim.closes_early {
            self.client_closed(history);
        }
    }

    fn announce(&mut self, history: &mut History) {
        let (session, state) = (self.session, self.wire.state());
        if state.ready && !std::mem::replace(&mut self.announced.ready, state.ready) {
            history.append(Event::Ready { session });
        }
        if state.cancel && !std::mem::replace(&mut self.announced.cancel, state.cancel) {
            history.append(Event::CancelRequested { session });
        }
        if state.desynchronised && !std::mem::replace(&mut self.announced.desynchronised, state.desynchronised) {
            history.append(Event::Desynchronised { session });
        }
    }

    /// Writes what can be written now, and asks to be told when there is room for the rest.
    pub(super) fn flush(&mut self, set: &OwnedFd, index: u64) {
        self.client.flush(set, index * 2);
        if let Far::Socket(side) = &mut self.server {
            side.flush(set, index * 2 + 1);
        }
    }

    /// Both peers have ended, and nothing is left to pass on.
    pub(super) fn is_over(&self) -> bool {
        self.client.ended && self.server.has_ended()
    }

    pub(super) fn server_closed(&self) -> bool {
        self.server.has_ended()
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    pub(super) fn is_busy(&self) -> bool {
        let state = self.wire.state();
        let leaving = state.goodbye || self.client.ended;
        let owes = (leaving || state.owed && !state.desynchronised) && !self.server.has_ended();
        owes || !self.client.pending.is_empty() || self.server.is_pending()
    }
}

/// Reads bytes of one writer, with that writer's pid. The kernel never merges the bytes of two writers into one read.
fn receive(client: &OwnedFd, scratch: &mut [u8]) -> nix::Result<(usize, i32)> {
    let mut space = nix::cmsg_space!(nix::libc::ucred);
    let mut slices = [IoSliceMut::new(scratch)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<UnixAddr>(client.as_fd().as_raw_fd(), &mut slices, Some(&mut space), flags)?;
    let writer = message.cmsgs()?.find_map(|attached| match attached {
        ControlMessageOwned::ScmCredentials(credentials) => Some(credentials.pid()),
        _ => None,
    });
    Ok((message.bytes, writer.unwrap_or(0)))
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
    match rustix::net::connect(&socket, address) {
        Ok(()) => Ok((socket, false)),
        Err(Errno::INPROGRESS) => Ok((socket, true)),
        Err(error) => Err(error),
    }
}
