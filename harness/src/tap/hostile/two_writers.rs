//! Two writers on one connection, as a forked child's bytes get into its parent's: each frame of one at each place in the other's.

use super::bounds::serve;
use super::mutation::frames;
use super::recording::recordings;
use super::{Attempt, scaled};
use crate::pool::Database;

/// A session in which another writer's bytes come in at a place, each write as a piece of its own.
pub(super) fn mixed(turns: &[Vec<u8>], mut place: usize, frame: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut turns = turns.iter();
    for turn in turns.by_ref() {
        if place <= turn.len() {
            pieces.extend([turn[..place].to_vec(), frame.to_vec(), turn[place..].to_vec()]);
            break;
        }
        place -= turn.len();
        pieces.push(turn.clone());
    }
    pieces.extend(turns.cloned());
    pieces
}

/// Each frame that clients write.
pub(super) fn written(database: Database) -> Vec<Vec<u8>> {
    let turns = recordings(database).into_iter().flat_map(|recording| recording.client());
    turns.flat_map(|turn| frames(database, &turn).into_iter().map(|frame| turn[frame].to_vec()).collect::<Vec<_>>()).collect()
}

fn mix(name: &str, database: Database) {
    let frames = written(database);
    let (mut number, mut lost) = (0, 0);
    for recording in recordings(database) {
        let turns = recording.client();
        serve(database, &turns);
        for place in 0..=turns.iter().map(Vec::len).sum() {
            // Every frame at every place in the night; for every change every place has some, and every frame some places.
            let some = scaled(2, frames.len());
            for frame in (0..some).map(|next| &frames[(place * some + next) % frames.len()]) {
                let attempt = Attempt(name, number);
                lost += usize::from(serve(database, &mixed(&turns, place, frame)).lost);
                number += 1;
                drop(attempt);
            }
        }
    }
    assert!((number / 20..number).contains(&lost), "{lost} of {number} are unreadable");
}

#[test]
fn two_writers_to_postgres_are_survived() {
    mix("two writers to postgres", Database::Postgres);
}

#[test]
fn two_writers_to_mysql_are_survived() {
    mix("two writers to mysql", Database::MySql);
}
