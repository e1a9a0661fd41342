//! Every adapter does what the steps ask of it, and what is known of its pool is seen.

use libtest_mimic::Trial;
use poolproof::certify;
use poolproof::history::{Event, Outcome as Answer};
use poolproof::rules::{Level, Rule};
use poolproof::verdict::Verdict;
use poolproof::{Promise, Target};

use crate::embedded::bench;
use crate::lab::{Outcome, ensure, interleaving, scaled, target};
use crate::pools;

pub(crate) fn trials() -> Vec<Trial> {
    let correct: Vec<&str> = poolproof_targets::correct().iter().map(Target::name).collect();
    let adapters = poolproof_targets::pools().into_iter().filter(|pool| !correct.contains(&pool.name()));
    let trials = adapters.flat_map(|pool| {
        let name = pool.name();
        [
            Trial::test(format!("{name} does what it is told"), move || does_what_it_is_told(&pool)),
            Trial::test(format!("{name} passes without a fork"), move || passes_without_a_fork(&pool)),
        ]
    });
    let writing = WRITING.map(|name| {
        Trial::test(format!("a child writes on a connection of {name}"), move || in_a_child(&target(name), Some("OWN-1")))
    });
    let spared = SPARED.map(|name| {
        Trial::test(format!("a child of {name} opens a connection of its own"), move || in_a_child(&target(name), None))
    });
    trials.chain(writing).chain(spared).collect()
}

/// Each kind of operation, and a connection that is used again. A pool is disposed with nothing out, and with something out, which it
/// must not wait for. What a crate does not have it says.
fn does_what_it_is_told(pool: &Target) -> Outcome {
    let story = "p0 open\np0 checkout a\np0 query a\np0 prepared a\np0 begin a\np0 insert a\np0 commit a\np0 begin a\np0 insert a\n\
                 p0 rollback a\np0 cancel a\np0 return a\np0 checkout a\np0 prepared a\np0 query a\np0 return a\np0 dispose\np0 drop-pool\n\
                 p0 open\np0 checkout b\np0 insert b\np0 dispose\np0 query b\np0 return b\np0 drop-runtime\n";
    let replay = certify::replay(&bench(pool)?, pool, &interleaving(&format!("pool max_size=1\n{story}")), 1)?;
    let cause = replay.judgement.first_cause().map(|(rule, _)| rule.id);
    ensure(cause.is_none(), || format!("{cause:?}: {:#?}", replay.history))?;
    for (_, invocation) in replay.history.invocations().filter(|(_, invocation)| invocation.step.is_some()) {
        let answer = replay.history.outcome(invocation.id).map(|(_, answer)| answer);
        let fine = matches!(answer, Some(Answer::Done | Answer::Rows(_) | Answer::NotOffered));
        ensure(fine, || format!("{}: {answer:?}", invocation.op))?;
    }
    let skipped = replay.history.events().iter().find(|event| matches!(event, Event::Skipped { .. } | Event::Abandoned { .. }));
    ensure(skipped.is_none(), || format!("{skipped:?}"))
}

fn passes_without_a_fork(pool: &Target) -> Outcome {
    let cell = pools::certify(&bench(pool)?, pool.name(), Promise::ThreadsOnly, 1, scaled(15, 200));
    let wakes_nobody = WAKES_NOBODY.contains(&pool.shared().unwrap_or(pool.name()));
    let counts = |rule: &Rule| rule.level == Level::Must && !(wakes_nobody && rule.id == "LIV-2");
    let broken = cell.failures.iter().find(|failure| counts(failure.rule));
    ensure(broken.is_none(), || format!("{broken:#?}"))?;
    let undecided = cell.verdicts.iter().find(|(rule, verdict)| counts(rule) && matches!(verdict, Verdict::NoVerdict(_)));
    ensure(undecided.is_none(), || format!("{undecided:?}"))
}

/// Who waits for a place that a broken connection leaves is not woken: see docs/findings.md.
const WAKES_NOBODY: [&str; 2] = ["r2d2-postgres", "mysql"];

/// The pools of which a child writes on the connection that is idle at the fork.
const WRITING: [&str; 8] = [
    "deadpool-postgres",
    "deadpool-verified",
    "deadpool-clean",
    "bb8-postgres",
    "mobc-postgres",
    "sqlx-postgres",
    "sqlx-mysql",
    "mysql-async",
];

/// The same pools with a driver that is safe: what was broken was broken by the driver.
const SPARED: [&str; 6] =
    ["deadpool-neutral", "deadpool-neutral-mysql", "bb8-neutral", "bb8-neutral-mysql", "mobc-neutral", "mobc-neutral-mysql"];

/// A child uses the inherited pool, with a connection idle in it.
fn in_a_child(pool: &Target, wanted: Option<&str>) -> Outcome {
    let story = "pool max_size=1\npromise child-uses-pool\np0 open\np0 checkout a\np0 query a\np0 return a\np0 fork p1\n\
                 p1 checkout a\np1 query a\n";
    let replay = certify::replay(&bench(pool)?, pool, &interleaving(story), 1)?;
    let cause = replay.judgement.first_cause().map(|(rule, _)| rule.id);
    ensure(cause == wanted, || format!("{cause:?}, not {wanted:?}: {:#?}", replay.history))
}
