//! The client's messages: cutting them out of the bytes, and reading their bodies.

use super::error::Problem;
use crate::server::embedded::MOST_IN_A_FRAME;

/// PostgreSQL closes without a word on a message of a short kind that is longer than this.
const LONGEST_SHORT: usize = 10_000;

/// The longest message of any kind that PostgreSQL would take.
const LONGEST: usize = 0x3fff_fffe;

/// What the bytes begin with.
#[derive(Debug, PartialEq)]
pub(super) enum Cut<'a> {
    /// Not a whole message yet.
    Short,
    /// A message: its type, its body, and how many bytes it takes.
    Whole(u8, &'a [u8], usize),
    /// No message: the session ends, with words or without.
    Broken(Option<Problem>),
}

/// Cuts a message with a type out of the bytes.
///
/// Source: `SocketBackend` in `tcop/postgres.c`.
pub(super) fn cut(bytes: &[u8]) -> Cut<'_> {
    let Some((tag, rest)) = bytes.split_first() else { return Cut::Short };
    let most = match tag {
        b'Q' | b'F' | b'B' | b'P' | b'd' => LONGEST,
        b'X' | b'C' | b'D' | b'E' | b'H' | b'S' | b'c' | b'f' => LONGEST_SHORT,
        _ => return Cut::Broken(Some(Problem::fatal("08P01", format!("invalid frontend message type {tag}")))),
    };
    cut_rest(*tag, rest, most)
}

/// Cuts a message out of the bytes where a password is due.
pub(super) fn cut_password(bytes: &[u8]) -> Cut<'_> {
    match bytes.split_first() {
        None => Cut::Short,
        Some((b'p', rest)) => cut_rest(b'p', rest, 1024),
        Some((tag, _)) => Cut::Broken(Some(Problem::fatal("08P01", format!("expected SASL response, got message type {tag}")))),
    }
}

/// Cuts a message without a type out of the bytes: one that begins a session.
pub(super) fn cut_startup(bytes: &[u8]) -> Cut<'_> {
    match size(bytes) {
        None => Cut::Short,
        Some(length) if !(8..=10_004).contains(&length) => Cut::Broken(None),
        Some(length) => bytes.get(4..length).map_or(Cut::Short, |body| Cut::Whole(0, body, length)),
    }
}

fn cut_rest(tag: u8, rest: &[u8], most: usize) -> Cut<'_> {
    match size(rest) {
        None => Cut::Short,
        Some(length) if length < 4 || length - 4 > most => Cut::Broken(None),
        Some(length) if length > MOST_IN_A_FRAME => {
            let message = format!("a message of {length} bytes is longer than this server takes");
            Cut::Broken(Some(Problem::fatal("54000", message)))
        }
        Some(length) => rest.get(4..length).map_or(Cut::Short, |body| Cut::Whole(tag, body, length + 1)),
    }
}

/// A length; a negative one is too long.
fn size(bytes: &[u8]) -> Option<usize> {
    bytes.first_chunk().map(|bytes| usize::try_from(u32::from_be_bytes(*bytes)).unwrap_or(usize::MAX))
}

/// Reads a body from its start.
pub(super) struct Body<'a>(pub(super) &'a [u8]);

impl<'a> Body<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, Problem> {
        self.array::<1>().map(|[byte]| byte).map_err(|_| Problem::error("08P01", "no data left in message"))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Problem> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Problem> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Problem> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Problem> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(too_short)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A text that ends with a zero.
    pub(super) fn text(&mut self) -> Result<&'a str, Problem> {
        let bytes = self.raw_text()?;
        std::str::from_utf8(bytes).map_err(|error| {
            let wrong = bytes.get(error.valid_up_to()..).unwrap_or_default();
            let wrong = wrong.get(..error.error_len().unwrap_or(wrong.len())).unwrap_or_default();
            let wrong: Vec<_> = wrong.iter().map(|byte| format!("0x{byte:02x}")).collect();
            Problem::error("22021", format!("invalid byte sequence for encoding \"UTF8\": {}", wrong.join(" ")))
        })
    }

    /// A text that ends with a zero, before anybody asks what it says.
    pub(super) fn raw_text(&mut self) -> Result<&'a [u8], Problem> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = end.and_then(|end| Some((self.0.get(..end)?, self.0.get(end + 1..)?)));
        let (text, rest) = text.ok_or_else(|| Problem::error("08P01", "invalid string in message"))?;
        self.0 = rest;
        Ok(text)
    }

    /// A number of things, then the things.
    pub(super) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, Problem>) -> Result<Vec<T>, Problem> {
        let count = self.u16()?;
        (0..count).map(|_| read(self)).collect()
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::error("08P01", "invalid message format")) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(too_short)?;
        self.0 = rest;
        Ok(*array)
    }
}

fn too_short() -> Problem {
    Problem::error("08P01", "insufficient data left in message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_when_it_is_whole() {
        let bytes = b"S\0\0\0\x04Q\0\0";
        for length in 0..5 {
            assert_eq!(cut(&bytes[..length]), Cut::Short);
        }
        assert_eq!(cut(bytes), Cut::Whole(b'S', &[], 5));
    }

    #[test]
    fn what_is_no_message_ends_the_session_as_in_postgresql() {
        assert!(matches!(cut(b"z"), Cut::Broken(Some(problem)) if problem.message == "invalid frontend message type 122"));
        assert_eq!(cut(b"Q\0\0\0\x03"), Cut::Broken(None));
        assert_eq!(cut(b"S\0\0\xff\xff"), Cut::Broken(None));
        assert_eq!(cut(b"Q\xff\xff\xff\xff"), Cut::Broken(None));
        assert!(matches!(cut(b"Q\x02\0\0\0"), Cut::Broken(Some(problem)) if problem.code == "54000"));
        assert_eq!(cut_startup(&[0, 0, 0, 7]), Cut::Broken(None));
        assert_eq!(cut_startup(b"\x16\x03\x01\x02"), Cut::Broken(None));
    }
}
