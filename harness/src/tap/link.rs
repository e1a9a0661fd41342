//! One client connection and its upstream connection, with the bytes on their way between them.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg};
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType};

use super::wire::Wire;
use super::{Identify, TapShim, Upstream};
use crate::history::{Event, Frame, History, SessionId, Witness};
use crate::pool::Database;

/// Both sides of a session.
pub(super) struct Link {
    session: SessionId,
    owner: Witness,
    client: Side,
    server: Side,
    wire: Wire,
    announced: Announced,
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
}

impl Link {
    /// Takes a client and connects to the server for it.
    pub(super) fn connect(
        session: SessionId,
        owner: Witness,
        client: OwnedFd,
        upstream: &Upstream,
        database: Database,
    ) -> rustix::io::Result<Self> {
        let (server, connecting) = dial(upstream)?;
        Ok(Self {
            session,
            owner,
            client: Side::new(client, false),
            server: Side::new(server, connecting),
            wire: Wire::new(database),
            announced: Announced::default(),
        })
    }

    pub(super) fn register(&self, set: &OwnedFd, index: u64) -> rustix::io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
        epoll::add(set, &self.client.socket, epoll::EventData::new_u64(index * 2), flags)?;
        epoll::add(set, &self.server.socket, epoll::EventData::new_u64(index * 2 + 1), flags)
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
        self.server.closing = true;
        history.append(Event::ClientClosed { session: self.session });
    }

    /// Takes what the server wrote.
    pub(super) fn read_server(&mut self, scratch: &mut [u8], shim: TapShim, history: &mut History) {
        while !self.server.ended {
            match rustix::net::recv(&self.server.socket, &mut *scratch, rustix::net::RecvFlags::DONTWAIT) {
                Ok((_, 0)) => self.server_closed_now(shim, history),
                Ok((_, read)) => {
                    let mut frames: Vec<Frame> = Vec::new();
                    self.wire.server(&scratch[..read], &mut frames);
                    let in_transaction = self.wire.state().in_transaction;
                    history.append(Event::Answered { session: self.session, bytes: read as u32, frames, in_transaction });
                    self.announce(history);
                    self.client.push(&scratch[..read]);
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::NOTCONN) if self.server.connecting => return,
                Err(Errno::INTR) => {}
                Err(_) => self.server_closed_now(shim, history),
            }
        }
    }

    /// The client's socket is kept open until the client's own end: a goodbye that comes late is still evidence.
    fn server_closed_now(&mut self, shim: TapShim, history: &mut History) {
        self.server.ended = true;
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
        for (side, key) in [(&mut self.client, index * 2), (&mut self.server, index * 2 + 1)] {
            side.write();
            let wants_room = !side.pending.is_empty();
            let mut flags = epoll::EventFlags::empty();
            if !side.ended {
                flags |= epoll::EventFlags::IN | epoll::EventFlags::RDHUP;
            }
            if wants_room {
                flags |= epoll::EventFlags::OUT;
            }
            if side.ended && !wants_room {
                // A socket at its end is always readable: it is watched no more.
                let _ = epoll::delete(set, &side.socket);
            } else if wants_room != side.wants_room {
                let _ = epoll::modify(set, &side.socket, epoll::EventData::new_u64(key), flags);
            }
            side.wants_room = wants_room;
        }
    }

    /// Both peers have ended, and nothing is left to pass on.
    pub(super) fn is_over(&self) -> bool {
        self.client.ended && self.server.ended
    }

    pub(super) fn server_closed(&self) -> bool {
        self.server.ended
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    pub(super) fn is_busy(&self) -> bool {
        let state = self.wire.state();
        let leaving = state.goodbye || self.client.ended;
        let owes = (leaving || state.owed && !state.desynchronised) && !self.server.ended;
        owes || !self.client.pending.is_empty() || !self.server.pending.is_empty()
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

/// Connects without waiting; says whether the connection is still on its way.
fn dial(upstream: &Upstream) -> rustix::io::Result<(OwnedFd, bool)> {
    let flags = SocketFlags::CLOEXEC;
    match upstream {
        Upstream::Unix(path) => {
            // A Unix connect waits for nothing but room in the server's queue.
            let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            rustix::net::connect(&socket, &SocketAddrUnix::new(path.as_path())?)?;
            rustix::io::ioctl_fionbio(&socket, true)?;
            Ok((socket, false))
        }
        Upstream::Tcp(address) => {
            let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let socket = rustix::net::socket_with(family, SocketType::STREAM, flags | SocketFlags::NONBLOCK, None)?;
            match rustix::net::connect(&socket, address) {
                Ok(()) => Ok((socket, false)),
                Err(Errno::INPROGRESS) => Ok((socket, true)),
                Err(error) => Err(error),
            }
        }
    }
}
