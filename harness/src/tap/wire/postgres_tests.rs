//! PostgreSQL's conversations, byte for byte, and what the wire makes of them.

use super::WireState;
use super::cutting_tests::Turn::{self, Client, Server};
use super::cutting_tests::{NONCE, listen};
use crate::history::Frame;
use crate::nonce::Nonce;
use crate::pool::Database;

pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("small");
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

fn startup(code: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).expect("small");
    [&length.to_be_bytes()[..], &code.to_be_bytes(), body].concat()
}

fn hello() -> Vec<u8> {
    startup(196_608, b"user\0app\0database\0app\0\0")
}

fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes()[..], rest].concat())
}

fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

fn error(severity: &str) -> Vec<u8> {
    message(b'E', format!("SFEHLER\0V{severity}\0C42601\0Msyntax error\0\0").as_bytes())
}

fn query(sql: &str) -> Vec<u8> {
    message(b'Q', format!("{sql}\0").as_bytes())
}

fn row(value: &str) -> Vec<u8> {
    let length = u32::try_from(value.len()).expect("small");
    message(b'D', &[&1u16.to_be_bytes()[..], &length.to_be_bytes(), value.as_bytes()].concat())
}

fn complete(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

fn welcome() -> Vec<u8> {
    [authentication(0, b""), message(b'S', b"server_version\x0015.18\0"), message(b'K', &[0; 8]), ready(b'I')].concat()
}

/// What makes a session ready.
pub(super) fn login() -> Vec<Turn> {
    vec![Client(hello()), Server(welcome())]
}

/// A session that is ready, and what passes after that.
fn after_login(turns: impl IntoIterator<Item = Turn>) -> Vec<Turn> {
    login().into_iter().chain(turns).collect()
}

fn extended(nonce: &str) -> Vec<u8> {
    let bind = [b"\0s1\0\0\0\0\x01", &14u32.to_be_bytes()[..], nonce.as_bytes(), b"\0\0"].concat();
    let parse = b"s1\0SELECT $1::text\0\0\0";
    [message(b'P', parse), message(b'B', &bind), message(b'D', b"P\0"), message(b'E', b"\0\0\0\0\0")].concat()
}

fn extended_answer(nonce: &str) -> Vec<u8> {
    let columns = b"\0\x01text\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    [message(b'1', b""), message(b'2', b""), message(b'T', columns), row(nonce), complete("SELECT 1")].concat()
}

/// What the cutting tests cut.
pub(super) fn conversations() -> Vec<Vec<Turn>> {
    vec![
        scram_login(),
        after_login([
            Client(query(&format!("SELECT '{NONCE}'"))),
            Server([message(b'T', b"\0\0"), row(NONCE), complete("SELECT 1"), ready(b'I')].concat()),
            Client([extended(NONCE), message(b'S', b"")].concat()),
            Server([extended_answer(NONCE), ready(b'T')].concat()),
            Client(message(b'X', b"")),
        ]),
        vec![Client(startup(80_877_103, b"")), Server(vec![b'N']), Client(hello()), Server(welcome())],
        vec![Client(startup(80_877_103, b"")), Server(vec![b'S']), Client(vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3])],
        vec![Client(startup(80_877_102, &[0; 8]))],
        after_login(copy_in_extended()),
    ]
}

fn scram_login() -> Vec<Turn> {
    vec![
        Client(hello()),
        Server(authentication(10, b"SCRAM-SHA-256\0\0")),
        Client(message(b'p', b"SCRAM-SHA-256\0\0\0\0\x08n,,n=,r=")),
        Server(authentication(11, b"r=x,s=y,i=4096")),
        Client(message(b'p', b"c=biws,r=x,p=z")),
        Server(authentication(12, b"v=w")),
        Server(welcome()),
    ]
}

fn copy_in_extended() -> Vec<Turn> {
    vec![
        Client([extended(NONCE), message(b'S', b"")].concat()),
        Server([message(b'1', b""), message(b'2', b""), message(b'n', b""), message(b'G', b"\0\0\0")].concat()),
        Client([message(b'd', b"1\n"), message(b'c', b""), message(b'S', b"")].concat()),
        Server([complete("COPY 1"), ready(b'I')].concat()),
    ]
}

fn states(turns: &[Turn]) -> Vec<WireState> {
    listen(Database::Postgres, turns).0
}

/// Whether an answer is owed after each turn.
fn owed(turns: &[Turn]) -> Vec<bool> {
    states(turns).iter().map(|state| state.owed).collect()
}

fn last(turns: &[Turn]) -> WireState {
    *states(turns).last().expect("a turn")
}

fn names(turns: &[Turn]) -> Vec<&'static str> {
    listen(Database::Postgres, turns).1.iter().map(|frame| frame.name).collect()
}

