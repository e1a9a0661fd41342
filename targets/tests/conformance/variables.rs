//! The environment variables: the README's table has each that the code knows, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use libtest_mimic::Trial;

use crate::lab::{Outcome, ensure};

const README: &str = include_str!("../../../README.md");
const PREFIX: &str = "POOLPROOF_";
/// What tests tell the programs that they start.
const OF_TESTS: &str = "POOLPROOF_TEST_";

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("the README names each environment variable that the code knows", named)]
}

fn named() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut used = BTreeSet::new();
    for place in ["harness/src", "harness/examples", "targets/src", "targets/python", "targets/tests", "targets/benches", ".ci"] {
        collect(&root.join(place), &mut used)?;
    }
    let (_, section) = README.split_once("## Environment variables").ok_or("no table of variables")?;
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells: Vec<&str> = rows.filter_map(|row| row.split('|').nth(1)).collect();
    let told = names(&cells.join("\n"));
    ensure(used.len() > 5, || format!("{used:?}"))?;
    ensure(told == used, || {
        format!("only in the code: {:?}; only in the table: {:?}", used.difference(&told), told.difference(&used))
    })
}

fn collect(place: &Path, names_of: &mut BTreeSet<String>) -> Outcome {
    if place.is_dir() {
        for entry in std::fs::read_dir(place)? {
            collect(&entry?.path(), names_of)?;
        }
        return Ok(());
    }
    // This file names what begins like them.
    if !place.ends_with("variables.rs") || place.components().any(|part| part.as_os_str() == "src") {
        names_of.extend(names(&String::from_utf8_lossy(&std::fs::read(place)?)));
    }
    Ok(())
}

/// The variables in a text; those of the tests count as one.
fn names(text: &str) -> BTreeSet<String> {
    let tails = text.split(PREFIX).skip(1);
    let words = tails.map(|tail| tail.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect::<String>());
    let names = words.filter(|word| !word.is_empty()).map(|word| format!("{PREFIX}{word}"));
    names.map(|name| if name.starts_with(OF_TESTS) { OF_TESTS.to_owned() } else { name }).collect()
}
