//! OWN-1 and OWN-2.

use super::story::{Story, session, story, under, witness};
use super::{broken, passed, place};
use crate::history::{Event, Frame, Witness};
use crate::pool::ErrorKind;
use crate::promise::Promise;
use crate::verdict::Verdict;

/// p0 has one connection, used and returned, and forks.
fn forked_with_an_idle_session() -> Story {
    let opened = story().done("p0 open").done("p0 checkout a").opens("p0", "c0");
    opened.asks("p0 query a", "c0").done("p0 return a").done("p0 fork p1")
}

/// p0 holds `a`, which has used c0.
fn holding(max_size: u32) -> Story {
    under(Promise::Anything, max_size).done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0")
}

// OWN-1

#[test]
fn a_goodbye_of_the_child_is_a_byte_of_somebody_else() {
    let told = forked_with_an_idle_session().start("p1 exit atexit").writes("p1", "c0", "Terminate", 5);
    let said = "p1 wrote Terminate, 5 bytes, on c0, opened by p0\nduring p1's step 5 (exit atexit)";
    assert_eq!(broken(told.verdict("OWN-1")), said);
    assert_eq!(place(told.verdict("OWN-1")), told.here());
    // The first foreign byte counts, not the last.
    assert_eq!(broken(told.writes("p1", "c0", "Query", 9).verdict("OWN-1")), said);
}

#[test]
fn the_sentence_names_what_was_completed() {
    let frame = |name| Frame { name, bytes: 5, nonce: None, goodbye: false };
    let wrote = |frames, bytes| Event::Wrote { session: session("c0"), writer: Witness::Stranger, bytes, frames };
    let two = forked_with_an_idle_session().event(wrote(vec![frame("Close"), frame("Sync")], 10));
    assert_eq!(broken(two.verdict("OWN-1")), "an unknown process wrote Close, Sync, 10 bytes, on c0, opened by p0");
    let part = forked_with_an_idle_session().event(wrote(Vec::new(), 1));
    assert_eq!(broken(part.verdict("OWN-1")), "an unknown process wrote part of a frame, 1 byte, on c0, opened by p0");
}

#[test]
fn a_child_with_a_session_of_its_own_breaks_nothing() {
    let told = forked_with_an_idle_session().start("p1 checkout a").opens("p1", "c1").writes("p1", "c1", "Startup", 40);
    let told = told.answer("p1", crate::history::Outcome::Done).asks("p1 query a", "c1").exits("p1 exit now");
    // p1's checkout, query and end, with c0 in reach; p0 inherited nothing.
    assert_eq!(told.writes("p0", "c0", "Terminate", 5).verdict("OWN-1"), passed(3));
}

#[test]
fn a_connection_that_carries_a_cancel_request_is_no_session() {
    let told = story().opens("p0", "c0").opens("p0", "c1").done("p0 fork p1").writes("p1", "c1", "CancelRequest", 16);
    let told = told.event(Event::CancelRequested { session: session("c1"), writer: witness("p1"), target: None });
    assert_eq!(told.verdict("OWN-1"), Verdict::NotExercised);
    assert_eq!(told.exits("p1 exit now").verdict("OWN-1"), passed(1), "the end beside c0, and none beside c1");
}

#[test]
fn without_a_fork_only_a_stranger_can_break_it() {
    let opened = |promise| under(promise, 1).done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0");
    assert_eq!(opened(Promise::Anything).verdict("OWN-1"), Verdict::NotExercised);
    let quiet = opened(Promise::ThreadsOnly);
    assert_eq!(quiet.verdict("OWN-1"), Verdict::NotApplicable);
    let told = quiet.writes("?", "c0", "Query", 9);
    assert_eq!(broken(told.verdict("OWN-1")), "an unknown process wrote Query, 9 bytes, on c0, opened by p0");
}

