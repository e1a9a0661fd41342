//! What was found under one promise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Conclusion;
use crate::promise::Promise;
use crate::report::clean::cleaned;
use crate::report::{Timeline, Told};
use crate::rules::{self, Rule};
use crate::verdict::{Evidence, Verdict};

/// What was found under one promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Chapter {
    /// The promise.
    pub promise: String,
    /// How many interleavings were executed.
    pub interleavings: u64,
    /// How many steps they had.
    pub steps: u64,
    /// How many of these were skipped.
    pub skipped: u64,
    /// What each source gave and found.
    pub sources: Vec<Share>,
    /// It was a run of all sources with at least the usual number of interleavings: what it did not exercise it should have.
    pub whole: bool,
    /// The verdict on each rule.
    pub verdicts: Vec<Line>,
    /// What was exercised.
    pub situations: Reached,
    /// One minimal failure for each broken rule.
    pub failures: Vec<Counterexample>,
    /// How many interleavings that passed went otherwise when they were executed again.
    pub unlike: u64,
}

/// What a source of interleavings gave and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Share {
    /// The source.
    pub source: String,
    /// How many interleavings of it were executed.
    pub interleavings: u64,
    /// In how many of them a rule was the first cause of which a failure was confirmed.
    pub broken: u64,
}

/// The verdict on one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Line {
    /// The rule.
    pub rule: String,
    /// The verdict in a word.
    pub verdict: String,
    /// How many opportunities there were to break it, where it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opportunities: Option<u32>,
    /// What shows that it was broken, or why there is no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The rule that was broken before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What was exercised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reached {
    /// How often each situation occurred.
    pub counts: BTreeMap<String, u64>,
    /// Operations that the pool does not offer.
    pub not_offered: Vec<String>,
    /// Operations that the machine does not permit.
    pub not_permitted: Vec<String>,
    /// Those that are required under this promise.
    pub required: Vec<String>,
}

/// A rule that was broken, with the smallest interleaving that breaks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Counterexample {
    /// The rule.
    pub rule: String,
    /// The number of the interleaving in the search that broke it first.
    pub number: u64,
    /// It broke nearly always, and on a real server too if one was asked.
    pub certain: bool,
    /// In how many replays it was the first cause again.
    pub replayed: u32,
    /// Of how many.
    pub replays: u32,
    /// What a real server showed of it, if it was seen on an embedded one: its name, and how often of how often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<(String, u32, u32)>,
    /// The shrunk interleaving, in the text form.
    pub interleaving: String,
    /// What was broken, and what shows it; the first cause stands first.
    pub evidence: Vec<Told>,
    /// What happened.
    pub timeline: Timeline,
    /// What a user of the pool should do.
    pub remedy: String,
    /// The lines of the pool's source that do it, where they are known: `mysql: conn/pool/mod.rs:230`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<String>,
    /// Whether pool or driver does it, in words, where the pool was tried with another driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<String>,
}

impl Line {
    /// The verdict on a rule.
    pub(crate) fn of(rule: &Rule, verdict: &Verdict) -> Self {
        let (opportunities, why, after) = match verdict {
            Verdict::Passed { exercised } => (Some(*exercised), None, None),
            Verdict::Failed(evidence) => (None, Some(evidence.sentence.clone()), None),
            Verdict::Consequence { of, evidence } => (None, Some(evidence.sentence.clone()), Some((*of).to_owned())),
            Verdict::NoVerdict(why) => (None, Some(why.clone()), None),
            _ => (None, None, None),
        };
        let why = why.map(|why| cleaned(&why));
        Self { rule: rule.id.to_owned(), verdict: word(verdict).to_owned(), opportunities, why, after }
    }

    /// The same as a verdict; `None` if there is no such rule or word.
    pub(crate) fn verdict(&self) -> Option<(&'static Rule, Verdict)> {
        let rule = rules::find(&self.rule)?;
        let why = || self.why.clone().unwrap_or_default();
        let evidence = || Evidence { at: 0, sentence: why(), details: Vec::new() };
        let verdict = match self.verdict.as_str() {
            "passed" => Verdict::Passed { exercised: self.opportunities? },
            "broken" => Verdict::Failed(evidence()),
            "consequence" => Verdict::Consequence { of: rules::find(self.after.as_deref()?)?.id, evidence: evidence() },
            "refused" => Verdict::Refused,
            "not-exercised" => Verdict::NotExercised,
            "no-verdict" => Verdict::NoVerdict(why()),
            "not-visible" => Verdict::NotVisible,
            "not-offered" => Verdict::NotOffered,
            "not-applicable" => Verdict::NotApplicable,
            _ => return None,
        };
        Some((rule, verdict))
    }

