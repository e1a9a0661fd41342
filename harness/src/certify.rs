//! The whole algorithm: search, confirm, shrink, replay; and some of what passed is executed twice.

mod again;
mod compare;
mod confirm;
mod crew;
mod finding;
mod glance;
mod hunt;
mod replay;
mod search;
mod second;
mod twice;

use std::time::Duration;

use crate::bench::Bench;
use crate::execute::{Effort, Executor, Surroundings};
use crate::generate::{Selection, Shard, Source};
use crate::history::History;
use crate::interleaving::{ForkKind, Interleaving, Op, Process, Step};
use crate::promise::Promise;
use crate::rules::{self, Judgement, Rule};
use crate::situations::Situations;
use crate::target::Target;
use crate::transport::Transport;
use crate::trouble::Trouble;
use crate::verdict::Verdict;
pub use compare::{Causes, Difference, Sample, compare};
use confirm::confirm;
pub use glance::{Glance, glance};
pub use hunt::{Bag, Hunt, Kill, Shorter, hunt, shorter};
pub use replay::{Replay, replay};
use search::{Supply, search};
pub use second::{Second, ask_second_server};
pub use twice::Unlike;
use twice::execute_twice;

/// How much is searched, and from which seed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed of the random interleavings.
    pub seed: u64,
    /// How many interleavings for each promise.
    pub cases: Cases,
    /// Where they come from.
    pub selection: Selection,
    /// How many coordinators search at once.
    pub workers: usize,
    /// How often a shrunk failure is replayed.
    pub replays: u32,
    /// Which part of the whole is looked at.
    pub shard: Shard,
}

/// More workers than this only wait for the server.
const WORKERS: usize = 4;

impl Default for Plan {
    /// The usual one: 200 interleavings from all sources and the seed 1, as many workers as there are processors, 20 replays.
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(1, |number| number.get().min(WORKERS));
        Self { seed: 1, cases: Cases::Number(200), selection: Selection::default(), workers, replays: 20, shard: Shard::WHOLE }
    }
}

/// When a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cases {
    /// After so many interleavings.
    Number(u64),
    /// After so much time.
    Budget(Duration),
    /// After so many interleavings, or after so much time if that is over before.
    Within(u64, Duration),
    /// After all that there are; none of them is random.
    Everything,
}

impl Cases {
    /// The time for them has run out.
    fn is_over(self, elapsed: Duration) -> bool {
        match self {
            Self::Budget(budget) | Self::Within(_, budget) => elapsed >= budget,
            Self::Number(_) | Self::Everything => false,
        }
    }
}

/// What a pool did under one promise.
#[derive(Debug)]
pub struct Cell {
    /// The promise.
    pub promise: Promise,
    /// Over all interleavings, in the order of [`rules::ALL`].
    pub verdicts: Vec<(&'static Rule, Verdict)>,
    /// One minimal failure for each broken rule; one that is not steady is a suspicion, and its rule has no verdict.
    pub failures: Vec<Failure>,
    /// How many interleavings were executed, saved ones included.
    pub cases: u64,
    /// How many there were to execute, if that was known.
    pub wanted: Option<u64>,
    /// How many saved ones.
    pub known: u64,
    /// What each source gave and found, in their order.
    pub sources: Vec<Share>,
    /// How many steps they had, and how many of these were skipped.
    pub steps: (u64, u64),
    /// In how many of the interleavings a reply of the server was withheld.
    pub stalled: u64,
    /// What was exercised.
    pub situations: Situations,
    /// It was a run of all sources with at least the usual number of cases: what it did not exercise it should have.
    pub whole: bool,
    /// Interleavings that passed, and went otherwise when they were executed twice more.
    pub unlike: Vec<Unlike>,
    /// How long the search took.
    pub searched: Duration,
    /// From the start of the search to the first failure of each broken rule.
    pub first_seen: Vec<(&'static str, Duration)>,
}

/// What a source of interleavings gave and found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The source.
    pub source: Source,
    /// How many interleavings of it were executed.
    pub cases: u64,
    /// In how many of them a rule was the first cause of which a failure was confirmed.
    pub broken: u64,
}

/// A rule that was broken, with the smallest interleaving that breaks it.
#[derive(Debug)]
pub struct Failure {
    /// The rule, as first cause.
    pub rule: &'static Rule,
    /// The number of the interleaving that broke it in the search.
    pub number: u64,
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
    /// What a real server showed of it, if it was seen on an embedded one.
    pub second: Option<Second>,
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
    /// So many interleavings of so many have been executed in two places.
    Compared(Promise, u64, u64),
}

/// Certifies one pool under some promises. `known` gives the saved failures of a promise, which are run first. What the transport does
/// not show is judged on Unix sockets, by the same interleavings, if the pool can take those.
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
    let mut cells = certify_over(around, target, promises, plan, known, progress)?;
    if !rules::ALL.iter().all(|rule| rule.is_visible(around.transport)) && target.transports().contains(&Transport::Unix) {
        let around = Surroundings { transport: Transport::Unix, ..around };
        let shown = certify_over(around, target, promises, plan, known, progress)?;
        cells.iter_mut().zip(shown).for_each(|(cell, shown)| cell.see(shown));
    }
    Ok(cells)
}

