//! The rules, and how one execution is judged by them.
//!
//! Judging is pure: it sees an interleaving and a finished history, never a pool, a socket or a clock. Each family of rules
//! has a file; this one has the list, what the rules share, and the telling apart of first cause and consequences.

mod cap;
mod iso;
mod liv;
mod own;
mod rep;
#[cfg(test)]
mod tests;
mod txn;

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::history::{Event, Frame, History, Invocation, InvocationId, Outcome, SessionId, Witness};
use crate::interleaving::{Interleaving, Op, Process};
use crate::nonce::Nonce;
use crate::verdict::{Evidence, Verdict};

/// The edition of the rules; a new MUST enters only a new one.
pub const EDITION: &str = "2026.1";

/// Every rule, in the order of the rulebook.
pub const ALL: &[Rule] = &[
    own::OWN_1,
    own::OWN_2,
    rep::REP_1,
    txn::TXN_1,
    txn::TXN_2,
    liv::LIV_1,
    liv::LIV_2,
    liv::LIV_3,
    iso::ISO_1,
    iso::ISO_2,
    cap::CAP_1,
    cap::CAP_2,
];

/// The rule of that id.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}

/// How binding a rule is, in the words of RFC 2119.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// A pool that breaks it fails.
    Must,
    /// A pool that breaks it is told so.
    Should,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// What it demands.
    pub sentence: &'static str,
    /// Why, with the field report or the row of the list of failures that it comes from.
    pub reason: &'static str,
    /// What a user of a pool that breaks it should do.
    pub remedy: &'static str,
    /// It rests on the kernel's word: what was seen before the harness gave up stands.
    kernel: bool,
    check: fn(&Facts) -> Verdict,
}

impl Rule {
    /// It rests on what the kernel witnessed, and not on what a server or a pool answered.
    pub fn is_witnessed(&self) -> bool {
        self.kernel
    }
}

/// All verdicts of one execution.
#[derive(Debug)]
pub struct Judgement {
    /// Each rule with its verdict, in the order of [`ALL`].
    pub verdicts: Vec<(&'static Rule, Verdict)>,
}

/// All verdicts of one execution, in the order of [`ALL`], first cause and consequences told apart.
pub fn judge(interleaving: &Interleaving, history: &History) -> Judgement {
    judge_by(ALL, interleaving, history)
}

fn judge_by(rules: &'static [Rule], interleaving: &Interleaving, history: &History) -> Judgement {
    let facts = Facts::of(interleaving, history);
    let mut judgement = Judgement { verdicts: rules.iter().map(|rule| (rule, rule.verdict(&facts))).collect() };
    if let Some((first, _)) = judgement.first_cause() {
        for (rule, verdict) in &mut judgement.verdicts {
            if rule.id != first.id {
                *verdict = std::mem::replace(verdict, Verdict::NotExercised).after(first.id);
            }
        }
    }
    judgement
}

impl Judgement {
    /// The rule that was broken first, with its evidence.
    pub fn first_cause(&self) -> Option<(&'static Rule, &Evidence)> {
        let failed = self.verdicts.iter().filter_map(|(rule, verdict)| match verdict {
            Verdict::Failed(evidence) => Some((*rule, evidence)),
            _ => None,
        });
        // Of equals the first one is taken, so that the order of the rules decides.
        failed.min_by_key(|(_, evidence)| evidence.at)
    }

    /// The rules that were broken after the first one, with their evidence.
    pub fn consequences(&self) -> impl Iterator<Item = (&'static Rule, &Evidence)> {
        self.verdicts.iter().filter_map(|(rule, verdict)| match verdict {
            Verdict::Consequence { evidence, .. } => Some((*rule, evidence)),
            _ => None,
        })
    }

    /// Why some rule has no verdict.
    pub fn no_verdict(&self) -> Option<&str> {
        self.verdicts.iter().find_map(|(_, verdict)| match verdict {
            Verdict::NoVerdict(why) => Some(why.as_str()),
            _ => None,
        })
    }

    /// The verdict of the rule of that id.
    pub fn verdict(&self, id: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|(rule, _)| rule.id == id).map(|(_, verdict)| verdict)
    }
}

impl Rule {
    fn verdict(&self, facts: &Facts) -> Verdict {
        let checked = catch_unwind(AssertUnwindSafe(|| (self.check)(facts))).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Verdict::NoVerdict(format!("rule {} crashed: {}", self.id, words.unwrap_or("a panic without words")))
        });
        match (checked, facts.abandoned) {
            (verdict, None) => verdict,
            (Verdict::Failed(seen), Some((at, _))) if self.kernel && seen.at < at => Verdict::Failed(seen),
            (_, Some((_, why))) => Verdict::NoVerdict(why.to_owned()),
        }
    }
}

