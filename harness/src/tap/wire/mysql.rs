//! MySQL's protocol, as MySQL and MariaDB speak it: what the packets say about the session.
//!
//! A packet does not say what it is: that follows from what was asked, so each command that awaits an answer stands in a
//! queue, and the answers are read along with it. Sources: "Client/Server Protocol" in MySQL's source documentation, the
//! same chapter of MariaDB's knowledge base, `sql/protocol*.cc` of both.

mod answers;

use std::collections::VecDeque;

use mysql_common::constants::{CapabilityFlags, Command, MariadbCapabilities};

use super::told::{self, Aim, Name, Told};
use super::{Layout, Raw, Reading, Session, WireState};

/// Commands that may await their answers at once; more than any driver pipelines.
const QUEUE: usize = 1024;

/// Where a conversation stands.
pub(super) struct MySql {
    /// What the server offers, and after the handshake what both can do.
    capabilities: CapabilityFlags,
    mariadb: MariadbCapabilities,
    /// What the client's next packet is.
    speech: Speech,
    /// What the server owes, in order.
    queue: VecDeque<Answer>,
    /// Where in the first of them the server is.
    stage: Stage,
}

/// What a packet of the client is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speech {
    HandshakeResponse,
    Command,
    /// One packet that the server's authentication asked for.
    Authentication,
    /// Packets up to an empty one, for `LOAD DATA LOCAL INFILE`.
    File,
}

/// What the server answers with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Greeting,
    /// A dialogue that ends with OK or ERR.
    Authentication,
    /// OK, EOF or ERR.
    Status,
    /// One packet of text.
    Text,
    /// Packets of any content up to an EOF.
    UntilEnd,
    /// OK, or results.
    Results,
    /// The description of a prepared statement.
    Prepared,
    Nothing,
}

/// Where in an answer the server is.
#[derive(Clone, Copy)]
enum Stage {
    Start,
    /// In a block of definitions, which has so many left, and after which one of so many follows.
    Definitions {
        left: u64,
        then: Option<u64>,
    },
    Rows,
}

impl Default for MySql {
    fn default() -> Self {
        Self {
            capabilities: CapabilityFlags::empty(),
            mariadb: MariadbCapabilities::empty(),
            speech: Speech::HandshakeResponse,
            // The server speaks first.
            queue: VecDeque::from([Answer::Greeting]),
            stage: Stage::Start,
        }
    }
}

impl Session for MySql {
    fn client_layout(&self) -> Layout {
        Layout::Packet
    }

    fn server_layout(&self) -> Layout {
        Layout::Packet
    }

    fn client(&mut self, raw: &Raw<'_>, state: &mut WireState) -> Reading {
        match self.speech {
            Speech::HandshakeResponse => self.handshake_response(raw.body),
            Speech::Command => self.command(raw.body, &mut state.told),
            Speech::Authentication => {
                self.speech = Speech::Command;
                Reading::Frame("AuthSwitchResponse")
            }
            Speech::File => {
                if raw.size == 0 {
                    self.speech = Speech::Command;
                }
                Reading::Frame("LocalInfileData")
            }
        }
    }

    fn server(&mut self, raw: &Raw<'_>, state: &mut WireState) -> Reading {
        match self.answer(raw, state) {
            Some(name) if state.ready && self.compressed() => Reading::Last(name),
            Some(name) => Reading::Frame(name),
            None => Reading::BothLost,
        }
    }

    fn owed(&self) -> bool {
        !self.queue.is_empty() && !matches!(self.speech, Speech::Authentication | Speech::File)
    }
}

impl MySql {
    fn handshake_response(&mut self, body: &[u8]) -> Reading {
        // Capabilities, 4 bytes of packet size, a collation, 19 reserved bytes, MariaDB's capabilities.
        let Some(fixed) = body.first_chunk::<32>() else { return Reading::BothLost };
        let theirs = capabilities([fixed[0], fixed[1], fixed[2], fixed[3]]);
        self.mariadb &= mariadb_capabilities(theirs, [fixed[28], fixed[29], fixed[30], fixed[31]]);
        self.capabilities &= theirs;
        if !self.capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
            return Reading::BothLost;
        }
        if self.capabilities.contains(CapabilityFlags::CLIENT_SSL) {
            return Reading::Encrypts("SSLRequest");
        }
        self.speech = Speech::Command;
        self.queue.push_back(Answer::Authentication);
        Reading::Frame("HandshakeResponse")
    }

    fn command(&mut self, body: &[u8], told: &mut Told) -> Reading {
        let known = body.first().and_then(|first| COMMANDS.iter().find(|(command, ..)| *command as u8 == *first));
        let Some((command, name, answer)) = known else { return Reading::BothLost };
        if *answer != Answer::Nothing {
            self.queue.push_back(*answer);
        }
        told.aim = self.aim(*command, &body[1..]).or(told.aim);
        match command {
            _ if self.queue.len() > QUEUE => Reading::BothLost,
            Command::COM_QUIT => Reading::Goodbye(name),
            _ => Reading::Frame(name),
        }
    }

    /// Whom a command is to disturb.
    fn aim(&self, command: Command, rest: &[u8]) -> Option<Aim> {
        match command {
            Command::COM_PROCESS_KILL => {
                let number = u32::from_le_bytes(*rest.first_chunk()?);
                Some(Aim { name: Name { number, secret: None }, ends: true })
            }
            // Where there can be attributes of the statement, here none, two numbers stand before it.
            Command::COM_QUERY if self.capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES) => {
                told::aim_of_kill(rest.strip_prefix(&[0, 1]).unwrap_or(rest))
            }
            Command::COM_QUERY => told::aim_of_kill(rest),
            _ => None,
        }
    }

    /// Everything after the authentication is compressed.
    fn compressed(&self) -> bool {
        self.capabilities.intersects(CapabilityFlags::CLIENT_COMPRESS | CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM)
    }
}

