//! What a search comes to for the test of a promise: what fails it, and what is only told.

use super::known::Known;
use crate::certify::{Cell, Failure};
use crate::rules::{Level, Rule};
use crate::verdict::Verdict;

/// What a search comes to.
#[derive(Debug)]
pub(super) struct Judged<'a> {
    /// A MUST was broken, and nobody knew.
    pub(super) broken: Vec<&'a Failure>,
    /// These are known to be broken, and are not.
    pub(super) mended: Vec<&'static str>,
    /// These are known to be broken, and are; with the reasons.
    pub(super) expected: Vec<(&'static str, &'a str)>,
    /// What decides nothing.
    pub(super) notes: Vec<String>,
}

/// What a search comes to. `saved` tells for which rules an interleaving that once broke them was run first.
pub(super) fn judge<'a>(cell: &'a Cell, known: &'a Known, saved: &dyn Fn(&str) -> bool) -> Judged<'a> {
    let mut judged = Judged { broken: Vec::new(), mended: Vec::new(), expected: Vec::new(), notes: notes(cell) };
    for failure in &cell.failures {
        let rule = failure.rule;
        match known.reason(cell.promise, rule.id) {
            Some(reason) if failure.is_certain() => judged.expected.push((rule.id, reason)),
            None if failure.is_certain() && rule.level == Level::Must => judged.broken.push(failure),
            None if failure.is_certain() => judged.notes.push(format!("{} should not be broken: {}", rule.id, rule.sentence)),
            _ => judged.notes.push(format!("{} {}", rule.id, suspicion(failure))),
        }
    }
    let held =
        |id: &str| cell.verdicts.iter().find(|(rule, verdict)| rule.id == id && has_held(verdict)).map(|(rule, _)| rule.id);
    // What was looked for in vain was looked for long enough, or where it was seen before.
    judged.mended = known.rules(cell.promise).filter(|id| !was_cut_short(cell) || saved(id)).filter_map(held).collect();
    judged
}

/// What fails by luck, or on one server only, is no reason to fail a test.
fn suspicion(failure: &Failure) -> String {
    let Failure { replayed, replays, .. } = failure;
    match &failure.second {
        Some(second) if second.replayed == 0 => format!("seems to be broken, but not on {}: no verdict", second.product),
        _ => format!("seems to be broken, but only in {replayed} of {replays} replays: no verdict"),
    }
}

fn has_held(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Passed { .. } | Verdict::Refused)
}

fn was_cut_short(cell: &Cell) -> bool {
    cell.wanted.is_some_and(|wanted| cell.cases < wanted)
}

/// Why the search says less than it might.
fn notes(cell: &Cell) -> Vec<String> {
    let musts = || cell.verdicts.iter().filter(|(rule, _)| rule.level == Level::Must);
    let ids =
        |of: &mut dyn Iterator<Item = &(&'static Rule, Verdict)>| of.map(|(rule, _)| rule.id).collect::<Vec<_>>().join(", ");
    let mut notes = Vec::new();
    if let (true, Some(wanted)) = (was_cut_short(cell), cell.wanted) {
        notes.push(format!("the budget was over after {} of {wanted} interleavings", cell.cases));
    }
    let idle = ids(&mut musts().filter(|(_, verdict)| *verdict == Verdict::NotExercised));
    if !idle.is_empty() {
        notes.push(format!("nothing could break {idle}: run more cases"));
    }
    if musts().all(|(_, verdict)| *verdict == Verdict::NotOffered) {
        notes.push("the pool has no hook for a child, so nothing was searched".to_owned());
    }
    let suspected = |rule: &Rule| cell.failures.iter().any(|failure| failure.rule.id == rule.id);
    for (rule, verdict) in musts() {
        if let Verdict::NoVerdict(why) = verdict
            && !suspected(rule)
        {
            notes.push(format!("no verdict on {}: {why}", rule.id));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::known;
    use super::*;
    use crate::history::History;
    use crate::interleaving::Interleaving;
    use crate::promise::Promise;
    use crate::rules::{self, ALL};

    const PROMISE: Promise = Promise::ChildDrops;

    fn cell(failures: Vec<Failure>, verdict: &Verdict, cases: u64) -> Cell {
        Cell {
            promise: PROMISE,
            verdicts: ALL.iter().map(|rule| (rule, verdict.clone())).collect(),
            failures,
            cases,
            wanted: Some(200),
            known: 0,
            sources: Vec::new(),
            stalled: 0,
            steps: (0, 0),
            searched: Duration::ZERO,
            first_seen: Vec::new(),
            situations: crate::situations::Situations::default(),
            whole: false,
            unlike: Vec::new(),
        }
    }

    fn failure(id: &str, replayed: u32) -> Failure {
        let (interleaving, history) = (Interleaving::new(1, PROMISE, Vec::new()), History::default());
        let judgement = rules::judge(&interleaving, &history);
        let rule = rules::find(id).expect("a rule");
        Failure { rule, number: 0, interleaving, history, judgement, replayed, replays: 20, printed: String::new(), second: None }
    }

    fn known(rules: &[&str]) -> Known {
        let entries: Vec<String> = rules.iter().map(|rule| known::entry("mine", PROMISE, rule)).collect();
        Known::of(&format!("[{}]", entries.join(",")))
    }

    fn passed() -> Verdict {
        Verdict::Passed { exercised: 3 }
    }

    #[test]
    fn a_must_that_is_broken_fails_unless_it_is_known_or_luck() {
        let broken = |failure: Failure, rules: &[&str]| {
            !judge(&cell(vec![failure], &passed(), 200), &known(rules), &|_| false).broken.is_empty()
        };
        assert!(broken(failure("OWN-1", 20), &[]));
        assert!(broken(failure("OWN-1", 20), &["LIV-2"]));
        assert!(!broken(failure("OWN-1", 20), &["OWN-1"]));
        assert!(!broken(failure("OWN-1", 9), &[]));
    }

    /// An entry that was looked for in vain is to be removed, but not because the time was short.
    #[test]
    fn a_known_failure_that_is_gone_is_named() {
        let mended = |failures, verdict: &Verdict, cases, saved: bool| {
            judge(&cell(failures, verdict, cases), &known(&["OWN-1"]), &|_| saved).mended
        };
        assert_eq!(mended(Vec::new(), &passed(), 200, false), ["OWN-1"]);
        assert_eq!(mended(Vec::new(), &Verdict::Refused, 200, false), ["OWN-1"]);
        assert_eq!(mended(Vec::new(), &passed(), 3, true), ["OWN-1"]);
        assert!(mended(Vec::new(), &passed(), 3, false).is_empty());
        assert!(mended(Vec::new(), &Verdict::NotExercised, 200, true).is_empty());
        assert!(mended(Vec::new(), &Verdict::NoVerdict("luck".into()), 200, true).is_empty());
    }

    #[test]
    fn what_says_little_is_told_and_fails_nothing() {
        let notes = |verdict: &Verdict, cases| judge(&cell(Vec::new(), verdict, cases), &known(&[]), &|_| false).notes.join("\n");
        assert_eq!(notes(&passed(), 200), "");
        assert!(notes(&passed(), 3).contains("after 3 of 200 interleavings"));
        assert!(notes(&Verdict::NotExercised, 200).contains("OWN-1"));
        assert!(notes(&Verdict::NotOffered, 200).contains("no hook"));
        assert!(notes(&Verdict::NoVerdict("why".into()), 200).contains("no verdict on OWN-1: why"));
    }
}
