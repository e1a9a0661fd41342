//! What holds for both protocols, however the bytes are cut and whatever they are.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::splitter::{KEPT, RESERVED};
use super::{Wire, WireState, mysql_tests, postgres_tests};
use crate::history::Frame;
use crate::nonce::Nonce;
use crate::pool::Database;

pub(super) const NONCE: &str = "poolproof-7-3.";

/// Who wrote, and what.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    Client(Vec<u8>),
    Server(Vec<u8>),
}

use Turn::{Client, Server};

impl Turn {
    fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Client(bytes) | Server(bytes) => bytes,
        }
    }

    fn len(&self) -> usize {
        match self {
            Client(bytes) | Server(bytes) => bytes.len(),
        }
    }

    /// The same in pieces, cut at these places.
    fn cut(&self, at: impl IntoIterator<Item = usize>) -> Vec<Self> {
        let (whole, piece): (_, fn(Vec<u8>) -> Self) = match self {
            Client(bytes) => (bytes, Client),
            Server(bytes) => (bytes, Server),
        };
        let mut places: Vec<_> = at.into_iter().chain([0, whole.len()]).collect();
        places.sort_unstable();
        places.windows(2).map(|pair| piece(whole[pair[0]..pair[1]].to_vec())).collect()
    }
}

fn hear(wire: &mut Wire, turn: &Turn, frames: &mut Vec<Frame>) {
    match turn {
        Client(bytes) => wire.client(bytes, frames),
        Server(bytes) => wire.server(bytes, frames),
    }
}

/// The state after each turn, and all frames.
pub(super) fn listen(database: Database, turns: &[Turn]) -> (Vec<WireState>, Vec<Frame>) {
    let (mut wire, mut frames) = (Wire::new(database), Vec::new());
    let states = turns.iter().map(|turn| {
        hear(&mut wire, turn, &mut frames);
        *wire.state()
    });
    (states.collect(), frames)
}

/// The last state, and all frames.
fn outcome(database: Database, turns: &[Turn]) -> (Option<WireState>, Vec<Frame>) {
    let (states, frames) = listen(database, turns);
    (states.last().copied(), frames)
}

fn conversation() -> impl Strategy<Value = (Database, Vec<Turn>)> {
    let postgres = postgres_tests::conversations().into_iter().map(|turns| (Database::Postgres, turns));
    let mysql = mysql_tests::conversations().into_iter().map(|turns| (Database::MySql, turns));
    proptest::sample::select(postgres.chain(mysql).collect::<Vec<_>>())
}

/// A conversation in which bytes were overwritten, taken out or put in, and turns were exchanged.
fn mutated() -> impl Strategy<Value = (Database, Vec<Turn>)> {
    let change = (any::<Index>(), any::<Index>(), 0..4u8, prop_oneof![Just(0xff), Just(0xfe), Just(0), any::<u8>()]);
    (conversation(), vec(change, 0..6)).prop_map(|((database, mut turns), changes)| {
        for (turn, place, kind, byte) in changes {
            let turn = turn.index(turns.len());
            let bytes = turns[turn].bytes();
            let at = place.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(at, byte),
                1 => drop(bytes.drain(at..(at + 1).min(bytes.len()))),
                2 => bytes.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
                _ => turns.swap(turn, at % (turn + 1)),
            }
        }
        (database, turns)
    })
}

fn noise() -> impl Strategy<Value = (Database, Vec<Turn>)> {
    // Small numbers are lengths and types more often than others.
    let byte = prop_oneof![0..8u8, any::<u8>(), Just(0xff), Just(0xfe)];
    let turn = (any::<bool>(), vec(byte, 0..80)).prop_map(|(client, bytes)| if client { Client(bytes) } else { Server(bytes) });
    (prop_oneof![Just(Database::Postgres), Just(Database::MySql)], vec(turn, 0..8))
}

proptest! {
    /// The same bytes in one piece and in any pieces give the same frames and the same state. It fails when a reader
    /// forgets anything between two pieces.
    #[test]
    fn cutting_changes_nothing((database, turns) in prop_oneof![conversation(), mutated()], at in vec(any::<Index>(), 0..40)) {
        let whole = outcome(database, &turns);
        let cut: Vec<_> = turns.iter().flat_map(|turn| turn.cut(at.iter().map(|at| at.index(turn.len() + 1)))).collect();
        prop_assert_eq!(&whole, &outcome(database, &cut));
        let bytewise: Vec<_> = turns.iter().flat_map(|turn| turn.cut(0..turn.len())).collect();
        prop_assert_eq!(&whole, &outcome(database, &bytewise));
    }

    /// Whatever comes, reading neither panics nor finds more bytes in frames than were written, and what was once
    /// unreadable stays so.
    #[test]
    fn nothing_makes_reading_fail((database, turns) in prop_oneof![mutated(), noise()]) {
        let (states, frames) = listen(database, &turns);
        let read: usize = frames.iter().map(|frame| usize::try_from(frame.bytes).expect("small")).sum();
        prop_assert!(read <= turns.iter().map(Turn::len).sum());
        prop_assert!(states.is_sorted_by_key(|state| state.desynchronised));
    }
}

/// A frame of three times what is kept, the nonce at a place in it, and a short frame after it.
fn long(database: Database, nonce_at: usize) -> (Vec<u8>, Vec<u8>) {
    let mut sql = vec![b' '; 3 * KEPT];
    sql[nonce_at..nonce_at + NONCE.len()].copy_from_slice(NONCE.as_bytes());
    match database {
        Database::Postgres => (postgres_tests::message(b'Q', &sql), postgres_tests::message(b'X', b"")),
        Database::MySql => {
            sql.insert(0, 3);
            (mysql_tests::packet(0, &sql), mysql_tests::packet(0, &[1]))
        }
    }
}

#[test]
fn a_long_frame_is_counted_and_not_kept() {
    for (database, login) in [(Database::Postgres, postgres_tests::login()), (Database::MySql, mysql_tests::login())] {
        // Where it is still kept the nonce is found, in one piece and in many; behind that in neither.
        let ends = KEPT - NONCE.len();
        for (nonce_at, found) in [(0, true), (ends - 1, true), (ends + 1, false), (2 * KEPT, false)] {
            for piece in [usize::MAX, 60_000] {
                let (mut wire, mut frames) = (Wire::new(database), Vec::new());
                login.iter().for_each(|turn| hear(&mut wire, turn, &mut frames));
                frames.clear();
                let (long, short) = long(database, nonce_at);
                let mut largest = 0;
                for bytes in long.chunks(piece.min(long.len())) {
                    wire.client(bytes, &mut frames);
                    largest = largest.max(wire.client.held());
                }
                wire.client(&short, &mut frames);
                let bytes: Vec<_> = frames.iter().map(|frame| usize::try_from(frame.bytes).expect("small")).collect();
                assert_eq!(bytes, [long.len(), short.len()]);
                assert_eq!(frames[0].nonce, found.then_some(Nonce { run: 7, step: 3 }), "{database:?} {nonce_at}");
                assert!(largest <= 2 * KEPT && wire.client.held() <= RESERVED, "{largest}");
                assert!(wire.state().goodbye);
            }
        }
    }
}
