//! docs/field-reports.md: its tables of cures are measured again, cell by cell.

use std::process::Command;

use libtest_mimic::{Failed, Trial};

use crate::lab::{Outcome, ensure, is_nightly, run, says, text, tool};
use crate::python::{PYTHON, with_module};

const PAGE: &str = include_str!("../../../docs/field-reports.md");
const STORIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/stories");
/// What the words of a cell speak of, in their order.
const SITUATIONS: [&str; 3] = ["nothing-held", "held", "given-back"];
/// On every change this one is measured: what breaks with it holds with the others.
const SAMPLE: (&str, &str) = ("guard", "mysqlclient");

/// A row of a table: a kind of pool, whether its hook is called, and what is said of each driver.
struct Row {
    kind: String,
    hook: bool,
    cells: Vec<(String, String)>,
}

pub(crate) fn trials() -> Vec<Trial> {
    let table = |name: &'static str, heading: &'static str, python: Option<&'static str>| {
        with_module("sqlalchemy", name, move || measured(heading, python))
    };
    let mut trials = vec![table("cures of the field reports hold and break as the page says", "SQLAlchemy 1.4", Some(PYTHON))];
    trials.push(with_module(
        "MySQLdb",
        "Commands out of sync and a row of another query come of one inherited session",
        out_of_sync,
    ));
    trials.push(with_module("psycopg2", "a session that is handed to another thread and left alone is well", || {
        says(
            &mut replay(&format!("{STORIES}/handed-over.interleaving"), "sqlalchemy-session-psycopg2"),
            0,
            &["no rule was broken"],
        )
    }));
    // Poolproof's own interpreter has the packages of targets/python/requirements.txt.
    trials.push(table("so they do with the newest SQLAlchemy", "SQLAlchemy 2.1", None).with_ignored_flag(!is_nightly()));
    trials
}

/// Both processes wait for replies at one socket, and which of them reads what is a race of theirs: the child gets its parent's row, or one
/// of them the end of an answer whose beginning the other has. Each is an answer of another query.
fn out_of_sync() -> Outcome {
    let scenario = |name: &str| format!("{}/../harness/scenarios/{name}.interleaving", env!("CARGO_MANIFEST_DIR"));
    let pool = "sqlalchemy-queuepool-mysqlclient";
    let output = run(&mut replay(&scenario("wrong-reply"), pool));
    let said = text(&output);
    let end_of_another = |call: &str| format!("{call} (query a) got 0 rows, where it asked for one");
    let wrong = [
        "p1 got the answer to p0's step 4 (query a) in place of p1's step 5 (query a)".to_owned(),
        end_of_another("p1's step 5"),
        end_of_another("p0's step 4"),
    ];
    let told = wrong.iter().any(|words| said.contains(&format!("and so REP-1  {words}")));
    ensure(output.status.code() == Some(1) && told, || said.clone())?;
    says(&mut replay(&scenario("frames-interleave"), pool), 1, &["(2014, \"Commands out of"])
}

/// A replay by the system's Python.
fn replay(file: &str, pool: &str) -> Command {
    let mut command = tool();
    command.args(["replay", file, "--pool", pool, "--python", PYTHON]);
    command
}

/// The rows below a heading of the page.
fn rows(heading: &str) -> Vec<Row> {
    let (_, below) = PAGE.split_once(&format!("\n### {heading}")).expect("a heading of the page");
    let mut lines = below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let drivers = cells(lines.next().expect("a head")).split_off(2);
    let row = |line: &str| {
        let mut all = cells(line);
        let said = all.split_off(2);
        let name = all[1].replace('`', "");
        Row {
            kind: name.trim_end_matches(" + hook").to_owned(),
            hook: name.ends_with(" + hook"),
            cells: drivers.iter().cloned().zip(said).collect(),
        }
    };
    lines.skip(1).map(row).collect()
}

fn measured(heading: &str, python: Option<&str>) -> Outcome {
    let mut unlike = Vec::new();
    for row in rows(heading) {
        for (driver, said) in &row.cells {
            if is_nightly() || (row.kind.as_str(), driver.as_str()) == SAMPLE {
                let pool = format!("sqlalchemy-{}-{driver}", row.kind);
                let seen =
                    SITUATIONS.map(|story| cell(&pool, story, row.hook, python)).into_iter().collect::<Result<Vec<_>, _>>()?;
                let seen = seen.join(" · ");
                if seen != *said {
                    unlike.push(format!("{pool}{}: {seen}, and the page says {said}", if row.hook { " + hook" } else { "" }));
                }
            }
        }
    }
    ensure(unlike.is_empty(), || unlike.join("\n"))
}

/// `holds`, or what the child did to its parent's session first: what it wrote there, or that it shut the socket down.
fn cell(pool: &str, story: &str, hook: bool, python: Option<&str>) -> Result<String, Failed> {
    let story = format!("{STORIES}/{story}{}.interleaving", if hook { "-hook" } else { "" });
    let mut command = tool();
    command.args(["replay", &story, "--pool", pool, "--times", "3"]);
    if let Some(python) = python {
        command.args(["--python", python]);
    }
    let output = run(&mut command);
    let text = String::from_utf8_lossy(&output.stdout);
    let wrote = text.lines().find_map(|line| line.split_once("OWN-1  p1 wrote "));
    // No byte of the child's, and yet the end of the session.
    if output.status.code() == Some(1) && text.contains("▶ OWN-3  somebody shut c0 down") {
        return Ok("shutdown".to_owned());
    }
    match (output.status.code(), wrote) {
        (Some(0), None) => Ok("holds".to_owned()),
        (Some(1), Some((_, what))) => Ok(what.split([' ', ',']).next().unwrap_or_default().to_owned()),
        _ => Err(format!("{pool}, {story}: {:?}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)).into()),
    }
}
