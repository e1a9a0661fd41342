//! What statements do, across sessions.

use super::*;

#[test]
fn the_steps_are_answered() {
    let mut lab = Lab::new();
    let number = lab.login();
    let probe =
        "SELECT 'poolproof-1-2.' AS nonce, CAST(CONNECTION_ID() AS CHAR) AS session, CAST(@poolproof_mark AS CHAR) AS mark";
    assert_eq!(lab.ask(number, probe), "poolproof-1-2.|1|NULL");
    assert_eq!(lab.ask(number, "SET @poolproof_mark = 'm'"), "ok 0");
    assert_eq!(lab.ask(number, probe), "poolproof-1-2.|1|m");
    lab.ledger(number);
    assert_eq!(lab.ask(number, "INSERT INTO t (run, nonce) VALUES (7, 'a'), (8, 'b')"), "ok 2");
    assert_eq!(lab.ask(number, "SELECT nonce FROM t WHERE run = 7"), "a");
    assert_eq!(lab.ask(number, "DELETE FROM t WHERE run = 7 AND nonce LIKE 'A%'"), "ok 1");
    assert_eq!(lab.ask(number, "SELECT COUNT(*), MIN(nonce) FROM t"), "1|b");
    assert_eq!(lab.ask(number, "DROP TABLE IF EXISTS t"), "ok 0");
    assert_eq!(lab.ask(number, "SELECT 1 FROM t"), "error 1146");
    assert!(lab.server.take_unknown().is_empty());
}

#[test]
fn what_is_not_committed_is_the_sessions_own() {
    let mut lab = Lab::new();
    let (a, b) = (lab.login(), lab.login());
    lab.ledger(a);
    let count = "SELECT COUNT(*) FROM t";
    assert_eq!(lab.ask(a, "BEGIN"), "ok 0*");
    assert_eq!(lab.ask(a, "INSERT INTO t VALUES (1, 'a')"), "ok 1*");
    assert_eq!((lab.ask(a, count), lab.ask(b, count)), ("1".into(), "0".into()));
    assert_eq!(lab.ask(a, "SAVEPOINT s; INSERT INTO t VALUES (2, 'b'); ROLLBACK TO S"), "ok 0*; ok 1*; ok 0*");
    assert_eq!(lab.ask(a, "COMMIT"), "ok 0");
    assert_eq!(lab.ask(b, count), "1");
    lab.ask(a, "SET autocommit = 0");
    assert_eq!(lab.ask(a, "INSERT INTO t VALUES (3, 'c')"), "ok 1*");
    lab.server.client_closed(a);
    assert_eq!(lab.ask(b, count), "1", "the end of a session rolls back");
    lab.ask(b, "BEGIN; INSERT INTO t VALUES (4, 'd'); CREATE TABLE u (a INT)");
    assert_eq!(lab.ask(b, "ROLLBACK; SELECT COUNT(*) FROM t"), "ok 0; 2", "a new table commits");
    assert_eq!(lab.ask(b, "START TRANSACTION READ ONLY; INSERT INTO t VALUES (5, 'e')"), "ok 0*; error 1792");
}

#[test]
fn an_insert_that_fails_leaves_no_row() {
    let mut lab = Lab::new();
    let number = lab.login();
    lab.ledger(number);
    for (values, code) in [
        ("(1, 'a'), (2, NULL)", 1048),
        ("(1, 'a'), (2)", 1136),
        ("('x', 'a')", 1366),
        ("(9223372036854775808, 'a')", 1264),
        ("(1, '12345678901234567890123456789012345678901234567890123456789012345')", 1406),
    ] {
        assert_eq!(lab.ask(number, &format!("INSERT INTO t VALUES {values}")), format!("error {code}"));
    }
    assert_eq!(lab.ask(number, "INSERT INTO t (run) VALUES (1)"), "error 1364");
    assert_eq!(lab.ask(number, "INSERT INTO t (run, x) VALUES (1, 2)"), "error 1054");
    assert_eq!(lab.ask(number, "SELECT COUNT(*) FROM t"), "0");
}