#[test]
fn frames_have_their_names_lengths_and_nonces() {
    let sql = format!("INSERT INTO t VALUES ('poolproof-x', '{NONCE}', 'poolproof-9-9.')");
    let answer = [row("other"), row(NONCE), complete("INSERT 0 1"), ready(b'I')].concat();
    let turns = [Client(hello()), Server(welcome()), Client(query(&sql)), Server(answer), Client(message(b'X', b""))];
    let nonce = Some(Nonce { run: 7, step: 3 });
    let of = |name, bytes: usize, nonce, goodbye| Frame { name, bytes: u32::try_from(bytes).expect("small"), nonce, goodbye };
    // Of the server's frames only the one with the nonce.
    let expected = vec![
        of("StartupMessage", hello().len(), None, false),
        of("Query", sql.len() + 6, nonce, false),
        of("DataRow", NONCE.len() + 11, nonce, false),
        of("Terminate", 5, None, true),
    ];
    assert_eq!(listen(Database::Postgres, &turns).1, expected);
    assert!(last(&turns).goodbye && last(&turns).ready);
}

#[test]
fn the_server_owes_an_answer_whenever_it_is_its_turn_in_the_handshake() {
    // Each turn of the client leaves the server in debt, and each request for a password pays it.
    assert_eq!(owed(&scram_login()), [true, false, true, false, true, true, false]);
    let ready: Vec<_> = states(&scram_login()).iter().map(|state| state.ready).collect();
    assert_eq!(ready, [false, false, false, false, false, false, true]);
    // A refusal pays it too.
    assert_eq!(owed(&[Client(hello()), Server(error("ERROR"))]), [true, false]);
}

#[test]
fn the_transaction_is_what_the_server_last_said() {
    let turns = after_login([b'T', b'E', b'I'].into_iter().flat_map(|status| [Client(query("x")), Server(ready(status))]));
    let inside: Vec<_> = states(&turns).iter().map(|state| state.in_transaction).collect();
    assert_eq!(inside, [false, false, false, true, true, true, true, false]);
}

#[test]
fn every_query_and_every_sync_is_answered_by_one_ready_for_query() {
    let syncs = [query("a"), extended(NONCE), message(b'S', b""), query("b")].concat();
    let turns = after_login([Client(syncs), Server(ready(b'I')), Server(ready(b'I')), Server(ready(b'I'))]);
    assert_eq!(owed(&turns), [true, false, true, true, true, false]);
    // Without Sync nothing is owed yet.
    assert_eq!(owed(&after_login([Client(extended(NONCE))])), [true, false, false]);
}

#[test]
fn a_flush_is_answered_when_each_message_before_it_is() {
    let flushed = [extended(NONCE), message(b'H', b"")].concat();
    let answers = [message(b'1', b""), message(b'2', b""), message(b'n', b"")].concat();
    let turns = after_login([Client(flushed), Server(answers), Server(complete("SELECT 0"))]);
    assert_eq!(owed(&turns), [true, false, true, true, false]);
}

#[test]
fn after_an_error_the_server_owes_nothing_until_sync() {
    let flush = message(b'H', b"");
    let turns = after_login([
        Client([message(b'P', b"\0x\0\0\0"), flush].concat()),
        Server(error("ERROR")),
        Client([query("passed over"), extended(NONCE), message(b'H', b"")].concat()),
        Client([message(b'S', b""), query("heard")].concat()),
        Server(ready(b'I')),
        Server(ready(b'I')),
    ]);
    assert_eq!(owed(&turns), [true, false, true, false, false, true, true, false]);
}

#[test]
fn a_fatal_error_pays_all_debts_and_another_does_not() {
    assert_eq!(owed(&after_login([Client(query("x")), Server(error("FATAL"))])), [true, false, true, false]);
    assert_eq!(owed(&after_login([Client(query("x")), Server(error("ERROR"))])), [true, false, true, true]);
    let old = message(b'E', b"SFATAL\0Mbye\0\0");
    assert_eq!(owed(&after_login([Client(query("x")), Server(old)])), [true, false, true, false]);
}

#[test]
fn while_the_server_waits_for_the_data_of_a_copy_it_owes_nothing() {
    // Extended: the Sync that was written with the Execute is ignored, the one after the data is not.
    assert_eq!(owed(&after_login(copy_in_extended())), [true, false, true, false, true, false]);
    // Simple: the Query itself is still to be answered.
    let turns = after_login([
        Client(query("COPY t FROM STDIN")),
        Server(message(b'G', b"\0\0\0")),
        Client([message(b'd', b"1\n"), message(b'S', b"")].concat()),
        Client(message(b'f', b"no\0")),
        Server([error("ERROR"), ready(b'I')].concat()),
    ]);
    assert_eq!(owed(&turns), [true, false, true, false, false, true, false]);
    // A client that does not wait to be asked has nothing left to write.
    let hasty = [query("COPY t FROM STDIN"), message(b'd', b"1\n"), message(b'c', b"")].concat();
    let turns =
        after_login([Client(hasty), Server(message(b'G', b"\0\0\0")), Server([complete("COPY 1"), ready(b'I')].concat())]);
    assert_eq!(owed(&turns), [true, false, true, true, false]);
}

