//! CAP-1 and CAP-2.

use super::story::{Story, session, story, under, witness};
use super::{broken, passed, place};
use crate::history::{Event, Expectation, Outcome};
use crate::pool::ErrorKind;
use crate::promise::Promise;
use crate::verdict::Verdict;

/// A pool of one with two checkouts, `a` on c0 and `b` on c1; only `b` has served since c1 was opened.
fn one_too_many() -> Story {
    let held = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0");
    held.done("p0 checkout b").opens("p0", "c1").asks("p0 query b", "c1")
}

// CAP-1

#[test]
fn sessions_in_use_beyond_the_limit_are_too_many() {
    let told = one_too_many().asks("p0 query a", "c0");
    assert_eq!(broken(told.verdict("CAP-1")), "a pool of p0 has 2 sessions in use, and 1 is its limit\nc0, c1");
    assert_eq!(place(told.verdict("CAP-1")), told.here() - 1);
}

#[test]
fn a_session_that_was_replaced_is_not_in_use() {
    assert_eq!(one_too_many().verdict("CAP-1"), Verdict::NotExercised, "c0 has not served since");
    for end in [Event::ClientClosed { session: session("c1"), held: false }, Event::ServerClosed { session: session("c1") }] {
        let told = one_too_many().event(end).asks("p0 query a", "c0");
        assert_eq!(told.verdict("CAP-1"), Verdict::NotExercised);
    }
}

#[test]
fn a_pool_of_two_may_have_two() {
    let two = |max_size| {
        let held = under(Promise::Anything, max_size).done("p0 open").done("p0 checkout a").done("p0 checkout b");
        held.opens("p0", "c0").opens("p0", "c1").asks("p0 query a", "c0").asks("p0 query b", "c1")
    };
    assert_eq!(two(2).verdict("CAP-1"), Verdict::NotExercised);
    assert!(matches!(two(1).verdict("CAP-1"), Verdict::Failed(_)));
    let third = two(2).done("p0 checkout c").opens("p0", "c2").asks("p0 query c", "c2").asks("p0 query a", "c0");
    assert_eq!(third.verdict("CAP-1"), Verdict::NotExercised, "c1 has not served since c2 was opened");
    let third = third.asks("p0 query b", "c1");
    assert_eq!(broken(third.verdict("CAP-1")), "a pool of p0 has 3 sessions in use, and 2 is its limit\nc0, c1, c2");
}

#[test]
fn a_disposed_pool_has_the_capacity_of_what_was_out() {
    let disposed = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").done("p0 dispose").done("p0 checkout b");
    let told = disposed.opens("p0", "c1").asks("p0 query b", "c1").asks("p0 query a", "c0");
    assert_eq!(told.verdict("CAP-1"), Verdict::NotExercised);
    // A pool that cannot be disposed has not been, and another process's copy neither.
    let told = one_too_many().start("p0 dispose").answer("p0", Outcome::NotOffered).asks("p0 query a", "c0");
    assert!(matches!(told.verdict("CAP-1"), Verdict::Failed(_)));
    let told = one_too_many().done("p0 fork p1").done("p1 dispose").asks("p0 query a", "c0");
    assert!(matches!(told.verdict("CAP-1"), Verdict::Failed(_)));
}

#[test]
fn each_pool_of_each_process_is_counted_alone() {
    let told = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").done("p0 open B").done("p0 checkout b B");
    let told = told.opens("p0", "c1").asks("p0 query b", "c1").asks("p0 query a", "c0");
    assert_eq!(told.verdict("CAP-1"), Verdict::NotExercised);
    // What a child inherited does not count against what its pool gives it.
    let told = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").done("p0 fork p1").done("p1 checkout b");
    let told =
        told.opens("p1", "c1").asks("p1 query b", "c1").opens("p1", "c2").asks("p1 query a", "c2").asks("p1 query b", "c1");
    assert_eq!(told.asks("p0 query a", "c0").verdict("CAP-1"), Verdict::NotExercised);
}

#[test]
fn a_checkout_beyond_the_limit_is_the_temptation() {
    let full = || story().done("p0 open").done("p0 checkout a");
    assert_eq!(full().expecting(Expectation::Block).start("p0 checkout b").verdict("CAP-1"), Verdict::NotExercised);
    let turned_away = full().expecting(Expectation::Block).fails("p0 checkout b", ErrorKind::TimedOut);
    assert_eq!(turned_away.verdict("CAP-1"), passed(1));
    assert_eq!(
        full().expecting(Expectation::Either).fails("p0 checkout b", ErrorKind::TimedOut).verdict("CAP-1"),
        Verdict::NotExercised
    );
}

// CAP-2

#[test]
fn a_session_that_outlives_every_process_is_left() {
    let ended = || story().opens("p0", "c0").opens("?", "c1").opens("p0", "c2").closes("c2").exits("p0 exit now");
    let left = ended().event(Event::SessionsLeft { sessions: vec![session("c1"), session("c0")] });
    assert_eq!(
        broken(left.verdict("CAP-2")),
        "every process has ended, and the server still has c1, opened by an unknown process, c0, opened by p0"
    );
    assert_eq!(place(left.verdict("CAP-2")), left.here());
    let silent = ended().ledger(&[]);
    assert_eq!(
        broken(silent.verdict("CAP-2")),
        "every process has ended, and the server still has c0, opened by p0, c1, opened by an unknown process"
    );
    assert_eq!(place(silent.verdict("CAP-2")), silent.here());
}