#[test]
fn only_what_was_inherited_and_is_still_open_is_an_opportunity() {
    // A session that was opened after the fork is not the child's.
    let later = story().done("p0 open").done("p0 fork p1").done("p0 checkout a").opens("p0", "c0").done("p1 checkout a");
    assert_eq!(later.verdict("OWN-1"), Verdict::NotExercised);
    // One that was closed before the fork neither, nor one that was closed meanwhile.
    let closed = story().done("p0 open").opens("p0", "c0").closes("c0").done("p0 fork p1").exits("p1 exit now");
    assert_eq!(closed.verdict("OWN-1"), Verdict::NotExercised);
    let lost = forked_with_an_idle_session().closes("c0").done("p1 checkout a").exits("p1 exit now");
    assert_eq!(lost.verdict("OWN-1"), Verdict::NotExercised);
    // A step that never finished shows nothing; an end may close what it had in reach.
    assert_eq!(forked_with_an_idle_session().start("p1 checkout a").verdict("OWN-1"), Verdict::NotExercised);
    let ending = forked_with_an_idle_session().start("p1 exit now").closes("c0");
    assert_eq!(ending.verdict("OWN-1"), Verdict::NotExercised);
    assert_eq!(ending.ended("p1", crate::history::Ending::Code(0)).verdict("OWN-1"), passed(1));
}

/// A promise to end every pool before a fork is kept by a pool that really closes: each closed session shows it.
#[test]
fn what_was_closed_before_the_fork_counts_where_that_was_promised() {
    let told = under(Promise::DisposeBeforeFork, 1).done("p0 open").opens("p0", "c0").closes("c0").done("p0 fork p1");
    assert_eq!(told.exits("p1 exit now").verdict("OWN-1"), passed(1));
}

#[test]
fn grandchildren_inherit_also_when_the_owner_is_gone() {
    let told = forked_with_an_idle_session().exits("p0 exit now").done("p1 fork p2").exits("p1 exit now");
    // p1's fork and end, then p2's checkout.
    assert_eq!(told.done("p2 checkout a").verdict("OWN-1"), passed(3));
}

// OWN-2

#[test]
fn a_connection_that_was_given_to_two_is_disputed() {
    let told = holding(2).done("p0 spawn t1").done("p0.t1 checkout b").asks("p0.t1 query b", "c0");
    let said = "p0.t1's step 5 (query b) ran on c0 while p0 held it\nheld since p0's step 1 (checkout a)";
    assert_eq!(broken(told.verdict("OWN-2")), said);
    assert_eq!(place(told.verdict("OWN-2")), told.here() - 1);
}

#[test]
fn two_checkouts_with_a_session_each_disturb_nobody() {
    let told = holding(2).done("p0 checkout b").opens("p0", "c1").asks("p0 query b", "c1").asks("p0 query a", "c0");
    // The first query was alone; the others could have met each other.
    assert_eq!(told.verdict("OWN-2"), passed(2));
    let told = holding(1).done("p0 open B").done("p0 checkout b B").opens("p0", "c1").asks("p0 query b", "c1");
    assert_eq!(told.verdict("OWN-2"), Verdict::NotExercised, "another pool's connection is none of its business");
}

#[test]
fn holding_ends_with_the_start_of_the_return() {
    let told = holding(1).done("p0 spawn t1").start("p0 return a").done("p0.t1 checkout b").asks("p0.t1 query b", "c0");
    assert_eq!(told.verdict("OWN-2"), Verdict::NotExercised);
    // Of what else it holds a return ends nothing.
    let other = holding(2).done("p0 checkout b").done("p0 return b").done("p0 checkout c").asks("p0 query c", "c0");
    assert!(broken(other.verdict("OWN-2")).starts_with("p0's step 6 (query c) ran on c0 while p0 held it"));
    let leaked = holding(1).done("p0 leak a").done("p0 checkout b").asks("p0 query b", "c0");
    assert_eq!(
        broken(leaked.verdict("OWN-2")),
        "p0's step 5 (query b) ran on c0 while p0 held it\nheld since p0's step 1 (checkout a)"
    );
}

