//! Packets: a body behind its length and number, cut into parts where it is longer than a length can say.
//!
//! `mysql_common`'s codec is a client's: it repairs numbers where a server must refuse them, so this is written by hand.

use super::super::{MOST_IN_A_FRAME as LARGEST, MOST_OUTPUT};
use super::error::Error;

/// The longest part; a packet goes on after a part of this length.
const PART: usize = 0xff_ffff;
const HEADER: usize = 4;
/// What a client may send ahead while its session waits for something; more than any driver pipelines.
const AHEAD: usize = LARGEST + PART;

/// Takes bytes, gives packets.
#[derive(Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    /// How many of them are behind us.
    taken: usize,
    /// The parts of a packet that has more.
    begun: Vec<u8>,
    /// A packet is in parts, and not all are here.
    in_parts: bool,
}

impl Incoming {
    /// Adds bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// There is more than anybody sends ahead.
    pub(super) fn is_flooded(&self) -> bool {
        self.bytes.len().saturating_sub(self.taken) > AHEAD
    }

    /// Nothing more will be read.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The next whole packet, which must have the number that comes next in `numbers`.
    ///
    /// A wrong number is noticed as soon as it is here, and so is a length that is too much.
    pub(super) fn next(&mut self, numbers: &mut u8) -> Result<Option<Vec<u8>>, Error> {
        loop {
            let rest = self.bytes.get(self.taken..).unwrap_or_default();
            let Some(&[a, b, c, number]) = rest.first_chunk::<HEADER>() else { return Ok(None) };
            if number != *numbers {
                return Err(Error::out_of_order());
            }
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            if self.begun.len() + length > LARGEST {
                *numbers = numbers.wrapping_add(1);
                return Err(Error::too_large());
            }
            let Some(body) = rest.get(HEADER..HEADER + length) else { return Ok(None) };
            *numbers = numbers.wrapping_add(1);
            let whole = if self.in_parts || length == PART {
                self.begun.extend_from_slice(body);
                None
            } else {
                Some(body.to_vec())
            };
            self.taken += HEADER + length;
            self.in_parts = length == PART;
            if !self.in_parts {
                return Ok(Some(whole.unwrap_or_else(|| std::mem::take(&mut self.begun))));
            }
        }
    }
}

/// Takes packets, gives bytes.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) bytes: Vec<u8>,
    /// The number of the next packet, of either side: they count together.
    pub(super) number: u8,
}

impl Outgoing {
    /// Adds a packet whose body `write` appends.
    pub(super) fn packet(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let header = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        write(&mut self.bytes);
        let length = self.bytes.len().saturating_sub(header + HEADER);
        if length < PART {
            self.fill_in(header, length);
            return;
        }
        let body = self.bytes.split_off(header + HEADER);
        self.bytes.truncate(header);
        for part in body.chunks(PART) {
            self.part(part);
        }
        if body.len().is_multiple_of(PART) {
            self.part(&[]);
        }
    }

    /// There is more than can be kept for a client that does not read.
    pub(super) fn is_flooded(&self) -> bool {
        self.bytes.len() > MOST_OUTPUT
    }

    fn part(&mut self, part: &[u8]) {
        let header = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        self.bytes.extend_from_slice(part);
        self.fill_in(header, part.len());
    }

    fn fill_in(&mut self, header: usize, length: usize) {
        let [a, b, c, _] = u32::try_from(length).unwrap_or_default().to_le_bytes();
        if let Some(place) = self.bytes.get_mut(header..header + HEADER) {
            place.copy_from_slice(&[a, b, c, self.number]);
        }
        self.number = self.number.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_comes_out_as_it_went_in_however_it_is_cut() {
        for length in [0, 1, 300, PART - 1, PART, LARGEST] {
            let body = vec![7; length];
            let mut outgoing = Outgoing::default();
            outgoing.packet(|bytes| bytes.extend_from_slice(&body));
            let (mut incoming, mut numbers) = (Incoming::default(), 0);
            for piece in outgoing.bytes.chunks(length / 3 + 1) {
                assert_eq!(incoming.next(&mut numbers), Ok(None));
                incoming.push(piece);
            }
            assert_eq!(incoming.next(&mut numbers).unwrap().map(|packet| packet == body), Some(true), "{length}");
            assert_eq!((incoming.next(&mut numbers), numbers), (Ok(None), outgoing.number));
        }
    }

    #[test]
    fn a_wrong_number_and_a_length_that_is_too_much_are_refused_before_the_body_is_here() {
        let mut incoming = Incoming::default();
        incoming.push(&[9, 0, 0, 3]);
        assert_eq!(incoming.next(&mut 0).unwrap_err().code, 1156);
        let mut incoming = Incoming::default();
        incoming.push(&[&[0xff, 0xff, 0xff, 0], &vec![0; PART][..], &[2, 0, 0, 1]].concat());
        assert_eq!(incoming.next(&mut 0).unwrap_err().code, 1153);
    }
}
