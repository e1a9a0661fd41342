//! Random interleavings, by proptest: sizes grow with the index, and each case switches some operations off and varies the
//! weight of the rest (*swarm*).
//!
//! A choice is a number; it is resolved, modulo, to one of the steps that fit the model's state. So nearly every step applies;
//! one in sixteen is taken from all steps there are. In most cases some choices stand for a whole motif: see `random/motifs.rs`.

pub(crate) mod dice;
mod manner;
mod motifs;
#[cfg(test)]
mod tests;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::follow::Follower;
use crate::interleaving::{Actor, ExitKind, ForkKind, Handle, Interleaving, Op, PoolName, Refusal, Step, Thread};
use crate::limits;
use crate::model::{Holding, State};
use crate::promise::{Promise, Terms};
use dice::Dice;
use manner::{Manner, Swarm};

/// The interleaving of a seed and an index: always the same one.
pub fn nth(promise: Promise, seed: u64, index: u64) -> Interleaving {
    chosen(promise, seed, index, false)
}

/// The same with a server that breaks sessions off, takes no new ones, or is restarted.
pub fn nth_faulty(promise: Promise, seed: u64, index: u64) -> Interleaving {
    chosen(promise, seed, index, true)
}

fn chosen(promise: Promise, seed: u64, index: u64, faulty: bool) -> Interleaving {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&index.to_le_bytes());
    bytes[16] = Promise::ALL.iter().position(|other| *other == promise).unwrap_or_default() as u8;
    bytes[17] = u8::from(faulty);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let size = size_of(index);
    match made(promise, size, faulty).new_tree(&mut runner) {
        Ok(tree) => tree.current(),
        // The strategies here reject nothing.
        Err(_) => Interleaving::new(1, promise, Vec::new()),
    }
}

/// Sizes grow to the largest, then go round.
fn size_of(index: u64) -> usize {
    const SMALLEST: u64 = 5;
    const SPREAD: u64 = 18;
    (SMALLEST + (index / 4) % SPREAD) as usize
}

/// A proptest strategy for interleavings under a promise, of about `size` steps.
pub fn interleavings(promise: Promise, size: usize) -> impl Strategy<Value = Interleaving> {
    made(promise, size, false)
}

fn made(promise: Promise, size: usize, faulty: bool) -> impl Strategy<Value = Interleaving> {
    let choices = prop::collection::vec(any::<u64>(), size.clamp(1, limits::STEPS));
    let max_size = prop_oneof![4 => Just(1_u32), 3 => Just(2), 1 => Just(3)];
    (max_size, choices, any::<u64>(), any::<u64>()).prop_map(move |(max_size, choices, swarm, manner)| {
        let manner = Manner::new(manner, faulty);
        let terms = Terms { promise, dirty: manner.dirty() };
        let mut draft = Draft::new(terms, max_size, Swarm::new(swarm), manner);
        choices.into_iter().for_each(|choice| draft.choose(choice));
        let ancestor_first = manner.ancestor_first();
        Interleaving { max_size, promise, dirty: terms.dirty, ancestor_first, steps: draft.steps }
    })
}

/// One choice of so many is a motif, in cases that have them.
const MOTIFS: usize = 5;

/// An interleaving that is being built, with the state that it leads to if every pool does what it should.
struct Draft {
    terms: Terms,
    swarm: Swarm,
    manner: Manner,
    follower: Follower,
    steps: Vec<Step>,
}

impl Draft {
    fn new(terms: Terms, max_size: u32, swarm: Swarm, manner: Manner) -> Self {
        Self { terms, swarm, manner, follower: Follower::new(terms, max_size), steps: Vec::new() }
    }

    fn choose(&mut self, choice: u64) {
        let mut dice = Dice::new(choice);
        if self.manner.motifs() && dice.one_in(MOTIFS) {
            return self.motif(&mut dice);
        }
        let (who, anything, what) = (choice >> 52, (choice >> 48) & 15 == 0, choice & 0xffff_ffff);
        let Some(actor) = self.actor(who as usize) else { return };
        if self.follower.state().is_stalled(actor) {
            self.add(Step::new(actor, Op::Release));
            return;
        }
        let mut candidates = self.candidates(actor);
        if !anything {
            candidates.retain(|(op, _)| self.follower.skips(actor, op).is_none() || self.can_be_prepared(actor, op));
        }
        let total: u64 = candidates.iter().map(|(_, weight)| weight).sum();
        let Some(mut left) = what.checked_rem(total) else { return };
        for (op, weight) in candidates {
            if left < weight {
                let stall = self.stall(op, choice >> 32);
                let cut = if stall.is_none() { self.cut(op, choice) } else { None };
                return self.emit(Step { actor, op, stall, cut });
            }
            left -= weight;
        }
    }

