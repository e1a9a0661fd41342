//! (b) The standard mix on the embedded server, against the bare loop.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use poolproof::bench::ServerChoice;
use poolproof::history::{Expectation, History};
use poolproof::interleaving::{Interleaving, Op, Step};
use poolproof::{Promise, certify, generate};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::bare::Bare;
use super::measure::{self, Processors, median, rate, ratio};
use super::paper::{Finding, Section};
use super::script::{Beat, script};

/// How many interleavings the mix has.
const MIX: usize = 400;
/// How many pairs of runs.
const ROUNDS: usize = 7;

/// Generated interleavings of twelve steps and two processes.
fn standard_mix() -> Vec<Interleaving> {
    let all = (0..).map(|index| generate::nth(Promise::ChildUsesPool, 1, index));
    let standard = |interleaving: &Interleaving| {
        let forks = interleaving.steps.iter().filter(|step| matches!(step.op, Op::Fork(..))).count();
        // What the bare loop cannot do.
        let special = |step: &Step| step.stall.is_some() || step.is_fault() || matches!(step.op, Op::Exec | Op::Cancel(_));
        interleaving.steps.len() == 12 && forks == 1 && !interleaving.steps.iter().any(special)
    };
    all.filter(standard).take(MIX).collect()
}

pub(super) fn section() -> Result<Section, Box<dyn Error>> {
    let reference = measure::target("reference");
    let mix = standard_mix();
    let histories = certify::execute(&measure::bench_with(&ServerChoice::Embedded, &reference)?, &reference, &mix)?;
    let scripts: Vec<Vec<Beat>> = histories.iter().map(script).collect();
    let invocations = histories.iter().flat_map(History::invocations);
    let blocked = invocations.filter(|(_, invocation)| invocation.expected == Expectation::Block).count();
    let mut rows = Vec::new();
    let mut findings = Vec::new();
    for workers in [1, 2] {
        let _processors = Processors::only(workers)?;
        let bench = measure::bench_with(&ServerChoice::Embedded, &reference)?;
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(rate(mix.len(), measure::search(&bench, &reference, &mix, workers)?.searched));
            bare.push(rate(mix.len(), bare_loop(&scripts, workers)?));
        }
        let share = ratio(&ours, &bare);
        rows.push(vec![
            workers.to_string(),
            format!("{:.0}", median(&ours)),
            format!("{:.0}", median(&bare)),
            format!("{:.0} %", share * 100.0),
        ]);
        findings.push(Finding::at_least(&format!("share of the bare loop, {workers} worker(s)"), share, 0.6));
        if workers == 1 {
            findings.push(Finding::at_least("interleavings a second, one worker", median(&ours), 300.0));
        }
    }
    let about = format!(
        "{MIX} generated interleavings of 12 steps and two processes under `child-uses-pool`, pool `reference`, embedded \
         PostgreSQL.\nThe bare loop has the same processes, forks, orders, connections and round trips, over epoll and sockets, with \
         no codec,\ndriver, model or rule, and waits for nobody; of ours {:.2} checkouts in each \
         interleaving have to wait in vain, a quarter of a\nmillisecond or two. {ROUNDS} runs of each, in turns.",
        blocked as f64 / MIX as f64
    );
    let header = vec!["workers", "poolproof, a second", "bare loop, a second", "share"];
    Ok(Section { title: "(b) Interleavings a second, against the floor", about, header, rows, findings })
}

/// How long the bare loop takes for these scripts, with each worker on a processor of its own, like ours.
fn bare_loop(scripts: &[Vec<Beat>], workers: usize) -> Result<Duration, Box<dyn Error>> {
    let allowed = sched_getaffinity(None)?;
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect();
    let directory = tempfile::tempdir()?;
    let mut loops = Vec::new();
    for worker in 0..workers {
        let mut set = CpuSet::new();
        set.set(processors[worker % processors.len()]);
        sched_setaffinity(None, &set)?;
        let place = directory.path().join(worker.to_string());
        std::fs::create_dir(&place)?;
        loops.push((Bare::start(&place)?, set));
    }
    sched_setaffinity(None, &allowed)?;
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let next = &next;
        let play = |(bare, set): &mut (Bare, CpuSet)| -> std::io::Result<()> {
            sched_setaffinity(None, set)?;
            while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                bare.play(script)?;
            }
            Ok(())
        };
        let threads: Vec<_> = loops.iter_mut().map(|worker| scope.spawn(move || play(worker))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| std::io::Error::other("a bare loop panicked"))?)
    })?;
    Ok(started.elapsed())
}
