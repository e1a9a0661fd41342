//! The tap between two real sockets: it passes every byte through as it is, whether or not it can read it.

use super::chance::Chance;
use super::mutation::{cut, mutate};
use super::recording::{Recording, recordings};
use super::sockets::Lab;
use super::two_writers::{mixed, written};
use super::{Attempt, bounds, scaled};
use crate::pool::Database;
use crate::server::embedded::Embedded;
use crate::tap::Upstream;

const BOTH: [Database; 2] = [Database::Postgres, Database::MySql];

/// What is written when everything else has passed: whoever dropped the session would not pass it on.
const LAST: &[u8] = b"still here";

/// Brings both sides' bytes through the tap, in turns, and ends the session; whether the tap could not read it.
fn pass(lab: &mut Lab, client: &[Vec<u8>], server: &[Vec<u8>]) -> bool {
    let last = [LAST.to_vec()];
    let (client, server) = ([client, &last].concat(), [server, &last].concat());
    let (near, far) = lab.connect();
    for turn in 0..client.len().max(server.len()) {
        for (from, bytes, to) in [(&near, client.get(turn), &far), (&far, server.get(turn), &near)] {
            let bytes = bytes.map(Vec::as_slice).unwrap_or_default();
            assert!(lab.carry(from, bytes, to) == bytes, "what was written in turn {turn} comes out as it was");
        }
    }
    let counted = lab.counted();
    let total = |pieces: &[Vec<u8>]| pieces.iter().map(Vec::len).sum();
    assert_eq!((counted.written, counted.answered), (total(&client), total(&server)), "and is in the history");
    assert!(counted.ends == 0 && counted.desynchronised <= 1, "nobody has ended it: {counted:?}");
    drop(near);
    assert!(lab.carry_end(&far), "the client's end is passed on");
    drop(far);
    lab.until(Lab::is_empty);
    lab.reset();
    counted.desynchronised == 1
}

#[test]
fn changed_sessions_pass_unchanged() {
    for database in BOTH {
        let (recordings, frames) = (recordings(database), written(database));
        let mut lab = Lab::new(database);
        let mut lost = 0;
        let attempts = scaled(300, 10_000);
        for number in 0..attempts {
            let _attempt = Attempt("changed sessions through the tap", number);
            let mut chance = Chance::of(number);
            let recording = chance.of_these(&recordings);
            let mut change = |side: fn(&Recording) -> Vec<Vec<u8>>, likely: usize| match chance.below(likely) {
                0 => side(recording),
                _ => {
                    let turns = mutate(database, side(recording), &frames, &mut chance);
                    cut(&turns, &mut chance).into_iter().filter(|piece| !piece.is_empty()).collect()
                }
            };
            lost += usize::from(pass(&mut lab, &change(Recording::client, 4), &change(Recording::server, 2)));
        }
        assert!(lost > attempts / 2, "{lost} of {attempts} are unreadable");
    }
}

#[test]
fn two_writers_pass_unchanged() {
    for database in BOTH {
        let (recordings, frames) = (recordings(database), written(database));
        let mut lab = Lab::new(database);
        let mut number = 0;
        for recording in recordings.iter().take(scaled(1, recordings.len())) {
            let (client, server) = (recording.client().concat(), recording.server().concat());
            for place in 0..=client.len() {
                let _attempt = Attempt("two writers through the tap", number);
                let pieces = mixed(std::slice::from_ref(&client), place, &frames[number % frames.len()]);
                pass(&mut lab, &pieces, std::slice::from_ref(&server));
                number += 1;
            }
        }
    }
}

/// The same with the server that is inside the tap: its answers come out as it gave them.
#[test]
fn what_the_embedded_server_says_to_changed_clients_comes_out_unchanged() {
    for database in BOTH {
        let (recordings, frames) = (recordings(database), written(database));
        for number in 0..scaled(200, 5_000) {
            let _attempt = Attempt("changed clients of the server inside", number);
            let mut chance = Chance::of(number);
            let turns = mutate(database, chance.of_these(&recordings).client(), &frames, &mut chance);
            let pieces = cut(&turns, &mut chance);
            let inside: Embedded = super::recording::server(database);
            let mut lab = Lab::with(database, |_| Upstream::Embedded(Box::new(inside)));
            let near = lab.connect_inside();
            let mut said = lab.carry(&near, b"", &near);
            for piece in &pieces {
                said.extend(lab.carry(&near, piece, &near));
            }
            assert!(said == bounds::serve(database, &pieces).said, "as without a tap");
            drop(near);
            lab.until(Lab::is_empty);
        }
    }
}

/// More than sockets hold, while the other side does not read.
#[test]
fn much_passes_unchanged_in_both_directions() {
    for database in BOTH {
        let mut lab = Lab::new(database);
        let (near, far) = lab.connect();
        let much: Vec<u8> = (0..3_000_001_usize).map(|place| place.to_le_bytes()[place % 3]).collect();
        assert_eq!((lab.write(&near, &much), lab.write(&far, &much)), (much.len(), much.len()));
        assert!(lab.carry(&near, b"", &far) == much);
        assert!(lab.carry(&far, b"", &near) == much);
    }
}
