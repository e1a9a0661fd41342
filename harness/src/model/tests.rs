//! What must succeed, what must wait and what nobody can say, told as short stories.

use super::State;
use crate::history::{Expectation, Skip};
use crate::interleaving::{Interleaving, Op, Step, parse};
use crate::promise::Promise;

/// Follows a text in which every step that the model allows succeeds; gives the state after it.
fn after(text: &str) -> State {
    let story = parse(text).expect("a valid text");
    let mut state = State::new(story.max_size);
    for step in &story.steps {
        assert_eq!(state.skips(story.promise, step.actor, &step.op), None, "{step}");
        state.start(step.actor, &step.op);
        state.apply(step.actor, &step.op, true);
    }
    state
}

fn last(text: &str) -> Step {
    let story: Interleaving = parse(text).expect("a valid text");
    story.steps[0]
}

fn expects(text: &str, step: &str) -> Expectation {
    let step = last(step);
    after(text).expects(step.actor, &step.op)
}

fn skips(promise: Promise, text: &str, step: &str) -> Option<Skip> {
    let step = last(step);
    after(text).skips(promise, step.actor, &step.op)
}

/// A pool must serve when it has room; what is inherited, orphaned or leaked by others may count as used, for nobody can know.
#[test]
fn a_checkout_must_succeed_only_where_there_certainly_is_room() {
    use Expectation::{Block, Either, Success};
    for (story, step, expected) in [
        ("p0 open", "p0 checkout a", Success),
        ("p0 open\np0 checkout a", "p0 checkout b", Block),
        ("pool max_size=2\np0 open\np0 checkout a", "p0 checkout b", Success),
        ("p0 open\np0 checkout a\np0 return a", "p0 checkout b", Success),
        ("p0 open\np0 checkout a\np0 leak a", "p0 checkout b", Block),
        ("p0 open\np0 checkout a\np0 fork p1", "p1 checkout b", Either),
        ("p0 open\np0 checkout a\np0 fork p1\np1 return a", "p1 checkout b", Success),
        ("p0 open\np0 checkout a\np0 fork p1\np1 leak a", "p1 checkout b", Either),
        ("p0 open\np0 checkout a\np0 fork p1\np1 return a", "p0 checkout b", Block),
        ("p0 open\np0 spawn t1\np0.t1 checkout a\np0 fork p1", "p1 checkout b", Either),
        ("p0 open\np0 dispose", "p0 checkout a", Either),
        ("p0 open\np0 fork p1\np1 dispose", "p0 checkout a", Success),
    ] {
        assert_eq!(expects(story, step), expected, "{story}\n{step}");
    }
}

/// A statement may fail only where its own process gave a cause.
#[test]
fn a_statement_must_succeed_on_a_checkout_of_ones_own() {
    use Expectation::{Either, Success};
    for (story, step, expected) in [
        ("p0 open\np0 checkout a", "p0 query a", Success),
        ("p0 open\np0 checkout a\np0 fork p1", "p0 query a", Success),
        ("p0 open\np0 checkout a\np0 fork p1", "p1 query a", Either),
        ("p0 open\np0 checkout a\np0 dispose", "p0 query a", Either),
        ("p0 open\np0 checkout a\np0 drop-pool", "p0 query a", Either),
        ("p0 open\np0 checkout a\np0 fork p1\np1 dispose", "p0 query a", Success),
    ] {
        assert_eq!(expects(story, step), expected, "{story}\n{step}");
    }
}

/// Whoever waits can be released by a thread that holds a connection, and by nobody else.
#[test]
fn a_waiter_can_be_released_by_another_holder_of_its_process() {
    let waits = last("p0 checkout b");
    let releasable = |story: &str| {
        let mut state = after(story);
        state.start(waits.actor, &waits.op);
        let pool = state.pool_in(waits.actor, &waits.op).expect("a pool");
        (state.releasable(waits.actor, pool), state.has_room(waits.actor.process, pool))
    };
    assert_eq!(releasable("p0 open\np0 spawn t1\np0.t1 checkout a"), (true, false));
    assert_eq!(releasable("p0 open\np0 checkout a"), (false, false), "nobody else holds anything");
    assert_eq!(releasable("p0 open\np0 checkout a\np0 fork p1"), (false, false), "another process cannot help");
    assert_eq!(releasable("p0 open\np0 spawn t1\np0.t1 checkout a\np0.t1 return a"), (false, true));
}

