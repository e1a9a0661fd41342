//! LIV-1, LIV-2 and LIV-3.

use super::story::{Story, error, story, under};
use super::{broken, passed, place};
use crate::history::{Ending, Event, Expectation, Outcome};
use crate::pool::ErrorKind;
use crate::promise::Promise;
use crate::verdict::Verdict;

fn opened() -> Story {
    story().done("p0 open")
}

/// p0 holds the only connection; two threads wait for it: steps 4 and 5.
fn two_wait() -> Story {
    let threads = opened().done("p0 checkout a").done("p0 spawn t1").done("p0 spawn t2");
    threads.expecting(Expectation::Block).start("p0.t1 checkout b").expecting(Expectation::Block).start("p0.t2 checkout c")
}

/// p1 was forked after p0 had opened the pool: its checkouts are steps 2 and up.
fn forked() -> Story {
    opened().opens("p0", "c0").done("p0 fork p1")
}

// LIV-1

#[test]
fn a_step_that_is_proved_stuck_never_ends() {
    let told = forked().start("p1 checkout a").stuck("p1");
    let said = "p1's step 2 (checkout a) never ends: every thread of p1 waits for what can no longer come\nt0: futex";
    assert_eq!(broken(told.verdict("LIV-1")), said);
    assert_eq!(place(told.verdict("LIV-1")), told.here());
    assert_eq!(told.verdict("LIV-2"), Verdict::NotExercised, "it hangs although it had a patience");
    assert_eq!(told.verdict("LIV-3"), Verdict::NotExercised);
}

#[test]
fn a_step_that_only_computes_never_ends() {
    let told = forked().start("p1 checkout a").spins("p1");
    let said = "p1's step 2 (checkout a) never ends: a thread of p1 has computed for 1000 ms without a system call";
    assert_eq!(broken(told.verdict("LIV-1")), said);
    assert_eq!(told.verdict("LIV-2"), Verdict::NotExercised, "it computes although it had a patience");
    let told = forked().start("p1 exit main").spins("p1");
    assert_eq!((told.verdict("LIV-1"), place(told.verdict("LIV-3"))), (passed(2), told.here()));
}

#[test]
fn a_step_that_is_late_did_not_end_in_time() {
    let told = opened().done("p0 checkout a").start("p0 query a").overdue("p0");
    assert_eq!(broken(told.verdict("LIV-1")), "p0's step 2 (query a) did not end within 5000 ms");
    let told = opened().expecting(Expectation::Either).start("p0 checkout a").overdue("p0");
    assert_eq!(broken(told.verdict("LIV-1")), "p0's step 1 (checkout a) did not end within 5000 ms");
    assert_eq!(told.verdict("LIV-2"), Verdict::NotExercised, "nobody had promised room");
}

#[test]
fn every_step_that_ended_was_an_opportunity() {
    let told = opened().fails("p0 checkout a", ErrorKind::Database).exits("p0 exit now");
    assert_eq!(told.verdict("LIV-1"), passed(2));
    assert_eq!(story().exits("p0 exit now").verdict("LIV-1"), Verdict::NotExercised);
}

#[test]
fn being_killed_is_no_evidence() {
    let told = opened().start("p0 checkout a").killed("p0").ended("p0", Ending::Signal(9));
    assert_eq!(told.verdict("LIV-1"), passed(1));
    assert_eq!(told.verdict("LIV-2"), Verdict::NotExercised);
    assert_eq!(told.verdict("LIV-3"), Verdict::NotExercised);
}

// LIV-2

#[test]
fn a_checkout_with_room_must_be_served() {
    let told = opened().fails("p0 checkout a", ErrorKind::TimedOut);
    assert_eq!(broken(told.verdict("LIV-2")), "p0's step 1 (checkout a) failed with room in the pool\nno");
    assert_eq!(place(told.verdict("LIV-2")), told.here());
    let told = opened().start("p0 checkout a").overdue("p0");
    assert_eq!(broken(told.verdict("LIV-2")), "p0's step 1 (checkout a) did not end within 5000 ms");
    assert_eq!(told.verdict("LIV-1"), passed(1), "one rule for one cause");
}

