//! What does a pool answer when it is over?

use super::facts::{Call, Facts, count};
use super::{Level, Rule, rep};
use crate::history::{Event, Outcome};
use crate::interleaving::{Op, Process};
use crate::promise::Promise;
use crate::verdict::{Evidence, Verdict};

pub(super) const API_1: Rule = Rule {
    id: "API-1",
    level: Level::Must,
    harm: "a closed pool hangs, crashes or answers wrongly",
    sentence: "A pool that was disposed, and a connection of it, answers with an error or with its own session's answer; never with \
               a hang, a crash or another's.",
    reason: "One thread ends the pool while another is in the middle of a statement: that is how every shutdown looks (failures: \
             disposed under a user).",
    remedy: "Wait until nobody uses the pool before it is disposed, and ask nothing of it afterwards.",
    remedies: &[(
        Promise::ChildUsesPool,
        "Wait until nobody uses the pool before it is disposed, and let no child use a pool that its parent has disposed.",
    )],
    evidence: "the results of steps on a disposed pool, and the proof that one of them does not end",
    smallest: "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\np0 dispose\np0 query a",
    mutant: "mutant-disposed-panics",
    kernel: false,
    dirty: false,
    check: disposed_pools_answer,
};

fn disposed_pools_answer(facts: &Facts) -> Verdict {
    let mut broken = Vec::new();
    let is_over = |call: &&Call| call.invocation.pool.is_some() && was_disposed(facts, call);
    let over: Vec<&Call> = facts.calls.iter().filter(is_over).collect();
    for call in &over {
        if let Some((at, Outcome::Panicked(words))) = call.finished {
            let sentence = format!("{call} panicked, on a pool that was disposed");
            broken.push(Evidence { at, sentence, details: vec![words.clone()] });
        }
        broken.extend(rep::wrong_answer(facts, call));
    }
    for (at, event) in facts.events.iter().enumerate() {
        let (Event::Stuck { id, .. } | Event::Spinning { id, .. } | Event::Overdue { id, .. }) = event else { continue };
        if let Some(call) = over.iter().find(|call| call.invocation.id == *id) {
            let sentence = format!("{call} does not end, on a pool that was disposed");
            broken.push(Evidence { at, sentence, details: Vec::new() });
        }
    }
    Verdict::on(broken, count(over.iter().filter(|call| call.finished.is_some() && !call.is_not_offered())))
}

/// The pool was disposed before the call was over: by its process, or by an ancestor before it forked.
fn was_disposed(facts: &Facts, call: &Call) -> bool {
    let until = call.finished.map_or(usize::MAX, |(at, _)| at);
    let disposes = |other: &&Call| {
        let offered = matches!(other.invocation.op, Op::Dispose(_)) && !other.is_not_offered();
        offered && other.at != call.at && other.invocation.pool == call.invocation.pool
    };
    let mut disposed = facts.calls.iter().filter(disposes);
    disposed
        .any(|other| lineage(facts, call.process(), until).any(|(process, until)| other.process() == process && other.at < until))
}

/// A process and its ancestors, each with the place until which what it does concerns this one.
fn lineage<'a>(facts: &'a Facts<'a>, process: Process, until: usize) -> impl Iterator<Item = (Process, usize)> + 'a {
    std::iter::successors(Some((process, until)), move |(process, until)| {
        let life = facts.lives.get(process).filter(|life| life.born < *until)?;
        life.parent.map(|parent| (parent, life.born))
    })
}
