//! The loop: one epoll set, everything non-blocking, and the rule that gives the history its order.
//!
//! Control messages are read first, then the tap is drained, and only then are the messages handed out: whatever an actor wrote
//! before it said "done" stands before its "done". It knows lines and sockets, not steps.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::administrator::{Administrator, Question};
use super::connection::{Connection, Kind};
use super::log::{Line, Log};
use super::output::Output;
use super::people::People;
use crate::agent::protocol::{Answer, Hello, Message, Order};
use crate::history::{Event, History};
use crate::interleaving::{Actor, Process};
use crate::pool::{Error, Rows};
use crate::server::admin::Admin;
use crate::tap::Tap;
use crate::trouble::Trouble;

/// What the loop hands out, in order.
#[derive(Debug)]
pub(super) enum Notice {
    Zygote,
    Hello { connection: usize, hello: Hello, pid: i32 },
    Answer { answer: Answer },
    Ended(Process),
    Ledger(Result<Rows, Error>),
    SessionEnd(Result<Rows, Error>),
}

/// One worker's descriptors.
pub(super) struct Reactor {
    epoll: OwnedFd,
    listener: OwnedFd,
    connections: Vec<Option<Connection>>,
    pub(super) tap: Tap,
    pub(super) people: People,
    administrator: Administrator,
    output: Output,
    control: PathBuf,
    /// What the server says of encrypted sessions.
    pub(super) log: Log,
    /// The program that `exec` puts in the place of a process under test.
    pub(super) successor: String,
    /// The test's weakness: messages are handed out before the tap was drained.
    pub(super) control_first: bool,
}

const CONTROL: u64 = 1 << 32;
const ENDED: u64 = 2 << 32;
const LISTENER: u64 = 3 << 32;
const TAP: u64 = 4 << 32;
const ADMINISTRATOR: u64 = 5 << 32;
const OUTPUT: u64 = 6 << 32;
const KIND: u64 = !0 << 32;

impl Reactor {
    pub(super) fn new(
        control: &Path,
        output: &Path,
        mut tap: Tap,
        administrator: (Option<OwnedFd>, Admin),
    ) -> Result<Self, Trouble> {
        let administrator = Administrator::new(administrator.0, administrator.1, &mut tap)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let set_up = || -> rustix::io::Result<(OwnedFd, OwnedFd, Output)> {
            let output = Output::listen(output)?;
            let listener = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            rustix::net::bind(&listener, &SocketAddrUnix::new(control)?)?;
            rustix::net::listen(&listener, 128)?;
            let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            epoll::add(&set, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
            epoll::add(&set, tap.as_fd(), epoll::EventData::new_u64(TAP), epoll::EventFlags::IN)?;
            if let Some(administrator) = administrator.as_fd() {
                epoll::add(&set, administrator, epoll::EventData::new_u64(ADMINISTRATOR), epoll::EventFlags::IN)?;
            }
            epoll::add(&set, output.as_fd(), epoll::EventData::new_u64(OUTPUT), epoll::EventFlags::IN)?;
            Ok((set, listener, output))
        };
        let (epoll, listener, output) = set_up().map_err(|error| Trouble::system("set up the coordinator's sockets", error))?;
        Ok(Self {
            epoll,
            listener,
            connections: Vec::new(),
            tap,
            people: People::default(),
            administrator,
            output,
            control: control.to_owned(),
            log: Log::of(None),
            successor: String::new(),
            control_first: false,
        })
    }

    /// Forgets the case before, but for the zygote.
    pub(super) fn reset(&mut self) {
        for slot in &mut self.connections {
            if matches!(slot, Some(Connection { kind: Kind::Actor(_) | Kind::Unknown, .. })) {
                *slot = None;
            }
        }
        self.tap.reset();
        self.people = People::default();
        self.administrator.forget();
        self.output.clear();
        self.log.skip();
    }

    /// Waits at most `patience` for something, and hands out what came of it. True if nothing happened at all.
    pub(super) fn turn(&mut self, patience: Duration, history: &mut History, notices: &mut Vec<Notice>) -> Result<bool, Trouble> {
        let before = history.events().len();
        let quiet = self.poll(patience, history, notices).map_err(|error| Trouble::system("wait for events", error))??;
        Ok(quiet && notices.is_empty() && history.events().len() == before)
    }

    fn poll(
        &mut self,
        patience: Duration,
        history: &mut History,
        notices: &mut Vec<Notice>,
    ) -> rustix::io::Result<Result<bool, Trouble>> {
        let mut space = [MaybeUninit::uninit(); 32];
        let patience = if self.administrator.has_news() { Duration::ZERO } else { patience };
        let patience = self.rest(patience)?;
        let limit = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
        let ready: &[epoll::Event] = match epoll::wait(&self.epoll, &mut space[..], Some(&limit)) {
            Ok((ready, _)) => ready,
            Err(Errno::INTR) => &[],
            Err(error) => return Err(error),
        };
        let outcome = self.read_control(ready, notices)?;
        self.take_answers(notices);
        if !self.control_first {
            self.tap.drain(&self.people, history)?;
            if !notices.is_empty() {
                self.tap.catch_up(&self.people, history);
            }
        }
        Ok(outcome.map(|()| ready.is_empty()))
    }

    /// Waits here for what `epoll` cannot wait for: it counts in whole milliseconds, takes less for nothing, and would not let
    /// the agent run, with which it shares a processor. What is left of the patience is the answer.
    fn rest(&self, patience: Duration) -> rustix::io::Result<Duration> {
        if patience.is_zero() || patience >= Duration::from_millis(1) {
            return Ok(patience);
        }
        let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(patience.subsec_nanos()) };
        match poll(&mut [PollFd::new(&self.epoll, PollFlags::IN)], Some(&limit)) {
            Ok(_) | Err(Errno::INTR) => Ok(Duration::ZERO),
            Err(error) => Err(error),
        }
    }

