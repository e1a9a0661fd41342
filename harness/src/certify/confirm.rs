//! From a suspect to a failure: executed again with full patience, shrunk, and replayed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::again::{Rate, Replays};
use super::search::{Found, Supply, that_count};
use super::{Execution, Failure, Plan, Progress, run, run_until_broken};
use crate::execute::{Effort, Executor};
use crate::interleaving::Interleaving;
use crate::rules::{self, Rule};
use crate::shrink::shrink;
use crate::trouble::Trouble;
use crate::verdict::{Verdict, is_steady};

/// Of each rule that was suspected to be broken at most one failure: of the suspect with the lowest number that fails again, with
/// bounds that no slow machine reaches, and goes on to fail steadily.
pub(super) fn confirm<'a>(
    workers: &mut [Executor<'a>],
    another: &(dyn Fn() -> Result<Executor<'a>, Trouble> + Sync),
    supply: &Supply,
    found: &mut Found,
    plan: &Plan,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Failure>, Trouble> {
    let suspected: Vec<(usize, Vec<u64>)> =
        found.suspects.iter_mut().map(std::mem::take).enumerate().filter(|(_, suspects)| !suspects.is_empty()).collect();
    let next = AtomicUsize::new(0);
    let (news, received) = mpsc::channel();
    let looked: Vec<Result<Looked, Trouble>> = std::thread::scope(|scope| {
        let (next, suspected) = (&next, &suspected);
        let look = |worker| {
            let mut suspects = Suspects { worker, another, supply, plan, news: news.clone() };
            move || suspects.look_at_all(suspected, next)
        };
        let threads: Vec<_> = workers.iter_mut().map(|worker| scope.spawn(look(worker))).collect();
        drop(news);
        received.into_iter().for_each(progress);
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut looked = looked.into_iter().collect::<Result<Vec<_>, _>>()?;
    looked.sort_by_key(|looked| looked.place);
    let mut failures = Vec::new();
    for Looked { place, failure, others } in looked {
        // What the second run says counts: the first one was in a hurry.
        others.into_iter().for_each(|(place, verdict)| found.merge(place, verdict));
        if let Some(failure) = failure {
            found.merge(place, failure.verdict());
            failures.push(failure);
        }
    }
    Ok(failures)
}

/// What became of the suspects of one rule.
struct Looked {
    place: usize,
    failure: Option<Failure>,
    /// What was not broken in those that did not fail again.
    others: Vec<(usize, Verdict)>,
}

/// So many suspects that fail again are looked at in search of one that fails steadily.
const ATTEMPTS: u32 = 4;
/// So many suspects may break another rule when they are executed again, before the rule is given up.
const STRAYS: u32 = 4;
/// So often in a row an interleaving must fail, before it is shrunk and while it is: what fails by luck is no reproducer. Only if
/// there is no such one, another is shrunk.
const STEADY: u32 = 3;

/// So many replays have full patience: what fails in haste only is found out by them. The others show the rate, and a hang costs less
/// there.
const PATIENT: u32 = 5;

impl Failure {
    /// It fails nearly always: 18 times of 20. What fails less often is shown, and decides nothing.
    pub fn is_steady(&self) -> bool {
        is_steady(self.replayed, self.replays)
    }

    /// It is steady, and if a real server was asked as well, that has shown it too.
    pub fn is_certain(&self) -> bool {
        self.is_steady() && self.second.as_ref().is_none_or(|second| second.replayed > 0)
    }

    /// It is steady, but an effect, which rests on what the server answers.
    pub fn is_provisional(&self) -> bool {
        self.is_steady() && !self.rule.is_witnessed()
    }

    fn verdict(&self) -> Verdict {
        match self.judgement.first_cause() {
            Some((_, evidence)) if self.is_steady() => Verdict::Failed(evidence.clone()),
            _ => {
                let Self { replayed, replays, .. } = self;
                Verdict::NoVerdict(format!("seems to be broken, but only {replayed} of {replays} replays show it"))
            }
        }
    }
}

/// One worker that looks at suspects.
struct Suspects<'a, 'b> {
    worker: &'a mut Executor<'b>,
    another: &'a (dyn Fn() -> Result<Executor<'b>, Trouble> + Sync),
    supply: &'a Supply,
    plan: &'a Plan,
    news: mpsc::Sender<Progress>,
}

impl Suspects<'_, '_> {
    /// Takes one rule after the other from what is suspected, until nothing is left.
    fn look_at_all(&mut self, suspected: &[(usize, Vec<u64>)], next: &AtomicUsize) -> Vec<Result<Looked, Trouble>> {
        let _beside = self.worker.beside_agent();
        let mut all = Vec::new();
        while let Some((place, suspects)) = suspected.get(next.fetch_add(1, Ordering::Relaxed)) {
            let looked = self.look(*place, suspects);
            if looked.is_err() {
                // The others need not go on.
                next.store(suspected.len(), Ordering::Relaxed);
            }
            all.push(looked);
        }
        all
    }

    fn look(&mut self, place: usize, suspects: &[u64]) -> Result<Looked, Trouble> {
        let rule = &rules::ALL[place];
        let mut best: Option<Failure> = None;
        let mut unsteady = None;
        let mut others = Vec::new();
        let (mut attempts, mut strays) = (0, 0);
        for index in suspects {
            self.tell(Progress::Confirming(self.supply.promise, rule));
            let interleaving = self.supply.nth(*index);
            let seen = run_until_broken(self.worker, &interleaving, Effort::Full)?;
            if seen.breaks(rule) {
                attempts += 1;
                if self.fails(&interleaving, rule, STEADY)? {
                    let failure = self.minimal(*index, interleaving, seen, rule, STEADY)?;
                    if best.as_ref().is_none_or(|best| failure.replayed > best.replayed) {
                        best = Some(failure);
                    }
                } else {
                    unsteady.get_or_insert((*index, interleaving, seen));
                }
            } else {
                let broken = seen.first_cause().is_some();
                strays += u32::from(broken);
                others.extend(that_count(seen.before_the_first_cause(&interleaving).judgement, broken));
            }
            if attempts == ATTEMPTS || strays == STRAYS || best.as_ref().is_some_and(Failure::is_steady) {
                break;
            }
        }
        let failure = match (best, unsteady) {
            (None, Some((index, interleaving, seen))) => Some(self.minimal(index, interleaving, seen, rule, 1)?),
            (best, _) => best,
        };
        Ok(Looked { place, failure, others })
    }

    fn tell(&self, news: Progress) {
        // Nobody has to hear it.
        let _ = self.news.send(news);
    }

    /// It fails in the same way so often in a row.
    fn fails(&mut self, candidate: &Interleaving, rule: &Rule, times: u32) -> Result<bool, Trouble> {
        for _ in 0..times {
            if !run_until_broken(self.worker, candidate, Effort::Quick)?.breaks(rule) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn minimal(
        &mut self,
        number: u64,
        start: Interleaving,
        seen: Execution,
        rule: &'static Rule,
        steady: u32,
    ) -> Result<Failure, Trouble> {
        let promise = start.promise;
        let shrunk = shrink(&start, |candidate| {
            self.tell(Progress::Shrinking(promise, rule, candidate.steps.len()));
            self.fails(candidate, rule, steady)
        })?;
        // What is reported was seen with full patience; if the shrunk one needs haste to fail, the whole one is reported.
        let again = run(self.worker, &shrunk, Effort::Full)?;
        let (interleaving, Execution { history, judgement }) = if again.breaks(rule) {
            (shrunk, again)
        } else {
            let whole = run(self.worker, &start, Effort::Full)?;
            (start, if whole.breaks(rule) { whole } else { seen })
        };
        let printed = self.worker.printed();
        self.tell(Progress::Replaying(promise, rule));
        // Once it has failed to fail too often, more replays decide nothing.
        let (times, missed) = (self.plan.replays, self.plan.replays / 10);
        let wanted = Replays { interleaving: &interleaving, rule, times, missed, patient: PATIENT, seen: &history };
        let Rate { replayed, replays } = wanted.count(self.worker, self.another)?;
        Ok(Failure { rule, number, interleaving, history, judgement, replayed, replays, printed, second: None })
    }
}
