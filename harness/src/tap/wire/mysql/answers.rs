//! The server's side of MySQL's protocol: reads each answer along with the command that awaits it.

use mysql_common::constants::{CapabilityFlags, MAX_PAYLOAD_LEN, MariadbCapabilities, StatusFlags};
use mysql_common::io::ParseBuf;
use mysql_common::packets::StmtPacket;

use super::{Answer, MySql, Speech, Stage, capabilities, mariadb_capabilities};
use crate::tap::wire::{Name, Raw, WireState};

/// Columns of a result; both servers allow 4096.
const COLUMNS: u64 = 1 << 16;

// The first bytes that tell packets apart.
const OK: u8 = 0x00;
const AUTH_MORE_DATA: u8 = 0x01;
const LOCAL_INFILE: u8 = 0xfb;
const EOF: u8 = 0xfe;
const ERR: u8 = 0xff;
/// `caching_sha2_password`: the server knows the password's hash, and OK follows at once.
const FAST_AUTHENTICATION: [u8; 2] = [AUTH_MORE_DATA, 3];

impl MySql {
    /// Understands a packet of the server and says its name; `None` if it cannot stand here.
    pub(super) fn answer(&mut self, raw: &Raw<'_>, state: &mut WireState) -> Option<&'static str> {
        let body = raw.body;
        let first = *body.first()?;
        if first == ERR {
            return Some(self.error(body));
        }
        match (*self.queue.front()?, self.stage) {
            (Answer::Greeting, _) => self.greeting(body, state),
            (Answer::Authentication, _) => self.authentication(body, state),
            (Answer::Text, _) => {
                self.finish();
                Some("Text")
            }
            (Answer::Status, _) if first == OK => self.end(body, "OK", state),
            (Answer::Status, _) if first == EOF => self.end(body, "EOF", state),
            (Answer::Prepared, Stage::Start) => self.prepared(body),
            (Answer::Results, Stage::Start) => self.results(body, state),
            (_, Stage::Definitions { left, then }) => self.definition(body, left, then, state),
            // No row of less than the greatest length begins with the byte of EOF.
            (Answer::UntilEnd, _) | (_, Stage::Rows) if first != EOF || raw.size >= MAX_PAYLOAD_LEN => Some("Row"),
            (Answer::UntilEnd, _) => self.end(body, "EOF", state),
            (Answer::Results, Stage::Rows) => self.end_of_result(body, "EOF", state),
            _ => None,
        }
    }

    /// The answer ends here.
    fn finish(&mut self) {
        self.queue.pop_front();
        self.stage = Stage::Start;
    }

    /// The answer ends with this packet, which has a status.
    fn end(&mut self, body: &[u8], name: &'static str, state: &mut WireState) -> Option<&'static str> {
        status(body, state)?;
        self.finish();
        Some(name)
    }

    /// An error ends whatever the server was about to answer; one that nobody waited for ends the session.
    fn error(&mut self, body: &[u8]) -> &'static str {
        // MariaDB reports progress as an error with a code that no error has.
        if body.get(1..3) != Some(&[0xff, 0xff]) {
            self.finish();
            self.speech = Speech::Command;
        }
        "ERR"
    }

    fn greeting(&mut self, body: &[u8], state: &mut WireState) -> Option<&'static str> {
        // The version of the protocol and the server's name; 4 bytes of connection and 9 of scramble, the lower half of the
        // capabilities, collation, 2 bytes of status, the upper half, 7 bytes, MariaDB's capabilities.
        let (10, rest) = body.split_first()? else { return None };
        let name = rest.iter().position(|byte| *byte == 0)?;
        let fixed: &[u8; 31] = rest[name + 1..].first_chunk()?;
        let number = u32::from_le_bytes([fixed[0], fixed[1], fixed[2], fixed[3]]);
        state.told.name = Some(Name { number, secret: None });
        self.capabilities = capabilities([fixed[13], fixed[14], fixed[18], fixed[19]]);
        self.mariadb = mariadb_capabilities(self.capabilities, [fixed[27], fixed[28], fixed[29], fixed[30]]);
        self.finish();
        Some("Handshake")
    }

