//! A history, read once for all rules, and the questions that several of them ask.

use std::collections::{BTreeMap, HashMap};

use crate::history::{Event, Frame, History, Invocation, InvocationId, Outcome, SessionId, Witness};
use crate::interleaving::{Interleaving, Process};
use crate::nonce::Nonce;
use crate::transport::Transport;

/// A history, read once for all rules.
pub(super) struct Facts<'a> {
    pub(super) interleaving: &'a Interleaving,
    pub(super) events: &'a [Event],
    /// In the order of their start.
    pub(super) calls: Vec<Call<'a>>,
    pub(super) numbers: HashMap<InvocationId, usize>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) lives: BTreeMap<Process, Life>,
    pub(super) transport: Transport,
    /// Where frames cannot be read: the statements that ran all the same, by the place of their last answer.
    answered: BTreeMap<usize, (SessionId, InvocationId)>,
    /// Where and why the harness gave up.
    pub(super) abandoned: Option<(usize, &'a str)>,
}

/// One invocation with the places of its start and of its end.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) at: usize,
    pub(super) invocation: &'a Invocation,
    pub(super) finished: Option<(usize, &'a Outcome)>,
}

/// One connection to the server.
pub(super) struct Session {
    pub(super) owner: Witness,
    pub(super) opened: usize,
    pub(super) client_closed: Option<usize>,
    pub(super) server_closed: Option<usize>,
    pub(super) cancels: bool,
}

/// One process.
#[derive(Default)]
pub(super) struct Life {
    pub(super) parent: Option<Process>,
    pub(super) born: usize,
    pub(super) ended: Option<usize>,
    pub(super) killed: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn of(interleaving: &'a Interleaving, history: &'a History) -> Self {
        let mut facts = Self {
            interleaving,
            events: history.events(),
            calls: Vec::new(),
            numbers: HashMap::new(),
            sessions: BTreeMap::new(),
            lives: BTreeMap::new(),
            transport: history.transport(),
            answered: BTreeMap::new(),
            abandoned: None,
        };
        if !facts.transport.shows_frames() {
            facts.answered = history.answered_alone().into_iter().map(|(at, session, id)| (at, (session, id))).collect();
        }
        for (at, event) in facts.events.iter().enumerate() {
            facts.read(at, event);
        }
        facts
    }

    fn read(&mut self, at: usize, event: &'a Event) {
        match event {
            Event::Born { process, parent } => {
                self.lives.insert(*process, Life { parent: *parent, born: at, ..Life::default() });
            }
            Event::Invoked(invocation) => {
                self.numbers.insert(invocation.id, self.calls.len());
                self.calls.push(Call { at, invocation, finished: None });
            }
            Event::Finished { id, outcome } => {
                if let Some(call) = self.numbers.get(id).and_then(|number| self.calls.get_mut(*number)) {
                    call.finished.get_or_insert((at, outcome));
                }
            }
            Event::Opened { session, owner } => {
                let opened = Session { owner: *owner, opened: at, client_closed: None, server_closed: None, cancels: false };
                self.sessions.insert(*session, opened);
            }
            Event::CancelRequested { session, .. } => self.with_session(*session, |session| session.cancels = true),
            Event::ClientClosed { session, .. } => self.with_session(*session, |session| session.client_closed = Some(at)),
            Event::ServerClosed { session } => self.with_session(*session, |session| session.server_closed = Some(at)),
            Event::Ended { process, .. } => self.lives.entry(*process).or_default().ended = Some(at),
            Event::Killed { process } => self.lives.entry(*process).or_default().killed = true,
            Event::Abandoned { why } => self.abandoned = self.abandoned.or(Some((at, why))),
            _ => {}
        }
    }

    fn with_session(&mut self, session: SessionId, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.sessions.get_mut(&session) {
            change(session);
        }
    }

    pub(super) fn call(&self, id: InvocationId) -> Option<&Call<'a>> {
        self.numbers.get(&id).and_then(|number| self.calls.get(*number))
    }

    /// The invocation that asked with this nonce.
    pub(super) fn asker(&self, nonce: Nonce) -> Option<&Call<'a>> {
        self.call(InvocationId(nonce.step)).filter(|call| call.invocation.nonce == Some(nonce))
    }

    /// The invocations whose statements are among these frames.
    pub(super) fn askers(&self, frames: &'a [Frame]) -> impl Iterator<Item = &Call<'a>> {
        frames.iter().filter_map(|frame| self.asker(frame.nonce?))
    }

    /// The statements that carried a nonce: where, on which session, whose.
    pub(super) fn statements(&self) -> impl Iterator<Item = (usize, SessionId, &Call<'a>)> {
        let places = self.events.iter().enumerate();
        places.flat_map(|(at, event)| self.statements_of(at, event).map(move |(session, call)| (at, session, call)))
    }

    /// Those of one event. Where frames cannot be read it is the answer that shows on which session a statement ran.
    pub(super) fn statements_of(&self, at: usize, event: &'a Event) -> impl Iterator<Item = (SessionId, &Call<'a>)> {
        let (wrote, answered) = match event {
            Event::Wrote { session, frames, .. } => (Some((*session, frames)), None),
            Event::Answered { .. } => (None, self.answered.get(&at)),
            _ => (None, None),
        };
        let wrote = wrote.into_iter().flat_map(|(session, frames)| self.askers(frames).map(move |call| (session, call)));
        wrote.chain(answered.and_then(|(session, id)| Some((*session, self.call(*id)?))))
    }

    /// The invocations that a process was inside of at a place of the history.
    pub(super) fn inside(&self, process: Process, at: usize) -> impl Iterator<Item = &Call<'a>> {
        let of_process = self.calls.iter().filter(move |call| call.process() == process && call.at < at);
        of_process.filter(move |call| call.finished.is_none_or(|(finished, _)| finished > at))
    }
}

impl Call<'_> {
    pub(super) fn process(&self) -> Process {
        self.invocation.actor.process
    }

    /// Where it was over; what never was lasts as long as the history.
    pub(super) fn end(&self) -> usize {
        self.finished.map_or(usize::MAX, |(at, _)| at)
    }

    pub(super) fn succeeded(&self) -> bool {
        matches!(self.finished, Some((_, Outcome::Done | Outcome::Rows(_))))
    }

    /// Both use one checkout, or copies of it.
    pub(super) fn same_checkout(&self, other: &Call) -> bool {
        self.invocation.checkout.is_some() && self.invocation.checkout == other.invocation.checkout
    }

    pub(super) fn is_not_offered(&self) -> bool {
        matches!(self.finished, Some((_, Outcome::NotOffered)))
    }
}

impl std::fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}'s step {} ({})", self.invocation.actor, self.invocation.id.0, self.invocation.op)
    }
}

pub(super) fn count(opportunities: impl Iterator) -> u32 {
    u32::try_from(opportunities.count()).unwrap_or(u32::MAX)
}
