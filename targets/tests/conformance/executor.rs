//! The executor's own promises: the order of events, the epilogue, attribution, transparency. Each test fails if the executor is
//! given the weakness that it is about; where chance does not decide, the test shows that too.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use poolproof::bench::{Bench, ServerChoice};
use poolproof::execute::{TapShim, Weakness};
use poolproof::generate;
use poolproof::history::{Event, History, Outcome as StepOutcome, Witness};
use poolproof::interleaving::{Interleaving, Op, Process, Step};
use poolproof::trouble::Trouble;
use poolproof::{Database, Promise};
use poolproof_targets::around_the_tap;

use crate::lab::{Lab, NEVER, Outcome, ensure, interleaving, run, says, scaled, scratch, target, tool};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let postgres = |name: &'static str, test: fn(&Lab) -> Outcome| lab.trial(Database::Postgres, name, test);
    let mut trials = vec![
        postgres("whatever an actor wrote stands before its done", order_of_events),
        postgres("the epilogue ends the youngest process first", youngest_first),
        postgres("a goodbye after the server's end is still seen", late_goodbye),
        postgres("the ledger is read after the last EOF", ledger_last),
        postgres("a driver that goes around the tap ends the run", around),
        postgres("a driver that waits for a server past the tap ends the run", silent_around),
        postgres("a checkout that waits stays in flight until it is released", waiter),
        postgres("a process that hangs is proved stuck and ended", stuck),
        postgres("every kind of exit is told apart", exits),
    ];
    for database in [Database::Postgres, Database::MySql] {
        let name = format!("without attribution nothing is certified on {}", database.name());
        trials.push(lab.trial(database, name, move |lab| blind(lab, database)));
    }
    for pool in ["reference", "mysql"] {
        let name = format!("the tap changes no result of {pool}");
        trials.push(lab.trial(target(pool).database(), name, move |lab| transparent(lab, pool)));
    }
    trials
}

/// Random interleavings of a correct pool, in which many processes and threads act.
fn many(count: u64) -> Vec<Interleaving> {
    (0..count).map(|index| generate::nth(Promise::ChildUsesPool, 11, 100 + index)).collect()
}

/// How often a process wrote while none of its steps was in flight. A pool without background threads never does: where it seems
/// to, its bytes were taken after the answer that followed them.
fn out_of_order(history: &History) -> usize {
    let (mut open, mut late) = (Vec::new(), 0);
    for event in history.events() {
        match event {
            Event::Invoked(invocation) => open.push((invocation.id, invocation.actor.process)),
            Event::Finished { id, .. } => open.retain(|(invoked, _)| invoked != id),
            Event::Wrote { writer: Witness::Process(process), .. } => {
                late += usize::from(!open.iter().any(|(_, actor)| actor == process));
            }
            _ => {}
        }
    }
    late
}

fn order_of_events(lab: &Lab) -> Outcome {
    let interleavings = many(150);
    let count = |weakness, some| lab.histories("reference", weakness, some).iter().map(out_of_order).sum::<usize>();
    ensure(count(Weakness::default(), &interleavings) == 0, || "bytes stand after the answer that followed them".to_owned())?;
    // Much of it then waits for what was read in the wrong order.
    let weak = count(Weakness { control_first: true, ..Weakness::default() }, &interleavings[..30]);
    ensure(weak > 0, || "the test does not notice messages that are appended before the tap was drained".to_owned())
}

fn ends(history: &History) -> Vec<Process> {
    let ended = history.events().iter().filter_map(|event| match event {
        Event::Ended { process, .. } => Some(*process),
        _ => None,
    });
    ended.collect()
}

