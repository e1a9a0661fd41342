//! From the results of a search to the document.

use super::chapter::{Chapter, Counterexample, Line, Reached, Share};
use super::{Certificate, Made, Plan, Server, Subject};
use super::{Conclusion, FORMAT};
use crate::certify::{Cell, Failure};
use crate::promise::Promise;
use crate::report;
use crate::rules::{self, Rule};
use crate::situations::{OPERATIONS, Situations, Standing, required};
use crate::target::Target;

impl Certificate {
    /// The document on a pool. `planted` is how many defects are planted to show that the rules bite, `again` the command that makes
    /// it once more.
    pub fn record(target: &Target, server: Server, plan: Plan, planted: u64, again: String, cells: &[Cell]) -> Self {
        Self {
            format: FORMAT,
            made: Made { seconds: cells.iter().map(|cell| cell.searched.as_secs_f64()).sum(), ..Made::default() },
            poolproof: env!("CARGO_PKG_VERSION").to_owned(),
            rules: rules::EDITION.to_owned(),
            planted,
            pool: Subject {
                name: target.name().to_owned(),
                about: target.about().to_owned(),
                code_of: target.shared().map(str::to_owned),
                versions: Vec::new(),
                documented: Vec::new(),
            },
            server,
            plan,
            again,
            promises: cells.iter().map(Chapter::of).collect(),
        }
    }
}

impl Conclusion {
    /// What a search under one promise comes to.
    pub fn of(cell: &Cell) -> Self {
        let certain = cell.failures.iter().filter(|failure| failure.is_certain());
        let broken: Vec<&'static Rule> = certain.map(|failure| failure.rule).collect();
        let missing = if cell.whole { cell.situations.missing(required(cell.promise)).len() } else { 0 };
        Self::new(&broken, &cell.verdicts, missing)
    }
}

impl Chapter {
    fn of(cell: &Cell) -> Self {
        let share = |share: &crate::certify::Share| Share {
            source: share.source.to_string(),
            interleavings: share.cases,
            broken: share.broken,
        };
        Self {
            promise: cell.promise.to_string(),
            interleavings: cell.cases,
            steps: cell.steps.0,
            skipped: cell.steps.1,
            sources: cell.sources.iter().map(share).collect(),
            whole: cell.whole,
            verdicts: cell.verdicts.iter().map(|(rule, verdict)| Line::of(rule, verdict)).collect(),
            situations: reached(cell.promise, &cell.situations),
            failures: cell.failures.iter().map(|failure| Counterexample::of(failure, cell.promise)).collect(),
            unlike: cell.unlike.len() as u64,
        }
    }
}

fn reached(promise: Promise, seen: &Situations) -> Reached {
    let wanted = required(promise);
    let of = |kind: Standing| {
        let is_of = |operation: &&str| {
            wanted.iter().any(|situation| situation.operation == *operation && seen.standing(situation) == kind)
        };
        OPERATIONS.iter().copied().filter(is_of).map(str::to_owned).collect()
    };
    Reached {
        counts: seen.counts().map(|(situation, count)| (situation.to_string(), count)).collect(),
        not_offered: of(Standing::NotOffered),
        not_permitted: of(Standing::NotVisible),
        required: wanted.iter().map(ToString::to_string).collect(),
    }
}

impl Counterexample {
    fn of(failure: &Failure, promise: Promise) -> Self {
        let Failure { rule, interleaving, history, judgement, .. } = failure;
        Self {
            rule: rule.id.to_owned(),
            number: failure.number,
            certain: failure.is_certain(),
            replayed: failure.replayed,
            replays: failure.replays,
            real: failure.second.as_ref().map(|second| (second.product.clone(), second.replayed, second.replays)),
            interleaving: interleaving.to_string(),
            evidence: report::told(history, judgement),
            timeline: report::timeline(interleaving, history, judgement),
            remedy: rule.remedy_of(promise, history).to_owned(),
            source: Vec::new(),
            blame: None,
        }
    }
}
