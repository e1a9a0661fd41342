//! What an application promises around fork. A promise is one pure predicate; what it forbids is skipped.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::interleaving::{Actor, ExitKind, Op};
use crate::model::{Holding, State};

/// What the application promises around fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Promise {
    /// Nothing: a child may use inherited pools and inherited checkouts.
    Anything,
    /// A child only returns or leaks inherited checkouts; it may use the inherited pool.
    ChildUsesPool,
    /// The same, and a process forks only while it has nothing checked out.
    ForkWhenIdle,
    /// The same as [`Promise::ChildUsesPool`], and the child first calls the hook that the pool documents.
    HookInChild,
    /// The child drops inherited checkouts and pools, then opens its own.
    ChildDrops,
    /// The child leaks what it inherited and ends by `exit now`; it opens its own.
    ChildLeaks,
    /// The parent returns everything, disposes and drops before each fork.
    DisposeBeforeFork,
    /// A child does nothing but `exec`.
    ExecOnly,
    /// There is no fork at all.
    ThreadsOnly,
}

/// A promise, and whether the application returns connections as it found them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Terms {
    /// What it promises around fork.
    pub promise: Promise,
    /// Connections may be returned with an open transaction or changed settings.
    pub dirty: bool,
}

impl Promise {
    /// Every promise, weakest first.
    pub const ALL: [Self; 9] = [
        Self::Anything,
        Self::ChildUsesPool,
        Self::ForkWhenIdle,
        Self::HookInChild,
        Self::ChildDrops,
        Self::ChildLeaks,
        Self::DisposeBeforeFork,
        Self::ExecOnly,
        Self::ThreadsOnly,
    ];

    /// The word of the text form and of the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anything => "anything",
            Self::ChildUsesPool => "child-uses-pool",
            Self::ForkWhenIdle => "fork-when-idle",
            Self::HookInChild => "hook-in-child",
            Self::ChildDrops => "child-drops",
            Self::ChildLeaks => "child-leaks",
            Self::DisposeBeforeFork => "dispose-before-fork",
            Self::ExecOnly => "exec-only",
            Self::ThreadsOnly => "threads-only",
        }
    }

    /// What the application promises, as one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Anything => "a child may use inherited pools and inherited checkouts",
            Self::ChildUsesPool => "a child only returns or leaks inherited checkouts; it may use the inherited pool",
            Self::ForkWhenIdle => "as child-uses-pool, and a process forks only while it has nothing checked out",
            Self::HookInChild => "as child-uses-pool, and a child first calls the hook that the pool documents",
            Self::ChildDrops => "a child drops what it inherited, then opens its own pool",
            Self::ChildLeaks => "a child leaks what it inherited, opens its own pool and ends by _exit",
            Self::DisposeBeforeFork => "the parent returns everything, disposes and drops its pools before each fork",
            Self::ExecOnly => "a child does nothing but exec",
            Self::ThreadsOnly => "no fork at all",
        }
    }

    /// The promises that are directly included in this one: whoever keeps one of them keeps this one too.
    pub fn includes(self) -> &'static [Self] {
        match self {
            Self::Anything => &[Self::ChildUsesPool],
            Self::ChildUsesPool => &[Self::ForkWhenIdle, Self::HookInChild, Self::ChildDrops, Self::ChildLeaks],
            Self::ForkWhenIdle => &[Self::DisposeBeforeFork],
            Self::HookInChild | Self::ChildDrops => &[Self::DisposeBeforeFork, Self::ExecOnly],
            Self::ChildLeaks => &[Self::ExecOnly],
            Self::DisposeBeforeFork | Self::ExecOnly => &[Self::ThreadsOnly],
            Self::ThreadsOnly => &[],
        }
    }

    /// The promises that are included in this one, however indirectly.
    pub fn below(self) -> BTreeSet<Self> {
        self.includes().iter().flat_map(|included| included.below().into_iter().chain([*included])).collect()
    }

    /// Whether an application that made this promise may do `op` now.
    pub fn allows(self, state: &State, actor: Actor, op: &Op) -> bool {
        if state.has_execed(actor.process) {
            // Nothing of the old program is left.
            return true;
        }
        let within = |larger: Self| larger.allows(state, actor, op);
        match self {
            Self::Anything => true,
            Self::ChildUsesPool => {
                !state.uses_inherited_checkout(actor, op) || matches!(op, Op::Return(_) | Op::Leak(_) | Op::EndSession(_))
            }
            Self::ForkWhenIdle => within(Self::ChildUsesPool) && (!matches!(op, Op::Fork(..)) || state.is_idle(actor.process)),
            Self::HookInChild => within(Self::ChildUsesPool) && hooks(state, actor, op),
            Self::ChildDrops => within(Self::ChildUsesPool) && drops(state, actor, op),
            Self::ChildLeaks => within(Self::ChildUsesPool) && leaks(state, actor, op),
            Self::DisposeBeforeFork => within(Self::ChildDrops) && disposes(state, actor, op),
            Self::ExecOnly => within(Self::ChildUsesPool) && execs(state, actor, op),
            Self::ThreadsOnly => within(Self::ChildUsesPool) && !matches!(op, Op::Fork(..)),
        }
    }
}

