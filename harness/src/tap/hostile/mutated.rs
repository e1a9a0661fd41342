//! A million changed sessions, in both roles, for the decoders and the embedded servers.

use super::bounds::{Outcome, listen, serve};
use super::chance::Chance;
use super::mutation::{cut, frames, mutate};
use super::recording::{Recording, recordings};
use super::{Attempt, scaled};
use crate::pool::Database;

/// Attempts of one protocol and one role; in the night all four make a million.
fn attempts() -> usize {
    scaled(10_000, 250_000)
}

/// Makes all attempts; gives how many of them the decoder could not read.
fn attempt(
    name: &str,
    database: Database,
    side: fn(&Recording) -> Vec<Vec<u8>>,
    bring: fn(&Recording, &[Vec<u8>]) -> Outcome,
) -> usize {
    let recordings = recordings(database);
    let all_turns = recordings.iter().flat_map(side);
    let others: Vec<_> = all_turns
        .flat_map(|turn| frames(database, &turn).into_iter().map(move |frame| turn[frame].to_vec()).collect::<Vec<_>>())
        .collect();
    // Whatever is made once for all is made before anything is counted.
    recordings.iter().for_each(|recording| assert!(!bring(recording, &side(recording)).lost, "a recording can be read"));
    let lost = |number: &usize| {
        let attempt = Attempt(name, *number);
        let mut chance = Chance::of(*number);
        let recording = chance.of_these(&recordings);
        let turns = mutate(database, side(recording), &others, &mut chance);
        let pieces = cut(&turns, &mut chance);
        let lost = bring(recording, &pieces).lost;
        drop(attempt);
        lost
    };
    (0..attempts()).filter(lost).count()
}

/// Both readable and unreadable sessions must be among them: otherwise the attempts are too tame or too wild to say anything.
fn is_mixed(lost: usize) {
    assert!((attempts() / 20..attempts() * 19 / 20).contains(&lost), "{lost} of {} are unreadable", attempts());
}

fn clients(name: &str, database: Database) {
    is_mixed(attempt(name, database, Recording::client, |recording, pieces| serve(recording.database, pieces)));
}

fn servers(name: &str, database: Database) {
    is_mixed(attempt(name, database, Recording::server, |recording, pieces| {
        listen(recording.database, &recording.client(), pieces)
    }));
}

#[test]
fn changed_clients_of_postgres_are_survived() {
    clients("changed clients of postgres", Database::Postgres);
}

#[test]
fn changed_clients_of_mysql_are_survived() {
    clients("changed clients of mysql", Database::MySql);
}

#[test]
fn changed_servers_of_postgres_are_survived() {
    servers("changed servers of postgres", Database::Postgres);
}

#[test]
fn changed_servers_of_mysql_are_survived() {
    servers("changed servers of mysql", Database::MySql);
}
