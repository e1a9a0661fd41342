//! Random interleavings: always the same ones, nearly all of their steps apply, and everything occurs.

use super::super::follow;
use super::*;

/// A seed names its interleavings for ever: failures are reported by them.
#[test]
fn a_seed_and_an_index_always_give_the_same_interleaving() {
    for promise in Promise::ALL {
        for index in [0, 7, 500] {
            assert_eq!(nth(promise, 3, index), nth(promise, 3, index));
        }
    }
    assert_ne!(nth(Promise::ChildUsesPool, 3, 500), nth(Promise::ChildUsesPool, 4, 500));
}

fn carried_out(interleaving: &Interleaving) -> Vec<Op> {
    let done = follow::carried_out(interleaving);
    interleaving.steps.iter().zip(done).filter(|(_, done)| *done).map(|(step, _)| step.op).collect()
}

/// TXN-2 is about rows that were rolled back: a search that writes none does not exercise it.
#[test]
fn transactions_are_rolled_back_with_rows_in_them_often_enough() {
    let rolled_back = |interleaving: &Interleaving| {
        let done = carried_out(interleaving);
        let at = |wanted: fn(&Op) -> bool| done.iter().position(wanted);
        let (begin, insert) = (at(|op| matches!(op, Op::Begin(_))), at(|op| matches!(op, Op::Insert(_))));
        let rollback = done.iter().rposition(|op| matches!(op, Op::Rollback(_)));
        begin.is_some() && begin < insert && insert < rollback
    };
    let count = (0..1000).filter(|index| rolled_back(&nth(Promise::ChildUsesPool, 1, *index))).count();
    assert!(count >= 25, "only {count} of 1000");
}

/// What is skipped is time lost: most steps must apply, and every operation must occur somewhere.
#[test]
fn most_steps_apply_and_every_operation_occurs() {
    for promise in Promise::ALL {
        let (mut total, mut done, mut words) = (0, 0, std::collections::BTreeSet::new());
        for index in 0..600 {
            let interleaving = nth(promise, 1, index);
            let carried = carried_out(&interleaving);
            total += interleaving.steps.len();
            done += carried.len();
            words.extend(carried.iter().map(|op| op.word()));
        }
        assert!(done * 100 >= total * 80, "{promise}: {done} of {total} steps apply");
        let expected = if promise == Promise::ThreadsOnly { 15 } else { 18 };
        assert!(words.len() >= expected, "{promise}: only {words:?}");
    }
}

/// How many of 2000 interleavings have something in them, under a name.
fn census(promise: Promise) -> std::collections::BTreeMap<String, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for index in 0..2000 {
        let interleaving = nth(promise, 1, index);
        let mut names = std::collections::BTreeSet::new();
        names.extend(interleaving.dirty.then(|| "dirty".to_owned()));
        names.extend(interleaving.ancestor_first.then(|| "ancestor-first".to_owned()));
        let mut follower = Follower::new(interleaving.terms(), interleaving.max_size);
        for step in &interleaving.steps {
            let held = follower.state().has_stalled(step.actor.process);
            let inside = step.op.handle().is_some() || follower.state().pool_of(step.actor, &step.op).is_some();
            if !follower.take(*step) {
                continue;
            }
            names.insert(step.op.word().to_owned());
            match step.op {
                Op::Fork(_, kind) => drop(names.insert(format!("fork {}", kind.word()))),
                Op::Exit(kind) => drop(names.insert(format!("exit {}", kind.word()))),
                _ => {}
            }
            let other = held && step.op != Op::Release;
            let asks = matches!(step.op, Op::Checkout(..)) || step.op.statement().is_some();
            names.extend((asks && follower.state().is_stalled(step.actor)).then(|| "held".to_owned()));
            names.extend((other && matches!(step.op, Op::Fork(..))).then(|| "fork beside one who is stalled".to_owned()));
            names.extend((other && inside).then(|| "another step in the pool of one who is stalled".to_owned()));
        }
        names.into_iter().for_each(|name| *counts.entry(name).or_insert(0) += 1);
    }
    counts
}

/// What hardly ever occurs is not searched. A share of 2000 cases for each name; a promise lacks what it forbids.
#[test]
fn everything_occurs_often_enough() {
    for promise in Promise::ALL {
        let counts = census(promise);
        let at_least = |names: &[&str], least: usize| {
            for name in names {
                let count = counts.get(*name).copied().unwrap_or(0);
                assert!(count >= least, "{promise}: '{name}' in {count} of 2000, not in {least}: {counts:#?}");
            }
        };
        at_least(&["open", "checkout", "return", "query", "insert", "begin", "spawn"], 200);
        at_least(&["commit", "rollback"], 100);
        at_least(&["dispose", "drop-pool", "leak-pool", "leak", "prepared", "cancel", "drop-runtime", "join", "send"], 50);
        at_least(&["dirty", "ancestor-first", "held", "release", "another step in the pool of one who is stalled"], 60);
        at_least(&["mark", "lock", "end-session"], 30);
        if promise == Promise::ThreadsOnly {
            continue;
        }
        at_least(&["fork fork"], 200);
        at_least(&["fork clone"], 50);
        at_least(&["fork reused-pid", "exec", "exit now"], 10);
        if !matches!(promise, Promise::ChildLeaks | Promise::ExecOnly) {
            at_least(&["exit atexit", "exit main", "exit panic", "exit signal", "wait"], 20);
        }
        if !matches!(promise, Promise::ForkWhenIdle | Promise::DisposeBeforeFork) {
            at_least(&["fork beside one who is stalled"], 60);
        }
    }
}

