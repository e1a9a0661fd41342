//! OWN-3, OWN-4 and OWN-5.

use super::story::{Story, session, story, under, witness};
use super::{broken, passed, place};
use crate::history::{Ending, Event};
use crate::interleaving::Process;
use crate::promise::Promise;
use crate::verdict::Verdict;

/// p0 has one connection, used and returned, and forks: step 4.
fn forked() -> Story {
    let used = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0");
    used.done("p0 return a").done("p0 fork p1")
}

fn shut_down(told: Story) -> Story {
    told.event(Event::ClientClosed { session: session("c0"), held: true })
}

fn cancel(told: Story, who: &str, target: Option<&str>) -> Story {
    let asked = Event::CancelRequested { session: session("c9"), writer: witness(who), target: target.map(session) };
    told.opens(who, "c9").event(asked)
}

fn kill(told: Story, who: &str, ends: bool) -> Story {
    told.event(Event::KillRequested { session: session("c9"), writer: witness(who), target: Some(session("c0")), ends })
}

// OWN-3

#[test]
fn a_session_that_is_shut_down_while_its_owner_does_nothing_is_shut_down_by_another() {
    let told = shut_down(forked().start("p1 drop-pool"));
    let said = "somebody shut c0 down while p0, which opened it, did nothing\nduring p1's step 5 (drop-pool)";
    assert_eq!(broken(told.verdict("OWN-3")), said);
    assert_eq!(place(told.verdict("OWN-3")), told.here());
}

#[test]
fn an_owner_may_shut_its_session_down_and_what_the_server_ended_is_over() {
    assert_eq!(shut_down(forked().start("p0 dispose")).verdict("OWN-3"), Verdict::NotExercised, "the owner's own step");
    assert_eq!(forked().closes("c0").verdict("OWN-3"), Verdict::NotExercised, "its last descriptor was closed");
    let ended = forked().event(Event::ServerClosed { session: session("c0") });
    assert_eq!(shut_down(ended).verdict("OWN-3"), Verdict::NotExercised, "an answer to the server's end");
    let gone = forked().exits("p0 exit now");
    assert_eq!(shut_down(gone).verdict("OWN-3"), Verdict::NotExercised, "another has its pid now");
    let killed = forked().start("p0 query a").killed("p0").ended("p0", Ending::Signal(9));
    assert_eq!(shut_down(killed).verdict("OWN-3"), Verdict::NotExercised);
}

#[test]
fn a_cancel_or_a_kill_of_somebody_elses_session_is_meddling() {
    let told = cancel(forked().start("p1 cancel a"), "p1", Some("c0"));
    let said = "p1 asked the server to cancel what runs on c0, opened by p0\nduring p1's step 5 (cancel a)";
    assert_eq!(broken(told.verdict("OWN-3")), said);
    assert_eq!(
        broken(kill(forked(), "p1", false).verdict("OWN-3")),
        "p1 asked the server to cancel what runs on c0, opened by p0"
    );
    assert_eq!(broken(kill(forked(), "?", true).verdict("OWN-3")), "an unknown process asked the server to end c0, opened by p0");
}

#[test]
fn an_owner_cancels_what_is_its_own_and_a_key_that_nobody_knows_harms_nobody() {
    assert_eq!(cancel(forked(), "p0", Some("c0")).verdict("OWN-3"), passed(1));
    assert_eq!(kill(forked(), "p0", true).verdict("OWN-3"), passed(1));
    assert_eq!(cancel(forked(), "p1", None).verdict("OWN-3"), Verdict::NotExercised);
}

/// The administrator's deed is no client's: it shows as the server's end of the session.
#[test]
fn the_administrator_may_end_a_session() {
    let ended = forked().start("p0 end-session a").event(Event::ServerClosed { session: session("c0") });
    let told = ended.answer("p0", crate::history::Outcome::Done);
    assert_eq!(shut_down(told).verdict("OWN-3"), Verdict::NotExercised);
}

#[test]
fn every_step_of_a_child_beside_an_inherited_session_could_have_shut_it_down() {
    assert_eq!(forked().done("p1 checkout b").exits("p1 exit now").verdict("OWN-3"), passed(2));
    let alone = || under(Promise::ThreadsOnly, 1).done("p0 open").opens("p0", "c0");
    assert_eq!(alone().verdict("OWN-3"), Verdict::NotApplicable);
    assert!(broken(shut_down(alone()).verdict("OWN-3")).starts_with("somebody shut c0 down"));
}

// OWN-4

#[test]
fn two_sessions_with_one_random_value_share_their_generator() {
    let drew = |on: &str, who: &str, random| Event::Drew { session: session(on), writer: witness(who), random };
    let first = || forked().event(drew("c0", "p0", 7));
    let told = first().event(drew("c1", "p1", 7));
    assert_eq!(broken(told.verdict("OWN-4")), "p1 drew the random value for c1 that p0 had drawn for c0");
    assert_eq!(place(told.verdict("OWN-4")), told.here());
    assert_eq!(first().verdict("OWN-4"), Verdict::NotExercised);
    assert_eq!(first().event(drew("c1", "p1", 8)).verdict("OWN-4"), passed(1));
    assert_eq!(first().event(drew("c0", "p0", 7)).verdict("OWN-4"), passed(1), "said twice on one session");
}

// OWN-5

#[test]
fn a_program_that_keeps_a_socket_is_seen() {
    let carried = Event::Carried { process: Process(1), sessions: vec![session("c0")] };
    let told = forked().start("p1 exec").event(carried).answer("p1", crate::history::Outcome::Done);
    assert_eq!(broken(told.verdict("OWN-5")), "the program that p1 executed has kept c0");
    assert_eq!(forked().done("p1 exec").verdict("OWN-5"), passed(1));
    assert_eq!(forked().closes("c0").done("p1 exec").verdict("OWN-5"), Verdict::NotExercised, "nothing was in reach");
    assert_eq!(forked().opens("p1", "c1").done("p1 exec").verdict("OWN-5"), passed(2), "its own session too");
}
