//! One socket of a session, with the bytes that wait until there is room for them.
//!
//! It knows nothing of frames and of the history.

use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use super::holder;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixAddr, recvmsg};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, getsockname};

/// One socket.
pub(super) struct Side {
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
    /// What it writes cannot be passed on: it is not read.
    paused: bool,
    /// What it is watched for; what is watched for nothing is not in the epoll set.
    watched: epoll::EventFlags,
    connecting: bool,
}

impl Side {
    pub(super) fn new(socket: OwnedFd, connecting: bool) -> Self {
        Self {
            socket,
            pending: Vec::new(),
            ended: false,
            broken: false,
            closing: false,
            closed: false,
            paused: false,
            watched: epoll::EventFlags::empty(),
            connecting,
        }
    }

    /// Reads bytes of one writer, with that writer's pid. The kernel never merges the bytes of two writers into one read.
    pub(super) fn receive(&self, scratch: &mut [u8]) -> nix::Result<(usize, i32)> {
        let mut space = nix::cmsg_space!(nix::libc::ucred);
        let mut slices = [IoSliceMut::new(scratch)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<UnixAddr>(self.socket.as_raw_fd(), &mut slices, Some(&mut space), flags)?;
        let writer = message.cmsgs()?.find_map(|attached| match attached {
            ControlMessageOwned::ScmCredentials(credentials) => Some(credentials.pid()),
            _ => None,
        });
        Ok((message.bytes, writer.unwrap_or(0)))
    }

    pub(super) fn read(&self, scratch: &mut [u8]) -> rustix::io::Result<usize> {
        match rustix::net::recv(&self.socket, scratch, RecvFlags::DONTWAIT) {
            // Nothing can have come on a connection that is still on its way.
            Err(Errno::NOTCONN) if self.connecting => Err(Errno::AGAIN),
            read => read.map(|(_, read)| read),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.pending.extend_from_slice(bytes);
        }
    }

    /// Its peer is to be told that nothing more comes.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// Its peer writes no more.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Its peer has closed and not only shut down its writing side: nobody reads any more.
    pub(super) fn is_gone(&self) -> bool {
        let mut ends = [PollFd::new(&self.socket, PollFlags::empty())];
        let seen = poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        seen.is_ok() && ends[0].revents().contains(PollFlags::HUP)
    }

    /// Whoever connected still has a descriptor of its end.
    pub(super) fn is_held(&self) -> bool {
        holder::opener_holds(&self.socket)
    }

    /// The number of its peer's socket; `None` if that is closed.
    pub(super) fn peer_inode(&self) -> Option<u32> {
        holder::peer_inode(&self.socket)
    }

    /// Its peer has written something that has not arrived.
    pub(super) fn is_on_its_way(&self) -> bool {
        holder::is_on_its_way(&self.socket)
    }

    /// The port of this end, over TCP.
    pub(super) fn port(&self) -> Option<u16> {
        let address = getsockname(&self.socket).ok()?;
        SocketAddr::try_from(address).ok().map(|address| address.port())
    }

    /// How many bytes were not passed on.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many bytes its peer has written that were not read.
    pub(super) fn unread(&self) -> usize {
        rustix::io::ioctl_fionread(&self.socket).ok().and_then(|unread| usize::try_from(unread).ok()).unwrap_or(0)
    }

    /// Whether it is to be read.
    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Writes what can be written now.
    pub(super) fn write(&mut self) {
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

    /// Asks to be told of what there is to do, and of no more: a socket at its end, or one that is not read, is always readable. `key` is its place in the epoll
    /// set.
    pub(super) fn watch(&mut self, set: &OwnedFd, key: u64) -> rustix::io::Result<()> {
        let mut flags = epoll::EventFlags::empty();
        flags.set(epoll::EventFlags::IN | epoll::EventFlags::RDHUP, !self.ended && !self.paused);
        flags.set(epoll::EventFlags::OUT, !self.pending.is_empty());
        let before = std::mem::replace(&mut self.watched, flags);
        let data = epoll::EventData::new_u64(key);
        match (before.is_empty(), flags.is_empty()) {
            _ if before == flags => Ok(()),
            (true, _) => epoll::add(set, &self.socket, data, flags),
            (_, true) => epoll::delete(set, &self.socket),
            _ => epoll::modify(set, &self.socket, data, flags),
        }
    }
}
