//! One interleaving for its own sake, executed as often as somebody wants to see it.

use super::{Execution, run};
use crate::bench::Bench;
use crate::execute::{Effort, Executor};
use crate::history::History;
use crate::interleaving::Interleaving;
use crate::rules::Judgement;
use crate::target::Target;
use crate::trouble::Trouble;
use crate::verdict::is_steady;

/// What one interleaving does, executed several times.
#[derive(Debug)]
pub struct Replay {
    /// The first execution that broke the rule which was broken most often; if none was, the first one.
    pub history: History,
    /// What the rules say of it.
    pub judgement: Judgement,
    /// In how many executions the same rule was the first cause, or none was.
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
    let _beside = worker.beside_agent();
    let replays = times.max(1);
    let cause = |judgement: &Judgement| judgement.first_cause().map(|(rule, _)| rule.id);
    // What was seen, in its order, one for each first cause.
    let mut seen: Vec<Replay> = Vec::new();
    for _ in 0..replays {
        let Execution { history, judgement } = run(&mut worker, interleaving, Effort::Full)?;
        match seen.iter_mut().find(|other| cause(&other.judgement) == cause(&judgement)) {
            Some(same) => same.replayed += 1,
            None => seen.push(Replay { history, judgement, replayed: 1, replays, printed: worker.printed() }),
        }
    }
    // Of equals the first one.
    let rank = |replay: &Replay| (cause(&replay.judgement).is_some(), replay.replayed);
    let shown = seen.into_iter().rev().max_by_key(rank);
    shown.ok_or_else(|| Trouble::Bug("nothing was executed".to_owned()))
}

impl Replay {
    /// It came out the same nearly always: see [`Failure::is_steady`](super::Failure::is_steady).
    pub fn is_steady(&self) -> bool {
        is_steady(self.replayed, self.replays)
    }
}
