//! The search: interleavings by number, executed by all workers, and what was seen of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{Cases, Cell, Execution, Failure, Progress, run_until_broken};
use crate::execute::{Effort, Executor};
use crate::generate;
use crate::history::Event;
use crate::interleaving::Interleaving;
use crate::promise::Promise;
use crate::rules::{self, Judgement, Rule};
use crate::trouble::Trouble;
use crate::verdict::Verdict;

/// The interleavings of one promise, by number: first the saved ones, then the random ones.
pub(super) struct Source {
    pub(super) promise: Promise,
    pub(super) seed: u64,
    pub(super) known: Vec<Interleaving>,
}

impl Source {
    pub(super) fn nth(&self, index: u64) -> Interleaving {
        let saved = usize::try_from(index).ok().and_then(|index| self.known.get(index));
        match saved {
            Some(saved) => saved.clone(),
            None => generate::nth(self.promise, self.seed, index - self.known.len() as u64),
        }
    }
}

/// What a search has seen so far.
pub(super) struct Found {
    started: Instant,
    verdicts: Vec<Verdict>,
    /// For each rule the numbers of the interleavings of which it was the first cause.
    pub(super) suspects: Vec<Vec<u64>>,
    first_seen: Vec<Option<Duration>>,
    cases: u64,
    steps: (u64, u64),
    searched: Duration,
}

/// One executed interleaving.
struct Seen {
    index: u64,
    judgement: Judgement,
    steps: u64,
    skipped: u64,
}

fn look(worker: &mut Executor, source: &Source, index: u64) -> Result<Seen, Trouble> {
    let interleaving = source.nth(index);
    let Execution { history, judgement } = run_until_broken(worker, &interleaving, Effort::Quick)?;
    let skipped = history.events().iter().filter(|event| matches!(event, Event::Skipped { .. })).count() as u64;
    Ok(Seen { index, judgement, steps: interleaving.steps.len() as u64, skipped })
}

pub(super) fn search(
    workers: &mut [Executor],
    source: &Source,
    cases: Cases,
    progress: &mut dyn FnMut(Progress),
) -> Result<Found, Trouble> {
    let mut found = Found::new();
    let started = found.started;
    let total = match cases {
        Cases::Number(number) => Some(number.saturating_add(source.known.len() as u64)),
        Cases::Budget(_) => None,
    };
    let wanted = |index: u64| match (cases, total) {
        (Cases::Budget(budget), _) => started.elapsed() < budget,
        (_, Some(total)) => index < total,
        (_, None) => false,
    };
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let (results, received) = mpsc::channel();
    std::thread::scope(|scope| {
        for worker in workers {
            let (results, next, failed, wanted) = (results.clone(), &next, &failed, &wanted);
            scope.spawn(move || {
                let _beside = worker.beside_agent();
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if !wanted(index) {
                        break;
                    }
                    let seen = look(worker, source, index);
                    failed.fetch_or(seen.is_err(), Ordering::Relaxed);
                    if results.send(seen).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        let mut trouble = None;
        for seen in received {
            match seen {
                Ok(seen) => found.note(seen),
                Err(error) => trouble = trouble.or(Some(error)),
            }
            progress(Progress::Searched(source.promise, found.cases, total));
        }
        trouble.map_or(Ok(()), Err)
    })?;
    found.searched = started.elapsed();
    found.suspects.iter_mut().for_each(|suspects| suspects.sort_unstable());
    Ok(found)
}

impl Found {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            verdicts: vec![Verdict::NotApplicable; rules::ALL.len()],
            suspects: vec![Vec::new(); rules::ALL.len()],
            first_seen: vec![None; rules::ALL.len()],
            cases: 0,
            steps: (0, 0),
            searched: Duration::ZERO,
        }
    }

    fn note(&mut self, seen: Seen) {
        self.cases += 1;
        self.steps = (self.steps.0 + seen.steps, self.steps.1 + seen.skipped);
        // Nothing is broken before it is confirmed.
        for (place, (_, verdict)) in seen.judgement.verdicts.iter().enumerate() {
            if matches!(verdict, Verdict::Failed(_)) {
                self.suspects[place].push(seen.index);
                self.first_seen[place].get_or_insert_with(|| self.started.elapsed());
            }
        }
        that_count(seen.judgement).for_each(|(place, verdict)| self.merge(place, verdict));
    }

    pub(super) fn merge(&mut self, place: usize, verdict: Verdict) {
        let before = std::mem::replace(&mut self.verdicts[place], Verdict::NotApplicable);
        self.verdicts[place] = before.merge(verdict);
    }

    pub(super) fn into_cell(self, source: &Source, failures: Vec<Failure>) -> Cell {
        let broken = |rule: &Rule| failures.iter().any(|failure| failure.rule.id == rule.id);
        let seen = rules::ALL.iter().zip(&self.first_seen).filter(|(rule, _)| broken(rule));
        let first_seen = seen.filter_map(|(rule, when)| Some((rule.id, (*when)?))).collect();
        Cell {
            promise: source.promise,
            verdicts: rules::ALL.iter().zip(self.verdicts).collect(),
            failures,
            cases: self.cases,
            known: source.known.len() as u64,
            steps: self.steps,
            searched: self.searched,
            first_seen,
        }
    }
}

/// The verdicts of an execution that may have been cut short when a rule was broken, by their place in [`rules::ALL`]: what was broken
/// has to be confirmed, and some evidence was never there.
pub(super) fn that_count(judgement: Judgement) -> impl Iterator<Item = (usize, Verdict)> {
    let broken = judgement.first_cause().is_some();
    let verdicts = judgement.verdicts.into_iter().map(|(_, verdict)| verdict).enumerate();
    verdicts.filter(move |(_, verdict)| match verdict {
        Verdict::Failed(_) => false,
        Verdict::NoVerdict(_) => !broken,
        _ => true,
    })
}
