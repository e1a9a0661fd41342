//! ISO-1 and ISO-2.

use super::story::{Story, error, story, under};
use super::{broken, passed, place};
use crate::history::{Ending, Expectation, Outcome};
use crate::pool::ErrorKind;
use crate::promise::Promise;
use crate::verdict::Verdict;

/// p0 holds `a`, which has used c0, and has forked.
fn forked() -> Story {
    story().done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0").done("p0 fork p1")
}

// ISO-1

#[test]
fn a_step_that_fails_names_who_wrote_on_its_session() {
    let told = forked().writes("p1", "c0", "Terminate", 5).fails("p0 commit a", ErrorKind::Database);
    let said = "p0's step 4 (commit a) failed without a cause in its own process\nno\n\
                p1 wrote Terminate, 5 bytes, on c0, opened by p0";
    assert_eq!(broken(told.verdict("ISO-1")), said);
    assert_eq!(place(told.verdict("ISO-1")), told.here());
}

#[test]
fn only_what_was_written_before_on_the_sessions_of_that_checkout_is_named() {
    let told = forked().opens("p0", "c1").writes("p1", "c1", "Terminate", 5).fails("p0 query a", ErrorKind::Database);
    let told = told.writes("p1", "c0", "Terminate", 5);
    assert_eq!(broken(told.verdict("ISO-1")), "p0's step 4 (query a) failed without a cause in its own process\nno");
    // Nor what happened to another checkout of the process, or to another process's copy of this one.
    let other = forked().done("p0 checkout b").opens("p0", "c1").asks("p0 query b", "c1").writes("p1", "c1", "Terminate", 5);
    let other = other.fails("p0 query a", ErrorKind::Database);
    assert_eq!(broken(other.verdict("ISO-1")), "p0's step 6 (query a) failed without a cause in its own process\nno");
    let copy = forked().opens("p1", "c1").asks("p1 query a", "c1").done("p1 fork p2").writes("p2", "c1", "Terminate", 5);
    let copy = copy.fails("p0 query a", ErrorKind::Database);
    assert_eq!(broken(copy.verdict("ISO-1")), "p0's step 6 (query a) failed without a cause in its own process\nno");
    // A child that wrote on its parent's session has no other to blame.
    let own = forked().writes("p1", "c0", "Query", 9).asks("p1 query a", "c0").fails("p1 query a", ErrorKind::Database);
    assert_eq!(broken(own.verdict("ISO-1")), "p1's step 5 (query a) failed without a cause in its own process\nno");
}

#[test]
fn each_operation_of_the_pool_that_must_succeed_counts() {
    assert_eq!(forked().done("p0 begin a").done("p0 commit a").done("p0 return a").verdict("ISO-1"), passed(5));
    assert_eq!(story().done("p0 spawn t1").done("p0 fork p1").verdict("ISO-1"), Verdict::NotExercised);
    for op in ["insert a", "begin a", "commit a", "rollback a", "return a", "open B", "dispose", "drop-pool"] {
        let told = forked().fails(&format!("p0 {op}"), ErrorKind::Database);
        assert!(broken(told.verdict("ISO-1")).contains("failed without a cause"), "{op}");
    }
}

#[test]
fn an_error_that_the_model_allows_is_right() {
    let told = forked().expecting(Expectation::Either).fails("p1 query a", ErrorKind::Closed);
    assert_eq!(told.verdict("ISO-1"), passed(2));
    let checkout = forked().fails("p1 checkout b", ErrorKind::TimedOut);
    assert_eq!(checkout.verdict("ISO-1"), passed(2), "checkouts are LIV-2's");
}

