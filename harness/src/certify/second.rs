//! An effect that was seen on an embedded server is looked for on a real one.

use super::Cell;
use super::again::{Rate, Replays};
use crate::bench::Bench;
use crate::execute::Executor;
use crate::rules;
use crate::target::Target;
use crate::trouble::Trouble;
use crate::verdict::Verdict;

/// What a real server showed of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Second {
    /// The server's name and version.
    pub product: String,
    /// In how many executions the rule was the first cause again.
    pub replayed: u32,
    /// Of how many.
    pub replays: u32,
}

/// So often a failure is executed on the real server.
const TIMES: u32 = 5;

/// Executes those failures of a cell that are effects on a real server. What none of its executions shows loses its verdict: what the
/// kernel witnessed needs no second server, but an answer of ours might be the cause of an effect.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn ask_second_server(bench: &Bench, target: &Target, cell: &mut Cell) -> Result<(), Trouble> {
    let effects: Vec<usize> = (0..cell.failures.len()).filter(|place| cell.failures[*place].is_provisional()).collect();
    if effects.is_empty() {
        return Ok(());
    }
    let product = bench.product(target.database()).unwrap_or("a real server").to_owned();
    let around = bench.surroundings(target.database())?;
    let another = || Executor::start(target, around);
    let mut worker = another()?;
    let _beside = worker.beside_agent();
    for place in effects {
        let failure = &mut cell.failures[place];
        let (interleaving, rule) = (&failure.interleaving, failure.rule);
        let wanted = Replays { interleaving, rule, times: TIMES, missed: TIMES, patient: TIMES, seen: &failure.history };
        let Rate { replayed, replays } = wanted.count(&mut worker, &another)?;
        let second = Second { product: product.clone(), replayed, replays };
        if second.replayed == 0 {
            let why = format!("broken on the embedded server, and in none of {TIMES} executions on {product}");
            let of = rules::ALL.iter().position(|rule| rule.id == failure.rule.id);
            of.into_iter().for_each(|of| cell.verdicts[of].1 = Verdict::NoVerdict(why.clone()));
        }
        failure.second = Some(second);
    }
    Ok(())
}
