//! Faults of the server, on real servers and on embedded ones: what a pool meets, and that nothing of them is left afterwards.

use libtest_mimic::{Failed, Trial};
use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify;
use poolproof::generate::nth_faulty;
use poolproof::history::{Event, History, Outcome as StepOutcome};
use poolproof::interleaving::{Interleaving, Op, Step};
use poolproof::neutral::{Connection, Driver, MySql, Postgres};
use poolproof::rules::judge;
use poolproof::{Database, Promise};
use poolproof_targets::Mutant;

use crate::inside::{Place, Test, in_both_places};
use crate::lab::{Lab, NEVER, Outcome, ensure, interleaving, says, scaled, target, tool};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let tests: [(&str, Test); 5] = [
        ("a reply that is cut is lost, and what it answered is done", reply_is_cut),
        ("a connect is cut at any byte, and the next one serves", connect_is_cut),
        ("a server that is restarted has no old sessions and takes new ones", restarted),
        ("a server that refuses takes nobody until it accepts again, or the steps end", refuses),
        ("correct pools keep every rule where the server fails", correct),
    ];
    let mut trials = Vec::new();
    for pool in ["reference", "reference-mysql"] {
        for (name, test) in tests {
            trials.extend(in_both_places(lab, target(pool), name, test));
        }
        let name = format!("'refuse full' says what a full server says ({pool})");
        trials.push(lab.trial(target(pool).database(), name, move |_| words_of_a_full_server(pool)));
        trials.push(Trial::test(format!("what only a fault reveals is not found without one ({pool})"), move || {
            without_faults(target(pool).database())
        }));
    }
    trials.push(Trial::test("faults are a source of their own, and its failures replay", source));
    trials
}

fn outcome<'a>(history: &'a History, words: &str) -> Result<&'a StepOutcome, Failed> {
    let called = |call: &poolproof::history::Invocation| format!("{} {}", call.actor, call.op) == words;
    let call = history.invocations().map(|(_, call)| call).find(|call| called(call));
    let found = call.and_then(|call| history.outcome(call.id)).map(|(_, outcome)| outcome);
    found.ok_or_else(|| format!("'{words}' has no outcome in {history:#?}").into())
}

fn succeeds(history: &History, words: &str) -> Outcome {
    let outcome = outcome(history, words)?;
    ensure(matches!(outcome, StepOutcome::Done | StepOutcome::Rows(_)), || format!("{words}: {outcome:?} in {history:#?}"))
}

fn fails(history: &History, words: &str) -> Result<String, Failed> {
    match outcome(history, words)? {
        StepOutcome::Error { message, .. } => Ok(message.clone()),
        other => Err(format!("{words}: {other:?} in {history:#?}").into()),
    }
}

fn count(history: &History, wanted: fn(&Event) -> bool) -> usize {
    history.events().iter().filter(|event| wanted(event)).count()
}

fn rows(history: &History) -> usize {
    let ledger =
        history.events().iter().find_map(|event| if let Event::Ledger { rows } = event { Some(rows.len()) } else { None });
    ledger.unwrap_or_default()
}

fn keeps_the_rules(story: &Interleaving, history: &History) -> Outcome {
    let judgement = judge(story, history);
    let first = judgement.first_cause().map(|(rule, evidence)| format!("{}: {}\n{story}", rule.id, evidence.sentence));
    ensure(first.is_none(), || first.unwrap_or_default())?;
    ensure(judgement.no_verdict().is_none(), || format!("{:?}\n{story}", judgement.no_verdict()))
}

fn told(place: &Place, text: &str) -> Result<History, Failed> {
    let story = interleaving(text);
    let history = place.history(text)?;
    keeps_the_rules(&story, &history)?;
    Ok(history)
}

const START: &str = "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\n";

fn reply_is_cut(place: &Place) -> Outcome {
    let history = told(place, &format!("{START}p0 insert a cut=0\np0 return a\n"))?;
    fails(&history, "p0 insert a")?;
    ensure(rows(&history) == 1, || format!("the server had done it: {history:#?}"))?;
    let history = told(place, &format!("{START}p0 begin a\np0 insert a\np0 commit a cut=0\np0 return a\n"))?;
    fails(&history, "p0 commit a")?;
    ensure(rows(&history) == 1, || format!("the server had committed: {history:#?}"))?;
    let history = told(place, &format!("{START}p0 begin a\np0 insert a cut=0\np0 rollback a\np0 return a\n"))?;
    ensure(rows(&history) == 0, || format!("the server rolls back what lost its session: {history:#?}"))?;
    let history = told(place, &format!("{START}p0 query a cut=20\np0 query a\np0 return a\np0 checkout b\np0 query b\n"))?;
    fails(&history, "p0 query a")?;
    succeeds(&history, "p0 query b")?;
    let history = told(place, &format!("{START}p0 return a cut=0\np0 checkout b\np0 query b\n"))?;
    succeeds(&history, "p0 query b")
}

