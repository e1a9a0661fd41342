//! The mutator: it changes an interleaving by whole steps.
//!
//! libFuzzer's own mutations of bytes would mostly rename; these insert, delete, swap and splice steps, insert forks and stalls, or begin
//! anew with a random interleaving, as the first input must come from somewhere.

use super::bytes::{CUTS, LONGEST, STALL, STEP, decode, encode};
use crate::generate::follow::Follower;
use crate::generate::nth;
use crate::generate::random::dice::Dice;
use crate::interleaving::{ForkKind, Interleaving, Op, Step};
use crate::limits;
use crate::promise::Promise;

/// The bytes of an interleaving near to the one that `bytes` means; the same for the same seed. `promise` is what it is made for, if that
/// is not left to the bytes; no more than `most` bytes.
pub(super) fn mutate(bytes: &[u8], promise: Option<Promise>, seed: u32, most: usize) -> Vec<u8> {
    let mut dice = Dice::new(u64::from(seed));
    let mut changed = decode(bytes);
    changed.promise = promise.unwrap_or(changed.promise);
    if changed.steps.is_empty() || dice.one_in(8) {
        changed = fresh(changed.promise, promise.is_none(), &mut dice);
    } else {
        for _ in 0..=dice.below(4) {
            change(&mut changed, &mut dice);
        }
    }
    written(changed, most)
}

/// The bytes of an interleaving that begins as one and goes on as the other.
pub(super) fn crossover(one: &[u8], other: &[u8], promise: Option<Promise>, seed: u32, most: usize) -> Vec<u8> {
    let mut dice = Dice::new(u64::from(seed));
    let (mut joined, tail) = (decode(one), decode(other));
    joined.promise = promise.unwrap_or(joined.promise);
    splice(&mut joined, &tail, &mut dice);
    written(joined, most)
}

/// A random interleaving that owes nothing to another one.
pub(super) fn anew(promise: Option<Promise>, seed: u32, most: usize) -> Vec<u8> {
    let mut dice = Dice::new(u64::from(seed));
    written(fresh(promise.unwrap_or(Promise::Anything), promise.is_none(), &mut dice), most)
}

fn written(mut changed: Interleaving, most: usize) -> Vec<u8> {
    changed.steps.truncate((most.min(LONGEST).saturating_sub(super::bytes::HEAD) / STEP).min(limits::STEPS));
    encode(&changed)
}

fn fresh(promise: Promise, any: bool, dice: &mut Dice) -> Interleaving {
    let promise = if any { dice.pick(&Promise::ALL).unwrap_or(promise) } else { promise };
    nth(promise, dice.below(1 << 30) as u64, dice.below(1000) as u64)
}

fn change(changed: &mut Interleaving, dice: &mut Dice) {
    let (steps, place) = (changed.steps.len(), dice.below(changed.steps.len() + 1));
    match dice.below(14) {
        0..4 => insert(changed, place, dice),
        4 | 5 => fork(changed, place, dice),
        6 => stall(changed, dice),
        7 if dice.one_in(2) => stall(changed, dice),
        7 => cut(changed, dice),
        8 | 9 if steps > 1 => {
            let end = (place + 1 + dice.below(3)).min(steps);
            changed.steps.drain(place.min(steps - 1)..end);
        }
        10 if steps > 1 => changed.steps.swap(dice.below(steps), dice.below(steps)),
        11 => {
            let other = fresh(changed.promise, false, dice);
            splice(changed, &other, dice);
        }
        12 => changed.max_size = 1 + dice.below(3) as u32,
        13 if dice.one_in(2) => changed.ancestor_first = !changed.ancestor_first,
        13 => changed.dirty = !changed.dirty,
        _ => insert(changed, place, dice),
    }
}

/// One begins, the other goes on.
fn splice(changed: &mut Interleaving, other: &Interleaving, dice: &mut Dice) {
    let (end, from) = (dice.below(changed.steps.len() + 1), dice.below(other.steps.len() + 1));
    changed.steps.truncate(end);
    changed.steps.extend(&other.steps[from..]);
    changed.steps.truncate(limits::STEPS);
}

/// Where the steps before a place lead.
fn followed(interleaving: &Interleaving, place: usize) -> Follower {
    let mut follower = Follower::new(interleaving.terms(), interleaving.max_size);
    for step in &interleaving.steps[..place] {
        follower.take(*step);
    }
    follower
}

