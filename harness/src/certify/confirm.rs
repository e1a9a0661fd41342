//! From a suspect to a failure: executed again with full patience, shrunk, and replayed.

use super::search::{Found, Source};
use super::{Execution, Failure, Plan, Progress, run};
use crate::execute::{Effort, Executor};
use crate::interleaving::Interleaving;
use crate::rules::{self, Rule};
use crate::shrink::shrink;
use crate::trouble::Trouble;
use crate::verdict::Verdict;

/// Of each rule the suspect with the lowest number that fails again, with bounds that no slow machine reaches; shrunk and replayed.
pub(super) fn confirm(
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
