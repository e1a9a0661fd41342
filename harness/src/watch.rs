//! The tap in front of a program that knows nothing of it: which process writes on a session that another one has opened.
//!
//! It generates nothing, and knows one rule: OWN-1. What it holds is bounded by what is open, so that a program can be watched for days:
//! the tap's events are read and dropped at every turn, and what was found is a table of limited length.

mod environment;
mod findings;
mod people;
mod sight;
#[cfg(test)]
mod tests;
mod time;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::SystemTime;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};

use crate::bench::{ServerChoice, make_ready};
use crate::execute::{Weakness, socket_name, upstream};
use crate::history::{Ending, Event, Frame, History, SessionId, Witness};
use crate::pool::Database;
use crate::server::Server;
use crate::supervisor::Supervisor;
use crate::tap::{Entrance, Identify, Tap};
use crate::transport::Transport;
use crate::trouble::Trouble;
use findings::{Findings, Writing};
use people::{People, Person};
use time::stamp;

/// Descriptors that a session takes: the client's, the server's, and that of the process that opened it.
const DESCRIPTORS: u64 = 3;
/// Descriptors that are kept for everything else.
const SPARE: u64 = 100;
/// Sessions that are let in at once, however many descriptors the system gives.
const SESSIONS: u64 = 10_000;
/// Notes about sessions that could not be served; further ones are counted.
const NOTES: u64 = 100;

/// What is to be watched.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The protocol that it speaks.
    pub database: Database,
    /// Where its server is.
    pub server: ServerChoice,
    /// For poolproof's own tests.
    #[doc(hidden)]
    pub weakness: Weakness,
}

/// What comes to the watching process from outside.
#[derive(Debug)]
pub struct Calls {
    /// Readable when a signal has come; what can be read there means nothing. It does not block.
    pub wake: OwnedFd,
    /// The watch is to end; while its program runs, this is the program's affair.
    pub stop: &'static AtomicBool,
    /// The number of a signal that the program has to be given; 0 if there is none.
    pub forward: &'static AtomicI32,
    /// A summary is wanted.
    pub summary: &'static AtomicBool,
}

/// How it went.
#[derive(Debug)]
pub struct Watched {
    /// How the program ended, or why it could not be started.
    pub ending: io::Result<Ending>,
    /// How often a process wrote on a session that another one had opened.
    pub foreign_writes: u64,
}

/// Runs a program with the tap between it and its server, and tells at once who writes on a session that somebody else has opened; what
/// is told are lines without their ends. It returns when the program has ended and nobody has a session open.
///
/// # Errors
/// No server, or a machine on which writers cannot be told apart.
pub fn watch(program: &Program, calls: &Calls, tell: &mut dyn FnMut(&str)) -> Result<Watched, Trouble> {
    let shim = program.weakness.tap;
    sight::prove(shim)?;
    let supervisor = Supervisor::start(calls.stop)?;
    let server = make_ready(&program.server, (program.database, Transport::Unix), &supervisor, calls.stop)?;
    let directory = supervisor.run_dir().join("watch");
    std::fs::create_dir(&directory).map_err(|error| Trouble::directory(&directory, error))?;
    let socket = directory.join(socket_name(program.database));
    let tap = Tap::listen(Entrance::Socket(&socket), program.database, upstream(&server, Transport::Unix)?, shim)
        .map_err(|error| Trouble::system("listen for the program", error))?;
    if calls.stop.load(Ordering::Relaxed) {
        return Err(Trouble::Interrupted);
    }
    let mut watch = Watch::new(tap, calls, tell);
    watch.say(&format!("watching {} on {}", shown(&program.command), server.product));
    let watched = match start(program, &server, &socket) {
        Ok(child) => watch.run(child)?,
        Err(error) => Watched { ending: Err(error), foreign_writes: 0 },
    };
    supervisor.finish()?;
    Ok(watched)
}

fn shown(command: &[OsString]) -> String {
    command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A child of this very process, in its group and on its terminal: signals of the terminal reach it as usual.
fn start(program: &Program, server: &Server, socket: &std::path::Path) -> io::Result<Child> {
    let (name, arguments) = program.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command.args(arguments);
    environment::prepare(&mut command, server, socket);
    let watcher = rustix::process::getpid();
    let follow = move || {
        // Whoever kills the watch takes the server from the program: it is not left behind without one.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        let orphaned = rustix::process::getppid() != Some(watcher);
        if orphaned { Err(io::Error::from_raw_os_error(libc::ESRCH)) } else { Ok(()) }
    };
    // SAFETY: between fork and exec the closure only makes system calls that are async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(follow) };
    command.spawn()
}

/// A program that is being watched.
struct Watch<'a> {
    tap: Tap,
    calls: &'a Calls,
    tell: &'a mut dyn FnMut(&str),
    people: People,
    /// Who opened the sessions on which somebody may still write.
    owners: HashMap<SessionId, Rc<Person>>,
    findings: Findings,
    notes: u64,
}

/// Every process goes by its pid.
struct Pids;

impl Identify for Pids {
    fn identify(&self, pid: i32) -> Witness {
        Witness::Pid(pid)
    }
}

impl<'a> Watch<'a> {
    fn new(tap: Tap, calls: &'a Calls, tell: &'a mut dyn FnMut(&str)) -> Self {
        let (people, owners, findings) = (People::default(), HashMap::new(), Findings::default());
        Self { tap, calls, tell, people, owners, findings, notes: 0 }
    }

