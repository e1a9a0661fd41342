//! Changes to recorded bytes: bits, bytes, ranges, frames, lengths, and how they are cut.

use std::ops::Range;

use super::chance::Chance;
use crate::pool::Database;

/// Bytes that mean something to one of the readers.
const MEANT: &[u8] = b"\0\x01\x03\x04\x7f\x80\xfb\xfe\xff'\"();:$-.,*x0%?\\ QPBDESCHXpcdfZ";
/// The longest range that is taken out, put in or repeated.
const LONGEST: usize = 40;

/// Changes the turns of one side, and cuts them. `others`: frames that may be put in.
pub(super) fn mutate(database: Database, mut turns: Vec<Vec<u8>>, others: &[Vec<u8>], chance: &mut Chance) -> Vec<Vec<u8>> {
    for _ in 0..=chance.below(4) {
        let place = chance.below(turns.len());
        if chance.below(16) == 0 {
            change_order(&mut turns, place, chance);
        } else if chance.below(3) == 0 {
            change_frame(database, &mut turns[place], others, chance);
        } else {
            change_bytes(&mut turns[place], chance);
        }
    }
    turns
}

/// Cuts turns into pieces, or puts them together.
pub(super) fn cut(turns: &[Vec<u8>], chance: &mut Chance) -> Vec<Vec<u8>> {
    match chance.below(8) {
        0 => vec![turns.concat()],
        1 => turns.concat().chunks(1 + chance.below(8)).map(<[u8]>::to_vec).collect(),
        2..5 => {
            let whole = turns.concat();
            let mut rest = whole.as_slice();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(1 + chance.below(rest.len().min(200)));
                pieces.push(piece.to_vec());
                rest = after;
            }
            pieces
        }
        _ => turns.to_vec(),
    }
}

fn change_order(turns: &mut Vec<Vec<u8>>, place: usize, chance: &mut Chance) {
    match chance.below(4) {
        0 => {
            let other = chance.below(turns.len());
            turns.swap(place, other);
        }
        1 => turns.truncate(place + 1),
        2 => turns.insert(place, turns[place].clone()),
        _ => turns[place].clear(),
    }
}

fn change_bytes(bytes: &mut Vec<u8>, chance: &mut Chance) {
    if bytes.is_empty() {
        return bytes.push(chance.byte());
    }
    let at = chance.below(bytes.len());
    let range = at..bytes.len().min(at + 1 + chance.below(LONGEST));
    match chance.below(8) {
        0 => bytes[at] ^= 1 << chance.below(8),
        1 => bytes[at] = chance.byte(),
        2 => bytes[at] = *chance.of_these(MEANT),
        3 => drop(bytes.drain(range)),
        4 => drop(bytes.splice(at..at, (0..range.len()).map(|_| chance.byte()).collect::<Vec<_>>())),
        5 => bytes.extend_from_within(range),
        6 => {
            let other = chance.below(bytes.len());
            range.for_each(|place| bytes.swap(place, (place + other) % at.max(1)));
        }
        _ => bytes.truncate(at),
    }
}

fn change_frame(database: Database, bytes: &mut Vec<u8>, others: &[Vec<u8>], chance: &mut Chance) {
    let frames = frames(database, bytes);
    if frames.is_empty() {
        return;
    }
    let frame = chance.of_these(&frames).clone();
    match chance.below(6) {
        0 => drop(bytes.drain(frame)),
        1 => drop(bytes.splice(frame.start..frame.start, bytes[frame.clone()].to_vec())),
        2 => drop(bytes.splice(frame.start..frame.start, chance.of_these(others).iter().copied())),
        3 => {
            let other = chance.of_these(&frames).clone();
            let moved: Vec<u8> = bytes.drain(frame).collect();
            let to = other.start.min(bytes.len());
            drop(bytes.splice(to..to, moved));
        }
        _ => change_length(database, &mut bytes[frame], chance),
    }
}

/// Writes another length: one too many or too few, none, the most, anything.
fn change_length(database: Database, frame: &mut [u8], chance: &mut Chance) {
    let Some(place) = length_at(database, frame) else { return };
    let step = u32::try_from(chance.below(9)).unwrap();
    let mut length = [0; 4];
    let true_length = length_of(database, &frame[place.clone()]);
    let changed = match chance.below(6) {
        0 => true_length.wrapping_add(step),
        1 => true_length.wrapping_sub(step),
        2 => step,
        3 => *chance.of_these(&[0x7fff_ffff, 0x3fff_ffff, 0x00ff_ffff, 0xffff_ffff, 0x8000_0000, 0x0100_0000, 0xffff]),
        _ => u32::from_le_bytes(length.map(|_: u8| chance.byte())) >> (8 * chance.below(4)),
    };
    match database {
        Database::Postgres => length = changed.to_be_bytes(),
        Database::MySql => length = changed.to_le_bytes(),
    }
    frame[place.clone()].copy_from_slice(&length[..place.len()]);
}

/// The frames that bytes begin with, as far as their lengths make sense.
pub(super) fn frames(database: Database, bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut frames, mut start) = (Vec::new(), 0);
    while let Some(place) = length_at(database, &bytes[start..]) {
        let length = usize::try_from(length_of(database, &bytes[start..][place.clone()])).unwrap();
        let end = match database {
            Database::Postgres => start + place.start + length.max(4),
            Database::MySql => start + 4 + length,
        };
        if end > bytes.len() {
            break;
        }
        frames.push(start..end);
        start = end;
    }
    frames
}

/// Where a frame has its length. PostgreSQL's first frames have no type, and begin with a 0.
fn length_at(database: Database, frame: &[u8]) -> Option<Range<usize>> {
    let place = match (database, frame.first()?) {
        (Database::MySql, _) => 0..3,
        (Database::Postgres, 0) => 0..4,
        (Database::Postgres, _) => 1..5,
    };
    (frame.len() >= place.end).then_some(place)
}

fn length_of(database: Database, bytes: &[u8]) -> u32 {
    match database {
        Database::Postgres => u32::from_be_bytes(bytes.try_into().unwrap()),
        Database::MySql => u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]),
    }
}