    fn authentication(&mut self, body: &[u8], state: &mut WireState) -> Option<&'static str> {
        if body.first() == Some(&OK) {
            let name = self.end(body, "OK", state)?;
            state.ready = true;
            return Some(name);
        }
        if body != FAST_AUTHENTICATION {
            self.ask(Speech::Authentication);
        }
        Some(if body.first() == Some(&EOF) { "AuthSwitchRequest" } else { "AuthMoreData" })
    }

    /// The server waits for the client in the middle of an answer, and takes for it what has already been written.
    fn ask(&mut self, speech: Speech) {
        if speech == Speech::Authentication && self.queue.remove(1).is_some() {
            return;
        }
        self.queue.truncate(1);
        self.speech = speech;
    }

    fn results(&mut self, body: &[u8], state: &mut WireState) -> Option<&'static str> {
        match *body.first()? {
            OK => self.end_of_result(body, "OK", state),
            LOCAL_INFILE => {
                self.ask(Speech::File);
                Some("LocalInfileRequest")
            }
            _ => {
                let mut rest = ParseBuf(body);
                let columns = rest.checked_eat_lenenc_int().filter(|columns| *columns <= COLUMNS)?;
                let follow = !self.metadata_is_optional() || rest.checked_eat_u8()? != 0;
                self.definitions(if follow { columns } else { 0 }, None);
                Some("ColumnCount")
            }
        }
    }

    fn end_of_result(&mut self, body: &[u8], name: &'static str, state: &mut WireState) -> Option<&'static str> {
        if status(body, state)?.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) {
            self.stage = Stage::Start;
        } else {
            self.finish();
        }
        Some(name)
    }

    fn prepared(&mut self, body: &[u8]) -> Option<&'static str> {
        let statement: StmtPacket = ParseBuf(body).parse(()).ok()?;
        // Where metadata is optional a thirteenth byte says whether it follows.
        let follow = body.get(12) != Some(&0);
        let block = |count: u16| (count > 0).then_some(if follow { u64::from(count) } else { 0 });
        match (block(statement.num_params()), block(statement.num_columns())) {
            (Some(parameters), columns) => self.definitions(parameters, columns),
            (None, Some(columns)) => self.definitions(columns, None),
            (None, None) => self.finish(),
        }
        Some("COM_STMT_PREPARE_OK")
    }

    /// A block of definitions begins.
    fn definitions(&mut self, left: u64, then: Option<u64>) {
        self.stage = Stage::Definitions { left, then };
        if left == 0 && self.eof_is_deprecated() {
            self.end_of_definitions(then);
        }
    }

    fn definition(&mut self, body: &[u8], left: u64, then: Option<u64>, state: &mut WireState) -> Option<&'static str> {
        if (left > 0) == (body.first() == Some(&EOF)) {
            return None;
        }
        if left > 0 {
            self.definitions(left - 1, then);
            return Some("ColumnDefinition");
        }
        let cursor = status(body, state)?.contains(StatusFlags::SERVER_STATUS_CURSOR_EXISTS);
        if cursor && self.queue.front() == Some(&Answer::Results) {
            // The rows wait for COM_STMT_FETCH.
            self.finish();
        } else {
            self.end_of_definitions(then);
        }
        Some("EOF")
    }

    fn end_of_definitions(&mut self, then: Option<u64>) {
        match then {
            Some(next) => self.definitions(next, None),
            None if self.queue.front() == Some(&Answer::Prepared) => self.finish(),
            None => self.stage = Stage::Rows,
        }
    }

    fn eof_is_deprecated(&self) -> bool {
        self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    }

    /// Behind the number of columns a byte says whether their definitions follow: by MySQL's capability or MariaDB's.
    fn metadata_is_optional(&self) -> bool {
        self.capabilities.contains(CapabilityFlags::CLIENT_OPTIONAL_RESULTSET_METADATA)
            || self.mariadb.contains(MariadbCapabilities::MARIADB_CLIENT_CACHE_METADATA)
    }
}

/// Reads the status that ends an OK or EOF packet's fixed part, and notes the transaction's state.
fn status(body: &[u8], state: &mut WireState) -> Option<StatusFlags> {
    let bits = match body {
        [EOF, _, _, low, high] => u16::from_le_bytes([*low, *high]),
        [_, rest @ ..] => {
            let mut rest = ParseBuf(rest);
            let _affected_rows = rest.checked_eat_lenenc_int()?;
            let _last_insert_id = rest.checked_eat_lenenc_int()?;
            rest.checked_eat_u16_le()?
        }
        [] => return None,
    };
    let flags = StatusFlags::from_bits_truncate(bits);
    state.in_transaction = flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS);
    Some(flags)
}
