//! Every transport: the reference passes on each, a pool without a guard falls on each, and what cannot be seen is not passed.

use libtest_mimic::Trial;
use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify::{self, Cell};
use poolproof::interleaving::Interleaving;
use poolproof::rules::Level;
use poolproof::verdict::Verdict;
use poolproof::{Database, Promise, Transport};

use crate::lab::{Lab, NEVER, Outcome, ensure, interleaving, says, scaled, target, tool};
use crate::pools;

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let mut trials = Vec::new();
    for database in [Database::Postgres, Database::MySql] {
        let name = database.name();
        trials.push(Trial::test(format!("the reference for {name} passes over tcp, and a mutant falls"), move || {
            over(&ServerChoice::Embedded, database, Transport::Tcp)
        }));
        let offered = Transport::ALL.into_iter().filter(|transport| transport.is_offered_by(database));
        for transport in offered.filter(|transport| *transport != Transport::Unix) {
            let title = format!("the reference for {name} passes over {transport} on a real server, and a mutant falls");
            trials.push(lab.trial(database, title, move |_| over(&ServerChoice::Local, database, transport)));
        }
    }
    trials.push(Trial::test("a transport that cannot be taken is refused in words", refused));
    trials
}

/// One server for both: what passes on it means something as something falls on it.
fn over(choice: &ServerChoice, database: Database, transport: Transport) -> Outcome {
    let mut bench = Bench::start(&NEVER)?;
    bench.take(transport);
    bench.add_server(choice, database)?;
    let name = |postgres: &str| if database == Database::Postgres { postgres.to_owned() } else { format!("{postgres}-mysql") };
    falls(&bench, &name("mutant-no-guard"), transport)?;
    hides(&bench, &name("reference"), transport)?;
    let cases = scaled(60, 5000);
    passes(&pools::certify(&bench, &name("reference"), Promise::Anything, 1, cases))?;
    Ok(bench.finish()?)
}

/// What cannot be seen is not said to have passed, and what can is judged.
fn hides(bench: &Bench, pool: &str, transport: Transport) -> Outcome {
    let replay = certify::replay(bench, &target(pool), &story(), 1)?;
    for (rule, verdict) in replay.judgement.verdicts.iter().filter(|(rule, _)| !rule.is_about_returns()) {
        let hidden = *verdict == Verdict::NotVisible;
        ensure(hidden != rule.is_visible(transport), || format!("{}: {verdict:?}", rule.id))?;
    }
    Ok(())
}

/// With what was judged on Unix sockets every MUST has passed.
fn passes(cell: &Cell) -> Outcome {
    for (rule, verdict) in cell.verdicts.iter().filter(|(rule, _)| rule.level == Level::Must) {
        let passed = matches!(verdict, Verdict::Passed { .. } | Verdict::Refused);
        ensure(passed, || format!("{}: {verdict:?}\n{:#?}", rule.id, cell.failures))?;
    }
    ensure(cell.unlike.is_empty(), || format!("{:#?}", cell.unlike))
}

/// Parent and child use one session in turns.
fn story() -> Interleaving {
    let steps = "p0 open\np0 checkout a\np0 query a\np0 fork p1\np1 query a\np0 query a\n";
    interleaving(&format!("pool max_size=1\npromise anything\n{steps}"))
}

/// Where the kernel says who writes that is OWN-1. Else it is by what nonces or answers show, and by what becomes of the session.
fn falls(bench: &Bench, mutant: &str, transport: Transport) -> Outcome {
    let replay = certify::replay(bench, &target(mutant), &story(), 3)?;
    let judgement = &replay.judgement;
    let (rule, evidence) = judgement.first_cause().ok_or("nothing was broken")?;
    let told = format!("{}: {}\n{:#?}", rule.id, evidence.sentence, evidence.details);
    ensure(replay.replayed == replay.replays, || format!("{} of {}: {told}", replay.replayed, replay.replays))?;
    let wanted = if transport.shows_writers() { "OWN-1" } else { "OWN-2" };
    ensure(rule.id == wanted, || told.clone())?;
    let Some(Verdict::Consequence { evidence: effect, .. }) = judgement.verdict("ISO-1") else {
        return Err(format!("the parent noticed nothing: {told}").into());
    };
    let effect = effect.details.join("\n");
    let words: &[&str] = match transport {
        Transport::Unix | Transport::Tcp => &[],
        // MariaDB's log does not tell a garbled record from a connection that broke.
        Transport::Tls if target(mutant).database() == Database::Postgres => {
            &["the server says of c0, opened by p0: SSL error: decryption failed or bad record mac"]
        }
        Transport::Tls => &["a record was garbled on c0, opened by p0"],
        Transport::UnixTls => &["p1 wrote something encrypted", "a record was garbled on c0, opened by p0"],
    };
    words.iter().try_for_each(|word| ensure(effect.contains(word), || format!("'{word}' is missing in: {effect}")))
}

fn refused() -> Outcome {
    let certify = |words: &[&str]| {
        let mut command = tool();
        command.arg("certify").args(words);
        command
    };
    says(&mut certify(&["reference", "--transport", "tls"]), 3, &["the embedded server speaks no TLS", "--server local"])?;
    says(
        &mut certify(&["reference", "--transport", "unix+tls"]),
        2,
        &["reference cannot take --transport unix+tls", "unix, tcp, tls"],
    )?;
    // An agent in another language is asked for Unix sockets only.
    let foreign = ["--agent", "true", "--database", "postgres", "--transport", "tcp"];
    says(&mut certify(&foreign), 2, &["agent cannot take --transport tcp", "it can take unix"])?;
    says(&mut certify(&["reference", "--transport", "udp"]), 2, &["expected unix, tcp, tls or unix+tls"])
}
