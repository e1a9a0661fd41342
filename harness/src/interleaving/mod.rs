//! An interleaving: pool settings, a promise and a list of steps. Plain data; every value of it is valid.
//!
//! It knows nothing of execution: which steps apply is [`crate::model`]'s business.

mod text;

use std::fmt;

pub use text::{ParseError, parse};

use crate::promise::Promise;

/// What is generated, executed, shrunk, saved and replayed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interleaving {
    /// The most connections that each pool may have open.
    pub max_size: u32,
    /// What the application promises; steps that it forbids are skipped.
    pub promise: Promise,
    /// The steps, in the order in which they are started.
    pub steps: Vec<Step>,
}

/// One operation of one actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Who.
    pub actor: Actor,
    /// What.
    pub op: Op,
}

/// A process of an interleaving, `p0` being the first. Never a pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process(pub u8);

/// A thread within its process; `t0` is the thread that was born with the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thread(pub u8);

/// One thread of one process: `p0`, `p0.t1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Actor {
    /// Its process.
    pub process: Process,
    /// Its thread.
    pub thread: Thread,
}

/// The name of a checkout within a process: `a` … `z`, `a1` … `z9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub u8);

/// The name of a pool within a process: `A` … `Z`, `A1` … `Z9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolName(pub u8);

/// An operation. Where a pool has no name the newest of the process is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Opens a pool.
    Open(Option<PoolName>),
    /// Ends a pool the documented way.
    Dispose(Option<PoolName>),
    /// Drops a pool; its destructor runs.
    DropPool(Option<PoolName>),
    /// Forgets a pool; its destructor never runs.
    LeakPool(Option<PoolName>),
    /// Takes a connection out of a pool.
    Checkout(Handle, Option<PoolName>),
    /// Returns a checkout to its pool.
    Return(Handle),
    /// Forgets a checkout; its destructor never runs.
    Leak(Handle),
    /// Asks for a row that names the step and the session.
    Query(Handle),
    /// Writes a row to the ledger.
    Insert(Handle),
    /// Starts a transaction.
    Begin(Handle),
    /// Commits it.
    Commit(Handle),
    /// Rolls it back.
    Rollback(Handle),
    /// Forks a process.
    Fork(Process),
    /// Waits for a child that was told to end, and reaps it.
    Wait(Process),
    /// Ends the process.
    Exit(ExitKind),
    /// Spawns a thread.
    Spawn(Thread),
    /// Joins a thread that this actor spawned; what it held is returned.
    Join(Thread),
    /// Moves a checkout to another thread of the process.
    Send(Handle, Thread),
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExitKind {
    /// `_exit(2)`: nothing runs.
    Now,
    /// `exit(3)`: exit handlers run, destructors do not.
    AtExit,
    /// A return from `main`: the actor's checkouts, then the pools are dropped, then `exit(3)`.
    Main,
    /// A panic that unwinds the actor.
    Panic,
    /// `SIGKILL`.
    Signal,
}

impl ExitKind {
    /// Every kind, gentlest first.
    pub const ALL: [Self; 5] = [Self::Now, Self::AtExit, Self::Main, Self::Panic, Self::Signal];

    /// The word of the text form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::AtExit => "atexit",
            Self::Main => "main",
            Self::Panic => "panic",
            Self::Signal => "signal",
        }
    }
}

impl Process {
    /// The first process of every interleaving.
    pub const FIRST: Self = Self(0);

    /// The actor that was born with the process.
    pub fn main(self) -> Actor {
        Actor { process: self, thread: Thread::MAIN }
    }
}

impl Thread {
    /// The thread that was born with its process.
    pub const MAIN: Self = Self(0);
}

impl Op {
    /// The operation's word in the text form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Dispose(_) => "dispose",
            Self::DropPool(_) => "drop-pool",
            Self::LeakPool(_) => "leak-pool",
            Self::Checkout(..) => "checkout",
            Self::Return(_) => "return",
            Self::Leak(_) => "leak",
            Self::Query(_) => "query",
            Self::Insert(_) => "insert",
            Self::Begin(_) => "begin",
            Self::Commit(_) => "commit",
            Self::Rollback(_) => "rollback",
            Self::Fork(_) => "fork",
            Self::Wait(_) => "wait",
            Self::Exit(_) => "exit",
            Self::Spawn(_) => "spawn",
            Self::Join(_) => "join",
            Self::Send(..) => "send",
        }
    }

    /// The checkout that the operation uses; a `checkout` only makes one.
    pub fn handle(self) -> Option<Handle> {
        match self {
            Self::Return(h) | Self::Leak(h) | Self::Query(h) | Self::Insert(h) => Some(h),
            Self::Begin(h) | Self::Commit(h) | Self::Rollback(h) | Self::Send(h, _) => Some(h),
            _ => None,
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.thread {
            Thread::MAIN => write!(f, "{}", self.process),
            thread => write!(f, "{}.{thread}", self.process),
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        letter(f, b'a', self.0)
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        letter(f, b'A', self.0)
    }
}

/// Names are numbers with a letter in front: 0 is `a`, 25 is `z`, 26 is `a1`.
fn letter(f: &mut fmt::Formatter<'_>, first: u8, number: u8) -> fmt::Result {
    write!(f, "{}", char::from(first + number % 26))?;
    match number / 26 {
        0 => Ok(()),
        round => write!(f, "{round}"),
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Open(pool) | Self::Dispose(pool) | Self::DropPool(pool) | Self::LeakPool(pool) => optional(f, *pool),
            Self::Checkout(handle, pool) => {
                write!(f, " {handle}")?;
                optional(f, *pool)
            }
            Self::Return(h) | Self::Leak(h) | Self::Query(h) | Self::Insert(h) => write!(f, " {h}"),
            Self::Begin(h) | Self::Commit(h) | Self::Rollback(h) => write!(f, " {h}"),
            Self::Fork(process) | Self::Wait(process) => write!(f, " {process}"),
            Self::Exit(kind) => write!(f, " {}", kind.word()),
            Self::Spawn(thread) | Self::Join(thread) => write!(f, " {thread}"),
            Self::Send(handle, thread) => write!(f, " {handle} {thread}"),
        }
    }
}

fn optional(f: &mut fmt::Formatter<'_>, pool: Option<PoolName>) -> fmt::Result {
    pool.map_or(Ok(()), |pool| write!(f, " {pool}"))
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<5} {}", self.actor.to_string(), self.op)
    }
}

impl fmt::Display for Interleaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "pool max_size={}", self.max_size)?;
        writeln!(f, "promise {}", self.promise)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}
