//! PgBouncer before PostgreSQL: what pools do there is judged as elsewhere, and the sixth report has its own words.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use nix::sys::signal::Signal;
use poolproof::{Database, rules};

use crate::lab::{Outcome, ensure, is_nightly, is_required, run, says, scratch, text, tool};
use crate::python::{PYTHON, imports};
use crate::watched::interrupted;

const PAGE: &str = include_str!("../../../docs/field-reports.md");
/// Both ways in which PgBouncer shares sessions.
const MODES: [&str; 2] = ["pgbouncer", "pgbouncer-transaction"];
/// More than any of the servers lets in.
const CALLS: &str = "230";

pub(crate) fn trials() -> Vec<Trial> {
    let there = Path::new("/usr/sbin/pgbouncer").exists();
    let python = imports("sqlalchemy, psycopg2");
    let needs = |python: bool, name: &str, test: fn() -> Outcome| {
        Trial::test(name, test).with_ignored_flag(!(there && python || is_required(Database::Postgres)))
    };
    vec![
        needs(true, "behind PgBouncer the reference pool passes, and one without a guard is seen", judged),
        needs(true, "behind PgBouncer an end of a session is the server's, and shared sessions have none", ended),
        needs(true, "behind PgBouncer a setting that a session is left with is not to be seen where sessions are shared", marked),
        needs(true, "PgBouncer is no server for MySQL", || {
            says(tool().args(["certify", "mysql", "--server", "pgbouncer"]), 2, &["none of the pools speaks to one"])
        }),
        needs(true, "kill -9 leaves no PgBouncer behind", || interrupted(MODES[0], Signal::SIGKILL)),
        needs(python, "F6 is found behind PgBouncer, and one engine for the process passes", engines),
        needs(python, "F6: who exhausts PostgreSQL and PgBouncer is as the page says", exhausted),
    ]
}

/// The MUSTs that are certainly broken, and the server's name.
fn broken(pool: &str, server: &str, promise: &str) -> Result<(Vec<String>, String), Failed> {
    let (_directory, path) = scratch();
    let mut command = tool();
    command.args(["certify", pool, "--server", server, "--promise", promise, "--cases", "60", "--python", PYTHON]);
    let said = text(&run(command.arg("--out").arg(&path)));
    let certificate = poolproof::corpus::certificate(&path.join(pool).join("certificate.json"));
    let certificate = certificate.map_err(|trouble| format!("{trouble}: {said}"))?;
    let failures = certificate.promises.into_iter().flat_map(|chapter| chapter.failures);
    let is_must = |rule: &String| rules::find(rule).is_some_and(|rule| rule.level == rules::Level::Must);
    let rules = failures.filter(|failure| failure.certain).map(|failure| failure.rule).filter(is_must).collect();
    Ok((rules, certificate.server.product))
}

fn breaks(pool: &str, server: &str, promise: &str, rule: &str) -> Outcome {
    let (rules, _) = broken(pool, server, promise)?;
    ensure(rules.iter().any(|broken| broken == rule), || format!("{pool} on {server} broke {rules:?}, not {rule}"))
}

fn keeps(pool: &str, server: &str, promise: &str) -> Outcome {
    let (rules, product) = broken(pool, server, promise)?;
    let behind = product.starts_with("PgBouncer 1.") && product.contains(", before PostgreSQL ");
    ensure(behind && rules.is_empty(), || format!("{pool} on {product} broke {rules:?}"))
}

fn judged() -> Outcome {
    for server in MODES {
        keeps("reference", server, "anything")?;
        breaks("mutant-no-guard", server, "child-uses-pool", "OWN-1")?;
    }
    Ok(())
}

/// Replays a story of the reference pool.
fn replayed(story: &str, server: &str, words: &[&str]) -> Outcome {
    let (_directory, path) = scratch();
    let file = path.join("story.interleaving");
    std::fs::write(&file, story)?;
    says(tool().arg("replay").arg(file).args(["--pool", "reference", "--server", server]), 0, words)
}

/// The numbers that PgBouncer gives its clients are nobody's on the server: it is the row of the query that names the session.
fn ended() -> Outcome {
    let story = "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\np0 query a\np0 end-session a\np0 return a\n\
                 p0 checkout b\np0 query b\n";
    replayed(story, MODES[0], &["   3  end-session a\n", "LIV-4  MUST   passed"])?;
    replayed(story, MODES[1], &["(end-session a) skipped"])
}

fn marked() -> Outcome {
    let story = "pool max_size=1\npromise threads-only+dirty\np0 open\np0 checkout a\np0 mark a\np0 return a\np0 checkout a\np0 query a\n";
    replayed(story, MODES[0], &["TXN-4  SHOULD passed"])?;
    replayed(story, MODES[1], &["(mark a) skipped", "TXN-4  SHOULD cannot be seen on this server or transport"])
}

fn engines() -> Outcome {
    breaks("sqlalchemy-engine-per-call-psycopg2", MODES[0], "threads-only", "CAP-1")?;
    keeps("sqlalchemy-queuepool-psycopg2", MODES[0], "threads-only")?;
    keeps("sqlalchemy-nullpool-psycopg2", MODES[0], "threads-only")
}

/// Rows of the page: engine, scope, pool, and what each server says. On every change those are measured that the report speaks of.
fn exhausted() -> Outcome {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/watched/f6.py");
    let (_, below) = PAGE.split_once("\n## F6").expect("the report");
    let rows = below.lines().skip_while(|line| !line.starts_with("| engine")).skip(2).take_while(|line| line.starts_with('|'));
    let mut measured = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [engine, scope, pool, direct, pooled] = cells[..] else { return Err(row.into()) };
        for (server, said) in [("local", direct), ("pgbouncer", pooled)] {
            if is_nightly() || (server == "pgbouncer" && scope == "scope") {
                let mut command = tool();
                command.args(["watch", "--server", server, "--", PYTHON, script, engine, scope, pool, CALLS]);
                let output = run(&mut command);
                let (shown, told) = (String::from_utf8_lossy(&output.stdout).into_owned(), text(&output));
                ensure(shown.contains(&said.replace('`', "")), || format!("{row} on {server}: {told}"))?;
                measured += 1;
            }
        }
    }
    ensure(measured >= 4, || format!("{measured} cells of the page were measured"))
}