    /// Drains the tap; only the test's weakness calls it from outside.
    pub(super) fn drain_late(&mut self, history: &mut History) -> Result<(), Trouble> {
        self.tap.drain(&self.people, history).map_err(|error| Trouble::system("read the tap", error))
    }

    fn read_control(&mut self, ready: &[epoll::Event], notices: &mut Vec<Notice>) -> rustix::io::Result<Result<(), Trouble>> {
        for event in ready {
            let key = event.data.u64();
            match key & KIND {
                LISTENER => self.accept()?,
                CONTROL => {
                    if let Err(trouble) = self.read_lines((key & !KIND) as usize, notices) {
                        return Ok(Err(trouble));
                    }
                }
                ENDED => {
                    let process = Process((key & 0xff) as u8);
                    if let Some(pidfd) = self.people.pidfd(process) {
                        epoll::delete(&self.epoll, pidfd)?;
                        notices.push(Notice::Ended(process));
                    }
                }
                // Nobody is left who prints.
                OUTPUT if !self.output.read() => epoll::delete(&self.epoll, self.output.as_fd())?,
                ADMINISTRATOR => {
                    if let Err(trouble) = self.administrator.hear(&mut self.tap) {
                        return Ok(Err(trouble));
                    }
                }
                _ => {}
            }
        }
        Ok(Ok(()))
    }