/// What does not fit the state is skipped, and a name that stands for nothing too: every interleaving means something.
#[test]
fn steps_that_do_not_apply_are_skipped() {
    use Skip::{DoesNotApply, NoSuchName};
    for (story, step, skip) in [
        ("", "p0 checkout a", Some(NoSuchName)),
        ("", "p7 open", Some(NoSuchName)),
        ("p0 open\np0 checkout a", "p0 checkout a", Some(DoesNotApply)),
        ("p0 open\np0 checkout a\np0 fork p1", "p1 checkout a", None),
        ("p0 open\np0 checkout a", "p0 commit a", Some(DoesNotApply)),
        ("p0 open\np0 checkout a\np0 begin a", "p0 begin a", Some(DoesNotApply)),
        ("p0 fork p1", "p0 wait p1", Some(DoesNotApply)),
        ("p0 fork p1\np1 exit now", "p0 wait p1", None),
        ("p0 fork p1\np1 exit now\np0 wait p1", "p0 wait p1", Some(DoesNotApply)),
        ("p0 fork p1", "p0 fork p1", Some(NoSuchName)),
        ("p0 spawn t1\np0.t1 spawn t2", "p0 join t2", Some(DoesNotApply)),
        ("p0 spawn t1\np0.t1 spawn t2\np0 join t1\np0 spawn t1", "p0.t1 join t2", Some(DoesNotApply)),
        ("p0 spawn t1\np0 fork p1", "p1 join t1", Some(NoSuchName)),
        ("p0 open\np0 checkout a\np0 spawn t1\np0 send a t1", "p0 query a", Some(NoSuchName)),
        ("p0 open\np0 checkout a\np0 spawn t1\np0 send a t1", "p0.t1 query a", None),
    ] {
        assert_eq!(skips(Promise::Anything, story, step), skip, "{story}\n{step}");
    }
}

/// Each promise forbids what it says, and no more.
#[test]
fn a_promise_forbids_what_it_says() {
    use Promise::{ChildDrops, ChildLeaks, ChildUsesPool, DisposeBeforeFork, ThreadsOnly};
    let inherited = "p0 open\np0 checkout a\np0 fork p1";
    for (promise, story, step, allowed) in [
        (ChildUsesPool, inherited, "p1 query a", false),
        (ChildUsesPool, inherited, "p1 return a", true),
        (ChildUsesPool, inherited, "p1 leak a", true),
        (ChildUsesPool, inherited, "p1 checkout b", true),
        (ChildUsesPool, "p0 open\np0 checkout a\np0 begin a", "p0 return a", false),
        (ChildUsesPool, "p0 open\np0 checkout a\np0 begin a\np0 fork p1", "p1 return a", true),
        (ChildDrops, inherited, "p1 open", false),
        (ChildDrops, inherited, "p1 leak a", false),
        (ChildDrops, inherited, "p1 checkout b", false),
        (ChildDrops, inherited, "p1 return a", true),
        (ChildDrops, "p0 open\np0 fork p1\np1 drop-pool", "p1 open", true),
        (ChildLeaks, inherited, "p1 return a", false),
        (ChildLeaks, inherited, "p1 exit main", false),
        (ChildLeaks, inherited, "p1 exit now", true),
        (ChildLeaks, inherited, "p0 exit main", true),
        (ChildLeaks, inherited, "p1 open", true),
        (DisposeBeforeFork, "p0 open", "p0 fork p1", false),
        (DisposeBeforeFork, "p0 open\np0 drop-pool", "p0 fork p1", false),
        (DisposeBeforeFork, "p0 open\np0 dispose\np0 drop-pool", "p0 fork p1", true),
        (DisposeBeforeFork, "p0 open\np0 dispose\np0 leak-pool", "p0 fork p1", false),
        (ThreadsOnly, "", "p0 fork p1", false),
    ] {
        let expected = (!allowed).then_some(Skip::Promise);
        assert_eq!(skips(promise, story, step), expected, "{promise}\n{story}\n{step}");
    }
}

/// Two checkouts in flight have different numbers, whichever finishes first.
#[test]
fn numbers_are_given_when_an_operation_starts() {
    let mut state = after("pool max_size=2\np0 open\np0 spawn t1");
    let (first, second) = (last("p0 checkout a"), last("p0.t1 checkout b"));
    state.start(first.actor, &first.op);
    state.start(second.actor, &second.op);
    let number = |state: &State, step: Step| state.checkout_in(step.actor, &step.op);
    let (one, two) = (number(&state, first), number(&state, second));
    assert_ne!(one, two);
    state.apply(second.actor, &second.op, true);
    state.apply(first.actor, &first.op, true);
    let (a, b) = (last("p0 query a"), last("p0.t1 query b"));
    assert_eq!((number(&state, a), number(&state, b)), (one, two));
    assert!(matches!(a.op, Op::Query(_)));
}
