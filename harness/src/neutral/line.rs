//! The socket of a session and whose it is: all that a neutral driver does about fork, whatever protocol it speaks.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::Generation;
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::pool::{Config, Error, ErrorKind};

/// One end of a connection to a server. It blocks without limit.
#[derive(Debug)]
pub struct Line {
    /// Close-on-exec, as the standard library makes sockets. Dropping it is `close(2)` alone, never `shutdown(2)`.
    socket: OwnedFd,
    /// What encrypts it, once both sides have agreed on that.
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    /// The process that may write. `None`: any, see [`super::Connection::without_guard`].
    owner: Option<Generation>,
    /// Random numbers are drawn from a generator that a fork copies, see [`super::Connection::connect_with_copied_generator`].
    copied_generator: bool,
    /// Nothing sensible can be said any more.
    broken: bool,
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Line {
    /// Connects; the line is this process's.
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        let owner = Generation::current().map_err(|error| Error::new(ErrorKind::Other, error))?;
        let socket = connect(config).map_err(|error| Error::from_error(ErrorKind::Database, &error))?;
        Ok(Self {
            socket,
            #[cfg(feature = "tls")]
            tls: None,
            owner: Some(owner),
            copied_generator: false,
            broken: false,
        })
    }

    /// Encrypts what follows.
    #[cfg(feature = "tls")]
    pub(super) fn encrypt(&mut self, config: &Config) -> Result<(), Error> {
        self.tls = Some(Tls::agree(self.socket.as_fd(), config).inspect_err(|_| self.broken = true)?);
        Ok(())
    }

    /// This build cannot.
    #[cfg(not(feature = "tls"))]
    pub(super) fn encrypt(&mut self, _config: &Config) -> Result<(), Error> {
        self.broken = true;
        Err(Error::new(ErrorKind::Other, "this build has no TLS: switch on the feature `tls` of the crate `poolproof`"))
    }

    pub(super) fn copy_generator(&mut self) {
        self.copied_generator = true;
    }

    pub(super) fn has_copied_generator(&self) -> bool {
        self.copied_generator
    }

    pub(super) fn give_to_anybody(&mut self) {
        self.owner = None;
    }

    /// Whether this process is another than the one that opened the line.
    pub(super) fn is_foreign(&self) -> bool {
        self.owner.is_some_and(|owner| !owner.is_current())
    }

    /// That something may be said here.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.is_foreign() {
            return Err(Error::new(ErrorKind::Refused, "this connection belongs to the process that opened it"));
        }
        if self.broken {
            return Err(Error::new(ErrorKind::Database, "the connection is broken"));
        }
        Ok(())
    }

    /// Whether the server is known to have ended the session: it has closed, or what arrived unasked begins with a last word. It asks
    /// the kernel; nothing is written or taken. What arrived encrypted and unasked cannot be told from a last word, and is taken for one.
    pub(super) fn is_broken(&self, is_last_word: impl FnOnce(u8) -> bool) -> bool {
        if self.broken {
            return true;
        }
        let mut next = [0];
        match rustix::net::recv(&self.socket, &mut next, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, 0)) => true,
            Ok(_) => self.is_encrypted() || is_last_word(next[0]),
            Err(Errno::AGAIN) => false,
            Err(_) => true,
        }
    }

    /// Sends a request. No signal comes of a server that is gone, whatever the program around does about `SIGPIPE`.
    pub(super) fn send(&mut self, mut request: &[u8]) -> Result<(), Error> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let sent = tls.write(self.socket.as_fd(), request);
            return sent.map_err(|error| self.lose(&error));
        }
        while !request.is_empty() {
            match rustix::net::send(&self.socket, request, SendFlags::NOSIGNAL) {
                Ok(sent) => request = &request[sent..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.lose(&io::Error::from(error))),
            }
        }
        Ok(())
    }

    /// Waits for bytes; at the end of the connection it gives none.
    pub(super) fn receive<'a>(&mut self, chunk: &'a mut [u8]) -> Result<&'a [u8], Error> {
        loop {
            match self.read(chunk) {
                Ok(read) => return Ok(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lose(&error)),
            }
        }
    }

    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.read(self.socket.as_fd(), chunk);
        }
        Ok(rustix::net::recv(&self.socket, chunk, RecvFlags::empty())?.1)
    }

    #[cfg(feature = "tls")]
    fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "tls"))]
    fn is_encrypted(&self) -> bool {
        false
    }

    /// Waits for bytes of which there must be more.
    pub(super) fn receive_more<'a>(&mut self, chunk: &'a mut [u8]) -> Result<&'a [u8], Error> {
        match self.receive(chunk)? {
            [] => Err(self.lose(&io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"))),
            bytes => Ok(bytes),
        }
    }

    /// After this only closing is left to do.
    pub(super) fn lose(&mut self, error: &dyn std::error::Error) -> Error {
        self.broken = true;
        Error::from_error(ErrorKind::Database, error)
    }

    /// Says the last words. Nobody can be told if that fails, and a server that reads nothing must not keep us here.
    pub(super) fn part(&mut self, words: &[u8]) {
        #[cfg(feature = "tls")]
        let words = match &mut self.tls {
            Some(tls) => &tls.farewell(words),
            None => words,
        };
        let _ = rustix::net::send(&self.socket, words, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    }
}

/// Close-on-exec, as the standard library makes sockets.
fn connect(config: &Config) -> io::Result<OwnedFd> {
    if config.transport.shows_writers() {
        return UnixStream::connect(&config.socket).map(Into::into);
    }
    let socket = TcpStream::connect((config.host.as_str(), config.port))?;
    socket.set_nodelay(true)?;
    Ok(socket.into())
}
