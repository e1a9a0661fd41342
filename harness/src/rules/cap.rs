//! Are there too many sessions? CAP-1 counts those in use at once; CAP-2 those that outlive every process.

mod disposed;

use std::collections::{BTreeMap, HashMap};

use super::facts::{Call, Facts, count};
use super::{Level, Rule};
use crate::history::{Event, Expectation, PoolId, SessionId};
use crate::interleaving::{Op, Process};
use crate::promise::Promise;
use crate::verdict::{Evidence, Verdict};

pub(super) use disposed::CAP_3;

pub(super) const CAP_1: Rule = Rule {
    id: "CAP-1",
    level: Level::Must,
    harm: "there are more connections in use than allowed",
    sentence: "A pool never has more than `max_size` sessions in use.",
    reason: "The server's limit is shared by all: one pool above its share locks others out (field report F6: no more connections \
             allowed; failures: engine per call).",
    remedy: "Make one pool per process and let it live as long as the process; put the server's limit above the sum of all pools.",
    remedies: &[],
    evidence: "more than `max_size` sessions of which each serves a nonce after the last of them opened",
    smallest: "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\np0 checkout b\np0 query a\np0 query b",
    mutant: "mutant-one-too-many",
    kernel: false,
    dirty: false,
    check: pools_keep_their_size,
};

pub(super) const CAP_2: Rule = Rule {
    id: "CAP-2",
    level: Level::Must,
    harm: "connections are left when all has ended",
    sentence: "When every process has ended, no session is left.",
    reason: "A session that nobody owns holds its locks and its place on the server (failures: orphan after dispose, \
             exec keeps it).",
    remedy: "Return every connection before the pool is disposed, and mark descriptors close-on-exec.",
    remedies: &[(Promise::ExecOnly, "Mark the descriptors close-on-exec, and end the programs that were executed.")],
    evidence: "the end of each session at the server's side",
    smallest: "pool max_size=1\npromise threads-only\np0 open\np0 checkout a",
    mutant: "mutant-helper-process",
    kernel: false,
    dirty: false,
    check: no_session_is_left,
};

fn pools_keep_their_size(facts: &Facts) -> Verdict {
    let max = usize::try_from(facts.interleaving.max_size.max(1)).unwrap_or(usize::MAX);
    let mut served: HashMap<(Process, PoolId), BTreeMap<SessionId, usize>> = HashMap::new();
    let mut broken = Vec::new();
    for (at, session, call) in facts.statements() {
        // What a child inherited is not of its pool's making.
        let (Some(pool), false) = (call.invocation.pool, call.invocation.inherited) else { continue };
        let last_served = served.entry((call.process(), pool)).or_default();
        last_served.insert(session, at);
        if last_served.len() > max && !has_more(facts, call, at) {
            broken.extend(crowd(facts, last_served, at, max).map(|names| Evidence {
                at,
                sentence: format!("a pool of {} has {} sessions in use, and {max} is its limit", call.process(), names.len()),
                details: vec![names.join(", ")],
            }));
        }
    }
    // A checkout beyond the pool's size is the temptation to open one session more.
    let tempted = facts.calls.iter().filter(|call| call.finished.is_some() && call.invocation.expected == Expectation::Block);
    Verdict::on(broken, count(tempted))
}

/// More than `max` sessions that are open and that each served after the last of them was opened.
fn crowd(facts: &Facts, last_served: &BTreeMap<SessionId, usize>, at: usize, max: usize) -> Option<Vec<String>> {
    let open = last_served.iter().filter_map(|(id, last)| {
        let session = facts.sessions.get(id)?;
        let closed = [session.client_closed, session.server_closed].into_iter().flatten().min();
        closed.is_none_or(|closed| closed > at).then_some((*id, session.opened, *last))
    });
    let open: Vec<_> = open.collect();
    open.iter().find_map(|(_, latest, _)| {
        let together = open.iter().filter(|(_, opened, last)| opened <= latest && last > latest);
        let names: Vec<_> = together.map(|(id, ..)| id.to_string()).collect();
        (names.len() > max).then_some(names)
    })
}

/// The process has disposed the pool, or called the hook that may put another in its place: the checkouts that were out then add to
/// its capacity.
fn has_more(facts: &Facts, call: &Call, at: usize) -> bool {
    facts.ended_its_pool(call, at, |op| matches!(op, Op::Dispose(_) | Op::AfterFork(_)))
}

fn no_session_is_left(facts: &Facts) -> Verdict {
    let sessions = || facts.sessions.iter().filter(|(_, session)| !session.cancels);
    let cancels = |id: &SessionId| facts.sessions.get(id).is_some_and(|session| session.cancels);
    let left = facts.events.iter().enumerate().find_map(|(at, event)| match event {
        Event::SessionsLeft { sessions } => sessions.iter().any(|id| !cancels(id)).then_some((at, sessions.as_slice())),
        _ => None,
    });
    if let Some((at, left)) = left {
        return still_there(facts, at, left.iter().copied().filter(|id| !cancels(id)));
    }
    if sessions().all(|(_, session)| session.server_closed.is_some()) {
        return Verdict::on(Vec::new(), count(sessions()));
    }
    match facts.lives.iter().find(|(_, life)| life.ended.is_none()) {
        Some((process, _)) => Verdict::NoVerdict(format!("the history stops before the end of {process}")),
        None => {
            let open = sessions().filter(|(_, session)| session.server_closed.is_none());
            still_there(facts, facts.events.len().saturating_sub(1), open.map(|(id, _)| *id))
        }
    }
}

fn still_there(facts: &Facts, at: usize, left: impl Iterator<Item = SessionId>) -> Verdict {
    let names: Vec<_> = left.map(|id| owned(facts, id)).collect();
    let sentence = format!("every process has ended, and the server still has {}", names.join(", "));
    Verdict::Failed(Evidence { at, sentence, details: Vec::new() })
}

fn owned(facts: &Facts, id: SessionId) -> String {
    facts.sessions.get(&id).map_or_else(|| id.to_string(), |session| format!("{id}, opened by {}", session.owner))
}
