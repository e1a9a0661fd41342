//! What contradicts itself in a document: whoever edits a verdict leaves the rest as it was.

use super::{Certificate, Chapter, Counterexample};
use crate::interleaving::parse;
use crate::rules;
use crate::verdict::is_steady;

pub(super) fn doubts(certificate: &Certificate) -> Vec<String> {
    let mut doubts = Vec::new();
    for chapter in &certificate.promises {
        let mut doubt = |words: String| doubts.push(format!("under {}: {words}", chapter.promise));
        if chapter.terms().is_none() {
            doubt("there is no such promise".to_owned());
        }
        verdicts(chapter, &mut doubt);
        chapter.failures.iter().for_each(|failure| counterexample(chapter, failure, &mut doubt));
        let found: u64 = chapter.sources.iter().map(|share| share.interleavings).sum();
        if found > chapter.interleavings || chapter.skipped > chapter.steps {
            doubt("the numbers of interleavings or steps do not add up".to_owned());
        }
    }
    doubts
}

/// Each rule has one verdict, and is broken exactly where a failure is certain.
fn verdicts(chapter: &Chapter, doubt: &mut impl FnMut(String)) {
    for rule in rules::ALL.iter() {
        let lines: Vec<_> = chapter.verdicts.iter().filter(|line| line.rule == rule.id).collect();
        let [line] = lines.as_slice() else {
            doubt(format!("{} has {} verdicts", rule.id, lines.len()));
            continue;
        };
        if line.verdict().is_none() || line.opportunities == Some(0) {
            doubt(format!("the verdict on {} cannot be", rule.id));
        }
        let certain = chapter.failures.iter().any(|failure| failure.certain && failure.rule == rule.id);
        if certain != (line.verdict == "broken") {
            let failure = if certain { "a" } else { "no" };
            doubt(format!("{} is said to be '{}', and there is {failure} certain failure of it", rule.id, line.verdict));
        }
    }
    let unknown = chapter.verdicts.iter().filter(|line| rules::find(&line.rule).is_none());
    unknown.for_each(|line| doubt(format!("there is no rule {}", line.rule)));
}

fn counterexample(chapter: &Chapter, failure: &Counterexample, doubt: &mut impl FnMut(String)) {
    let steady = is_steady(failure.replayed, failure.replays) && failure.replayed <= failure.replays;
    let certain = steady && failure.real.as_ref().is_none_or(|(_, seen, _)| *seen > 0);
    if certain != failure.certain {
        doubt(format!("the failure of {} is called certain or not against its own numbers", failure.rule));
    }
    match parse(&failure.interleaving) {
        Err(error) => doubt(format!("the interleaving of {} cannot be read: {error}", failure.rule)),
        Ok(interleaving) if interleaving.promise.name() != chapter.promise => {
            doubt(format!("the interleaving of {} has the promise {}", failure.rule, interleaving.promise));
        }
        Ok(_) => {}
    }
}
