//! The tap where it withholds replies: what comes before passes, what comes after waits, and nothing is lost or changes places.

use std::net::Shutdown;

use super::recording::{Recording, recordings, server};
use super::sockets::Lab;
use crate::history::{Event, SessionId, Witness};
use crate::interleaving::Process;
use crate::pool::Database;
use crate::tap::Upstream;

const P0: Process = Process::FIRST;
const P1: Process = Process(1);
const C0: SessionId = SessionId(0);
const C1: SessionId = SessionId(1);

/// A tap in front of a server of the test's; all clients are the first process.
fn lab() -> Lab {
    let mut lab = Lab::new(Database::Postgres);
    lab.who = Witness::Process(P0);
    lab
}

#[test]
fn the_replies_before_it_pass_and_those_after_it_wait() {
    let mut lab = lab();
    lab.tap.arm(P0, Some(2), None);
    let (near, far) = lab.connect();
    assert_eq!(lab.carry(&near, b"one", &far), b"one");
    assert_eq!(lab.carry(&far, b"1", &near), b"1");
    assert_eq!(lab.carry(&far, b"1, in two pieces", &near), b"1, in two pieces");
    assert!(lab.tap.withheld().is_empty());
    assert_eq!(lab.carry(&near, b"two", &far), b"two");
    assert_eq!(lab.carry(&far, b"2", &near), b"");
    assert_eq!(lab.tap.withheld(), [(C0, P0)]);
    assert!(matches!(lab.history.events(), [.., Event::Answered { bytes: 1, .. }, Event::Withheld { session: C0 }]));
    assert_eq!(lab.carry(&near, b"three", &far), b"three", "the server hears what the client goes on to say");
    assert_eq!(lab.carry(&far, b"3", &near), b"");
    assert!(!lab.tap.is_busy(), "what is withheld is not on its way");
    lab.release(C0);
    assert!(matches!(lab.history.events(), [.., Event::Resumed { session: C0 }]));
    assert_eq!(lab.carry(&far, b"4", &near), b"234");
    assert!(lab.tap.withheld().is_empty());
    assert_eq!(lab.counted().answered, 1 + 16 + 1 + 1 + 1, "each is in the history once");
}

#[test]
fn the_session_that_is_used_first_is_the_steps() {
    let mut lab = lab();
    let (near, far) = lab.connect();
    let (other, beyond) = lab.connect();
    lab.tap.arm(P1, Some(1), None);
    assert_eq!(lab.carry(&near, b"p0", &far), b"p0");
    lab.who = Witness::Process(P1);
    assert_eq!(lab.carry(&other, b"p1", &beyond), b"p1");
    lab.who = Witness::Process(P0);
    assert_eq!(lab.carry(&far, b"to p0", &near), b"to p0");
    assert_eq!(lab.carry(&beyond, b"to p1", &other), b"");
    assert_eq!(lab.tap.withheld(), [(C1, P1)]);
}

#[test]
fn several_are_withheld_at_once_and_released_one_by_one() {
    let mut lab = lab();
    let (near, far) = lab.connect();
    let (other, beyond) = lab.connect();
    for (client, server) in [(&near, &far), (&other, &beyond)] {
        lab.tap.arm(P0, Some(1), None);
        // What is withheld already is not chosen again, though it is used first.
        lab.carry(&near, b"?", &far);
        lab.carry(client, b"?", server);
        lab.carry(server, b"!", client);
    }
    assert_eq!(lab.tap.withheld(), [(C0, P0), (C1, P0)]);
    lab.release(C1);
    assert_eq!(lab.tap.withheld(), [(C0, P0)]);
    assert_eq!((lab.carry(&near, b"", &near), lab.carry(&other, b"", &other)), (b"".to_vec(), b"!".to_vec()));
    lab.release_all();
    assert_eq!(lab.carry(&near, b"", &near), b"!");
}

#[test]
fn a_step_that_has_ended_withholds_nothing() {
    let mut lab = lab();
    let (near, far) = lab.connect();
    for used in [false, true] {
        lab.tap.arm(P0, Some(1), None);
        if used {
            lab.carry(&near, b"?", &far);
        }
        lab.tap.disarm(P0);
        lab.carry(&near, b"?", &far);
        assert_eq!(lab.carry(&far, b"!", &near), b"!");
    }
    lab.tap.arm(P0, Some(1), None);
    lab.reset();
    let (near, far) = lab.connect();
    lab.carry(&near, b"?", &far);
    assert_eq!(lab.carry(&far, b"!", &near), b"!", "and it ends with its case");
}