    /// Who goes on. Somebody who is stalled is released only half as often as he is chosen: what others do meanwhile is the point.
    fn actor(&self, choice: usize) -> Option<Actor> {
        let (able, idle) = (self.follower.able(), self.follower.idle());
        let chosen = able.get(choice % able.len().max(1)).copied()?;
        let another = choice / able.len().max(1);
        let waits = self.follower.state().is_stalled(chosen) && another.is_multiple_of(2);
        waits.then(|| idle.get(another / 2 % idle.len().max(1)).copied()).flatten().or(Some(chosen))
    }

    /// Which reply of a step is withheld, if any.
    fn stall(&self, op: Op, choice: u64) -> Option<u8> {
        let stalls = self.manner.stalls().filter(|_| op.reaches_the_wire())?;
        // Most pools open, dispose and take back without an answer to wait for.
        let asks = matches!(op, Op::Checkout(..)) || op.statement().is_some();
        let one_of = if asks { stalls } else { 4 * stalls };
        let reply = if matches!(op, Op::Checkout(..)) { 1 + (choice / stalls % 3) as u8 } else { 1 };
        choice.is_multiple_of(one_of).then_some(reply)
    }

    /// Behind how many bytes of the reply its session is cut, if it is.
    fn cut(&self, op: Op, choice: u64) -> Option<u8> {
        let one_of = self.manner.cuts().filter(|_| op.reaches_the_wire())?;
        let mut dice = Dice::new(choice.rotate_left(32));
        // Most pools open, dispose and take back without an answer to wait for.
        let asks = matches!(op, Op::Checkout(..)) || op.statement().is_some();
        dice.one_in(if asks { one_of } else { 4 * one_of }).then(|| place_of_cut(&mut dice))
    }

    /// Every step that the actor could take, with its weight.
    fn candidates(&self, actor: Actor) -> Vec<(Op, u64)> {
        let (state, process) = (self.follower.state(), actor.process);
        let mut ops = Vec::with_capacity(40);
        let mut offer = |op: Op, kind: u32, weight: u64| ops.push((op, weight * self.swarm.factor(kind)));
        let bare = state.pools(process).is_empty();
        ops_of_pools(state, actor, bare, &mut offer);
        for held in state.holdings(actor) {
            ops_of_checkout(state, actor, &held, self.manner, &mut offer);
        }
        let child = self.follower.next_process();
        // A fork while another thread is in the middle of something is worth more than any other.
        let fork = if state.has_stalled(process) { 4 } else { 1 };
        for (kind, weight) in [(ForkKind::Fork, 5), (ForkKind::Clone, 1)] {
            offer(Op::Fork(child, kind), 9, fork * weight);
        }
        if state.reusable().is_some() {
            offer(Op::Fork(child, ForkKind::ReusedPid), 9, 5);
        }
        // Under every promise but one it is a rare end.
        let often = if self.terms.promise == Promise::ExecOnly { 40 } else { 1 };
        offer(Op::Exec, 17, if state.is_child(process) { often } else { 0 });
        // And under that of the hook little else can be done before.
        let first = self.terms.promise == Promise::HookInChild && state.waits_for_hook(process);
        offer(Op::AfterFork(None), 17, if first { 40 } else { 0 });
        state.unreaped(process).for_each(|child| offer(Op::Wait(child), 10, 6));
        for kind in ExitKind::ALL {
            // The first process is needed: when it has gone, the rest is epilogue.
            offer(Op::Exit(kind), 11, if state.is_child(process) { 2 } else { 0 });
        }
        let fresh = (1..limits::THREADS_NAMED as u8)
            .map(Thread)
            .find(|thread| state.actors(process).all(|other| other.thread != *thread));
        if let Some(thread) = fresh {
            // Where steps are stalled there is to be somebody else who goes on.
            let alone = self.manner.stalls().is_some() && state.actors(process).count() == 1;
            offer(Op::Spawn(thread), 12, if alone { 15 } else { 3 });
        }
        for other in state.actors(process).filter(|other| *other != actor) {
            offer(Op::Join(other.thread), 13, 1);
        }
        offer(Op::Collect, 19, 1);
        let (refuses, refusing) = (self.manner.refuses(), state.is_refusing());
        Refusal::ALL.into_iter().for_each(|how| offer(Op::Refuse(how), 19, if refusing { 0 } else { refuses }));
        offer(Op::Accept, 19, if refusing { 8 } else { 0 });
        offer(Op::Restart, 18, self.manner.restarts());
        // An operation that every case needs is never off.
        ops.iter_mut().for_each(|(op, weight)| {
            if *weight == 0 && (matches!(op, Op::Open(_)) && bare || matches!(op, Op::Checkout(..))) {
                *weight = 4;
            }
        });
        ops
    }

