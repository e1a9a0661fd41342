//! What happened: an append-only list of events, and the questions that rules ask of it.
//!
//! A history is plain data. It knows no socket, no pid table and no clock, so that a saved one can be judged again.

mod event;

use crate::interleaving::Process;

pub use event::{Ending, Event, Expectation, Frame, Invocation, Outcome, Skip};

/// The number of an invocation; steps come first, the acts of the epilogue after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvocationId(pub u32);

/// One server connection as the tap saw it, numbered in the order of `accept`: `c0`, `c1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u32);

/// One opened pool; a forked child's copy has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub u32);

/// One checkout; a forked child's copy has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckoutId(pub u32);

/// Who wrote or opened: a process of the interleaving, or one that the harness does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Witness {
    /// A process of the interleaving.
    Process(Process),
    /// Some other process, for instance one that the pool forked by itself.
    Stranger,
    /// A process by its pid, where there is no interleaving that names it: a program is watched.
    Pid(i32),
}

/// Everything that happened in one execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    events: Vec<Event>,
}

impl History {
    /// A history of these events, for tests and for saved histories.
    pub fn from_events(events: Vec<Event>) -> Self {
        Self { events }
    }

    /// Adds what happened last.
    pub fn append(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The events in their order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The invocations with the place of their events.
    pub fn invocations(&self) -> impl Iterator<Item = (usize, &Invocation)> {
        self.events.iter().enumerate().filter_map(|(at, event)| match event {
            Event::Invoked(invocation) => Some((at, invocation)),
            _ => None,
        })
    }

    /// How an invocation finished, and where; `None` if it never did.
    pub fn outcome(&self, id: InvocationId) -> Option<(usize, &Outcome)> {
        self.events.iter().enumerate().find_map(|(at, event)| match event {
            Event::Finished { id: finished, outcome } if *finished == id => Some((at, outcome)),
            _ => None,
        })
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "c{}", self.0)
    }
}

impl std::fmt::Display for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Process(process) => process.fmt(f),
            Self::Stranger => f.write_str("an unknown process"),
            Self::Pid(pid) => write!(f, "pid {pid}"),
        }
    }
}
