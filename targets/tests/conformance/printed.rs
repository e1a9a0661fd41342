//! Every command that a page prints is run as it stands there, but for the interpreter, which need not be fetched for it, the place
//! where results are saved, and the number of interleavings where none is named.

use std::path::Path;

use libtest_mimic::Trial;

use crate::lab::{Outcome, ensure, run, scratch, text, tool};
use crate::python::{PYTHON, with_module};

const PAGES: &[(&str, &str)] = &[
    ("docs/field-reports.md", include_str!("../../../docs/field-reports.md")),
    ("docs/agent-protocol.md", include_str!("../../../docs/agent-protocol.md")),
];

pub(crate) fn trials() -> Vec<Trial> {
    PAGES
        .iter()
        .map(|(name, page)| with_module("MySQLdb, psycopg2", *name, move || commands(page)).with_kind("commands"))
        .collect()
}

/// What a page shows in a block of its own.
fn printed(page: &'static str) -> Vec<Vec<&'static str>> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("    poolproof "));
    lines.map(words).collect()
}

/// As a shell divides it, where nothing but single quotes is used.
fn words(line: &'static str) -> Vec<&'static str> {
    let parts = line.split('\'').enumerate();
    parts.flat_map(|(at, part)| if at % 2 == 1 { vec![part] } else { part.split_whitespace().collect() }).collect()
}

fn commands(page: &'static str) -> Outcome {
    let commands = printed(page);
    ensure(!commands.is_empty(), || "the page prints no command".to_owned())?;
    for words in commands {
        let (_directory, path) = scratch();
        let mut command = tool();
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        command.args(words.iter().map(|word| word.replace("python3 my_agent.py", &agent())));
        let is_python = words.iter().any(|word| word.starts_with("sqlalchemy-")) && !words.contains(&"--python");
        command.args(is_python.then_some(["--python", PYTHON]).into_iter().flatten());
        let pool = words.contains(&"--agent").then_some("sqlalchemy-queuepool-psycopg2");
        command.args(pool);
        if words.contains(&"check-agent") {
            command.args(["--pool", "sqlalchemy-queuepool-psycopg2"]);
        }
        if words.first() == Some(&"certify") {
            command.arg("--out").arg(&path);
            command.args((!words.contains(&"--cases")).then_some(["--cases", "30"]).into_iter().flatten());
        }
        command.env("PATH", format!("/usr/bin:{}", std::env::var("PATH").unwrap_or_default()));
        let output = run(&mut command);
        // What breaks is said by 1, and that so few interleavings have not reached everything by 4.
        let shown = matches!(output.status.code(), Some(0 | 1 | 4));
        ensure(shown, || format!("poolproof {}: {}\n{}", words.join(" "), output.status, text(&output)))?;
    }
    Ok(())
}

fn agent() -> String {
    format!("{PYTHON} {}", Path::new(env!("CARGO_MANIFEST_DIR")).join("python/agent.py").display())
}