/// The clock of the pool runs while the harness keeps the server's reply.
#[test]
fn a_checkout_whose_patience_the_harness_used_up_may_fail() {
    let connecting = || opened().done("p0 spawn t1").start("p0.t1 checkout a stall=1").done("p0 fork p1");
    let told = connecting().answer("p0.t1", error(ErrorKind::TimedOut));
    assert_eq!(
        broken(told.verdict("LIV-2")),
        "p0.t1's step 2 (checkout a) failed with room in the pool\nno",
        "it was judged for itself"
    );
    let told = connecting();
    let id = told.in_flight_of("p0.t1");
    let told = told.event(Event::KeptTooLong { id }).answer("p0.t1", error(ErrorKind::TimedOut));
    assert_eq!(told.verdict("LIV-2"), Verdict::NotExercised);
}

#[test]
fn a_checkout_without_room_may_fail() {
    for expected in [Expectation::Block, Expectation::Either] {
        let told = opened().done("p0 checkout a").expecting(expected).fails("p0 checkout b", ErrorKind::TimedOut);
        assert_eq!(told.verdict("LIV-2"), passed(1), "{expected:?}");
    }
    let only = opened().expecting(Expectation::Either).done("p0 checkout a");
    assert_eq!(only.verdict("LIV-2"), Verdict::NotExercised);
}

#[test]
fn a_pool_that_was_disposed_meanwhile_owes_nothing() {
    let waiting = || opened().done("p0 spawn t1").start("p0.t1 checkout a");
    let disposed = waiting().done("p0 dispose").answer("p0.t1", error(ErrorKind::Closed));
    assert_eq!(disposed.verdict("LIV-2"), Verdict::NotExercised);
    let nothing = waiting().start("p0 dispose").answer("p0", Outcome::NotOffered).answer("p0.t1", error(ErrorKind::Closed));
    assert!(broken(nothing.verdict("LIV-2")).starts_with("p0.t1's step 2 (checkout a) failed"));
}

#[test]
fn a_child_that_is_refused_the_inherited_pool_is_safe() {
    assert_eq!(forked().fails("p1 checkout a", ErrorKind::Refused).verdict("LIV-2"), Verdict::Refused);
    let named = story().done("p0 open A").done("p0 fork p1").done("p1 open B").fails("p1 checkout a A", ErrorKind::Refused);
    assert_eq!(named.verdict("LIV-2"), Verdict::Refused, "a pool of its own beside it changes nothing");
    let served = opened().done("p0 checkout a").done("p0 fork p1").fails("p1 checkout b", ErrorKind::Refused);
    assert_eq!(served.verdict("LIV-2"), Verdict::Refused, "graver than a checkout that passed");
}

#[test]
fn a_refusal_is_not_safe_after_a_foreign_byte_nor_in_ones_own_pool() {
    let failed = |told: &Story| broken(told.verdict("LIV-2")).contains("failed with room in the pool");
    assert!(failed(&forked().writes("p1", "c0", "Query", 9).fails("p1 checkout a", ErrorKind::Refused)));
    assert!(failed(&forked().done("p1 open B").fails("p1 checkout a", ErrorKind::Refused)));
    assert!(failed(&opened().fails("p0 checkout a", ErrorKind::Refused)));
    assert!(failed(&forked().fails("p1 checkout a", ErrorKind::Closed)));
    assert!(failed(&forked().fails("p1 checkout a", ErrorKind::Refused).fails("p1 checkout a", ErrorKind::TimedOut)));
    // What is written later, or by another, is another rule's business.
    let later = forked().done("p0 fork p2").writes("p2", "c0", "Query", 9).fails("p1 checkout a", ErrorKind::Refused);
    assert_eq!(later.writes("p1", "c0", "Terminate", 5).verdict("LIV-2"), Verdict::Refused);
}