/// In order of birth the parent is gone before its child's destructors do their damage.
fn youngest_first(lab: &Lab) -> Outcome {
    let story = [interleaving("p0 open\np0 checkout a\np0 fork p1\np1 fork p2\n")];
    let order = |weakness| ends(&lab.histories("reference", weakness, &story)[0]);
    let expected = vec![Process(2), Process(1), Process(0)];
    ensure(order(Weakness::default()) == expected, || format!("{:?}", order(Weakness::default())))?;
    let weak = order(Weakness { oldest_first: true, ..Weakness::default() });
    ensure(weak != expected, || "the test does not notice the other order".to_owned())?;
    // And the survivors look again after each end.
    let history = &lab.histories("reference", Weakness::default(), &story)[0];
    let first_end = history.events().iter().position(|event| matches!(event, Event::Ended { .. })).unwrap_or(usize::MAX);
    let looks = |(at, invocation): (usize, &poolproof::history::Invocation)| {
        at > first_end && invocation.actor == Process(0).main() && matches!(invocation.op, Op::Query(_))
    };
    ensure(history.invocations().filter(|seen| looks(*seen)).count() >= 2, || "the survivor did not look twice".to_owned())
}

/// The parent ends the session in order; the child's goodbye comes when the server has closed it.
fn late_goodbye(lab: &Lab) -> Outcome {
    let text = "p0 open\np0 checkout a\np0 return a\np0 fork p1\np0 drop-pool\n\
                p0 open\np0 checkout b\np0 query b\np0 return b\np1 drop-pool\n";
    let story = vec![interleaving(text); 20];
    // The goodbyes that came after the server's end, and how many of them were seen.
    let seen = |weakness| {
        let histories = lab.histories("mutant-no-guard", weakness, &story);
        let late = histories.iter().filter_map(goodbye_after_the_end).collect::<Vec<_>>();
        (late.len(), late.iter().filter(|seen| **seen).count())
    };
    let (late, noticed) = seen(Weakness::default());
    ensure(late > 0 && noticed == late, || format!("{noticed} of {late} late goodbyes were seen"))?;
    let early = Weakness { tap: TapShim { closes_early: true, ..TapShim::default() }, ..Weakness::default() };
    let (late, noticed) = seen(early);
    ensure(noticed < late, || "the test does not notice a tap that closes early".to_owned())
}

/// Whether the child's goodbye was seen; `None` where the server had not closed the session when the child began.
fn goodbye_after_the_end(history: &History) -> Option<bool> {
    let child = Process(1);
    let begins = |event: &Event| matches!(event, Event::Invoked(begun) if begun.actor.process == child);
    let (closed, begun) = (position(history, |event| matches!(event, Event::ServerClosed { .. }))?, position(history, begins)?);
    let writes = |event: &Event| matches!(event, Event::Wrote { writer, .. } if *writer == Witness::Process(child));
    (closed < begun).then(|| history.events().iter().any(writes))
}

fn position(history: &History, wanted: impl Fn(&Event) -> bool) -> Option<usize> {
    history.events().iter().position(wanted)
}

/// Every session's end stands before the ledger.
fn ledger_is_last(history: &History) -> bool {
    let Some(ledger) = position(history, |event| matches!(event, Event::Ledger { .. })) else { return false };
    let count = |wanted: fn(&Event) -> bool| history.events()[..ledger].iter().filter(|event| wanted(event)).count();
    let opened = count(|event| matches!(event, Event::Opened { .. }));
    opened > 0 && opened == count(|event| matches!(event, Event::ServerClosed { .. }))
}

fn ledger_last(lab: &Lab) -> Outcome {
    let story = vec![interleaving("p0 open\np0 checkout a\np0 begin a\np0 insert a\np0 commit a\np0 exit now\n"); 30];
    let last = |weakness| lab.histories("reference", weakness, &story).iter().filter(|history| ledger_is_last(history)).count();
    ensure(last(Weakness::default()) == 30, || "the ledger was read before the last EOF".to_owned())?;
    let weak = last(Weakness { ledger_early: true, ..Weakness::default() });
    ensure(weak < 30, || "the test does not notice a ledger that is read early".to_owned())
}