/// The capabilities that a side names in its handshake.
fn capabilities(bytes: [u8; 4]) -> CapabilityFlags {
    CapabilityFlags::from_bits_truncate(u32::from_le_bytes(bytes))
}

/// MariaDB's own capabilities, which only a side that does not call itself MySQL (`CLIENT_MYSQL`, once
/// `CLIENT_LONG_PASSWORD`) puts into bytes that are otherwise reserved.
fn mariadb_capabilities(of: CapabilityFlags, bytes: [u8; 4]) -> MariadbCapabilities {
    if of.contains(CapabilityFlags::CLIENT_LONG_PASSWORD) {
        return MariadbCapabilities::empty();
    }
    MariadbCapabilities::from_bits_truncate(u32::from_le_bytes(bytes))
}

/// The commands and what answers them. Those that servers no longer know are answered with ERR.
const COMMANDS: &[(Command, &str, Answer)] = &[
    (Command::COM_QUERY, "COM_QUERY", Answer::Results),
    (Command::COM_STMT_PREPARE, "COM_STMT_PREPARE", Answer::Prepared),
    (Command::COM_STMT_EXECUTE, "COM_STMT_EXECUTE", Answer::Results),
    (Command::COM_STMT_CLOSE, "COM_STMT_CLOSE", Answer::Nothing),
    (Command::COM_STMT_RESET, "COM_STMT_RESET", Answer::Status),
    (Command::COM_STMT_FETCH, "COM_STMT_FETCH", Answer::UntilEnd),
    (Command::COM_STMT_SEND_LONG_DATA, "COM_STMT_SEND_LONG_DATA", Answer::Nothing),
    (Command::COM_STMT_BULK_EXECUTE, "COM_STMT_BULK_EXECUTE", Answer::Results),
    (Command::COM_PING, "COM_PING", Answer::Status),
    (Command::COM_QUIT, "COM_QUIT", Answer::Nothing),
    (Command::COM_INIT_DB, "COM_INIT_DB", Answer::Status),
    (Command::COM_RESET_CONNECTION, "COM_RESET_CONNECTION", Answer::Status),
    (Command::COM_CHANGE_USER, "COM_CHANGE_USER", Answer::Authentication),
    (Command::COM_SET_OPTION, "COM_SET_OPTION", Answer::Status),
    (Command::COM_FIELD_LIST, "COM_FIELD_LIST", Answer::UntilEnd),
    (Command::COM_STATISTICS, "COM_STATISTICS", Answer::Text),
    (Command::COM_PROCESS_INFO, "COM_PROCESS_INFO", Answer::Results),
    (Command::COM_PROCESS_KILL, "COM_PROCESS_KILL", Answer::Status),
    (Command::COM_CREATE_DB, "COM_CREATE_DB", Answer::Status),
    (Command::COM_DROP_DB, "COM_DROP_DB", Answer::Status),
    (Command::COM_REFRESH, "COM_REFRESH", Answer::Status),
    (Command::COM_DEPRECATED_1, "COM_SHUTDOWN", Answer::Status),
    (Command::COM_DEBUG, "COM_DEBUG", Answer::Status),
    (Command::COM_SLEEP, "COM_SLEEP", Answer::Status),
    (Command::COM_CONNECT, "COM_CONNECT", Answer::Status),
    (Command::COM_TIME, "COM_TIME", Answer::Status),
    (Command::COM_DELAYED_INSERT, "COM_DELAYED_INSERT", Answer::Status),
    (Command::COM_CONNECT_OUT, "COM_CONNECT_OUT", Answer::Status),
    (Command::COM_DAEMON, "COM_DAEMON", Answer::Status),
    (Command::COM_REGISTER_SLAVE, "COM_REGISTER_SLAVE", Answer::Status),
    (Command::COM_BINLOG_DUMP, "COM_BINLOG_DUMP", Answer::UntilEnd),
    (Command::COM_BINLOG_DUMP_GTID, "COM_BINLOG_DUMP_GTID", Answer::UntilEnd),
    (Command::COM_TABLE_DUMP, "COM_TABLE_DUMP", Answer::UntilEnd),
];
