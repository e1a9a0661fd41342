//! Shorter interleavings that no deletion of neighbouring steps reaches: with an actor, a checkout or a hand-over less.
//!
//! They need not fail: each is only worth a try.

use crate::interleaving::{Actor, Handle, Interleaving, Op, Process, Step, Thread};

/// Of at most so many steps any two are left out, and one is put in any other place.
const SMALL: usize = 8;

/// All of them, the most promising first. Each has fewer steps.
pub(super) fn fewer(of: &Interleaving) -> Vec<Interleaving> {
    let mut all = Vec::new();
    for step in &of.steps {
        match step.op {
            Op::Fork(child, _) => all.push(without_child(of, step.actor, child)),
            Op::Spawn(thread) => {
                let joined = without_thread(of, step.actor, thread);
                let plain = Interleaving { steps: joined.steps.iter().filter_map(unstalled).collect(), ..joined };
                // Where one waited for the other, what they did has to come in another order now.
                let moved = if plain.steps.len() <= SMALL { rearranged(&plain) } else { Vec::new() };
                all.extend([joined, plain].into_iter().chain(moved));
            }
            Op::Send(handle, thread) => all.extend(without_send(of, step.actor, handle, thread)),
            Op::Checkout(handle, _) => all.extend(without_checkout(of, handle)),
            _ => {}
        }
    }
    if of.steps.len() <= SMALL {
        all.extend(without_pairs(of));
    }
    all.retain(|candidate| candidate.steps.len() < of.steps.len());
    all
}

/// The one who forks does what the child did, but for its end.
fn without_child(of: &Interleaving, parent: Actor, child: Process) -> Interleaving {
    let joined = |step: &Step| {
        let by_child = step.actor.process == child;
        let gone = match step.op {
            Op::Fork(process, _) | Op::Wait(process) => process == child,
            Op::Exit(_) => by_child,
            _ => false,
        };
        let thread = if step.actor.thread == Thread::MAIN { parent.thread } else { step.actor.thread };
        let actor = if by_child { Actor { process: parent.process, thread } } else { step.actor };
        (!gone).then_some(Step { actor, ..*step })
    };
    Interleaving { steps: of.steps.iter().filter_map(joined).collect(), ..of.clone() }
}

/// The one who spawned a thread does what it did.
fn without_thread(of: &Interleaving, spawner: Actor, thread: Thread) -> Interleaving {
    let joined = |step: &Step| {
        if step.actor.process != spawner.process {
            return Some(*step);
        }
        let actor = if step.actor.thread == thread { spawner } else { step.actor };
        let op = match step.op {
            Op::Spawn(other) | Op::Join(other) if other == thread => return None,
            Op::Send(handle, other) if other == thread => Op::Send(handle, spawner.thread),
            op => op,
        };
        let to_itself = matches!(op, Op::Send(_, other) if other == actor.thread);
        (!to_itself).then_some(Step { actor, op, ..*step })
    };
    Interleaving { steps: of.steps.iter().filter_map(joined).collect(), ..of.clone() }
}

/// Nobody is inside an operation.
fn unstalled(step: &Step) -> Option<Step> {
    (step.op != Op::Release).then_some(Step { stall: None, ..*step })
}

/// The thread that is handed a checkout has had it from the start.
fn without_send(of: &Interleaving, from: Actor, handle: Handle, to: Thread) -> Option<Interleaving> {
    let at = of.steps.iter().position(|step| step.actor == from && step.op == Op::Send(handle, to))?;
    let is_spawn = |step: &Step| step.actor.process == from.process && step.op == Op::Spawn(to);
    let spawn = of.steps[..at].iter().position(is_spawn)?;
    let owner = Actor { thread: to, ..from };
    let uses = |step: &Step| step.actor == from && (step.op.handle() == Some(handle) || takes(step, handle));
    let mut steps = vec![of.steps[spawn]];
    for (place, step) in of.steps.iter().enumerate().filter(|(place, _)| *place != at && *place != spawn) {
        let actor = if place < at && uses(step) { owner } else { step.actor };
        steps.push(Step { actor, ..*step });
    }
    Some(Interleaving { steps, ..of.clone() })
}

fn takes(step: &Step, handle: Handle) -> bool {
    matches!(step.op, Op::Checkout(other, _) if other == handle)
}

