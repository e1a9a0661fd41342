//! One worker of a fuzzer: executes what it is given, and finds out what a failure is.

use std::io::Write;
use std::time::Instant;

use super::counters;
use super::findings::{Findings, Saved};
use super::settings::{Purpose, Settings};
use super::tally::Tally;
use super::way;
use crate::execute::{Effort, Executor};
use crate::history::History;
use crate::interleaving::Interleaving;
use crate::promise::Terms;
use crate::rules::{self, Judgement, Rule};
use crate::shrink::shrink;
use crate::situations::Situations;
use crate::trouble::Trouble;

/// So often in a row a failure must be seen, before it is believed and while it is shrunk.
const STEADY: u32 = 3;

/// What came of one input.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The places of the counters that it reaches.
    pub(super) pairs: Vec<usize>,
    /// What is to be said to the user, if it is to end the run.
    pub(super) crash: Option<String>,
}

pub(super) struct Worker<'a> {
    pub(super) executor: Executor<'a>,
    pub(super) settings: &'a Settings,
    pub(super) findings: Findings,
    pub(super) tally: Tally,
}

impl<'a> Worker<'a> {
    pub(super) fn new(executor: Executor<'a>, settings: &'a Settings, findings: Findings) -> Self {
        let tally = Tally { pool: settings.pool.clone(), ..Tally::default() };
        Self { executor, settings, findings, tally }
    }

    /// Executes one input.
    ///
    /// # Errors
    /// What ends the run: see [`Trouble`].
    pub(super) fn take(&mut self, interleaving: &Interleaving) -> Result<Told, Trouble> {
        assert_ne!(Some(self.tally.executions), self.settings.panics_after, "a test asks for it");
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
                let name = Findings::name(interleaving.terms(), rule, &way::of(&history, evidence.at));
                self.failed(interleaving, rule, &name)?
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
            Some((rule, _)) => self.settle(failing, rule)?,
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
    fn failed(&mut self, failing: &Interleaving, rule: &'static Rule, name: &str) -> Result<Option<String>, Trouble> {
        if self.is_known(name) {
            return Ok(None);
        }
        // First of all it is on disk: whatever happens now, it is not lost.
        let laid_down = self.findings.lay_down(rule.id, failing)?;
        let crash = self.settle(failing, rule)?;
        self.findings.take_away(&laid_down);
        Ok(crash)
    }

    /// Whether there is a finding of that name; then it was met once more.
    fn is_known(&mut self, name: &str) -> bool {
        let known = self.findings.is_known(name);
        if known {
            *self.tally.known.entry(name.to_owned()).or_default() += 1;
        }
        known
    }

    /// Confirms and shrinks a failure that is laid down; what is to be said if it is to end the run.
    fn settle(&mut self, failing: &Interleaving, rule: &'static Rule) -> Result<Option<String>, Trouble> {
        let (history, again) = self.run(failing, Effort::Full)?;
        let Some((rule, evidence)) = again.first_cause().filter(|(again, _)| again.id == rule.id) else {
            return self.unsteady(failing, rule);
        };
        if !self.fails(failing, rule, None)? {
            return self.unsteady(failing, rule);
        }
        let way = way::of(&history, evidence.at);
        let name = Findings::name(failing.terms(), rule, &way);
        if self.is_known(&name) {
            return Ok(None);
        }
        let shrunk = shrink(failing, |candidate| self.fails(candidate, rule, Some((failing.terms(), &way))))?;
        // What is saved was seen with full patience; if the shrunk one needs haste to fail, the whole one is.
        let (history, judgement) = self.run(&shrunk, Effort::Full)?;
        let (shrunk, judgement) = match judgement.first_cause() {
            Some((first, evidence)) if first.id == rule.id && way::of(&history, evidence.at) == way => (shrunk, judgement),
            _ => (failing.clone(), again),
        };
        *self.tally.known.entry(name.clone()).or_default() += 1;
        let evidence = judgement.first_cause().map_or("", |(_, evidence)| evidence.sentence.as_str());
        let text = format!("# {}: {}\n# {evidence}\n{shrunk}", rule.id, rule.sentence);
        match self.findings.save(&name, &text)? {
            Saved::New => {}
            Saved::Known => return Ok(None),
            Saved::BeyondQuota => {
                self.tally.beyond_quota += 1;
                return Ok(None);
            }
        }
        self.tally.new.push((name.clone(), self.tally.executions));
        let said = format!("new finding {name} of {}:\n{text}", self.settings.pool);
        // Nobody may be listening any more.
        let _ = writeln!(std::io::stderr(), "poolproof: {said}");
        Ok((!self.settings.keep_going).then_some(said))
    }

    fn unsteady(&mut self, failing: &Interleaving, rule: &Rule) -> Result<Option<String>, Trouble> {
        self.tally.unsteady += 1;
        self.findings.keep_unsteady(rule, failing)?;
        Ok(None)
    }

    /// It breaks the rule so often in a row; where a way is asked for, on the same terms and by that way.
    fn fails(&mut self, candidate: &Interleaving, rule: &Rule, by: Option<(Terms, &str)>) -> Result<bool, Trouble> {
        if by.is_some_and(|(terms, _)| candidate.terms() != terms) {
            return Ok(false);
        }
        for _ in 0..STEADY {
            let (history, judgement) = self.run(candidate, Effort::Quick)?;
            let same = judgement.first_cause().is_some_and(|(first, evidence)| {
                first.id == rule.id && by.is_none_or(|(_, way)| way::of(&history, evidence.at) == way)
            });
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
