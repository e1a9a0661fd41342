//! Steps that nobody had thought of when the others began: stalls, cancels, ended sessions, hooks, refusals.

use super::story::{Story, error, session, story};
use super::{broken, passed};
use crate::history::{Event, Expectation, Outcome};
use crate::pool::ErrorKind::{Closed, Database, Other, Refused};
use crate::verdict::Verdict;

/// p0 holds `a`, which has used c0: steps 0 to 2.
fn holding() -> Story {
    story().done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0")
}

fn blamed(told: &Story, rule: &str) -> bool {
    matches!(told.verdict(rule), Verdict::Failed(_))
}

// A cancel of one's own.

#[test]
fn a_statement_that_was_cancelled_by_its_own_process_may_fail() {
    let running = holding().done("p0 spawn t1").done("p0 send a t1").start("p0.t1 query a");
    let told = running.start("p0 cancel a").answer("p0", Outcome::Done).answer("p0.t1", error(Database));
    assert!(!blamed(&told, "ISO-1"), "it was running then");
    let late = || holding().done("p0 cancel a");
    assert!(!blamed(&late().fails("p0 query a", Database), "ISO-1"), "the request may come late");
    assert!(blamed(&late().asks("p0 query a", "c0").fails("p0 query a", Database), "ISO-1"), "but not after another statement");
    let nothing = holding().start("p0 cancel a").answer("p0", Outcome::NotOffered).fails("p0 query a", Database);
    assert!(blamed(&nothing, "ISO-1"));
    let child = holding().done("p0 fork p1").done("p1 cancel a").fails("p0 query a", Database);
    assert!(blamed(&child, "ISO-1"), "a cancel of another process is no cause of one's own");
}

// Sessions that the administrator ends.

fn ends(told: Story, who: &str, handle: &str) -> Story {
    let ended = told.start(&format!("{who} end-session {handle}")).event(Event::ServerClosed { session: session("c0") });
    ended.answer(who, Outcome::Done)
}

#[test]
fn a_statement_on_a_session_that_was_ended_may_fail_whoever_had_it_ended() {
    // The child's copy names the session that p0 has checked out anew.
    let anew = || holding().done("p0 fork p1").done("p0 return a").done("p0 checkout b").asks("p0 query b", "c0");
    let ended = ends(anew(), "p1", "a");
    assert!(!blamed(&ended.fails("p0 query b", Database), "ISO-1"));
    let other = anew().done("p0 checkout c").opens("p0", "c1").asks("p0 query c", "c1");
    assert!(blamed(&ends(other, "p1", "a").fails("p0 query c", Database), "ISO-1"), "its own session was not ended");
}

#[test]
fn a_checkout_that_runs_while_a_session_is_ended_may_meet_it() {
    let waits = holding().done("p0 spawn t1").expecting(Expectation::Block).start("p0.t1 checkout b");
    let freed = ends(waits, "p0", "a").done("p0 return a").released(&["p0.t1"]).answer("p0.t1", error(Database));
    assert!(!blamed(&freed, "LIV-2"));
    let stalled = holding().done("p0 return a").done("p0 spawn t1").start("p0.t1 checkout b stall=1");
    assert!(blamed(&stalled.answer("p0.t1", error(Database)), "LIV-2"), "a stall is no excuse");
}

#[test]
fn a_pool_may_say_that_a_session_of_it_was_ended_when_it_is_closed() {
    assert!(!blamed(&ends(holding(), "p0", "a").fails("p0 dispose", Database), "ISO-1"));
    assert!(blamed(&holding().fails("p0 dispose", Database), "ISO-1"));
}

// Hooks and runtimes.

#[test]
fn a_hook_may_put_another_pool_in_the_place_of_one_that_is_in_use() {
    let child = || story().done("p0 open").done("p0 fork p1").done("p1 checkout a").opens("p1", "c0").asks("p1 query a", "c0");
    let hooked = || child().done("p1 after-fork");
    assert!(!blamed(&hooked().fails("p1 query a", Closed), "ISO-1"));
    let later = hooked().done("p1 checkout b").opens("p1", "c1").asks("p1 query b", "c1").asks("p1 query a", "c0");
    assert!(!blamed(&later, "CAP-1"), "what was out adds to its size");
    assert!(blamed(&later.fails("p1 query b", Closed), "ISO-1"), "what came after the hook has to work");
    let without = child().done("p1 checkout b").opens("p1", "c1").asks("p1 query b", "c1").asks("p1 query a", "c0");
    assert!(blamed(&without, "CAP-1"));
}

#[test]
fn a_pool_without_its_runtime_may_fail() {
    let running = || holding().done("p0 spawn t1").done("p0 send a t1").start("p0.t1 query a");
    assert!(!blamed(&running().done("p0 drop-runtime").answer("p0.t1", error(Other)), "ISO-1"));
    let none = running().start("p0 drop-runtime").answer("p0", Outcome::NotOffered).answer("p0.t1", error(Other));
    assert!(blamed(&none, "ISO-1"));
}

// Births that the machine forbids.

#[test]
fn a_pid_that_cannot_be_had_again_is_nobodys_fault() {
    let told = holding().fails("p0 fork p2 reused-pid", Other);
    assert_eq!(told.verdict("ISO-1"), passed(2));
    assert!(matches!(holding().fails("p0 fork p2 clone", Other).verdict("ISO-1"), Verdict::NoVerdict(_)));
}

// Refusals.

#[test]
fn a_refusal_in_a_child_is_safe_for_the_steps_that_were_refused() {
    let refused = || holding().done("p0 fork p1").expecting(Expectation::Either).fails("p1 query a", Refused);
    assert_eq!(refused().verdict("ISO-1"), Verdict::Refused);
    assert_eq!(refused().expecting(Expectation::Either).fails("p1 checkout b", Refused).verdict("LIV-2"), Verdict::Refused);
    let parent = refused().fails("p0 query a", Refused);
    assert!(broken(parent.verdict("ISO-1")).starts_with("p0's step 5 (query a) failed"), "its owner has a right to it");
    let wrote = holding().done("p0 fork p1").writes("p1", "c0", "Query", 9).expecting(Expectation::Either);
    assert!(!matches!(wrote.fails("p1 query a", Refused).verdict("ISO-1"), Verdict::Refused), "it came too late");
}

// Programs that were executed.

#[test]
fn a_program_that_was_executed_holds_nothing_and_ends_as_it_is_told() {
    let told = holding().done("p0 fork p1").done("p0 exec").done("p1 checkout b").asks("p1 query b", "c0");
    assert!(!blamed(&told, "OWN-2"), "the one that held it is gone");
    assert!(!blamed(&holding().done("p0 exec").exits("p0 exit main"), "ISO-2"));
    let died = holding().done("p0 exec").ended("p0", crate::history::Ending::Signal(11));
    assert!(blamed(&died, "ISO-2"));
}
