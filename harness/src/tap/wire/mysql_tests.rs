//! MySQL's conversations, byte for byte, and what the wire makes of them.

use mysql_common::constants::{CapabilityFlags as Can, Command, MariadbCapabilities as Maria, StatusFlags as Status};

use super::WireState;
use super::cutting_tests::Turn::{self, Client, Server};
use super::cutting_tests::{NONCE, listen};
use crate::history::Frame;
use crate::nonce::Nonce;
use crate::pool::Database;

/// One logical packet, in as many physical ones as it needs.
pub(super) fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let (first, rest) = payload.split_at(payload.len().min(0xff_ffff));
    let length = u32::try_from(first.len()).expect("small").to_le_bytes();
    let mut bytes = [&length[..3], &[sequence], first].concat();
    if first.len() == 0xff_ffff {
        bytes.extend(packet(sequence.wrapping_add(1), rest));
    }
    bytes
}

/// Packets that follow each other.
pub(super) fn packets<const N: usize>(payloads: [&[u8]; N]) -> Vec<u8> {
    (1..).zip(payloads).flat_map(|(sequence, payload)| packet(sequence, payload)).collect()
}

/// What every server and client here can do.
pub(super) fn common() -> Can {
    Can::CLIENT_PROTOCOL_41 | Can::CLIENT_SECURE_CONNECTION | Can::CLIENT_PLUGIN_AUTH | Can::CLIENT_TRANSACTIONS
}

pub(super) fn greeting(can: Can, maria: Maria) -> Vec<u8> {
    let [a, b, c, d] = can.bits().to_le_bytes();
    let fixed = [&[0x2a, 0, 0, 0][..], b"12345678\0", &[a, b, 45, 2, 0, c, d, 21], &[0; 6], &maria.bits().to_le_bytes()];
    packet(0, &[b"\x0a10.11.19-MariaDB\0", &fixed.concat()[..], b"123456789012\0caching_sha2_password\0"].concat())
}

pub(super) fn response(can: Can, maria: Maria) -> Vec<u8> {
    let fixed = [&can.bits().to_le_bytes()[..], &[0, 0, 0, 1, 45], &[0; 19], &maria.bits().to_le_bytes()].concat();
    packet(1, &[&fixed[..], b"app\0\x03abccaching_sha2_password\0"].concat())
}

pub(super) fn ok(status: Status) -> Vec<u8> {
    ended(0, status)
}

/// The OK that ends a result where EOF is deprecated, or an OK.
pub(super) fn ended(header: u8, status: Status) -> Vec<u8> {
    [&[header, 0xfc, 1, 2, 0][..], &status.bits().to_le_bytes(), &[0, 0]].concat()
}

pub(super) fn eof(status: Status) -> Vec<u8> {
    // So many warnings would be another length if this were an OK.
    [&[0xfe, 0xfc, 0][..], &status.bits().to_le_bytes()].concat()
}

pub(super) fn err(code: u16) -> Vec<u8> {
    [&[0xff][..], &code.to_le_bytes(), b"#HY000no"].concat()
}

pub(super) fn command(command: Command, rest: &str) -> Vec<u8> {
    packet(0, &[&[command as u8], rest.as_bytes()].concat())
}

pub(super) fn query(sql: &str) -> Vec<u8> {
    command(Command::COM_QUERY, sql)
}

pub(super) fn row(value: &str) -> Vec<u8> {
    [&[u8::try_from(value.len()).expect("small")], value.as_bytes()].concat()
}

pub(super) const COLUMN: &[u8] = b"\x03def\0\0\0\x01a\0\x0c\x2d\0\x01\0\0\0\xfd\0\0\0\0\0";
pub(super) const IDLE: Status = Status::SERVER_STATUS_AUTOCOMMIT;
const TRANSACTION: Status = Status::SERVER_STATUS_IN_TRANS;
pub(super) const MORE: Status = Status::SERVER_MORE_RESULTS_EXISTS;
pub(super) const CURSOR: Status = Status::SERVER_STATUS_CURSOR_EXISTS;
pub(super) const MARIA: Maria = Maria::MARIADB_CLIENT_CACHE_METADATA;

/// A session of the given capabilities that is ready, and what passes after that.
pub(super) fn able(can: Can, maria: Maria, turns: impl IntoIterator<Item = Turn>) -> Vec<Turn> {
    let can = common() | can;
    let login = [Server(greeting(can, maria)), Client(response(can, maria)), Server(packet(2, &ok(IDLE)))];
    login.into_iter().chain(turns).collect()
}

