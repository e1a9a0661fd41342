//! Whole conversations, as bytes.

mod commands;
mod garbage;
mod login;
mod statements;

use mysql_common::auth::plugins::mysql_native_password::scramble_native;

use super::super::{Account, Embedded, Number};
use crate::pool::Database;

const USER: &str = "me";
const PASSWORD: &str = "secret";
const NAME: &str = "d";
const NATIVE: &str = "mysql_native_password";
/// Protocol 4.1, a database, a proof, transactions, several statements and results, plugins.
const PLAIN: u32 = 0x8 | 0x200 | 0x2000 | 0x8000 | 0x1_0000 | 0x2_0000 | 0x8_0000;
const WITHOUT_EOF: u32 = 0x0100_0000;

/// A server and what its clients do.
struct Lab {
    server: Embedded,
}

impl Lab {
    fn new() -> Self {
        let account = Account { user: USER.into(), password: PASSWORD.into(), name: NAME.into() };
        Self { server: Embedded::new(Database::MySql, account) }
    }

    /// The packets that the server has for a client: their numbers and bodies.
    fn read(&mut self, number: Number) -> Vec<(u8, Vec<u8>)> {
        let bytes = std::mem::take(self.server.output(number).unwrap());
        let (mut rest, mut packets) = (bytes.as_slice(), Vec::new());
        while let [a, b, c, number, after @ ..] = rest {
            let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
            packets.push((*number, after[..length].to_vec()));
            rest = &after[length..];
        }
        packets
    }

    /// Writes a packet; gives what the server answers.
    fn send(&mut self, to: Number, number: u8, body: &[u8]) -> Vec<(u8, Vec<u8>)> {
        self.server.received(to, &packet(number, body));
        self.read(to)
    }

    /// A client that has read its greeting, and the scramble.
    fn connect(&mut self) -> (Number, Vec<u8>) {
        let number = self.server.connect();
        let greeting = self.read(number).remove(0).1;
        let start = greeting.iter().position(|byte| *byte == 0).unwrap() + 5;
        let scramble = [&greeting[start..start + 8], &greeting[start + 27..start + 39]].concat();
        (number, scramble)
    }

    fn response(&mut self, capabilities: u32, user: &str, password: &str, database: &str, plugin: &str) -> (Number, Vec<u8>) {
        let (number, scramble) = self.connect();
        let body = response(capabilities, user, &proof(&scramble, password), database, plugin);
        let mut answer = self.send(number, 1, &body);
        assert_eq!((answer.len(), answer[0].0), (1, 2));
        (number, answer.remove(0).1)
    }

    fn login(&mut self) -> Number {
        let (number, answer) = self.response(PLAIN, USER, PASSWORD, NAME, NATIVE);
        assert_eq!(answer, [0, 0, 0, 2, 0, 0, 0]);
        number
    }

    /// Asks a query; the answer in short.
    fn ask(&mut self, number: Number, sql: &str) -> String {
        let packets = self.send(number, 0, &[b"\x03", sql.as_bytes()].concat());
        told(&packets)
    }

    fn ledger(&mut self, number: Number) {
        assert_eq!(self.ask(number, "CREATE TABLE t (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL, INDEX (run))"), "ok 0");
    }
}

fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&length[..3], &[number], body].concat()
}

fn proof(scramble: &[u8], password: &str) -> Vec<u8> {
    scramble_native(scramble, password.as_bytes()).map(|proof| proof.to_vec()).unwrap_or_default()
}

fn response(capabilities: u32, user: &str, proof: &[u8], database: &str, plugin: &str) -> Vec<u8> {
    let mut body = capabilities.to_le_bytes().to_vec();
    body.extend([0, 0, 0, 1, 45]);
    body.extend([0; 23]);
    body.extend(user.bytes().chain([0, u8::try_from(proof.len()).unwrap()]));
    body.extend(proof);
    if capabilities & 8 != 0 {
        body.extend(database.bytes().chain([0]));
    }
    body.extend(plugin.bytes().chain([0]));
    body
}

/// An answer in short: `ok 1` with how many rows are affected and `*` in a transaction, `error 1064`, or rows.
fn told(packets: &[(u8, Vec<u8>)]) -> String {
    let (mut told, mut rest) = (Vec::new(), packets.iter().map(|(_, body)| body.as_slice()));
    while let Some(body) = rest.next() {
        match body {
            [0, affected, _, status, ..] => told.push(format!("ok {affected}{}", if status & 1 == 1 { "*" } else { "" })),
            [0xff, low, high, ..] => told.push(format!("error {}", u16::from_le_bytes([*low, *high]))),
            [columns, ..] => {
                let definitions = usize::from(*columns) + 1;
                let rows: Vec<String> = rest.by_ref().skip(definitions).take_while(|row| row[0] != 0xfe).map(row).collect();
                told.push(rows.join(", "));
            }
            [] => told.push("nothing".into()),
        }
    }
    told.join("; ")
}

fn row(row: &[u8]) -> String {
    let (mut rest, mut values) = (row, Vec::new());
    while let [length, after @ ..] = rest {
        let length = if *length == 0xfb { 0 } else { usize::from(*length) };
        values.push(if rest[0] == 0xfb { "NULL".into() } else { String::from_utf8_lossy(&after[..length]) });
        rest = &after[length..];
    }
    values.join("|")
}
