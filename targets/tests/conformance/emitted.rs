//! Programs that show a failure without poolproof: they are short, they run, and what they show is what is broken.

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use poolproof::Database;

use crate::lab::{Lab, Outcome, ensure, is_required, run, says, scratch, tool};
use crate::outside;
use crate::python::{PYTHON, imports};

/// A report's reader has no patience for more.
const LINES: usize = 60;

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let rust = |name: &'static str, pool: &'static str, database, story: &'static str, words: &'static [&'static str]| {
        lab.trial(database, name, move |lab| in_rust(lab, database, pool, story, words))
    };
    let python = |name: &'static str, pool: &'static str, story: &'static str, code: i32, words: &'static [&'static str]| {
        let there = imports("sqlalchemy, psycopg2");
        let test = lab.trial(Database::Postgres, name, move |lab| in_python(lab, pool, story, code, words));
        if there || is_required(Database::Postgres) { test } else { test.with_ignored_flag(true) }
    };
    vec![
        rust(
            "a program in Rust shows what a child's goodbye does to its parent",
            "mysql",
            Database::MySql,
            GOODBYE,
            &["p1 drop-pool", "BROKEN: p0 query a"],
        ),
        rust(
            "a program in Rust shows that a child of r2d2 gets no connection",
            "r2d2-postgres",
            Database::Postgres,
            STARVED,
            &["BROKEN: p1 checkout a", "BROKEN: the end of p1"],
        ),
        python(
            "a program in Python shows that two processes use one session",
            "queuepool",
            SHARED,
            1,
            &["uses session", "BROKEN: the end of p1: it ended with status 256"],
        ),
        python("a program in Python shows a goodbye, too", "nullpool", GOODBYE, 1, &["BROKEN: p0 query a"]),
        Trial::test("what a program cannot show is said, and no program is made", refused),
    ]
}

const GOODBYE: &str = "promise child-drops\np0 open\np0 checkout a\np0 fork p1\np1 return a\np1 drop-pool\n";
const STARVED: &str = "promise child-uses-pool\np0 open\np0 fork p1\np1 checkout a\n";
const SHARED: &str =
    "promise child-uses-pool\np0 open\np0 checkout a\np0 query a\np0 return a\np0 fork p1\np1 checkout b\np1 query b\n";

fn emit(path: &Path, pool: &str, story: &str, language: &str, more: &[&str]) -> Result<String, Failed> {
    let file = path.join("story.interleaving");
    std::fs::write(&file, story)?;
    let mut command = tool();
    command.arg("replay").arg(file).args(["--pool", pool, "--emit", language]).args(more);
    let output = run(&mut command);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure(output.status.code() == Some(0), || told)?;
    let program = String::from_utf8(output.stdout)?;
    ensure(program.lines().count() < LINES, || format!("{} lines:\n{program}", program.lines().count()))?;
    Ok(program)
}

/// It is compiled with nothing but what it says that it needs.
fn in_rust(lab: &Lab, database: Database, pool: &str, story: &str, words: &[&str]) -> Outcome {
    let (_directory, path) = scratch();
    let program = emit(&path, pool, story, "rust", &[])?;
    let needs = program.lines().find_map(|line| line.strip_prefix("//! Cargo.toml: ")).ok_or("what it needs")?;
    outside::write_program(&path, &format!("{}\n", needs.replace("; ", "\n")), &program)?;
    let mut command = outside::cargo(&path, "run", &["--quiet"]);
    says(command.arg("--").arg(lab.url(database)), 1, words)
}

fn in_python(lab: &Lab, kind: &str, story: &str, code: i32, words: &[&str]) -> Outcome {
    let (_directory, path) = scratch();
    let pool = format!("sqlalchemy-{kind}-psycopg2");
    let program = emit(&path, &pool, story, "python", &["--python", PYTHON])?;
    let file = path.join("report.py");
    std::fs::write(&file, program)?;
    says(Command::new(PYTHON).arg(file).arg(lab.url(Database::Postgres)), code, words)
}

fn refused() -> Outcome {
    let (_directory, path) = scratch();
    let refused = |pool: &str, language: &str, story: &str, words: &[&str]| {
        let file = path.join("story.interleaving");
        std::fs::write(&file, story)?;
        says(tool().arg("replay").arg(file).args(["--pool", pool, "--emit", language]), 2, words)
    };
    refused("refusing-mysql", "rust", GOODBYE, &["it breaks no rule here"])?;
    refused("mysql", "python", GOODBYE, &["the pools with a program in Python are sqlalchemy-KIND-DRIVER"])?;
    refused("mutant-goodbye", "rust", GOODBYE, &["the pools with a program in Rust are mysql, r2d2-mysql, r2d2-postgres"])?;
    let stalled =
        "promise child-uses-pool\np0 open\np0.t1 checkout a\np0 spawn t1\np0.t1 checkout a stall=1\np0 fork p1\np1 checkout b\n";
    refused("mysql", "rust", stalled, &["a hold on the wire"])
}
