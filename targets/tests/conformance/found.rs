//! The reports of docs/field-reports.md up to the eighth are found by a search that knows no scenario, and their cures pass the same search.

use std::path::Path;
use std::time::Instant;

use libtest_mimic::{Failed, Trial};

use crate::lab::{Outcome, ensure, is_nightly, run, scratch, tool};
use crate::python::{PYTHON, with_module};

/// What tells a pool from one that is broken: the rules about whose a session is, and what follows when it is not.
const OWN: &[&str] = &["OWN-1", "OWN-2", "OWN-3", "REP-1", "TXN-1", "TXN-2", "ISO-1", "ISO-2", "CAP-1"];

pub(crate) fn trials() -> Vec<Trial> {
    // Fifteen searches, of up to a minute each.
    if !is_nightly() {
        return Vec::new();
    }
    let report = |name: &'static str, module: &'static str, test: fn() -> Outcome| with_module(module, name, test);
    vec![
        report("F1 is found: a session that a child rebinds is finalised there", "psycopg2", || {
            breaks("rebound-session-psycopg2", "child-drops", "OWN-1")
        }),
        report("F2 is found: a session that the child only touches", "psycopg2", || {
            breaks("session-psycopg2", "child-uses-pool", "OWN-1")
        }),
        report("F3 passes: everything is closed before the fork", "psycopg2", || {
            keeps("rebound-session-psycopg2", "dispose-before-fork")?;
            keeps("session-psycopg2", "dispose-before-fork")
        }),
        report("F4 is found with mysqlclient, also with a scoped_session", "MySQLdb", || {
            breaks("queuepool-mysqlclient", "child-uses-pool", "OWN-1")?;
            breaks("scoped-session-mysqlclient", "child-uses-pool", "OWN-1")
        }),
        report("F5: with a ping before each checkout the guard on the pid is found to break", "psycopg2", || {
            breaks("guard-preping-psycopg2", "fork-when-idle", "OWN-1")
        }),
        report("F5: with mysqlclient it is found to break, and NullPool holds", "MySQLdb", || {
            breaks("guard-mysqlclient", "fork-when-idle", "OWN-1")?;
            keeps("nullpool-mysqlclient", "fork-when-idle")
        }),
        report("F6 is found: an engine for each call has more sessions than it was given", "psycopg2", || {
            breaks("engine-per-call-psycopg2", "threads-only", "CAP-1")?;
            keeps("queuepool-psycopg2", "threads-only")?;
            keeps("nullpool-psycopg2", "threads-only")
        }),
        report("F7 is found: threads share a session; with one for each checkout it passes", "psycopg2", || {
            breaks("shared-session-psycopg2", "threads-only", "OWN-2")?;
            keeps("session-psycopg2", "threads-only")
        }),
        report("F8 is found: two transactions of a thread are one in a scoped_session", "psycopg2", || {
            breaks("scoped-session-psycopg2", "threads-only", "OWN-2")
        }),
    ]
}

/// A search finds that this rule is broken, in each of twenty replays or at a rate that counts.
fn breaks(pool: &str, promise: &str, rule: &str) -> Outcome {
    let broken = searched(pool, promise)?;
    ensure(broken.iter().any(|found| found == rule), || format!("{pool} broke {broken:?} under {promise}, not {rule}"))
}

/// The same search finds nothing wrong with whose a session is.
fn keeps(pool: &str, promise: &str) -> Outcome {
    let broken = searched(pool, promise)?;
    ensure(broken.iter().all(|rule| !OWN.contains(&rule.as_str())), || format!("{pool} broke {broken:?} under {promise}"))
}

/// The rules that are certainly broken, by interleavings that were made here and not taken from the field.
fn searched(pool: &str, promise: &str) -> Result<Vec<String>, Failed> {
    let (_directory, path) = scratch();
    let pool = format!("sqlalchemy-{pool}");
    let mut command = tool();
    command.args(["certify", &pool, "--promise", promise, "--source", "sweep,exhaustive,random", "--cases", "60"]);
    let begun = Instant::now();
    let output = run(command.args(["--python", PYTHON]).arg("--out").arg(&path));
    eprintln!("{pool} under {promise}: {:.1} s", begun.elapsed().as_secs_f64());
    let certificate = poolproof::corpus::certificate(&Path::new(&path).join(&pool).join("certificate.json"))
        .map_err(|trouble| format!("{trouble}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let failures = certificate.promises.into_iter().flat_map(|chapter| chapter.failures);
    Ok(failures.filter(|failure| failure.certain).map(|failure| failure.rule).collect())
}
