//! MySQL's protocol, as MySQL and MariaDB speak it, as far as the administrator needs it: login and text queries.

mod login;

use std::io;

use bytes::BytesMut;
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthMoreData, AuthSwitchRequest, CommonOkPacket, ErrPacket, HandshakePacket, OkPacketDeserializer, OldEofPacket,
};
use mysql_common::proto::codec::PacketCodec;

use self::login::Login;
use super::Dialogue;
use crate::server::Server;

/// The largest answer that is taken, in bytes.
const LARGEST: usize = 256 << 20;
const COM_QUIT: u8 = 1;
const COM_QUERY: u8 = 3;

pub(super) struct Client {
    login: Login,
    state: State,
    codec: PacketCodec,
    incoming: BytesMut,
    packet: Vec<u8>,
}

/// What comes next.
enum State {
    Greeting,
    LoggingIn,
    /// An answer, if something was asked.
    Answer,
    /// So many descriptions of columns.
    Columns(u64),
    ColumnsEnd,
    Rows,
}

impl Client {
    pub(super) fn new(server: &Server) -> Self {
        let mut codec = PacketCodec::default();
        codec.max_allowed_packet = LARGEST;
        Self { login: Login::new(server), state: State::Greeting, codec, incoming: BytesMut::new(), packet: Vec::new() }
    }

    pub(super) fn received(&mut self, bytes: &[u8], dialogue: &mut Dialogue) {
        self.incoming.extend_from_slice(bytes);
        // The greeting is packet 0; otherwise the first bytes would be taken for the length of a long packet, and waited for.
        if matches!(self.state, State::Greeting) && self.incoming.get(3).is_some_and(|&number| number != 0) {
            return dialogue.fail("it does not speak MySQL's protocol");
        }
        while dialogue.failure.is_none() {
            match self.codec.decode(&mut self.incoming, &mut self.packet) {
                Ok(true) => {
                    let packet = std::mem::take(&mut self.packet);
                    if let Err(error) = self.take(&packet, dialogue) {
                        dialogue.fail(&format!("it does not speak MySQL's protocol ({error})"));
                    }
                }
                Ok(false) => return,
                Err(error) => dialogue.fail(&format!("it does not speak MySQL's protocol ({error})")),
            }
        }
    }

    pub(super) fn query(&mut self, sql: &str, dialogue: &mut Dialogue) {
        self.codec.reset_seq_id();
        self.send(&[&[COM_QUERY], sql.as_bytes()].concat(), dialogue);
    }

    pub(super) fn goodbye(&mut self, dialogue: &mut Dialogue) {
        self.codec.reset_seq_id();
        self.send(&[COM_QUIT], dialogue);
    }

    fn send(&mut self, packet: &[u8], dialogue: &mut Dialogue) {
        let mut bytes = BytesMut::new();
        match self.codec.encode(&mut &*packet, &mut bytes) {
            Ok(()) => dialogue.output.extend_from_slice(&bytes),
            Err(error) => dialogue.fail(&error.to_string()),
        }
    }

    fn take(&mut self, packet: &[u8], dialogue: &mut Dialogue) -> io::Result<()> {
        match (&self.state, packet.first()) {
            (_, Some(0xff)) => {
                dialogue.error(&words(packet)?);
                self.state = State::Answer;
                dialogue.answered();
                Ok(())
            }
            (State::Greeting, _) => self.greeted(packet, dialogue),
            (State::LoggingIn, _) => self.logging_in(packet, dialogue),
            (State::Answer, Some(0x00)) => {
                let ok: OkPacketDeserializer<'_, CommonOkPacket> = ParseBuf(packet).parse(capabilities())?;
                self.end_of_result(ok.into_inner().status_flags(), dialogue);
                Ok(())
            }
            (State::Answer, _) => {
                let columns = ParseBuf(packet).checked_eat_lenenc_int().ok_or_else(cut_short)?;
                self.state = State::Columns(columns);
                Ok(())
            }
            // What the columns are called is not asked for.
            (State::Columns(1), _) => self.next(State::ColumnsEnd),
            (State::Columns(left), _) => self.next(State::Columns(left.saturating_sub(1))),
            (State::ColumnsEnd, _) => self.next(State::Rows),
            (State::Rows, Some(0xfe)) if packet.len() < 9 => {
                let end: OkPacketDeserializer<'_, OldEofPacket> = ParseBuf(packet).parse(capabilities())?;
                self.end_of_result(end.into_inner().status_flags(), dialogue);
                Ok(())
            }
            (State::Rows, _) => {
                dialogue.row(row(packet)?);
                Ok(())
            }
        }
    }

