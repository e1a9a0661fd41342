//! The bytes form, for fuzzers: any byte string is an interleaving, and a small change of it a small change.
//!
//! Two bytes say what holds for all steps, then each step has eight: process, thread, operation, two arguments, stall, whether its
//! session is cut, and behind how many bytes. A step that does not apply where it stands is resolved, with the help of the model, to one that does; one that applies is left alone. So the bytes of an
//! interleaving mean that interleaving again, and random bytes one of which nearly every step applies. A step that is to stand there
//! although it does not apply has a bit set.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::generate::follow::Follower;
use crate::interleaving::{Actor, ExitKind, ForkKind, Handle, Interleaving, Op, PoolName, Process, Refusal, Step, Thread};
use crate::limits;
use crate::promise::Promise;

/// Bytes of a step.
pub const STEP: usize = 8;
/// Bytes before the first step.
pub const HEAD: usize = 2;
/// The most that any interleaving has.
pub const LONGEST: usize = HEAD + STEP * limits::STEPS;

/// Of the operation's byte: the step stands as it is, whether or not it applies. Three bits, so that few random bytes have them.
const LITERAL: u8 = 0xe0;
/// The operations, by number.
const OPERATIONS: u8 = 31;
/// One of so many values of a byte says that the session is cut: random bytes rarely do.
const CUT_ONE_IN: u8 = 16;
/// Where in a step's bytes its stall is.
pub(super) const STALL: usize = 5;
/// Where they say whether its session is cut.
pub(super) const CUTS: usize = 6;

impl<'a> Arbitrary<'a> for Interleaving {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let promise = Promise::ALL[usize::from(bytes.arbitrary::<u8>()?) % Promise::ALL.len()];
        let manner = bytes.arbitrary::<u8>()?;
        let mut read = Self::new(1 + u32::from(manner >> 2) % limits::MAX_SIZE, promise, Vec::new());
        (read.dirty, read.ancestor_first) = (manner & 1 != 0, manner & 2 != 0);
        let mut follower = Follower::new(read.terms(), read.max_size);
        while read.steps.len() < limits::STEPS && bytes.len() >= STEP {
            let record = <[u8; STEP]>::arbitrary(bytes)?;
            let step = if record[2] & LITERAL == LITERAL { plain(record) } else { resolve(&follower, record) };
            follower.take(step);
            read.steps.push(step);
        }
        Ok(read)
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (0, Some(LONGEST))
    }
}

/// The interleaving that a byte string means: every one means some.
pub fn decode(bytes: &[u8]) -> Interleaving {
    let mut padded;
    let whole = if bytes.len() < HEAD {
        padded = [0; HEAD];
        padded[..bytes.len()].copy_from_slice(bytes);
        &padded
    } else {
        bytes
    };
    // There are enough bytes for the head, and a step is read only where there are enough for it.
    Interleaving::arbitrary_take_rest(Unstructured::new(whole))
        .unwrap_or_else(|_| Interleaving::new(1, Promise::Anything, Vec::new()))
}

/// The bytes of an interleaving: [`decode`] gives it back.
pub fn encode(interleaving: &Interleaving) -> Vec<u8> {
    let promise = Promise::ALL.iter().position(|other| *other == interleaving.promise).unwrap_or_default() as u8;
    let size = (interleaving.max_size.clamp(1, limits::MAX_SIZE) - 1) as u8;
    let manner = u8::from(interleaving.dirty) | u8::from(interleaving.ancestor_first) << 1 | size << 2;
    let mut bytes = vec![promise, manner];
    let mut follower = Follower::new(interleaving.terms(), interleaving.max_size);
    for step in interleaving.steps.iter().take(limits::STEPS) {
        let mut record = record(step);
        if resolve(&follower, record) != *step {
            record[2] |= LITERAL;
        }
        follower.take(*step);
        bytes.extend(record);
    }
    bytes
}

/// A step as it is called.
fn plain(record: [u8; STEP]) -> Step {
    let [process, thread, operation, one, two, ..] = record;
    let actor = Actor { process: Process(process), thread: Thread(thread) };
    on_the_wire(actor, operation_of(operation & !LITERAL, one, two), record)
}

/// An operation with what the tap does to it, where it asks the server anything.
fn on_the_wire(actor: Actor, op: Op, [.., stall, cuts, bytes]: [u8; STEP]) -> Step {
    let wire = op.reaches_the_wire();
    let stall = Some(stall % (limits::STALL + 1)).filter(|reply| *reply > 0 && wire);
    let cut = Some(bytes).filter(|_| cuts % CUT_ONE_IN == CUT_ONE_IN - 1 && wire);
    Step { actor, op, stall, cut }
}

