//! Two writers on one connection, and worse: nothing panics, and the session ends as a real server ends it.

use super::*;

#[test]
fn a_packet_out_of_order_is_refused_and_ends_the_session() {
    let mut lab = Lab::new();
    let number = lab.login();
    let answer = lab.send(number, 5, b"\x03SELECT 1");
    assert_eq!(answer, [(0, b"\xff\x84\x04#08S01Got packets out of order".to_vec())]);
    assert!(lab.server.is_over(number));
    let (number, _) = lab.connect();
    assert_eq!(told(&lab.send(number, 7, b"x")), "error 1156");
}

#[test]
fn a_packet_inside_of_another_is_taken_for_its_text() {
    let mut lab = Lab::new();
    let number = lab.login();
    let outer = packet(0, b"\x03SELECT 'a', 'b' ");
    let (head, tail) = outer.split_at(10);
    lab.server.received(number, head);
    lab.server.received(number, &packet(0, b"\x0e"));
    assert_eq!(told(&lab.read(number)), "");
    lab.server.received(number, tail);
    let answer = told(&lab.read(number));
    assert!(answer.starts_with("error 1064"), "{answer}");
}

#[test]
fn more_than_sixteen_megabytes_are_refused() {
    let mut lab = Lab::new();
    let number = lab.login();
    let part = vec![b' '; 0xff_ffff];
    let mut first = part.clone();
    first[0] = 3;
    lab.server.received(number, &packet(0, &first));
    let answer = lab.send(number, 1, &part);
    assert_eq!((answer[0].0, told(&answer), lab.server.is_over(number)), (2, "error 1153".into(), true));
}

#[test]
fn who_waits_cannot_be_flooded() {
    let mut lab = Lab::new();
    let (a, b) = (lab.login(), lab.login());
    lab.ask(a, "SELECT GET_LOCK('l', 0)");
    lab.ask(b, "SELECT GET_LOCK('l', 9)");
    for _ in 0..40 {
        lab.server.received(b, &vec![0; 1 << 20]);
    }
    assert!(lab.server.is_over(b));
    assert_eq!(lab.ask(a, "SELECT RELEASE_LOCK('l'), IS_FREE_LOCK('l')"), "1|1");
}

#[test]
fn a_session_cannot_fill_the_memory() {
    let mut lab = Lab::new();
    let number = lab.login();
    lab.ask(number, "SET @a = 'xxxxxxxxxxxxxxxx'");
    for _ in 0..40 {
        lab.ask(number, "SET @a = CONCAT(@a, @a, @a, @a)");
    }
    assert_eq!(lab.ask(number, "SELECT @a IS NULL"), "1", "what is longer than a packet is NULL");
    lab.ask(number, &format!("SET @a = '{}'", "x".repeat(1 << 20)));
    let copies = |times: usize| format!("SELECT {}1", "@a,".repeat(times));
    assert_eq!(lab.ask(number, &copies(4000)), "error 1041");
    let list = |times: usize| format!("SELECT LENGTH(CONCAT({}1))", "@a,".repeat(times));
    assert_eq!(lab.ask(number, &list(4000)), "error 1041");
    assert_eq!(lab.ask(number, &list(3)), "3145729");
    let big = format!("INSERT INTO t VALUES ({}1)", "1,".repeat(600_000));
    assert_eq!(lab.ask(number, &big), "error 1041");
    assert_eq!(lab.ask(number, &format!("SELECT {}", "(".repeat(1_000_000))), "error 1064");
}

/// Whatever comes, in whatever order: no panic, and the server is as good as before for others.
#[test]
fn any_bytes_can_come() {
    let mut state = 0x1234_5678_9abc_def0_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap() % below
    };
    let bodies: &[&[u8]] = &[
        b"\x03SELECT 'a', @@autocommit, CAST(@m AS CHAR), GET_LOCK('a', 1) FROM t WHERE run = 1 ORDER BY 1 LIMIT 2",
        b"\x03INSERT INTO t (run, nonce) VALUES (1, 'a'), (-2, x'41'), (NULL, 1.5e3)",
        b"\x03SET @a = 1, NAMES utf8mb4, SESSION sql_mode = CONCAT(@@sql_mode, ',')",
        b"\x03BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT AND CHAIN; CREATE TABLE t (run INT, nonce TEXT)",
        b"\x03SELECT -9223372036854775808 DIV -1, 5 % 0, CASE WHEN 1 THEN 2 END, 'x' LIKE '%_\\%', /*!40101 1 */ -- x",
        b"\x16SELECT ?, ? + 1, CAST(? AS UNSIGNED)",
        b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x08\0\xfd\0\x0c\0\x05\0\0\0\0\0\0\0\x02hi\x0b\xe4\x07\x01\x02\x03\x04\x05\x01\0\0\0",
        b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x0b\0\x05\0\x04\0\x0c\x01\x01\0\0\0\x02\x03\x04\x01\0\0\0\0\0\0\0\0\0\xf8\x7f\0\0\x80\x7f",
        b"\x18\x01\0\0\0\x01\0long",
        b"\x11me\0\x14aaaaaaaaaaaaaaaaaaaad\0\x2d\0mysql_native_password\0\x05\x01a\x02bc",
        b"\x1f",
        b"\x1a\x01\0\0\0",
        b"\x0c\x02\0\0\0",
    ];
    let mut lab = Lab::new();
    let witness = lab.login();
    lab.ledger(witness);
    for round in 0..2000 {
        let number = if round % 4 == 0 { lab.connect().0 } else { lab.login() };
        for _ in 0..6 {
            let mut body = bodies[random(bodies.len())].to_vec();
            for _ in 0..random(4) {
                // Seldom the first byte, which says what it is.
                let place = random(body.len()).max(usize::from(random(8) != 0));
                let byte = u8::try_from(random(256)).unwrap();
                match (random(4), body.get_mut(place)) {
                    (0, _) => body.truncate(place.max(1)),
                    (1, Some(_)) => body.insert(place, byte),
                    (_, Some(target)) => *target = byte,
                    (_, None) => {}
                }
            }
            let sequence = u8::from(round % 4 == 0) + u8::from(random(20) == 0);
            lab.server.received(number, &packet(sequence, &body));
            if random(3) == 0 {
                lab.server.received(number, &[0, 1, 0, 0][..random(4)]);
            }
        }
        if lab.server.output(number).is_some_and(|output| output.is_empty()) && round % 3 == 0 {
            lab.server.client_closed(number);
        }
        lab.server.remove(number);
    }
    assert_eq!(lab.ask(witness, "SELECT 1"), if lab.server.is_over(witness) { "" } else { "1" });
    let after = lab.login();
    assert_eq!(lab.ask(after, "SELECT 1"), "1");
}
