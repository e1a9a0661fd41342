//! PostgreSQL's protocol, version 3, as far as the administrator needs it: login and simple queries.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{DataRowBody, ErrorFields, Message};
use postgres_protocol::message::frontend;

use super::Dialogue;
use crate::server::Server;

pub(super) struct Client {
    user: String,
    password: String,
    scram: Option<ScramSha256>,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl Client {
    pub(super) fn new(server: &Server, dialogue: &mut Dialogue) -> Self {
        let (user, password) = (server.user.clone(), server.password.clone());
        let mut client = Self { user, password, scram: None, incoming: BytesMut::new(), outgoing: BytesMut::new() };
        let parameters = [
            ("user", &*server.user),
            ("database", &*server.name),
            ("application_name", "poolproof"),
            ("client_encoding", "UTF8"),
        ];
        client.send(dialogue, |buffer| frontend::startup_message(parameters, buffer));
        client
    }

    pub(super) fn received(&mut self, bytes: &[u8], dialogue: &mut Dialogue) {
        self.incoming.extend_from_slice(bytes);
        while dialogue.failure.is_none() {
            match Message::parse(&mut self.incoming) {
                Ok(Some(message)) => {
                    if let Err(error) = self.take(message, dialogue) {
                        dialogue.fail(&error.to_string());
                    }
                }
                Ok(None) => return,
                Err(error) => dialogue.fail(&format!("it does not speak PostgreSQL's protocol ({error})")),
            }
        }
    }

    pub(super) fn query(&mut self, sql: &str, dialogue: &mut Dialogue) {
        self.send(dialogue, |buffer| frontend::query(sql, buffer));
    }

    pub(super) fn goodbye(&mut self, dialogue: &mut Dialogue) {
        self.send(dialogue, |buffer| {
            frontend::terminate(buffer);
            Ok(())
        });
    }

    fn take(&mut self, message: Message, dialogue: &mut Dialogue) -> std::io::Result<()> {
        match message {
            Message::AuthenticationCleartextPassword => {
                let password = self.password.clone();
                self.send(dialogue, |buffer| frontend::password_message(password.as_bytes(), buffer));
            }
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(self.user.as_bytes(), self.password.as_bytes(), body.salt());
                self.send(dialogue, |buffer| frontend::password_message(hash.as_bytes(), buffer));
            }
            Message::AuthenticationSasl(body) => {
                if !body.mechanisms().any(|name| Ok(name == SCRAM_SHA_256))? {
                    dialogue.fail("it wants a way to log in that poolproof does not know; allow scram-sha-256 in pg_hba.conf");
                    return Ok(());
                }
                let scram = ScramSha256::new(self.password.as_bytes(), ChannelBinding::unsupported());
                self.send(dialogue, |buffer| frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), buffer));
                self.scram = Some(scram);
            }
            Message::AuthenticationSaslContinue(body) => {
                if let Some(mut scram) = self.scram.take() {
                    scram.update(body.data())?;
                    self.send(dialogue, |buffer| frontend::sasl_response(scram.message(), buffer));
                    self.scram = Some(scram);
                }
            }
            Message::AuthenticationSaslFinal(body) => {
                if let Some(mut scram) = self.scram.take() {
                    scram.finish(body.data())?;
                }
            }
            Message::AuthenticationGss
            | Message::AuthenticationSspi
            | Message::AuthenticationKerberosV5
            | Message::AuthenticationScmCredential => {
                dialogue.fail("it wants a way to log in that poolproof does not know; allow scram-sha-256 in pg_hba.conf");
            }
            Message::DataRow(body) => dialogue.row(row(&body)?),
            Message::ErrorResponse(body) => dialogue.error(&words(body.fields())),
            Message::CopyInResponse(_) => self.send(dialogue, |buffer| frontend::copy_fail("poolproof has no data", buffer)),
            Message::ReadyForQuery(_) => {
                dialogue.logged_in = true;
                dialogue.answered();
            }
            _ => {}
        }
        Ok(())
    }

    /// The encoders fail only for what cannot be said in the protocol: a text with a zero byte.
    fn send(&mut self, dialogue: &mut Dialogue, encode: impl FnOnce(&mut BytesMut) -> std::io::Result<()>) {
        self.outgoing.clear();
        match encode(&mut self.outgoing) {
            Ok(()) => dialogue.output.extend_from_slice(&self.outgoing),
            Err(error) => dialogue.fail(&error.to_string()),
        }
    }
}