#[test]
fn a_joined_thread_returns_what_it_held_and_no_more() {
    let told = || holding(2).done("p0 spawn t1").done("p0 send a t1").asks("p0.t1 query a", "c0");
    let joined = told().start("p0 join t1").done("p0.t2 checkout b").asks("p0.t2 query b", "c0");
    assert_eq!(joined.verdict("OWN-2"), Verdict::NotExercised);
    let other = told().start("p0 join t3").done("p0.t2 checkout b").asks("p0.t2 query b", "c0");
    assert!(broken(other.verdict("OWN-2")).starts_with("p0.t2's step 8 (query b) ran on c0 while p0.t1 held it"));
}

/// Nobody has what a thread leaked, so nobody can return it where the thread is joined.
#[test]
fn what_a_joined_thread_has_leaked_stays_out() {
    let sent = || holding(2).done("p0 spawn t1").done("p0 send a t1");
    for leak in ["p0.t1 leak a", "p0.t1 checkout a"] {
        let told = sent().done(leak).done("p0 join t1").done("p0 checkout b").asks("p0 query b", "c0");
        assert!(broken(told.verdict("OWN-2")).contains("(query b) ran on c0 while p0.t1 held it"), "{leak}");
        let closed = sent().done(leak).done("p0 join t1").done("p0 dispose").exits("p0 exit now");
        assert_eq!(closed.verdict("CAP-3"), Verdict::NotExercised, "{leak}");
    }
    let kept = sent().done("p0 join t1").done("p0 dispose").exits("p0 exit now");
    assert!(matches!(kept.verdict("CAP-3"), Verdict::Failed(_)));
}

#[test]
fn a_checkout_that_was_sent_is_its_new_holders() {
    let sent = || holding(1).done("p0 spawn t1").done("p0 send a t1");
    assert_eq!(sent().asks("p0.t1 query a", "c0").verdict("OWN-2"), Verdict::NotExercised);
    let told = sent().asks("p0 query a", "c0");
    assert!(broken(told.verdict("OWN-2")).starts_with("p0's step 5 (query a) ran on c0 while p0.t1 held it"));
    let failed = holding(1).done("p0 spawn t1").fails("p0 send a t1", ErrorKind::Other).asks("p0 query a", "c0");
    assert_eq!(failed.verdict("OWN-2"), Verdict::NotExercised);
}

#[test]
fn a_copy_of_a_checkout_is_not_the_childs() {
    let told = holding(1).done("p0 fork p1").asks("p1 query a", "c0");
    assert!(broken(told.verdict("OWN-2")).starts_with("p1's step 4 (query a) ran on c0 while p0 held it"));
    // A pool that gives the child a session of its own is in the right, and may use that session again.
    let own = holding(1).done("p0 fork p1").opens("p1", "c1").asks("p1 query a", "c1").done("p1 return a");
    assert_eq!(own.done("p1 checkout b").asks("p1 query b", "c1").verdict("OWN-2"), passed(2));
    // The child's return of its copy ends nothing in the parent.
    let told = holding(2).done("p0 fork p1").done("p1 return a").done("p0 checkout b").asks("p0 query b", "c0");
    assert!(broken(told.verdict("OWN-2")).starts_with("p0's step 6 (query b) ran on c0 while p0 held it"));
}

#[test]
fn a_process_that_has_ended_holds_nothing() {
    let taken = || forked_with_an_idle_session().done("p1 checkout a").asks("p1 query a", "c0");
    let told = taken().done("p0 checkout b").asks("p0 query b", "c0");
    assert!(broken(told.verdict("OWN-2")).starts_with("p0's step 8 (query b) ran on c0 while p1 held it"));
    let told = taken().exits("p1 exit now").done("p0 checkout b").asks("p0 query b", "c0");
    assert_eq!(told.verdict("OWN-2"), Verdict::NotExercised);
}

#[test]
fn a_checkout_that_failed_holds_nothing() {
    let failed = story().done("p0 open").fails("p0 checkout a", ErrorKind::TimedOut).opens("p0", "c0");
    let told = failed.done("p0 checkout b").asks("p0 query b", "c0");
    assert_eq!(told.verdict("OWN-2"), Verdict::NotExercised);
}
