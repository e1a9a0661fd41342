//! Forks put into interleavings: at each place, and for each of them what the child does and how it ends.
//!
//! One variant is one value along each axis of `Insertion`. A variant of which a step would be skipped is left out: it is another
//! one in disguise.

mod stalled;

use super::follow::Follower;
use super::fresh;
use crate::interleaving::{Actor, ExitKind, ForkKind, Interleaving, Op, Process, Step, parse};
use crate::promise::Promise;

/// What a child does after its birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// Nothing.
    Nothing,
    /// Asks on what it inherited.
    UsesCheckout,
    /// Checks out of the inherited pool and asks.
    UsesPool,
    /// Returns what it inherited and drops the pools.
    LetsGo,
    /// Opens a pool of its own, and asks. What it must let go first it lets go.
    OpensOwn,
}

impl Child {
    /// Every behaviour.
    pub const ALL: [Self; 5] = [Self::Nothing, Self::UsesCheckout, Self::UsesPool, Self::LetsGo, Self::OpensOwn];
}

/// What is put into an interleaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Insertion {
    /// Before the step of this number; after the last one if there is none of it.
    place: usize,
    /// Who forks.
    actor: Actor,
    child: Child,
    /// How the child ends; `None` leaves it to the final check.
    end: Option<ExitKind>,
}

/// Every variant of an interleaving: with one fork at each place, by each actor that is not inside an operation there; for each what
/// the child does, and for each how it ends.
pub fn variants(base: Interleaving) -> impl Iterator<Item = Interleaving> {
    let ends: Vec<Option<ExitKind>> = std::iter::once(None).chain(ExitKind::ALL.map(Some)).collect();
    let forks = places(&base);
    forks.into_iter().flat_map(move |(place, actor)| {
        let made: Vec<Interleaving> = Child::ALL
            .into_iter()
            .flat_map(|child| ends.iter().map(move |end| Insertion { place, actor, child, end: *end }))
            .filter_map(|insertion| insertion.into(&base))
            .collect();
        made
    })
}

/// Every variant of an interleaving, which may have forks already, with one fork more at each place. The child does nothing: what it
/// is, the final check shows.
pub fn forks(base: Interleaving) -> impl Iterator<Item = Interleaving> {
    let places = places(&base);
    places.into_iter().filter_map(move |(place, actor)| Insertion { place, actor, child: Child::Nothing, end: None }.into(&base))
}

pub(super) use stalled::replies;
pub use stalled::stalled;

/// The variants of small interleavings without a fork, under a promise; then those with a fork at each reply that can be withheld.
pub fn usual(promise: Promise) -> impl Iterator<Item = Interleaving> {
    let bases = move || BASES.iter().filter_map(|text| parse(text).ok()).map(move |base| Interleaving { promise, ..base });
    bases().flat_map(variants).chain(bases().flat_map(stalled))
}

/// Where somebody can fork.
fn places(base: &Interleaving) -> Vec<(usize, Actor)> {
    let mut follower = Follower::new(base.terms(), base.max_size);
    let mut places = Vec::new();
    for place in 0..=base.steps.len() {
        places.extend(follower.idle().into_iter().map(|actor| (place, actor)));
        base.steps.get(place).map(|step| follower.take(*step));
    }
    places
}

impl Insertion {
    /// The interleaving with this in it; `None` if that says nothing new.
    fn into(self, base: &Interleaving) -> Option<Interleaving> {
        let (before, after) = base.steps.split_at(self.place);
        let mut draft = Draft::new(base);
        before.iter().for_each(|step| draft.keep(*step));
        let child = unused(base)?;
        draft.take(self.actor, Op::Fork(child, ForkKind::Fork))?;
        let born = draft.steps.len();
        draft.behave(child.main(), self.child)?;
        if self.child != Child::Nothing && draft.steps.len() == born {
            return None;
        }
        self.end.map_or(Some(()), |kind| draft.take(child.main(), Op::Exit(kind)))?;
        after.iter().for_each(|step| draft.keep(*step));
        Some(Interleaving { steps: draft.steps, ..*base })
    }
}

