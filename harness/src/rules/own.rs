//! Whose session is it? OWN-1 takes the kernel's word on who wrote; OWN-2 follows nonces from checkout to return.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Call, Facts, Level, Rule, Session, count};
use crate::history::{CheckoutId, Event, Frame, SessionId, Witness};
use crate::interleaving::{Actor, Op, Process};
use crate::promise::Promise;
use crate::verdict::{Evidence, Verdict};

pub(super) const OWN_1: Rule = Rule {
    id: "OWN-1",
    level: Level::Must,
    sentence: "Every byte on a session is written by its owner.",
    reason: "Two processes on one connection mix their frames, and the goodbye of one ends the session of the other \
             (field reports F1, F2, F4; failures: finaliser says goodbye, idle connection inherited, health check first).",
    remedy: "Return every connection and dispose and drop the pool before each fork, or let the child leak what it inherited, \
             open its own pool and leave by _exit.",
    kernel: true,
    check: only_the_owner_writes,
};

pub(super) const OWN_2: Rule = Rule {
    id: "OWN-2",
    level: Level::Must,
    sentence: "From checkout to return only the holder's statements run on a session.",
    reason: "A connection that is handed to two at once loses replies and ends the other's transaction (field reports F7, F9; \
             failures: returned twice, two threads one session, two threads reset).",
    remedy: "Give each thread a checkout of its own and use no connection after it was returned or handed on.",
    kernel: false,
    check: only_the_holder_asks,
};

/// Bytes of a process that did not open the session.
pub(super) struct Foreign<'a> {
    pub(super) at: usize,
    pub(super) session: SessionId,
    pub(super) writer: Witness,
    owner: Witness,
    bytes: u32,
    frames: &'a [Frame],
}

/// Every write of a process on a session that it did not open; connections for cancel requests are no sessions.
pub(super) fn foreign_writes<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Foreign<'a>> {
    facts.events.iter().enumerate().filter_map(|(at, event)| {
        let Event::Wrote { session, writer, bytes, frames } = event else { return None };
        let known = facts.sessions.get(session).filter(|known| !known.cancels && known.owner != *writer)?;
        Some(Foreign { at, session: *session, writer: *writer, owner: known.owner, bytes: *bytes, frames })
    })
}

impl std::fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.frames.iter().map(|frame| frame.name).collect();
        let what = if names.is_empty() { "part of a frame".to_owned() } else { names.join(", ") };
        let unit = if self.bytes == 1 { "byte" } else { "bytes" };
        write!(f, "{} wrote {what}, {} {unit}, on {}, opened by {}", self.writer, self.bytes, self.session, self.owner)
    }
}

fn only_the_owner_writes(facts: &Facts) -> Verdict {
    if let Some(foreign) = foreign_writes(facts).next() {
        let details = match foreign.writer {
            Witness::Process(process) => facts.inside(process, foreign.at).map(|call| format!("during {call}")).collect(),
            Witness::Stranger | Witness::Pid(_) => Vec::new(),
        };
        return Verdict::Failed(Evidence { at: foreign.at, sentence: foreign.to_string(), details });
    }
    if facts.interleaving.promise == Promise::ThreadsOnly {
        return Verdict::NotApplicable;
    }
    Verdict::on(Vec::new(), inherited_opportunities(facts))
}

/// For each session, the steps and the ends of other running processes that inherited it, as long as it was open. Where the
/// application ends its pools before each fork, a session that was open before is an opportunity too: to be still open.
fn inherited_opportunities(facts: &Facts) -> u32 {
    let mut opportunities = 0;
    for session in facts.sessions.values().filter(|session| !session.cancels) {
        let closed = session.client_closed.unwrap_or(usize::MAX);
        let heirs: HashSet<Process> = facts.lives.keys().copied().filter(|process| inherits(facts, *process, session)).collect();
        if facts.interleaving.promise == Promise::DisposeBeforeFork {
            opportunities += count(heirs.iter().filter(|heir| facts.lives[heir].born > closed));
        }
        let steps = facts.calls.iter().filter(|call| call.finished.is_some() && !matches!(call.invocation.op, Op::Exit(_)));
        opportunities += count(steps.filter(|call| call.at < closed && heirs.contains(&call.process())));
        // An end begins before it closes what it inherited, and is over after that.
        opportunities +=
            count(heirs.iter().filter(|heir| facts.lives[heir].ended.is_some_and(|at| began(facts, **heir, at) < closed)));
    }
    opportunities
}