impl Terms {
    /// Whether an application on these terms may do `op` now.
    pub fn allows(self, state: &State, actor: Actor, op: &Op) -> bool {
        self.promise.allows(state, actor, op) && (self.dirty || !leaves_dirty(state, actor, op))
    }
}

impl From<Promise> for Terms {
    fn from(promise: Promise) -> Self {
        Self { promise, dirty: false }
    }
}

/// A connection is not handed back inside a transaction that this process began, and no setting is changed, as no step undoes that.
fn leaves_dirty(state: &State, actor: Actor, op: &Op) -> bool {
    let dirty = |held: Holding| held.transaction && !held.inherited && !held.lost;
    match *op {
        Op::Return(handle) => state.holding(actor, handle).is_some_and(dirty),
        Op::Join(thread) => state.holdings(Actor { thread, ..actor }).any(dirty),
        Op::Mark(_) | Op::Lock(_) => true,
        _ => false,
    }
}

/// Until the hook of an inherited pool was called, the child does nothing with that pool, nor with what came from it.
fn hooks(state: &State, actor: Actor, op: &Op) -> bool {
    match op {
        Op::AfterFork(_) | Op::Exec | Op::EndSession(_) => true,
        // The destructors of a process that ends run on what it inherited.
        Op::Exit(ExitKind::Main | ExitKind::Panic | ExitKind::AtExit) => !state.waits_for_hook(actor.process),
        _ if state.rebinds_inherited(actor, op) => !state.waits_for_hook(actor.process),
        _ => !state.uses_unhooked(actor, op),
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
        Op::Dispose(_) | Op::LeakPool(_) | Op::AfterFork(_) | Op::DropRuntime(_) | Op::Checkout(..) => {
            !state.uses_inherited_pool(actor, op)
        }
        _ => true,
    }
}

fn leaks(state: &State, actor: Actor, op: &Op) -> bool {
    match op {
        Op::Exit(kind) => !state.is_child(actor.process) || *kind == ExitKind::Now,
        Op::Return(_) => !state.uses_inherited_checkout(actor, op),
        Op::Dispose(_) | Op::DropPool(_) | Op::AfterFork(_) | Op::DropRuntime(_) | Op::Checkout(..) => {
            !state.uses_inherited_pool(actor, op)
        }
        _ => true,
    }
}

/// A process forks only when it has disposed and dropped every pool that it ever had.
fn disposes(state: &State, actor: Actor, op: &Op) -> bool {
    !matches!(op, Op::Fork(..)) || state.is_bare(actor.process)
}

/// A program that cannot be executed ends its child by `_exit`.
fn execs(state: &State, actor: Actor, op: &Op) -> bool {
    !state.is_child(actor.process) || matches!(op, Op::Exec | Op::Exit(ExitKind::Now))
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

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.promise, if self.dirty { DIRTY } else { "" })
    }
}

impl FromStr for Terms {
    type Err = UnknownPromise;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let (name, dirty) = word.strip_suffix(DIRTY).map_or((word, false), |name| (name, true));
        let promise = name.parse().map_err(|_: UnknownPromise| UnknownPromise(word.to_owned()))?;
        Ok(Self { promise, dirty })
    }
}

/// What stands behind a promise under which connections may be returned dirty.
const DIRTY: &str = "+dirty";
