//! A fork at each reply of the server: a step that asks the server is run on a second thread, a reply to it is withheld, the first
//! thread forks, and only then the step goes on.

use super::{Child, Draft, unused};
use crate::interleaving::{Actor, ExitKind, ForkKind, Interleaving, Op, Step, Thread};
use crate::limits;

/// What the child does while the reply is withheld, and how it ends.
const CHILDREN: [(Child, Option<ExitKind>); 8] = [
    (Child::UsesPool, None),
    (Child::UsesPool, Some(ExitKind::Main)),
    (Child::OpensOwn, None),
    (Child::Nothing, Some(ExitKind::Now)),
    (Child::Nothing, Some(ExitKind::AtExit)),
    (Child::Nothing, Some(ExitKind::Main)),
    (Child::Nothing, Some(ExitKind::Panic)),
    (Child::Nothing, Some(ExitKind::Signal)),
];

/// Every variant of an interleaving with one step of it stalled at each of its replies, and a fork there. A variant of which an added
/// step would be skipped is left out.
pub fn stalled(base: Interleaving) -> impl Iterator<Item = Interleaving> {
    let places: Vec<(usize, u8)> = base
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.op.reaches_the_wire() && step.stall.is_none())
        .flat_map(|(place, step)| (1..=replies(step.op)).map(move |reply| (place, reply)))
        .collect();
    places.into_iter().flat_map(move |(place, reply)| {
        let variants = CHILDREN.into_iter().filter_map(|(child, end)| Stalled { place, reply, child, end }.of(&base));
        variants.collect::<Vec<_>>()
    })
}

/// So many replies of a step are withheld, one in each variant: who logs in is answered more than once.
pub(in crate::generate) fn replies(op: Op) -> u8 {
    if matches!(op, Op::Checkout(..)) { 3 } else { 1 }
}

/// What is made of an interleaving.
#[derive(Clone, Copy)]
struct Stalled {
    /// The step of this number is stalled.
    place: usize,
    /// At this reply.
    reply: u8,
    child: Child,
    end: Option<ExitKind>,
}

impl Stalled {
    fn of(self, base: &Interleaving) -> Option<Interleaving> {
        let step = *base.steps.get(self.place)?;
        let mut draft = Draft::new(base);
        base.steps[..self.place].iter().for_each(|step| draft.keep(*step));
        let first = step.actor.process.main();
        let other = if step.actor == first { draft.hand_over(step, base)? } else { step.actor };
        draft.take_step(Step { actor: other, stall: Some(self.reply), ..step })?;
        let child = unused(base)?;
        draft.take(first, Op::Fork(child, ForkKind::Fork))?;
        let born = draft.steps.len();
        draft.behave(child.main(), self.child)?;
        if self.child != Child::Nothing && draft.steps.len() == born {
            return None;
        }
        self.end.map_or(Some(()), |kind| draft.take(child.main(), Op::Exit(kind)))?;
        draft.take(other, Op::Release)?;
        if other != step.actor {
            draft.hand_back(other, step.actor)?;
        }
        base.steps[self.place + 1..].iter().for_each(|step| draft.keep(*step));
        Some(Interleaving { steps: draft.steps, ..base.clone() })
    }
}

impl Draft {
    /// A second thread, which holds what the step needs.
    fn hand_over(&mut self, step: Step, base: &Interleaving) -> Option<Actor> {
        let named = |thread: Thread| {
            base.steps.iter().any(|step| step.actor.thread == thread || matches!(step.op, Op::Spawn(other) if other == thread))
        };
        let thread = (1..limits::THREADS_NAMED as u8).map(Thread).find(|thread| !named(*thread))?;
        self.take(step.actor, Op::Spawn(thread))?;
        if let Some(handle) = step.op.handle() {
            self.take(step.actor, Op::Send(handle, thread))?;
        }
        Some(Actor { thread, ..step.actor })
    }

    /// What the second thread holds now, the first one gets.
    fn hand_back(&mut self, from: Actor, to: Actor) -> Option<()> {
        let held: Vec<_> = self.follower.state().holdings(from).map(|held| held.handle).collect();
        held.into_iter().try_for_each(|handle| self.take(from, Op::Send(handle, to.thread)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interleaving::parse;

    fn words(promise: &str, steps: &str) -> Vec<String> {
        let base = parse(&format!("promise {promise}\n{steps}")).expect("valid");
        let step = |step: &Step| step.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        stalled(base).map(|variant| variant.steps.iter().map(step).collect::<Vec<_>>().join("; ")).collect()
    }

    /// Each step that asks the server, at each reply, with each child; what follows goes on as it was.
    #[test]
    fn a_fork_is_put_at_each_reply() {
        let all = words("anything", "p0 open\np0 checkout a\np0 query a\np0 query a\n");
        // An open whose reply is withheld has made no pool yet that a child could use: 6 children there.
        assert_eq!(all.len(), 6 + 3 * 8 + 2 * 8, "{all:#?}");
        for wanted in [
            "p0 spawn t1; p0.t1 open stall=1; p0 fork p1; p1 exit main; p0.t1 release; p0 checkout a; p0 query a; p0 query a",
            "p0 open; p0 spawn t1; p0.t1 checkout a stall=3; p0 fork p1; p1 checkout a; p1 query a; p0.t1 release; \
             p0.t1 send a t0; p0 query a; p0 query a",
            "p0 open; p0 checkout a; p0 spawn t1; p0 send a t1; p0.t1 query a stall=1; p0 fork p1; p1 exit now; p0.t1 release; \
             p0.t1 send a t0; p0 query a",
        ] {
            assert_eq!(all.iter().filter(|words| *words == wanted).count(), 1, "{wanted}\n{all:#?}");
        }
    }

    /// What another thread does already it goes on doing; who waits for it is stalled by nobody.
    #[test]
    fn a_second_thread_is_stalled_where_it_is() {
        let all = words("anything", "p0 open\np0 spawn t1\np0.t1 checkout a\np0 checkout b\n");
        assert!(all.iter().all(|words| !words.contains("send")), "{all:#?}");
        assert!(all.iter().any(|words| words.contains("p0.t1 checkout a stall=2; p0 fork p1")), "{all:#?}");
        assert!(!all.iter().any(|words| words.contains("checkout b stall")), "it asks the server nothing: {all:#?}");
    }

    #[test]
    fn a_promise_that_forbids_the_fork_has_none() {
        assert_eq!(words("threads-only", "p0 open\np0 checkout a\n").len(), 0);
        assert_eq!(words("fork-when-idle", "p0 open\np0 checkout a\np0 query a\n").len(), 6, "before there is a pool");
    }
}
