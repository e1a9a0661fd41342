//! MySQL's protocol, as MySQL and MariaDB speak it, as far as the administrator needs it: login and text queries.

use super::Dialogue;
use crate::mysql::{Command, Conversation, Event, Guest};
use crate::server::{Address, Server};

pub(super) struct Client(Conversation);

impl Client {
    pub(super) fn new(server: &Server) -> Self {
        Self(Conversation::new(Guest {
            user: server.user.clone(),
            password: server.password.clone(),
            database: server.name.clone(),
            private: matches!(server.address, Address::Unix(_)),
            encrypted: false,
        }))
    }

    pub(super) fn received(&mut self, bytes: &[u8], dialogue: &mut Dialogue) {
        self.0.received(bytes);
        while dialogue.failure.is_none() {
            let event = self.0.next();
            dialogue.output.append(self.0.output());
            match event {
                Ok(Some(Event::LoggedIn)) => dialogue.logged_in = true,
                Ok(Some(Event::Row(row))) => dialogue.row(row),
                Ok(Some(Event::Refused(words))) => {
                    dialogue.error(&words);
                    dialogue.answered();
                }
                Ok(Some(Event::Answered | Event::Prepared(_))) => dialogue.answered(),
                Ok(Some(Event::Encrypts)) => dialogue.fail("it was not asked to encrypt"),
                Ok(None) => return,
                Err(why) => dialogue.fail(&why),
            }
        }
    }

    pub(super) fn query(&mut self, sql: &str, dialogue: &mut Dialogue) {
        self.ask(Command::Query(sql), dialogue);
    }

    pub(super) fn goodbye(&mut self, dialogue: &mut Dialogue) {
        self.ask(Command::Quit, dialogue);
    }

    fn ask(&mut self, command: Command<'_>, dialogue: &mut Dialogue) {
        match self.0.ask(command) {
            Ok(()) => dialogue.output.append(self.0.output()),
            Err(why) => dialogue.fail(&why),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use mysql_common::constants::CapabilityFlags;

    use super::*;
    use crate::mysql::capabilities;
    use crate::pool::Database;
    use crate::server::Origin;
    use crate::server::admin::Admin;

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
            certificate: None,
            log: None,
            pooler: None,
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