/// A history, read once for all rules.
struct Facts<'a> {
    interleaving: &'a Interleaving,
    events: &'a [Event],
    /// In the order of their start.
    calls: Vec<Call<'a>>,
    numbers: HashMap<InvocationId, usize>,
    sessions: BTreeMap<SessionId, Session>,
    lives: BTreeMap<Process, Life>,
    /// Where and why the harness gave up.
    abandoned: Option<(usize, &'a str)>,
}

/// One invocation with the places of its start and of its end.
#[derive(Clone, Copy)]
struct Call<'a> {
    at: usize,
    invocation: &'a Invocation,
    finished: Option<(usize, &'a Outcome)>,
}

/// One connection to the server.
struct Session {
    owner: Witness,
    opened: usize,
    client_closed: Option<usize>,
    server_closed: Option<usize>,
    cancels: bool,
}

/// One process.
#[derive(Default)]
struct Life {
    parent: Option<Process>,
    born: usize,
    ended: Option<usize>,
    killed: bool,
}

impl<'a> Facts<'a> {
    fn of(interleaving: &'a Interleaving, history: &'a History) -> Self {
        let mut facts = Self {
            interleaving,
            events: history.events(),
            calls: Vec::new(),
            numbers: HashMap::new(),
            sessions: BTreeMap::new(),
            lives: BTreeMap::new(),
            abandoned: None,
        };
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

    fn call(&self, id: InvocationId) -> Option<&Call<'a>> {
        self.numbers.get(&id).and_then(|number| self.calls.get(*number))
    }

    /// The invocation that asked with this nonce.
    fn asker(&self, nonce: Nonce) -> Option<&Call<'a>> {
        self.call(InvocationId(nonce.step)).filter(|call| call.invocation.nonce == Some(nonce))
    }

    /// The invocations whose statements are among these frames.
    fn askers(&self, frames: &'a [Frame]) -> impl Iterator<Item = &Call<'a>> {
        frames.iter().filter_map(|frame| self.asker(frame.nonce?))
    }

    /// The statements that carried a nonce: where, on which session, whose.
    fn statements(&self) -> impl Iterator<Item = (usize, SessionId, &Call<'a>)> {
        let wrote = self.events.iter().enumerate().filter_map(|(at, event)| match event {
            Event::Wrote { session, frames, .. } => Some((at, *session, frames)),
            _ => None,
        });
        wrote.flat_map(|(at, session, frames)| self.askers(frames).map(move |call| (at, session, call)))
    }

    /// The invocations that a process was inside of at a place of the history.
    fn inside(&self, process: Process, at: usize) -> impl Iterator<Item = &Call<'a>> {
        let of_process = self.calls.iter().filter(move |call| call.process() == process && call.at < at);
        of_process.filter(move |call| call.finished.is_none_or(|(finished, _)| finished > at))
    }

    /// The process had begun to end the call's pool in one of these ways before that place of the history.
    fn ended_its_pool(&self, call: &Call, before: usize, ways: fn(Op) -> bool) -> bool {
        let ends = |other: &&Call| other.at != call.at && ways(other.invocation.op) && !other.is_not_offered();
        let mut earlier = self.calls.iter().take_while(|other| other.at < before).filter(ends);
        earlier.any(|other| other.process() == call.process() && other.invocation.pool == call.invocation.pool)
    }

    /// As [`Facts::ended_its_pool`], disposed or dropped: an error is then a right answer.
    fn may_err(&self, call: &Call, finished: usize) -> bool {
        self.ended_its_pool(call, finished, |op| matches!(op, Op::Dispose(_) | Op::DropPool(_)))
    }
}

impl Call<'_> {
    fn process(&self) -> Process {
        self.invocation.actor.process
    }

    fn succeeded(&self) -> bool {
        matches!(self.finished, Some((_, Outcome::Done | Outcome::Rows(_))))
    }

    fn is_not_offered(&self) -> bool {
        matches!(self.finished, Some((_, Outcome::NotOffered)))
    }
}

impl std::fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}'s step {} ({})", self.invocation.actor, self.invocation.id.0, self.invocation.op)
    }
}

fn count(opportunities: impl Iterator) -> u32 {
    u32::try_from(opportunities.count()).unwrap_or(u32::MAX)
}
