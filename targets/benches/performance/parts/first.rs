//! (e) From the start to the first violation.

use std::error::Error;
use std::time::Instant;

use poolproof::bench::ServerChoice;
use poolproof::{Promise, Target, certify};

use super::measure::{self, median};
use super::paper::{Finding, Section};

/// How many runs, each with a seed of its own.
const ROUNDS: u64 = 5;
/// Interleavings enough for every planted defect.
const CASES: u64 = 2000;

pub(super) fn section() -> Result<Section, Box<dyn Error>> {
    let mut rows = Vec::new();
    let mut findings = Vec::new();
    let pools = ["r2d2-postgres", "r2d2-mysql", "mysql"].map(|name| (measure::target(name), "OWN-1", Promise::ChildUsesPool));
    let mutants = poolproof_targets::mutants().into_iter().map(|mutant| (mutant.target, mutant.rule, mutant.terms.promise));
    for (target, rule, promise) in pools.into_iter().chain(mutants) {
        let times = (1..=ROUNDS).map(|seed| first(&target, rule, promise, seed)).collect::<Result<Vec<f64>, _>>()?;
        let slowest = times.iter().copied().fold(0.0, f64::max);
        rows.push(vec![
            target.name().to_owned(),
            rule.to_owned(),
            format!("{:.0} ms", median(&times) * 1000.0),
            format!("{:.0} ms", slowest * 1000.0),
        ]);
        if target.name() == "r2d2-postgres" {
            findings.push(Finding::at_most("r2d2-postgres, seconds to the first OWN-1", median(&times), 1.0));
        }
    }
    let about = format!(
        "From the start of the supervisor, over the canary, to the first interleaving that breaks the rule, on the embedded server, \
         one\nworker; seeds 1 to {ROUNDS}."
    );
    let header = vec!["pool", "rule", "median", "slowest"];
    Ok(Section { title: "(e) The first violation", about, header, rows, findings })
}

/// Seconds from the start to the first failure of the rule.
fn first(target: &Target, rule: &str, promise: Promise, seed: u64) -> Result<f64, Box<dyn Error>> {
    let started = Instant::now();
    let bench = measure::bench_with(&ServerChoice::Embedded, target)?;
    let found = certify::first_failure(&bench, target, promise, seed, CASES, rule)?;
    let took = started.elapsed().as_secs_f64();
    found.map(|_| took).ok_or_else(|| format!("{} did not break {rule}", target.name()).into())
}
