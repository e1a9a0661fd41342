//! TXN-1 and TXN-2.

use super::story::{Story, row_of, story};
use super::{broken, place};
use crate::history::Ending;
use crate::pool::ErrorKind::Database;
use crate::verdict::Verdict;

fn checked_out() -> Story {
    story().done("p0 open").done("p0 checkout a")
}

/// p0 is inside a transaction with two rows, steps 3 and 4.
fn two_rows() -> Story {
    checked_out().done("p0 begin a").done("p0 insert a").done("p0 insert a")
}

fn no_ledger() -> Verdict {
    Verdict::NoVerdict("the ledger was not read".into())
}

/// What TXN-1 and TXN-2 say where neither is broken: their opportunities.
fn weighed(told: &Story) -> (u32, u32) {
    let exercised = |id| match told.verdict(id) {
        Verdict::Passed { exercised } => exercised,
        Verdict::NotExercised => 0,
        other => panic!("{id}: {other:?}"),
    };
    (exercised("TXN-1"), exercised("TXN-2"))
}

// TXN-1

#[test]
fn a_commit_that_was_reported_and_lost_is_a_lie_where_it_was_reported() {
    let told = two_rows().done("p0 commit a");
    let reported = told.here();
    let told = told.ledger(&[1]);
    let said = "p0's step 5 (commit a) was reported done, and the row of p0's step 4 (insert a) is not in the ledger";
    assert_eq!(broken(told.verdict("TXN-1")), said);
    assert_eq!(place(told.verdict("TXN-1")), reported);
    assert_eq!(told.verdict("TXN-2"), Verdict::NotExercised);
}

#[test]
fn a_commit_whose_rows_stand_once_is_kept() {
    assert_eq!(weighed(&two_rows().done("p0 commit a").ledger(&[2, 1])), (2, 0));
}

#[test]
fn an_acknowledged_insert_outside_begin_is_a_commit() {
    let told = checked_out().done("p0 insert a");
    let reported = told.here();
    let told = told.ledger(&[]);
    assert_eq!(broken(told.verdict("TXN-1")), "p0's step 2 (insert a) was reported done, and its row is not in the ledger");
    assert_eq!(place(told.verdict("TXN-1")), reported);
    assert_eq!(weighed(&checked_out().start("p0 insert a").answer("p0", row_of(2)).ledger(&[1])), (1, 0));
    // After a transaction has ended the next insert is on its own again.
    let told = two_rows().done("p0 rollback a").done("p0 insert a").ledger(&[]);
    assert!(broken(told.verdict("TXN-1")).starts_with("p0's step 6 (insert a) was reported done, and its row is not"));
}

#[test]
fn a_row_that_stands_twice_is_not_once() {
    let told = two_rows().done("p0 commit a").ledger(&[1, 2, 2]);
    assert_eq!(broken(told.verdict("TXN-1")), "the row of p0's step 4 (insert a) stands in the ledger 2 times");
    assert_eq!(place(told.verdict("TXN-1")), told.here());
}

#[test]
fn a_commit_without_an_answer_is_all_or_nothing() {
    let fails = || two_rows().fails("p0 commit a", Database);
    let dies = || two_rows().start("p0 commit a").ended("p0", Ending::Signal(9));
    for doubtful in [fails, dies] {
        // One row less can be judged: alone, a row is all or nothing in any case.
        assert_eq!(weighed(&doubtful().ledger(&[])), (1, 0));
        assert_eq!(weighed(&doubtful().ledger(&[1, 2])), (1, 0));
        let told = doubtful().ledger(&[2]);
        let said = "of a transaction whose commit is in doubt the ledger has a part\n\
                    p0's step 3 (insert a): 0 in the ledger\np0's step 4 (insert a): 1 in the ledger";
        assert_eq!(broken(told.verdict("TXN-1")), said);
        assert_eq!(place(told.verdict("TXN-1")), told.here());
    }
}