/// Every command that runs something ends with the exit code of the environment.
fn blind(lab: &Lab, database: Database) -> Outcome {
    let mut bench = Bench::start(&NEVER)?;
    bench.weaken(Weakness { tap: TapShim { blind: true, ..TapShim::default() }, ..Weakness::default() });
    let added = bench.add_server(&ServerChoice::Url(lab.url(database).to_owned()), database);
    ensure(matches!(added, Err(Trouble::CannotAttribute)), || format!("{added:?}"))?;
    let pool = if database == Database::Postgres { "reference" } else { "mysql" };
    let (_directory, path) = with_a_query()?;
    let certified = path.join(pool).join("certificate.json");
    let certify = ["certify", pool, "--cases", "5", "--out"];
    run(tool().args(certify).arg(&path));
    ensure(certified.is_file(), || "there is no certificate".to_owned())?;
    let (url, certified) = (lab.url(database), certified.to_string_lossy());
    let (protocol, mutant) = match database {
        Database::Postgres => ("postgres", "no-guard"),
        Database::MySql => ("mysql", "no-guard-mysql"),
    };
    let others: [&[&str]; 5] = [
        &["verify", &certified, "--sample", "5", "--server", url],
        // The doctor looks at both databases, and each is blind.
        &["doctor", "--server", url],
        &["mutants", mutant, "--server", url],
        &["check-agent", "cat", "--database", protocol],
        &["watch", "--server", url, "--", "true"],
    ];
    for arguments in judging(pool, &path, url).iter().chain(&others.map(words)) {
        says(tool().args(arguments).env(WEAKNESS, "blind"), 3, &["cannot attribute"])?;
    }
    Ok(())
}

fn words(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|word| (*word).to_owned()).collect()
}

/// The commands that execute interleavings of a pool on a server: those of a directory, where they need some.
fn judging(pool: &str, directory: &Path, url: &str) -> [Vec<String>; 5] {
    let (inputs, kept) = (directory.join("inputs"), directory.join("kept"));
    let [file, inputs, kept, out] =
        [inputs.join("query.interleaving"), inputs, kept, directory.join("out")].map(|path| path.display().to_string());
    let commands: [&[&str]; 5] = [
        &["certify", pool, "--cases", "5", "--out", &out, "--server", url],
        &["replay", &file, "--pool", pool, "--server", url],
        &["agree", pool, "--cases", "5", "--server", url],
        &["corpus", "cover", &inputs, "--pool", pool, "--server", url],
        &["corpus", "minimise", &inputs, &kept, "--pool", pool, "--server", url],
    ];
    commands.map(words)
}

/// What makes the tool weak.
const WEAKNESS: &str = "POOLPROOF_TEST_WEAKNESS";

/// A directory with an interleaving, which goes with the test.
fn with_a_query() -> Result<(tempfile::TempDir, PathBuf), Failed> {
    let (directory, path) = scratch();
    std::fs::create_dir(path.join("inputs"))?;
    std::fs::write(path.join("inputs/query.interleaving"), "p0 open\np0 checkout a\np0 query a\n")?;
    Ok((directory, path))
}

/// Every command that runs something refuses, with the exit code of the environment.
fn around(lab: &Lab) -> Outcome {
    let bench = lab.bench(Database::Postgres, Weakness::default());
    let direct = bench.direct_config(Database::Postgres).ok_or("a server")?.socket;
    refused(lab, &direct)
}

/// Nobody is blamed for waiting for a server that the harness does not know.
fn silent_around(lab: &Lab) -> Outcome {
    let (_directory, path) = scratch();
    let direct = path.join("silent");
    let _listener = UnixListener::bind(&direct)?;
    refused(lab, &direct)
}

/// No command judges a pool whose driver knows this way to a server.
fn refused(lab: &Lab, direct: &Path) -> Outcome {
    let (_directory, path) = with_a_query()?;
    for arguments in judging(around_the_tap::NAME, &path, lab.url(Database::Postgres)) {
        says(tool().args(arguments).env(around_the_tap::DIRECT, direct), 3, &["without passing the tap"])?;
    }
    Ok(())
}

/// The steps' results without what differs from run to run: the nonce and the server's name for a session.
fn results(history: &History) -> Vec<String> {
    let plain = |outcome: Option<&StepOutcome>| match outcome {
        None => "never".to_owned(),
        Some(StepOutcome::Rows(rows)) => format!("{} rows", rows.len()),
        Some(StepOutcome::Error { kind, .. }) => format!("{kind:?}"),
        Some(other) => format!("{other:?}"),
    };
    let result = |(_, invocation): (usize, &poolproof::history::Invocation)| {
        format!("{} {}: {}", invocation.actor, invocation.op, plain(history.outcome(invocation.id).map(|(_, outcome)| outcome)))
    };
    history.invocations().map(result).collect()
}