#[test]
fn room_that_came_free_must_go_to_somebody_who_waits() {
    let freed = || two_wait().done("p0 return a").released(&["p0.t1", "p0.t2"]);
    assert_eq!(freed().answer("p0.t2", Outcome::Done).verdict("LIV-2"), passed(2));
    let unserved = "room came free, and no checkout that waited for it was served\n\
                    p0.t1's step 4 (checkout b)\np0.t2's step 5 (checkout c)";
    let late = freed().overdue("p0.t1");
    assert_eq!(broken(late.verdict("LIV-2")), unserved);
    assert_eq!(place(late.verdict("LIV-2")), late.here());
    assert!(matches!(late.verdict("LIV-1"), Verdict::Passed { .. }), "one rule for one cause");
    let failed = freed().answer("p0.t1", error(ErrorKind::TimedOut)).answer("p0.t2", error(ErrorKind::TimedOut));
    assert_eq!(broken(failed.verdict("LIV-2")), unserved);
    assert_eq!(place(failed.verdict("LIV-2")), failed.here());
}

#[test]
fn a_waiter_that_may_still_be_served_decides_nothing() {
    let freed = || two_wait().done("p0 return a").released(&["p0.t1", "p0.t2"]);
    assert_eq!(freed().answer("p0.t1", error(ErrorKind::TimedOut)).verdict("LIV-2"), passed(1));
    assert_eq!(freed().killed("p0").verdict("LIV-2"), passed(1));
    let disposed = freed().done("p0 dispose").answer("p0.t1", error(ErrorKind::Closed));
    assert_eq!(disposed.answer("p0.t2", error(ErrorKind::Closed)).verdict("LIV-2"), passed(1));
    // Before the release nobody was owed anything.
    let waiting = two_wait();
    let waiters = vec![waiting.in_flight_of("p0.t1"), waiting.in_flight_of("p0.t2")];
    let before = waiting.answer("p0.t1", Outcome::Done).event(Event::Released { waiters }).overdue("p0.t2");
    assert!(broken(before.verdict("LIV-2")).starts_with("room came free"));
}

#[test]
fn a_waiter_that_is_late_after_another_was_served_is_late_and_not_starved() {
    let told = two_wait().done("p0 return a").released(&["p0.t1", "p0.t2"]).answer("p0.t1", Outcome::Done).overdue("p0.t2");
    assert_eq!(told.verdict("LIV-2"), passed(2));
    assert_eq!(broken(told.verdict("LIV-1")), "p0.t2's step 5 (checkout c) did not end within 5000 ms");
}

// LIV-3

#[test]
fn an_exit_that_does_not_end_is_told_apart_from_other_steps() {
    let stuck = forked().start("p1 exit main").stuck("p1");
    let said = "p1's step 2 (exit main) never ends: every thread of p1 waits for what can no longer come\nt0: futex";
    assert_eq!(broken(stuck.verdict("LIV-3")), said);
    assert_eq!(stuck.verdict("LIV-1"), passed(2));
    let late = forked().start("p1 exit main").overdue("p1");
    assert_eq!(broken(late.verdict("LIV-3")), "p1's step 2 (exit main) did not end within 5000 ms");
    assert_eq!(place(late.verdict("LIV-3")), late.here());
}

#[test]
fn every_process_that_was_told_to_end_and_did_was_an_opportunity() {
    let told = under(Promise::Anything, 1).done("p0 fork p1").done("p0 fork p2").exits("p1 exit now").exits("p0 exit main");
    assert_eq!(told.ended("p2", Ending::Signal(11)).verdict("LIV-3"), passed(2));
    assert_eq!(story().start("p0 exit now").verdict("LIV-3"), Verdict::NotExercised);
}
