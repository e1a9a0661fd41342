//! The same interleavings in two places: is the same rule broken first?

use std::collections::BTreeSet;

use super::run_until_broken;
use crate::bench::Bench;
use crate::execute::{Effort, Executor};
use crate::interleaving::Interleaving;
use crate::target::Target;
use crate::trouble::Trouble;

/// Which rules were broken first in several executions in one place, and in another; `None` where none was.
pub type Causes = [BTreeSet<Option<&'static str>>; 2];

/// So often an interleaving is executed again in each place, until the same is seen in both.
const ROUNDS: u32 = 5;

/// Executes interleavings on the servers of two benches, and gives those of which not the same rule is broken first. What differs is
/// executed again, with full patience: what a pool does by luck may be seen later in one place than in the other.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn compare(
    benches: [&Bench; 2],
    target: &Target,
    interleavings: &[Interleaving],
) -> Result<Vec<(Interleaving, Causes)>, Trouble> {
    let mut one = Executor::start(target, benches[0].surroundings(target.database())?)?;
    let mut other = Executor::start(target, benches[1].surroundings(target.database())?)?;
    let mut differences = Vec::new();
    for interleaving in interleavings {
        let mut causes = Causes::default();
        for round in 0..=ROUNDS {
            let effort = if round == 0 { Effort::Quick } else { Effort::Full };
            causes[0].insert(first_cause(&mut one, interleaving, effort)?);
            causes[1].insert(first_cause(&mut other, interleaving, effort)?);
            if !causes[0].is_disjoint(&causes[1]) {
                break;
            }
        }
        if causes[0].is_disjoint(&causes[1]) {
            differences.push((interleaving.clone(), causes));
        }
    }
    Ok(differences)
}

fn first_cause(worker: &mut Executor, interleaving: &Interleaving, effort: Effort) -> Result<Option<&'static str>, Trouble> {
    let _beside = worker.beside_agent();
    let seen = run_until_broken(worker, interleaving, effort)?;
    Ok(seen.judgement.first_cause().map(|(rule, _)| rule.id))
}
