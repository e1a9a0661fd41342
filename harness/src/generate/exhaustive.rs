//! Every interleaving of up to so many steps in which every step applies, up to renaming of actors, checkouts and pools.
//!
//! A new name is always the lowest that is not in use, and a process's name is never used again; so of interleavings that differ in
//! their names only one is given. The order of steps matters: steps of different actors that commute stand in both orders.
//!
//! A checkout that must wait while another thread can make room is taken to wait until it is served: an interleaving in which it waits
//! in vain and its thread then goes on is not given.

mod choices;
#[cfg(test)]
mod tests;

pub(super) use choices::fresh;

use super::follow::Follower;
use crate::interleaving::{ForkKind, Interleaving, Op, Step};
use crate::limits;
use crate::promise::{Promise, Terms};
use choices::choices;

/// What interleavings are made of.
#[derive(Clone, Copy, Debug)]
pub struct Menu {
    /// The operations that are used.
    pub offers: fn(&Op) -> bool,
    /// Processes that are born, the first included.
    pub processes: usize,
    /// Threads that a process has at once, the main thread included.
    pub threads: usize,
    /// Pools that a process has at once. With one of them pools need no names.
    pub pools: usize,
    /// The first step opens a pool: before that there is nothing to look at.
    pub opens_first: bool,
    /// Replies are withheld, too.
    pub stalls: bool,
}

/// Gives the interleavings, shortest first. It needs memory for one interleaving and its prefixes.
#[derive(Clone, Debug)]
pub struct Exhaustive {
    menu: Menu,
    depth: usize,
    /// The interleavings that are being given have so many steps.
    length: usize,
    /// The steps that lead to the last of `frames`.
    given: Interleaving,
    frames: Vec<Frame>,
}

/// One prefix, with the steps that may follow it.
#[derive(Clone, Debug)]
struct Frame {
    follower: Follower,
    choices: Vec<Step>,
    taken: usize,
}

/// Where an enumeration stands: the length, and how many choices each prefix has taken.
#[derive(Clone, Debug)]
pub(super) struct Place {
    length: usize,
    taken: Vec<u16>,
}

impl Menu {
    /// The operations of most programs, in three processes of one thread each and one pool in each. Where nobody may fork, in one process
    /// of two threads.
    pub fn usual(promise: Promise) -> Self {
        let (processes, threads) = if promise == Promise::ThreadsOnly { (1, 2) } else { (3, 1) };
        let offers: fn(&Op) -> bool = match promise {
            // There a child can do nothing before, or nothing else.
            Promise::HookInChild => |op: &Op| is_usual(op) || matches!(op, Op::AfterFork(_)),
            Promise::ExecOnly => |op: &Op| is_usual(op) || *op == Op::Exec,
            _ => is_usual,
        };
        Self { offers, processes, threads, pools: 1, opens_first: true, stalls: false }
    }

    /// Every operation, every way to make a child, and every reply that can be withheld, in three processes with two threads and two pools
    /// each.
    pub fn whole() -> Self {
        Self { offers: |_| true, processes: 3, threads: 2, pools: 2, opens_first: true, stalls: true }
    }
}

/// What nearly every program does, and the ways in which processes end.
fn is_usual(op: &Op) -> bool {
    let rare =
        matches!(op, Op::AfterFork(_) | Op::DropRuntime(_) | Op::Exec | Op::Fork(_, ForkKind::Clone | ForkKind::ReusedPid));
    let special = matches!(op, Op::Prepared(_) | Op::Mark(_) | Op::Lock(_) | Op::Cancel(_) | Op::EndSession(_));
    !rare && !special
}

impl Exhaustive {
    /// Every interleaving of up to `depth` steps under a promise, with pools of `max_size` connections.
    pub fn new(terms: impl Into<Terms>, max_size: u32, depth: usize, menu: Menu) -> Self {
        let Terms { promise, dirty } = terms.into();
        let given = Interleaving { dirty, ..Interleaving::new(max_size, promise, Vec::new()) };
        let mut all = Self { menu, depth: depth.min(limits::STEPS), length: 1, given, frames: Vec::new() };
        all.frames.push(all.root());
        all
    }

    fn root(&self) -> Frame {
        let follower = Follower::new(self.given.terms(), self.given.max_size);
        let mut choices = choices(&self.menu, &follower);
        if self.menu.opens_first {
            choices.retain(|step| matches!(step.op, Op::Open(_)));
        }
        Frame { follower, choices, taken: 0 }
    }

    /// Goes to the next prefix that lacks one step and has choices left. False when everything was given.
    fn descend(&mut self) -> bool {
        while self.length <= self.depth {
            let depth = self.frames.len();
            match self.frames.last() {
                None => {
                    self.length += 1;
                    self.frames.push(self.root());
                }
                Some(last) if last.taken == last.choices.len() => {
                    self.frames.pop();
                    self.given.steps.pop();
                }
                Some(_) if depth == self.length => return true,
                Some(_) => self.enter_next(),
            }
        }
        false
    }

    /// Takes the next choice of the last frame, and makes the frame below it.
    fn enter_next(&mut self) {
        let Some(last) = self.frames.last_mut() else { return };
        let step = last.choices[last.taken];
        last.taken += 1;
        let mut follower = last.follower.clone();
        follower.take(step);
        let choices = choices(&self.menu, &follower);
        self.given.steps.push(step);
        self.frames.push(Frame { follower, choices, taken: 0 });
    }

    /// Passes over the next interleavings, over `most` at the most; gives over how many. It is none only at the end.
    pub(super) fn pass(&mut self, most: usize) -> usize {
        if !self.descend() {
            return 0;
        }
        self.frames.last_mut().map_or(0, |last| {
            let passed = most.min(last.choices.len() - last.taken);
            last.taken += passed;
            passed
        })
    }

    /// Where it stands.
    pub(super) fn place(&self) -> Place {
        let taken = self.frames.iter().map(|frame| u16::try_from(frame.taken).unwrap_or(u16::MAX)).collect();
        Place { length: self.length, taken }
    }

    /// The same enumeration at another place.
    pub(super) fn at(&self, place: &Place) -> Self {
        let given = Interleaving { steps: Vec::new(), ..self.given };
        let mut there = Self { length: place.length, given, frames: Vec::new(), ..*self };
        there.frames.extend((!place.taken.is_empty()).then(|| there.root()));
        for (above, taken) in place.taken.iter().copied().map(usize::from).enumerate() {
            there.frames[above].taken = taken;
            if above + 1 < place.taken.len() {
                // The choice that was taken last leads to the frame below.
                there.frames[above].taken -= 1;
                there.enter_next();
            }
        }
        there
    }
}

impl Iterator for Exhaustive {
    type Item = Interleaving;

    fn next(&mut self) -> Option<Interleaving> {
        if !self.descend() {
            return None;
        }
        let last = self.frames.last_mut()?;
        let step = last.choices[last.taken];
        last.taken += 1;
        let mut given = self.given.clone();
        given.steps.push(step);
        Some(given)
    }

    fn nth(&mut self, mut n: usize) -> Option<Interleaving> {
        while n > 0 {
            match self.pass(n) {
                0 => return None,
                passed => n -= passed,
            }
        }
        self.next()
    }
}
