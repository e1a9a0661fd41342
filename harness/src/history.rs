//! What happened: an append-only list of events, and the questions that rules ask of it.
//!
//! A history is plain data. It knows no socket, no pid table and no clock, so that a saved one can be judged again.

mod event;

use crate::interleaving::Process;
use crate::transport::Transport;

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
    /// Somebody: the transport does not show who.
    Unseen,
    /// A process by its pid, where there is no interleaving that names it: a program is watched.
    Pid(i32),
}

/// Everything that happened in one execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    transport: Transport,
    events: Vec<Event>,
}

impl History {
    /// A history of these events, seen on a Unix socket; for tests and for saved histories.
    pub fn from_events(events: Vec<Event>) -> Self {
        Self { events, ..Self::default() }
    }

    /// A history that begins, of sessions on that transport.
    pub fn on(transport: Transport) -> Self {
        Self { transport, events: Vec::new() }
    }

    /// Its first `number` events.
    pub fn beginning(&self, number: usize) -> Self {
        Self { transport: self.transport, events: self.events.iter().take(number).cloned().collect() }
    }

    /// What carried the sessions, which says what could be seen of them.
    pub fn transport(&self) -> Transport {
        self.transport
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

    /// Where frames cannot be read: the statements that ran, each with the last answer to it, in the order in which they ended. An
    /// invocation that succeeded while nobody else was at work, and the server answered on one session only, ran there: no other
    /// answer came to anybody.
    pub(crate) fn answered_alone(&self) -> Vec<(usize, SessionId, InvocationId)> {
        let mut statements = Vec::new();
        let mut at_work: Vec<&Invocation> = Vec::new();
        let mut alone = None;
        let mut answers: Vec<(usize, SessionId)> = Vec::new();
        for (at, event) in self.events.iter().enumerate() {
            match event {
                Event::Invoked(call) => {
                    at_work.push(call);
                    alone = (at_work.len() == 1 && call.nonce.is_some()).then_some(call.id);
                    answers.clear();
                }
                Event::Answered { session, .. } => {
                    answers.retain(|(_, other)| other != session);
                    answers.push((at, *session));
                }
                Event::Finished { id, outcome } => {
                    let succeeded = matches!(outcome, Outcome::Done | Outcome::Rows(_));
                    if let [(answered, session)] = answers[..]
                        && alone == Some(*id)
                        && succeeded
                    {
                        statements.push((answered, session, *id));
                    }
                    alone = None;
                    at_work.retain(|call| call.id != *id);
                }
                Event::Ended { process, .. } => at_work.retain(|call| call.actor.process != *process),
                _ => {}
            }
        }
        statements
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
            Self::Unseen => f.write_str("somebody"),
            Self::Pid(pid) => write!(f, "pid {pid}"),
        }
    }
}