/// What several steps are together, by a name; the state is that before the last of them.
fn situation(follower: &Follower, step: &Step) -> Option<&'static str> {
    let (state, process) = (follower.state(), step.actor.process);
    let waits = || state.actors(process).any(|other| state.is_busy(other) && !state.is_stalled(other));
    let held = || state.holding(step.actor, step.op.handle()?);
    let parents = || state.running_processes().take_while(|other| *other != process);
    match step.op {
        Op::EndSession(_) if held()?.transaction => Some("a session ends inside a transaction"),
        Op::EndSession(_) if waits() => Some("a session ends while somebody waits"),
        Op::Return(_) if held()?.lost && waits() => Some("what somebody waits for comes back broken"),
        Op::Return(_) if held()?.transaction && !held()?.inherited => Some("a transaction is returned"),
        Op::Fork(..) if waits() => Some("a fork while somebody waits"),
        Op::Checkout(..) if state.has_stalled(process) && state.is_child(process) => Some("two at once in a child"),
        Op::Checkout(..) if state.has_stalled(process) => Some("two at once"),
        Op::Checkout(..) if parents().any(|other| state.has_stalled(other)) => Some("a child of one who is inside"),
        _ => None,
    }
}

/// Chance alone brings these about once in many runs; motifs often.
#[test]
fn every_motif_occurs_often_enough() {
    let often = |promise: Promise, wanted: &[&str]| {
        let mut counts = std::collections::BTreeMap::new();
        for index in 0..1000 {
            let interleaving = nth(promise, 1, index);
            let mut follower = Follower::new(interleaving.terms(), interleaving.max_size);
            for step in &interleaving.steps {
                let found = situation(&follower, step);
                if follower.take(*step)
                    && let Some(name) = found
                {
                    *counts.entry(name).or_insert(0) += 1;
                }
            }
        }
        let rare: Vec<_> = wanted.iter().filter(|name| counts.get(*name).is_none_or(|count| *count < 20)).collect();
        assert!(rare.is_empty(), "{promise}: {rare:?} of {counts:?}");
    };
    let alone = ["a session ends inside a transaction", "a session ends while somebody waits", "two at once"];
    let alone = [&alone[..], &["what somebody waits for comes back broken", "a transaction is returned"]].concat();
    often(Promise::ThreadsOnly, &alone);
    let forks = ["a fork while somebody waits", "two at once in a child", "a child of one who is inside"];
    often(Promise::ChildUsesPool, &[&alone[..], &forks[..]].concat());
}

/// A smaller promise is kept by fewer applications: whoever keeps it keeps every larger one too.
#[test]
fn an_interleaving_under_a_promise_satisfies_every_larger_promise() {
    fn satisfies(promise: Promise, interleaving: &Interleaving) -> bool {
        let mut state = State::new(interleaving.max_size);
        interleaving.steps.iter().all(|step| {
            if state.skips(interleaving.terms(), step.actor, &step.op).is_some() {
                return true;
            }
            let allowed = promise.allows(&state, step.actor, &step.op);
            state.start(step.actor, &step.op);
            state.apply(step.actor, &step.op, true);
            allowed
        })
    }
    for larger in Promise::ALL {
        for smaller in larger.includes() {
            for index in 0..400 {
                let interleaving = nth(*smaller, 2, index);
                assert!(satisfies(larger, &interleaving), "{smaller} is not within {larger}:\n{interleaving}");
            }
        }
    }
}

/// Where the server fails every kind of failure occurs, and the usual interleavings have none of the new ones.
#[test]
fn faults_occur_where_they_are_asked_for_and_nowhere_else() {
    let count = |make: fn(Promise, u64, u64) -> Interleaving, wanted: fn(&Step) -> bool| {
        let of = |index| make(Promise::ThreadsOnly, 1, index).steps.iter().any(wanted);
        (0..1000).filter(|index| of(*index)).count()
    };
    let kinds: [fn(&Step) -> bool; 6] = [
        |step| step.cut.is_some_and(|bytes| bytes == 0),
        |step| step.cut.is_some_and(|bytes| bytes > 0),
        |step| step.op == Op::Refuse(Refusal::Closed),
        |step| step.op == Op::Refuse(Refusal::Full),
        |step| step.op == Op::Accept,
        |step| step.op == Op::Restart,
    ];
    for (place, kind) in kinds.into_iter().enumerate() {
        assert!(count(nth_faulty, kind) >= 100, "kind {place}: {} of 1000", count(nth_faulty, kind));
        assert_eq!(count(nth, kind), 0, "kind {place}");
    }
}
