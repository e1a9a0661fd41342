//! The same interleavings in two places: is the same rule broken first?

use std::collections::BTreeSet;
use std::ops::Range;

use super::crew::look_at_all;
use super::{Progress, run_until_broken};
use crate::bench::Bench;
use crate::execute::{Effort, Executor};
use crate::generate;
use crate::interleaving::Interleaving;
use crate::promise::Promise;
use crate::target::Target;
use crate::trouble::Trouble;

/// Which rules were broken first in several executions in one place, and in another; `None` where none was.
pub type Causes = [BTreeSet<Option<&'static str>>; 2];

/// So often an interleaving is executed again in each place, until the same is seen in both.
const ROUNDS: u32 = 20;

/// Some random interleavings.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Under this promise.
    pub promise: Promise,
    /// From this seed.
    pub seed: u64,
    /// Of these numbers.
    pub numbers: Range<u64>,
}

/// An interleaving of which not the same rule is broken first in two places.
#[derive(Debug)]
pub struct Difference {
    /// Its number.
    pub number: u64,
    /// The interleaving.
    pub interleaving: Interleaving,
    /// What was broken first.
    pub causes: Causes,
}

/// Executes interleavings on the servers of two benches, and gives those of which not the same rule is broken first, in the order of
/// their numbers. What differs is executed again, with full patience: what a pool does by luck may be seen later in one place than in
/// the other.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn compare(
    benches: [&Bench; 2],
    target: &Target,
    sample: &Sample,
    workers: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Difference>, Trouble> {
    let around = [benches[0].surroundings(target.database())?, benches[1].surroundings(target.database())?];
    let pair = |_| Ok([Executor::start(target, around[0])?, Executor::start(target, around[1])?]);
    let pairs: Vec<[Executor; 2]> = (0..workers.max(1)).map(pair).collect::<Result<_, Trouble>>()?;
    let Range { start, end } = sample.numbers;
    let (mut differences, mut done) = (Vec::new(), 0);
    let note = |difference| {
        differences.extend(difference);
        done += 1;
        progress(Progress::Compared(sample.promise, done, end - start));
    };
    look_at_all(pairs, start.., |number| number < end, |_| (), |pair, number| look(pair, sample, number), note)?;
    differences.sort_by_key(|difference| difference.number);
    Ok(differences)
}

/// One interleaving in both places.
fn look(pair: &mut [Executor; 2], sample: &Sample, number: u64) -> Result<Option<Difference>, Trouble> {
    let interleaving = generate::nth(sample.promise, sample.seed, number);
    let mut causes = Causes::default();
    for round in 0..=ROUNDS {
        let effort = if round == 0 { Effort::Quick } else { Effort::Full };
        for (worker, causes) in pair.iter_mut().zip(&mut causes) {
            causes.insert(first_cause(worker, &interleaving, effort)?);
        }
        if !causes[0].is_disjoint(&causes[1]) {
            return Ok(None);
        }
    }
    Ok(Some(Difference { number, interleaving, causes }))
}

fn first_cause(worker: &mut Executor, interleaving: &Interleaving, effort: Effort) -> Result<Option<&'static str>, Trouble> {
    let _beside = worker.beside_agent();
    let seen = run_until_broken(worker, interleaving, effort)?;
    Ok(seen.judgement.first_cause().map(|(rule, _)| rule.id))
}