    fn next(&mut self, state: State) -> io::Result<()> {
        self.state = state;
        Ok(())
    }

    fn end_of_result(&mut self, status: StatusFlags, dialogue: &mut Dialogue) {
        self.state = State::Answer;
        if !status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) {
            dialogue.answered();
        }
    }

    fn greeted(&mut self, packet: &[u8], dialogue: &mut Dialogue) -> io::Result<()> {
        let greeting: HandshakePacket<'_> = ParseBuf(packet).parse(())?;
        let response = self.login.greeted(&greeting).map(Some);
        self.proved(response, dialogue);
        self.next(State::LoggingIn)
    }

    fn logging_in(&mut self, packet: &[u8], dialogue: &mut Dialogue) -> io::Result<()> {
        match packet.first() {
            Some(0x00) => {
                dialogue.logged_in = true;
                return self.next(State::Answer);
            }
            Some(0xfe) if packet.len() > 1 => {
                let switch: AuthSwitchRequest<'_> = ParseBuf(packet).parse(())?;
                let response = self.login.begin(&switch.auth_plugin(), switch.plugin_data()).map(Some);
                self.proved(response, dialogue);
            }
            Some(0x01) => {
                let more: AuthMoreData<'_> = ParseBuf(packet).parse(())?;
                let response = self.login.continued(more.data());
                self.proved(response, dialogue);
            }
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer to the login is not understood")),
        }
        Ok(())
    }

    fn proved(&mut self, response: Result<Option<Vec<u8>>, String>, dialogue: &mut Dialogue) {
        match response {
            Ok(Some(proof)) => self.send(&proof, dialogue),
            Ok(None) => {}
            Err(why) => dialogue.fail(&why),
        }
    }
}

