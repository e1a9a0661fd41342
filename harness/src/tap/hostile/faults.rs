//! The tap where it breaks a session off behind a byte, and where the server takes no new sessions.

use std::io::Read;

use super::sockets::Lab;
use crate::history::{Event, SessionId, Witness};
use crate::interleaving::{Process, Refusal};
use crate::pool::Database;

const P0: Process = Process::FIRST;
const C0: SessionId = SessionId(0);

fn lab(database: Database) -> Lab {
    let mut lab = Lab::new(database);
    lab.who = Witness::Process(P0);
    lab
}

fn cuts(lab: &Lab) -> Vec<u32> {
    let cut = |event: &Event| match event {
        Event::Cut { session: C0, process: P0, given } => Some(*given),
        _ => None,
    };
    lab.history.events().iter().filter_map(cut).collect()
}

/// What the client is given, however the server's bytes are cut into pieces.
#[test]
fn the_client_is_given_so_many_bytes_and_the_end_and_the_server_sees_an_end_too() {
    for (after, pieces, given) in [
        (0, ["abc", "def"], ""),
        (2, ["abc", "def"], "ab"),
        (3, ["abc", "def"], "abc"),
        (4, ["abc", "def"], "abcd"),
        (6, ["abc", "def"], "abcdef"),
    ] {
        let mut lab = lab(Database::Postgres);
        let (near, mut far) = lab.connect();
        lab.tap.arm(P0, None, Some(after));
        assert_eq!(lab.carry(&near, b"ask", &far), b"ask");
        let mut got = Vec::new();
        for piece in pieces {
            got.extend(lab.carry(&far, piece.as_bytes(), &near));
        }
        assert_eq!(got, given.as_bytes(), "after {after}");
        assert_eq!(cuts(&lab), [u32::from(after)], "once");
        // Nothing of what the client goes on to say reaches the server, which has seen its end.
        assert_eq!(lab.carry(&near, b"more", &far), b"");
        assert!(matches!((&near).read(&mut [0; 8]), Ok(0)), "the client sees the end");
        assert!(matches!(far.read(&mut [0; 8]), Ok(0)), "so does the server");
        let all: u32 = pieces.iter().map(|piece| piece.len() as u32).sum();
        assert_eq!(lab.counted().answered, all as usize, "what the server said is in the history all the same");
    }
}

#[test]
fn what_is_shorter_is_not_cut_and_another_step_is_not_meant() {
    let mut lab = lab(Database::Postgres);
    let (near, far) = lab.connect();
    lab.tap.arm(P0, None, Some(9));
    assert_eq!(lab.carry(&near, b"ask", &far), b"ask");
    assert_eq!(lab.carry(&far, b"short", &near), b"short");
    lab.tap.disarm(P0);
    assert_eq!(lab.carry(&near, b"ask", &far), b"ask");
    assert_eq!(lab.carry(&far, b"as long as it wants", &near), b"as long as it wants");
    assert!(cuts(&lab).is_empty());
}

/// A reply may be withheld first, and broken off when it is released.
#[test]
fn what_was_withheld_is_cut_when_it_is_released() {
    let mut lab = lab(Database::Postgres);
    let (near, far) = lab.connect();
    lab.tap.arm(P0, Some(1), Some(2));
    assert_eq!(lab.carry(&near, b"ask", &far), b"ask");
    assert_eq!(lab.carry(&far, b"reply", &near), b"");
    assert!(cuts(&lab).is_empty() && lab.tap.withheld() == [(C0, P0)]);
    lab.release(C0);
    let mut got = Vec::new();
    (&near).read_to_end(&mut got).unwrap();
    assert_eq!((got.as_slice(), cuts(&lab)), (&b"re"[..], vec![2]));
}

#[test]
fn new_sessions_are_refused_as_long_as_somebody_wants_it_and_old_ones_go_on() {
    let mut lab = lab(Database::Postgres);
    let (near, far) = lab.connect();
    let refusing = lab.tap.refuse(Refusal::Closed);
    let refused = lab.connect_inside();
    let mut got = Vec::new();
    (&refused).read_to_end(&mut got).unwrap();
    let session = SessionId(1);
    assert!(got.is_empty() && lab.history.events().contains(&Event::Refused { session }));
    assert!(lab.history.events().contains(&Event::ServerClosed { session }), "it is a session like any other");
    assert_eq!(lab.carry(&near, b"ask", &far), b"ask");
    drop(refusing);
    let (near, far) = lab.connect();
    assert_eq!(lab.carry(&near, b"ask", &far), b"ask");
}

/// MySQL says it in place of its greeting, PostgreSQL when it knows who asks.
#[test]
fn a_full_server_says_so() {
    let mut lab = lab(Database::MySql);
    let _refusing = lab.tap.refuse(Refusal::Full);
    let mut got = Vec::new();
    lab.connect_inside().read_to_end(&mut got).unwrap();
    assert!(got.ends_with(b"Too many connections"), "{got:?}");
    let mut lab = self::lab(Database::Postgres);
    let _refusing = lab.tap.refuse(Refusal::Full);
    let near = lab.connect_inside();
    lab.write(&near, &[&8_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes()].concat());
    lab.drain();
    let mut got = Vec::new();
    (&near).read_to_end(&mut got).unwrap();
    assert!(got.starts_with(b"E") && got.windows(5).any(|code| code == b"53300"), "{got:?}");
}
