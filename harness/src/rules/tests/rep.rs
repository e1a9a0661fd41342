//! REP-1.

use super::story::{Story, row_of, story};
use super::{broken, passed, place};
use crate::history::Outcome;
use crate::pool::ErrorKind;
use crate::verdict::Verdict;

/// Both processes are inside a query on one session: steps 3 and 4.
fn both_ask() -> Story {
    let held = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").done("p0 fork p1");
    held.start("p0 query a").statement("c0").start("p1 query a").statement("c0")
}

#[test]
fn the_answer_to_anothers_question_names_both() {
    let told = both_ask().answer("p1", row_of(3));
    let said = "p1 got the answer to p0's step 3 (query a) in place of p1's step 4 (query a)\n\
                asked poolproof-1-4. and got (poolproof-1-3., 7, )";
    assert_eq!(broken(told.verdict("REP-1")), said);
    assert_eq!(place(told.verdict("REP-1")), told.here());
    // The earliest answer counts, whoever asked first.
    assert_eq!(broken(told.answer("p0", row_of(4)).verdict("REP-1")), said);
}

#[test]
fn ones_own_answer_is_an_opportunity_that_was_not_taken() {
    assert_eq!(both_ask().answer("p1", row_of(4)).answer("p0", row_of(3)).verdict("REP-1"), passed(2));
}

#[test]
fn an_answer_that_is_not_one_row_is_not_whole() {
    let told = both_ask().answer("p1", Outcome::Rows(Vec::new()));
    assert_eq!(
        broken(told.verdict("REP-1")),
        "p1's step 4 (query a) got 0 rows, where it asked for one\nasked poolproof-1-4. and got no row"
    );
    let Outcome::Rows(own) = row_of(4) else { panic!("rows") };
    let told = both_ask().answer("p1", Outcome::Rows([own.clone(), own].concat()));
    assert!(broken(told.verdict("REP-1")).starts_with("p1's step 4 (query a) got 2 rows, where it asked for one\n"));
    let told = both_ask().answer("p1", Outcome::Rows(vec![vec![None], vec![]]));
    assert!(broken(told.verdict("REP-1")).ends_with("got (NULL) ()"));
    let told = both_ask().answer("p1", row_of(99));
    assert!(broken(told.verdict("REP-1")).starts_with("p1's step 4 (query a) got a row that nobody asked for\n"));
}

#[test]
fn only_rows_of_a_query_are_judged() {
    let told = story().done("p0 open").done("p0 checkout a").fails("p0 query a", ErrorKind::Database);
    let told = told.start("p0 insert a").answer("p0", row_of(99)).start("p0 begin a").answer("p0", row_of(99));
    assert_eq!(told.verdict("REP-1"), Verdict::NotExercised);
}

#[test]
fn prepared_statements_and_locks_are_answered_too() {
    for op in ["prepared a", "lock a"] {
        let asks = || story().done("p0 open").done("p0 checkout a").start(&format!("p0 {op}"));
        assert_eq!(asks().answer("p0", row_of(2)).verdict("REP-1"), passed(1), "{op}");
        assert!(broken(asks().answer("p0", row_of(1)).verdict("REP-1")).contains("got a row that nobody asked for"), "{op}");
        assert_eq!(asks().answer("p0", crate::history::Outcome::NotOffered).verdict("REP-1"), Verdict::NotExercised, "{op}");
    }
}
