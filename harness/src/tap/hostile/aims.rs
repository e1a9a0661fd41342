//! What the tap tells of frames that name other sessions, and of what clients draw.

use super::recording::recordings;
use super::sockets::Lab;
use crate::history::{Event, SessionId, Witness};
use crate::interleaving::Process;
use crate::pool::Database;

const P1: Witness = Witness::Process(Process(1));

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// A startup packet without a type.
fn startup(code: u32, body: &[u8]) -> Vec<u8> {
    message(0, &[&code.to_be_bytes()[..], body].concat())[1..].to_vec()
}

/// The aims of what was written last, each with who wrote it and whether a session is to end.
fn aims(lab: &Lab) -> Vec<(Witness, Option<SessionId>, bool)> {
    let aims = lab.history.events().iter().filter_map(|event| match event {
        Event::CancelRequested { writer, target, .. } => Some((*writer, *target, false)),
        Event::KillRequested { writer, target, ends, .. } => Some((*writer, *target, *ends)),
        _ => None,
    });
    aims.collect()
}

/// Number and secret must both fit. A server that starts anew may use a number again: then the latest session is meant.
#[test]
fn a_request_to_cancel_names_its_session() {
    let mut lab = Lab::new(Database::Postgres);
    let mut clients = Vec::new();
    for key in [[0, 0, 1, 0, 1, 2, 3, 4], [0, 0, 1, 1, 1, 2, 3, 4]] {
        let (near, far) = lab.connect();
        lab.carry(&near, &startup(196_608, b"\0"), &far);
        lab.carry(&far, &[message(b'R', &[0; 4]), message(b'K', &key), message(b'Z', b"I")].concat(), &near);
        clients.push((near, far));
    }
    assert_eq!([0, 1, 2].map(|session| lab.tap.server_number(SessionId(session))), [Some(256), Some(257), None]);
    lab.who = P1;
    let mut ask = |key: [u8; 8]| {
        let (near, far) = lab.connect();
        lab.carry(&near, &startup(80_877_102, &key), &far);
        aims(&lab).last().copied()
    };
    assert_eq!(ask([0, 0, 1, 1, 1, 2, 3, 4]), Some((P1, Some(SessionId(1)), false)));
    assert_eq!(ask([0, 0, 1, 0, 1, 2, 3, 4]), Some((P1, Some(SessionId(0)), false)));
    assert_eq!(ask([0, 0, 1, 0, 1, 2, 3, 5]), Some((P1, None, false)), "the secret is another");
    assert_eq!(ask([0, 0, 2, 0, 1, 2, 3, 4]), Some((P1, None, false)), "the number is another");
    lab.reset();
    assert_eq!(lab.tap.server_number(SessionId(0)), None, "it is forgotten with its case");
}

#[test]
fn a_kill_names_its_session_and_is_said_on_one() {
    let login = &recordings(Database::MySql)[0].turns[..2];
    let mut lab = Lab::new(Database::MySql);
    let mut clients = Vec::new();
    for number in [7, 8] {
        let (near, far) = lab.connect();
        let mut greeting = login[0].server.clone();
        let place = 5 + greeting[5..].iter().position(|byte| *byte == 0).unwrap() + 1;
        greeting[place..place + 4].copy_from_slice(&u32::to_le_bytes(number));
        lab.carry(&far, &greeting, &near);
        lab.carry(&near, &login[1].client, &far);
        lab.carry(&far, &login[1].server, &near);
        clients.push((near, far));
    }
    assert_eq!([0, 1].map(|session| lab.tap.server_number(SessionId(session))), [Some(7), Some(8)]);
    lab.who = P1;
    let (near, far) = &clients[0];
    let mut ask = |command: &[u8]| {
        let before = aims(&lab).len();
        let length = u32::try_from(command.len()).unwrap().to_le_bytes();
        lab.carry(near, &[&length[..3], &[0], command].concat(), far);
        aims(&lab).split_off(before)
    };
    assert_eq!(ask(b"\x03KILL QUERY 8"), [(P1, Some(SessionId(1)), false)]);
    assert_eq!(ask(b"\x03 /* mine */ kill 7;"), [(P1, Some(SessionId(0)), true)]);
    assert_eq!(ask(b"\x0c\x08\0\0\0"), [(P1, Some(SessionId(1)), true)]);
    assert_eq!(ask(b"\x03KILL CONNECTION 9"), [(P1, None, true)]);
    assert_eq!(ask(b"\x03SELECT 'KILL 8'"), []);
    let events = lab.history.events();
    assert!(!events.iter().any(|event| matches!(event, Event::CancelRequested { .. })), "both are sessions still");
}

#[test]
fn what_a_client_draws_is_told_and_compared() {
    let mut lab = Lab::new(Database::Postgres);
    let mut clients = Vec::new();
    for (who, random) in [(Witness::Stranger, "one"), (P1, "one"), (P1, "other")] {
        lab.who = who;
        let (near, far) = lab.connect();
        lab.carry(&near, &startup(196_608, b"\0"), &far);
        lab.carry(&far, &message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"), &near);
        let first = format!("n,,n=,r={random}");
        let length = u32::try_from(first.len()).unwrap();
        let body = [b"SCRAM-SHA-256\0", &length.to_be_bytes()[..], first.as_bytes()].concat();
        lab.carry(&near, &message(b'p', &body), &far);
        clients.push((near, far));
    }
    let drawn = lab.history.events().iter().filter_map(|event| match event {
        Event::Drew { session, writer, random } => Some((*session, *writer, *random)),
        _ => None,
    });
    let [(c0, nobody, first), (c1, p1, same), (c2, _, other)] = *drawn.collect::<Vec<_>>() else { panic!("each drew once") };
    assert_eq!((c0, c1, c2), (SessionId(0), SessionId(1), SessionId(2)));
    assert_eq!((nobody, p1), (Witness::Stranger, P1));
    assert!(first == same && first != other);
}
