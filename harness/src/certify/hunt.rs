//! The search for one planted defect: it ends with the first confirmed failure, which is shrunk.

mod shorter;

use std::time::{Duration, Instant};

use super::search::Supply;
use super::{Cases, Plan, Progress};
use crate::bench::Bench;
use crate::execute::{Effort, Executor};
use crate::generate::{Selection, Shard};
use crate::history::History;
use crate::interleaving::Interleaving;
use crate::promise::Promise;
use crate::rules::{self, Judgement, Rule};
use crate::shrink::shrink;
use crate::target::Target;
use crate::trouble::Trouble;
pub use shorter::{Shorter, shorter};

/// What is hunted, and how far.
#[derive(Clone, Copy, Debug)]
pub struct Hunt<'a> {
    /// The pool.
    pub target: &'a Target,
    /// What the application promises.
    pub promise: Promise,
    /// The seed of the random interleavings.
    pub seed: u64,
    /// At most so many interleavings.
    pub cases: u64,
    /// The rule that must be the first cause; any, if none is named.
    pub by: Option<&'static str>,
    /// A rule that is switched off: what it says is not heard.
    pub without: Option<&'static str>,
    /// It is hunted where the server fails, and not in the usual interleavings.
    pub faulty: bool,
}

/// What came of a hunt.
#[derive(Debug)]
pub struct Bag {
    /// The failure, if one was found.
    pub kill: Option<Kill>,
    /// How many interleavings were executed.
    pub cases: u64,
    /// How long that took, without what was done to confirm and to shrink.
    pub took: Duration,
    /// The other rules that were a first cause on the way, each once.
    pub others: Vec<&'static str>,
}

/// A failure that was found.
#[derive(Debug)]
pub struct Kill {
    /// The rule, as first cause.
    pub rule: &'static Rule,
    /// The shrunk interleaving.
    pub interleaving: Interleaving,
}

/// So often in a row a failure must be seen, before it is believed and while it is shrunk.
const STEADY: u32 = 3;

/// Executes the interleavings of a certification, one after the other, until a rule is the first cause, and goes on to be when the
/// same interleaving is executed again.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn hunt(bench: &Bench, hunt: Hunt, progress: &mut dyn FnMut(Progress)) -> Result<Bag, Trouble> {
    let mut worker = Executor::start(hunt.target, bench.surroundings(hunt.target.database())?)?;
    let _beside = worker.beside_agent();
    let cases = Cases::Number(hunt.cases);
    let selection = if hunt.faulty { Selection::faults() } else { Selection::default() };
    let plan = Plan { seed: hunt.seed, cases, selection, workers: 1, replays: 0, shard: Shard::WHOLE };
    let supply = Supply::new(hunt.promise, Vec::new(), &plan);
    let mut bag = Bag { kill: None, cases: 0, took: Duration::ZERO, others: Vec::new() };
    while bag.cases < hunt.cases && bag.kill.is_none() {
        let interleaving = supply.nth(bag.cases);
        let started = Instant::now();
        let seen = hunt.first_cause(&mut worker, &interleaving, Effort::Quick)?;
        bag.took += started.elapsed();
        bag.cases += 1;
        progress(Progress::Searched(hunt.promise, bag.cases, Some(hunt.cases)));
        match seen {
            Some(rule) if hunt.by.is_none_or(|by| by == rule.id) => {
                bag.kill = hunt.confirm(&mut worker, interleaving, rule, progress)?;
            }
            Some(other) if !bag.others.contains(&other.id) => bag.others.push(other.id),
            _ => {}
        }
    }
    Ok(bag)
}

impl Hunt<'_> {
    /// The rule that one execution broke first. Nobody is waited for once that is known.
    fn first_cause(
        &self,
        worker: &mut Executor,
        interleaving: &Interleaving,
        effort: Effort,
    ) -> Result<Option<&'static Rule>, Trouble> {
        let cause = |history: &History| first_cause(&rules::judge(interleaving, history), self.without);
        worker.execute_until(interleaving, effort, |history| cause(history).is_some()).map(|history| cause(&history))
    }

    /// What is steady is shrunk.
    fn confirm(
        &self,
        worker: &mut Executor,
        interleaving: Interleaving,
        rule: &'static Rule,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<Kill>, Trouble> {
        progress(Progress::Confirming(self.promise, rule));
        if !self.is_steady(worker, &interleaving, rule)? {
            return Ok(None);
        }
        let shrunk = shrink(&interleaving, |candidate| {
            progress(Progress::Shrinking(self.promise, rule, candidate.steps.len()));
            self.breaks_in_a_row(worker, candidate, rule)
        })?;
        Ok(Some(Kill { rule, interleaving: shrunk }))
    }

    /// It breaks the rule with full patience, and then so often in a row.
    fn is_steady(&self, worker: &mut Executor, interleaving: &Interleaving, rule: &'static Rule) -> Result<bool, Trouble> {
        Ok(self.breaks(worker, interleaving, rule, Effort::Full)? && self.breaks_in_a_row(worker, interleaving, rule)?)
    }

    fn breaks_in_a_row(&self, worker: &mut Executor, interleaving: &Interleaving, rule: &'static Rule) -> Result<bool, Trouble> {
        for _ in 0..STEADY {
            if !self.breaks(worker, interleaving, rule, Effort::Quick)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn breaks(&self, worker: &mut Executor, given: &Interleaving, rule: &'static Rule, effort: Effort) -> Result<bool, Trouble> {
        self.first_cause(worker, given, effort).map(|cause| cause.is_some_and(|cause| cause.id == rule.id))
    }
}

/// The first cause among the rules that are heard: what is a consequence of one that is not may have been the first of these.
fn first_cause(judgement: &Judgement, without: Option<&str>) -> Option<&'static Rule> {
    let heard = |rule: &Rule| without != Some(rule.id);
    match judgement.first_cause() {
        Some((rule, _)) if !heard(rule) => {
            judgement.consequences().filter(|(rule, _)| heard(rule)).min_by_key(|(_, evidence)| evidence.at).map(|(rule, _)| rule)
        }
        cause => cause.map(|(rule, _)| rule),
    }
}
