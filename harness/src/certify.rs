//! The whole algorithm: search, confirm, shrink, replay.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::execute::{Effort, Executor};
use crate::generate;
use crate::history::{Event, History};
use crate::interleaving::Interleaving;
use crate::promise::Promise;
use crate::rules::{self, Judgement, Rule};
use crate::shrink::shrink;
use crate::target::Target;
use crate::trouble::Trouble;
use crate::verdict::Verdict;

/// How much is searched, and from which seed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed of the random interleavings.
    pub seed: u64,
    /// How many interleavings for each promise.
    pub cases: Cases,
    /// How many coordinators search at once.
    pub workers: usize,
    /// How often a shrunk failure is replayed.
    pub replays: u32,
}

/// When a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cases {
    /// After so many interleavings.
    Number(u64),
    /// After so much time.
    Budget(Duration),
}

/// What a pool did under one promise.
#[derive(Debug)]
pub struct Cell {
    /// The promise.
    pub promise: Promise,
    /// Over all interleavings, in the order of [`rules::ALL`].
    pub verdicts: Vec<(&'static Rule, Verdict)>,
    /// One minimal failure for each broken rule.
    pub failures: Vec<Failure>,
    /// How many interleavings were executed, saved ones included.
    pub cases: u64,
    /// How many saved ones.
    pub known: u64,
    /// How many steps they had, and how many of these were skipped.
    pub steps: (u64, u64),
    /// How long the search took.
    pub searched: Duration,
    /// From the start of the search to the first failure of each broken rule.
    pub first_seen: Vec<(&'static str, Duration)>,
}

/// A rule that was broken, with the smallest interleaving that breaks it.
#[derive(Debug)]
pub struct Failure {
    /// The rule, as first cause.
    pub rule: &'static Rule,
    /// The shrunk interleaving.
    pub interleaving: Interleaving,
    /// What happened when it was confirmed.
    pub history: History,
    /// And what the rules say of that.
    pub judgement: Judgement,
    /// In how many replays the rule was the first cause again.
    pub replayed: u32,
    /// Of how many.
    pub replays: u32,
    /// The last that the pool printed.
    pub printed: String,
}

/// What a long run tells while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// So many interleavings of so many, if their number is known, have been executed.
    Searched(Promise, u64, Option<u64>),
    /// A rule seems to be broken; it is being confirmed.
    Confirming(Promise, &'static Rule),
    /// The interleaving is being shrunk; so many steps are left.
    Shrinking(Promise, &'static Rule, usize),
    /// It is being replayed.
    Replaying(Promise, &'static Rule),
}

/// Certifies one pool under some promises. `known` gives the saved failures of a promise, which are run first.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn certify(
    bench: &Bench,
    target: &Target,
    promises: &[Promise],
    plan: &Plan,
    known: &dyn Fn(Promise) -> Result<Vec<Interleaving>, Trouble>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Cell>, Trouble> {
    let around = bench.surroundings(target.database())?;
    let mut workers: Vec<Executor> =
        (0..plan.workers.max(1)).map(|_| Executor::start(target, around)).collect::<Result<_, _>>()?;
    promises
        .iter()
        .map(|promise| {
            let source = Source { promise: *promise, seed: plan.seed, known: known(*promise)? };
            let mut found = search(&mut workers, &source, plan.cases, progress)?;
            let failures = confirm(&mut workers[0], &source, &mut found, plan, progress)?;
            Ok(found.into_cell(&source, failures))
        })
        .collect()
}

/// The interleavings of one promise, by number: first the saved ones, then the random ones.
struct Source {
    promise: Promise,
    seed: u64,
    known: Vec<Interleaving>,
}

impl Source {
    fn nth(&self, index: u64) -> Interleaving {
        let saved = usize::try_from(index).ok().and_then(|index| self.known.get(index));
        match saved {
            Some(saved) => saved.clone(),
            None => generate::nth(self.promise, self.seed, index - self.known.len() as u64),
        }
    }
}

/// What a search has seen so far.
struct Found {
    started: Instant,
    verdicts: Vec<Verdict>,
    /// For each rule the numbers of the interleavings of which it was the first cause.
    suspects: Vec<Vec<u64>>,
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
    let Execution { history, judgement } = run(worker, &interleaving, Effort::Quick)?;
    let skipped = history.events().iter().filter(|event| matches!(event, Event::Skipped { .. })).count() as u64;
    Ok(Seen { index, judgement, steps: interleaving.steps.len() as u64, skipped })
}

fn search(workers: &mut [Executor], source: &Source, cases: Cases, progress: &mut dyn FnMut(Progress)) -> Result<Found, Trouble> {
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
        for (place, (_, verdict)) in seen.judgement.verdicts.into_iter().enumerate() {
            match verdict {
                // Nothing is broken before it is confirmed.
                Verdict::Failed(_) => {
                    self.suspects[place].push(seen.index);
                    self.first_seen[place].get_or_insert_with(|| self.started.elapsed());
                }
                other => self.merge(place, other),
            }
        }
    }

    fn merge(&mut self, place: usize, verdict: Verdict) {
        let before = std::mem::replace(&mut self.verdicts[place], Verdict::NotApplicable);
        self.verdicts[place] = before.merge(verdict);
    }

    fn into_cell(self, source: &Source, failures: Vec<Failure>) -> Cell {
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

/// Of each rule the suspect with the lowest number that fails again, with bounds that no slow machine reaches; shrunk and replayed.
fn confirm(
    worker: &mut Executor,
    source: &Source,
    found: &mut Found,
    plan: &Plan,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Failure>, Trouble> {
    let mut failures = Vec::new();
    for (place, rule) in rules::ALL.iter().enumerate() {
        let mut best: Option<Failure> = None;
        let mut attempts = 0;
        for index in std::mem::take(&mut found.suspects[place]) {
            progress(Progress::Confirming(source.promise, rule));
            let interleaving = source.nth(index);
            let seen = run(worker, &interleaving, Effort::Full)?;
            if seen.breaks(rule) {
                attempts += 1;
                let failure = minimal(worker, interleaving, seen, rule, plan, progress)?;
                let better = best.as_ref().is_none_or(|best| failure.replayed > best.replayed);
                let done = failure.is_steady() || attempts == ATTEMPTS;
                best = if better { Some(failure) } else { best };
                if done {
                    break;
                }
                continue;
            }
            // What the second run says counts: the first one was in a hurry.
            for (place, (_, verdict)) in seen.judgement.verdicts.into_iter().enumerate() {
                if !matches!(verdict, Verdict::Failed(_)) {
                    found.merge(place, verdict);
                }
            }
        }
        if let Some(failure) = best {
            let evidence = failure.judgement.first_cause().map(|(_, evidence)| evidence.clone());
            evidence.into_iter().for_each(|evidence| found.merge(place, Verdict::Failed(evidence)));
            failures.push(failure);
        }
    }
    Ok(failures)
}

/// Where a failure depends on the moment, so many suspects are shrunk in search of one that does not.
const ATTEMPTS: u32 = 2;
/// While shrinking, a smaller interleaving must fail so often in a row: one that fails by luck would be no reproducer.
const STEADY: u32 = 2;

impl Failure {
    /// It fails nearly always: 18 times of 20.
    fn is_steady(&self) -> bool {
        self.replayed * 10 >= self.replays * 9
    }
}

fn minimal(
    worker: &mut Executor,
    start: Interleaving,
    seen: Execution,
    rule: &'static Rule,
    plan: &Plan,
    progress: &mut dyn FnMut(Progress),
) -> Result<Failure, Trouble> {
    let promise = start.promise;
    let shrunk = shrink(&start, |candidate| {
        progress(Progress::Shrinking(promise, rule, candidate.steps.len()));
        for _ in 0..STEADY {
            if !run(worker, candidate, Effort::Quick)?.breaks(rule) {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    // What is reported was seen with full patience; if the shrunk one needs haste to fail, the whole one is reported.
    let again = run(worker, &shrunk, Effort::Full)?;
    let (interleaving, Execution { history, judgement }) = if again.breaks(rule) { (shrunk, again) } else { (start, seen) };
    let printed = worker.printed();
    progress(Progress::Replaying(promise, rule));
    let mut replayed = 0;
    for _ in 0..plan.replays {
        replayed += u32::from(run(worker, &interleaving, Effort::Quick)?.breaks(rule));
    }
    Ok(Failure { rule, interleaving, history, judgement, replayed, replays: plan.replays, printed })
}

/// One execution, judged.
struct Execution {
    history: History,
    judgement: Judgement,
}

impl Execution {
    fn breaks(&self, rule: &Rule) -> bool {
        self.judgement.first_cause().is_some_and(|(first, _)| first.id == rule.id)
    }
}

fn run(worker: &mut Executor, interleaving: &Interleaving, effort: Effort) -> Result<Execution, Trouble> {
    let history = worker.execute(interleaving, effort)?;
    let judgement = rules::judge(interleaving, &history);
    Ok(Execution { history, judgement })
}

/// What one interleaving does, executed several times.
#[derive(Debug)]
pub struct Replay {
    /// The first execution.
    pub history: History,
    /// What the rules say of it.
    pub judgement: Judgement,
    /// In how many executions the same rule was the first cause.
    pub replayed: u32,
    /// Of how many.
    pub replays: u32,
    /// The last that the pool printed.
    pub printed: String,
}

/// Executes one interleaving `times` times.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn replay(bench: &Bench, target: &Target, interleaving: &Interleaving, times: u32) -> Result<Replay, Trouble> {
    let mut worker = Executor::start(target, bench.surroundings(target.database())?)?;
    let Execution { history, judgement } = run(&mut worker, interleaving, Effort::Full)?;
    let printed = worker.printed();
    let cause = |judgement: &Judgement| judgement.first_cause().map(|(rule, _)| rule.id);
    let mut replayed = 1;
    for _ in 1..times {
        let again = run(&mut worker, interleaving, Effort::Full)?;
        replayed += u32::from(cause(&again.judgement) == cause(&judgement));
    }
    Ok(Replay { history, judgement, replayed, replays: times.max(1), printed })
}

/// Executes interleavings one after the other, with full patience, and judges nothing.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn execute(bench: &Bench, target: &Target, interleavings: &[Interleaving]) -> Result<Vec<History>, Trouble> {
    let mut worker = Executor::start(target, bench.surroundings(target.database())?)?;
    interleavings.iter().map(|interleaving| worker.execute(interleaving, Effort::Full)).collect()
}