fn certify_over(
    around: Surroundings<'_>,
    target: &Target,
    promises: &[Promise],
    plan: &Plan,
    known: &dyn Fn(Promise) -> Result<Vec<Interleaving>, Trouble>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Cell>, Trouble> {
    let another = || Executor::start(target, around);
    let mut workers: Vec<Executor> = (0..plan.workers.max(1)).map(|_| another()).collect::<Result<_, _>>()?;
    promises
        .iter()
        .map(|promise| {
            if *promise == Promise::HookInChild && !offers_hook(&mut workers[0])? {
                return Ok(Cell::not_offered(*promise));
            }
            let supply = Supply::new(*promise, known(*promise)?, plan);
            let mut found = search(&mut workers, &supply, plan, progress)?;
            let broken: Vec<u64> = found.suspects.iter().flatten().copied().collect();
            let failures = confirm(&mut workers, &another, &supply, &mut found, plan, progress)?;
            let unlike = execute_twice(&mut workers, &supply, &broken, (plan.shard, found.cases))?;
            Ok(found.into_cell(&supply, failures, unlike))
        })
        .collect()
}

/// Whether a child finds the hook that it is to call: without one nothing is searched.
fn offers_hook(worker: &mut Executor) -> Result<bool, Trouble> {
    let (parent, child) = (Process::FIRST.main(), Process(1));
    let steps = [(parent, Op::Open(None)), (parent, Op::Fork(child, ForkKind::Fork)), (child.main(), Op::AfterFork(None))];
    let steps = steps.map(|(actor, op)| Step::new(actor, op)).to_vec();
    let Execution { judgement, .. } = run(worker, &Interleaving::new(1, Promise::HookInChild, steps), Effort::Quick)?;
    Ok(judgement.verdicts.iter().any(|(_, verdict)| *verdict != Verdict::NotOffered))
}

impl Cell {
    /// Takes from the same on another transport what could not be seen here.
    fn see(&mut self, shown: Self) {
        let is_hidden = |(_, verdict): &&(&'static Rule, Verdict)| *verdict == Verdict::NotVisible;
        let hidden: Vec<&'static str> = self.verdicts.iter().filter(is_hidden).map(|(rule, _)| rule.id).collect();
        self.failures.extend(shown.failures.into_iter().filter(|failure| hidden.contains(&failure.rule.id)));
        self.first_seen.extend(shown.first_seen.into_iter().filter(|(id, _)| hidden.contains(id)));
        for ((rule, verdict), (_, elsewhere)) in self.verdicts.iter_mut().zip(shown.verdicts) {
            if hidden.contains(&rule.id) {
                *verdict = elsewhere;
            }
        }
    }

    /// Of a promise that nobody can keep with this pool.
    fn not_offered(promise: Promise) -> Self {
        let verdicts = rules::ALL.iter().map(|rule| (rule, Verdict::NotOffered)).collect();
        Self {
            promise,
            verdicts,
            failures: Vec::new(),
            cases: 0,
            wanted: None,
            known: 0,
            sources: Vec::new(),
            steps: (0, 0),
            stalled: 0,
            searched: Duration::ZERO,
            first_seen: Vec::new(),
            situations: Situations::default(),
            whole: false,
            unlike: Vec::new(),
        }
    }
}

/// The number of the first interleaving of a search of which a rule is the first cause, if there is one among the first `cases`.
/// It is not confirmed.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn first_failure(
    bench: &Bench,
    target: &Target,
    promise: Promise,
    seed: u64,
    cases: u64,
    rule: &str,
) -> Result<Option<u64>, Trouble> {
    let mut worker = Executor::start(target, bench.surroundings(target.database())?)?;
    let _beside = worker.beside_agent();
    let plan =
        Plan { seed, cases: Cases::Number(cases), selection: Selection::default(), workers: 1, replays: 0, shard: Shard::WHOLE };
    let supply = Supply::new(promise, Vec::new(), &plan);
    for index in 0..cases {
        let interleaving = supply.nth(index);
        let execution = run_until_broken(&mut worker, &interleaving, Effort::Quick)?;
        if execution.judgement.first_cause().is_some_and(|(first, _)| first.id == rule) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// One execution, judged.
struct Execution {
    history: History,
    judgement: Judgement,
}

impl Execution {
    fn of(interleaving: &Interleaving, history: History) -> Self {
        let judgement = rules::judge(interleaving, &history);
        Self { history, judgement }
    }

    /// The place of the rule that was broken first in [`rules::ALL`].
    fn first_cause(&self) -> Option<usize> {
        let (first, _) = self.judgement.first_cause()?;
        rules::ALL.iter().position(|rule| rule.id == first.id)
    }

    /// What was before the first cause: what comes after it is cut off sooner or later, as chance will have it.
    fn before_the_first_cause(self, interleaving: &Interleaving) -> Self {
        let Some((_, evidence)) = self.judgement.first_cause() else { return self };
        Self::of(interleaving, self.history.beginning(evidence.at))
    }

    fn breaks(&self, rule: &Rule) -> bool {
        self.judgement.first_cause().is_some_and(|(first, _)| first.id == rule.id)
    }
}

fn run(worker: &mut Executor, interleaving: &Interleaving, effort: Effort) -> Result<Execution, Trouble> {
    Ok(Execution::of(interleaving, worker.execute(interleaving, effort)?))
}

/// As [`run`], but nobody is waited for once a rule is broken: what a broken pool does next is mostly to hang.
fn run_until_broken(worker: &mut Executor, interleaving: &Interleaving, effort: Effort) -> Result<Execution, Trouble> {
    let broken = |history: &History| rules::judge(interleaving, history).first_cause().is_some();
    Ok(Execution::of(interleaving, worker.execute_until(interleaving, effort, broken)?))
}

/// Executes interleavings one after the other, with full patience, and judges nothing.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn execute(bench: &Bench, target: &Target, interleavings: &[Interleaving]) -> Result<Vec<History>, Trouble> {
    let mut worker = Executor::start(target, bench.surroundings(target.database())?)?;
    let _beside = worker.beside_agent();
    interleavings.iter().map(|interleaving| worker.execute(interleaving, Effort::Full)).collect()
}
