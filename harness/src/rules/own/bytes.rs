//! OWN-1 takes the kernel's word on who wrote.

use std::collections::HashSet;

use crate::history::{Event, Frame, SessionId, Witness};
use crate::interleaving::{Op, Process};
use crate::promise::Promise;
use crate::rules::facts::{Call, Facts, Session, count};
use crate::rules::{Level, Rule};
use crate::verdict::{Evidence, Verdict};

pub(in crate::rules) const OWN_1: Rule = Rule {
    id: "OWN-1",
    level: Level::Must,
    harm: "two processes write on one connection",
    sentence: "Every byte on a session is written by its owner.",
    reason: "Two processes on one connection mix their frames, and the goodbye of one ends the session of the other \
             (field reports F1, F2, F4; failures: finaliser says goodbye, idle connection inherited, health check first).",
    remedy: "Return every connection and dispose and drop the pool before each fork, or let the child leak what it inherited, \
             open its own pool and leave by _exit.",
    remedies: &[
        (
            Promise::ChildUsesPool,
            "Let the child open its own pool and neither use, return nor drop the inherited one, or dispose and drop \
             the pool before each fork.",
        ),
        (
            Promise::ForkWhenIdle,
            "Let the child open its own pool and neither use nor drop the inherited one, or dispose and drop the pool \
             before each fork.",
        ),
        (
            Promise::HookInChild,
            "Do not rely on the hook: let the child open its own pool, or dispose and drop the pool before each fork.",
        ),
        (Promise::ChildDrops, "Let the child leak what it inherited in place of dropping it, and leave by _exit."),
        (Promise::ChildLeaks, "Dispose and drop the pool before each fork, or start the child by exec."),
        (Promise::DisposeBeforeFork, "Start the child by exec, or fork before the pool is opened."),
        (Promise::ExecOnly, "Mark the descriptors close-on-exec, and start the child by posix_spawn or vfork."),
        (Promise::ThreadsOnly, "Report it to the pool's authors: a process that the application did not make is at work."),
    ],
    evidence: "the pid that the kernel attaches to the bytes, compared with the process that connected",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 checkout a\np0 fork p1\np1 return a",
    mutant: "mutant-no-guard",
    kernel: true,
    dirty: false,
    check: only_the_owner_writes,
};

/// Bytes of a process that did not open the session.
pub(in crate::rules) struct Foreign<'a> {
    pub(in crate::rules) at: usize,
    pub(in crate::rules) session: SessionId,
    pub(in crate::rules) writer: Witness,
    owner: Witness,
    bytes: u32,
    frames: &'a [Frame],
    encrypted: bool,
}

/// Every write of a process on a session that it did not open; connections for cancel requests are no sessions.
pub(in crate::rules) fn foreign_writes<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Foreign<'a>> {
    facts.events.iter().enumerate().filter_map(|(at, event)| {
        let Event::Wrote { session, writer, bytes, frames } = event else { return None };
        let known = facts.sessions.get(session).filter(|known| !known.cancels && known.owner != *writer)?;
        let (owner, encrypted) = (known.owner, !facts.transport.shows_frames());
        let seen = *writer != Witness::Unseen && owner != Witness::Unseen;
        seen.then_some(Foreign { at, session: *session, writer: *writer, owner, bytes: *bytes, frames, encrypted })
    })
}

impl std::fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.frames.iter().map(|frame| frame.name).collect();
        let what = match names.as_slice() {
            [] if self.encrypted => "something encrypted".to_owned(),
            [] => "part of a frame".to_owned(),
            names => names.join(", "),
        };
        let unit = if self.bytes == 1 { "byte" } else { "bytes" };
        write!(f, "{} wrote {what}, {} {unit}, on {}, opened by {}", self.writer, self.bytes, self.session, self.owner)
    }
}

fn only_the_owner_writes(facts: &Facts) -> Verdict {
    if let Some(foreign) = foreign_writes(facts).next() {
        let details = match foreign.writer {
            Witness::Process(process) => facts.inside(process, foreign.at).map(|call| format!("during {call}")).collect(),
            Witness::Stranger | Witness::Unseen | Witness::Pid(_) => Vec::new(),
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
pub(super) fn inherited_opportunities(facts: &Facts) -> u32 {
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
pub(in crate::rules) fn inherits(facts: &Facts, process: Process, session: &Session) -> bool {
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