#[test]
fn a_server_that_is_ready_waits_for_nothing_and_passes_over_nothing() {
    let copy = || [Client(query("COPY t FROM STDIN")), Server(message(b'G', b"\0\0\0"))];
    // A COPY ends before its data does.
    let turns = after_login(copy().into_iter().chain([Server(error("ERROR")), Server(ready(b'I')), Client(query("x"))]));
    assert_eq!(owed(&turns), [true, false, true, false, true, false, true]);
    let turns = after_login(copy().into_iter().chain([Server(ready(b'I')), Client(query("x"))]));
    assert_eq!(owed(&turns), [true, false, true, false, false, true]);
    // The end of a hasty client's data is not taken for that of the next COPY.
    let hasty = [query("COPY nowhere FROM STDIN"), message(b'c', b"")].concat();
    let failed = [Client(hasty), Server([error("ERROR"), ready(b'I')].concat())];
    assert_eq!(owed(&after_login(failed.into_iter().chain(copy()))), [true, false, true, false, true, false]);
    let skipping = [Client(message(b'H', b"")), Server([error("ERROR"), ready(b'I')].concat()), Client(query("x"))];
    assert_eq!(owed(&after_login(skipping)), [true, false, false, false, true]);
}

#[test]
fn a_frame_is_read_to_its_end_as_it_began() {
    let notice = message(b'N', NONCE.as_bytes());
    let turns = [Server(notice[..3].into()), Client(startup(80_877_103, b"")), Server([&notice[3..], b"N"].concat())];
    assert_eq!(names(&turns), ["SSLRequest", "NoticeResponse"]);
    assert!(!last(&turns).owed && !last(&turns).desynchronised);
}

#[test]
fn a_refused_request_for_encryption_is_followed_by_another_startup_packet() {
    let (gss, tls) = (startup(80_877_104, b""), startup(80_877_103, b""));
    let turns = [Client(gss), Server(b"N".into()), Client(tls), Server(b"N".into()), Client(hello()), Server(welcome())];
    assert_eq!(names(&turns), ["GSSENCRequest", "SSLRequest", "StartupMessage"]);
    assert_eq!(owed(&turns), [true, false, true, false, true, false]);
    assert!(last(&turns).ready && !last(&turns).desynchronised);
}

#[test]
fn an_encrypted_connection_is_opaque_in_both_directions() {
    let hidden = [Client(startup(80_877_103, b"")), Server(b"S".into()), Client(hello()), Server(welcome())];
    // The same bytes would be read if they were not taken for ciphertext.
    assert_eq!(names(&hidden), ["SSLRequest"]);
    assert!(last(&hidden).encrypted && !last(&hidden).desynchronised && !last(&hidden).ready);
}

/// What is owed nobody can read; whoever has written last is all that is left to go by.
#[test]
fn of_what_is_encrypted_it_is_known_who_spoke_last() {
    let hidden = |turns: &[Turn]| {
        let begin = [Client(startup(80_877_103, b"")), Server(b"S".into())];
        owed(&[&begin, turns].concat())
    };
    let turns = [Client(hello()), Client(query("x")), Server(welcome()), Client(query("x"))];
    assert_eq!(hidden(&turns), [true, false, true, true, false, true]);
}

#[test]
fn a_cancel_request_is_no_session() {
    let cancel = [Client(startup(80_877_102, &[0; 8]))];
    assert_eq!(names(&cancel), ["CancelRequest"]);
    assert_eq!(last(&cancel), WireState { cancel: true, told: last(&cancel).told, ..WireState::default() });
    // The server reads no further.
    assert_eq!(names(&[&cancel[..], &[Client(hello())]].concat()), ["CancelRequest"]);
}

#[test]
fn nonsense_ends_the_reading_of_its_direction_only() {
    let mut too_short = message(b'Q', b"");
    too_short[4] = 3;
    let nonsense = [too_short, message(b'!', b""), b"Q\x40\0\0\0".to_vec(), b"!\0\x01\0\0".to_vec()];
    for bytes in nonsense {
        let turns = after_login([Client([bytes, query("x")].concat()), Server([row(NONCE), ready(b'T')].concat())]);
        assert_eq!(names(&turns), ["StartupMessage", "DataRow"]);
        assert!(last(&turns).desynchronised && last(&turns).in_transaction);
    }
    for bytes in [message(b'Q', b""), message(b'Z', b"X"), message(b'R', b"abc")] {
        let turns = after_login([Server([bytes, ready(b'T')].concat()), Client(query("x"))]);
        assert_eq!(names(&turns), ["StartupMessage", "Query"]);
        assert!(last(&turns).desynchronised && !last(&turns).in_transaction);
    }
}

#[test]
fn a_startup_packet_that_no_server_takes_is_nonsense() {
    let nonsense =
        [vec![0, 0, 0, 3], vec![0, 0, 0, 4], vec![0x16, 3, 1, 2, 0], startup(2 << 16, b""), startup(3 << 16, &[0; 10_000])];
    for bytes in nonsense {
        assert_eq!(names(&[Client(bytes.clone())]), [""; 0]);
        assert!(last(&[Client(bytes)]).desynchronised);
    }
}