fn row(body: &DataRowBody) -> std::io::Result<Vec<Option<String>>> {
    let text = |range| String::from_utf8_lossy(&body.buffer()[range]).into_owned();
    body.ranges().map(|range| Ok(range.map(text))).collect()
}

fn words(mut fields: ErrorFields<'_>) -> String {
    let (mut message, mut code) = (String::new(), String::new());
    while let Ok(Some(field)) = fields.next() {
        let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'M' => message = value(),
            b'C' => code = value(),
            _ => {}
        }
    }
    format!("{message} ({code})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Database;
    use crate::server::admin::Admin;
    use crate::server::{Address, Origin};

    fn admin() -> Admin {
        Admin::new(&Server {
            database: Database::Postgres,
            product: String::new(),
            origin: Origin::Url,
            address: Address::Tcp("h".into(), 1),
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

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], &length.to_be_bytes()[..], body].concat()
    }

    fn logged_in() -> Admin {
        let mut admin = admin();
        admin.received(&message(b'R', &[0; 4]));
        admin.received(&message(b'S', b"server_version\x0015.18\0"));
        admin.received(&message(b'Z', b"I"));
        admin
    }

    #[test]
    fn an_answer_is_complete_at_ready_for_query_however_its_bytes_are_cut() {
        let mut admin = logged_in();
        assert!(admin.is_ready());
        admin.output().clear();
        admin.ask("SELECT 1");
        admin.ask("SELECT 2");
        assert_eq!(admin.output().as_slice(), message(b'Q', b"SELECT 1\0"), "the second waits for the first");
        let row = message(b'D', b"\0\x02\0\0\0\x011\xff\xff\xff\xff");
        for byte in [row, message(b'C', b"SELECT 1\0")].concat() {
            admin.received(&[byte]);
            assert_eq!(admin.answer(), None);
        }
        admin.received(&message(b'Z', b"I"));
        assert_eq!(admin.answer(), Some(Ok(vec![vec![Some("1".to_owned()), None]])));
    }

    #[test]
    fn an_error_answers_its_question_and_no_other() {
        let mut admin = logged_in();
        admin.ask("SELECT nonsense");
        admin.ask("SELECT 2");
        admin.received(&message(b'E', b"SERROR\0C42703\0Mno such column\0\0"));
        admin.received(&message(b'Z', b"I"));
        assert_eq!(admin.answer().unwrap().unwrap_err().message, "no such column (42703)");
        admin.received(&message(b'Z', b"I"));
        assert_eq!(admin.answer(), Some(Ok(vec![])));
        assert!(admin.is_ready());
    }

    #[test]
    fn a_refused_login_is_a_failure_and_answers_what_was_asked() {
        let mut admin = admin();
        admin.ask("SELECT 1");
        admin.received(&message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]));
        let output = std::mem::take(admin.output());
        assert!(output.ends_with(&message(b'p', b"md58322d584bf59f0253d58346307bb6ba3\0")));
        admin.received(&message(b'E', b"SFATAL\0C28P01\0Mpassword authentication failed\0\0"));
        assert_eq!(admin.failure(), Some("password authentication failed (28P01)"));
        assert!(admin.answer().unwrap().is_err());
        assert!(!admin.is_ready());
    }

    #[test]
    fn another_protocol_is_called_that() {
        let mut admin = admin();
        admin.received(b"\x4a\0\0\0\x0a8.0.36\0");
        assert!(admin.failure().unwrap().contains("PostgreSQL's protocol"), "{:?}", admin.failure());
    }
}
