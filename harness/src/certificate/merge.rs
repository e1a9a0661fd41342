//! Of the documents of several parts one of the whole.

use super::chapter::{Chapter, Line, Share};
use super::{Certificate, Reached};
use crate::generate::Source;
use crate::limits::USUAL_CASES;

/// Documents that are not parts of one whole; why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unlike(String);

impl Certificate {
    /// One document of several parts, in whatever order.
    ///
    /// # Errors
    /// Parts that are not of one pool, server, plan or version; the same part twice.
    pub fn merge(parts: Vec<Self>) -> Result<Self, Unlike> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next().ok_or_else(|| Unlike("there is nothing to be merged".to_owned()))?;
        for part in parts {
            whole.add(part)?;
        }
        whole.plan.shards.sort_by_key(|shard| shard.split('/').next().and_then(|at| at.parse::<u64>().ok()));
        if whole.plan.is_complete() {
            whole.plan.shards.clear();
        }
        Ok(whole)
    }

    fn add(&mut self, part: Self) -> Result<(), Unlike> {
        let unlike = |what: &str| Err(Unlike(format!("the {what} of the parts differ")));
        if (&self.format, &self.poolproof, &self.rules) != (&part.format, &part.poolproof, &part.rules) {
            return unlike("versions");
        }
        if self.pool != part.pool {
            return unlike("pools");
        }
        if self.server != part.server {
            return unlike("servers");
        }
        let plan = |certificate: &Self| {
            let super::Plan { seed, interleavings, sources, depth, .. } = &certificate.plan;
            (*seed, *interleavings, sources.clone(), *depth)
        };
        let promises =
            |certificate: &Self| certificate.promises.iter().map(|chapter| chapter.promise.clone()).collect::<Vec<_>>();
        if plan(self) != plan(&part) || promises(self) != promises(&part) {
            return unlike("seeds, numbers, sources or promises");
        }
        if let Some(twice) = part.plan.shards.iter().find(|shard| self.plan.shards.contains(shard)) {
            return Err(Unlike(format!("part {twice} is there twice")));
        }
        if self.plan.shards.is_empty() || part.plan.shards.is_empty() {
            return Err(Unlike("one of them is a whole already".to_owned()));
        }
        self.plan.shards.extend(part.plan.shards);
        self.made.seconds += part.made.seconds;
        self.made.on = std::cmp::max(std::mem::take(&mut self.made.on), part.made.on);
        for (chapter, other) in self.promises.iter_mut().zip(part.promises) {
            chapter.add(other);
        }
        Ok(())
    }
}

impl super::Plan {
    /// All parts are there.
    fn is_complete(&self) -> bool {
        let parts: Vec<(u64, u64)> = self
            .shards
            .iter()
            .filter_map(|shard| shard.split_once('/'))
            .filter_map(|(at, of)| Some((at.parse().ok()?, of.parse().ok()?)))
            .collect();
        let Some((_, of)) = parts.first().copied() else { return false };
        parts.len() == self.shards.len() && parts.iter().copied().eq((1..=of).map(|at| (at, of)))
    }
}

impl Chapter {
    fn add(&mut self, other: Self) {
        self.interleavings += other.interleavings;
        self.steps += other.steps;
        self.skipped += other.skipped;
        self.unlike += other.unlike;
        add_shares(&mut self.sources, other.sources);
        let has = |source: &Source| self.sources.iter().any(|share| share.source == source.name());
        self.whole = Source::USUAL.iter().all(has) && self.interleavings >= USUAL_CASES;
        self.situations.add(other.situations);
        for failure in other.failures {
            match self.failures.iter_mut().find(|known| known.rule == failure.rule) {
                Some(known) if (!known.certain, known.number) <= (!failure.certain, failure.number) => {}
                Some(known) => *known = failure,
                None => self.failures.push(failure),
            }
        }
        for line in other.verdicts {
            if let Some(known) = self.verdicts.iter_mut().find(|known| known.rule == line.rule) {
                *known = known.merged(line);
            }
        }
        // Of a broken rule the failure that stands says why.
        for line in self.verdicts.iter_mut().filter(|line| line.verdict == "broken") {
            let failure = self.failures.iter().find(|failure| failure.certain && failure.rule == line.rule);
            line.why = failure.and_then(|failure| failure.why()).or_else(|| line.why.take());
        }
        let place = |id: &str| crate::rules::ALL.iter().position(|rule| rule.id == id);
        self.failures.sort_by_key(|failure| place(&failure.rule));
    }
}

impl Line {
    fn merged(&self, other: Self) -> Self {
        match (self.verdict(), other.verdict()) {
            (Some((rule, one)), Some((_, two))) => Self::of(rule, &one.merge(two)),
            (Some(_), None) => self.clone(),
            (None, _) => other,
        }
    }
}

fn add_shares(shares: &mut Vec<Share>, others: Vec<Share>) {
    for other in others {
        match shares.iter_mut().find(|share| share.source == other.source) {
            Some(share) => {
                share.interleavings += other.interleavings;
                share.broken += other.broken;
            }
            None => shares.push(other),
        }
    }
    shares.sort_by_key(|share| Source::ALL.iter().position(|source| source.to_string() == share.source));
}

impl Reached {
    fn add(&mut self, other: Self) {
        for (situation, count) in other.counts {
            *self.counts.entry(situation).or_insert(0) += count;
        }
        for (known, more) in [(&mut self.not_offered, other.not_offered), (&mut self.not_permitted, other.not_permitted)] {
            known.extend(more);
            known.sort();
            known.dedup();
        }
        // Whoever did it once can do it.
        let done = |operation: &String| self.counts.keys().any(|situation| situation.split(" (").next() == Some(operation));
        self.not_offered.retain(|operation| !done(operation));
    }
}
