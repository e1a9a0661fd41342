//! What an application promises around fork. A promise is one pure predicate; what it forbids is skipped.

use std::fmt;
use std::str::FromStr;

use crate::interleaving::{Actor, ExitKind, Op};
use crate::model::State;

/// What the application promises around fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Promise {
    /// Nothing: a child may use inherited pools and inherited checkouts.
    Anything,
    /// A child only returns or leaks inherited checkouts; it may use the inherited pool.
    ChildUsesPool,
    /// The child drops inherited checkouts and pools, then opens its own.
    ChildDrops,
    /// The child leaks what it inherited and ends by `exit now`; it opens its own.
    ChildLeaks,
    /// The parent returns everything, disposes and drops before each fork.
    DisposeBeforeFork,
    /// There is no fork at all.
    ThreadsOnly,
}

impl Promise {
    /// Every promise, weakest first.
    pub const ALL: [Self; 6] =
        [Self::Anything, Self::ChildUsesPool, Self::ChildDrops, Self::ChildLeaks, Self::DisposeBeforeFork, Self::ThreadsOnly];

    /// The word of the text form and of the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anything => "anything",
            Self::ChildUsesPool => "child-uses-pool",
            Self::ChildDrops => "child-drops",
            Self::ChildLeaks => "child-leaks",
            Self::DisposeBeforeFork => "dispose-before-fork",
            Self::ThreadsOnly => "threads-only",
        }
    }

    /// What the application promises, as one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Anything => "a child may use inherited pools and inherited checkouts",
            Self::ChildUsesPool => "a child only returns or leaks inherited checkouts; it may use the inherited pool",
            Self::ChildDrops => "a child drops what it inherited, then opens its own pool",
            Self::ChildLeaks => "a child leaks what it inherited, opens its own pool and ends by _exit",
            Self::DisposeBeforeFork => "the parent returns everything, disposes and drops its pools before each fork",
            Self::ThreadsOnly => "no fork at all",
        }
    }

    /// The promises that are directly included in this one: whoever keeps one of them keeps this one too.
    pub fn includes(self) -> &'static [Self] {
        match self {
            Self::Anything => &[Self::ChildUsesPool],
            Self::ChildUsesPool => &[Self::ChildDrops, Self::ChildLeaks],
            Self::ChildDrops => &[Self::DisposeBeforeFork],
            Self::ChildLeaks | Self::DisposeBeforeFork => &[Self::ThreadsOnly],
            Self::ThreadsOnly => &[],
        }
    }

    /// Whether an application that made this promise may do `op` now.
    pub fn allows(self, state: &State, actor: Actor, op: &Op) -> bool {
        match self {
            Self::Anything => !leaves_a_transaction(state, actor, op),
            Self::ChildUsesPool => {
                Self::Anything.allows(state, actor, op)
                    && (!state.uses_inherited_checkout(actor, op) || matches!(op, Op::Return(_) | Op::Leak(_)))
            }
            Self::ChildDrops => Self::ChildUsesPool.allows(state, actor, op) && drops(state, actor, op),
            Self::ChildLeaks => Self::ChildUsesPool.allows(state, actor, op) && leaks(state, actor, op),
            Self::DisposeBeforeFork => Self::ChildDrops.allows(state, actor, op) && disposes(state, actor, op),
            Self::ThreadsOnly => Self::ChildUsesPool.allows(state, actor, op) && !matches!(op, Op::Fork(_)),
        }
    }
}

/// A connection is not handed back inside a transaction that this process began.
fn leaves_a_transaction(state: &State, actor: Actor, op: &Op) -> bool {
    match *op {
        Op::Return(handle) => state.holding(actor, handle).is_some_and(|held| held.transaction && !held.inherited),
        Op::Join(thread) => state.holdings(Actor { thread, ..actor }).any(|held| held.transaction && !held.inherited),
        _ => false,
    }
}

fn drops(state: &State, actor: Actor, op: &Op) -> bool {
    if state.rebinds_inherited(actor, op) {
        return false;
    }
    match op {
        Op::Open(_) => !state.holds_inherited(actor.process),
        Op::Leak(_) => !state.uses_inherited_checkout(actor, op),
        Op::DropPool(_) => true,
        Op::Dispose(_) | Op::LeakPool(_) | Op::Checkout(..) => !state.uses_inherited_pool(actor, op),
        _ => true,
    }
}

fn leaks(state: &State, actor: Actor, op: &Op) -> bool {
    match op {
        Op::Exit(kind) => !state.is_child(actor.process) || *kind == ExitKind::Now,
        Op::Return(_) => !state.uses_inherited_checkout(actor, op),
        Op::Dispose(_) | Op::DropPool(_) | Op::Checkout(..) => !state.uses_inherited_pool(actor, op),
        _ => true,
    }
}

/// A process forks only when it has disposed and dropped every pool that it ever had.
fn disposes(state: &State, actor: Actor, op: &Op) -> bool {
    !matches!(op, Op::Fork(_)) || state.is_bare(actor.process)
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A promise's name that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown promise '{0}'; the promises are {names}", names = Promise::ALL.map(Promise::name).join(", "))]
pub struct UnknownPromise(String);

impl FromStr for Promise {
    type Err = UnknownPromise;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|promise| promise.name() == word).ok_or_else(|| UnknownPromise(word.to_owned()))
    }
}
