//! The names of an interleaving: processes, threads, checkouts and pools. A name says nothing of what it stands for.

use std::fmt;

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