/// Old ends of results are the simple ones; both servers still offer them.
fn capabilities() -> CapabilityFlags {
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

/// Each value is a text with its length, or the mark of NULL.
fn row(packet: &[u8]) -> io::Result<Vec<Option<String>>> {
    let (mut rest, mut row) = (ParseBuf(packet), Vec::new());
    while let Some(first) = rest.0.first() {
        row.push(if *first == 0xfb {
            rest.skip(1);
            None
        } else {
            Some(String::from_utf8_lossy(rest.checked_eat_lenenc_str().ok_or_else(cut_short)?).into_owned())
        });
    }
    Ok(row)
}

/// Before the login some servers leave the SQL state out.
fn words(packet: &[u8]) -> io::Result<String> {
    let parsed = ParseBuf(packet).parse::<ErrPacket<'_>>(capabilities());
    let error = parsed.or_else(|_| ParseBuf(packet).parse::<ErrPacket<'_>>(CapabilityFlags::empty()))?;
    let error = error.server_error();
    Ok(format!("{} ({})", error.message_str(), error.error_code()))
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "a packet is cut short")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::pool::Database;
    use crate::server::admin::Admin;
    use crate::server::{Address, Origin};

    const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
    const END: &[u8] = &[0xfe, 0, 0, 2, 0];

    fn admin(address: Address) -> Admin {
        Admin::new(&Server {
            database: Database::MySql,
            product: String::new(),
            origin: Origin::Url,
            address,
            tcp: None,
            user: "me".into(),
            password: "secret".into(),
            name: "d".into(),
            headroom: 0,
            log: None,
        })
    }

    fn tcp() -> Admin {
        admin(Address::Tcp("h".into(), 1))
    }

    fn packet(number: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [&length[..3], &[number], body].concat()
    }

    fn greeting(plugin: &str) -> Vec<u8> {
        let bits = (capabilities() | CapabilityFlags::CLIENT_CONNECT_WITH_DB).bits().to_le_bytes();
        let mut body = b"\x0a8.0.36\0\x01\0\0\0aaaaaaaa\0".to_vec();
        body.extend([bits[0], bits[1], 45, 2, 0, bits[2], bits[3], 21]);
        body.extend([0; 10]);
        body.extend(b"bbbbbbbbbbbb\0");
        body.extend(plugin.bytes().chain([0]));
        packet(0, &body)
    }

    fn logged_in() -> Admin {
        let mut admin = tcp();
        admin.received(&greeting("mysql_native_password"));
        admin.received(&packet(2, OK));
        admin.output().clear();
        admin
    }

    fn result(first: u8, rows: &[&[u8]], end: &[u8]) -> Vec<u8> {
        let mut packets = vec![&[1][..], b"\x03def\0\0\0\x01a\0\x0c\x2d\0\x01\0\0\0\xfd\0\0\0\0\0", END];
        packets.extend(rows);
        packets.push(end);
        packets.iter().zip(first..).flat_map(|(body, number)| packet(number, body)).collect()
    }

    #[test]
    fn an_answer_is_complete_at_its_end_however_its_bytes_are_cut() {
        let mut admin = logged_in();
        assert!(admin.is_ready());
        admin.ask("SELECT 1");
        admin.ask("SELECT 2");
        assert_eq!(admin.output().as_slice(), packet(0, b"\x03SELECT 1"), "the second waits for the first");
        let answer = result(1, &[b"\x021x", b"\xfb"], END);
        for byte in &answer[..answer.len() - 1] {
            admin.received(&[*byte]);
            assert_eq!(admin.answer(), None);
        }
        admin.received(&answer[answer.len() - 1..]);
        assert_eq!(admin.answer(), Some(Ok(vec![vec![Some("1x".to_owned())], vec![None]])));
        assert!(admin.output().ends_with(&packet(0, b"\x03SELECT 2")));
        admin.received(&packet(1, b"\xff\x7a\x04#42S02no such table"));
        assert_eq!(admin.answer().unwrap().unwrap_err().message, "no such table (1146)");
        assert!(admin.is_ready());
    }

    #[test]
    fn several_results_are_one_answer() {
        let mut admin = logged_in();
        admin.ask("SELECT 1; SELECT 2");
        let more = &[0xfe, 0, 0, 0x0a, 0]; // SERVER_MORE_RESULTS_EXISTS
        admin.received(&result(1, &[b"\x011"], more));
        assert_eq!(admin.answer(), None);
        admin.received(&result(6, &[b"\x012"], END));
        assert_eq!(admin.answer().unwrap().unwrap().concat(), [Some("1".to_owned()), Some("2".to_owned())]);
    }

    #[test]
    fn a_server_that_is_full_says_so_before_its_greeting() {
        for words in [&b"\xff\x10\x04Too many connections"[..], b"\xff\x10\x04#08004Too many connections"] {
            let mut admin = tcp();
            admin.ask("SELECT 1");
            admin.received(&packet(0, words));
            assert_eq!(admin.failure(), Some("Too many connections (1040)"));
            assert!(admin.answer().unwrap().is_err());
        }
    }

    #[test]
    fn the_password_is_sent_in_clear_text_over_a_socket_only() {
        let switch = packet(2, b"\xfemysql_clear_password\0");
        let mut listened_to = tcp();
        listened_to.received(&greeting("caching_sha2_password"));
        listened_to.output().clear();
        listened_to.received(&switch);
        assert!(listened_to.failure().unwrap().contains("clear text"));
        assert!(listened_to.output().is_empty());

        let mut private = admin(Address::Unix(PathBuf::from("/s")));
        private.received(&greeting("caching_sha2_password"));
        private.output().clear();
        private.received(&switch);
        assert_eq!(private.output().as_slice(), packet(3, b"secret\0"));
    }

    #[test]
    fn a_password_that_is_not_cached_is_encrypted_on_tcp() {
        let mut admin = tcp();
        admin.received(&greeting("caching_sha2_password"));
        admin.output().clear();
        admin.received(&packet(2, &[1, 4])); // full authentication
        assert_eq!(admin.output().as_slice(), packet(3, &[2]), "the server's key is asked for");
    }

    #[test]
    fn another_protocol_is_called_that() {
        let mut admin = tcp();
        admin.received(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        assert!(admin.failure().unwrap().contains("MySQL's protocol"), "{:?}", admin.failure());
    }
}