#[test]
fn the_servers_end_waits_behind_what_is_withheld() {
    let mut lab = lab();
    lab.tap.arm(P0, Some(1), None);
    let (near, far) = lab.connect();
    lab.carry(&near, b"?", &far);
    lab.carry(&far, b"!", &near);
    drop(far);
    lab.until(|lab| matches!(lab.history.events(), [.., Event::Withheld { .. }, Event::ServerClosed { session: C0 }]));
    assert!(!lab.has_end(&near));
    lab.release(C0);
    assert_eq!(lab.carry(&near, b"", &near), b"!");
    assert!(lab.carry_end(&near));
}

#[test]
fn a_client_that_is_gone_gets_nothing() {
    let mut lab = lab();
    lab.tap.arm(P0, Some(1), None);
    let (near, far) = lab.connect();
    lab.carry(&near, b"?", &far);
    lab.carry(&far, b"!", &near);
    drop(near);
    lab.until(|lab| lab.tap.withheld().is_empty());
    assert!(lab.carry_end(&far));
    drop(far);
    lab.until(Lab::is_empty);
    assert!(!lab.tap.is_busy());
}

/// Who has only said that he writes no more still waits for his reply.
#[test]
fn a_client_that_writes_no_more_gets_it_when_it_is_released() {
    let mut lab = lab();
    lab.tap.arm(P0, Some(1), None);
    let (near, far) = lab.connect();
    lab.carry(&near, b"?", &far);
    lab.carry(&far, b"!", &near);
    near.shutdown(Shutdown::Write).unwrap();
    assert!(lab.carry_end(&far));
    assert_eq!(lab.tap.withheld(), [(C0, P0)]);
    drop(far);
    lab.drain();
    assert!(!lab.is_empty(), "though both have ended");
    lab.release(C0);
    assert_eq!(lab.carry(&near, b"", &near), b"!");
    assert!(lab.is_empty());
}

/// A connection that turns out to carry a cancel request is not the one that the step waits on.
#[test]
fn a_request_to_cancel_is_not_the_steps_session() {
    let mut lab = lab();
    lab.tap.arm(P0, Some(1), None);
    let (near, far) = lab.connect();
    let request = [&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &[0; 8]].concat();
    assert_eq!(lab.carry(&near, &request, &far), request);
    let (near, far) = lab.connect();
    lab.carry(&near, b"?", &far);
    assert_eq!(lab.carry(&far, b"!", &near), b"");
    assert_eq!(lab.tap.withheld(), [(C1, P0)]);
}

/// With the server that is inside the tap: every reply of a session in turn, the greeting of MySQL among them.
#[test]
fn every_reply_of_the_embedded_server_can_be_withheld() {
    for database in [Database::Postgres, Database::MySql] {
        for recording in recordings(database) {
            let replies = recording.turns.iter().filter(|turn| !turn.server.is_empty()).count();
            for nth in 1..=replies {
                withhold(&recording, nth);
            }
        }
    }
}

fn withhold(recording: &Recording, nth: usize) {
    let mut lab = Lab::with(recording.database, |_| Upstream::Embedded(Box::new(server(recording.database))));
    lab.who = Witness::Process(P0);
    lab.tap.arm(P0, Some(u8::try_from(nth).unwrap()), None);
    let near = lab.connect_inside();
    let (mut replies, mut held) = (0, Vec::new());
    for turn in &recording.turns {
        let said = lab.carry(&near, &turn.client, &near);
        replies += usize::from(!turn.server.is_empty());
        if replies < nth {
            assert!(said == turn.server, "reply {replies} passes where {nth} is withheld");
        } else {
            assert!(said.is_empty(), "reply {replies} is withheld where {nth} is");
            held.extend_from_slice(&turn.server);
        }
    }
    assert_eq!(lab.tap.withheld(), [(C0, P0)]);
    lab.release(C0);
    assert!(lab.carry(&near, b"", &near) == held, "in the order in which it was said");
}
