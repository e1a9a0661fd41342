//! The client's side of MySQL's protocol, as MySQL and MariaDB speak it: login, text queries, prepared statements.
//!
//! It has no socket and never waits: bytes go in by [`Conversation::received`], what they mean comes out by
//! [`Conversation::next`], and what is to be sent by [`Conversation::output`]. It must not know what is asked.

mod login;
mod rows;

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthMoreData, AuthSwitchRequest, Column, CommonOkPacket, ErrPacket, HandshakePacket, OkPacketDeserializer, OldEofPacket,
    StmtPacket,
};
use mysql_common::proto::codec::PacketCodec;

use self::login::Login;

pub(crate) use self::login::Guest;

/// The largest answer that is taken, in bytes.
const LARGEST: usize = 256 << 20;

/// One conversation with a server, from its greeting on.
pub(crate) struct Conversation {
    login: Login,
    state: State,
    codec: PacketCodec,
    incoming: BytesMut,
    packet: Vec<u8>,
    output: Vec<u8>,
    /// What says who logs in, until the connection is encrypted.
    response: Vec<u8>,
    number: u32,
    in_transaction: bool,
}

/// What the server's bytes mean.
pub(crate) enum Event {
    /// What follows is encrypted: when that is agreed on, [`Conversation::encrypted`] goes on.
    Encrypts,
    /// The login was accepted.
    LoggedIn,
    Row(Vec<Option<String>>),
    /// A statement was prepared under this number. It ends the answer.
    Prepared(u32),
    /// The answer is complete.
    Answered,
    /// An error, in the server's words. It ends the answer.
    Refused(String),
}

