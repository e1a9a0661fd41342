//! The tap: a listener between pool and server that knows, by the kernel's word, who wrote which bytes.
//!
//! It passes everything through and judges nothing. It knows processes only through the function that turns a pid into a
//! [`Witness`]; it knows nothing of steps, pools or promises.

mod elsewhere;
mod entrance;
mod far;
mod holder;
#[cfg(test)]
mod hostile;
mod lasting;
mod lever;
mod link;
mod numbers;
mod refusal;
mod side;
mod stall;
pub(crate) mod wire;

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{Timespec, epoll};

use crate::history::{Event, History, SessionId, Witness};
use crate::limits;
use crate::nonce::Nonce;
use crate::pool::Database;
use crate::server::embedded::{Embedded, Number};
pub(crate) use elsewhere::leading_elsewhere;
pub(crate) use entrance::Entrance;
use entrance::Listener;
use far::Far;
pub(crate) use holder::sockets;
pub(crate) use lasting::writer_of;
use link::{Client, Link};
use numbers::Numbers;
use refusal::Door;
pub(crate) use refusal::Refusing;
use stall::Armed;

/// Where the tap sends what it takes.
pub(crate) enum Upstream {
    /// A server's Unix socket.
    Unix(PathBuf),
    /// A server's address.
    Tcp(std::net::SocketAddr),
    /// The server inside this process.
    Embedded(Box<Embedded>),
}

/// Weaknesses that tests give the tap, to prove that somebody would notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapShim {
    /// It takes every byte for the opener's.
    pub blind: bool,
    /// It closes the client's socket when the server has closed its own.
    pub closes_early: bool,
}

/// Who wrote, as the executor knows it.
pub(crate) trait Identify {
    fn identify(&self, pid: i32) -> Witness;

    /// The eldest who has the socket of that number open, where nobody says who has connected.
    fn holder(&self, _socket: u32) -> Witness {
        Witness::Unseen
    }
}

/// The listener and its connections.
pub(crate) struct Tap {
    database: Database,
    upstream: Upstream,
    shim: TapShim,
    listener: Listener,
    /// The listener and every connection; itself one descriptor of the executor's epoll.
    epoll: OwnedFd,
    links: Vec<Option<Link>>,
    sessions: u32,
    /// How many may be open at once.
    most: usize,
    /// Nonces that passed, in both directions, since the case began.
    passed: Vec<Passed>,
    /// Replies that are to be withheld, of sessions that are not known yet.
    armed: Vec<Armed>,
    numbers: Numbers,
    /// From which ports sessions were connected to the server; those that are over too.
    ports: Vec<(SessionId, u16)>,
    /// Whether new sessions are taken.
    door: Door,
    scratch: Box<[u8]>,
}

/// A nonce that the tap saw.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Passed {
    nonce: Nonce,
    asked: bool,
}

/// The listener's key in the epoll set; connections use twice their index, plus one for the server's side.
const LISTENER: u64 = u64::MAX;
/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

impl Tap {
    /// Listens there.
    pub(crate) fn listen(
        entrance: Entrance<'_>,
        database: Database,
        upstream: Upstream,
        shim: TapShim,
    ) -> rustix::io::Result<Self> {
        let listener = Listener::open(entrance)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, listener.socket(), epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
        let scratch = vec![0; CHUNK].into_boxed_slice();
        let (links, passed, armed, numbers, ports) = (Vec::new(), Vec::new(), Vec::new(), Numbers::default(), Vec::new());
        Ok(Self {
            database,
            upstream,
            shim,
            listener,
            epoll,
            links,
            sessions: 0,
            most: limits::SESSIONS,
            passed,
            armed,
            numbers,
            ports,
            door: Door::default(),
            scratch,
        })
    }

    /// The port of the loopback that it listens on, if it does.
    pub(crate) fn port(&self) -> Option<u16> {
        self.listener.port()
    }

    /// Readable when anything of the tap's is.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Forgets the case before: its sessions are closed, numbering starts anew.
    pub(crate) fn reset(&mut self) {
        for link in self.links.drain(..).flatten() {
            if let (Upstream::Embedded(embedded), Some(number)) = (&mut self.upstream, link.number()) {
                embedded.remove(number);
            }
        }
        self.passed.clear();
        self.armed.clear();
        self.numbers.clear();
        self.ports.clear();
        self.sessions = 0;
    }