#[test]
fn the_end_of_a_session_is_the_servers_word() {
    let half = story().opens("p0", "c0").event(Event::ClientClosed { session: session("c0"), held: false }).exits("p0 exit now");
    assert!(matches!(half.verdict("CAP-2"), Verdict::Failed(_)));
    let ended = half.event(Event::ServerClosed { session: session("c0") });
    assert_eq!(ended.verdict("CAP-2"), passed(1));
    assert_eq!(story().exits("p0 exit now").verdict("CAP-2"), Verdict::NotExercised);
}

#[test]
fn a_connection_for_a_cancel_request_is_not_left() {
    let told = story()
        .opens("p0", "c0")
        .event(Event::CancelRequested { session: session("c0"), writer: witness("p0"), target: None })
        .exits("p0 exit now");
    assert_eq!(told.verdict("CAP-2"), Verdict::NotExercised);
    let told = told.event(Event::SessionsLeft { sessions: vec![session("c0")] });
    assert_eq!(told.verdict("CAP-2"), Verdict::NotExercised);
    let both = told.opens("p0", "c1").event(Event::SessionsLeft { sessions: vec![session("c0"), session("c1")] });
    assert_eq!(broken(both.verdict("CAP-2")), "every process has ended, and the server still has c1, opened by p0");
}

#[test]
fn a_history_that_stops_early_shows_nothing_of_the_end() {
    let told = story().opens("p0", "c0").done("p0 fork p1").exits("p0 exit now");
    assert_eq!(told.verdict("CAP-2"), Verdict::NoVerdict("the history stops before the end of p1".into()));
}

// CAP-3

/// p0 has used c0, returned it and forked, and disposes the pool: steps 0 to 5.
fn disposing() -> super::story::Story {
    let used = story().done("p0 open").start("p0 checkout a").opens("p0", "c0").answer("p0", crate::history::Outcome::Done);
    used.asks("p0 query a", "c0").done("p0 return a").done("p0 fork p1").start("p0 dispose")
}

#[test]
fn a_session_that_outlives_its_disposed_pool_is_seen_when_the_owner_ends() {
    let done = crate::history::Outcome::Done;
    let told = disposing().answer("p0", done.clone()).exits("p0 exit now").closes("c0");
    let said = "c0 was still open when p0 was told to end, long after p0's step 5 (dispose)";
    assert_eq!(broken(told.verdict("CAP-3")), said);
    let late = disposing().answer("p0", done.clone()).start("p0 exit main").writes("p0", "c0", "Terminate", 5);
    assert_eq!(broken(late.verdict("CAP-3")), said, "a destructor says goodbye too late");
    let nonces = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0").done("p0 return a");
    assert!(broken(nonces.done("p0 dispose").exits("p0 exit now").verdict("CAP-3")).starts_with("c0 was still open"));
}

#[test]
fn a_disposed_pool_that_says_goodbye_or_closes_is_right() {
    let done = crate::history::Outcome::Done;
    let said = disposing().writes("p0", "c0", "Terminate", 5).answer("p0", done.clone()).exits("p0 exit now");
    assert_eq!(said.verdict("CAP-3"), passed(1), "a child may have the socket open still");
    assert_eq!(disposing().closes("c0").answer("p0", done).exits("p0 exit now").verdict("CAP-3"), passed(1));
}

#[test]
fn what_is_out_and_what_nobody_disposed_owes_nothing() {
    let out = || story().done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0");
    assert_eq!(out().exits("p0 exit now").verdict("CAP-3"), Verdict::NotExercised);
    assert_eq!(out().done("p0 dispose").exits("p0 exit now").verdict("CAP-3"), Verdict::NotExercised, "it is out");
    assert_eq!(out().done("p0 dispose").done("p0 leak a").exits("p0 exit now").verdict("CAP-3"), Verdict::NotExercised);
    let returned = out().done("p0 dispose").done("p0 return a").exits("p0 exit now");
    assert!(broken(returned.verdict("CAP-3")).starts_with("c0 was still open"), "it came back");
    let nothing = out().done("p0 return a").start("p0 dispose").answer("p0", crate::history::Outcome::NotOffered);
    assert_eq!(nothing.exits("p0 exit now").verdict("CAP-3"), Verdict::NotExercised);
    let other = out().done("p0 return a").done("p0 open B").done("p0 dispose B").exits("p0 exit now");
    assert_eq!(other.verdict("CAP-3"), Verdict::NotExercised, "another pool was disposed");
    let killed = out().done("p0 return a").done("p0 dispose").killed("p0").ended("p0", crate::history::Ending::Signal(9));
    assert_eq!(killed.verdict("CAP-3"), Verdict::NotExercised, "nobody had told it to end");
}
