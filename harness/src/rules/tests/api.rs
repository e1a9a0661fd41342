//! API-1.

use super::story::{Story, error, row_of, story};
use super::{broken, passed, place};
use crate::history::Outcome;
use crate::pool::ErrorKind;
use crate::verdict::Verdict;

/// p0 holds a connection of a pool that it has disposed: steps 0 to 2.
fn disposed() -> Story {
    story().done("p0 open").done("p0 checkout a").opens("p0", "c0").done("p0 dispose")
}

#[test]
fn a_disposed_pool_answers_with_an_error_or_with_its_own_row() {
    assert_eq!(disposed().fails("p0 query a", ErrorKind::Closed).verdict("API-1"), passed(1));
    assert_eq!(disposed().asks("p0 query a", "c0").fails("p0 checkout b", ErrorKind::Closed).verdict("API-1"), passed(2));
    assert_eq!(story().done("p0 open").done("p0 checkout a").asks("p0 query a", "c0").verdict("API-1"), Verdict::NotExercised);
}

#[test]
fn it_does_not_crash_hang_or_give_the_row_of_another() {
    let panicked = disposed().start("p0 query a").answer("p0", Outcome::Panicked("closed".into()));
    assert_eq!(broken(panicked.verdict("API-1")), "p0's step 3 (query a) panicked, on a pool that was disposed\nclosed");
    let others = disposed().start("p0 query a").answer("p0", row_of(1));
    assert!(broken(others.verdict("API-1")).starts_with("p0's step 3 (query a) got a row that nobody asked for"));
    for hangs in [Story::stuck as fn(Story, &str) -> Story, Story::spins, Story::overdue] {
        let told = hangs(disposed().start("p0 query a"), "p0");
        assert_eq!(broken(told.verdict("API-1")), "p0's step 3 (query a) does not end, on a pool that was disposed");
        assert_eq!(place(told.verdict("API-1")), told.here());
    }
}

/// The same evidence breaks a general rule too; what was done to the pool is the nearer cause.
#[test]
fn it_is_the_cause_of_what_other_rules_say_of_the_same_moment() {
    let judgement = disposed().start("p0 query a").stuck("p0").judged();
    assert_eq!(judgement.first_cause().map(|(rule, _)| rule.id), Some("API-1"));
    assert_eq!(judgement.consequences().map(|(rule, _)| rule.id).collect::<Vec<_>>(), ["LIV-1"]);
}

#[test]
fn a_pool_is_disposed_for_its_process_and_its_later_children() {
    let hangs = |told: Story| told.start("p1 return a").stuck("p1").verdict("API-1");
    assert!(matches!(hangs(disposed().done("p0 fork p1")), Verdict::Failed(_)));
    let held = || story().done("p0 open").done("p0 checkout a").done("p0 fork p1");
    assert_eq!(hangs(held().done("p0 dispose")), Verdict::NotExercised, "the parent disposed its own copy, after the fork");
    let nothing = held().start("p1 dispose").answer("p1", Outcome::NotOffered);
    assert_eq!(hangs(nothing), Verdict::NotExercised);
    let user = story().done("p0 open").done("p0 checkout a").done("p0 spawn t1").done("p0 send a t1").start("p0.t1 query a");
    let caught = user.done("p0 dispose").answer("p0.t1", error(ErrorKind::Closed));
    assert_eq!(caught.verdict("API-1"), passed(1), "the user was in the middle of it");
}
