//! Conversations with the server, byte for byte as a client has them.

mod extended;
mod hostile;
mod login;
mod people;
mod query;

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

use crate::pool::Database;
use crate::server::embedded::{Account, Embedded, Number};

/// A server, and what it says in a form that can be read.
struct Server(Embedded);

impl Server {
    fn new() -> Self {
        let account = Account { user: "me".into(), password: "secret".into(), name: "home".into() };
        Self(Embedded::new(Database::Postgres, account))
    }

    /// A session that is logged in.
    fn client(&mut self) -> Number {
        let number = self.0.connect();
        let said = self.log_in(number, &[("user", "me"), ("database", "home")], "secret");
        assert_eq!(said.last().map(String::as_str), Some("Z I"), "{said:?}");
        number
    }

    /// Logs in, as far as the server goes along; what it said last.
    fn log_in(&mut self, number: Number, parameters: &[(&str, &str)], password: &str) -> Vec<String> {
        let said = self.send(number, &hello(3 << 16, parameters));
        if !said.iter().any(|said| said == "R 10") {
            return said;
        }
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        let first = [b"SCRAM-SHA-256\0", &size(scram.message())[..], scram.message()].concat();
        self.0.received(number, &message(b'p', &first));
        let output = self.0.output(number).map(std::mem::take).unwrap();
        scram.update(&output[9..]).unwrap();
        self.send(number, &message(b'p', scram.message()))
    }

    /// What the server says to these bytes.
    fn send(&mut self, number: Number, bytes: &[u8]) -> Vec<String> {
        self.0.received(number, bytes);
        self.said(number)
    }

    /// What the server says to a simple query.
    fn ask(&mut self, number: Number, sql: &str) -> Vec<String> {
        self.send(number, &query(sql))
    }

    /// The values of the first row that a query gives.
    fn value(&mut self, number: Number, sql: &str) -> String {
        let said = self.ask(number, sql);
        said.iter()
            .find_map(|said| said.strip_prefix("D"))
            .map(|row| row.trim_start().to_owned())
            .unwrap_or_else(|| panic!("{sql}: {said:?}"))
    }

    /// What the server has said since this was last asked; `over` at the end of a session.
    fn said(&mut self, number: Number) -> Vec<String> {
        let bytes = self.0.output(number).map(std::mem::take).unwrap_or_default();
        let mut said = read(&bytes);
        if self.0.is_over(number) {
            said.push("over".into());
        }
        said
    }
}

fn hello(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend(format!("{name}\0{value}\0").bytes());
    }
    body.push(0);
    [&u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], &body].concat()
}

fn size(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap().to_be_bytes()
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag], &u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], body].concat()
}

fn query(sql: &str) -> Vec<u8> {
    message(b'Q', format!("{sql}\0").as_bytes())
}

/// The messages as text: the type and what matters of the body.
fn read(mut bytes: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    while let [tag, a, b, c, d, ..] = *bytes {
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap();
        let body = &bytes[5..=length];
        bytes = &bytes[length + 1..];
        let text = match tag {
            b'D' => values(body),
            b'T' => fields(body),
            b't' => body[2..].chunks(4).map(|oid| format!("{} ", u32::from_be_bytes(oid.try_into().unwrap()))).collect(),
            b'E' | b'N' => words(body),
            b'R' => u32::from_be_bytes(body[..4].try_into().unwrap()).to_string(),
            b'K' => String::new(),
            _ => String::from_utf8_lossy(body).trim_end_matches('\0').replace('\0', "="),
        };
        said.push(format!("{} {}", char::from(tag), text.trim_end()).trim_end().to_owned());
    }
    said
}

fn values(body: &[u8]) -> String {
    let mut rest = &body[2..];
    let mut values = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        values.push(length.map_or("NULL".into(), |length| String::from_utf8_lossy(&after[..length]).into_owned()));
        rest = &after[length.unwrap_or(0)..];
    }
    values.join("|")
}

/// Names and types.
fn fields(body: &[u8]) -> String {
    let mut rest = &body[2..];
    let mut fields = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let kind = u32::from_be_bytes(rest[end + 7..end + 11].try_into().unwrap());
        fields.push(format!("{}:{kind}", String::from_utf8_lossy(&rest[..end])));
        rest = &rest[end + 19..];
    }
    fields.join(" ")
}

/// Severity, code and message.
fn words(body: &[u8]) -> String {
    let field = |tag: u8| {
        let mut fields = body.split(|byte| *byte == 0).filter_map(<[u8]>::split_first);
        String::from_utf8_lossy(fields.find(|(first, _)| **first == tag).unwrap().1).into_owned()
    };
    format!("{} {} {}", field(b'S'), field(b'C'), field(b'M'))
}
