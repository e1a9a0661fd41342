//! One interleaving again and again: how often it breaks the same rule.

use super::run_until_broken;
use crate::execute::{Effort, Executor};
use crate::history::{Event, History};
use crate::interleaving::Interleaving;
use crate::rules::Rule;
use crate::trouble::Trouble;

/// What is wanted.
pub(super) struct Replays<'a> {
    pub(super) interleaving: &'a Interleaving,
    pub(super) rule: &'a Rule,
    /// At most so many.
    pub(super) times: u32,
    /// It ends early when more than so many did not break the rule.
    pub(super) missed: u32,
    /// So many have full patience; they are the first.
    pub(super) patient: u32,
    /// One execution that was seen already.
    pub(super) seen: &'a History,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rate {
    /// In so many the rule was the first cause.
    pub(super) replayed: u32,
    /// Of so many.
    pub(super) replays: u32,
}

/// So many at once, where the time goes into waiting.
const AT_ONCE: usize = 5;

impl Replays<'_> {
    /// Replays it, one after the other; several at once where what was seen has waited until the clock spoke, as that costs nobody
    /// anything.
    pub(super) fn count<'a>(
        &self,
        worker: &mut Executor<'a>,
        another: &(dyn Fn() -> Result<Executor<'a>, Trouble> + Sync),
    ) -> Result<Rate, Trouble> {
        let mut rate = Rate::default();
        let waits = self.seen.events().iter().any(|event| matches!(event, Event::Overdue { .. }));
        let mut others: Vec<Executor> = (1..if waits { AT_ONCE } else { 1 }).map(|_| another()).collect::<Result<_, _>>()?;
        while rate.replays < self.times && rate.replays - rate.replayed <= self.missed {
            self.some(worker, &mut others, &mut rate)?;
        }
        Ok(rate)
    }

    /// One replay by each worker, as far as they are wanted.
    fn some<'a>(&self, worker: &mut Executor<'a>, others: &mut [Executor<'a>], rate: &mut Rate) -> Result<(), Trouble> {
        let numbers = rate.replays..self.times;
        let broken: Vec<Result<bool, Trouble>> = std::thread::scope(|scope| {
            let busy: Vec<_> = others
                .iter_mut()
                .zip(numbers.clone().skip(1))
                .map(|(other, number)| {
                    scope.spawn(move || {
                        let _beside = other.beside_agent();
                        self.one(other, number)
                    })
                })
                .collect();
            let mine = self.one(worker, numbers.start);
            let theirs = busy.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(mine).chain(theirs).collect()
        });
        for broken in broken {
            *rate = Rate { replayed: rate.replayed + u32::from(broken?), replays: rate.replays + 1 };
        }
        Ok(())
    }

    fn one(&self, worker: &mut Executor, number: u32) -> Result<bool, Trouble> {
        let effort = if number < self.patient { Effort::Full } else { Effort::Quick };
        Ok(run_until_broken(worker, self.interleaving, effort)?.breaks(self.rule))
    }
}
