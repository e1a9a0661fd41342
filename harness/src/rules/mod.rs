//! The rules, and how one execution is judged by them.
//!
//! Judging is pure: it sees an interleaving and a finished history, never a pool, a socket or a clock. Each family of rules
//! has a file; this one has the list, what the rules share, and the telling apart of first cause and consequences.

mod api;
mod cap;
mod excuses;
mod facts;
mod holders;
mod iso;
mod liv;
mod own;
mod rep;
#[cfg(test)]
mod tests;
mod txn;
mod visible;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::history::{Event, History};
use crate::interleaving::{Interleaving, Op};
use crate::promise::Promise;
use crate::verdict::{Evidence, Verdict};
use facts::Facts;

/// The edition of the rules; a new MUST enters only a new one.
pub const EDITION: &str = "2026.1";

/// Every rule, in the order of the rulebook.
pub const ALL: &[Rule] = &[
    own::OWN_1,
    own::OWN_2,
    own::OWN_3,
    own::OWN_4,
    own::OWN_5,
    rep::REP_1,
    txn::TXN_1,
    txn::TXN_2,
    txn::TXN_3,
    txn::TXN_4,
    liv::LIV_1,
    liv::LIV_2,
    liv::LIV_3,
    liv::LIV_4,
    iso::ISO_1,
    iso::ISO_2,
    cap::CAP_1,
    cap::CAP_2,
    cap::CAP_3,
    api::API_1,
];

/// The rule of that id.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id)
}

/// How binding a rule is, in the words of RFC 2119.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// A pool that breaks it fails.
    Must,
    /// A pool that breaks it is told so.
    Should,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// What happens where it is broken, in a few words that need no rulebook.
    pub harm: &'static str,
    /// What it demands.
    pub sentence: &'static str,
    /// Why, with the field report or the row of the list of failures that it comes from.
    pub reason: &'static str,
    /// What a user of a pool that breaks it should do, if nothing better is known under his promise.
    remedy: &'static str,
    /// The promises under which he should do something else.
    remedies: &'static [(Promise, &'static str)],
    /// What it rests on.
    pub evidence: &'static str,
    /// The smallest interleaving that breaks it, in the text form.
    pub smallest: &'static str,
    /// The mutant of the reference pool that breaks it, and no other rule before.
    pub mutant: &'static str,
    /// It rests on the kernel's word: what was seen before the harness gave up stands.
    kernel: bool,
    /// It is judged where connections may be returned dirty, and only there; every other rule only where they may not.
    dirty: bool,
    check: fn(&Facts) -> Verdict,
}

impl Rule {
    /// It rests on what the kernel witnessed, and not on what a server or a pool answered.
    pub fn is_witnessed(&self) -> bool {
        self.kernel
    }

    /// It is judged where connections may be returned dirty, and only there.
    pub fn is_about_returns(&self) -> bool {
        self.dirty
    }

    /// What a user of a pool should do that breaks it although he keeps this promise.
    pub fn remedy(&self, promise: Promise) -> &'static str {
        self.special_remedies().find(|(special, _)| *special == promise).map_or(self.remedy, |(_, remedy)| remedy)
    }

    /// What he should do about one failure: what breaks without a child is mended by no care for children.
    pub fn remedy_of(&self, promise: Promise, history: &History) -> &'static str {
        let forked = history.events().iter().any(|event| matches!(event, Event::Born { parent: Some(_), .. }));
        self.remedy(if forked { promise } else { Promise::ThreadsOnly })
    }

    /// What a user should do, if nothing better is known under his promise.
    pub fn usual_remedy(&self) -> &'static str {
        self.remedy
    }

    /// The promises under which he should do something else.
    pub fn special_remedies(&self) -> impl Iterator<Item = (Promise, &'static str)> {
        self.remedies.iter().copied()
    }
}

/// All verdicts of one execution.
#[derive(Debug)]
pub struct Judgement {
    /// Each rule with its verdict, in the order of [`ALL`].
    pub verdicts: Vec<(&'static Rule, Verdict)>,
}

/// All verdicts of one execution, in the order of [`ALL`], first cause and consequences told apart.
pub fn judge(interleaving: &Interleaving, history: &History) -> Judgement {
    judge_by(ALL, interleaving, history)
}

fn judge_by(rules: &'static [Rule], interleaving: &Interleaving, history: &History) -> Judgement {
    let facts = Facts::of(interleaving, history);
    if lacks_hook(&facts) {
        return Judgement { verdicts: rules.iter().map(|rule| (rule, Verdict::NotOffered)).collect() };
    }
    // What a connection that was returned dirty does to others may break any rule, and is then the cause of what follows.
    let concerned = |rule: &Rule| interleaving.dirty || !rule.dirty;
    let verdict = |rule: &Rule| match concerned(rule) {
        true if !rule.is_visible(facts.transport) => Verdict::NotVisible,
        true => rule.verdict(&facts),
        false => Verdict::NotApplicable,
    };
    let mut judgement = Judgement { verdicts: rules.iter().map(|rule| (rule, verdict(rule))).collect() };
    let first = judgement.first_cause().map(|(first, _)| first.id);
    for (rule, verdict) in &mut judgement.verdicts {
        let said = std::mem::replace(verdict, Verdict::NotApplicable);
        *verdict = match first {
            _ if rule.dirty != interleaving.dirty => Verdict::NotApplicable,
            Some(first) if rule.id != first => said.after(first),
            _ => said,
        };
    }
    judgement
}

/// A child was to call a hook that the pool has not.
fn lacks_hook(facts: &Facts) -> bool {
    let hooks = facts.calls.iter().filter(|call| matches!(call.invocation.op, Op::AfterFork(_)));
    facts.interleaving.promise == Promise::HookInChild && hooks.into_iter().any(|call| call.is_not_offered())
}

impl Judgement {
    /// The rule that was broken first, with its evidence.
    pub fn first_cause(&self) -> Option<(&'static Rule, &Evidence)> {
        let failed = self.verdicts.iter().filter_map(|(rule, verdict)| match verdict {
            Verdict::Failed(evidence) => Some((*rule, evidence)),
            _ => None,
        });
        // Of equals the first in the order of the rules.
        failed.min_by_key(|(_, evidence)| evidence.at)
    }

    /// The rules that were broken after the first one, with their evidence.
    pub fn consequences(&self) -> impl Iterator<Item = (&'static Rule, &Evidence)> {
        self.verdicts.iter().filter_map(|(rule, verdict)| match verdict {
            Verdict::Consequence { evidence, .. } => Some((*rule, evidence)),
            _ => None,
        })
    }

    /// Why some rule has no verdict.
    pub fn no_verdict(&self) -> Option<&str> {
        self.verdicts.iter().find_map(|(_, verdict)| match verdict {
            Verdict::NoVerdict(why) => Some(why.as_str()),
            _ => None,
        })
    }

    /// The verdict of the rule of that id.
    pub fn verdict(&self, id: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|(rule, _)| rule.id == id).map(|(_, verdict)| verdict)
    }
}

impl Rule {
    fn verdict(&self, facts: &Facts) -> Verdict {
        let checked = catch_unwind(AssertUnwindSafe(|| (self.check)(facts))).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Verdict::NoVerdict(format!("rule {} crashed: {}", self.id, words.unwrap_or("a panic without words")))
        });
        match (checked, facts.abandoned) {
            (verdict, None) => verdict,
            (Verdict::Failed(seen), Some((at, _))) if self.kernel && seen.at < at => Verdict::Failed(seen),
            (_, Some((_, why))) => Verdict::NoVerdict(why.to_owned()),
        }
    }
}
