//! The first report over TLS, as its program is: the server's own words, and why it takes some iterations until there are any.

use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::lab::{Outcome, ensure, run, scratch, text, tool};
use crate::python::{PYTHON, with_module};
use crate::tls_server::TlsServer;

/// What the program says, and the server.
const SAID: &str = "SSL error: decryption failed or bad record mac";
/// What the server says next.
const NEXT: &str = "could not receive data from client";
/// The report's own numbers were 3, 11 and 13.
const ENOUGH: u32 = 60;
/// Where nothing may fail, so many iterations more than it took to fail.
const MORE: u32 = 4;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        with_module("psycopg2", "F1 over TLS: the server logs a bad record, after as many iterations each time", reported),
        with_module("psycopg2", "F1 over TLS fails at the first iteration or never, as the collector runs", whenever),
        with_module("psycopg2", "F1 over TLS: half the cure is enough or not, and a second reference hides it", halves),
        with_module("psycopg2", "F1: what a search finds on a Unix socket breaks TLS on the same interleaving", same),
    ]
}

/// How many iterations of the program went well, and what ended them.
fn iterations(server: &TlsServer, way: &str, most: u32) -> Result<(u32, String), Failed> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/watched/f1.py");
    let output = run(Command::new(PYTHON).args([script, way, &most.to_string()]).env("DATABASE_URL", server.url()));
    let said = text(&output);
    let number = said.split(' ').next().and_then(|word| word.parse().ok());
    number.map(|number| (number, said.clone())).ok_or_else(|| format!("{way}: {said}").into())
}

fn reported() -> Outcome {
    let server = TlsServer::start()?;
    let (first, said) = iterations(&server, "leaky", ENOUGH)?;
    ensure(said.contains(SAID), || said.clone())?;
    let (again, _) = iterations(&server, "leaky", ENOUGH)?;
    eprintln!("it fails at iteration {} of {ENOUGH}", first + 1);
    ensure(first == again && first > 0, || format!("{first} iterations went well, then {again}"))?;
    let log = server.finish()?;
    ensure(log.contains(SAID) && log.contains(NEXT), || log.clone())
}

/// What the child does about its garbage is all that is changed.
fn whenever() -> Outcome {
    let server = TlsServer::start()?;
    let (usual, _) = iterations(&server, "leaky", ENOUGH)?;
    let (first, said) = iterations(&server, "collected", ENOUGH)?;
    ensure(first == 0 && said.contains(SAID), || format!("collected: {said}"))?;
    well(&server, "postponed", usual + MORE)?;
    ensure(server.finish()?.contains(SAID), || "the server has not noticed".to_owned())
}

fn halves() -> Outcome {
    let server = TlsServer::start()?;
    let (disposed, said) = iterations(&server, "disposed", ENOUGH)?;
    ensure(said.contains(SAID), || format!("disposed: {said}"))?;
    for way in ["closed", "cured", "kept", "scoped"] {
        well(&server, way, disposed + MORE)?;
    }
    Ok(())
}

fn well(server: &TlsServer, way: &str, iterations_wanted: u32) -> Outcome {
    let (_, said) = iterations(server, way, iterations_wanted)?;
    ensure(said.trim() == format!("{iterations_wanted} iterations, no error"), || format!("{way}: {said}"))
}

/// The kernel's word on a Unix socket, where no error shows it; and the same interleaving, by a program that knows no tap, over TLS.
fn same() -> Outcome {
    let (_directory, path) = scratch();
    let (pool, promise) = ("sqlalchemy-queuepool-psycopg2", "child-drops");
    let mut search = tool();
    search.args(["certify", pool, "--promise", promise, "--source", "sweep,exhaustive,random", "--cases", "60"]);
    let said = text(&run(search.args(["--python", PYTHON]).arg("--out").arg(&path)));
    let file = path.join("failures").join(pool).join(format!("{promise}.OWN-1.interleaving"));
    ensure(file.exists(), || said.clone())?;
    let server = TlsServer::start()?;
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/watched/interleaved.py");
    let output = run(Command::new(PYTHON).arg(program).arg(&file).arg(server.url()));
    let (shown, log) = (text(&output), server.finish()?);
    ensure(!output.status.success() && shown.contains(SAID), || {
        format!("{}\n{shown}\n{log}", std::fs::read_to_string(&file).unwrap_or_default())
    })?;
    ensure(log.contains(SAID) && log.contains(NEXT), || log.clone())
}