/// The step of a record, or the next to it that applies.
pub(super) fn resolve(follower: &Follower, record: [u8; STEP]) -> Step {
    let wanted = plain(record);
    let fits = |step: &Step| follower.skips(step.actor, &step.op).is_none();
    if fits(&wanted) {
        return wanted;
    }
    let able = follower.able();
    if able.is_empty() {
        return wanted;
    }
    let [process, thread, operation, one, two, ..] = record;
    let known = able.iter().position(|actor| *actor == wanted.actor);
    let first = known.unwrap_or((usize::from(process) + 3 * usize::from(thread)) % able.len());
    for actor in able.iter().cycle().skip(first).take(able.len()) {
        for kind in 0..OPERATIONS {
            let op = named(follower, *actor, operation_of((operation & !LITERAL) + kind, one, two), one, two);
            let step = on_the_wire(*actor, op, record);
            // Without the first process nothing that follows would apply.
            let ends = matches!(op, Op::Exit(_) | Op::Exec) && actor.process == Process::FIRST;
            if fits(&step) && !ends {
                return step;
            }
        }
    }
    wanted
}

/// The same operation, with names that stand for something where those that it has do not.
fn named(follower: &Follower, actor: Actor, op: Op, one: u8, two: u8) -> Op {
    if follower.skips(actor, &op).is_none() {
        return op;
    }
    let state = follower.state();
    let held: Vec<Handle> = state.holdings(actor).map(|held| held.handle).collect();
    let handle = held.get(usize::from(one) % held.len().max(1)).copied();
    let pools = state.pools(actor.process);
    let pool = pools.get(usize::from(one) % pools.len().max(1)).and_then(|pool| pool.name);
    let taken = |handle: u8| state.actors(actor.process).any(|other| state.holding(other, Handle(handle)).is_some());
    let others: Vec<Thread> =
        state.actors(actor.process).map(|other| other.thread).filter(|other| *other != actor.thread).collect();
    let other = |at: u8| others.get(usize::from(at) % others.len().max(1)).copied();
    let children: Vec<Process> = state.unreaped(actor.process).collect();
    match op {
        Op::Dispose(_) => Op::Dispose(pool),
        Op::DropPool(_) => Op::DropPool(pool),
        Op::LeakPool(_) => Op::LeakPool(pool),
        Op::AfterFork(_) => Op::AfterFork(pool),
        Op::DropRuntime(_) => Op::DropRuntime(pool),
        Op::Checkout(..) => {
            let free = (0..limits::HANDLES as u8).find(|handle| !taken(*handle)).unwrap_or_default();
            Op::Checkout(Handle(free), pools.get(usize::from(two) % pools.len().max(1)).and_then(|pool| pool.name))
        }
        Op::Fork(_, kind) => Op::Fork(follower.next_process(), kind),
        Op::Wait(_) => children.get(usize::from(one) % children.len().max(1)).map_or(op, |child| Op::Wait(*child)),
        Op::Spawn(_) => {
            let fresh =
                (1..limits::THREADS_NAMED as u8).map(Thread).find(|thread| !others.contains(thread) && *thread != actor.thread);
            fresh.map_or(op, Op::Spawn)
        }
        Op::Join(_) => other(one).map_or(op, Op::Join),
        Op::Send(..) => handle.zip(other(two)).map_or(op, |(handle, thread)| Op::Send(handle, thread)),
        _ => handle.filter(|_| op.handle().is_some()).map_or(op, |handle| operation_of(record_of(&op).0, handle.0, 0)),
    }
}

fn operation_of(number: u8, one: u8, two: u8) -> Op {
    let handle = Handle(one);
    let pool = |number: u8| number.checked_sub(1).map(PoolName);
    match number % OPERATIONS {
        0 => Op::Open(pool(one)),
        1 => Op::Dispose(pool(one)),
        2 => Op::DropPool(pool(one)),
        3 => Op::LeakPool(pool(one)),
        4 => Op::AfterFork(pool(one)),
        5 => Op::DropRuntime(pool(one)),
        6 => Op::Checkout(handle, pool(two)),
        7 => Op::Return(handle),
        8 => Op::Leak(handle),
        9 => Op::Query(handle),
        10 => Op::Prepared(handle),
        11 => Op::Insert(handle),
        12 => Op::Begin(handle),
        13 => Op::Commit(handle),
        14 => Op::Rollback(handle),
        15 => Op::Mark(handle),
        16 => Op::Lock(handle),
        17 => Op::Cancel(handle),
        18 => Op::EndSession(handle),
        19 => Op::Fork(Process(one), ForkKind::ALL[usize::from(two) % ForkKind::ALL.len()]),
        20 => Op::Wait(Process(one)),
        21 => Op::Exec,
        22 => Op::Exit(ExitKind::ALL[usize::from(one) % ExitKind::ALL.len()]),
        23 => Op::Spawn(Thread(one)),
        24 => Op::Join(Thread(one)),
        25 => Op::Send(handle, Thread(two)),
        26 => Op::Collect,
        27 => Op::Release,
        28 => Op::Refuse(Refusal::ALL[usize::from(one) % Refusal::ALL.len()]),
        29 => Op::Accept,
        _ => Op::Restart,
    }
}