#[test]
fn who_waits_for_a_lock_gets_it_when_it_is_released_and_does_nothing_twice() {
    let mut lab = Lab::new();
    let (a, b) = (lab.login(), lab.login());
    assert_eq!(lab.ask(a, "SELECT GET_LOCK('L', 1)"), "1");
    assert_eq!(lab.ask(b, "SELECT GET_LOCK('l', 0), IS_FREE_LOCK('l'), IS_FREE_LOCK('m')"), "0|0|1");
    assert_eq!(lab.ask(b, "SELECT GET_LOCK('m', 9), @n := IFNULL(@n, 0) + 1, GET_LOCK('l', 9); SELECT 5"), "");
    assert!(lab.send(b, 0, b"\x0e").is_empty(), "who waits reads nothing");
    lab.server.touched();
    assert_eq!(lab.ask(a, "DO RELEASE_LOCK('l')"), "ok 0");
    assert_eq!(lab.server.touched(), [a, b]);
    assert_eq!(told(&lab.read(b)), "1|1|1; 5; ok 0");
    assert_eq!(lab.ask(b, "SELECT RELEASE_LOCK('m'), RELEASE_LOCK('m'), @n"), "1|NULL|1", "it was taken once");
}

#[test]
fn a_wait_can_be_broken_off_and_a_session_ended() {
    let mut lab = Lab::new();
    let (a, b, c) = (lab.login(), lab.login(), lab.login());
    lab.ask(a, "SELECT GET_LOCK('l', 0)");
    lab.ask(b, "SELECT GET_LOCK('l', 9)");
    assert_eq!(lab.ask(c, &format!("KILL QUERY {b}")), "ok 0");
    assert_eq!(told(&lab.read(b)), "error 1317");
    assert_eq!(lab.ask(b, "SELECT 1"), "1");
    lab.ask(b, "SELECT GET_LOCK('l', 9)");
    assert_eq!(lab.ask(c, &format!("KILL {a}")), "ok 0");
    assert!(lab.read(a).is_empty() && lab.server.is_over(a), "who is told nothing sees the end");
    assert_eq!(told(&lab.read(b)), "1", "the dead release their locks");
    assert_eq!(lab.ask(c, &format!("KILL {a}")), "error 1094");
    assert_eq!(lab.ask(c, "KILL CONNECTION_ID()"), "error 1317");
    assert!(lab.server.is_over(c));
}

#[test]
fn what_is_not_known_is_said_and_kept() {
    let mut lab = Lab::new();
    let number = lab.login();
    let long = format!("FLUSH {}", "x".repeat(500));
    for (sql, code) in [("UPDATE t SET a = 1", 1064), ("SELECT SLEEP(1)", 1235), ("SELECT @@ndb", 1193), (long.as_str(), 1064)] {
        let answer = lab.send(number, 0, &[b"\x03", sql.as_bytes()].concat());
        assert_eq!(told(&answer), format!("error {code}"));
        let quoted: String = sql.chars().take(200).collect();
        assert!(String::from_utf8_lossy(&answer[0].1).contains(&quoted), "{sql}");
        assert!(lab.server.take_unknown()[0].starts_with(&quoted));
    }
    assert_eq!(lab.ask(number, "SELECT nonsense"), "error 1054");
    assert!(lab.server.take_unknown().is_empty(), "what a real server refuses, too, is not unknown");
}

#[test]
fn what_drivers_ask_when_they_connect_is_answered() {
    let mut lab = Lab::new();
    let number = lab.login();
    for (sql, answer) in [
        // sqlx
        (
            "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;",
            "ok 0",
        ),
        ("SELECT 'a' || 'b', @@time_zone", "ab|+00:00"),
        // mysql_async
        ("SELECT @@max_allowed_packet, @@wait_timeout, @@socket", "16777216|28800|"),
        // diesel
        ("SET time_zone = '+00:00';", "ok 0"),
        ("SET character_set_client = 'utf8mb4'", "ok 0"),
        // SQLAlchemy
        ("SELECT @@transaction_isolation", "REPEATABLE-READ"),
        (
            "SHOW VARIABLES LIKE 'sql\\_mode'",
            "sql_mode|PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
        ),
        ("SHOW GLOBAL STATUS LIKE 'Threads_connected'", "Threads_connected|1"),
        ("/*!40101 SET NAMES utf8 */", "ok 0"),
    ] {
        assert_eq!(lab.ask(number, sql), answer, "{sql}");
    }
}