/// The lowest name of a process that no step uses.
fn unused(base: &Interleaving) -> Option<Process> {
    let used = |process: Process| base.steps.iter().any(|step| matches!(step.op, Op::Fork(child, _) if child == process));
    (1..=u8::MAX).map(Process).find(|process| !used(*process))
}

/// An interleaving that is being put together.
struct Draft {
    promise: Promise,
    follower: Follower,
    steps: Vec<Step>,
}

impl Draft {
    fn new(base: &Interleaving) -> Self {
        Self { promise: base.promise, follower: Follower::new(base.terms(), base.max_size), steps: Vec::new() }
    }

    /// Adds a step of the base, whether it applies or not: it is the base's.
    fn keep(&mut self, step: Step) {
        self.follower.take(step);
        self.steps.push(step);
    }

    /// Adds a step that has to apply.
    fn take(&mut self, actor: Actor, op: Op) -> Option<()> {
        self.take_step(Step::new(actor, op))
    }

    fn take_step(&mut self, step: Step) -> Option<()> {
        self.follower.take(step).then(|| self.steps.push(step))
    }

    fn behave(&mut self, actor: Actor, child: Child) -> Option<()> {
        let hooked = self.promise == Promise::HookInChild && child != Child::Nothing;
        if hooked && self.follower.state().waits_for_hook(actor.process) {
            self.take(actor, Op::AfterFork(None))?;
        }
        match child {
            Child::Nothing => Some(()),
            Child::UsesCheckout => {
                let handle = self.follower.state().holdings(actor).next()?.handle;
                self.take(actor, Op::Query(handle))
            }
            Child::UsesPool => self.ask(actor),
            Child::LetsGo => self.let_go(actor),
            Child::OpensOwn => {
                if self.follower.skips(actor, &Op::Open(None)).is_some() {
                    self.let_go(actor)?;
                }
                self.take(actor, Op::Open(None))?;
                self.ask(actor)
            }
        }
    }

    fn ask(&mut self, actor: Actor) -> Option<()> {
        let handle = fresh(&self.follower, actor)?;
        self.take(actor, Op::Checkout(handle, None))?;
        self.follower.state().holding(actor, handle).map_or(Some(()), |_| self.take(actor, Op::Query(handle)))
    }

    fn let_go(&mut self, actor: Actor) -> Option<()> {
        let held: Vec<_> = self.follower.state().holdings(actor).map(|held| held.handle).collect();
        held.into_iter().try_for_each(|handle| self.take(actor, Op::Return(handle)))?;
        let pools = self.follower.state().pools(actor.process).len();
        (0..pools).try_for_each(|_| self.take(actor, Op::DropPool(None)))
    }
}

/// Small interleavings without a fork, in which each kind of moment occurs: idle, checked out, in a transaction, disposed, reopened,
/// two connections, another thread that holds or waits.
const BASES: [&str; 5] = [
    "p0 open\np0 checkout a\np0 query a\np0 return a\np0 checkout b\np0 query b\n",
    "p0 open\np0 checkout a\np0 begin a\np0 insert a\np0 commit a\np0 begin a\np0 insert a\np0 rollback a\n",
    "p0 open\np0 checkout a\np0 insert a\np0 return a\np0 dispose\np0 drop-pool\np0 open\np0 checkout b\np0 query b\n",
    "pool max_size=2\np0 open\np0 checkout a\np0 checkout b\np0 query a\np0 return a\np0 query b\n",
    "p0 open\np0 spawn t1\np0.t1 checkout a\np0.t1 query a\np0 checkout b\np0.t1 return a\np0 query b\n",
];

#[cfg(test)]
mod tests {
    use super::super::follow::carried_out;
    use super::*;