    fn run(mut self, mut child: Child) -> Result<Watched, Trouble> {
        self.tap.allow(room_for_sessions());
        let program = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .map_err(|error| Trouble::system("watch the program", error))?;
        let mut status = None;
        loop {
            let ready = wait(&self.tap, self.calls, status.is_none().then(|| program.as_fd()))?;
            if ready.called {
                self.answer(status.is_none().then_some(&program));
            }
            if ready.tapped {
                self.turn()?;
            } else if ready.ended {
                // Whatever it wrote has been read: its sockets were closed before it was said to have ended.
                status = Some(child.wait().map_err(|error| Trouble::system("wait for the program", error))?);
                if self.tap.has_clients() {
                    self.say("the program has ended, but somebody has a session open: watching on; Ctrl-C ends it");
                }
            }
            let stopped = self.calls.stop.load(Ordering::Relaxed);
            if let Some(status) = status
                && (stopped || !self.tap.has_clients())
            {
                self.sum_up();
                return Ok(Watched { ending: Ok(ending(status)), foreign_writes: self.findings.writes() });
            }
        }
    }

    /// Does what signals ask for.
    fn answer(&mut self, program: Option<&OwnedFd>) {
        let mut bytes = [0; 64];
        while rustix::io::read(&self.calls.wake, &mut bytes).is_ok_and(|read| read > 0) {}
        if self.calls.summary.swap(false, Ordering::Relaxed) {
            self.sum_up();
        }
        let signal = self.calls.forward.swap(0, Ordering::Relaxed);
        if let Some(program) = program {
            // What came before the program's end was meant for it.
            self.calls.stop.store(false, Ordering::Relaxed);
            // It may have ended meanwhile.
            let _ = Signal::from_named_raw(signal).map(|signal| rustix::process::pidfd_send_signal(program, signal));
        }
    }

    /// Reads and drops what the tap has seen.
    fn turn(&mut self) -> Result<(), Trouble> {
        let mut history = History::default();
        let turned = self.tap.turn(&Pids, &mut history);
        turned.map_err(|error| Trouble::system("take what the program says", error))?;
        let mut over = false;
        for event in history.events() {
            match event {
                Event::Opened { session, owner: Witness::Pid(pid) } => {
                    self.findings.opened();
                    self.owners.insert(*session, self.people.who(*pid));
                }
                Event::Wrote { session, writer: Witness::Pid(pid), bytes, frames } => self.wrote(*session, *pid, *bytes, frames),
                Event::ClientClosed { .. } | Event::ServerClosed { .. } => over = true,
                Event::Abandoned { why } => {
                    over = true;
                    self.note(why);
                }
                _ => {}
            }
        }
        if over {
            let known = self.tap.forget_what_is_over();
            self.owners.retain(|session, _| known.contains(session));
        }
        Ok(())
    }

    fn wrote(&mut self, session: SessionId, pid: i32, bytes: u32, frames: &[Frame]) {
        let writer = self.people.who(pid);
        let Some(owner) = self.owners.get(&session).filter(|owner| !Rc::ptr_eq(owner, &writer)) else { return };
        let writing = Writing { session, owner, writer: &writer, bytes, frames };
        if let Some(line) = self.findings.wrote(&writing) {
            self.say(&line);
        }
    }

    fn note(&mut self, why: &str) {
        self.notes += 1;
        match self.notes {
            ..=NOTES => self.say(why),
            _ if self.notes == NOTES + 1 => self.say("further sessions and statements that cannot be served are only counted"),
            _ => {}
        }
    }

    fn say(&mut self, line: &str) {
        (self.tell)(&format!("{} {line}", stamp(SystemTime::now())));
    }

    fn sum_up(&mut self) {
        let (heading, rest) = self.findings.summary();
        self.say(&heading);
        rest.iter().for_each(|line| (self.tell)(line));
        if self.notes > 0 {
            (self.tell)(&format!("  {} sessions or statements could not be served", self.notes));
        }
    }
}

/// What there is to do.
struct Ready {
    tapped: bool,
    called: bool,
    ended: bool,
}

fn wait(tap: &Tap, calls: &Calls, program: Option<BorrowedFd<'_>>) -> Result<Ready, Trouble> {
    let watched = [Some(tap.as_fd()), Some(calls.wake.as_fd()), program];
    let mut ready: Vec<PollFd<'_>> =
        watched.into_iter().flatten().map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)).collect();
    match poll(&mut ready, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(Trouble::system("wait for the program", error)),
    }
    let is = |place: usize| ready.get(place).is_some_and(|descriptor| !descriptor.revents().is_empty());
    Ok(Ready { tapped: is(0), called: is(1), ended: is(2) })
}

/// As many sessions as this process may have descriptors for. The program has its own limit from before.
fn room_for_sessions() -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it is not raised there is less room.
    let _ = rustix::process::setrlimit(Resource::Nofile, raised);
    let descriptors = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let sessions = (descriptors.saturating_sub(SPARE) / DESCRIPTORS).clamp(1, SESSIONS);
    usize::try_from(sessions).unwrap_or(usize::MAX)
}

fn ending(status: ExitStatus) -> Ending {
    match status.signal() {
        Some(signal) => Ending::Signal(signal),
        None => Ending::Code(status.code().unwrap_or_default()),
    }
}