/// What makes a session ready.
pub(super) fn login() -> Vec<Turn> {
    after_login([])
}

pub(super) fn after_login(turns: impl IntoIterator<Item = Turn>) -> Vec<Turn> {
    able(Can::empty(), Maria::empty(), turns)
}

fn result(value: &str, status: Status) -> Vec<u8> {
    packets([&[1], COLUMN, &eof(IDLE), &row(value), &eof(status)])
}

pub(super) fn prepared(parameters: u8, columns: u8) -> Vec<u8> {
    vec![0, 1, 0, 0, 0, columns, 0, parameters, 0, 0, 0, 0]
}

/// What the cutting tests cut.
pub(super) fn conversations() -> Vec<Vec<Turn>> {
    vec![
        full_authentication(),
        after_login([
            Client(query(&format!("SELECT '{NONCE}'"))),
            Server(result(NONCE, TRANSACTION | MORE)),
            Server(packets([&ok(TRANSACTION)])),
            Client([command(Command::COM_STMT_PREPARE, "SELECT ?"), command(Command::COM_PING, "")].concat()),
            Server([packets([&prepared(1, 1), COLUMN, &eof(IDLE), COLUMN, &eof(IDLE)]), packets([&ok(IDLE)])].concat()),
            Client(command(Command::COM_QUIT, "")),
        ]),
        able(
            Can::CLIENT_DEPRECATE_EOF,
            MARIA,
            [
                Client(command(Command::COM_STMT_EXECUTE, NONCE)),
                Server(packets([&[1, 0], &row(NONCE), &ended(0xfe, TRANSACTION)])),
                Client(query(&format!("{NONCE}syntax"))),
                Server(packets([&err(1064)])),
            ],
        ),
        after_login([
            Client(query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")),
            Server(packets([b"\xfbx"])),
            Client(packets([NONCE.as_bytes(), b""])),
            Server(packets([&ok(IDLE)])),
        ]),
        able(Can::CLIENT_COMPRESS, Maria::empty(), [Client(query("x")), Server(packets([&ok(IDLE)]))]),
    ]
}

pub(super) fn full_authentication() -> Vec<Turn> {
    let none = Maria::empty();
    vec![
        Server(greeting(common(), none)),
        Client(response(common(), none)),
        Server(packet(2, b"\xfecaching_sha2_password\x0012345678901234567890\0")),
        Client(packet(3, b"scrambled")),
        Server(packet(4, &[1, 4])),
        Client(packet(5, &[2])),
        Server(packet(6, b"\x01-----BEGIN PUBLIC KEY-----")),
        Client(packet(7, b"encrypted")),
        Server(packet(8, &ok(IDLE))),
    ]
}

pub(super) fn states(turns: &[Turn]) -> Vec<WireState> {
    listen(Database::MySql, turns).0
}

/// Whether an answer is owed after each turn.
pub(super) fn owed(turns: &[Turn]) -> Vec<bool> {
    states(turns).iter().map(|state| state.owed).collect()
}

/// The same, without the three turns of the login.
pub(super) fn owed_after_login(turns: &[Turn]) -> Vec<bool> {
    assert_eq!(owed(turns)[..3], [false, true, false]);
    owed(turns)[3..].to_vec()
}

pub(super) fn last(turns: &[Turn]) -> WireState {
    *states(turns).last().expect("a turn")
}

pub(super) fn names(turns: &[Turn]) -> Vec<&'static str> {
    listen(Database::MySql, turns).1.iter().map(|frame| frame.name).collect()
}

#[test]
fn frames_have_their_names_lengths_and_nonces() {
    let sql = format!("INSERT INTO t VALUES ('{NONCE}')");
    let turns = after_login([Client(query(&sql)), Server(result(NONCE, IDLE)), Client(command(Command::COM_QUIT, ""))]);
    let nonce = Some(Nonce { run: 7, step: 3 });
    let of = |name, bytes: usize, nonce, goodbye| Frame { name, bytes: u32::try_from(bytes).expect("small"), nonce, goodbye };
    // Of the server's frames only the one with the nonce.
    let expected = vec![
        of("HandshakeResponse", response(common(), Maria::empty()).len(), None, false),
        of("COM_QUERY", sql.len() + 5, nonce, false),
        of("Row", NONCE.len() + 5, nonce, false),
        of("COM_QUIT", 5, None, true),
    ];
    assert_eq!(listen(Database::MySql, &turns).1, expected);
    assert!(last(&turns).goodbye && last(&turns).ready);
}

