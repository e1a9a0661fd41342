//! Whether a failure could have fewer steps: everything that has fewer is executed.

use super::Hunt;
use crate::bench::Bench;
use crate::certify::Progress;
use crate::execute::{Effort, Executor};
use crate::generate::{Exhaustive, Menu};
use crate::interleaving::{Interleaving, Op};
use crate::limits;
use crate::promise::Terms;
use crate::rules::Rule;
use crate::trouble::Trouble;

/// What came of the search for something shorter.
#[derive(Debug)]
pub struct Shorter {
    /// The first that breaks the rule, if one does.
    pub found: Option<Interleaving>,
    /// How many were executed.
    pub cases: u64,
}

/// Executes every interleaving of fewer than `steps` steps, shortest first, until one breaks the rule steadily. The number of cases and
/// the seed of the hunt have no meaning here.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn shorter(
    bench: &Bench,
    hunt: Hunt,
    rule: &'static Rule,
    steps: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<Shorter, Trouble> {
    let mut worker = Executor::start(hunt.target, bench.surroundings(hunt.target.database())?)?;
    let _beside = worker.beside_agent();
    let terms = Terms { promise: hunt.promise, dirty: rule.is_about_returns() };
    let mut cases = 0;
    for interleaving in below(terms, steps) {
        cases += 1;
        progress(Progress::Searched(hunt.promise, cases, None));
        let seen = hunt.first_cause(&mut worker, &interleaving, Effort::Quick)?;
        if seen.is_some_and(|seen| seen.id == rule.id) && hunt.is_steady(&mut worker, &interleaving, rule)? {
            return Ok(Shorter { found: Some(interleaving), cases });
        }
    }
    Ok(Shorter { found: None, cases })
}

/// Everything with fewer steps that begins by opening a pool: for each size of it that can make a difference, and for both orders of the
/// final check.
///
/// A pool is only looked at where it can be exhausted: in one that has room for one more than was ever checked out, nothing waits and
/// nothing fails that would in a larger one.
fn below(terms: Terms, steps: usize) -> impl Iterator<Item = Interleaving> {
    let depth = steps.saturating_sub(1);
    let sizes = 1..=limits::MAX_SIZE.min(depth as u32);
    let of_size = move |max_size| Exhaustive::new(terms, max_size, depth, Menu::whole());
    let all = sizes.flat_map(of_size).filter(|given| given.max_size as usize <= checkouts(given) + 1);
    all.flat_map(|given| {
        let forks = given.steps.iter().any(|step| matches!(step.op, Op::Fork(..)));
        let reversed = forks.then(|| Interleaving { ancestor_first: true, ..given.clone() });
        std::iter::once(given).chain(reversed)
    })
}

fn checkouts(of: &Interleaving) -> usize {
    of.steps.iter().filter(|step| matches!(step.op, Op::Checkout(..))).count()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::promise::Promise;

    #[test]
    fn every_size_and_order_that_makes_a_difference_is_there_once() {
        let all: Vec<Interleaving> = below(Promise::ChildLeaks.into(), 4).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(all.iter().all(|given| given.steps.len() < 4));
        let count = |steps: &str| {
            let text = |of: &Interleaving| of.steps.iter().map(|step| format!("{} {}", step.actor, step.op)).collect::<Vec<_>>();
            all.iter().filter(|given| text(given).join("; ") == steps).count()
        };
        // Its reply may be withheld, if there is one.
        assert_eq!(count("p0 open A"), 2);
        assert_eq!(count("p0 open A; p0 fork p1"), 2, "both orders");
        // Each of four ways through the checkout, with room for nobody else and with room.
        assert_eq!(count("p0 open A; p0 checkout a A"), 4 * 2);
        // The second one waits in vain in a pool of one; in one of two or three there are four ways through it.
        assert_eq!(count("p0 open A; p0 checkout a A; p0 checkout b A"), 1 + 2 * 4);
    }
}
