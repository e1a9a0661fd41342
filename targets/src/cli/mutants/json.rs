//! The kill matrix for programs.

use std::path::Path;

use poolproof::rules::EDITION;
use serde::Serialize;

use super::super::args::Mutants;
use super::super::exit::Stop;
use super::{Harvest, Hunted, Length};

#[derive(Serialize)]
struct Matrix<'a> {
    edition: &'a str,
    seed: u64,
    seeds: u64,
    cases: u64,
    /// Ctrl-C came before all of them were hunted; those that were are here.
    interrupted: bool,
    mutants: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    mutant: &'a str,
    about: &'a str,
    rule: &'a str,
    promise: String,
    database: &'a str,
    server: &'a str,
    /// It shows only inside an operation.
    inside: bool,
    /// The rule that was switched off.
    without: Option<&'a str>,
    killed: bool,
    /// What is known of the length of its failures, if that was asked for: `proved`, `as-known`, or `beaten`.
    length: Option<&'static str>,
    /// So many interleavings with fewer steps were executed, and break nothing.
    shorter: Option<u64>,
    runs: Vec<Run<'a>>,
}

#[derive(Serialize)]
struct Run<'a> {
    seed: u64,
    /// The rule that killed it, if one did.
    by: Option<&'a str>,
    /// Other rules that were a first cause.
    others: &'a [&'static str],
    interleavings: u64,
    seconds: f64,
    /// The length of the shrunk interleaving, and its text.
    steps: Option<usize>,
    interleaving: Option<String>,
}

/// Writes it to a file.
pub(super) fn save(file: &Path, harvest: &Harvest, wanted: &Mutants) -> Result<(), Stop> {
    let Mutants { seed, seeds, cases, .. } = *wanted;
    let mutants = harvest.hunted.iter().map(row).collect();
    let matrix = Matrix { edition: EDITION, seed, seeds, cases, interrupted: !harvest.unfinished.is_empty(), mutants };
    let text = serde_json::to_string_pretty(&matrix).map_err(Stop::bug)?;
    std::fs::write(file, text + "\n").map_err(|error| Stop::unwritable(file, &error))
}

fn row(hunted: &Hunted) -> Row<'_> {
    let mutant = &hunted.mutant;
    let runs = hunted.bags.iter().map(|(seed, bag)| Run {
        seed: *seed,
        by: bag.kill.as_ref().map(|kill| kill.rule.id),
        others: &bag.others,
        interleavings: bag.cases,
        seconds: bag.took.as_secs_f64(),
        steps: bag.kill.as_ref().map(|kill| kill.interleaving.steps.len()),
        interleaving: bag.kill.as_ref().map(|kill| kill.interleaving.to_string()),
    });
    Row {
        mutant: mutant.target.name(),
        about: mutant.target.about(),
        rule: mutant.rule,
        promise: mutant.terms.to_string(),
        database: mutant.target.database().name(),
        server: hunted.server,
        inside: mutant.inside,
        without: hunted.without,
        killed: hunted.is_dead(),
        length: hunted.length.as_ref().map(Length::word),
        shorter: if let Some(Length::Proved(cases)) = hunted.length { Some(cases) } else { None },
        runs: runs.collect(),
    }
}
