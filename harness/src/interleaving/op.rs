//! The operations of an interleaving, and their words in the text form.

use std::fmt;

use super::names::{Handle, PoolName, Process, Thread};

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
    /// Calls the hook that the pool documents for a forked child.
    AfterFork(Option<PoolName>),
    /// Drops the runtime that an asynchronous pool runs on.
    DropRuntime(Option<PoolName>),
    /// Takes a connection out of a pool.
    Checkout(Handle, Option<PoolName>),
    /// Returns a checkout to its pool.
    Return(Handle),
    /// Forgets a checkout; its destructor never runs.
    Leak(Handle),
    /// Asks for a row that names the step and the session.
    Query(Handle),
    /// The same through a prepared statement.
    Prepared(Handle),
    /// Writes a row to the ledger.
    Insert(Handle),
    /// Starts a transaction.
    Begin(Handle),
    /// Commits it.
    Commit(Handle),
    /// Rolls it back.
    Rollback(Handle),
    /// Changes a setting of the session.
    Mark(Handle),
    /// Takes a named lock on the server, if it is free.
    Lock(Handle),
    /// Asks the server to cancel what runs on the session.
    Cancel(Handle),
    /// The administrator ends the session.
    EndSession(Handle),
    /// From now on the server takes no new sessions.
    Refuse(Refusal),
    /// The server takes new sessions again.
    Accept,
    /// The server ends every session, and takes new ones when the last has gone.
    Restart,
    /// Makes a child.
    Fork(Process, ForkKind),
    /// Waits for a child that was told to end, and reaps it.
    Wait(Process),
    /// Replaces the program by one that only holds what it inherits; ends the other actors.
    Exec,
    /// Ends the process.
    Exit(ExitKind),
    /// Spawns a thread.
    Spawn(Thread),
    /// Joins a thread that this actor spawned; what it held is returned.
    Join(Thread),
    /// Moves a checkout to another thread of the process.
    Send(Handle, Thread),
    /// Runs the collector of the agent's language in this process, where it has one.
    Collect,
    /// The actor's step that was stalled goes on.
    Release,
}

/// How a server takes no new sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// It closes a connection as soon as there is one.
    Closed,
    /// It says that it has as many sessions as it may have: PostgreSQL's 53300, MySQL's 1040.
    Full,
}

/// How a child is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ForkKind {
    /// `fork(3)`, with its handlers.
    Fork,
    /// The system call `clone(2)`: no handler of `pthread_atfork` runs.
    Clone,
    /// `clone3(2)`, with the pid of a process that has ended.
    ReusedPid,
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

impl Refusal {
    /// Every kind, the plain one first.
    pub const ALL: [Self; 2] = [Self::Closed, Self::Full];

    /// The word of the text form, which leaves `closed` out.
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Full => "full",
        }
    }
}

impl ForkKind {
    /// Every kind, the usual one first.
    pub const ALL: [Self; 3] = [Self::Fork, Self::Clone, Self::ReusedPid];

    /// The word of the text form, which leaves `fork` out.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Clone => "clone",
            Self::ReusedPid => "reused-pid",
        }
    }
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

impl Op {
    /// The operation's word in the text form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Dispose(_) => "dispose",
            Self::DropPool(_) => "drop-pool",
            Self::LeakPool(_) => "leak-pool",
            Self::AfterFork(_) => "after-fork",
            Self::DropRuntime(_) => "drop-runtime",
            Self::Checkout(..) => "checkout",
            Self::Return(_) => "return",
            Self::Leak(_) => "leak",
            Self::Query(_) => "query",
            Self::Prepared(_) => "prepared",
            Self::Insert(_) => "insert",
            Self::Begin(_) => "begin",
            Self::Commit(_) => "commit",
            Self::Rollback(_) => "rollback",
            Self::Mark(_) => "mark",
            Self::Lock(_) => "lock",
            Self::Cancel(_) => "cancel",
            Self::EndSession(_) => "end-session",
            Self::Refuse(_) => "refuse",
            Self::Accept => "accept",
            Self::Restart => "restart",
            Self::Fork(..) => "fork",
            Self::Wait(_) => "wait",
            Self::Exec => "exec",
            Self::Exit(_) => "exit",
            Self::Spawn(_) => "spawn",
            Self::Join(_) => "join",
            Self::Send(..) => "send",
            Self::Collect => "collect",
            Self::Release => "release",
        }
    }

    /// The checkout that the operation uses; a `checkout` only makes one.
    pub fn handle(self) -> Option<Handle> {
        match self {
            Self::Return(h) | Self::Leak(h) | Self::Send(h, _) | Self::Cancel(h) | Self::EndSession(h) => Some(h),
            _ => self.statement(),
        }
    }

    /// The checkout on which the operation runs a statement.
    pub fn statement(self) -> Option<Handle> {
        match self {
            Self::Query(h) | Self::Prepared(h) | Self::Insert(h) | Self::Mark(h) | Self::Lock(h) => Some(h),
            Self::Begin(h) | Self::Commit(h) | Self::Rollback(h) => Some(h),
            _ => None,
        }
    }

    /// Its statement carries a nonce.
    pub fn has_nonce(self) -> bool {
        matches!(self, Self::Query(_) | Self::Prepared(_) | Self::Insert(_) | Self::Mark(_) | Self::Lock(_))
    }

    /// It changes what the server does for all sessions, and is done by the harness alone.
    pub fn is_the_servers(self) -> bool {
        matches!(self, Self::Refuse(_) | Self::Accept | Self::Restart)
    }

    /// It may reach the server, so that a reply of it can be withheld or cut.
    pub fn reaches_the_wire(self) -> bool {
        matches!(self, Self::Open(_) | Self::Checkout(..) | Self::Return(_) | Self::Dispose(_) | Self::DropPool(_))
            || self.statement().is_some()
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Open(pool) | Self::Dispose(pool) | Self::DropPool(pool) | Self::LeakPool(pool) => optional(f, *pool),
            Self::AfterFork(pool) | Self::DropRuntime(pool) => optional(f, *pool),
            Self::Checkout(handle, pool) => {
                write!(f, " {handle}")?;
                optional(f, *pool)
            }
            Self::Refuse(Refusal::Full) => write!(f, " {}", Refusal::Full.word()),
            Self::Fork(process, ForkKind::Fork) | Self::Wait(process) => write!(f, " {process}"),
            Self::Fork(process, kind) => write!(f, " {process} {}", kind.word()),
            Self::Exit(kind) => write!(f, " {}", kind.word()),
            Self::Spawn(thread) | Self::Join(thread) => write!(f, " {thread}"),
            Self::Send(handle, thread) => write!(f, " {handle} {thread}"),
            other => other.handle().map_or(Ok(()), |handle| write!(f, " {handle}")),
        }
    }
}

fn optional(f: &mut fmt::Formatter<'_>, pool: Option<PoolName>) -> fmt::Result {
    pool.map_or(Ok(()), |pool| write!(f, " {pool}"))
}