    /// The promise forbids it now, but some steps before it would make it allowed.
    fn can_be_prepared(&self, actor: Actor, op: &Op) -> bool {
        let forbidden = self.follower.skips(actor, op) == Some(crate::history::Skip::Promise);
        let alone = self.follower.state().actors(actor.process).count() == 1;
        let known = match self.terms.promise {
            Promise::DisposeBeforeFork | Promise::ForkWhenIdle => matches!(op, Op::Fork(..)),
            Promise::ChildDrops => matches!(op, Op::Open(_)),
            _ => false,
        };
        forbidden && alone && known
    }

    /// Adds a step, with what its promise wants before it.
    fn emit(&mut self, step: Step) {
        let Step { actor, op, .. } = step;
        if self.can_be_prepared(actor, &op) {
            let held: Vec<_> = self.follower.state().holdings(actor).collect();
            for holding in held {
                if holding.transaction && !holding.inherited {
                    self.add(Step::new(actor, Op::Commit(holding.handle)));
                }
                self.add(Step::new(actor, Op::Return(holding.handle)));
            }
            // For an idle fork it is enough that nothing is checked out.
            while self.terms.promise != Promise::ForkWhenIdle && self.follower.state().slot(actor.process, None).is_some() {
                if self.terms.promise == Promise::DisposeBeforeFork {
                    self.add(Step::new(actor, Op::Dispose(None)));
                }
                if !self.add(Step::new(actor, Op::DropPool(None))) {
                    break;
                }
            }
        }
        self.add(step);
    }

    /// Adds one step and follows it in the model. False if it is one that will be skipped.
    fn add(&mut self, step: Step) -> bool {
        if self.steps.len() >= limits::STEPS {
            return false;
        }
        self.steps.push(step);
        self.follower.take(step)
    }
}

/// Before the first byte, when the server has done what it was asked and nobody knows; or somewhere in what it says.
fn place_of_cut(dice: &mut Dice) -> u8 {
    match dice.below(4) {
        0 | 1 => 0,
        2 => 1 + dice.below(20) as u8,
        _ => dice.below(1 + usize::from(u8::MAX)) as u8,
    }
}

fn ops_of_pools(state: &State, actor: Actor, bare: bool, offer: &mut impl FnMut(Op, u32, u64)) {
    let process = actor.process;
    offer(Op::Open(None), 0, if bare { 40 } else { 1 });
    offer(Op::Open(Some(PoolName(1))), 0, 1);
    offer(Op::Dispose(None), 1, 3);
    offer(Op::DropPool(None), 2, 2);
    offer(Op::LeakPool(None), 3, 1);
    // Both are offered where they mean something.
    let waits = state.waits_for_hook(process);
    offer(Op::AfterFork(None), 18, if waits { 2 } else { 0 });
    offer(Op::DropRuntime(None), 18, u64::from(!bare));
    let taken = |handle: u8| state.actors(process).any(|other| state.holding(other, Handle(handle)).is_some());
    if let Some(handle) = (0..limits::HANDLES as u8).find(|handle| !taken(*handle)) {
        offer(Op::Checkout(Handle(handle), None), 4, 14);
        let named = state.pools(process).iter().rev().skip(1).find_map(|pool| pool.name);
        if named.is_some() {
            offer(Op::Checkout(Handle(handle), named), 4, 6);
        }
    }
}

fn ops_of_checkout(state: &State, actor: Actor, held: &Holding, manner: Manner, offer: &mut impl FnMut(Op, u32, u64)) {
    let handle = held.handle;
    // A transaction is worth most with a row in it, and then either end of it.
    let (insert, begin) = if held.transaction { (14, 0) } else { (4, 8) };
    offer(Op::Query(handle), 5, 4);
    offer(Op::Prepared(handle), 19, 2);
    let (mark, fault) = (u64::from(manner.dirty()), u64::from(manner.ends_sessions()));
    offer(Op::Mark(handle), 20, 3 * mark);
    offer(Op::Lock(handle), 20, 3 * mark);
    offer(Op::Cancel(handle), 18, 1);
    offer(Op::EndSession(handle), 19, 3 * fault);
    offer(Op::Insert(handle), 6, insert);
    offer(Op::Begin(handle), 7, begin);
    offer(Op::Commit(handle), 8, 8);
    offer(Op::Rollback(handle), 8, 10);
    offer(Op::Return(handle), 14, 6);
    offer(Op::Leak(handle), 15, 1);
    for other in state.actors(actor.process).filter(|other| *other != actor) {
        offer(Op::Send(handle, other.thread), 16, 3);
    }
}
