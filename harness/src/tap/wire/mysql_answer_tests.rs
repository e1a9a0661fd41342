//! MySQL's answers, each to be read to its end and no further.

use mysql_common::constants::{CapabilityFlags as Can, Command, MariadbCapabilities as Maria};

use super::cutting_tests::Turn::{Client, Server};
use super::mysql_tests::{
    COLUMN, CURSOR, IDLE, MARIA, MORE, able, command, ended, eof, err, last, ok, packet, prepared, query, row,
};

/// That the answer is read to its end and no further: what is owed before its last packet is not owed after it, and the
/// next packet of the server is one too many.
fn assert_exact(can: Can, maria: Maria, asked: Vec<u8>, answer: &[&[u8]]) {
    let turns = |count: usize| {
        able(
            can,
            maria,
            [Client(asked.clone())].into_iter().chain(answer[..count].iter().map(|payload| Server(packet(1, payload)))),
        )
    };
    for count in 0..answer.len() {
        assert!(last(&turns(count)).owed, "after {count} of {answer:x?}");
    }
    let whole = turns(answer.len());
    assert!(!last(&whole).owed && !last(&whole).desynchronised, "{answer:x?}");
    let more: Vec<_> = whole.into_iter().chain([Server(packet(1, &ok(IDLE)))]).collect();
    assert!(last(&more).desynchronised, "{answer:x?}");
}

#[test]
fn answers_are_read_to_their_end() {
    let (none, maria) = (Can::empty(), Maria::empty());
    let (done, more, cursor) = (eof(IDLE), eof(IDLE | MORE), eof(IDLE | CURSOR));
    let select = || query("SELECT");
    assert_exact(none, maria, select(), &[&ok(IDLE)]);
    assert_exact(none, maria, select(), &[&err(1064)]);
    assert_exact(none, maria, select(), &[&[1], COLUMN, &done, &done]);
    assert_exact(none, maria, select(), &[&[2], COLUMN, COLUMN, &done, &row("a"), &row(""), &done]);
    assert_exact(none, maria, select(), &[&[1], COLUMN, &done, &row("a"), &err(1317)]);
    // Two results and the OK of a CALL.
    assert_exact(none, maria, select(), &[&[1], COLUMN, &done, &row("a"), &more, &[1], COLUMN, &done, &more, &ok(IDLE)]);
    assert_exact(none, maria, select(), &[&ok(MORE), &err(1064)]);
    // MariaDB's report of progress is an ERR that ends nothing.
    assert_exact(none, maria, select(), &[b"\xff\xff\xff\x01\x01\x02\0\0\0\x01a", &ok(IDLE)]);
    // A cursor's rows come with COM_STMT_FETCH.
    assert_exact(none, maria, command(Command::COM_STMT_EXECUTE, "1234"), &[&[1], COLUMN, &cursor]);
    assert_exact(none, maria, command(Command::COM_STMT_FETCH, "1234"), &[&[0, 0, 1, b'a'], &cursor]);
    assert_exact(none, maria, command(Command::COM_FIELD_LIST, "t"), &[COLUMN, COLUMN, &done]);
    assert_exact(none, maria, command(Command::COM_STATISTICS, ""), &[b"Uptime: 1"]);
    assert_exact(none, maria, command(Command::COM_PING, ""), &[&ok(IDLE)]);
    assert_exact(none, maria, command(Command::COM_SET_OPTION, "\x01\0"), &[&done]);
    assert_exact(none, maria, command(Command::COM_BINLOG_DUMP, ""), &[b"\0event", b"\0event", &done]);
}

#[test]
fn answers_without_eof_packets_are_read_to_their_end() {
    let (deprecated, done) = (Can::CLIENT_DEPRECATE_EOF, ended(0xfe, IDLE));
    let exact = |asked, answer: &[&[u8]]| assert_exact(deprecated, Maria::empty(), asked, answer);
    exact(query("x"), &[&[2], COLUMN, COLUMN, &row("a"), &done]);
    exact(query("x"), &[&[1], COLUMN, &ended(0xfe, MORE), &[1], COLUMN, &row("a"), &done]);
    exact(command(Command::COM_STMT_EXECUTE, "1234"), &[&[1], COLUMN, &ended(0xfe, CURSOR)]);
    exact(command(Command::COM_STMT_PREPARE, "x"), &[&prepared(1, 2), COLUMN, COLUMN, COLUMN]);
    exact(command(Command::COM_STMT_PREPARE, "x"), &[&prepared(0, 0)]);
}

#[test]
fn the_description_of_a_statement_is_read_to_its_end() {
    let (prepare, done) = (|| command(Command::COM_STMT_PREPARE, "x"), eof(IDLE));
    let exact = |answer: &[&[u8]]| assert_exact(Can::empty(), Maria::empty(), prepare(), answer);
    exact(&[&prepared(0, 0)]);
    exact(&[&prepared(1, 0), COLUMN, &done]);
    exact(&[&prepared(0, 2), COLUMN, COLUMN, &done]);
    exact(&[&prepared(1, 1), COLUMN, &done, COLUMN, &done]);
    // The cursor of another statement ends nothing here.
    exact(&[&prepared(1, 1), COLUMN, &eof(IDLE | CURSOR), COLUMN, &done]);
    exact(&[&err(1064)]);
    // A server that may leave the definitions out says so in a thirteenth byte.
    let (full, none) = ([prepared(1, 1), vec![1]].concat(), [prepared(1, 1), vec![0]].concat());
    let optional = Can::CLIENT_OPTIONAL_RESULTSET_METADATA;
    assert_exact(optional, Maria::empty(), prepare(), &[&full, COLUMN, &done, COLUMN, &done]);
    assert_exact(optional, Maria::empty(), prepare(), &[&none, &done, &done]);
}

#[test]
fn definitions_that_the_client_already_has_do_not_follow() {
    let (execute, done) = (|| command(Command::COM_STMT_EXECUTE, "1234"), eof(IDLE));
    for (can, maria) in [(Can::CLIENT_OPTIONAL_RESULTSET_METADATA, Maria::empty()), (Can::empty(), MARIA)] {
        assert_exact(can, maria, execute(), &[&[1, 0], &done, &[0, 0, 1, b'a'], &done]);
        assert_exact(can, maria, execute(), &[&[1, 1], COLUMN, &done, &[0, 0, 1, b'a'], &done]);
        assert_exact(can | Can::CLIENT_DEPRECATE_EOF, maria, execute(), &[&[1, 0], &[0, 0, 1, b'a'], &ended(0xfe, IDLE)]);
    }
    // Who calls himself MySQL has no capabilities of MariaDB, whatever stands in their place.
    assert_exact(Can::CLIENT_LONG_PASSWORD, MARIA, execute(), &[&[1], COLUMN, &done, &[0, 0, 1, b'a'], &done]);
}

#[test]
fn a_row_that_begins_like_an_eof_is_told_by_its_length() {
    // A first value of 16 MiB or more has its length behind the byte of EOF.
    let huge = [&[0xfe][..], &(1u64 << 24).to_le_bytes(), &vec![b'x'; 1 << 24]].concat();
    assert_exact(Can::empty(), Maria::empty(), query("x"), &[&[1], COLUMN, &eof(IDLE), &huge, &eof(IDLE)]);
}
