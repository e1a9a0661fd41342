//! Who gets in, and who does not.

use super::*;

#[test]
fn the_greeting_is_mysqls_and_names_the_session() {
    let mut lab = Lab::new();
    let number = lab.server.connect();
    let (sequence, greeting) = lab.read(number).remove(0);
    assert_eq!(sequence, 0);
    assert!(greeting.starts_with(b"\x0a8.0.0-poolproof\0\x01\0\0\0") && greeting.ends_with(b"\0mysql_native_password\0"));
    let other = lab.connect();
    assert_ne!(lab.connect().1, other.1, "each has a scramble of its own");
}

#[test]
fn only_who_proves_the_password_gets_in() {
    let mut lab = Lab::new();
    lab.login();
    for (user, password, database, code, words) in [
        (USER, "wrong", NAME, 1045, "#28000Access denied for user 'me'@'localhost' (using password: YES)"),
        (USER, "", NAME, 1045, "#28000Access denied for user 'me'@'localhost' (using password: NO)"),
        ("you", PASSWORD, NAME, 1045, "#28000Access denied for user 'you'@'localhost' (using password: YES)"),
        (USER, PASSWORD, "other", 1049, "#42000Unknown database 'other'"),
    ] {
        let (number, answer) = lab.response(PLAIN, user, password, database, NATIVE);
        assert_eq!((answer[0], u16::from_le_bytes([answer[1], answer[2]])), (0xff, code));
        assert_eq!(String::from_utf8_lossy(&answer[3..]), words);
        assert!(lab.server.is_over(number));
    }
}

#[test]
fn a_client_that_would_prove_it_otherwise_is_asked_to_switch() {
    let mut lab = Lab::new();
    let (number, switch) = lab.response(PLAIN, USER, "ignored", NAME, "caching_sha2_password");
    let scramble = switch.strip_prefix(b"\xfemysql_native_password\0").unwrap().strip_suffix(&[0]).unwrap();
    assert_eq!(told(&lab.send(number, 3, &proof(scramble, PASSWORD))), "ok 0");
    assert_eq!(lab.ask(number, "SELECT DATABASE()"), "d");
}

#[test]
fn a_login_without_a_database_has_none() {
    let mut lab = Lab::new();
    let (number, _) = lab.response(PLAIN & !8, USER, PASSWORD, "", NATIVE);
    assert_eq!(lab.ask(number, "SELECT DATABASE()"), "NULL");
    assert_eq!(lab.ask(number, "SELECT a FROM t"), "error 1046");
    assert_eq!(told(&lab.send(number, 0, b"\x02other")), "error 1049");
    assert_eq!(told(&lab.send(number, 0, b"\x02d")), "ok 0");
    assert_eq!(lab.ask(number, "SELECT DATABASE()"), "d");
}

#[test]
fn what_is_no_login_is_a_bad_handshake() {
    let mut lab = Lab::new();
    for body in [&b"abc"[..], &[b'a'; 60], &response(PLAIN & !0x200, USER, b"", "", NATIVE)] {
        let (number, _) = lab.connect();
        let answer = lab.send(number, 1, body);
        assert_eq!((answer[0].0, told(&answer), lab.server.is_over(number)), (2, "error 1043".into(), true));
    }
}

#[test]
fn a_change_of_user_forgets_the_session_and_checks_again() {
    let mut lab = Lab::new();
    let other = lab.login();
    lab.ledger(other);
    let (number, scramble) = lab.connect();
    let proof = proof(&scramble, PASSWORD);
    lab.send(number, 1, &response(PLAIN, USER, &proof, NAME, NATIVE));
    lab.ask(number, "SET @a = 1");
    lab.ask(number, "BEGIN; INSERT INTO t VALUES (1, 'a')");
    lab.ask(number, "SELECT GET_LOCK('l', 0)");
    let change = |user: &str| [b"\x11", user.as_bytes(), b"\0\x14", &proof, b"d\0\x2d\0mysql_native_password\0"].concat();
    assert_eq!(told(&lab.send(number, 0, &change(USER))), "ok 0");
    assert_eq!(lab.ask(number, "SELECT @a, IS_FREE_LOCK('l')"), "NULL|1");
    assert_eq!(lab.ask(number, "SELECT COUNT(*) FROM t"), "0");
    assert_eq!(told(&lab.send(number, 0, &change("you"))), "error 1045");
    assert!(lab.server.is_over(number));
}