fn record(step: &Step) -> [u8; STEP] {
    let (number, one, two) = record_of(&step.op);
    let cuts = if step.cut.is_some() { CUT_ONE_IN - 1 } else { 0 };
    let (stall, bytes) = (step.stall.unwrap_or(0), step.cut.unwrap_or(0));
    [step.actor.process.0, step.actor.thread.0, number, one, two, stall, cuts, bytes]
}

/// An operation's number, and its arguments. All have one; the last pool of all names, which no text has, is taken for none.
fn record_of(op: &Op) -> (u8, u8, u8) {
    let pool = |name: Option<PoolName>| name.map_or(0, |name| name.0.wrapping_add(1));
    let place = |found: Option<usize>| found.unwrap_or_default() as u8;
    match *op {
        Op::Open(name) => (0, pool(name), 0),
        Op::Dispose(name) => (1, pool(name), 0),
        Op::DropPool(name) => (2, pool(name), 0),
        Op::LeakPool(name) => (3, pool(name), 0),
        Op::AfterFork(name) => (4, pool(name), 0),
        Op::DropRuntime(name) => (5, pool(name), 0),
        Op::Checkout(handle, name) => (6, handle.0, pool(name)),
        Op::Return(handle) => (7, handle.0, 0),
        Op::Leak(handle) => (8, handle.0, 0),
        Op::Query(handle) => (9, handle.0, 0),
        Op::Prepared(handle) => (10, handle.0, 0),
        Op::Insert(handle) => (11, handle.0, 0),
        Op::Begin(handle) => (12, handle.0, 0),
        Op::Commit(handle) => (13, handle.0, 0),
        Op::Rollback(handle) => (14, handle.0, 0),
        Op::Mark(handle) => (15, handle.0, 0),
        Op::Lock(handle) => (16, handle.0, 0),
        Op::Cancel(handle) => (17, handle.0, 0),
        Op::EndSession(handle) => (18, handle.0, 0),
        Op::Fork(child, kind) => (19, child.0, place(ForkKind::ALL.iter().position(|other| *other == kind))),
        Op::Wait(child) => (20, child.0, 0),
        Op::Exec => (21, 0, 0),
        Op::Exit(kind) => (22, place(ExitKind::ALL.iter().position(|other| *other == kind)), 0),
        Op::Spawn(thread) => (23, thread.0, 0),
        Op::Join(thread) => (24, thread.0, 0),
        Op::Send(handle, thread) => (25, handle.0, thread.0),
        Op::Collect => (26, 0, 0),
        Op::Release => (27, 0, 0),
        Op::Refuse(how) => (28, place(Refusal::ALL.iter().position(|other| *other == how)), 0),
        Op::Accept => (29, 0, 0),
        Op::Restart => (30, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::follow::carried_out;
    use crate::generate::nth;
    use crate::generate::random::dice::Dice;
    use crate::interleaving::parse;

    fn random(dice: &mut Dice, longest: usize) -> Vec<u8> {
        let length = dice.below(longest);
        (0..length).map(|_| dice.below(256) as u8).collect()
    }

    /// Bytes, text, bytes: the identity on what an encoder writes, and every byte string is read.
    #[test]
    fn bytes_and_text_say_the_same_of_any_bytes() {
        let mut dice = Dice::new(1);
        for _ in 0..100_000 {
            let read = decode(&random(&mut dice, LONGEST / 8));
            let canonical = encode(&read);
            assert_eq!(decode(&canonical), read);
            let text = read.to_string();
            let again = parse(&text).unwrap_or_else(|error| panic!("{error} in:\n{text}"));
            assert_eq!(encode(&again), canonical, "{text}");
        }
    }

    /// What was generated is encoded and decoded without a loss, steps that are skipped included.
    #[test]
    fn what_generators_make_comes_back() {
        for promise in Promise::ALL {
            for index in 0..500 {
                let made = nth(promise, 5, index);
                assert_eq!(decode(&encode(&made)), made, "{made}");
            }
        }
    }

    /// Random bytes would be a waste of time otherwise: three of four steps are resolved to one that applies.
    #[test]
    fn most_steps_of_random_bytes_apply() {
        let mut dice = Dice::new(2);
        let (mut steps, mut applied) = (0, 0);
        for _ in 0..2000 {
            let done = carried_out(&decode(&random(&mut dice, LONGEST)));
            steps += done.len();
            applied += done.iter().filter(|done| **done).count();
        }
        assert!(applied * 100 >= steps * 60, "{applied} of {steps} steps apply");
    }
}