fn connect_is_cut(place: &Place) -> Outcome {
    let story = |bytes: u32| {
        let steps = format!("p0 checkout a cut={bytes}\np0 checkout b\np0 query b\n");
        interleaving(&format!("pool max_size=1\npromise threads-only\np0 open\n{steps}"))
    };
    let stories: Vec<Interleaving> = [0, 1, 4, 9, 40, 70, 100].map(story).into();
    for (story, history) in stories.iter().zip(place.histories(&stories)?) {
        keeps_the_rules(story, &history)?;
        let cut = count(&history, |event| matches!(event, Event::Cut { .. }));
        let never = count(&history, |event| matches!(event, Event::NeverCut { .. }));
        ensure(cut + never == 1, || format!("{cut} cut, {never} not: {history:#?}"))?;
        match cut {
            // What is said in a connect differs from server to server.
            0 => succeeds(&history, "p0 checkout a")?,
            _ => succeeds(&history, "p0 query b")?,
        }
    }
    Ok(())
}

fn restarted(place: &Place) -> Outcome {
    let history = told(
        place,
        "pool max_size=2\npromise child-uses-pool\np0 open\np0 checkout a\np0 checkout b\np0 query a\np0 begin b\np0 insert b\n\
         p0 return a\np0 fork p1\np1 open\np1 checkout c\np1 query c\np0 restart\np1 return c\np1 checkout d\np1 query d\n\
         p0 rollback b\np0 return b\np0 checkout e\np0 query e\n",
    )?;
    let done = history.events().iter().position(|event| {
        let of = |id| history.invocations().any(|(_, call)| call.id == id && call.op == Op::Restart);
        matches!(event, Event::Finished { id, .. } if of(*id))
    });
    let before = &history.events()[..done.ok_or("no restart")?];
    let closed = before.iter().filter(|event| matches!(event, Event::ServerClosed { .. })).count();
    ensure(closed == 3, || format!("{closed} of 3 sessions had ended: {history:#?}"))?;
    succeeds(&history, "p1 query d")?;
    succeeds(&history, "p0 query e")?;
    ensure(rows(&history) == 0, || format!("{history:#?}"))
}

fn refuses(place: &Place) -> Outcome {
    for how in ["refuse", "refuse full"] {
        let steps = format!("p0 {how}\np0 query a\np0 checkout b\np0 accept\np0 checkout c\np0 query c\n");
        let history = told(place, &format!("pool max_size=2\npromise threads-only\np0 open\np0 checkout a\n{steps}"))?;
        succeeds(&history, "p0 query a")?;
        fails(&history, "p0 checkout b")?;
        succeeds(&history, "p0 query c")?;
        let history = told(place, &format!("pool max_size=1\npromise threads-only\np0 open\np0 {how}\np0 checkout a\n"))?;
        let accepting = history.events().iter().position(|event| *event == Event::Accepting).ok_or("it was not undone")?;
        let served = history.invocations().filter(|(at, call)| *at > accepting && call.op.word() == "checkout");
        let done = |outcome: Option<(usize, &StepOutcome)>| matches!(outcome, Some((_, StepOutcome::Done)));
        ensure(served.into_iter().all(|(_, call)| done(history.outcome(call.id))), || format!("{history:#?}"))?;
    }
    Ok(())
}

/// The reference promises this of anything; the night looks at more.
fn correct(place: &Place) -> Outcome {
    let number = if place.is_real() { scaled(30, 400) } else { scaled(150, 3000) };
    let stories: Vec<Interleaving> = (0..number).map(|index| nth_faulty(Promise::Anything, 7, index)).collect();
    let histories = place.histories(&stories)?;
    stories.iter().zip(&histories).try_for_each(|(story, history)| match judge(story, history).first_cause() {
        // The search is in a hurry: what only the clock says is looked at again by whoever searches.
        Some((rule, evidence)) if history.events().iter().any(|event| matches!(event, Event::Overdue { .. })) => {
            again(place, story, rule.id, &evidence.sentence)
        }
        Some((rule, evidence)) => Err(format!("{}: {}\n{story}", rule.id, evidence.sentence).into()),
        None => Ok(()),
    })
}

