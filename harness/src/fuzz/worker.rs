//! One worker of a fuzzer: executes what it is given, and finds out what a failure is.

use std::collections::BTreeMap;
use std::time::Instant;

use super::counters;
use super::findings::{Findings, Saved};
use super::settings::{Purpose, Settings};
use super::tally::Tally;
use crate::execute::{Effort, Executor};
use crate::history::{Event, History};
use crate::interleaving::Interleaving;
use crate::rules::{self, Judgement, Rule};
use crate::shrink::shrink;
use crate::situations::Situations;
use crate::trouble::Trouble;

/// So often in a row a failure must be seen, before it is believed and while it is shrunk.
const STEADY: u32 = 3;
/// So many failures of one look are shrunk. What looks the same after that is taken to be the same.
const SHRUNK: u32 = 3;

/// What came of one input.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The places of the counters that it reaches.
    pub(super) pairs: Vec<usize>,
    /// What is to be said to the user, if it is to end the run.
    pub(super) crash: Option<String>,
}

/// How a failure looks before it is shrunk: the terms, the rule, and the operation in which it was seen.
type Look = (String, &'static str, &'static str, bool);

pub(super) struct Worker<'a> {
    pub(super) executor: Executor<'a>,
    pub(super) settings: &'a Settings,
    pub(super) findings: Findings,
    pub(super) tally: Tally,
    /// Of each look how many were shrunk, and the finding that came of the last.
    looks: BTreeMap<Look, (u32, String)>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(executor: Executor<'a>, settings: &'a Settings, findings: Findings) -> Self {
        let tally = Tally { pool: settings.pool.clone(), ..Tally::default() };
        Self { executor, settings, findings, tally, looks: BTreeMap::new() }
    }

    /// Executes one input.
    ///
    /// # Errors
    /// What ends the run: see [`Trouble`].
    pub(super) fn take(&mut self, interleaving: &Interleaving) -> Result<Told, Trouble> {
        let started = Instant::now();
        let (history, judgement) = self.run(interleaving, Effort::Quick)?;
        self.tally.executing += started.elapsed();
        self.tally.executions += 1;
        let situations = Situations::of(interleaving, &history);
        let pairs = if self.settings.guided { counters::of(interleaving, &history, &situations) } else { Vec::new() };
        self.tally.situations.extend(situations.counts().map(|(situation, _)| situation));
        self.tally.undecided += u64::from(judgement.no_verdict().is_some());
        let crash = match (judgement.first_cause(), self.settings.purpose) {
            (None, _) | (_, Purpose::Survey) => None,
            (Some((rule, evidence)), Purpose::Reproduce) => Some(format!("{}: {}\n{interleaving}", rule.id, evidence.sentence)),
            (Some((rule, evidence)), Purpose::Search) => {
                let look = look(interleaving, rule, &history, evidence.at);
                self.failed(interleaving, rule, look)?
            }
        };
        Ok(Told { pairs, crash })
    }

    /// Settles what a run that was killed has left.
    ///
    /// # Errors
    /// As [`Worker::take`].
    pub(super) fn take_up(&mut self, laid_down: &std::path::Path, failing: &Interleaving) -> Result<Option<String>, Trouble> {
        let (_, judgement) = self.run(failing, Effort::Full)?;
        let crash = match judgement.first_cause() {
            Some((rule, _)) => self.settle(failing, rule)?.1,
            None => None,
        };
        self.findings.take_away(laid_down);
        Ok(crash)
    }

    fn run(&mut self, interleaving: &Interleaving, effort: Effort) -> Result<(History, Judgement), Trouble> {
        let broken = |history: &History| rules::judge(interleaving, history).first_cause().is_some();
        let history = self.executor.execute_until(interleaving, effort, broken)?;
        let judgement = rules::judge(interleaving, &history);
        Ok((history, judgement))
    }

    /// Finds out whether a failure is known; what is to be said if it is to end the run.
    fn failed(&mut self, failing: &Interleaving, rule: &'static Rule, look: Look) -> Result<Option<String>, Trouble> {
        if let Some((SHRUNK.., name)) = self.looks.get(&look) {
            *self.tally.known.entry(name.clone()).or_default() += 1;
            return Ok(None);
        }
        // First of all it is on disk: whatever happens now, it is not lost.
        let laid_down = self.findings.lay_down(rule.id, failing)?;
        let (name, crash) = self.settle(failing, rule)?;
        self.findings.take_away(&laid_down);
        if let Some(name) = name {
            let (times, last) = self.looks.entry(look).or_default();
            (*times, *last) = (*times + 1, name);
        }
        Ok(crash)
    }

    /// Confirms and shrinks a failure that is laid down; its name if it is one, and what is to be said if it is to end the run.
    fn settle(&mut self, failing: &Interleaving, rule: &'static Rule) -> Result<(Option<String>, Option<String>), Trouble> {
        let (_, again) = self.run(failing, Effort::Full)?;
        let Some(rule) = again.first_cause().map(|(rule, _)| rule).filter(|again| again.id == rule.id) else {
            return self.unsteady(failing, rule);
        };
        if !self.fails(failing, rule)? {
            return self.unsteady(failing, rule);
        }
        let shrunk = shrink(failing, |candidate| self.fails(candidate, rule))?;
        // What is saved was seen with full patience; if the shrunk one needs haste to fail, the whole one is.
        let (_, judgement) = self.run(&shrunk, Effort::Full)?;
        let (shrunk, judgement) = match judgement.first_cause() {
            Some((first, _)) if first.id == rule.id => (shrunk, judgement),
            _ => (failing.clone(), again),
        };
        let name = Findings::name(rule, &shrunk);
        *self.tally.known.entry(name.clone()).or_default() += 1;
        if self.findings.is_known(&name) {
            return Ok((Some(name), None));
        }
        let evidence = judgement.first_cause().map_or("", |(_, evidence)| evidence.sentence.as_str());
        let text = format!("# {}: {}\n# {evidence}\n{shrunk}", rule.id, rule.sentence);
        match self.findings.save(&name, &text)? {
            Saved::New => {}
            Saved::Known => return Ok((Some(name), None)),
            Saved::BeyondQuota => {
                self.tally.beyond_quota += 1;
                return Ok((Some(name), None));
            }
        }
        self.tally.new.push((name.clone(), self.tally.executions));
        let said = format!("new finding {name} of {}:\n{text}", self.settings.pool);
        eprintln!("poolproof: {said}");
        let crash = (!self.settings.keep_going).then_some(said);
        Ok((Some(name), crash))
    }

    fn unsteady(&mut self, failing: &Interleaving, rule: &Rule) -> Result<(Option<String>, Option<String>), Trouble> {
        self.tally.unsteady += 1;
        self.findings.keep_unsteady(rule, failing)?;
        Ok((None, None))
    }

    /// It fails in the same way so often in a row.
    fn fails(&mut self, candidate: &Interleaving, rule: &Rule) -> Result<bool, Trouble> {
        for _ in 0..STEADY {
            let (_, judgement) = self.run(candidate, Effort::Quick)?;
            if judgement.first_cause().is_none_or(|(first, _)| first.id != rule.id) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// How a failure looks that was seen at a place of a history.
fn look(failing: &Interleaving, rule: &'static Rule, history: &History, at: usize) -> Look {
    let last = history.events().iter().take(at + 1).rev().find_map(|event| match event {
        Event::Invoked(invocation) => Some((invocation.op.word(), invocation.inherited)),
        _ => None,
    });
    let (word, inherited) = last.unwrap_or_default();
    (failing.terms().to_string(), rule.id, word, inherited)
}
