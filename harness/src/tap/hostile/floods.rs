//! The tap where one side writes without end and the other does not read: it keeps so much and no more, and nothing is lost of it.

use std::os::unix::net::UnixStream;

use super::recording::{recordings, server};
use super::sockets::Lab;
use crate::history::{Event, SessionId, Witness};
use crate::interleaving::Process;
use crate::limits;
use crate::pool::Database;
use crate::tap::Upstream;

/// Much more than the tap keeps.
const MUCH: usize = 3 * limits::PENDING;
/// More than sockets hold on the way, all together.
const SOCKETS: usize = limits::PENDING / 4;

fn much() -> Vec<u8> {
    let piece: Vec<u8> = (0..100_003_usize).map(|place| place.to_le_bytes()[place % 3]).collect();
    piece.repeat(MUCH / piece.len())
}

/// Both ends of a session, the one that writes first.
fn ends(lab: &mut Lab, client_writes: bool) -> (UnixStream, UnixStream) {
    let (near, far) = lab.connect();
    if client_writes { (near, far) } else { (far, near) }
}

/// Writes until the tap takes no more.
fn fill(lab: &mut Lab, from: &UnixStream, much: &[u8]) -> usize {
    let sent = lab.write(from, much);
    assert!((limits::PENDING..limits::PENDING + SOCKETS).contains(&sent), "{sent} bytes");
    // A tap that what it does not read could wake would not come back from here.
    lab.drain();
    sent
}

#[test]
fn who_is_not_read_is_heard_so_far_and_no_further() {
    for client_writes in [true, false] {
        let mut lab = Lab::new(Database::Postgres);
        let (from, to) = ends(&mut lab, client_writes);
        let much = much();
        let sent = fill(&mut lab, &from, &much);
        assert!(lab.carry(&from, &much[sent..], &to) == much, "and everything arrives when it is read");
        drop(from);
        assert!(lab.carry_end(&to));
    }
}

#[test]
fn two_sides_that_only_write_wait_for_each_other_and_for_nothing_else() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, far) = lab.connect();
    let much = much();
    let (one, other) = (fill(&mut lab, &near, &much), fill(&mut lab, &far, &much));
    assert!(lab.carry(&near, &much[one..], &far) == much && lab.carry(&far, &much[other..], &near) == much);
}

/// Its answers count: it is asked no more while they are not read.
#[test]
fn the_embedded_server_is_asked_no_more_than_its_answers_are_read() {
    let mut lab = Lab::with(Database::Postgres, |_| Upstream::Embedded(Box::new(server(Database::Postgres))));
    let near = lab.connect_inside();
    for turn in &recordings(Database::Postgres)[0].turns[..3] {
        lab.carry(&near, &turn.client, &near);
    }
    let sql = format!("SELECT '{}'\0", "a".repeat(50_000));
    let length = u32::try_from(sql.len() + 4).unwrap();
    let question = [b"Q", &length.to_be_bytes()[..], sql.as_bytes()].concat();
    let answer = lab.carry(&near, &question, &near);
    let times = MUCH / answer.len();
    let questions = question.repeat(times);
    let sent = lab.write(&near, &questions);
    assert!(sent < questions.len(), "{sent} bytes");
    assert!(lab.carry(&near, &questions[sent..], &near) == answer.repeat(times));
}

#[test]
fn what_is_withheld_counts() {
    let mut lab = Lab::new(Database::Postgres);
    lab.who = Witness::Process(Process::FIRST);
    lab.tap.arm(Process::FIRST, Some(1), None);
    let (near, far) = lab.connect();
    lab.carry(&near, b"?", &far);
    let much = much();
    let sent = fill(&mut lab, &far, &much);
    lab.release(SessionId(0));
    assert!(lab.carry(&far, &much[sent..], &near) == much);
}

/// The history has everything that was written before a control message, beyond the limit too; what cannot be followed any more gives
/// no verdict.
#[test]
fn what_is_written_beyond_the_limit_is_in_the_history_in_time() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, far) = lab.connect();
    let much = much();
    let mut sent = fill(&mut lab, &near, &much);
    assert!(lab.counted().written < sent);
    loop {
        lab.catch_up();
        if lab.counted().ends > 0 {
            break;
        }
        assert_eq!(lab.counted().written, sent);
        sent += lab.write(&near, &much[sent..]);
    }
    lab.catch_up();
    let given_up = lab.history.events().iter().filter(|event| matches!(event, Event::Abandoned { .. }));
    assert_eq!(given_up.count(), 1);
    assert!(lab.carry(&near, &much[sent..], &far) == much);
}

/// A process that does not read may be stuck, whatever waits for it.
#[test]
fn what_waits_for_its_reader_is_not_on_its_way() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, far) = lab.connect();
    let hello = [&9_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes(), b"\0"].concat();
    lab.carry(&near, &hello, &far);
    assert!(lab.tap.is_busy(), "the server owes an answer");
    // It begins with a message that is never complete.
    let answer = [&b"N\x3f\0\0\0"[..], &much()].concat();
    let sent = fill(&mut lab, &far, &answer);
    assert!(!lab.tap.is_busy(), "the server cannot go on");
    assert!(lab.carry(&far, &answer[sent..], &near) == answer);
    assert!(lab.tap.is_busy(), "now it can");
}

#[test]
fn who_ends_while_nobody_reads_is_forgotten() {
    for client_writes in [true, false] {
        let mut lab = Lab::new(Database::Postgres);
        let (from, to) = ends(&mut lab, client_writes);
        fill(&mut lab, &from, &much());
        drop((from, to));
        lab.until(Lab::is_empty);
    }
}