    fn accept(&mut self) -> rustix::io::Result<()> {
        loop {
            let socket = match rustix::net::accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR | Errno::CONNABORTED) => continue,
                Err(error) => return Err(error),
            };
            let pid = getsockopt(&socket, PeerCredentials).map_or(0, |credentials| credentials.pid());
            let index = self.connections.iter().position(Option::is_none).unwrap_or(self.connections.len());
            epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(CONTROL | index as u64), epoll::EventFlags::IN)?;
            if index == self.connections.len() {
                self.connections.push(None);
            }
            self.connections[index] = Some(Connection::new(socket, pid));
        }
    }

    fn read_lines(&mut self, index: usize, notices: &mut Vec<Notice>) -> Result<(), Trouble> {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return Ok(()) };
        let mut messages = Vec::new();
        let open = connection.read(&mut messages)?;
        let (pid, kind) = (connection.pid, connection.kind);
        let mut others =
            self.connections.iter().enumerate().filter(|(other, _)| *other != index).filter_map(|(_, other)| other.as_ref());
        if kind == Kind::Zygote && others.any(|other| other.kind == kind) {
            return Err(Trouble::Agent(format!("process {pid} said hello as the zygote, and there is one already")));
        }
        if !open {
            self.connections[index] = None;
        }
        notices.extend(messages.into_iter().map(|message| match message {
            Message::Answer(answer) => Notice::Answer { answer },
            Message::Hello(hello) if hello.who == "zygote" => Notice::Zygote,
            Message::Hello(hello) => Notice::Hello { connection: index, hello, pid },
        }));
        match !open && kind == Kind::Zygote {
            true => Err(Trouble::Agent(format!("the zygote closed its connection{}", self.last_words()))),
            false => Ok(()),
        }
    }

    /// Ties a connection to an actor. One that bore the name before has been joined; its connection may not have been seen to end.
    pub(super) fn introduce(&mut self, connection: usize, actor: Actor) {
        for (index, slot) in self.connections.iter_mut().enumerate() {
            if index != connection && slot.as_ref().is_some_and(|other| other.kind == Kind::Actor(actor)) {
                *slot = None;
            }
        }
        if let Some(Some(connection)) = self.connections.get_mut(connection) {
            connection.kind = Kind::Actor(actor);
        }
    }

    /// Watches a new process for its end.
    pub(super) fn watch(&mut self, process: Process, pid: i32) -> Result<(), Trouble> {
        let key = epoll::EventData::new_u64(ENDED | u64::from(process.0));
        let pidfd = self.people.born(process, pid);
        pidfd
            .and_then(|pidfd| epoll::add(&self.epoll, pidfd, key, epoll::EventFlags::IN))
            .map_err(|error| Trouble::system("watch a process", error))
    }

    /// Sends an order to an actor, or to the zygote.
    pub(super) fn order(&mut self, to: Option<Actor>, order: &Order) -> Result<(), Trouble> {
        let kind = to.map_or(Kind::Zygote, Kind::Actor);
        match self.connections.iter_mut().flatten().find(|connection| connection.kind == kind) {
            Some(connection) => connection.order(order),
            // It has ended: its process's end is, or will be, a notice of its own.
            None => Ok(()),
        }
    }

    /// Asks the server for rows; the answer is a notice.
    pub(super) fn ask(&mut self, question: Question, sql: &str) -> Result<(), Trouble> {
        self.administrator.ask(question, sql, &mut self.tap)
    }

    /// Asks an embedded server, which answers at once.
    pub(super) fn ask_now(&mut self, sql: &str) -> Result<Rows, Trouble> {
        self.administrator.forget();
        self.ask(Question::Upkeep, sql)?;
        let (_, answer) = self.administrator.answer().ok_or_else(|| Trouble::Bug(format!("no answer to {sql}")))?;
        answer.map_err(|error| Trouble::Bug(format!("{sql}: {error}")))
    }

    fn take_answers(&mut self, notices: &mut Vec<Notice>) {
        while let Some((question, answer)) = self.administrator.answer() {
            match question {
                Question::Ledger => notices.push(Notice::Ledger(answer)),
                Question::SessionEnd => notices.push(Notice::SessionEnd(answer)),
                Question::Upkeep => {}
            }
        }
    }

    /// The server's words on records that it could not decrypt, as events.
    pub(super) fn garbled(&mut self) -> Vec<Event> {
        let named = |line: Line| Some(Event::Undecipherable { session: self.tap.session_from(line.port)?, words: line.words });
        self.log.complaints().into_iter().filter_map(named).collect()
    }

    /// The last of what the agent printed.
    pub(super) fn printed(&self) -> String {
        self.output.text()
    }

    /// The same as the end of a sentence, for an agent that has ended.
    pub(super) fn last_words(&mut self) -> String {
        self.output.read();
        self.output.quoted()
    }

    /// Where the agent's actors find this end.
    pub(super) fn control(&self) -> &Path {
        &self.control
    }
}

/// An event that ends a case without a verdict.
pub(super) fn abandon(history: &mut History, why: impl Into<String>) {
    history.append(Event::Abandoned { why: why.into() });
}
