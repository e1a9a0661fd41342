//! LIV-4.

use super::story::{Story, story, under};
use super::{broken, passed};
use crate::history::Expectation::{Block, Either};
use crate::pool::ErrorKind::{Closed, Database, Refused};
use crate::promise::Promise;
use crate::verdict::Verdict;

/// The session of p0's checkout was ended, and the checkout is returned: steps 0 to 4.
fn faulty(max_size: u32) -> Story {
    let used =
        under(Promise::Anything, max_size).done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0");
    let ended =
        used.start("p0 end-session a").event(crate::history::Event::ServerClosed { session: super::story::session("c0") });
    ended.answer("p0", crate::history::Outcome::Done).done("p0 return a")
}

fn fails_once(told: Story) -> Story {
    let told = told.expecting(Either).done("p0 checkout z").expecting(Either).fails("p0 query z", Database);
    told.expecting(Either).done("p0 return z")
}

#[test]
fn a_pool_may_hand_out_as_many_dead_connections_as_it_has_room_for() {
    assert_eq!(faulty(1).verdict("LIV-4"), Verdict::NotExercised, "nobody has asked again");
    assert_eq!(fails_once(faulty(1)).verdict("LIV-4"), Verdict::NotExercised);
    let told = fails_once(faulty(1)).expecting(Either).done("p0 checkout z").asks("p0 query z", "c1");
    assert_eq!(told.verdict("LIV-4"), passed(1));
    let twice = || fails_once(fails_once(faulty(1)));
    let said = "p0's step 9 (query z) still failed, 2 tries after the last fault\nno\n\
                p0's step 6 (query z), p0's step 9 (query z)";
    assert_eq!(broken(twice().verdict("LIV-4")), said);
    assert_eq!(fails_once(fails_once(faulty(2))).verdict("LIV-4"), Verdict::NotExercised, "there was room for two");
}

#[test]
fn checkouts_that_fail_count_as_their_first_statements_do() {
    let fails = |told: Story| told.expecting(Either).fails("p0 checkout z", Database);
    assert!(broken(fails(fails(faulty(1))).verdict("LIV-4")).starts_with("p0's step 6 (checkout z) still failed, 2 tries"));
    assert!(broken(fails(fails_once(faulty(1))).verdict("LIV-4")).starts_with("p0's step 8 (checkout z) still failed, 2 tries"));
}

#[test]
fn what_has_another_cause_does_not_count() {
    let fails = |told: Story| told.expecting(Either).fails("p0 checkout z", Closed);
    assert_eq!(fails(fails(faulty(1).done("p0 dispose"))).verdict("LIV-4"), Verdict::NotExercised, "it was disposed");
    let full = |told: Story| told.expecting(Block).fails("p0 checkout y", Closed);
    let told = faulty(1).done("p0 checkout z").asks("p0 query z", "c1");
    assert_eq!(full(full(told)).verdict("LIV-4"), passed(1), "there was no room");
    let before = story().done("p0 open").fails("p0 checkout a", Database).fails("p0 checkout a", Database);
    assert_eq!(before.verdict("LIV-4"), Verdict::NotExercised, "no session was ended");
    let later = fails_once(faulty(1)).done("p0 checkout b").asks("p0 query b", "c1").start("p0 end-session b");
    let later = later.answer("p0", crate::history::Outcome::Done).done("p0 return b");
    assert_eq!(fails_once(later).verdict("LIV-4"), Verdict::NotExercised, "each fault gives new room");
}

#[test]
fn each_process_counts_for_itself_and_a_refusal_in_a_child_is_safe() {
    let child = faulty(1).done("p0 fork p1").expecting(Either).fails("p1 checkout z", Database);
    assert_eq!(fails_once(child).verdict("LIV-4"), Verdict::NotExercised);
    let refuses = |told: Story| told.expecting(Either).fails("p1 checkout z", Refused);
    assert_eq!(refuses(refuses(faulty(1).done("p0 fork p1"))).verdict("LIV-4"), Verdict::Refused);
}
