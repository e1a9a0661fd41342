//! The embedded servers: every pool is judged on them as on real ones, and nothing has to be installed for that.

use libtest_mimic::Trial;
use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify;
use poolproof::history::Event;
use poolproof::interleaving::Process;
use poolproof::verdict::Verdict;
use poolproof::{Database, Promise, Target};

use crate::lab::{Lab, NEVER, Outcome, ensure, interleaving, run, says, scaled, scratch, target, tool};
use crate::pools;

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (pool, every_thread_is_an_actor) in pools::BREAKING {
        trials.push(Trial::test(format!("{pool} breaks OWN-1 on the embedded server"), move || {
            pools::breaks_own_1(&bench(&target(pool))?, pool, every_thread_is_an_actor)
        }));
    }
    for pool in poolproof_targets::correct() {
        let name = pool.name();
        trials.push(Trial::test(format!("{name} passes on the embedded server"), move || {
            let cell = pools::certify(&bench(&pool)?, name, Promise::Anything, 1, scaled(300, 5000));
            pools::passes(&pool, &cell, scaled(10, 100))
        }));
    }
    trials.push(Trial::test("each source finds a pool without a guard, and the report says so", each_source));
    trials.push(Trial::test("without chance everything is run", whole));
    trials.push(Trial::test("a thread may bear the name of one that was joined", again));
    trials.push(Trial::test("a process that only computes is seen to spin and ended", spinning));
    trials.push(Trial::test("what fails by luck is shown, and no pool is blamed for it", luck));
    trials.push(Trial::test("a replay that is sometimes broken is shown broken, and decides nothing", sometimes));
    trials.push(lab.trial(Database::Postgres, "an effect is looked for on a real server", confirmed));
    trials.push(lab.trial(Database::Postgres, "what only an embedded server shows is no verdict", denied));
    trials
}

/// A bench with the embedded server that a pool needs.
pub(crate) fn bench(target: &Target) -> Result<Bench, libtest_mimic::Failed> {
    let mut bench = Bench::start(&NEVER)?;
    bench.add_server(&ServerChoice::Embedded, target.database())?;
    Ok(bench)
}

/// The order for the new thread must not go to the old one's connection.
fn again() -> Outcome {
    let bench = bench(&target("reference"))?;
    let story = interleaving("p0 spawn t1\np0 fork p1\np0 join t1\np0 spawn t1\np0.t1 open\n");
    for history in certify::execute(&bench, &target("reference"), &vec![story; 30])? {
        let hung = history.events().iter().any(|event| matches!(event, Event::Stuck { .. } | Event::Overdue { .. }));
        ensure(!hung, || format!("{history:#?}"))?;
    }
    Ok(())
}

/// The evidence is the processor's time, not the clock's.
fn spinning() -> Outcome {
    let target = target("spins-in-child");
    let story = interleaving("p0 open\np0 fork p1\np1 checkout a\n");
    let replay = certify::replay(&bench(&target)?, &target, &story, 1)?;
    let overdue = replay.history.events().iter().any(|event| matches!(event, Event::Overdue { .. }));
    ensure(!overdue, || "the clock had to speak".to_owned())?;
    let spun = replay.history.events().iter().find_map(|event| match event {
        Event::Spinning { process, cpu_ms, .. } => Some((*process, *cpu_ms >= 1000)),
        _ => None,
    });
    ensure(spun == Some((Process(1), true)), || format!("{:#?}", replay.history))?;
    let cause =
        replay.judgement.first_cause().map(|(rule, evidence)| (rule.id, evidence.sentence.contains("without a system call")));
    ensure(cause == Some(("LIV-1", true)), || format!("{cause:?}"))
}

/// Whether the pool panics depends on the microsecond in which it is opened.
fn luck() -> Outcome {
    let cell = pools::certify(&bench(&target("moody"))?, "moody", Promise::ThreadsOnly, 1, 150);
    let failure = cell.failures.iter().find(|failure| failure.rule.id == "ISO-2").ok_or("the panic was not seen")?;
    ensure(!failure.is_steady(), || format!("replayed {} of {}", failure.replayed, failure.replays))?;
    let verdict = cell.verdicts.iter().find(|(rule, _)| rule.id == "ISO-2").map(|(_, verdict)| verdict);
    ensure(matches!(verdict, Some(Verdict::NoVerdict(why)) if why.contains("replays")), || format!("{verdict:?}"))
}

/// Whatever the first execution shows.
fn sometimes() -> Outcome {
    let target = target("moody");
    let replay = certify::replay(&bench(&target)?, &target, &interleaving("p0 open\n"), 60)?;
    let cause = replay.judgement.first_cause().map(|(rule, _)| rule.id);
    ensure(cause == Some("ISO-2") && !replay.is_steady(), || format!("{cause:?} in {} of {}", replay.replayed, replay.replays))?;
    ensure(replay.replayed > 0 && replay.replayed < replay.replays, || format!("{} of {}", replay.replayed, replay.replays))
}

/// Which of them finds what is worth knowing: a source that finds nothing in this pool is broken.
fn each_source() -> Outcome {
    let (_directory, path) = scratch();
    let mut command = tool();
    command.args(["certify", "mutant-no-guard", "--promise", "child-uses-pool", "--cases", "80", "--out"]).arg(path);
    let output = run(&mut command);
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("  scenarios 20 cases, ")).ok_or_else(|| text.clone())?;
    let found: Vec<u64> =
        line.split(" · ").filter_map(|part| part.rsplit(", ").next()?.split(' ').next()?.parse().ok()).collect();
    ensure(found.len() == 4 && found.iter().all(|found| *found > 0), || line.to_owned())
}

/// An enumeration that stops before its end says nothing of the rest.
fn whole() -> Outcome {
    let (_directory, path) = scratch();
    let mut command = tool();
    command.args(["certify", "reference", "--promise", "child-uses-pool", "--source", "exhaustive", "--depth", "2", "--out"]);
    // Counted by hand: an open, and after it one of 10 steps. In so few nothing much can be broken.
    says(command.arg(path), 4, &["exhaustive 11 cases, 0 failures", "everything that the sources have"])
}

/// The command does it by itself, where a real server can be started.
fn confirmed(_lab: &Lab) -> Outcome {
    let (_directory, path) = scratch();
    let mut command = tool();
    command.args(["certify", "mutant-counters-copied", "--promise", "child-uses-pool", "--cases", "60", "--out"]).arg(path);
    says(&mut command, 1, &["mutant-counters-copied breaks LIV-2", "Seen on PostgreSQL", "in 5 of 5 executions"])
}

fn denied(lab: &Lab) -> Outcome {
    let target = target("picky");
    let mut cell = pools::certify(&bench(&target)?, "picky", Promise::ThreadsOnly, 1, 20);
    let rule =
        |cell: &certify::Cell| cell.verdicts.iter().find(|(rule, _)| rule.id == "LIV-2").map(|(_, verdict)| verdict.clone());
    ensure(matches!(rule(&cell), Some(Verdict::Failed(_))), || format!("{:?}", cell.verdicts))?;
    certify::ask_second_server(&lab.bench(target.database(), poolproof::execute::Weakness::default()), &target, &mut cell)?;
    ensure(cell.failures.iter().all(|failure| failure.is_steady() && !failure.is_certain()), || format!("{:#?}", cell.failures))?;
    ensure(matches!(rule(&cell), Some(Verdict::NoVerdict(why)) if why.contains("PostgreSQL")), || format!("{:?}", cell.verdicts))
}