#[test]
fn a_pool_that_was_ended_meanwhile_may_answer_with_an_error() {
    let asking = || forked().done("p0 spawn t1").done("p0 send a t1").start("p0.t1 query a");
    for end in ["p0 dispose", "p0 drop-pool"] {
        assert_eq!(asking().done(end).answer("p0.t1", error(ErrorKind::Closed)).verdict("ISO-1"), passed(3), "{end}");
    }
    let later = asking().answer("p0.t1", error(ErrorKind::Closed)).done("p0 dispose");
    assert!(
        broken(later.verdict("ISO-1")).starts_with("p0.t1's step 6 (query a) failed"),
        "a dispose that came later is no cause"
    );
    let other = asking().done("p1 dispose").answer("p0.t1", error(ErrorKind::Closed));
    assert!(
        broken(other.verdict("ISO-1")).starts_with("p0.t1's step 6 (query a) failed"),
        "another process's dispose is no cause"
    );
    let other = asking().done("p0 open B").done("p0 dispose B").answer("p0.t1", error(ErrorKind::Closed));
    assert!(broken(other.verdict("ISO-1")).starts_with("p0.t1's step 6 (query a) failed"), "nor that of another pool");
}

#[test]
fn what_no_pool_can_cause_is_the_harnesss_fault() {
    let told = forked().fails("p0 fork p2", ErrorKind::Other);
    assert_eq!(told.verdict("ISO-1"), Verdict::NoVerdict("p0's step 4 (fork p2) failed, which no pool can cause: no".into()));
    let both = told.fails("p0 query a", ErrorKind::Database);
    assert!(broken(both.verdict("ISO-1")).starts_with("p0's step 5 (query a) failed"));
}

// ISO-2

#[test]
fn a_panic_of_the_pool_is_not_an_answer() {
    let told = forked().start("p1 return a").answer("p1", Outcome::Panicked("index out of bounds".into()));
    assert_eq!(broken(told.verdict("ISO-2")), "p1's step 4 (return a) panicked\nindex out of bounds");
    assert_eq!(place(told.verdict("ISO-2")), told.here());
}

#[test]
fn a_process_that_dies_unasked_is_named_with_what_it_did() {
    let told = forked().start("p1 return a").ended("p1", Ending::Signal(11));
    assert_eq!(broken(told.verdict("ISO-2")), "p1 died of SIGSEGV\nduring p1's step 4 (return a)");
    assert_eq!(place(told.verdict("ISO-2")), told.here());
    assert_eq!(broken(forked().ended("p1", Ending::Code(0)).verdict("ISO-2")), "p1 ended with exit code 0");
    assert_eq!(broken(forked().ended("p1", Ending::Signal(40)).verdict("ISO-2")), "p1 died of signal 40");
}

#[test]
fn an_end_is_held_against_the_exit_that_was_asked_for() {
    let asked = [
        ("now", Ending::Code(0)),
        ("atexit", Ending::Code(0)),
        ("main", Ending::Code(0)),
        ("panic", Ending::Code(101)),
        ("signal", Ending::Signal(9)),
    ];
    for (kind, right) in asked {
        let exit = || story().start(&format!("p0 exit {kind}"));
        assert_eq!(exit().ended("p0", right).verdict("ISO-2"), passed(1), "{kind}");
        for wrong in [Ending::Code(0), Ending::Code(101), Ending::Signal(9), Ending::Signal(6)] {
            let verdict = exit().ended("p0", wrong).verdict("ISO-2");
            assert_eq!(matches!(verdict, Verdict::Failed(_)), wrong != right, "{kind}: {wrong:?}");
        }
    }
    let told = story().start("p0 exit main").ended("p0", Ending::Code(101));
    assert_eq!(
        broken(told.verdict("ISO-2")),
        "p0 ended with exit code 101\nit was told to end with exit code 0\nduring p0's step 0 (exit main)"
    );
    // The exit of another process asks nothing of this one.
    let told = story().done("p0 fork p1").start("p1 exit panic").ended("p0", Ending::Code(101));
    assert_eq!(broken(told.verdict("ISO-2")), "p0 ended with exit code 101");
}

#[test]
fn whom_the_harness_killed_did_not_die_of_the_pool() {
    let told = under(Promise::Anything, 1).start("p0 exit main").killed("p0").ended("p0", Ending::Signal(9));
    assert_eq!(told.verdict("ISO-2"), Verdict::NotExercised);
}

#[test]
fn steps_and_ends_are_its_opportunities() {
    assert_eq!(story().start("p0 open").verdict("ISO-2"), Verdict::NotExercised);
    assert_eq!(story().done("p0 open").fails("p0 checkout a", ErrorKind::Other).exits("p0 exit now").verdict("ISO-2"), passed(3));
}