/// What the client asks for.
#[derive(Clone, Copy)]
pub(crate) enum Command<'a> {
    Quit,
    Query(&'a str),
    Prepare(&'a str),
    /// The statement of this number, with this one argument.
    Execute(u32, &'a str),
    ResetConnection,
}

/// What comes next.
enum State {
    Greeting,
    LoggingIn,
    /// The answer to a command, if there was one.
    Answer(Form),
    /// So many descriptions of columns, after those that are here.
    Columns(u64, Vec<Column>, Form),
    ColumnsEnd(Arc<[Column]>, Form),
    Rows(Arc<[Column]>, Form),
    /// So many packets that describe a prepared statement, and its number.
    Description(u32, u32),
}

/// What an answer looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    /// That of the execution of a prepared statement.
    Binary,
    /// That of its preparation.
    Prepared,
}

impl Conversation {
    /// A conversation that has not begun: the server speaks first.
    pub(crate) fn new(guest: Guest) -> Self {
        let mut codec = PacketCodec::default();
        codec.max_allowed_packet = LARGEST;
        Self {
            login: Login::new(guest),
            state: State::Greeting,
            codec,
            incoming: BytesMut::new(),
            packet: Vec::new(),
            output: Vec::new(),
            response: Vec::new(),
            number: 0,
            in_transaction: false,
        }
    }

    /// The server's number for the session.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// By the server's last word the session is inside a transaction.
    pub(crate) fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// The bytes that are to be written to the server. Whoever writes them takes them out.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Takes what the server wrote, however it is cut.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
    }

    /// Asks. The answer to what was asked before must be complete.
    ///
    /// # Errors
    /// A command that is too long for the protocol.
    pub(crate) fn ask(&mut self, command: Command<'_>) -> Result<(), String> {
        let (body, form) = match command {
            Command::Quit => (vec![1], Form::Text),
            Command::Query(sql) => ([&[3], sql.as_bytes()].concat(), Form::Text),
            Command::Prepare(sql) => ([&[22], sql.as_bytes()].concat(), Form::Prepared),
            Command::Execute(statement, argument) => (rows::execution(statement, argument), Form::Binary),
            Command::ResetConnection => (vec![31], Form::Text),
        };
        self.codec.reset_seq_id();
        self.state = State::Answer(form);
        self.send(&body)
    }

    /// What the bytes mean that are here; nothing if more are needed. There may be output afterwards.
    ///
    /// # Errors
    /// Why nothing more can be understood or said.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, String> {
        // The greeting is packet 0; otherwise the first bytes would be taken for the length of a long packet, and waited for.
        if matches!(self.state, State::Greeting) && self.incoming.get(3).is_some_and(|&number| number != 0) {
            return Err("it does not speak MySQL's protocol".to_owned());
        }
        loop {
            if !self.codec.decode(&mut self.incoming, &mut self.packet).map_err(not_mysql)? {
                return Ok(None);
            }
            let packet = std::mem::take(&mut self.packet);
            let event = match self.state {
                State::Greeting | State::LoggingIn if packet.first() != Some(&0xff) => self.logging_in(&packet)?,
                _ => self.take(&packet).map_err(not_mysql)?,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// The connection is encrypted now: says who logs in.
    ///
    /// # Errors
    /// None that a login could have.
    pub(crate) fn encrypted(&mut self) -> Result<(), String> {
        let response = std::mem::take(&mut self.response);
        self.send(&response)
    }

    fn send(&mut self, packet: &[u8]) -> Result<(), String> {
        let mut bytes = BytesMut::new();
        self.codec.encode(&mut &*packet, &mut bytes).map_err(|error| error.to_string())?;
        self.output.extend_from_slice(&bytes);
        Ok(())
    }

    /// A packet of the login that is no error.
    fn logging_in(&mut self, packet: &[u8]) -> Result<Option<Event>, String> {
        let proof = match (&self.state, packet.first()) {
            (State::Greeting, _) => {
                let greeting: HandshakePacket<'_> = ParseBuf(packet).parse(()).map_err(not_mysql)?;
                self.number = greeting.connection_id();
                self.state = State::LoggingIn;
                let response = self.login.greeted(&greeting)?;
                if let Some(request) = self.login.encrypts(&greeting)? {
                    self.send(&request)?;
                    self.response = response;
                    return Ok(Some(Event::Encrypts));
                }
                Some(response)
            }
            (_, Some(0x00)) => {
                self.state = State::Answer(Form::Text);
                return Ok(Some(Event::LoggedIn));
            }
            (_, Some(0xfe)) if packet.len() > 1 => {
                let switch: AuthSwitchRequest<'_> = ParseBuf(packet).parse(()).map_err(not_mysql)?;
                Some(self.login.begin(&switch.auth_plugin(), switch.plugin_data())?)
            }
            (_, Some(0x01)) => {
                let more: AuthMoreData<'_> = ParseBuf(packet).parse(()).map_err(not_mysql)?;
                self.login.continued(more.data())?
            }
            _ => return Err(not_mysql("its answer to the login is not understood")),
        };
        proof.map_or(Ok(()), |proof| self.send(&proof))?;
        Ok(None)
    }

    /// Any other packet.
    fn take(&mut self, packet: &[u8]) -> io::Result<Option<Event>> {
        let state = std::mem::replace(&mut self.state, State::Answer(Form::Text));
        let (next, event) = match (state, packet.first()) {
            (_, Some(0xff)) => (State::Answer(Form::Text), Some(Event::Refused(words(packet)?))),
            (State::Answer(Form::Prepared), _) => described(ParseBuf(packet).parse(())?),
            (State::Answer(form), Some(0x00)) => {
                let ok: OkPacketDeserializer<'_, CommonOkPacket> = ParseBuf(packet).parse(capabilities())?;
                (State::Answer(form), self.end_of_result(ok.into_inner().status_flags()))
            }
            (State::Answer(form), _) => {
                let columns = ParseBuf(packet).checked_eat_lenenc_int().ok_or_else(cut_short)?;
                (State::Columns(columns, Vec::new(), form), None)
            }
            (State::Columns(left, mut columns, form), _) => {
                columns.push(ParseBuf(packet).parse(())?);
                let left = left.saturating_sub(1);
                (if left == 0 { State::ColumnsEnd(columns.into(), form) } else { State::Columns(left, columns, form) }, None)
            }
            (State::ColumnsEnd(columns, form), _) => (State::Rows(columns, form), None),
            (State::Rows(_, form), Some(0xfe)) if packet.len() < 9 => {
                let end: OkPacketDeserializer<'_, OldEofPacket> = ParseBuf(packet).parse(capabilities())?;
                (State::Answer(form), self.end_of_result(end.into_inner().status_flags()))
            }
            (State::Rows(columns, form), _) => {
                let row = if form == Form::Binary { rows::binary(packet, &columns)? } else { rows::text(packet, &columns)? };
                (State::Rows(columns, form), Some(Event::Row(row)))
            }
            (State::Description(left, statement), _) => description(left.saturating_sub(1), statement),
            (State::Greeting | State::LoggingIn, _) => return Err(io::Error::other("this is no part of a login")),
        };
        self.state = next;
        Ok(event)
    }

    fn end_of_result(&mut self, status: StatusFlags) -> Option<Event> {
        self.in_transaction = status.contains(StatusFlags::SERVER_STATUS_IN_TRANS);
        (!status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS)).then_some(Event::Answered)
    }
}

/// A statement was prepared; what its parameters and columns are called is not asked for. An end follows those of each kind.
fn described(statement: StmtPacket) -> (State, Option<Event>) {
    let packets = |count: u16| if count == 0 { 0 } else { u32::from(count) + 1 };
    description(packets(statement.num_params()) + packets(statement.num_columns()), statement.statement_id())
}

fn description(left: u32, statement: u32) -> (State, Option<Event>) {
    match left {
        0 => (State::Answer(Form::Text), Some(Event::Prepared(statement))),
        left => (State::Description(left, statement), None),
    }
}

/// Old ends of results are the simple ones; both servers still offer them.
pub(crate) fn capabilities() -> CapabilityFlags {
    CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
        | CapabilityFlags::CLIENT_MULTI_STATEMENTS
        | CapabilityFlags::CLIENT_MULTI_RESULTS
}

/// Before the login some servers leave the SQL state out.
fn words(packet: &[u8]) -> io::Result<String> {
    let parsed = ParseBuf(packet).parse::<ErrPacket<'_>>(capabilities());
    let error = parsed.or_else(|_| ParseBuf(packet).parse::<ErrPacket<'_>>(CapabilityFlags::empty()))?;
    let error = error.server_error();
    Ok(format!("{} ({})", error.message_str(), error.error_code()))
}

fn not_mysql(error: impl std::fmt::Display) -> String {
    format!("it does not speak MySQL's protocol ({error})")
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a packet is cut short")
}
