//! Commands: answers, numbers, prepared statements.

use super::*;

#[test]
fn commands_are_answered_in_their_turn_however_their_bytes_are_cut() {
    let mut lab = Lab::new();
    let number = lab.login();
    let bytes = [packet(0, b"\x0e"), packet(0, b"\x03SELECT 7"), packet(0, b"\x0e")].concat();
    let mut packets = Vec::new();
    for byte in bytes {
        lab.server.received(number, &[byte]);
        packets.extend(lab.read(number));
    }
    assert_eq!(told(&packets), "ok 0; 7; ok 0");
    let numbers: Vec<u8> = packets.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 1, 2, 3, 4, 5, 1]);
}

#[test]
fn a_client_that_wants_no_eof_gets_none() {
    let mut lab = Lab::new();
    let (number, _) = lab.response(PLAIN | WITHOUT_EOF, USER, PASSWORD, NAME, NATIVE);
    let answer = lab.send(number, 0, b"\x03SELECT 'a'");
    assert_eq!(answer.len(), 4, "{answer:?}");
    assert_eq!((&answer[2].1[..], &answer[3].1[..]), (&b"\x01a"[..], &[0xfe, 0, 0, 2, 0, 0, 0][..]));
    let prepared = lab.send(number, 0, b"\x16SELECT ?, ?");
    assert_eq!(prepared.len(), 5, "the answer, two parameters, two columns");
}

#[test]
fn a_prepared_statement_takes_arguments_and_gives_binary_rows() {
    let mut lab = Lab::new();
    let number = lab.login();
    let prepared = lab.send(number, 0, b"\x16SELECT ? AS a, CAST(? AS CHAR), NULL");
    assert_eq!(prepared[0].1, [0, 1, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0]);
    assert_eq!(prepared.len(), 1 + 3 + 4);
    let head = b"\x17\x01\0\0\0\0\x01\0\0\0";
    let with_types = [&head[..], b"\0\x01\x08\0\xfd\0\x05\0\0\0\0\0\0\0\x02hi"].concat();
    let row = |answer: &[(u8, Vec<u8>)]| answer[5].1.clone();
    assert_eq!(row(&lab.send(number, 0, &with_types)), b"\0\x10\x05\0\0\0\0\0\0\0\x02hi");
    let without_types = [&head[..], b"\x02\0\x06\0\0\0\0\0\0\0"].concat();
    assert_eq!(row(&lab.send(number, 0, &without_types)), b"\0\x18\x06\0\0\0\0\0\0\0");
    assert_eq!(told(&lab.send(number, 0, &head[..9])), "error 1835");
    // In pieces; a reset forgets them.
    for (reset, expected) in [(false, &b"\0\x10\x06\0\0\0\0\0\0\0\x04long"[..]), (true, b"\0\x10\x06\0\0\0\0\0\0\0\x02hi")] {
        lab.send(number, 0, b"\x18\x01\0\0\0\x01\0lo");
        assert!(lab.send(number, 0, b"\x18\x01\0\0\0\x01\0ng").is_empty());
        if reset {
            assert_eq!(told(&lab.send(number, 0, b"\x1a\x01\0\0\0")), "ok 0");
        }
        let rest: &[u8] = if reset { b"\0\0\x06\0\0\0\0\0\0\0\x02hi" } else { b"\0\0\x06\0\0\0\0\0\0\0" };
        assert_eq!(row(&lab.send(number, 0, &[&head[..], rest].concat())), expected);
    }
    assert_eq!(told(&lab.send(number, 0, b"\x1c\x01\0\0\0\x01\0\0\0")), "error 1243");
    assert!(lab.send(number, 0, b"\x19\x01\0\0\0").is_empty());
    assert_eq!(told(&lab.send(number, 0, &without_types)), "error 1243");
}

#[test]
fn what_cannot_be_carried_out_cannot_be_prepared() {
    let mut lab = Lab::new();
    let number = lab.login();
    for (sql, code) in [
        ("SELECT a FROM t", 1146),
        ("SELECT bogus", 1054),
        ("SELECT 1; SELECT 2", 1064),
        ("", 1065),
        ("BEGIN", 1295),
        ("SELECT SLEEP(1)", 1235),
    ] {
        let answer = lab.send(number, 0, &[b"\x16", sql.as_bytes()].concat());
        assert_eq!(told(&answer), format!("error {code}"), "{sql}");
    }
}

#[test]
fn a_reset_leaves_nothing_and_keeps_the_session() {
    let mut lab = Lab::new();
    let (number, other) = (lab.login(), lab.login());
    lab.ledger(number);
    lab.send(number, 0, b"\x16SELECT 1");
    lab.ask(number, "SET @a = 1, wait_timeout = 7, autocommit = 0");
    lab.ask(number, "INSERT INTO t VALUES (1, 'a')");
    lab.ask(number, "SELECT GET_LOCK('l', 0)");
    assert_eq!(told(&lab.send(number, 0, b"\x1f")), "ok 0");
    assert_eq!(lab.ask(number, "SELECT @a, @@wait_timeout, @@autocommit, DATABASE()"), "NULL|28800|1|d");
    assert_eq!(lab.ask(other, "SELECT COUNT(*) FROM t"), "0");
    assert_eq!(lab.ask(other, "SELECT GET_LOCK('l', 0)"), "1");
    assert_eq!(told(&lab.send(number, 0, b"\x17\x01\0\0\0\0\x01\0\0\0")), "error 1243");
}

#[test]
fn other_commands_are_answered_as_mysql_does() {
    let mut lab = Lab::new();
    let number = lab.login();
    assert!(lab.send(number, 0, b"\x09")[0].1.starts_with(b"Uptime"));
    for (body, answer) in [
        (&b"\x77"[..], "error 1047"),
        (b"", "error 1047"),
        (b"\x04t\0", "error 1047"),
        (b"\x0c\x63\0\0\0", "error 1094"),
        (b"\x1b\x07\0", "error 1047"),
        (b"\x03  ", "error 1065"),
    ] {
        assert_eq!(told(&lab.send(number, 0, body)), answer, "{body:?}");
    }
    assert_eq!(lab.send(number, 0, b"\x1b\x01\0")[0].1, [0xfe, 0, 0, 2, 0]);
    assert_eq!(lab.ask(number, "SELECT 1; SELECT 2"), "error 1064", "several statements are switched off");
    lab.send(number, 0, b"\x1b\0\0");
    assert_eq!(lab.ask(number, "SELECT 1; SELECT 2;"), "1; 2");
    assert!(!lab.server.is_over(number));
    assert!(lab.send(number, 0, b"\x01").is_empty(), "a goodbye is not answered");
    assert!(lab.server.is_over(number));
}
