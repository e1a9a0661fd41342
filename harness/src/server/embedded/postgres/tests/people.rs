//! Several sessions at once.

use super::{Server, message, query};

#[test]
fn what_is_not_committed_is_seen_by_its_session_alone_and_ends_with_it() {
    let mut server = Server::new();
    let (a, b) = (server.client(), server.client());
    server.ask(a, "CREATE TABLE t (a int)");
    server.ask(a, "BEGIN; INSERT INTO t VALUES (1)");
    assert_eq!((server.value(a, "SELECT count(*) FROM t"), server.value(b, "SELECT count(*) FROM t")), ("1".into(), "0".into()));
    assert_eq!(server.send(a, &message(b'X', b"")), ["over"]);
    assert_eq!(server.value(b, "SELECT count(*) FROM t"), "0");
    let a = server.client();
    server.ask(a, "BEGIN; INSERT INTO t VALUES (1)");
    server.0.remove(a);
    assert_eq!(server.value(b, "SELECT count(*) FROM t"), "0");
}

#[test]
fn who_waits_for_a_lock_goes_on_when_it_is_there() {
    let mut server = Server::new();
    let (a, b) = (server.client(), server.client());
    server.ask(a, "SELECT pg_advisory_lock(7)");
    assert_eq!(server.value(b, "SELECT pg_try_advisory_lock(7)"), "f");
    server.0.touched();
    assert!(server.send(b, &[query("SELECT pg_advisory_lock(7), 'b'"), query("SELECT 2")].concat()).is_empty());
    assert!(server.0.touched().is_empty());
    assert_eq!(server.value(a, "SELECT pg_advisory_unlock(7)"), "t");
    let mut touched = server.0.touched();
    touched.sort_unstable();
    assert_eq!(touched, [a, b]);
    let said = server.said(b);
    assert_eq!((said[1].as_str(), said[5].as_str()), ("D |b", "D 2"), "what was written ahead is answered too");
    server.0.client_closed(b);
    assert_eq!(server.value(a, "SELECT pg_try_advisory_lock(7)"), "t", "its end has released the lock");
}

#[test]
fn a_lock_that_was_got_while_waiting_is_held_once() {
    let mut server = Server::new();
    let (a, b) = (server.client(), server.client());
    server.ask(a, "SELECT pg_advisory_lock(2)");
    server.ask(b, "SELECT pg_advisory_lock(1), pg_advisory_lock(2)");
    server.ask(a, "SELECT pg_advisory_unlock(2)");
    server.said(b);
    assert_eq!(server.value(b, "SELECT pg_advisory_unlock(1), pg_advisory_unlock(1)"), "t|f");
    assert_eq!(server.value(b, "SELECT pg_advisory_unlock(2), pg_advisory_unlock(2)"), "t|f");
}

#[test]
fn the_locks_of_a_transaction_end_with_it() {
    let mut server = Server::new();
    let (a, b) = (server.client(), server.client());
    server.ask(a, "BEGIN; SELECT pg_advisory_xact_lock(1)");
    assert_eq!(server.value(a, "SELECT pg_advisory_unlock(1)"), "f");
    assert_eq!(server.value(b, "SELECT pg_try_advisory_lock(1)"), "f");
    server.ask(a, "ROLLBACK");
    assert_eq!(server.value(b, "SELECT pg_try_advisory_lock(1)"), "t");
    server.ask(b, "DISCARD ALL");
    assert_eq!(server.value(a, "SELECT pg_try_advisory_lock(1)"), "t");
}

#[test]
fn a_wait_is_cancelled_by_who_knows_the_key_or_by_sql() {
    let mut server = Server::new();
    let (a, b) = (server.client(), server.0.connect());
    server.0.received(b, &super::hello(3 << 16, &[]));
    server.0.remove(b);
    let b = server.client();
    server.ask(a, "SELECT pg_advisory_lock(7)");
    let cancelled = "E ERROR 57014 canceling statement due to user request";
    server.ask(b, "BEGIN; SELECT pg_advisory_lock(7)");
    assert_eq!(server.value(a, &format!("SELECT pg_cancel_backend({b})")), "t");
    assert_eq!(server.said(b)[2..], [cancelled, "Z E"]);
    server.ask(b, "ROLLBACK");
    server.ask(b, "SELECT pg_advisory_lock(7)");
    let wrong = cancel(b, &[0; 4]);
    let number = server.0.connect();
    assert_eq!(server.send(number, &wrong), ["over"]);
    assert!(server.said(b).is_empty(), "the key is wrong");
    let seed = super::super::scram::keyed(b"secret", &[&b.to_be_bytes()]);
    let number = server.0.connect();
    assert_eq!(server.send(number, &cancel(b, &seed[..4])), ["over"]);
    assert_eq!(server.said(b)[1..], [cancelled, "Z I"]);
    let number = server.0.connect();
    server.send(number, &cancel(b, &seed[..4]));
    assert!(server.said(b).is_empty(), "there is nothing to cancel");
}

fn cancel(number: u32, secret: &[u8]) -> Vec<u8> {
    [&16u32.to_be_bytes()[..], &80_877_102u32.to_be_bytes(), &number.to_be_bytes(), secret].concat()
}

#[test]
fn a_session_is_ended_by_another() {
    let mut server = Server::new();
    let (a, b) = (server.client(), server.client());
    server.ask(b, "SELECT pg_advisory_lock(7)");
    server.0.touched();
    assert_eq!(server.value(a, &format!("SELECT pg_terminate_backend({b})")), "t");
    assert!(server.0.touched().contains(&b));
    assert_eq!(server.said(b), ["E FATAL 57P01 terminating connection due to administrator command", "over"]);
    assert_eq!(server.value(a, "SELECT pg_try_advisory_lock(7)"), "t");
    let said = server.ask(a, &format!("SELECT pg_terminate_backend({b})"));
    assert_eq!(said[1..3], [format!("N WARNING 01000 PID {b} is not a PostgreSQL backend process"), "D f".into()]);
    assert_eq!(server.ask(a, &format!("SELECT pg_terminate_backend({a})")).last().unwrap(), "over");
}

#[test]
fn a_wait_that_could_never_end_is_refused() {
    let mut server = Server::new();
    let (a, b) = (server.client(), server.client());
    server.ask(a, "SELECT pg_advisory_lock(1)");
    server.ask(b, "SELECT pg_advisory_lock(2)");
    assert!(server.ask(a, "SELECT pg_advisory_lock(2)").is_empty());
    assert_eq!(server.ask(b, "SELECT pg_advisory_lock(1)")[1..], ["E ERROR 40P01 deadlock detected", "Z I"]);
}
