//! OWN-3: nobody else shuts a session down, cancels its statement or kills it.

use super::bytes::inherited_opportunities;
use crate::history::{Event, SessionId, Witness};
use crate::promise::Promise;
use crate::rules::facts::{Facts, Session};
use crate::rules::{Level, Rule};
use crate::verdict::{Evidence, Verdict};

pub(in crate::rules) const OWN_3: Rule = Rule {
    id: "OWN-3",
    level: Level::Must,
    harm: "a process shuts down, cancels or kills what another one uses",
    sentence: "Nobody but the owner shuts a session's socket down, cancels its statement or kills it.",
    reason: "shutdown(2) on an inherited descriptor, and a cancel request with an inherited key, reach the owner's session without a \
             byte on it (field report F1: server closed the connection unexpectedly; failures: shutdown, cancel inherited).",
    remedy: "Let a child leak what it inherited and leave by _exit, and let nothing in it cancel what its parent runs.",
    remedies: &[
        (Promise::ChildDrops, "Let the child leak what it inherited in place of dropping it, and leave by _exit."),
        (Promise::DisposeBeforeFork, "Start the child by exec, for a pool that keeps sessions after its end was asked for."),
        (Promise::ThreadsOnly, "Report it to the pool's authors: a process that the application did not make is at work."),
    ],
    evidence: "an end of file without a goodbye while the opener's descriptor is open and no step of the owner is in flight; the key \
               or the number in a cancel request or a KILL",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 checkout a\np0 fork p1\np1 return a",
    mutant: "mutant-shutdown",
    kernel: true,
    dirty: false,
    check: nobody_else_meddles,
};

fn nobody_else_meddles(facts: &Facts) -> Verdict {
    let (mut broken, mut exercised) = (Vec::new(), 0);
    for (at, event) in facts.events.iter().enumerate() {
        match event {
            Event::ClientClosed { session, held: true } => broken.extend(shut_down(facts, at, *session)),
            Event::CancelRequested { writer, target: Some(target), .. } => {
                exercised += 1;
                broken.extend(disturbed(facts, at, *writer, *target, "asked the server to cancel what runs on"));
            }
            Event::KillRequested { writer, target: Some(target), ends, .. } => {
                exercised += 1;
                let deed = if *ends { "asked the server to end" } else { "asked the server to cancel what runs on" };
                broken.extend(disturbed(facts, at, *writer, *target, deed));
            }
            _ => {}
        }
    }
    match broken.is_empty() && facts.interleaving.promise == Promise::ThreadsOnly {
        true => Verdict::NotApplicable,
        false => Verdict::on(broken, exercised + inherited_opportunities(facts)),
    }
}

/// The owner still had a descriptor of it, and was not at work; and the server had not ended it before.
fn shut_down(facts: &Facts, at: usize, id: SessionId) -> Option<Evidence> {
    let session = facts.sessions.get(&id).filter(|session| session.server_closed.is_none_or(|closed| closed > at))?;
    let Witness::Process(owner) = session.owner else { return None };
    let life = facts.lives.get(&owner)?;
    // The pid of a process that has ended may be another's by now.
    if life.killed || life.ended.is_some_and(|ended| ended < at) || facts.inside(owner, at).next().is_some() {
        return None;
    }
    let sentence = format!("somebody shut {id} down while {owner}, which opened it, did nothing");
    let others = facts.calls.iter().filter(|call| call.process() != owner && call.at < at);
    let during = others.filter(|call| call.finished.is_none_or(|(finished, _)| finished > at));
    Some(Evidence { at, sentence, details: during.map(|call| format!("during {call}")).collect() })
}

fn disturbed(facts: &Facts, at: usize, writer: Witness, target: SessionId, deed: &str) -> Option<Evidence> {
    let Session { owner, .. } = facts.sessions.get(&target).filter(|session| session.owner != writer)?;
    let details = match writer {
        Witness::Process(process) => facts.inside(process, at).map(|call| format!("during {call}")).collect(),
        Witness::Stranger | Witness::Unseen | Witness::Pid(_) => Vec::new(),
    };
    Some(Evidence { at, sentence: format!("{writer} {deed} {target}, opened by {owner}"), details })
}
