//! A glance at a pool: what it does under a promise that nobody made. Nothing is shrunk, and it ends where a MUST is broken.

use std::time::Instant;

use super::search::Supply;
use super::{Plan, offers_hook, run, run_until_broken};
use crate::bench::Bench;
use crate::execute::{Effort, Executor};
use crate::promise::Promise;
use crate::rules::{Judgement, Level, Rule};
use crate::target::Target;
use crate::trouble::Trouble;

/// What a glance has shown.
#[derive(Clone, Copy, Debug)]
pub enum Glance {
    /// This MUST was broken, in two executions of one interleaving.
    Broken(&'static Rule),
    /// Every MUST held in so many interleavings.
    Held(u64),
    /// Nobody can keep the promise with this pool.
    NotOffered,
}

/// Looks at the first interleavings of a promise, as many as the plan says and its budget allows.
///
/// # Errors
/// What ends the run: see [`Trouble`].
pub fn glance(bench: &Bench, target: &Target, promise: Promise, plan: &Plan) -> Result<Glance, Trouble> {
    let supply = Supply::new(promise, Vec::new(), plan);
    let mut worker = Executor::start(target, bench.surroundings(target.database())?)?;
    let _beside = worker.beside_agent();
    if promise == Promise::HookInChild && !offers_hook(&mut worker)? {
        return Ok(Glance::NotOffered);
    }
    let started = Instant::now();
    let mut held = 0;
    while supply.total().is_none_or(|total| held < total) && !plan.cases.is_over(started.elapsed()) {
        let interleaving = supply.nth(held);
        if broken_must(&run_until_broken(&mut worker, &interleaving, Effort::Quick)?.judgement).is_some()
            && let Some(rule) = broken_must(&run(&mut worker, &interleaving, Effort::Full)?.judgement)
        {
            return Ok(Glance::Broken(rule));
        }
        held += 1;
    }
    Ok(Glance::Held(held))
}

fn broken_must(judgement: &Judgement) -> Option<&'static Rule> {
    judgement.first_cause().map(|(rule, _)| rule).filter(|rule| rule.level == Level::Must)
}
