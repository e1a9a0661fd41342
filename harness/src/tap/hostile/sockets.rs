//! A tap with a client and a server that are sockets of the test's.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::history::{Event, History, SessionId, Witness};
use crate::pool::Database;
use crate::tap::{Entrance, Identify, Tap, TapShim, Upstream};

/// The tap, and everything around it.
pub(super) struct Lab {
    directory: PathBuf,
    server: UnixListener,
    pub(super) tap: Tap,
    pub(super) history: History,
    /// Whom the tap takes everybody for.
    pub(super) who: Witness,
}

/// What the history says.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) written: usize,
    pub(super) answered: usize,
    pub(super) desynchronised: usize,
    /// Somebody has closed, or was turned away.
    pub(super) ends: usize,
}

struct Everybody(Witness);

impl Identify for Everybody {
    fn identify(&self, _: i32) -> Witness {
        self.0
    }
}

impl Lab {
    pub(super) fn new(database: Database) -> Self {
        Self::with(database, |server| Upstream::Unix(server.to_owned()))
    }

    /// `upstream` is told where the test's server listens.
    pub(super) fn with(database: Database, upstream: impl FnOnce(&Path) -> Upstream) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("poolproof-hostile-{}-{number}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let server = directory.join("server");
        let listener = UnixListener::bind(&server).unwrap();
        let tap = Tap::listen(Entrance::Socket(&directory.join("tap")), database, upstream(&server), TapShim::default()).unwrap();
        Self { directory, server: listener, tap, history: History::default(), who: Witness::Stranger }
    }

    /// A client's socket and the server's.
    pub(super) fn connect(&mut self) -> (UnixStream, UnixStream) {
        let near = self.connect_inside();
        let far = self.server.accept().unwrap().0;
        far.set_nonblocking(true).unwrap();
        (near, far)
    }

    /// A client's socket where the server is inside.
    pub(super) fn connect_inside(&mut self) -> UnixStream {
        let near = UnixStream::connect(self.directory.join("tap")).unwrap();
        near.set_nonblocking(true).unwrap();
        self.drain();
        near
    }

    pub(super) fn drain(&mut self) {
        self.tap.drain(&Everybody(self.who), &mut self.history).unwrap();
    }

    pub(super) fn catch_up(&mut self) {
        self.tap.catch_up(&Everybody(self.who), &mut self.history);
    }

    /// The tap withholds nothing on this session any more.
    pub(super) fn release(&mut self, session: SessionId) {
        self.tap.release(session, &mut self.history);
    }

    pub(super) fn release_all(&mut self) {
        self.tap.withheld().into_iter().for_each(|(session, _)| self.tap.release(session, &mut self.history));
    }

    /// Writes as much as the tap takes; how much that was.
    pub(super) fn write(&mut self, mut from: &UnixStream, bytes: &[u8]) -> usize {
        let mut sent = 0;
        while sent < bytes.len() {
            match from.write(&bytes[sent..]) {
                Ok(more) => sent += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("the tap has closed: {error}"),
            }
            self.drain();
        }
        sent
    }

    /// Writes to one end and gives what comes out at the other, until neither goes on.
    pub(super) fn carry(&mut self, from: &UnixStream, bytes: &[u8], mut to: &UnixStream) -> Vec<u8> {
        let (mut sent, mut got) = (0, Vec::new());
        loop {
            let before = (sent, got.len());
            sent += self.write(from, &bytes[sent..]);
            self.drain();
            // An end is no error here: what counts is what came before it.
            let _ = to.read_to_end(&mut got);
            if (sent, got.len()) == before {
                return got;
            }
        }
    }

    /// Nothing more comes but the end, and it comes.
    pub(super) fn carry_end(&mut self, to: &UnixStream) -> bool {
        let mut next = Some(false);
        self.until(|_| {
            next = at_end(to);
            next.is_some()
        });
        next == Some(true)
    }

    /// The end has come already.
    pub(super) fn has_end(&mut self, to: &UnixStream) -> bool {
        self.drain();
        at_end(to) == Some(true)
    }

    /// Goes on until it is so. Whatever this process has closed may still be open in a child that another test has forked and that has
    /// yet to execute its program: so an end is waited for.
    pub(super) fn until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        self.drain();
        while !done(self) {
            let mut tap = [PollFd::from_borrowed_fd(self.tap.as_fd(), PollFlags::IN)];
            let ready = poll(&mut tap, Some(&Timespec { tv_sec: 10, tv_nsec: 0 })).unwrap();
            assert!(ready > 0, "nothing comes any more");
            self.drain();
        }
    }

    pub(super) fn counted(&self) -> Counted {
        let mut counted = Counted::default();
        for event in self.history.events() {
            match event {
                Event::Wrote { bytes, .. } => counted.written += usize::try_from(*bytes).unwrap(),
                Event::Answered { bytes, .. } => counted.answered += usize::try_from(*bytes).unwrap(),
                Event::Desynchronised { .. } => counted.desynchronised += 1,
                Event::ClientClosed { .. } | Event::ServerClosed { .. } | Event::Abandoned { .. } => counted.ends += 1,
                _ => {}
            }
        }
        counted
    }

    /// The tap has no session any more.
    pub(super) fn is_empty(&self) -> bool {
        self.tap.links.iter().all(Option::is_none)
    }

    /// Forgets what was.
    pub(super) fn reset(&mut self) {
        self.tap.reset();
        self.history = History::default();
    }
}

/// Whether the next thing here is the end; `None` where nothing has come yet.
fn at_end(mut to: &UnixStream) -> Option<bool> {
    match to.read(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        read => Some(matches!(read, Ok(0))),
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
