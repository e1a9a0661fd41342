//! Whether what was left of the failures is as short as it can be.

use poolproof::bench::Bench;
use poolproof::certify::{Hunt, Shorter, shorter};
use poolproof::interleaving::Interleaving;
use poolproof::rules;
use poolproof::trouble::Trouble;

use super::super::args::Mutants;
use super::super::exit::Stop;
use super::super::progress::Teller;
use super::crew::several_at_once;
use super::{Hunted, Mutant};

/// The longest failure of which it is proved that nothing shorter would do. With one step more there are some thirty times as many.
pub(super) const PROVABLE: usize = 5;

/// What is known of the length of a mutant's failures, from all seeds.
#[derive(Debug)]
pub(super) enum Length {
    /// Nothing with fewer steps breaks its rule: so many interleavings were executed.
    Proved(u64),
    /// This one has fewer steps than the longest of them, and breaks its rule.
    Beaten(Interleaving),
    /// They have too many steps for a proof, and no more than the shortest that is known.
    AsKnown,
}

impl Length {
    /// The word for programs.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Proved(_) => "proved",
            Self::Beaten(_) => "beaten",
            Self::AsKnown => "as-known",
        }
    }
}

/// Finds it out for each mutant that was killed.
pub(super) fn prove(bench: &Bench, hunted: &mut [Hunted], wanted: &Mutants, teller: &mut Teller) -> Result<(), Stop> {
    let jobs: Vec<(usize, Mutant, usize)> = (0..)
        .zip(hunted.iter())
        // The enumeration has no faults.
        .filter(|(_, hunted)| !hunted.mutant.faulty)
        .filter_map(|(at, hunted)| Some((at, hunted.mutant, longest(hunted).filter(|longest| *longest <= PROVABLE)?)))
        .collect();
    let name = |job: &(usize, Mutant, usize)| job.1.target.name();
    let mut proofs = several_at_once(&jobs, wanted.workers, name, teller, &|(_, mutant, steps), progress| {
        let rule = rules::find(mutant.rule).ok_or_else(|| Trouble::Bug(format!("there is no rule {}", mutant.rule)))?;
        let hunt = Hunt {
            target: &mutant.target,
            promise: mutant.terms.promise,
            seed: wanted.seed,
            cases: 0,
            by: Some(rule.id),
            without: None,
            faulty: false,
        };
        shorter(bench, hunt, rule, *steps, progress)
    })?;
    if proofs.len() < jobs.len() {
        return Err(Trouble::Interrupted.into());
    }
    for (number, (at, ..)) in jobs.iter().enumerate() {
        hunted[*at].length =
            proofs.remove(&number).map(|Shorter { found, cases }| found.map_or(Length::Proved(cases), Length::Beaten));
    }
    for hunted in hunted.iter_mut().filter(|hunted| hunted.length.is_none()) {
        hunted.length = compared(hunted);
    }
    Ok(())
}

/// The steps of the longest failure.
fn longest(hunted: &Hunted) -> Option<usize> {
    failures(hunted).map(|failure| failure.steps.len()).max()
}

fn failures(hunted: &Hunted) -> impl Iterator<Item = &Interleaving> {
    hunted.bags.values().filter_map(|bag| bag.kill.as_ref()).map(|kill| &kill.interleaving)
}

/// Held against what was thought out when the defect was planted, and against each other.
fn compared(hunted: &Hunted) -> Option<Length> {
    let story = hunted.mutant.story().ok();
    let shortest = failures(hunted).chain(&story).min_by_key(|known| known.steps.len())?;
    let as_known = longest(hunted)? <= shortest.steps.len();
    Some(if as_known { Length::AsKnown } else { Length::Beaten(shortest.clone()) })
}