fn again(place: &Place, story: &Interleaving, rule: &str, said: &str) -> Outcome {
    let history = place.histories(std::slice::from_ref(story))?.pop().ok_or("no history")?;
    let first = judge(story, &history).first_cause().map(|(rule, _)| rule.id);
    ensure(first.is_none(), || format!("{rule}: {said}\n{story}"))
}

/// A server of its own is filled for real, until it has no place for one more.
fn words_of_a_full_server(pool: &str) -> Outcome {
    let target = target(pool);
    let mut bench = Bench::start(&NEVER)?;
    bench.add_server(&ServerChoice::Local, target.database())?;
    let config = bench.direct_config(target.database()).ok_or("no server")?;
    let said = match target.database() {
        Database::Postgres => fill::<Postgres>(&config)?,
        Database::MySql => fill::<MySql>(&config)?,
    };
    let story = interleaving("pool max_size=1\npromise threads-only\np0 open\np0 refuse full\np0 checkout a\n");
    let history = certify::execute(&bench, &target, &[story])?.pop().ok_or("no history")?;
    let told = fails(&history, "p0 checkout a")?;
    bench.finish()?;
    ensure(told == said, || format!("the server says '{said}', and 'refuse full' says '{told}'"))
}

/// What the first says that is one too many.
fn fill<D: Driver>(config: &poolproof::Config) -> Result<String, Failed> {
    let mut open = Vec::new();
    while open.len() < 1000 {
        match Connection::<D>::connect(config) {
            Ok(connection) => open.push(connection),
            Err(error) => return Ok(error.message),
        }
    }
    Err("it has no limit".into())
}

/// The same searches with their faults taken out.
fn without_faults(database: Database) -> Outcome {
    let of_it = |mutant: &Mutant| mutant.faulty && mutant.target.database() == database;
    let mutants: Vec<Mutant> = poolproof_targets::mutants().into_iter().filter(of_it).collect();
    ensure(mutants.len() >= 10, || format!("only {} of them", mutants.len()))?;
    let bench = crate::embedded::bench(&mutants[0].target)?;
    for mutant in &mutants {
        let searched = (0..scaled(15, 300)).map(|index| nth_faulty(mutant.terms.promise, 1, index));
        let stories: Vec<Interleaving> = std::iter::once(mutant.story()?).chain(searched).map(without).collect();
        let histories = certify::execute(&bench, &mutant.target, &stories)?;
        for (story, history) in stories.iter().zip(&histories) {
            let first = judge(story, history).first_cause().map(|(rule, _)| rule.id);
            ensure(first.is_none(), || format!("{}: {first:?} in\n{story}", mutant.target.name()))?;
        }
    }
    Ok(())
}

fn without(story: Interleaving) -> Interleaving {
    let fine = |step: &Step| !matches!(step.op, Op::EndSession(_) | Op::Refuse(_) | Op::Accept | Op::Restart);
    let steps = story.steps.iter().filter(|step| fine(step)).map(|step| Step { cut: None, ..*step }).collect();
    Interleaving { steps, ..story }
}

fn source() -> Outcome {
    let (_directory, path) = crate::lab::scratch();
    let certify = |pool: &str| {
        let mut command = tool();
        command.args(["certify", pool, "--promise", "threads-only", "--source", "faults", "--cases", "30", "--out"]).arg(&path);
        command
    };
    says(&mut certify("reference"), 0, &["faults 30 cases, 0 failures"])?;
    says(&mut certify("mutant-insert-repeated"), 1, &["TXN-1", "stands in the ledger 2 times", "cut="])?;
    let file = path.join("failures/mutant-insert-repeated/threads-only.TXN-1.interleaving");
    let mut replay = tool();
    says(replay.arg("replay").arg(&file).args(["--pool", "mutant-insert-repeated"]), 1, &["TXN-1"])?;
    // The certificate says where the search looked, so that it can be done again.
    let mut verify = tool();
    let certificate = path.join("mutant-insert-repeated/certificate.json");
    says(verify.arg("verify").arg(certificate).args(["--sample", "10"]), 0, &["the certificate holds"])
}
