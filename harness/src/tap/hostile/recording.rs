//! Whole sessions with the embedded servers, recorded as bytes; the same in every run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use hmac::{Hmac, KeyInit, Mac};
use mysql_common::auth::plugins::mysql_native_password::scramble_native;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;
use sha2::{Digest, Sha256};

use crate::pool::Database;
use crate::server::embedded::{Account, Embedded, Number};

const USER: &str = "me";
const PASSWORD: &str = "secret";
const NAME: &str = "home";
/// What PostgreSQL's client calls its nonce; drivers draw it.
const CLIENT_FIRST: &str = "n=,r=recorded";
const NATIVE: &str = "mysql_native_password";
/// Protocol 4.1, a database, a proof, transactions, several statements and results, plugins.
const PLAIN: u32 = 0x8 | 0x200 | 0x2000 | 0x8000 | 0x1_0000 | 0x2_0000 | 0x8_0000;
const WITHOUT_EOF: u32 = 0x0100_0000;

/// One session from its first byte to its last.
pub(super) struct Recording {
    pub(super) database: Database,
    /// What the client wrote, and what the server said then. With MySQL's protocol the server speaks first.
    pub(super) turns: Vec<Turn>,
}

pub(super) struct Turn {
    pub(super) client: Vec<u8>,
    pub(super) server: Vec<u8>,
}

impl Recording {
    /// What the client wrote, turn by turn.
    pub(super) fn client(&self) -> Vec<Vec<u8>> {
        self.turns.iter().map(|turn| turn.client.clone()).collect()
    }

    /// What the server said, turn by turn.
    pub(super) fn server(&self) -> Vec<Vec<u8>> {
        self.turns.iter().map(|turn| turn.server.clone()).collect()
    }
}

/// A server without anything, whose first session can be that of a recording.
pub(super) fn server(database: Database) -> Embedded {
    Embedded::new(database, Account { user: USER.into(), password: PASSWORD.into(), name: NAME.into() })
}

/// Sessions of a protocol.
pub(super) fn recordings(database: Database) -> Vec<Recording> {
    match database {
        Database::Postgres => vec![simple(), extended(), copying()],
        Database::MySql => vec![text(), prepared()],
    }
}

struct Recorder {
    server: Embedded,
    number: Number,
    turns: Vec<Turn>,
}

impl Recorder {
    fn new(database: Database) -> Self {
        let mut server = server(database);
        let number = server.connect();
        let mut recorder = Self { server, number, turns: Vec::new() };
        if database == Database::MySql {
            recorder.say(b"");
        }
        recorder
    }

    fn say(&mut self, bytes: &[u8]) -> &[u8] {
        self.server.received(self.number, bytes);
        let server = self.server.output(self.number).map(std::mem::take).unwrap();
        self.turns.push(Turn { client: bytes.to_vec(), server });
        &self.turns.last().unwrap().server
    }

    /// A packet of MySQL's.
    fn packet(&mut self, sequence: u8, body: &[u8]) -> &[u8] {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        self.say(&[&length[..3], &[sequence], body].concat())
    }

    /// The session must have come to its own end.
    fn end(mut self, database: Database) -> Recording {
        assert!(self.server.is_over(self.number), "the goodbye is understood");
        assert_eq!(self.server.take_unknown(), <[String; 0]>::default());
        Recording { database, turns: self.turns }
    }
}

/// Messages of a PostgreSQL client.
fn written(write: impl FnOnce(&mut BytesMut) -> std::io::Result<()>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    write(&mut bytes).unwrap();
    bytes.to_vec()
}

fn query(sql: &str) -> Vec<u8> {
    written(|to| frontend::query(sql, to))
}

fn terminate() -> Vec<u8> {
    written(|to| {
        frontend::terminate(to);
        Ok(())
    })
}

fn log_in_to_postgres(recorder: &mut Recorder) {
    recorder.say(&written(|to| frontend::startup_message([("user", USER), ("database", NAME), ("application_name", "a")], to)));
    let first = format!("n,,{CLIENT_FIRST}");
    let answer = recorder.say(&written(|to| frontend::sasl_initial_response("SCRAM-SHA-256", first.as_bytes(), to)));
    let last = last_of_scram(std::str::from_utf8(&answer[9..]).unwrap());
    let answer = recorder.say(&written(|to| frontend::sasl_response(last.as_bytes(), to)));
    assert!(answer.ends_with(b"Z\0\0\0\x05I"), "logged in");
}

