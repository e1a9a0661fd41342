//! Pools that treat the process they live in badly get a verdict like any other, and the run goes on.

use libtest_mimic::Trial;
use poolproof::Promise;
use poolproof::certify::{self, Cell};
use poolproof::rules::{self, Level};
use poolproof::verdict::Verdict;

use crate::embedded::bench;
use crate::lab::{Outcome, ensure, interleaving, target};
use crate::pools;

/// So many interleavings; whatever the pool does, each is executed.
const CASES: u64 = 40;

pub(crate) fn trials() -> Vec<Trial> {
    let breaks = |pool: &'static str, rule: &'static str, words: &'static str| {
        Trial::test(format!("{pool} breaks {rule}, and the run goes on"), move || broken(pool, rule, words))
    };
    vec![
        breaks("hangs-in-query", "LIV-1", "p0"),
        breaks("aborts-in-query", "ISO-2", "SIGABRT"),
        breaks("exits-in-open", "ISO-2", "exit"),
        breaks("panics-in-drop", "ISO-2", "exit code 101"),
        breaks("panics-at-return", "ISO-2", "panicked"),
        Trial::test("what a pool prints hinders nobody", || unblamed("floods-output")),
        Trial::test("a process of the pool's own making is no actor, and may keep no session", helper),
    ]
}

fn certified(pool: &str) -> Result<Cell, libtest_mimic::Failed> {
    let cell = pools::certify(&bench(&target(pool))?, pool, Promise::ThreadsOnly, 1, CASES);
    ensure(cell.cases == CASES, || format!("{} interleavings", cell.cases))?;
    Ok(cell)
}

fn broken(pool: &str, rule: &str, words: &str) -> Outcome {
    let cell = certified(pool)?;
    let found = || cell.failures.iter().map(|failure| (failure.rule.id, failure.replayed)).collect::<Vec<_>>();
    let failure = cell.failures.iter().find(|failure| failure.rule.id == rule).ok_or_else(|| format!("{:?}", found()))?;
    let evidence = failure.judgement.first_cause().map(|(_, evidence)| evidence.sentence.clone()).unwrap_or_default();
    ensure(failure.is_certain() && evidence.contains(words), || format!("{:?} {evidence}\n{}", found(), failure.interleaving))
}

fn unblamed(pool: &str) -> Outcome {
    let cell = certified(pool)?;
    let bad = |(rule, verdict): &&(&rules::Rule, Verdict)| {
        rule.level == Level::Must && matches!(verdict, Verdict::Failed(_) | Verdict::NoVerdict(_))
    };
    let bad: Vec<_> = cell.verdicts.iter().filter(bad).collect();
    ensure(bad.is_empty(), || {
        format!("{bad:#?}\n{:?}", cell.failures.iter().map(|failure| failure.interleaving.to_string()).collect::<Vec<_>>())
    })
}

/// Its child inherits what was open when it was born: nothing at first, a session of the first pool when there is a second one.
fn helper() -> Outcome {
    let target = target("forks-by-itself");
    let bench = bench(&target)?;
    let alone = "promise threads-only\np0 open\np0 checkout a\np0 query a\n";
    let stories = [alone, "promise threads-only\np0 open\np0 checkout a\np0 open B\np0 leak a\n", alone].map(interleaving);
    let histories = certify::execute(&bench, &target, &stories)?;
    let causes = stories.iter().zip(&histories).map(|(story, history)| {
        rules::judge(story, history).first_cause().map(|(rule, evidence)| format!("{}: {}", rule.id, evidence.sentence))
    });
    let causes: Vec<Option<String>> = causes.collect();
    let right = match causes.as_slice() {
        [None, Some(cause), None] => cause.starts_with("CAP-2"),
        _ => false,
    };
    ensure(right, || format!("{causes:?}"))
}
