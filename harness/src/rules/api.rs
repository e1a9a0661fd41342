//! What does a pool answer when it is over? A hang, a crash or a wrong answer there is this rule's alone: the rules that ask for them
//! anywhere else leave it out.

use super::facts::{Call, Facts, count};
use super::{Level, Rule, iso, liv, rep};
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
    evidence: "the results of steps on a disposed pool, the proof that one of them does not end, and the end of a process inside one",
    smallest: "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\np0 dispose\np0 query a",
    mutant: "mutant-disposed-panics",
    kernel: false,
    dirty: false,
    check: disposed_pools_answer,
};

fn disposed_pools_answer(facts: &Facts) -> Verdict {
    let answered = || facts.calls.iter().filter(|call| call.finished.is_some() && is_over(facts, call, call.end()));
    let wrong = answered().filter_map(|call| Some((call, rep::wrong_answer(facts, call)?)));
    let endless = liv::delays_anywhere(facts).filter_map(|delay| Some((delay.call?, delay.evidence())));
    let deaths = iso::ends(facts).filter_map(|end| Some((end.inside_a_disposed_pool(facts)?, end.evidence(facts)?)));
    let broken = wrong.chain(endless).chain(iso::panics(facts)).chain(deaths);
    let broken = broken.filter_map(|(call, evidence)| {
        let disposal = disposal(facts, call, evidence.at)?;
        let details = [format!("the pool was disposed in {disposal}")].into_iter().chain(evidence.details).collect();
        Some(Evidence { details, ..evidence })
    });
    match Verdict::on(broken.collect(), count(answered().filter(|call| !call.is_not_offered()))) {
        Verdict::NotExercised if lacks_dispose(facts) => Verdict::NotOffered,
        other => other,
    }
}

/// Pools were to be disposed, and none could be.
fn lacks_dispose(facts: &Facts) -> bool {
    let mut disposals = facts.calls.iter().filter(|call| matches!(call.invocation.op, Op::Dispose(_))).peekable();
    disposals.peek().is_some() && disposals.all(Call::is_not_offered)
}

/// The call is about a pool that was disposed before that place of the history.
pub(super) fn is_over(facts: &Facts, call: &Call, before: usize) -> bool {
    disposal(facts, call, before).is_some()
}

/// What disposed the call's pool: a step of its process, or of an ancestor before it forked.
fn disposal<'a>(facts: &'a Facts<'a>, call: &Call, before: usize) -> Option<&'a Call<'a>> {
    let pool = call.invocation.pool?;
    let disposes = |other: &&Call| {
        let offered = matches!(other.invocation.op, Op::Dispose(_)) && !other.is_not_offered();
        offered && other.at != call.at && other.invocation.pool == Some(pool)
    };
    let mut disposed = facts.calls.iter().filter(disposes);
    disposed.find(|other| {
        lineage(facts, call.process(), before).any(|(process, until)| other.process() == process && other.at < until)
    })
}

/// A process and its ancestors, each with the place until which what it does concerns this one.
fn lineage<'a>(facts: &'a Facts<'a>, process: Process, until: usize) -> impl Iterator<Item = (Process, usize)> + 'a {
    std::iter::successors(Some((process, until)), move |(process, until)| {
        let life = facts.lives.get(process).filter(|life| life.born < *until)?;
        life.parent.map(|parent| (parent, life.born))
    })
}