    /// Takes and passes on everything that is there, until the listener and every socket have nothing more.
    ///
    /// A control message may be appended to the history only after this and [`Self::catch_up`]: whatever an actor wrote before it said "done" is in the
    /// epoll set's ready list before the message can be read.
    pub(crate) fn drain(&mut self, who: &dyn Identify, history: &mut History) -> rustix::io::Result<()> {
        // What the administrator did may concern others.
        self.deliver(history);
        while self.turn(who, history)? {}
        Ok(())
    }

    /// Takes and passes on what some of the sockets have; says whether any had something. Who keeps all of them busy would never let
    /// [`Self::drain`] return.
    pub(crate) fn turn(&mut self, who: &dyn Identify, history: &mut History) -> rustix::io::Result<bool> {
        let mut space = [MaybeUninit::uninit(); 32];
        let ready = match epoll::wait(&self.epoll, &mut space[..], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok((ready, _)) => ready,
            Err(rustix::io::Errno::INTR) => return Ok(true),
            Err(error) => return Err(error),
        };
        for event in &*ready {
            match event.data.u64() {
                LISTENER => self.accept(who, history)?,
                key => self.pump(key, who, history),
            }
            self.deliver(history);
        }
        Ok(!ready.is_empty())
    }

    fn accept(&mut self, who: &dyn Identify, history: &mut History) -> rustix::io::Result<()> {
        loop {
            let client = match self.listener.accept() {
                Ok(client) => client,
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => continue,
                Err(error) => return Err(error),
            };
            let session = SessionId(self.sessions);
            self.sessions += 1;
            let owner = self.listener.opener(&client, who);
            let from = history.events().len();
            history.append(Event::Opened { session, owner });
            if self.links.iter().flatten().count() >= self.most {
                history.append(Event::Abandoned { why: format!("more than {} sessions at once", self.most) });
                continue;
            }
            let far = match self.door.refusal() {
                Some(how) => Ok(Far::refused(how, self.database)),
                None => Far::connect(&mut self.upstream),
            };
            let client = Client { socket: client, owner, shows_writers: self.listener.shows_writers() };
            match far {
                Ok(far) => {
                    let mut link = Link::new(session, client, far, self.database);
                    link.concern(&mut self.armed, &history.events()[from..]);
                    self.ports.extend(link.server_port().map(|port| (session, port)));
                    if self.door.refusal().is_some() {
                        history.append(Event::Refused { session });
                        link.is_refused(self.shim, history);
                    }
                    self.adopt(link)?;
                }
                Err(error) => history.append(Event::Abandoned { why: format!("the server cannot be reached: {error}") }),
            }
        }
    }

    fn adopt(&mut self, mut link: Link) -> rustix::io::Result<()> {
        let index = self.links.iter().position(Option::is_none).unwrap_or(self.links.len());
        link.watch(&self.epoll, index as u64)?;
        // A server that takes no sessions may have had the last word already.
        link.flush(&self.epoll, index as u64);
        if index == self.links.len() {
            self.links.push(None);
        }
        self.links[index] = Some(link);
        Ok(())
    }

    /// Takes even what was written by clients that have to wait for room, and what TCP has not brought yet: to be called after `drain`
    /// where a control message is about to be appended.
    pub(crate) fn catch_up(&mut self, who: &dyn Identify, history: &mut History) {
        while !self.listener.shows_writers() {
            // The kernel carries it over as it is written, or is about to.
            let more = self.links.iter().flatten().any(Link::is_on_its_way);
            if self.drain(who, history).is_err() || !more {
                // An error comes again in the next turn.
                break;
            }
            std::thread::yield_now();
        }
        for index in 0..self.links.len() {
            let overdue = self.links[index].as_mut().map_or(0, |link| link.overdue(history));
            if overdue > 0 {
                self.hear(index, overdue, who, history);
                self.deliver(history);
            }
        }
    }

    fn pump(&mut self, key: u64, who: &dyn Identify, history: &mut History) {
        let index = (key / 2) as usize;
        let Some(Some(link)) = self.links.get_mut(index) else { return };
        let from = history.events().len();
        if key.is_multiple_of(2) {
            let room = link.room();
            return self.hear(index, room, who, history);
        }
        link.read_server(&mut self.scratch, self.shim, history);
        self.numbers.note(link.session(), link.take_name());
        settle(&mut self.links, &self.epoll, index);
        self.note_nonces(from, history);
    }

    /// Takes what a client wrote, until it is more than `most`.
    fn hear(&mut self, index: usize, most: usize, who: &dyn Identify, history: &mut History) {
        let Some(Some(link)) = self.links.get_mut(index) else { return };
        let from = history.events().len();
        link.read_client(&mut self.scratch, most, self.shim, (who, &self.numbers), history);
        link.concern(&mut self.armed, &history.events()[from..]);
        if let Upstream::Embedded(embedded) = &mut self.upstream {
            link.hand_over(embedded);
        }
        link.is_refused(self.shim, history);
        settle(&mut self.links, &self.epoll, index);
        self.note_nonces(from, history);
    }

