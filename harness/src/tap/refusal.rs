//! The server takes no new sessions: what a client meets then, and whose doing it is that the door is closed.
//!
//! A session that is not taken is one like any other, with a server behind it that ends it at once, or says that it is full. So it needs
//! no server, and does not disturb what others do on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::interleaving::Refusal;
use crate::pool::Database;

/// Whether new sessions are taken.
#[derive(Debug, Default)]
pub(super) struct Door(Arc<AtomicU8>);

/// New sessions are not taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct Refusing(Arc<AtomicU8>);

/// The door is open; every other number is one more than the place of what happens in [`Refusal::ALL`].
const OPEN: u8 = 0;

impl Door {
    pub(super) fn close(&self, how: Refusal) -> Refusing {
        let place = Refusal::ALL.iter().position(|other| *other == how).unwrap_or_default();
        self.0.store(1 + place as u8, Ordering::Relaxed);
        Refusing(Arc::clone(&self.0))
    }

    /// How new sessions are refused, if they are.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let closed = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Refusal::ALL.get(usize::from(closed)).copied()
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.0.store(OPEN, Ordering::Relaxed);
    }
}

/// The server's side of a session that it does not take.
pub(super) struct Refused {
    how: Refusal,
    database: Database,
    /// What the client has written and nobody has understood.
    heard: Vec<u8>,
    /// The client writes no more.
    closing: bool,
    /// The session was ended.
    pub(super) ended: bool,
}

/// What such a server does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// It waits for the client.
    Listens,
    /// It says this.
    Says(Vec<u8>),
    /// It says this, and ends the session.
    Ends(Vec<u8>),
}

impl Refused {
    pub(super) fn new(how: Refusal, database: Database) -> Self {
        Self { how, database, heard: Vec::new(), closing: false, ended: false }
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) {
        if !self.ended {
            self.heard.extend_from_slice(bytes);
        }
    }

    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    pub(super) fn react(&mut self) -> Reaction {
        match (self.how, self.database) {
            _ if self.closing => Reaction::Ends(Vec::new()),
            (Refusal::Closed, _) => Reaction::Ends(Vec::new()),
            (Refusal::Full, Database::MySql) => Reaction::Ends(mysql_is_full()),
            (Refusal::Full, Database::Postgres) => self.react_to_startup(),
        }
    }

    /// PostgreSQL reads the first message of a client before it says anything.
    fn react_to_startup(&mut self) -> Reaction {
        let Some((head, rest)) = self.heard.split_first_chunk::<4>() else { return Reaction::Listens };
        let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
        let Some(code) = rest.first_chunk::<4>() else { return Reaction::Listens };
        match u32::from_be_bytes(*code) {
            CANCEL_REQUEST => Reaction::Ends(Vec::new()),
            _ if length > self.heard.len() && length <= LONGEST_STARTUP => Reaction::Listens,
            SSL_REQUEST | GSS_REQUEST => {
                self.heard.drain(..length.min(self.heard.len()));
                Reaction::Says(b"N".to_vec())
            }
            _ => Reaction::Ends(postgres_is_full()),
        }
    }
}

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
/// As PostgreSQL has it: MAX_STARTUP_PACKET_LENGTH.
const LONGEST_STARTUP: usize = 10_000;

/// What PostgreSQL says when `max_connections` are open, without the place in its source.
pub(super) fn postgres_is_full() -> Vec<u8> {
    let fields = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
    let length = (fields.len() + 4) as u32;
    [&b"E"[..], &length.to_be_bytes(), fields].concat()
}

/// What MySQL and MariaDB say in place of a greeting: ER_CON_COUNT_ERROR. Before the handshake an error has no SQL state.
pub(super) fn mysql_is_full() -> Vec<u8> {
    let words = b"\xff\x10\x04Too many connections";
    let length = (words.len() as u32).to_le_bytes();
    [&length[..3], &[0], words].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_closes_the_door_opens_it_by_letting_go() {
        let door = Door::default();
        let refusing = door.close(Refusal::Full);
        assert_eq!(door.refusal(), Some(Refusal::Full));
        drop(refusing);
        assert_eq!(door.refusal(), None);
    }

    #[test]
    fn a_full_postgres_answers_the_first_message_and_no_earlier() {
        let mut refused = Refused::new(Refusal::Full, Database::Postgres);
        assert_eq!(refused.react(), Reaction::Listens);
        refused.hear(&[&8_u32.to_be_bytes()[..], &SSL_REQUEST.to_be_bytes()].concat());
        assert_eq!(refused.react(), Reaction::Says(b"N".to_vec()));
        refused.hear(&[&12_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes(), b"use"].concat());
        assert_eq!(refused.react(), Reaction::Listens);
        refused.hear(b"r");
        assert_eq!(refused.react(), Reaction::Ends(postgres_is_full()));
    }

    #[test]
    fn a_client_that_goes_or_only_cancels_is_told_nothing() {
        for database in [Database::Postgres, Database::MySql] {
            assert_eq!(Refused::new(Refusal::Closed, database).react(), Reaction::Ends(Vec::new()));
        }
        let mut refused = Refused::new(Refusal::Full, Database::Postgres);
        refused.hear(&[&16_u32.to_be_bytes()[..], &CANCEL_REQUEST.to_be_bytes()].concat());
        assert_eq!(refused.react(), Reaction::Ends(Vec::new()));
        let mut gone = Refused::new(Refusal::Full, Database::Postgres);
        gone.close();
        assert_eq!(gone.react(), Reaction::Ends(Vec::new()));
    }
}
