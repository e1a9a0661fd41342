//! Whatever is written, nothing panics and nothing grows without bounds.

use super::{Server, message, query};

#[test]
fn interleaved_frames_end_the_session_as_in_postgresql() {
    let mut server = Server::new();
    let client = server.client();
    let said = server.send(client, &[&query("SELECT 1")[..3], b"Q"].concat());
    assert!(said.is_empty());
    let client = server.client();
    let said = server.send(client, &[&query("SELECT 1")[..], b"\0\0\0\x0dSELECT 1\0"].concat());
    assert_eq!(said[4..], ["E FATAL 08P01 invalid frontend message type 0", "over"]);
    let client = server.client();
    assert_eq!(server.send(client, b"S\0\0\xff\xff"), ["over"]);
}

#[test]
fn a_message_that_announces_gigabytes_is_refused_at_once() {
    let mut server = Server::new();
    let client = server.client();
    let said = server.send(client, b"Q\x3f\xff\xff\xff");
    assert_eq!(said, ["E FATAL 54000 a message of 1073741823 bytes is longer than this server takes", "over"]);
}

#[test]
fn what_is_nested_too_deeply_is_an_error() {
    let mut server = Server::new();
    let client = server.client();
    for piece in ["(", "NOT ", "- ", "+", "coalesce(", "1 IN (", "1+", "1 AND ", "a||", "1::int"] {
        let said = server.ask(client, &format!("SELECT {}", piece.repeat(100_000)));
        assert!(said[0].starts_with("E ERROR 42601"), "{piece}: {}", said[0]);
    }
    let deep = format!("SELECT {}1{}", "(".repeat(40), "+1)".repeat(40));
    assert_eq!(server.value(client, &deep), "41");
}

#[test]
fn who_writes_ahead_of_a_wait_without_end_is_sent_away() {
    let mut server = Server::new();
    let (a, b) = (server.client(), server.client());
    server.ask(a, "SELECT pg_advisory_lock(1)");
    server.ask(b, "SELECT pg_advisory_lock(1)");
    let much = message(b'd', &vec![0; 16 << 20]);
    assert!(server.send(b, &much[..much.len() - 8]).is_empty());
    assert!(server.send(b, &much).contains(&"over".to_owned()));
}

#[test]
fn who_takes_no_answers_is_sent_away() {
    let mut server = Server::new();
    let client = server.client();
    server.ask(client, &format!("CREATE TABLE t (a text); INSERT INTO t VALUES ('{}')", "x".repeat(100_000)));
    server.0.received(client, &query(&"SELECT a FROM t;".repeat(1000)));
    assert!(server.0.is_over(client));
    assert!(server.0.output(client).unwrap().len() < 1000);
}

/// Messages of a good conversation, each with some bytes that are others. The numbers are those of a generator that everybody knows
/// (xorshift), from a fixed seed: a failure comes back.
#[test]
fn no_bytes_make_it_panic() {
    let good: Vec<Vec<u8>> = vec![
        query("SELECT 'a' AS nonce, pg_backend_pid()::text, current_setting('poolproof.mark', true), $1, 1+2*3 IN (4, -5)"),
        query("BEGIN; SAVEPOINT a; INSERT INTO t (a) VALUES (1), ('2'); ROLLBACK TO a; SET LOCAL x.y = 'z'; COMMIT"),
        query(
            "CREATE TABLE t (a int, b varchar(3)); SELECT count(*) FROM t WHERE a = 1 AND b IS NOT NULL; DROP TABLE IF EXISTS t",
        ),
        query("SELECT e'\\x41\\u00e4', $x$y$x$, \"q\"\"r\", /* c */ U&'x' -- d"),
        message(b'P', b"s\0SELECT $1::int, $2\0\0\x01\0\0\0\x17"),
        message(b'B', b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x05\0\0\0\x01x\0\0"),
        message(b'D', b"Ss\0"),
        message(b'E', b"\0\0\0\0\x01"),
        message(b'C', b"Ps\0"),
        message(b'S', b""),
        query("SELECT pg_try_advisory_lock(1, 2), set_config('a.b', 'c', false), 2147483647 + 1, 1 % 0, '\u{e4}'::varchar(1)"),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut server = Server::new();
    let mut client = server.client();
    for _ in 0..20_000 {
        let mut bytes = good[random(good.len())].clone();
        for _ in 0..random(4) {
            // The body rather than the length: most should come as far as the reader.
            let at = random(bytes.len());
            if at > 4 || random(20) == 0 {
                bytes[at] = if random(2) == 0 { b"'\"();:$-.,*x0 "[random(14)] } else { u8::try_from(random(256)).unwrap() };
            }
        }
        server.0.received(client, &bytes);
        server.0.output(client).unwrap().clear();
        if server.0.is_over(client) || random(50) == 0 {
            server.0.remove(client);
            client = server.client();
        }
    }
}
