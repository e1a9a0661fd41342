//! An interleaving: pool settings, a promise and a list of steps. Plain data; every value of it is valid.
//!
//! It knows nothing of execution: which steps apply is [`crate::model`]'s business.

mod names;
mod op;
mod text;

use std::fmt;

pub use names::{Actor, Handle, PoolName, Process, Thread};
pub use op::{ExitKind, ForkKind, Op, Refusal};
pub use text::{ParseError, parse};

use crate::promise::{Promise, Terms};

/// What is generated, executed, shrunk, saved and replayed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interleaving {
    /// The most connections that each pool may have open.
    pub max_size: u32,
    /// What the application promises; steps that it forbids are skipped.
    pub promise: Promise,
    /// Connections may be returned with an open transaction or changed settings.
    pub dirty: bool,
    /// After the last step the first process ends first; otherwise the youngest.
    pub ancestor_first: bool,
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
    /// The server's reply of this number, from 1, is withheld until the actor is released.
    pub stall: Option<u8>,
    /// The session on which the server replies ends when the actor has been given so many bytes.
    pub cut: Option<u8>,
}

impl Interleaving {
    /// Steps under a promise, returned clean, with the usual end: youngest process first.
    pub fn new(max_size: u32, promise: Promise, steps: Vec<Step>) -> Self {
        Self { max_size, promise, dirty: false, ancestor_first: false, steps }
    }

    /// What the application promises, and in which state it returns connections.
    pub fn terms(&self) -> Terms {
        Terms { promise: self.promise, dirty: self.dirty }
    }
}

impl Step {
    /// A step that is neither stalled nor cut.
    pub fn new(actor: Actor, op: Op) -> Self {
        Self { actor, op, stall: None, cut: None }
    }

    /// The server, or the way to it, does what it should not.
    pub fn is_fault(&self) -> bool {
        self.cut.is_some() || matches!(self.op, Op::EndSession(_) | Op::Refuse(_) | Op::Restart)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<5} {}", self.actor.to_string(), self.op)?;
        self.stall.map_or(Ok(()), |reply| write!(f, " stall={reply}"))?;
        self.cut.map_or(Ok(()), |bytes| write!(f, " cut={bytes}"))
    }
}

impl fmt::Display for Interleaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "pool max_size={}", self.max_size)?;
        writeln!(f, "promise {}", self.terms())?;
        if self.ancestor_first {
            writeln!(f, "order ancestor-first")?;
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}