#[test]
fn what_is_done_after_a_failed_commit_stays_in_doubt() {
    for then in ["p0 commit a", "p0 rollback a"] {
        let told = two_rows().fails("p0 commit a", Database).done("p0 insert a").done(then);
        assert_eq!(weighed(&told.ledger(&[])), (1, 0), "{then}");
    }
    let told = two_rows().fails("p0 commit a", Database).done("p0 insert a").done("p0 rollback a");
    assert_eq!(weighed(&told.ledger(&[1, 2, 3])), (1, 0), "the third insert may have been outside");
}

#[test]
fn a_statement_that_failed_puts_a_later_commit_in_doubt() {
    // PostgreSQL answers COMMIT with ROLLBACK then, and many drivers do not say so.
    for failed in ["p0 insert a", "p0 query a"] {
        let told = || two_rows().fails(failed, Database).done("p0 commit a");
        assert_eq!(weighed(&told().ledger(&[])), (1, 0), "{failed}");
        assert_eq!(weighed(&told().ledger(&[1, 2])), (1, 0), "{failed}");
        assert!(broken(told().ledger(&[1]).verdict("TXN-1")).starts_with("of a transaction whose commit is in doubt"));
    }
    // An error outside of it is none of its business.
    let told =
        checked_out().fails("p0 insert a", Database).done("p0 begin a").done("p0 insert a").done("p0 commit a").ledger(&[]);
    assert!(broken(told.verdict("TXN-1")).starts_with("p0's step 5 (commit a) was reported done"));
}

#[test]
fn an_insert_that_was_not_acknowledged_is_not_judged() {
    let told = || checked_out().fails("p0 insert a", Database);
    assert_eq!(weighed(&told().ledger(&[])), (0, 0));
    assert_eq!(weighed(&told().ledger(&[1])), (0, 0));
}

#[test]
fn after_a_begin_that_failed_nobody_knows_what_an_insert_was_part_of() {
    let told = || checked_out().fails("p0 begin a", Database).done("p0 insert a");
    assert_eq!(weighed(&told().ledger(&[])), (0, 0));
    assert_eq!(weighed(&told().ledger(&[1])), (0, 0));
    let told = told().done("p0 begin a").done("p0 insert a").done("p0 commit a").ledger(&[1]);
    assert!(broken(told.verdict("TXN-1")).contains("the row of p0's step 5 (insert a) is not in the ledger"));
}

#[test]
fn without_a_ledger_there_is_no_verdict_on_rows() {
    assert_eq!(two_rows().done("p0 commit a").verdict("TXN-1"), no_ledger());
    assert_eq!(two_rows().done("p0 commit a").verdict("TXN-2"), Verdict::NotExercised);
    assert_eq!(two_rows().done("p0 rollback a").verdict("TXN-2"), no_ledger());
    assert_eq!(two_rows().done("p0 rollback a").verdict("TXN-1"), Verdict::NotExercised);
    assert_eq!(checked_out().done("p0 begin a").done("p0 commit a").verdict("TXN-1"), Verdict::NotExercised);
}

// TXN-2

#[test]
fn a_rollback_that_was_reported_and_did_not_happen_is_a_lie_where_it_was_reported() {
    let told = two_rows().done("p0 rollback a");
    let reported = told.here();
    let told = told.ledger(&[2]);
    let said = "p0's step 5 (rollback a) was reported done, and the row of p0's step 4 (insert a) is in the ledger";
    assert_eq!(broken(told.verdict("TXN-2")), said);
    assert_eq!(place(told.verdict("TXN-2")), reported);
    assert_eq!(told.verdict("TXN-1"), Verdict::NotExercised);
}

#[test]
fn a_rollback_that_happened_is_kept() {
    assert_eq!(weighed(&two_rows().done("p0 rollback a").ledger(&[])), (0, 2));
}