/// Without all that is about one checkout, in a pool that has room for one less, or as large as it is.
fn without_checkout(of: &Interleaving, handle: Handle) -> Vec<Interleaving> {
    let about = |step: &&Step| !takes(step, handle) && step.op.handle() != Some(handle);
    let without = Interleaving { steps: of.steps.iter().filter(about).copied().collect(), ..of.clone() };
    let first = of.steps.iter().position(|step| takes(step, handle)).unwrap_or_default();
    // Its later uses may have another meaning then, and be what is needed.
    let lone = Interleaving { steps: [&of.steps[..first], &of.steps[first + 1..]].concat(), ..of.clone() };
    let smaller = |of: &Interleaving| Interleaving { max_size: of.max_size.saturating_sub(1).max(1), ..of.clone() };
    vec![smaller(&without), smaller(&lone), without]
}

/// With one step in another place.
fn rearranged(of: &Interleaving) -> Vec<Interleaving> {
    let places = 0..of.steps.len();
    let moves = places.clone().flat_map(|from| places.clone().map(move |to| (from, to))).filter(|(from, to)| from != to);
    let moved = |(from, to): (usize, usize)| {
        let mut steps = of.steps.clone();
        let step = steps.remove(from);
        steps.insert(to, step);
        Interleaving { steps, ..of.clone() }
    };
    moves.map(moved).collect()
}

fn without_pairs(of: &Interleaving) -> Vec<Interleaving> {
    let places = 0..of.steps.len();
    let pairs = places.flat_map(|first| (first + 1..of.steps.len()).map(move |second| (first, second)));
    let without = |(first, second): (usize, usize)| {
        let kept = of.steps.iter().enumerate().filter(|(place, _)| *place != first && *place != second);
        Interleaving { steps: kept.map(|(_, step)| *step).collect(), ..of.clone() }
    };
    pairs.map(without).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interleaving::parse;

    fn text(of: &Interleaving) -> String {
        let step = |step: &Step| step.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        of.steps.iter().map(step).collect::<Vec<_>>().join("; ")
    }

    fn given(text: &str) -> Interleaving {
        parse(&text.replace("; ", "\n")).expect("valid")
    }

    /// What was left of failures of mutants, though less would have done: each has the shorter one among its neighbours.
    #[test]
    fn what_was_left_too_long_has_a_shorter_neighbour() {
        for (long, short) in [
            ("p0 open; p0 spawn t1; p0.t1 checkout a; p0.t1 insert a", "p0 open; p0 checkout a; p0 insert a"),
            (
                "p0 spawn t1; p0 open; p0.t1 checkout a; p0 open; p0.t1 return a; p0 drop-pool",
                "p0 open; p0 checkout a; p0 open; p0 return a; p0 drop-pool",
            ),
            ("p0 open; p0 spawn t1; p0 checkout a stall=1; p0.t1 checkout b", "p0 open; p0 checkout a; p0 checkout b"),
            (
                "p0 fork p1; p1 open; p1 spawn t1; p1.t1 checkout a stall=1; p1 fork p2; p2 open",
                "p0 open; p0 spawn t1; p0.t1 checkout a stall=1; p0 fork p2; p2 open",
            ),
            ("p0 fork p1; p1 open; p1 exit main; p0 wait p1; p0 open", "p0 open; p0 open"),
            (
                "p0 open; p0 checkout a; p0 spawn t1; p0 send a t1; p0.t1 query a stall=1; p0 fork p1",
                "p0 spawn t1; p0 open; p0.t1 checkout a; p0.t1 query a stall=1; p0 fork p1",
            ),
            (
                "p0 open; p0 spawn t1; p0.t1 checkout a; p0.t1 query a; p0 checkout b; p0.t1 return a; p0 query b",
                "p0 open; p0 checkout a; p0 query a; p0 return a; p0 checkout b; p0 query b",
            ),
            ("p0 open; p0 checkout a; p0 begin a; p0 query a; p0 commit a", "p0 open; p0 checkout a; p0 query a"),
        ] {
            let all: Vec<String> = fewer(&given(long)).iter().map(text).collect();
            assert!(all.iter().any(|neighbour| neighbour == short), "{long}\n{short}\n{all:#?}");
        }
    }

    #[test]
    fn a_checkout_less_needs_a_pool_that_is_one_smaller() {
        let all = fewer(&given("pool max_size=3; p0 open; p0 checkout a; p0 checkout b; p0 query a; p0 query b"));
        let small = |of: &Interleaving| of.max_size == 2 && text(of) == "p0 open; p0 checkout b; p0 query b";
        assert!(all.iter().any(small));
        assert!(all.iter().all(|of| of.max_size >= 1 && of.steps.len() < 5));
    }
}
