//! What the harness says of the pools: the known violations are found, the reference passes, each mutant falls.

use libtest_mimic::Trial;
use poolproof::rules::Level;
use poolproof::verdict::Verdict;
use poolproof::{Database, Promise};

use crate::lab::{Lab, Outcome, ensure, scaled, target};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (pool, every_thread_is_an_actor) in [("r2d2-postgres", false), ("r2d2-mysql", false), ("mysql", true)] {
        let database = target(pool).database();
        trials.push(lab.trial(database, format!("{pool} breaks OWN-1 in at most six steps"), move |lab| {
            breaks_own_1(lab, pool, every_thread_is_an_actor)
        }));
    }
    trials.push(lab.trial(Database::Postgres, "the reference passes every rule while its child uses the pool", reference_passes));
    trials.push(lab.trial(Database::Postgres, "what fails by luck is shown, and no pool is blamed for it", luck));
    for mutant in poolproof_targets::mutants() {
        let name = mutant.target.name();
        trials.push(lab.trial(mutant.target.database(), format!("{name} falls by {}", mutant.rule), move |lab| {
            (1..=scaled(1, 10)).try_for_each(|seed| {
                let cell = lab.certify(name, mutant.promise, seed, 300);
                let found: Vec<&str> = cell.failures.iter().map(|failure| failure.rule.id).collect();
                ensure(found.contains(&mutant.rule), || format!("seed {seed}: {found:?} in {} interleavings", cell.cases))
            })
        }));
    }
    trials
}

/// The field's first failure: a child uses the inherited pool, and two processes write on one session.
fn breaks_own_1(lab: &Lab, pool: &str, every_thread_is_an_actor: bool) -> Outcome {
    let cell = lab.certify(pool, Promise::ChildUsesPool, 1, 40);
    let failure = cell.failures.iter().find(|failure| failure.rule.id == "OWN-1").ok_or("OWN-1 was not found")?;
    ensure(failure.interleaving.steps.len() <= 6, || format!("too long:\n{}", failure.interleaving))?;
    let wanted = if every_thread_is_an_actor { 20 } else { 18 };
    ensure(failure.replayed >= wanted, || format!("replayed {} of {}", failure.replayed, failure.replays))
}

/// A harness that barks at a correct pool is worth nothing; one that never looked is worth nothing either.
fn reference_passes(lab: &Lab) -> Outcome {
    let cell = lab.certify("reference", Promise::ChildUsesPool, 1, scaled(500, 5000));
    let wanted = u32::try_from(scaled(10, 100))?;
    for (rule, verdict) in &cell.verdicts {
        let passed = matches!(verdict, Verdict::Passed { exercised } if *exercised >= wanted);
        ensure(passed || rule.level != Level::Must, || format!("{}: {verdict:?}\n{:#?}", rule.id, cell.failures))?;
    }
    Ok(())
}

/// Whether the pool panics depends on a number that the system gives, in a different order every time.
fn luck(lab: &Lab) -> Outcome {
    let cell = lab.certify("moody", Promise::ThreadsOnly, 1, 40);
    let failure = cell.failures.iter().find(|failure| failure.rule.id == "ISO-2").ok_or("the panic was not seen")?;
    ensure(!failure.is_steady(), || format!("replayed {} of {}", failure.replayed, failure.replays))?;
    let verdict = cell.verdicts.iter().find(|(rule, _)| rule.id == "ISO-2").map(|(_, verdict)| verdict);
    ensure(matches!(verdict, Some(Verdict::NoVerdict(why)) if why.contains("replays")), || format!("{verdict:?}"))
}