    fn base(promise: &str, steps: &str) -> Interleaving {
        parse(&format!("promise {promise}\n{steps}")).expect("valid")
    }

    fn words(interleaving: &Interleaving) -> String {
        interleaving.steps.iter().map(|step| format!("{} {}", step.actor, step.op)).collect::<Vec<_>>().join("; ")
    }

    /// Each place, behaviour and end once, and nothing that is skipped.
    #[test]
    fn a_fork_is_put_at_each_place_with_each_behaviour_and_each_end() {
        let all: Vec<String> = variants(base("anything", "p0 open\np0 checkout a\n")).map(|variant| words(&variant)).collect();
        // Before the open a child has nothing to use or to let go: 2 behaviours. Then 4 and 5. Each with 6 ends.
        assert_eq!(all.len(), (2 + 4 + 5) * 6);
        for wanted in [
            "p0 fork p1; p0 open; p0 checkout a",
            "p0 fork p1; p1 open; p1 checkout a; p1 query a; p1 exit signal; p0 open; p0 checkout a",
            "p0 open; p0 fork p1; p1 checkout a; p1 query a; p1 exit main; p0 checkout a",
            "p0 open; p0 checkout a; p0 fork p1; p1 return a; p1 drop-pool; p1 exit now",
            "p0 open; p0 checkout a; p0 fork p1; p1 open; p1 checkout b; p1 query b",
        ] {
            assert_eq!(all.iter().filter(|words| *words == wanted).count(), 1, "{wanted}");
        }
    }

    /// Under every promise no inserted step is wasted, no variant stands twice, and only a promise without forks has none.
    #[test]
    fn the_usual_sweep_wastes_nothing() {
        for promise in Promise::ALL {
            let all: Vec<Interleaving> = usual(promise).collect();
            let distinct: std::collections::HashSet<&Interleaving> = all.iter().collect();
            assert_eq!(distinct.len(), all.len(), "{promise}");
            assert_eq!(all.is_empty(), promise == Promise::ThreadsOnly, "{promise}");
            for variant in &all {
                let done = carried_out(variant);
                let wasted = variant.steps.iter().zip(&done).any(|(step, done)| step.actor.process != Process::FIRST && !done);
                assert!(!wasted, "{variant}");
            }
        }
    }

    #[test]
    fn a_child_lets_go_first_where_it_promised_to() {
        let all = variants(base("child-drops", "p0 open\np0 checkout a\n"));
        let wanted = "p0 open; p0 checkout a; p0 fork p1; p1 return a; p1 drop-pool; p1 open; p1 checkout a; p1 query a";
        assert!(all.map(|variant| words(&variant)).any(|words| words == wanted));
    }

    /// Also a child may fork, and an actor that waits may not.
    #[test]
    fn a_fork_is_put_into_any_interleaving() {
        let forked = |steps: &str| forks(base("anything", steps)).map(|variant| words(&variant)).collect::<Vec<_>>();
        let nested = forked("p0 open\np0 fork p1\n");
        assert_eq!(nested.len(), 4);
        assert!(nested.contains(&"p0 open; p0 fork p1; p1 fork p2".to_owned()), "{nested:?}");
        let waiting = forked("p0 open\np0 spawn t1\np0 checkout a\np0.t1 checkout b\n");
        assert!(waiting.contains(&"p0 open; p0 spawn t1; p0 checkout a; p0.t1 checkout b; p0 fork p1".to_owned()));
        assert!(!waiting.iter().any(|words| words.ends_with("p0.t1 checkout b; p0.t1 fork p1")), "{waiting:?}");
    }

    #[test]
    fn every_base_is_valid_and_every_step_of_it_applies() {
        for text in BASES {
            let base = Interleaving { promise: Promise::ThreadsOnly, ..parse(text).expect("valid") };
            assert!(carried_out(&base).iter().all(|done| *done), "{base}");
        }
    }
}