fn transparent(lab: &Lab, pool: &str) -> Outcome {
    // Under this promise no session is shared, so that results do not depend on who is quicker.
    let all = (60..).map(|index| generate::nth(Promise::DisposeBeforeFork, 5, index));
    // Without the tap nothing is withheld or cut, and nobody knows which session is to be ended.
    let needs_the_tap = |step: &Step| step.stall.is_some() || step.is_fault();
    let plain = all.filter(|interleaving| !interleaving.steps.iter().any(needs_the_tap));
    let interleavings: Vec<_> = plain.take(scaled(200, 1000) as usize).collect();
    let with = lab.histories(pool, Weakness::default(), &interleavings);
    let without = lab.histories(pool, Weakness { untapped: true, ..Weakness::default() }, &interleavings);
    for ((with, without), interleaving) in with.iter().zip(&without).zip(&interleavings) {
        let taps = without.events().iter().any(|event| matches!(event, Event::Opened { .. }));
        ensure(!taps, || "the tap was not left out".to_owned())?;
        ensure(results(with) == results(without), || format!("{interleaving}\n{:#?}\n{:#?}", results(with), results(without)))?;
    }
    Ok(())
}

/// A step that must wait for another actor does not stop the others.
fn waiter(lab: &Lab) -> Outcome {
    let story = [interleaving("p0 open\np0 spawn t1\np0 checkout a\np0.t1 checkout b\np0 query a\np0 return a\np0.t1 query b\n")];
    let history = &lab.histories("reference", Weakness::default(), &story)[0];
    let begun = |word: &str| history.invocations().find(|(_, invocation)| invocation.op.to_string() == word).map(|(at, _)| at);
    let finished = |word: &str| {
        let (_, invocation) = history.invocations().find(|(_, invocation)| invocation.op.to_string() == word)?;
        history.outcome(invocation.id)
    };
    let Some((waited, StepOutcome::Done)) = finished("checkout b") else {
        return Err(format!("{history:#?}").into());
    };
    let other = finished("query a").map(|(other, _)| other);
    // While one waited another stepped; and who waited was served when the connection came back, not before. He may say so before
    // the one who returned it does.
    ensure(other.is_some_and(|other| begun("checkout b") < Some(other)), || format!("{history:#?}"))?;
    ensure(begun("return a").is_some_and(|returning| returning < waited), || format!("{history:#?}"))
}

/// The proof needs no time limit: the checkout may take five seconds, and is given up in a fraction of them.
fn stuck(lab: &Lab) -> Outcome {
    let story = [interleaving("p0 open\np0 fork p1\np1 checkout a\n")];
    let history = &lab.histories("hangs-in-child", Weakness::default(), &story)[0];
    let overdue = history.events().iter().any(|event| matches!(event, Event::Overdue { .. }));
    ensure(!overdue, || "the clock had to speak".to_owned())?;
    let proof = history.events().iter().find_map(|event| match event {
        Event::Stuck { process, threads, .. } => Some((*process, threads.len())),
        _ => None,
    });
    ensure(proof == Some((Process(1), 1)), || format!("{history:#?}"))?;
    ensure(ends(history).len() == 2, || "somebody was left".to_owned())
}

/// Each kind ends the process as its real counterpart does.
fn exits(lab: &Lab) -> Outcome {
    use poolproof::history::Ending::{Code, Signal};
    for (kind, ending) in [("now", Code(0)), ("atexit", Code(0)), ("main", Code(0)), ("panic", Code(101)), ("signal", Signal(9))]
    {
        for actor in ["p0", "p0.t1"] {
            let story = [interleaving(&format!("p0 open\np0 spawn t1\np0 checkout a\n{actor} exit {kind}\n"))];
            let history = &lab.histories("reference", Weakness::default(), &story)[0];
            let ended = history.events().iter().find_map(|event| match event {
                Event::Ended { ending, .. } => Some(*ending),
                _ => None,
            });
            ensure(ended == Some(ending), || format!("{actor} exit {kind}: {ended:?}"))?;
        }
    }
    Ok(())
}