#[test]
fn what_nobody_committed_is_not_there() {
    let failed = || two_rows().fails("p0 rollback a", Database);
    let returned = || two_rows().done("p0 return a");
    let ended = || two_rows().exits("p0 exit now");
    for given_up in [failed, returned, ended] {
        assert_eq!(weighed(&given_up().ledger(&[])), (0, 2));
        let told = given_up().ledger(&[1]);
        assert_eq!(broken(told.verdict("TXN-2")), "nobody committed, and the row of p0's step 3 (insert a) is in the ledger");
        assert_eq!(place(told.verdict("TXN-2")), told.here());
    }
}

// Forks

#[test]
fn a_child_neither_commits_nor_excuses_its_parents_transaction() {
    let committed = || two_rows().done("p0 fork p1").done("p1 commit a");
    assert!(broken(committed().done("p0 rollback a").ledger(&[1, 2]).verdict("TXN-2")).starts_with("p0's step 7 (rollback a)"));
    assert_eq!(weighed(&committed().done("p0 commit a").ledger(&[1, 2])), (2, 0));
    let rolled_back = two_rows().done("p0 fork p1").done("p1 rollback a").done("p0 commit a").ledger(&[]);
    assert!(broken(rolled_back.verdict("TXN-1")).starts_with("p0's step 7 (commit a) was reported done"));
}

#[test]
fn what_a_child_does_in_an_inherited_transaction_is_in_doubt() {
    let inside = || two_rows().done("p0 fork p1").done("p1 insert a").done("p1 insert a").done("p1 commit a").done("p0 commit a");
    assert_eq!(weighed(&inside().ledger(&[1, 2])), (2, 0));
    assert_eq!(weighed(&inside().ledger(&[1, 2, 3])), (2, 0));
    // What another process does with its own copy is nothing that p2 inherited.
    let begun = checked_out().done("p0 fork p1").done("p1 begin a").done("p0 fork p2").done("p2 insert a").ledger(&[]);
    assert_eq!(broken(begun.verdict("TXN-1")), "p2's step 5 (insert a) was reported done, and its row is not in the ledger");
    // On a copy that was inherited outside of any transaction it was told 'done', and means it.
    let joined = checked_out().done("p0 fork p1").done("p0 begin a").done("p1 insert a").done("p0 rollback a").ledger(&[]);
    assert_eq!(broken(joined.verdict("TXN-1")), "p1's step 4 (insert a) was reported done, and its row is not in the ledger");
}

#[test]
fn every_statement_that_fails_puts_a_later_commit_in_doubt() {
    for op in ["prepared a", "mark a", "lock a", "query a", "insert a"] {
        let told = two_rows().fails(&format!("p0 {op}"), Database).done("p0 commit a").ledger(&[]);
        assert_eq!(weighed(&told), (1, 0), "{op}");
    }
    let nothing = two_rows().start("p0 prepared a").answer("p0", crate::history::Outcome::NotOffered).done("p0 commit a");
    assert!(broken(nothing.ledger(&[]).verdict("TXN-1")).contains("was reported done"), "what is not offered fails nothing");
}

/// The reply was withheld when its process was killed, or when the administrator ended the session: nobody knows.
#[test]
fn a_commit_that_was_cut_off_is_all_or_nothing() {
    let committing = || two_rows().done("p0 spawn t1").done("p0 send a t1").start("p0.t1 commit a stall=1");
    let killed: fn(Story) -> Story = |told| told.start("p0 exit signal").ended("p0", Ending::Signal(9));
    let ended: fn(Story) -> Story = |told| told.answer("p0.t1", super::story::error(Database));
    for cut in [killed, ended] {
        let told = || cut(committing());
        assert_eq!((weighed(&told().ledger(&[])), weighed(&told().ledger(&[1, 2]))), ((1, 0), (1, 0)));
        assert!(broken(told().ledger(&[1]).verdict("TXN-1")).starts_with("of a transaction whose commit is in doubt"));
    }
}
