//! Reads both directions of one connection: bytes in, frames and the session's state out.
//!
//! It knows no socket, no process and no clock. Reading never fails: where the bytes make no sense the wire is
//! `desynchronised`, and what comes then is passed over.

mod mysql;
mod postgres;
mod splitter;
mod tls;
mod told;

#[cfg(test)]
mod cutting_tests;
#[cfg(test)]
mod mysql_answer_tests;
#[cfg(test)]
mod mysql_login_tests;
#[cfg(test)]
mod mysql_tests;
#[cfg(test)]
mod postgres_tests;
#[cfg(test)]
mod told_tests;

pub(crate) use told::{Aim, Name};

use splitter::{Layout, Raw, Splitter};
use tls::Hello;
use told::Told;

use crate::history::Frame;
use crate::pool::Database;

/// Reads both directions of one connection, however the bytes are cut.
pub(crate) struct Wire {
    client: Splitter,
    server: Splitter,
    session: Box<dyn Session>,
    state: WireState,
    /// The client's first bytes of TLS.
    hello: Hello,
    /// Encrypted bytes of the client have passed since the last of the server.
    asked: bool,
}

/// What the bytes so far say about a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WireState {
    /// The server has reported the session ready for its first statement.
    pub(crate) ready: bool,
    /// The session is inside a transaction, a failed one included, by the server's last word.
    pub(crate) in_transaction: bool,
    /// The server owes an answer to something that was asked completely. A guess once `desynchronised`; once `encrypted` it says no
    /// more than that the client has written since the server has.
    pub(crate) owed: bool,
    /// The client has said goodbye.
    pub(crate) goodbye: bool,
    /// The connection carries a cancel request and is no session.
    pub(crate) cancel: bool,
    /// Both directions are encrypted from here on, as both sides have agreed.
    pub(crate) encrypted: bool,
    /// A direction can no longer be read: malformed or compressed.
    pub(crate) desynchronised: bool,
    /// What frames have told beside that.
    pub(crate) told: Told,
}

impl Wire {
    /// The wire of a connection over which nothing has passed yet.
    pub(crate) fn new(database: Database) -> Self {
        let session: Box<dyn Session> = match database {
            Database::Postgres => Box::<postgres::Postgres>::default(),
            Database::MySql => Box::<mysql::MySql>::default(),
        };
        let state = WireState { owed: session.owed(), ..WireState::default() };
        Self { client: Splitter::default(), server: Splitter::default(), session, state, hello: Hello::default(), asked: false }
    }

    /// Takes bytes that a client wrote, and pushes the frames that they complete.
    pub(crate) fn client(&mut self, mut bytes: &[u8], frames: &mut Vec<Frame>) {
        while let Some(raw) = self.client.next(&mut bytes, self.session.client_layout()) {
            let reading = self.session.client(&raw, &mut self.state);
            let goodbye = matches!(reading, Reading::Goodbye(_));
            self.state.goodbye |= goodbye;
            frames.extend(reading.name().map(|name| raw.frame(name, goodbye)));
            self.lose(reading);
            self.client.lost |= reading.loses_this();
            self.server.lost |= reading.loses_other();
        }
        if self.state.encrypted && !bytes.is_empty() {
            self.state.told.random = self.hello.random(bytes).or(self.state.told.random);
            self.asked = true;
        }
        self.settle();
    }

    /// Takes bytes that the server wrote, and pushes those frames that they complete and that carry a nonce.
    pub(crate) fn server(&mut self, mut bytes: &[u8], frames: &mut Vec<Frame>) {
        while let Some(raw) = self.server.next(&mut bytes, self.session.server_layout()) {
            let reading = self.session.server(&raw, &mut self.state);
            frames.extend(reading.name().map(|name| raw.frame(name, false)).filter(|frame| frame.nonce.is_some()));
            self.lose(reading);
            self.server.lost |= reading.loses_this();
            self.client.lost |= reading.loses_other();
        }
        self.asked &= !self.state.encrypted || bytes.is_empty();
        self.settle();
    }

    fn lose(&mut self, reading: Reading) {
        self.state.encrypted |= matches!(reading, Reading::Encrypts(_)) && !self.state.desynchronised;
    }

    /// What the bytes so far say.
    pub(crate) fn state(&self) -> &WireState {
        &self.state
    }

    /// What frames have told since this was last asked.
    pub(crate) fn take_told(&mut self) -> Told {
        std::mem::take(&mut self.state.told)
    }

    fn settle(&mut self) {
        self.state.desynchronised |= !self.state.encrypted && (self.client.lost || self.server.lost);
        self.state.owed = if self.state.encrypted { self.asked } else { self.session.owed() };
    }
}

/// One protocol's understanding of the frames of both directions.
trait Session: Send {
    /// How the client's next frame begins.
    fn client_layout(&self) -> Layout;
    /// How the server's next frame begins.
    fn server_layout(&self) -> Layout;
    /// Understands a frame of the client.
    fn client(&mut self, raw: &Raw<'_>, state: &mut WireState) -> Reading;
    /// Understands a frame of the server.
    fn server(&mut self, raw: &Raw<'_>, state: &mut WireState) -> Reading;
    /// The server owes an answer.
    fn owed(&self) -> bool;
}

/// What a session makes of a frame.
#[derive(Clone, Copy)]
enum Reading {
    /// It has this name.
    Frame(&'static str),
    /// It has this name, and the client says goodbye with it.
    Goodbye(&'static str),
    /// It has this name, and is the last that can be read: what follows is compressed.
    Last(&'static str),
    /// The same: what follows is encrypted.
    Encrypts(&'static str),
    /// It makes no sense, and nothing that follows in this direction can.
    Lost,
    /// The same, and without it the other direction cannot be read either.
    BothLost,
}

impl Reading {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Frame(name) | Self::Goodbye(name) | Self::Last(name) | Self::Encrypts(name) => Some(name),
            Self::Lost | Self::BothLost => None,
        }
    }

    fn loses_this(self) -> bool {
        self.loses_other() || matches!(self, Self::Lost)
    }

    fn loses_other(self) -> bool {
        matches!(self, Self::Last(_) | Self::Encrypts(_) | Self::BothLost)
    }
}