/// The process was forked, directly or through ancestors, by the session's owner when it had opened the session.
fn inherits(facts: &Facts, process: Process, session: &Session) -> bool {
    let Some(mut life) = facts.lives.get(&process) else { return false };
    while let Some((parent, above)) = life.parent.and_then(|parent| Some((parent, facts.lives.get(&parent)?))) {
        if session.owner == Witness::Process(parent) {
            return life.born > session.opened;
        }
        if above.born >= life.born {
            return false;
        }
        life = above;
    }
    false
}

/// Where the end of a process began: where it was told to end, if it was.
fn began(facts: &Facts, process: Process, ended: usize) -> usize {
    let exit = |call: &&Call| call.process() == process && matches!(call.invocation.op, Op::Exit(_));
    facts.calls.iter().find(exit).map_or(ended, |call| call.at)
}

/// Who holds which checkout, from its success to the start of its return. A forked child's copy of a checkout is held by nobody:
/// the holder is the process that checked it out.
#[derive(Default)]
struct Holders<'a> {
    held: BTreeMap<CheckoutId, (Actor, &'a Call<'a>)>,
}

impl<'a> Holders<'a> {
    fn follow(&mut self, facts: &'a Facts<'a>, event: &Event) {
        match event {
            Event::Invoked(invocation) => {
                let actor = invocation.actor;
                match (invocation.op, invocation.checkout) {
                    (Op::Return(_), Some(checkout)) => {
                        self.release(|held, holder| held == checkout && holder.process == actor.process)
                    }
                    (Op::Join(thread), _) => self.release(|_, holder| holder == Actor { thread, ..actor }),
                    _ => {}
                }
            }
            Event::Finished { id, .. } => {
                let Some(call) = facts.call(*id).filter(|call| call.succeeded()) else { return };
                let Some(checkout) = call.invocation.checkout else { return };
                match (call.invocation.op, self.held.get_mut(&checkout)) {
                    (Op::Checkout(..), _) => drop(self.held.insert(checkout, (call.invocation.actor, call))),
                    (Op::Send(_, thread), Some((holder, _))) if holder.process == call.process() => holder.thread = thread,
                    _ => {}
                }
            }
            Event::Ended { process, .. } => self.release(|_, holder| holder.process == *process),
            _ => {}
        }
    }

    /// Somebody else holds a connection of the pool, or the very checkout: the statement can disturb them.
    fn others(&self, call: &Call, checkout: CheckoutId) -> bool {
        let same_pool = |taken: &Call| taken.invocation.pool == call.invocation.pool;
        let differs = |held: CheckoutId, holder: Actor| held != checkout || holder != call.invocation.actor;
        self.held.iter().any(|(held, (holder, taken))| same_pool(taken) && differs(*held, *holder))
    }

    fn release(&mut self, ends: impl Fn(CheckoutId, Actor) -> bool) {
        self.held.retain(|checkout, (holder, _)| !ends(*checkout, *holder));
    }
}

fn only_the_holder_asks(facts: &Facts) -> Verdict {
    let mut holders = Holders::default();
    let mut users: HashMap<SessionId, Vec<CheckoutId>> = HashMap::new();
    let (mut broken, mut exercised) = (Vec::new(), 0);
    for (at, event) in facts.events.iter().enumerate() {
        holders.follow(facts, event);
        let Event::Wrote { session, frames, .. } = event else { continue };
        for call in facts.askers(frames) {
            let Some(checkout) = call.invocation.checkout else { continue };
            let before = users.entry(*session).or_default();
            let other = before.iter().find(|other| **other != checkout && holders.held.contains_key(other));
            let own = holders.held.get(&checkout);
            let disputed = own.filter(|(holder, _)| is_anothers(facts, call, *holder, *session)).map(|_| &checkout);
            if let Some((holder, taken)) = other.or(disputed).and_then(|checkout| holders.held.get(checkout)) {
                let sentence = format!("{call} ran on {session} while {holder} held it");
                broken.push(Evidence { at, sentence, details: vec![format!("held since {taken}")] });
            }
            exercised += u32::from(holders.others(call, checkout));
            let at_home = own.is_some_and(|(holder, _)| holder.process == call.process());
            if at_home && !before.contains(&checkout) {
                before.push(checkout);
            }
        }
    }
    Verdict::on(broken, exercised)
}

/// The caller is not the checkout's holder. A child that was given a session of its own for what it inherited disturbs nobody.
fn is_anothers(facts: &Facts, call: &Call, holder: Actor, session: SessionId) -> bool {
    let its_own = || facts.sessions.get(&session).is_some_and(|known| known.owner == Witness::Process(call.process()));
    holder != call.invocation.actor && (holder.process == call.process() || !its_own())
}