#[test]
fn the_transaction_is_what_the_server_last_said() {
    let statuses = [TRANSACTION, IDLE, TRANSACTION | IDLE, Status::empty()];
    let turns = after_login(statuses.iter().flat_map(|status| [Client(query("x")), Server(result("", *status))]));
    let inside: Vec<_> = states(&turns)[3..].iter().skip(1).step_by(2).map(|state| state.in_transaction).collect();
    assert_eq!(inside, [true, false, true, false]);
    // An error has no status: it leaves things as they were.
    let turns =
        after_login([Client(query("x")), Server(packets([&ok(TRANSACTION)])), Client(query("x")), Server(packets([&err(1064)]))]);
    assert!(last(&turns).in_transaction);
}

#[test]
fn a_file_is_the_clients_turn_up_to_an_empty_packet() {
    let turns = after_login([
        Client(query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")),
        Server(packets([b"\xfbx"])),
        Client(packets([&[3], b"more"])),
        Client(packets([b""])),
        Server(packets([&ok(IDLE)])),
        Client(query("x")),
    ]);
    assert_eq!(owed_after_login(&turns), [true, false, false, true, false, true]);
    let data = "LocalInfileData";
    assert_eq!(names(&turns), ["HandshakeResponse", "COM_QUERY", data, data, data, "COM_QUERY"]);
    // What another process has already written is taken for the file, and an error ends the waiting for it.
    let turns = after_login([
        Client(query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t").into_iter().chain(query("x")).collect()),
        Server(packets([b"\xfbx"])),
        Server(packets([&err(1927)])),
        Client(query("x")),
    ]);
    assert_eq!(owed_after_login(&turns), [true, false, false, true]);
    assert_eq!(names(&turns)[3..], ["COM_QUERY"]);
}

#[test]
fn a_command_of_several_packets_is_one_frame() {
    for length in [0xff_ffff, 1 << 24] {
        let long = packet(0, &vec![Command::COM_QUERY as u8; length]);
        let frames = listen(Database::MySql, &after_login([Client(long.clone())])).1;
        let bytes: Vec<_> = frames[1..].iter().map(|frame| frame.bytes).collect();
        assert_eq!(bytes, [u32::try_from(long.len()).expect("small")]);
    }
}

#[test]
fn commands_are_answered_in_their_order_and_some_not_at_all() {
    let quiet = [command(Command::COM_STMT_CLOSE, "1234"), command(Command::COM_STMT_SEND_LONG_DATA, "123456")].concat();
    let asked = [query("x"), quiet.clone(), command(Command::COM_STMT_PREPARE, "x"), command(Command::COM_STATISTICS, "")];
    let turns = after_login([
        Client(quiet),
        Client(asked.concat()),
        Server(result("a", IDLE)),
        Server(packets([&prepared(1, 0), COLUMN, &eof(IDLE)])),
        Server(packets([b"Uptime"])),
    ]);
    assert_eq!(owed_after_login(&turns), [false, true, true, true, false]);
    assert!(!last(&turns).desynchronised);
}

#[test]
fn what_cannot_stand_where_it_stands_ends_the_reading_of_both_directions() {
    let definition_missing = Server(packets([&[2], COLUMN, &eof(IDLE)]));
    let eof_missing = Server(packets([&[1], COLUMN, COLUMN]));
    let nonsense = [
        vec![Server(packets([&ok(IDLE)]))],
        vec![Client(packets([b""]))],
        vec![Client(packets([&[0x40]]))],
        vec![Client(query("x")), Server(packets([b""]))],
        vec![Client(query("x")), definition_missing],
        vec![Client(query("x")), eof_missing],
        vec![Client(query("x")), Server(packets([&[0, 1, 0]]))],
        vec![Client(query("x")), Server(packets([&[0xfd, 0, 0, 0x10]]))],
        vec![Client(command(Command::COM_PING, "")), Server(packets([&[1]]))],
        vec![Client(command(Command::COM_STMT_PREPARE, "")), Server(packets([&[0, 1]]))],
        vec![Client(query("x").repeat(1025))],
    ];
    for turns in nonsense {
        let turns = after_login(turns);
        assert!(last(&turns).desynchronised, "{turns:x?}");
        let after = [Server(packets([&row(NONCE)])), Client(query("x"))];
        assert_eq!(names(&turns), names(&[turns.clone(), after.to_vec()].concat()));
    }
    // Wrong sequence numbers and an error that nobody waits for are none.
    let turns = after_login([Client(packet(9, &[14])), Server(packet(99, &ok(IDLE))), Server(packet(0, &err(1927)))]);
    assert!(!last(&turns).desynchronised && !last(&turns).owed);
}
