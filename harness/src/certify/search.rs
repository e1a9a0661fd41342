//! The search: interleavings by number, executed by all workers, and what was seen of them.

use std::time::{Duration, Instant};

use super::crew::look_at_all;
use super::{Cases, Cell, Execution, Failure, Plan, Progress, Share, Unlike, run_until_broken};
use crate::execute::{Effort, Executor};
use crate::generate::{Amount, Mix, Source};
use crate::history::{Event, Expectation, Outcome};
use crate::interleaving::Interleaving;
use crate::limits;
use crate::pool::ErrorKind;
use crate::promise::Promise;
use crate::rules::{self, Judgement, Rule};
use crate::situations::Situations;
use crate::trouble::Trouble;
use crate::verdict::Verdict;

/// The interleavings of one promise, by number: first the saved ones, then those of all sources.
pub(super) struct Supply {
    pub(super) promise: Promise,
    known: Vec<Interleaving>,
    mix: Mix,
    has_all_sources: bool,
}

impl Supply {
    pub(super) fn new(promise: Promise, known: Vec<Interleaving>, plan: &Plan) -> Self {
        let amount = match plan.cases {
            Cases::Number(number) | Cases::Within(number, _) => Amount::Number(number),
            Cases::Budget(_) => Amount::Unknown,
            Cases::Everything => Amount::Everything,
        };
        let has_all_sources = plan.selection.is_usual();
        Self { promise, known, mix: Mix::new(promise, plan.seed, &plan.selection, amount), has_all_sources }
    }

    pub(super) fn nth(&self, index: u64) -> Interleaving {
        let saved = usize::try_from(index).ok().and_then(|index| self.known.get(index));
        saved.cloned().unwrap_or_else(|| self.mix.nth(index - self.saved()))
    }

    fn saved(&self) -> u64 {
        self.known.len() as u64
    }

    pub(super) fn total(&self) -> Option<u64> {
        self.mix.total().map(|total| total.saturating_add(self.saved()))
    }

    /// Where an interleaving comes from; a saved one from none of the sources.
    fn source(&self, index: u64) -> Option<Source> {
        index.checked_sub(self.saved()).map(|number| self.mix.source(number))
    }
}

/// What a search has seen so far.
pub(super) struct Found {
    started: Instant,
    verdicts: Vec<Verdict>,
    /// For each rule the numbers of the interleavings of which it was the first cause.
    pub(super) suspects: Vec<Vec<u64>>,
    first_seen: Vec<Option<Duration>>,
    pub(super) cases: u64,
    /// Of each source how many, and by rule of how many of them it was the first cause.
    sources: [(u64, Vec<u64>); Source::ALL.len()],
    steps: (u64, u64),
    stalled: u64,
    situations: Situations,
    searched: Duration,
    /// How many interleavings there are to execute, if that is known.
    wanted: Option<u64>,
}

/// One executed interleaving.
struct Seen {
    index: u64,
    source: Option<Source>,
    /// The place of the rule that was broken first.
    broken: Option<usize>,
    /// Of what was before that.
    judgement: Judgement,
    situations: Situations,
    steps: u64,
    skipped: u64,
    /// A reply was withheld.
    stalled: bool,
}

fn look(worker: &mut Executor, supply: &Supply, index: u64) -> Result<Seen, Trouble> {
    let interleaving = supply.nth(index);
    let mut execution = run_until_broken(worker, &interleaving, Effort::Quick)?;
    if ran_out_of_time(&execution) {
        execution = run_until_broken(worker, &interleaving, Effort::Full)?;
    }
    let broken = execution.first_cause();
    let Execution { history, judgement } = execution.before_the_first_cause(&interleaving);
    let skipped = history.events().iter().filter(|event| matches!(event, Event::Skipped { .. })).count() as u64;
    let stalled = history.events().iter().any(|event| matches!(event, Event::Withheld { .. }));
    let situations = Situations::of(&interleaving, &history);
    let steps = interleaving.steps.len() as u64;
    Ok(Seen { index, source: supply.source(index), broken, judgement, situations, steps, skipped, stalled })
}

/// Something did not come in the short time that it has in a search, and no rule that is judged on these terms says so: nobody would look
/// again, and what was to come after it is missing. A busy machine may have been the cause.
fn ran_out_of_time(execution: &Execution) -> bool {
    let history = &execution.history;
    let too_late = |event: &Event| match event {
        Event::Overdue { .. } => true,
        Event::Finished { id, outcome: Outcome::Error { kind: ErrorKind::TimedOut, .. } } => {
            history.invocations().any(|(_, call)| call.id == *id && call.expected == Expectation::Success)
        }
        _ => false,
    };
    execution.first_cause().is_none() && history.events().iter().any(too_late)
}

