//! PostgreSQL's protocol, version 3: what the frames say about the session.
//!
//! Sources: chapters "Message Flow" and "Message Formats" of PostgreSQL's documentation, and `tcop/postgres.c` for what
//! the server skips.

use super::told::{self, Aim};
use super::{Layout, Raw, Reading, Session, WireState};

// The codes that stand in a startup packet in the place of a version.
const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_ENCRYPTION_REQUEST: u32 = 80_877_104;
const MAJOR_VERSION: u32 = 3;

// The two authentication messages that ask nothing of the client.
const AUTHENTICATION_OK: u32 = 0;
const AUTHENTICATION_SASL_FINAL: u32 = 12;
/// The one that the client answers with a mechanism and what it has drawn.
const AUTHENTICATION_SASL: u32 = 10;

/// Where a conversation stands.
#[derive(Default)]
pub(super) struct Postgres {
    /// The startup message has passed: the client's frames have types from now on.
    started: bool,
    /// Requests for encryption of which the one-byte answer is still to come.
    encryption: usize,
    /// How many `ReadyForQuery` are still to come: one for the start, one for each `Query`, `FunctionCall` and `Sync`.
    pending: usize,
    /// The last of them is for a `Query` or `FunctionCall`.
    simple: bool,
    /// Messages of the extended protocol of which the reply is still to come.
    unanswered: usize,
    /// Those among them that a `Flush` asks for without a `Sync`.
    flushed: usize,
    /// The server waits for the client in the middle of an exchange: for a password, or for the data of a COPY.
    asked: bool,
    /// It waits for the first message of SASL.
    mechanism: bool,
    /// The client has ended its data before the server asked for it.
    ended: bool,
    /// After an error in the extended protocol the server passes over everything up to the next `Sync`.
    skipping: bool,
}

impl Session for Postgres {
    fn client_layout(&self) -> Layout {
        if self.started { Layout::Typed(client_name) } else { Layout::Startup }
    }

    fn server_layout(&self) -> Layout {
        if self.encryption > 0 { Layout::Byte } else { Layout::Typed(server_name) }
    }

    fn client(&mut self, raw: &Raw<'_>, state: &mut WireState) -> Reading {
        if matches!(raw.layout, Layout::Startup) {
            return self.startup(raw.body, state).map_or(Reading::Lost, Reading::Frame);
        }
        match raw.tag {
            b'Q' | b'F' if !self.skipping => self.expect_ready(true),
            // While the server waits for the data of a COPY it ignores Sync.
            b'S' if !self.asked => {
                self.skipping = false;
                self.expect_ready(false);
            }
            b'P' | b'B' | b'D' | b'E' | b'C' if !self.skipping => self.unanswered += 1,
            b'H' => self.flushed = self.unanswered,
            b'p' => {
                self.asked = false;
                if std::mem::take(&mut self.mechanism) {
                    state.told.random = told::random_of_scram(raw.body);
                }
            }
            b'c' | b'f' => {
                self.ended = !self.asked;
                self.asked = false;
            }
            b'X' => return Reading::Goodbye("Terminate"),
            _ => {}
        }
        client_name(raw.tag).map_or(Reading::Lost, Reading::Frame)
    }

    fn server(&mut self, raw: &Raw<'_>, state: &mut WireState) -> Reading {
        if matches!(raw.layout, Layout::Byte) {
            self.encryption -= 1;
            return match raw.tag {
                b'N' => Reading::Frame("EncryptionResponse"),
                b'S' | b'G' => Reading::Encrypts("EncryptionResponse"),
                _ => Reading::Lost,
            };
        }
        self.answer(raw, state).map_or(Reading::Lost, Reading::Frame)
    }

    fn owed(&self) -> bool {
        self.encryption > 0 || (self.pending + self.flushed > 0 && !self.asked)
    }
}