/// SCRAM-SHA-256 with one iteration, as the embedded server wants it; a client's library would draw a nonce.
fn last_of_scram(server_first: &str) -> String {
    let part = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
    assert_eq!(part("i="), "1");
    let keyed = |key: &[u8], text: &[u8]| -> [u8; 32] {
        let mut code = Hmac::<Sha256>::new_from_slice(key).unwrap();
        code.update(text);
        code.finalize().into_bytes().into()
    };
    let salted = keyed(PASSWORD.as_bytes(), &[&STANDARD.decode(part("s=")).unwrap()[..], &[0, 0, 0, 1]].concat());
    let client_key = keyed(&salted, b"Client Key");
    let without_proof = format!("c=biws,r={}", part("r="));
    let signature = keyed(&Sha256::digest(client_key), format!("{CLIENT_FIRST},{server_first},{without_proof}").as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect();
    format!("{without_proof},p={}", STANDARD.encode(proof))
}

/// Simple queries: a table, a transaction, an error, a failed transaction.
fn simple() -> Recording {
    let mut recorder = Recorder::new(Database::Postgres);
    log_in_to_postgres(&mut recorder);
    for sql in [
        "CREATE TABLE t (run bigint NOT NULL, nonce varchar(64)); INSERT INTO t (run, nonce) VALUES (7, 'poolproof-7-1.')",
        "SELECT 'poolproof-7-2.' AS nonce, pg_backend_pid()::text, current_setting('poolproof.mark', true)",
        "BEGIN; SAVEPOINT a; INSERT INTO t VALUES (7, NULL); ROLLBACK TO a",
        "SELECT nonce, run FROM t WHERE run = 7",
        "SELECT nothing",
        "ROLLBACK",
        "SET poolproof.mark = 'm'; SELECT pg_try_advisory_lock(1, 2); SELECT count(*) FROM t",
        "DISCARD ALL",
    ] {
        recorder.say(&query(sql));
    }
    recorder.say(&terminate());
    recorder.end(Database::Postgres)
}

/// The extended protocol: a prepared statement, a portal in parts, an error and what is passed over after it.
fn extended() -> Recording {
    let mut recorder = Recorder::new(Database::Postgres);
    recorder.say(&[0, 0, 0, 8, 4, 210, 22, 47]); // SSLRequest
    log_in_to_postgres(&mut recorder);
    let bind = |to: &mut BytesMut, portal: &str, values: &[&str]| {
        let value = |value: &&str, to: &mut BytesMut| {
            to.extend_from_slice(value.as_bytes());
            Ok(IsNull::No)
        };
        frontend::bind(portal, "s", [0, 0], values, value, [0], to).map_err(|_| std::io::Error::other("bind"))
    };
    recorder.say(&written(|to| {
        frontend::parse("s", "SELECT $1::text AS nonce, $2::int + 1", [25, 23], to)?;
        frontend::describe(b'S', "s", to)?;
        frontend::flush(to);
        Ok(())
    }));
    recorder.say(&written(|to| {
        bind(to, "", &["poolproof-7-3.", "4"])?;
        frontend::describe(b'P', "", to)?;
        frontend::execute("", 0, to)?;
        frontend::sync(to);
        Ok(())
    }));
    recorder.say(&query("BEGIN"));
    recorder.say(&written(|to| {
        bind(to, "p", &["x", "5"])?;
        frontend::execute("p", 1, to)?;
        frontend::execute("p", 1, to)?;
        bind(to, "q", &["x", "no number"])?;
        frontend::execute("q", 0, to)?;
        frontend::sync(to);
        Ok(())
    }));
    recorder.say(&query("ROLLBACK"));
    recorder.say(&written(|to| {
        frontend::close(b'S', "s", to)?;
        frontend::sync(to);
        Ok(())
    }));
    recorder.say(&terminate());
    recorder.end(Database::Postgres)
}

/// What ends a COPY that is none, and a function called by its number.
fn copying() -> Recording {
    let mut recorder = Recorder::new(Database::Postgres);
    log_in_to_postgres(&mut recorder);
    recorder.say(&written(|to| {
        frontend::copy_done(to);
        frontend::copy_fail("none", to)?;
        frontend::CopyData::new(&b"1\t2\n"[..])?.write(to);
        frontend::sync(to);
        Ok(())
    }));
    recorder.say(b"F\0\0\0\x0e\0\0\0\x01\0\0\0\0\0\0");
    recorder.say(&terminate());
    recorder.end(Database::Postgres)
}

fn log_in_to_mysql(recorder: &mut Recorder, capabilities: u32, plugin: &str) {
    let greeting = &recorder.turns[0].server[4..];
    let start = greeting.iter().position(|byte| *byte == 0).unwrap() + 5;
    let scramble = [&greeting[start..start + 8], &greeting[start + 27..start + 39]].concat();
    let proof = scramble_native(&scramble, PASSWORD.as_bytes()).unwrap();
    let head = [&capabilities.to_le_bytes()[..], &[0, 0, 0, 1, 45], &[0; 23], USER.as_bytes(), &[0, 20]].concat();
    let body = [&head, &proof[..], NAME.as_bytes(), &[0], plugin.as_bytes(), &[0]].concat();
    let answer = recorder.packet(1, &body);
    let answer = if plugin == NATIVE { answer } else { recorder.packet(3, &proof) };
    assert_eq!(answer.get(4), Some(&0), "logged in");
}

/// Text queries: a table, a transaction, an error, several results.
fn text() -> Recording {
    let mut recorder = Recorder::new(Database::MySql);
    log_in_to_mysql(&mut recorder, PLAIN, NATIVE);
    for sql in [
        "CREATE TABLE t (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL, INDEX (run))",
        "INSERT INTO t (run, nonce) VALUES (7, 'poolproof-7-1.'), (7, x'41')",
        "SELECT 'poolproof-7-2.' AS nonce, CONNECTION_ID(), CAST(@mark AS CHAR), @@autocommit",
        "BEGIN; INSERT INTO t VALUES (7, 'b'); ROLLBACK; SELECT nonce FROM t WHERE run = 7 ORDER BY 1 LIMIT 2",
        "SELECT nothing",
        "SET @mark = 'm', NAMES utf8mb4; SELECT GET_LOCK('l', 0)",
    ] {
        recorder.packet(0, &[b"\x03", sql.as_bytes()].concat());
    }
    for command in [&b"\x0e"[..], b"\x1f", b"\x02home", b"\x09", b"\x1b\x01\0", b"\x01"] {
        recorder.packet(0, command);
    }
    recorder.end(Database::MySql)
}

/// Prepared statements with arguments of several kinds, one in pieces, for a client that does without EOF and logs in at the second
/// attempt.
fn prepared() -> Recording {
    let mut recorder = Recorder::new(Database::MySql);
    log_in_to_mysql(&mut recorder, PLAIN | WITHOUT_EOF, "caching_sha2_password");
    for body in [
        &b"\x16SELECT ? AS nonce, ? + 1"[..],
        b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\xfd\0\x08\0\x0epoolproof-7-3.\x05\0\0\0\0\0\0\0",
        b"\x18\x01\0\0\0\0\0poolproof-",
        b"\x18\x01\0\0\0\0\x007-4.",
        b"\x17\x01\0\0\0\0\x01\0\0\0\x02\x01\xfd\0\x06\0",
        b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x0c\0\x05\0\x0b\xe4\x07\x01\x02\x03\x04\x05\x01\0\0\0\0\0\0\0\0\0\xf8\x3f",
        b"\x1a\x01\0\0\0",
        b"\x1c\x01\0\0\0\x01\0\0\0",
        b"\x19\x01\0\0\0",
        b"\x03SELECT 1, NULL, -1.5",
        b"\x01",
    ] {
        recorder.packet(0, body);
    }
    recorder.end(Database::MySql)
}

#[test]
fn a_recording_is_the_same_every_time_and_whole() {
    for database in [Database::Postgres, Database::MySql] {
        for (one, other) in recordings(database).iter().zip(recordings(database)) {
            assert_eq!((one.client(), one.server()), (other.client(), other.server()));
            let answers = one.turns.iter().filter(|turn| !turn.server.is_empty()).count();
            assert!(answers > one.turns.len() / 2, "{database:?}");
        }
    }
}
