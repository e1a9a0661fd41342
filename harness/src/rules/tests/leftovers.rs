//! TXN-3 and TXN-4.

use super::story::{Story, dirty, lock_of, marked_row_of, row_of};
use super::{broken, passed, place};
use crate::verdict::Verdict;

/// p0 has returned a connection inside a transaction, steps 0 to 4, and checks out another: step 5.
fn returned_inside(reset: bool) -> Story {
    let used = dirty(2).done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0").answers("c0", false);
    let begun = used.start("p0 begin a").answers("c0", true).answer("p0", crate::history::Outcome::Done);
    let returned = begun.start("p0 return a");
    let returned = if reset { returned.answers("c0", false) } else { returned };
    returned.answer("p0", crate::history::Outcome::Done).done("p0 checkout b")
}

// TXN-3

#[test]
fn a_checkout_that_starts_inside_a_transaction_is_told_who_left_it() {
    let told = returned_inside(false).start("p0 query b").statement("c0");
    let said = "p0's step 6 (query b) found c0 inside a transaction\nthe last that ran there was p0's step 2 (query a)";
    assert_eq!(broken(told.verdict("TXN-3")), said);
    assert_eq!(place(told.verdict("TXN-3")), told.here());
}

/// A begin has no nonce; what the session said before it counts, and not what it says after it.
#[test]
fn a_checkout_that_begins_at_once_is_judged_by_what_was_before() {
    let begins = |told: Story| told.start("p0 begin b").answers("c0", true).answer("p0", crate::history::Outcome::Done);
    assert_eq!(begins(returned_inside(true)).asks("p0 query b", "c0").verdict("TXN-3"), passed(1));
    let told = begins(returned_inside(false)).asks("p0 query b", "c0");
    assert!(broken(told.verdict("TXN-3")).starts_with("p0's step 6 (begin b) found c0 inside a transaction"));
}

#[test]
fn a_session_that_was_rolled_back_in_time_is_fresh() {
    assert_eq!(returned_inside(true).asks("p0 query b", "c0").verdict("TXN-3"), passed(1));
    // Some pools reset when the next statement comes.
    let late = returned_inside(false).start("p0 query b").answers("c0", false).statement("c0").answer("p0", row_of(6));
    assert_eq!(late.verdict("TXN-3"), passed(1));
    // Some drivers begin by themselves, before the first statement.
    let driver = returned_inside(true).start("p0 query b").answers("c0", true).statement("c0").answer("p0", row_of(6));
    assert_eq!(driver.verdict("TXN-3"), passed(1));
    let fresh = returned_inside(false).opens("p0", "c1").asks("p0 query b", "c1");
    assert_eq!(fresh.verdict("TXN-3"), passed(1), "another session is as good");
}

#[test]
fn a_transaction_of_ones_own_is_no_leftover() {
    let own = dirty(1).done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0").answers("c0", true);
    assert_eq!(own.asks("p0 query a", "c0").verdict("TXN-3"), Verdict::NotExercised);
}

// TXN-4

/// p0 has set a mark, step 2, and returned the connection; `b` is the next checkout: step 4.
fn marked() -> Story {
    let set = dirty(2).done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 mark a", "c0");
    set.done("p0 return a").done("p0 checkout b")
}

#[test]
fn a_mark_of_the_last_holder_is_a_leftover() {
    let told = marked().start("p0 query b").statement("c0").answer("p0", marked_row_of(5, 2));
    assert_eq!(broken(told.verdict("TXN-4")), "p0's step 5 (query b) ran under what p0's step 2 (mark a) had set");
    let prepared = marked().start("p0 prepared b").statement("c0").answer("p0", marked_row_of(5, 2));
    assert!(broken(prepared.verdict("TXN-4")).starts_with("p0's step 5 (prepared b) ran under"));
}

#[test]
fn a_mark_of_ones_own_and_none_are_right() {
    assert_eq!(marked().asks("p0 query b", "c0").verdict("TXN-4"), passed(1));
    let own = marked().asks("p0 mark b", "c0").start("p0 query b").statement("c0").answer("p0", marked_row_of(6, 5));
    assert_eq!(own.verdict("TXN-4"), passed(1));
    let anothers = marked().start("p0 query b").statement("c0").answer("p0", marked_row_of(2, 2));
    assert_eq!(anothers.verdict("TXN-4"), passed(1), "a row of somebody else tells nothing of this session");
}

/// p0 takes the lock on c0, step 2, and does `then`; somebody else is refused it on c1.
fn refused(then: impl Fn(Story) -> Story) -> Story {
    let taken = dirty(2).done("p0 open").done("p0 checkout a").opens("p0", "c0").start("p0 lock a").statement("c0");
    let told = then(taken.answer("p0", lock_of(2, "true"))).done("p0 checkout b").opens("p0", "c1");
    let number = u32::try_from(told.steps()).expect("few steps");
    told.start("p0 lock b").statement("c1").answer("p0", lock_of(number, "false"))
}

#[test]
fn a_lock_that_nobody_holds_any_more_was_left_behind() {
    let told = refused(|told| told.done("p0 return a"));
    let said = "p0's step 5 (lock b) was refused a lock that nobody holds any more\n\
                it was last asked for by p0's step 2 (lock a), which has returned its connection";
    assert_eq!(broken(told.verdict("TXN-4")), said);
    assert_eq!(place(told.verdict("TXN-4")), told.here());
}

#[test]
fn a_lock_that_somebody_may_have_is_refused_rightly() {
    let innocent = |told: Story| !matches!(told.verdict("TXN-4"), Verdict::Failed(_));
    assert!(innocent(refused(|told| told)), "its taker holds it");
    assert!(innocent(refused(|told| told.done("p0 leak a"))), "nobody can return it");
    assert!(innocent(refused(|told| told.done("p0 return a").closes("c0"))), "the server is about to release it");
    assert!(innocent(refused(|told| told.start("p0 return a").writes("p0", "c0", "Terminate", 5).answer("p0", row_of(3)))));
    assert!(innocent(refused(|told| told.done("p0 spawn t1").done("p0 send a t1").start("p0.t1 return a"))), "on its way");
}
