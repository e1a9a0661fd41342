//! Benches, runs and medians.

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify::{self, Cases, Cell, Plan};
use poolproof::generate::{Selection, Shard};
use poolproof::interleaving::Interleaving;
use poolproof::{Promise, Target};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// While it lives, this thread and what it starts have only the first so many of the last processors, so that figures do not depend on
/// which of them is taken: they differ, and the first one has the machine's other work.
pub(crate) struct Processors {
    before: CpuSet,
}

impl Processors {
    pub(crate) fn only(count: usize) -> std::io::Result<Self> {
        let before = sched_getaffinity(None)?;
        let usable = (0..CpuSet::MAX_CPU).rev().filter(|processor| before.is_set(*processor)).take(count);
        let mut set = CpuSet::new();
        usable.for_each(|processor| set.set(processor));
        sched_setaffinity(None, &set)?;
        Ok(Self { before })
    }
}

impl Drop for Processors {
    fn drop(&mut self) {
        // What was allowed before is allowed again.
        let _ = sched_setaffinity(None, &self.before);
    }
}

static NEVER: AtomicBool = AtomicBool::new(false);

pub(crate) fn bench() -> Result<Bench, Box<dyn Error>> {
    Ok(Bench::start(&NEVER)?)
}

/// A bench with one server.
pub(crate) fn bench_with(choice: &ServerChoice, target: &Target) -> Result<Bench, Box<dyn Error>> {
    let mut bench = bench()?;
    bench.add_server(choice, target.database())?;
    Ok(bench)
}

pub(crate) fn target(name: &str) -> Target {
    let known = poolproof_targets::all().into_iter().find(|target| target.name() == name);
    known.expect("a pool that is built in")
}

/// Runs these interleavings as `certify` does.
pub(crate) fn search(
    bench: &Bench,
    target: &Target,
    interleavings: &[Interleaving],
    workers: usize,
) -> Result<Cell, Box<dyn Error>> {
    let promise = interleavings.first().map_or(Promise::ChildUsesPool, |interleaving| interleaving.promise);
    let plan =
        Plan { seed: 1, cases: Cases::Number(0), selection: Selection::default(), workers, replays: 1, shard: Shard::WHOLE };
    let mut cells = certify::certify(bench, target, &[promise], &plan, &|_| Ok(interleavings.to_vec()), &mut |_| {})?;
    let cell = cells.pop().ok_or("no result")?;
    match cell.failures.first() {
        Some(failure) => Err(format!("{} breaks {}", target.name(), failure.rule.id).into()),
        None => Ok(cell),
    }
}

/// The one in the middle.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => (sorted[length / 2 - 1] + sorted[length / 2]) / 2.0,
    }
}

/// The median of what pairs of runs give when divided.
pub(crate) fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(&of.iter().zip(to).map(|(of, to)| of / to).collect::<Vec<f64>>())
}

/// So many in one second.
pub(crate) fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// The time that every processor of the machine was busy since it started, idle time and what was stolen left out.
pub(crate) fn busy() -> Result<Duration, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let ticks: Vec<u64> =
        text.lines().next().unwrap_or_default().split_whitespace().skip(1).filter_map(|tick| tick.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq
    let busy: u64 = [0, 1, 2, 5, 6].iter().filter_map(|place| ticks.get(*place)).sum();
    Ok(Duration::from_millis(busy * 1000 / rustix::param::clock_ticks_per_second()))
}