impl Postgres {
    fn startup(&mut self, body: &[u8], state: &mut WireState) -> Option<&'static str> {
        if state.cancel {
            // The server reads nothing after a cancel request.
            return None;
        }
        match number(body)? {
            CANCEL_REQUEST => {
                state.cancel = true;
                state.told.aim = told::number_and_secret(&body[4..]).map(|name| Aim { name, ends: false });
                Some("CancelRequest")
            }
            code @ (SSL_REQUEST | GSS_ENCRYPTION_REQUEST) => {
                self.encryption += 1;
                Some(if code == SSL_REQUEST { "SSLRequest" } else { "GSSENCRequest" })
            }
            version if version >> 16 == MAJOR_VERSION => {
                self.started = true;
                self.expect_ready(false);
                Some("StartupMessage")
            }
            _ => None,
        }
    }

    fn expect_ready(&mut self, simple: bool) {
        self.pending += 1;
        self.simple = simple;
    }

    fn answer(&mut self, raw: &Raw<'_>, state: &mut WireState) -> Option<&'static str> {
        match raw.tag {
            b'R' => self.authentication(raw.body)?,
            b'Z' => self.ready(raw.body, state)?,
            b'E' => self.error(raw.body, state.ready),
            b'K' => state.told.name = told::number_and_secret(raw.body),
            b'G' | b'W' => self.copy_in(),
            // What concludes the answer to Parse, Bind, Close, Describe (two), Execute (three).
            b'1' | b'2' | b'3' | b'T' | b'n' | b'C' | b'I' | b's' => self.answered(),
            _ => {}
        }
        server_name(raw.tag)
    }

    fn authentication(&mut self, body: &[u8]) -> Option<()> {
        let kind = number(body)?;
        self.asked = !matches!(kind, AUTHENTICATION_OK | AUTHENTICATION_SASL_FINAL);
        self.mechanism = kind == AUTHENTICATION_SASL;
        Some(())
    }

    fn ready(&mut self, body: &[u8], state: &mut WireState) -> Option<()> {
        state.in_transaction = match body {
            b"I" => false,
            b"T" | b"E" => true,
            _ => return None,
        };
        state.ready = true;
        self.pending = self.pending.saturating_sub(1);
        (self.asked, self.ended, self.skipping) = (false, false, false);
        Some(())
    }

    fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.flushed = self.flushed.saturating_sub(1);
    }

    fn error(&mut self, body: &[u8], ready: bool) {
        self.asked = false;
        (self.unanswered, self.flushed) = (0, 0);
        if !ready || is_fatal(body) {
            self.pending = 0;
        } else if self.pending == 0 {
            self.skipping = true;
        }
    }

    /// The server waits for data. Under the extended protocol it ignores each `Sync` that was already written.
    fn copy_in(&mut self) {
        if self.ended {
            self.ended = false;
            return;
        }
        self.asked = true;
        if !self.simple {
            self.pending = 0;
        }
    }
}

/// The number that a body begins with.
fn number(body: &[u8]) -> Option<u32> {
    body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// After such an error no `ReadyForQuery` comes: the server ends the session. `V` is the severity that is never translated;
/// old servers and poolers have only the other.
fn is_fatal(body: &[u8]) -> bool {
    body.split(|byte| *byte == 0).any(|field| matches!(field, b"VFATAL" | b"VPANIC" | b"SFATAL" | b"SPANIC"))
}

fn client_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        b'Q' => "Query",
        b'P' => "Parse",
        b'B' => "Bind",
        b'D' => "Describe",
        b'E' => "Execute",
        b'S' => "Sync",
        b'C' => "Close",
        b'H' => "Flush",
        b'X' => "Terminate",
        // Which of its names applies (SASLInitialResponse, SASLResponse, GSSResponse) the frame itself does not say.
        b'p' => "PasswordMessage",
        b'F' => "FunctionCall",
        b'd' => "CopyData",
        b'c' => "CopyDone",
        b'f' => "CopyFail",
        _ => return None,
    })
}

fn server_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        b'D' => "DataRow",
        b'T' => "RowDescription",
        b'C' => "CommandComplete",
        b'Z' => "ReadyForQuery",
        b'1' => "ParseComplete",
        b'2' => "BindComplete",
        b'3' => "CloseComplete",
        b't' => "ParameterDescription",
        b'n' => "NoData",
        b's' => "PortalSuspended",
        b'I' => "EmptyQueryResponse",
        b'E' => "ErrorResponse",
        b'N' => "NoticeResponse",
        b'A' => "NotificationResponse",
        b'S' => "ParameterStatus",
        b'R' => "Authentication",
        b'K' => "BackendKeyData",
        b'v' => "NegotiateProtocolVersion",
        b'V' => "FunctionCallResponse",
        b'G' => "CopyInResponse",
        b'H' => "CopyOutResponse",
        b'W' => "CopyBothResponse",
        b'd' => "CopyData",
        b'c' => "CopyDone",
        _ => return None,
    })
}