fn put(changed: &mut Interleaving, place: usize, step: Step) {
    if changed.steps.len() < limits::STEPS {
        changed.steps.insert(place, step);
    }
}

/// Puts a step in that applies there.
fn insert(changed: &mut Interleaving, place: usize, dice: &mut Dice) {
    let follower = followed(changed, place);
    let mut record = [0; STEP];
    record.iter_mut().for_each(|byte| *byte = dice.below(256) as u8);
    // Most steps are not stalled, and few are cut.
    record[STALL] = if dice.one_in(6) { 1 } else { 0 };
    if !dice.one_in(12) {
        record[CUTS] = 0;
    }
    put(changed, place, super::bytes::resolve(&follower, record));
}

/// Puts a fork in, and sometimes a first step of the child.
fn fork(changed: &mut Interleaving, place: usize, dice: &mut Dice) {
    let follower = followed(changed, place);
    let Some(actor) = dice.pick(&follower.idle()) else { return };
    let named = |step: &Step| match step.op {
        Op::Fork(child, _) => child.0,
        _ => step.actor.process.0,
    };
    // Nobody later in it has the child's name.
    let last = changed.steps.iter().map(named).max().unwrap_or(0);
    let child = crate::interleaving::Process(last.saturating_add(1));
    let kind = if dice.one_in(4) { ForkKind::Clone } else { ForkKind::Fork };
    put(changed, place, Step::new(actor, Op::Fork(child, kind)));
    for after in 1..=dice.below(3) {
        let follower = followed(changed, (place + after).min(changed.steps.len()));
        let record = [child.0, 0, dice.below(256) as u8 & 0x1f, dice.below(256) as u8, dice.below(256) as u8, 0, 0, 0];
        put(changed, (place + after).min(changed.steps.len()), super::bytes::resolve(&follower, record));
    }
}

/// Stalls a step that reaches the wire, and has it released some steps later.
fn stall(changed: &mut Interleaving, dice: &mut Dice) {
    let can: Vec<usize> = (0..changed.steps.len()).filter(|at| changed.steps[*at].op.reaches_the_wire()).collect();
    let Some(place) = dice.pick(&can) else { return };
    let step = &mut changed.steps[place];
    step.stall = Some(1 + dice.below(3) as u8);
    let release = Step::new(step.actor, Op::Release);
    let later = place + 1 + dice.below(changed.steps.len() - place);
    put(changed, later, release);
}

/// Cuts the session of a step that reaches the wire.
fn cut(changed: &mut Interleaving, dice: &mut Dice) {
    let can: Vec<usize> = (0..changed.steps.len()).filter(|at| changed.steps[*at].op.reaches_the_wire()).collect();
    let Some(place) = dice.pick(&can) else { return };
    // Before the first byte the server has done what it was asked, and nobody knows.
    changed.steps[place].cut = Some(if dice.one_in(2) { 0 } else { dice.below(256) as u8 });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However often something is changed, it is an interleaving of its promise, in canonical bytes.
    #[test]
    fn what_was_changed_is_canonical_and_within_the_bounds() {
        let mut bytes = Vec::new();
        for seed in 0..5000 {
            let before = decode(&bytes);
            bytes = match seed % 7 {
                0 => crossover(&bytes, &anew(None, seed, LONGEST), Some(Promise::ChildDrops), seed, LONGEST),
                _ => mutate(&bytes, Some(Promise::ChildDrops), seed, LONGEST),
            };
            let read = decode(&bytes);
            assert_eq!(encode(&read), bytes, "seed {seed} after:\n{before}");
            assert!(read.promise == Promise::ChildDrops && read.steps.len() <= limits::STEPS, "{read}");
        }
    }

    /// libFuzzer's `-seed` must give the same run again.
    #[test]
    fn a_seed_always_makes_the_same_change() {
        let start = anew(None, 3, LONGEST);
        assert_eq!(mutate(&start, None, 9, LONGEST), mutate(&start, None, 9, LONGEST));
        assert!((0..20).any(|seed| mutate(&start, None, seed, LONGEST) != start));
    }

    /// An empty corpus is where every first night begins.
    #[test]
    fn nothing_becomes_something() {
        assert!((0..50).all(|seed| !decode(&mutate(&[], None, seed, LONGEST)).steps.is_empty()));
    }
}
