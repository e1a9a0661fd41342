//! What was exercised: how often each operation was carried out, in which condition of the pool, and by whom.
//!
//! Counted from histories alone, epilogues included. `follow` follows a history in the model; `required` knows which situations a run
//! must have reached under each promise, from `harness/situations/required.txt`.

mod follow;
mod required;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::interleaving::{ExitKind, ForkKind, Op, Refusal};
use crate::model::Condition;
pub use required::required;

/// Whose the pool or the checkout is that an operation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// The actor opened it or checked it out itself, or uses nothing.
    Own,
    /// Another thread of its process did.
    OtherThread,
    /// Its process inherited it.
    Inherited,
    /// Its process inherited it, and another child that did so too is alive.
    Sibling,
    /// Its process inherited the pool with something in it that no name stands for: a thread held it that the process lacks.
    Orphaned,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 5] = [Self::Own, Self::OtherThread, Self::Inherited, Self::Sibling, Self::Orphaned];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::OtherThread => "other-thread",
            Self::Inherited => "inherited",
            Self::Sibling => "sibling",
            Self::Orphaned => "orphaned",
        }
    }
}

/// An operation, the condition of its pool and whose that is. Operations on no pool are about the newest one of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Situation {
    /// Its word, and of a fork or an exit the kind.
    pub operation: &'static str,
    /// Whose it is.
    pub relation: Relation,
    /// In which condition the pool is found.
    pub condition: Condition,
}

/// How often each situation occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situations {
    counts: BTreeMap<Situation, u64>,
    not_offered: BTreeSet<&'static str>,
    not_permitted: BTreeSet<&'static str>,
}

/// What became of a situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It occurred so often.
    Reached(u64),
    /// It did not occur.
    Missing,
    /// The pool does not offer the operation.
    NotOffered,
    /// The machine does not permit the operation: what it would show cannot be seen here.
    NotVisible,
}

impl Situations {
    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: Self) {
        for (situation, count) in other.counts {
            *self.counts.entry(situation).or_insert(0) += count;
        }
        self.not_offered.extend(other.not_offered);
        self.not_permitted.extend(other.not_permitted);
    }

    /// Those that occurred, with how often.
    pub fn counts(&self) -> impl Iterator<Item = (Situation, u64)> + '_ {
        self.counts.iter().map(|(situation, count)| (*situation, *count))
    }

    /// What became of one.
    pub fn standing(&self, situation: &Situation) -> Standing {
        match self.counts.get(situation) {
            Some(count) => Standing::Reached(*count),
            None if self.not_permitted.contains(situation.operation) => Standing::NotVisible,
            None if self.not_offered.contains(situation.operation) => Standing::NotOffered,
            None => Standing::Missing,
        }
    }

    /// Those of `wanted` that did not occur, though they could have.
    pub fn missing<'a>(&self, wanted: &'a [Situation]) -> Vec<&'a Situation> {
        wanted.iter().filter(|situation| self.standing(situation) == Standing::Missing).collect()
    }

    fn add(&mut self, situation: Situation) {
        *self.counts.entry(situation).or_insert(0) += 1;
    }
}

/// The operations by name, in the order of a table.
pub const OPERATIONS: [&str; 37] = [
    "open",
    "dispose",
    "drop-pool",
    "leak-pool",
    "after-fork",
    "drop-runtime",
    "checkout",
    "return",
    "leak",
    "query",
    "prepared",
    "insert",
    "begin",
    "commit",
    "rollback",
    "mark",
    "lock",
    "cancel",
    "end-session",
    "refuse",
    "refuse full",
    "accept",
    "restart",
    "fork",
    "fork clone",
    "fork reused-pid",
    "wait",
    "exec",
    "exit now",
    "exit atexit",
    "exit main",
    "exit panic",
    "exit signal",
    "spawn",
    "join",
    "send",
    "release",
];

fn operation(op: &Op) -> &'static str {
    match op {
        Op::Refuse(Refusal::Full) => "refuse full",
        Op::Fork(_, ForkKind::Clone) => "fork clone",
        Op::Fork(_, ForkKind::ReusedPid) => "fork reused-pid",
        Op::Exit(ExitKind::Now) => "exit now",
        Op::Exit(ExitKind::AtExit) => "exit atexit",
        Op::Exit(ExitKind::Main) => "exit main",
        Op::Exit(ExitKind::Panic) => "exit panic",
        Op::Exit(ExitKind::Signal) => "exit signal",
        other => other.word(),
    }
}

/// The word of a condition.
pub fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::NoPool => "no-pool",
        Condition::Idle => "idle",
        Condition::CheckedOut => "checked-out",
        Condition::InTransaction => "in-transaction",
        Condition::Exhausted => "exhausted",
        Condition::InFlight => "in-flight",
        Condition::Disposed => "disposed",
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.operation, self.relation.word(), word(self.condition))
    }
}