    /// Takes what the embedded server has to say, to whomever.
    fn deliver(&mut self, history: &mut History) {
        let Upstream::Embedded(embedded) = &mut self.upstream else { return };
        let from = history.events().len();
        let mut touched = embedded.touched();
        while !touched.is_empty() {
            for number in touched {
                let of_it = |link: &Option<Link>| link.as_ref().is_some_and(|link| link.number() == Some(number));
                let Some(index) = self.links.iter().position(of_it) else { continue };
                let Some(Some(link)) = self.links.get_mut(index) else { continue };
                link.take_answer(embedded, self.shim, history);
                // Of a session that was cut the server sees the end.
                link.hand_over(embedded);
                self.numbers.note(link.session(), link.take_name());
                settle(&mut self.links, &self.epoll, index);
            }
            touched = embedded.touched();
        }
        for statement in embedded.take_unknown() {
            history.append(Event::Abandoned { why: format!("the embedded server does not know this statement: {statement}") });
        }
        self.note_nonces(from, history);
    }

    /// A session of the embedded server that is no client's: the administrator's. `None`: the server is not embedded.
    pub(crate) fn connect_inside(&mut self) -> Option<Number> {
        match &mut self.upstream {
            Upstream::Embedded(embedded) => Some(embedded.connect()),
            Upstream::Unix(_) | Upstream::Tcp(_) => None,
        }
    }

    /// Says something on such a session, and gives the answer.
    pub(crate) fn exchange(&mut self, number: Number, bytes: &[u8]) -> Vec<u8> {
        let Upstream::Embedded(embedded) = &mut self.upstream else { return Vec::new() };
        embedded.received(number, bytes);
        embedded.output(number).map(std::mem::take).unwrap_or_default()
    }

    fn note_nonces(&mut self, from: usize, history: &History) {
        for event in &history.events()[from..] {
            let (frames, asked) = match event {
                Event::Wrote { frames, .. } => (frames, true),
                Event::Answered { frames, .. } => (frames, false),
                _ => continue,
            };
            self.passed.extend(frames.iter().filter_map(|frame| frame.nonce).map(|nonce| Passed { nonce, asked }));
        }
    }

    /// The nonce passed the tap as a question and in an answer.
    pub(crate) fn saw(&self, nonce: Nonce) -> bool {
        [true, false].into_iter().all(|asked| self.passed.contains(&Passed { nonce, asked }))
    }

    /// The server's own number of a session, which is over or not: PostgreSQL's process id, MySQL's connection id.
    pub(crate) fn server_number(&self, session: SessionId) -> Option<u32> {
        self.numbers.of(session)
    }

    /// The numbers of the clients' sockets.
    pub(crate) fn client_sockets(&self) -> Vec<u32> {
        self.links.iter().flatten().filter_map(Link::client_inode).collect()
    }

    /// The port from which the tap has connected to the server for a session, over TCP.
    pub(crate) fn server_port(&self, session: SessionId) -> Option<u16> {
        self.ports.iter().rfind(|(known, _)| *known == session).map(|(_, port)| *port)
    }

    /// The session for which the tap has connected to the server from that port.
    pub(crate) fn session_from(&self, port: u16) -> Option<SessionId> {
        self.ports.iter().rfind(|(_, known)| *known == port).map(|(session, _)| *session)
    }

    /// The sessions of which a process has the client's socket open.
    pub(crate) fn sessions_held_by(&self, pid: i32) -> Vec<SessionId> {
        let sockets = holder::sockets(pid);
        let held = |link: &&Link| link.client_inode().is_some_and(|inode| sockets.contains(&inode));
        self.links.iter().flatten().filter(held).map(Link::session).collect()
    }

    /// The sessions of which the server's side is still open.
    pub(crate) fn open_sessions(&self) -> Vec<SessionId> {
        self.links.iter().flatten().filter(|link| !link.server_closed()).map(Link::session).collect()
    }

    /// Something is on its way: bytes that were taken but not passed on, or an answer that the server owes. What is withheld is not on
    /// its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.links.iter().flatten().any(Link::is_busy)
    }
}

/// Writes what can be written on a connection, and forgets one that is over.
fn settle(links: &mut [Option<Link>], set: &OwnedFd, index: usize) {
    let Some(Some(link)) = links.get_mut(index) else { return };
    link.flush(set, index as u64);
    if link.is_over() {
        links[index] = None;
    }
}
