//! What the harness says of the pools: the known violations are found, the reference passes.

use libtest_mimic::Trial;
use poolproof::bench::Bench;
use poolproof::certify::{self, Cases, Cell, Hunt, Plan};
use poolproof::execute::Weakness;
use poolproof::rules::Level;
use poolproof::verdict::Verdict;
use poolproof::{Promise, Target};

use crate::lab::{Lab, Outcome, ensure, scaled, target};

/// The pools that break OWN-1, and whether every thread of theirs is an actor.
pub(crate) const BREAKING: [(&str, bool); 3] = [("r2d2-postgres", false), ("r2d2-mysql", false), ("mysql", true)];

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (pool, every_thread_is_an_actor) in BREAKING {
        let database = target(pool).database();
        trials.push(lab.trial(database, format!("{pool} breaks OWN-1 in at most six steps"), move |lab| {
            breaks_own_1(&lab.bench(database, Weakness::default()), pool, every_thread_is_an_actor)
        }));
    }
    for pool in poolproof_targets::correct() {
        let name = pool.name();
        trials.push(lab.trial(pool.database(), format!("{name} passes every rule, whatever the application does"), move |lab| {
            passes(&pool, &lab.certify(name, Promise::Anything, 1, scaled(300, 5000)), scaled(10, 100))
        }));
    }
    trials
}

/// The field's first failure: a child uses the inherited pool, and two processes write on one session.
pub(crate) fn breaks_own_1(bench: &Bench, pool: &str, every_thread_is_an_actor: bool) -> Outcome {
    let target = target(pool);
    let (promise, by) = (Promise::ChildUsesPool, Some("OWN-1"));
    let hunt = Hunt { target: &target, promise, seed: 1, cases: 40, by, without: None, faulty: false };
    let kill = certify::hunt(bench, hunt, &mut |_| {})?.kill.ok_or("OWN-1 was not found")?;
    ensure(kill.interleaving.steps.len() <= 6, || format!("too long:\n{}", kill.interleaving))?;
    let replay = certify::replay(bench, &target, &kill.interleaving, 20)?;
    let wanted = if every_thread_is_an_actor { 20 } else { 18 };
    ensure(replay.replayed >= wanted, || format!("replayed {} of {}", replay.replayed, replay.replays))
}

/// A harness that barks at a correct pool is worth nothing; one that never looked is worth nothing either. A pool that serves no child
/// says so, and no other does.
pub(crate) fn passes(pool: &Target, cell: &Cell, opportunities: u64) -> Outcome {
    let wanted = u32::try_from(opportunities)?;
    let refuses = pool.name().starts_with("refusing");
    for (rule, verdict) in &cell.verdicts {
        let passed = match verdict {
            // In a child both refuse what was checked out before the fork; one serves nothing there at all.
            Verdict::Refused => rule.id == "ISO-1" || refuses && ["LIV-2", "LIV-4"].contains(&rule.id),
            verdict => matches!(verdict, Verdict::Passed { exercised } if *exercised >= wanted),
        };
        ensure(passed || rule.level != Level::Must, || format!("{}: {verdict:?}\n{:#?}", rule.id, cell.failures))?;
    }
    Ok(())
}

/// Certifies a pool under a promise.
pub(crate) fn certify(bench: &Bench, pool: &str, promise: Promise, seed: u64, cases: u64) -> Cell {
    let plan = Plan { seed, cases: Cases::Number(cases), workers: 1, ..Plan::default() };
    let known = |_| Ok(Vec::new());
    let mut cells = certify::certify(bench, &target(pool), &[promise], &plan, &known, &mut |_| {}).expect("a run");
    cells.remove(0)
}