    /// The verdict in a few words.
    pub(super) fn words(&self) -> String {
        let why = self.why.as_deref().unwrap_or_default();
        match (self.verdict.as_str(), self.opportunities) {
            ("passed", Some(times)) => format!("passed, {times}×"),
            ("broken", _) => format!("BROKEN: {why}"),
            ("consequence", _) => format!("broken after {}", self.after.as_deref().unwrap_or("another")),
            ("refused", _) => "refused, which is safe".to_owned(),
            ("no-verdict", _) => format!("no verdict: {why}"),
            (other, _) => other.replace('-', " "),
        }
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed { .. } => "passed",
        Verdict::Failed(_) => "broken",
        Verdict::Consequence { .. } => "consequence",
        Verdict::Refused => "refused",
        Verdict::NotExercised => "not-exercised",
        Verdict::NoVerdict(_) => "no-verdict",
        Verdict::NotVisible => "not-visible",
        Verdict::NotOffered => "not-offered",
        Verdict::NotApplicable => "not-applicable",
    }
}

impl Reached {
    /// Those that are required and occurred.
    pub fn reached(&self) -> usize {
        self.required.iter().filter(|situation| self.counts.contains_key(*situation)).count()
    }

    /// Those that are required and did not occur, though they could have.
    pub fn missing(&self) -> Vec<&str> {
        let is_open = |situation: &&String| {
            let operation = situation.split(" (").next().unwrap_or_default();
            let is_of = |operations: &[String]| operations.iter().any(|other| other == operation);
            !self.counts.contains_key(*situation) && !is_of(&self.not_offered) && !is_of(&self.not_permitted)
        };
        self.required.iter().filter(is_open).map(String::as_str).collect()
    }
}

impl Chapter {
    /// What it comes to.
    pub fn conclusion(&self) -> Conclusion {
        let verdicts: Vec<_> = self.verdicts.iter().filter_map(Line::verdict).collect();
        let certain = self.failures.iter().filter(|failure| failure.certain);
        let broken: Vec<&'static Rule> = certain.filter_map(|failure| rules::find(&failure.rule)).collect();
        let missing = if self.whole { self.situations.missing().len() } else { 0 };
        Conclusion::new(&broken, &verdicts, missing)
    }

    /// The promise, if this version knows it.
    pub fn terms(&self) -> Option<Promise> {
        self.promise.parse().ok()
    }

    /// What each source gave and found, in a line.
    pub(super) fn shares(&self) -> String {
        let told = self.sources.iter().map(|share| format!("{} {}, {} broken", share.source, share.interleavings, share.broken));
        told.collect::<Vec<_>>().join("; ")
    }

    /// How many random interleavings were executed.
    pub fn random(&self) -> u64 {
        self.sources.iter().filter(|share| share.source == "random").map(|share| share.interleavings).sum()
    }
}

impl Counterexample {
    /// What shows it, in a line.
    pub(super) fn why(&self) -> Option<String> {
        let first = self.evidence.iter().find(|told| told.rule == self.rule)?;
        first.lines.first().cloned()
    }

    /// Which line does it, as far as anybody has looked.
    pub(super) fn origin(&self) -> String {
        match self.source.as_slice() {
            [] => "In the source: unexplained.".to_owned(),
            lines => format!("In the source: {}.", lines.join("; ")),
        }
    }

    /// How sure it is.
    pub(super) fn standing(&self) -> String {
        let mut words = format!("Replayed: {} of {}.", self.replayed, self.replays);
        match &self.real {
            Some((product, 0, times)) => words.push_str(&format!(" Not seen on {product}, in {times} executions: no verdict.")),
            Some((product, seen, times)) => words.push_str(&format!(" Seen on {product} too: in {seen} of {times} executions.")),
            None if !self.certain => words.push_str(" That is too seldom to blame the pool for it: no verdict."),
            None => {}
        }
        words
    }
}
