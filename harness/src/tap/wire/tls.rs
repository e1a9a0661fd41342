//! The one thing that a client's TLS says in the clear: the random value of its first message.
//!
//! Sources: RFC 8446, sections 4.1.2 (`ClientHello`) and 5.1 (records).

use super::told::fingerprint;

/// A record's header, a message's header and the protocol's version stand before the random value.
const BEFORE: usize = 5 + 4 + 2;
const RANDOM: usize = 32;
/// The kind of a record that carries the handshake, and of the message in it.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// The beginning of what a client writes in TLS, however it is cut.
#[derive(Default)]
pub(super) struct Hello {
    bytes: Vec<u8>,
}

impl Hello {
    /// Takes what comes next; gives the fingerprint of the random value when that has just become complete.
    pub(super) fn random(&mut self, bytes: &[u8]) -> Option<u64> {
        let missing = (BEFORE + RANDOM).checked_sub(self.bytes.len()).filter(|missing| *missing > 0)?;
        self.bytes.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        let random = self.bytes.get(BEFORE..BEFORE + RANDOM)?;
        (self.bytes[0] == HANDSHAKE && self.bytes[5] == CLIENT_HELLO).then(|| fingerprint(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(random: u8) -> Vec<u8> {
        [&[HANDSHAKE, 3, 1, 0, 200, CLIENT_HELLO, 0, 0, 196, 3, 3][..], &[random; RANDOM], &[0; 40]].concat()
    }

    #[test]
    fn the_random_value_is_found_once_however_the_bytes_are_cut() {
        let whole = Hello::default().random(&hello(7)).expect("it is there");
        let (mut cut, mut found) = (Hello::default(), Vec::new());
        hello(7).iter().for_each(|byte| found.extend(cut.random(&[*byte])));
        assert_eq!(found, [whole]);
        assert_ne!(Hello::default().random(&hello(8)), Some(whole));
    }

    #[test]
    fn what_is_no_hello_has_none() {
        assert_eq!(Hello::default().random(b"GET / HTTP/1.1\r\nHost: example.org and so on"), None);
    }
}