pub(super) fn search(
    workers: &mut [Executor],
    supply: &Supply,
    plan: &Plan,
    progress: &mut dyn FnMut(Progress),
) -> Result<Found, Trouble> {
    let mut found = Found::new();
    let (started, total) = (found.started, supply.total());
    let Plan { cases, shard, .. } = *plan;
    let wanted = |nth: u64| !cases.is_over(started.elapsed()) && total.is_none_or(|total| shard.number(nth) < total);
    found.wanted = total.map(|total| (total + shard.of - shard.at) / shard.of);
    let note = |seen| {
        found.note(seen);
        progress(Progress::Searched(supply.promise, found.cases, found.wanted));
    };
    let settle = |worker: &&mut Executor| worker.beside_agent();
    look_at_all(workers, 0.., wanted, settle, |worker, nth| look(worker, supply, shard.number(nth)), note)?;
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
            sources: Source::ALL.map(|_| (0, vec![0; rules::ALL.len()])),
            steps: (0, 0),
            stalled: 0,
            situations: Situations::default(),
            searched: Duration::ZERO,
            wanted: None,
        }
    }

    fn note(&mut self, seen: Seen) {
        self.cases += 1;
        let mut source = seen.source.map(|source| &mut self.sources[source as usize]);
        source.iter_mut().for_each(|(cases, _)| *cases += 1);
        self.steps = (self.steps.0 + seen.steps, self.steps.1 + seen.skipped);
        self.stalled += u64::from(seen.stalled);
        self.situations.merge(seen.situations);
        // Nothing is broken before it is confirmed.
        if let Some(place) = seen.broken {
            self.suspects[place].push(seen.index);
            source.iter_mut().for_each(|(_, broken)| broken[place] += 1);
            self.first_seen[place].get_or_insert_with(|| self.started.elapsed());
        }
        that_count(seen.judgement, seen.broken.is_some()).for_each(|(place, verdict)| self.merge(place, verdict));
    }

    pub(super) fn merge(&mut self, place: usize, verdict: Verdict) {
        let before = std::mem::replace(&mut self.verdicts[place], Verdict::NotApplicable);
        self.verdicts[place] = before.merge(verdict);
    }

    pub(super) fn into_cell(self, supply: &Supply, failures: Vec<Failure>, unlike: Vec<Unlike>) -> Cell {
        let whole = supply.has_all_sources && self.cases >= limits::USUAL_CASES;
        let broken = |rule: &Rule| failures.iter().any(|failure| failure.rule.id == rule.id);
        let seen = rules::ALL.iter().zip(&self.first_seen).filter(|(rule, _)| broken(rule));
        let first_seen = seen.filter_map(|(rule, when)| Some((rule.id, (*when)?))).collect();
        let confirmed =
            |counts: &[u64]| rules::ALL.iter().zip(counts).filter(|(rule, _)| broken(rule)).map(|(_, count)| count).sum();
        let shares = Source::ALL.into_iter().zip(&self.sources).filter(|(_, (cases, _))| *cases > 0);
        let sources =
            shares.map(|(source, (cases, counts))| Share { source, cases: *cases, broken: confirmed(counts) }).collect();
        Cell {
            promise: supply.promise,
            verdicts: rules::ALL.iter().zip(self.verdicts).collect(),
            failures,
            cases: self.cases,
            wanted: self.wanted,
            known: supply.saved(),
            sources,
            steps: self.steps,
            stalled: self.stalled,
            situations: self.situations,
            whole,
            unlike,
            searched: self.searched,
            first_seen,
        }
    }
}

/// The verdicts that count of what was before the first cause, by their place in [`rules::ALL`]: what was broken has to be confirmed,
/// and where something was, some evidence was never there.
pub(super) fn that_count(judgement: Judgement, broken: bool) -> impl Iterator<Item = (usize, Verdict)> {
    let verdicts = judgement.verdicts.into_iter().map(|(_, verdict)| verdict).enumerate();
    verdicts.filter(move |(_, verdict)| match verdict {
        Verdict::Failed(_) => false,
        Verdict::NoVerdict(_) => !broken,
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{History, Invocation, InvocationId};
    use crate::interleaving::{Handle, Op, Process, parse};

    /// Where connections come back dirty nobody is blamed for a checkout that comes too late.
    #[test]
    fn what_nobody_is_blamed_for_is_looked_at_again_with_full_patience() {
        let hurried = |kind, expected| {
            let interleaving = parse("promise threads-only+dirty\np0 open\np0 checkout a\n").expect("valid");
            let (id, actor, op) = (InvocationId(0), Process::FIRST.main(), Op::Checkout(Handle(0), None));
            let call = Invocation {
                id,
                actor,
                op,
                step: Some(1),
                pool: None,
                checkout: None,
                inherited: false,
                nonce: None,
                expected,
                stall: None,
                cut: None,
            };
            let outcome = Outcome::Error { kind, message: String::new() };
            let events = vec![Event::Invoked(call), Event::Finished { id, outcome }];
            ran_out_of_time(&Execution::of(&interleaving, History::from_events(events)))
        };
        assert!(hurried(ErrorKind::TimedOut, Expectation::Success));
        assert!(!hurried(ErrorKind::TimedOut, Expectation::Either), "it need not succeed");
        assert!(!hurried(ErrorKind::Database, Expectation::Success), "time has nothing to do with it");
    }
}
