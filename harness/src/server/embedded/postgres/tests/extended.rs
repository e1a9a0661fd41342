use super::{Server, message, query, size};

const SYNC: &[u8] = b"S\0\0\0\x04";

fn parse(name: &str, sql: &str, types: &[u32]) -> Vec<u8> {
    let mut body = format!("{name}\0{sql}\0").into_bytes();
    body.extend(u16::try_from(types.len()).unwrap().to_be_bytes());
    body.extend(types.iter().flat_map(|kind| kind.to_be_bytes()));
    message(b'P', &body)
}

/// All parameters, and all results, in one format.
fn bind(portal: &str, statement: &str, format: u16, values: &[&[u8]]) -> Vec<u8> {
    let mut body = format!("{portal}\0{statement}\0").into_bytes();
    body.extend([0, 1]);
    body.extend(format.to_be_bytes());
    body.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
    for value in values {
        body.extend(size(value));
        body.extend(*value);
    }
    body.extend([0, 1]);
    body.extend(format.to_be_bytes());
    message(b'B', &body)
}

fn describe(kind: u8, name: &str) -> Vec<u8> {
    message(b'D', &[&[kind], name.as_bytes(), &[0]].concat())
}

fn execute(portal: &str, most: u32) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), &[0], &most.to_be_bytes()].concat())
}

fn together(messages: &[&[u8]]) -> Vec<u8> {
    messages.concat()
}

fn with_ledger() -> (Server, u32) {
    let mut server = Server::new();
    let client = server.client();
    server.ask(client, "CREATE TABLE ledger (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL)");
    (server, client)
}

#[test]
fn parameters_have_the_types_of_their_places() {
    let (mut server, client) = with_ledger();
    for (sql, types, expected) in [
        ("SELECT $1 AS nonce", &[][..], "t 25"),
        ("SELECT $1::int, $2::text, $3 || 'a', $4 = true", &[], "t 23 25 25 16"),
        ("INSERT INTO ledger (run, nonce) VALUES ($1, $2)", &[], "t 20 1043"),
        ("INSERT INTO ledger (run, nonce) VALUES ($1, $2)", &[23], "t 23 1043"),
        ("SELECT nonce FROM ledger WHERE run = $1 AND nonce = $2", &[], "t 20 25"),
        ("SELECT set_config($1, $2, $3), pg_advisory_lock($4)", &[], "t 25 25 16 20"),
    ] {
        let said = server.send(client, &together(&[&parse("", sql, types), &describe(b'S', ""), SYNC]));
        assert_eq!(said[..2], ["1", expected], "{sql}");
    }
    let said = server.send(client, &together(&[&parse("", "SELECT $2::int", &[]), SYNC]));
    assert_eq!(said[0], "E ERROR 42P18 could not determine data type of parameter $1");
}

#[test]
fn values_come_and_go_as_text_and_in_binary() {
    let (mut server, client) = with_ledger();
    server.send(client, &together(&[&parse("i", "INSERT INTO ledger (run, nonce) VALUES ($1, $2)", &[]), SYNC]));
    let said = server.send(client, &together(&[&bind("", "i", 0, &[b"7", b"text"]), &execute("", 0), SYNC]));
    assert_eq!(said, ["2", "C INSERT 0 1", "Z I"]);
    let said = server.send(client, &together(&[&bind("", "i", 1, &[&7i64.to_be_bytes(), b"binary"]), &execute("", 0), SYNC]));
    assert_eq!(said, ["2", "C INSERT 0 1", "Z I"]);
    let select = together(&[
        &parse("", "SELECT nonce, true, run FROM ledger WHERE run = $1", &[]),
        &bind("", "", 1, &[&7i64.to_be_bytes()]),
    ]);
    let said = server.send(client, &together(&[&select, &execute("", 0), SYNC]));
    assert_eq!(said[2..4], ["D text|\u{1}|\0\0\0\0\0\0\0\u{7}", "D binary|\u{1}|\0\0\0\0\0\0\0\u{7}"]);
}

#[test]
fn a_portal_gives_its_rows_by_and_by_as_long_as_its_transaction_lasts() {
    let (mut server, client) = with_ledger();
    server.ask(client, "INSERT INTO ledger VALUES (1, 'a'), (1, 'b'), (1, 'c')");
    server.ask(client, "BEGIN");
    let open = together(&[&parse("", "SELECT nonce FROM ledger", &[]), &bind("c", "", 0, &[]), &execute("c", 2), SYNC]);
    assert_eq!(server.send(client, &open), ["1", "2", "D a", "D b", "s", "Z T"]);
    assert_eq!(server.send(client, &together(&[&execute("c", 2), SYNC])), ["D c", "C SELECT 1", "Z T"]);
    assert_eq!(
        server.send(client, &together(&[&bind("c", "", 0, &[]), SYNC])),
        ["E ERROR 42P03 cursor \"c\" already exists", "Z E"]
    );
    server.ask(client, "ROLLBACK");
    assert_eq!(server.send(client, &together(&[&execute("c", 0), SYNC])), ["E ERROR 34000 portal \"c\" does not exist", "Z I"]);
}

#[test]
fn after_an_error_everything_up_to_sync_is_passed_over() {
    let (mut server, client) = with_ledger();
    let insert = together(&[&parse("", "INSERT INTO ledger VALUES (1, 'a')", &[]), &bind("", "", 0, &[]), &execute("", 0)]);
    let said = server.send(client, &together(&[&insert, &bind("", "nope", 0, &[]), &execute("", 0), &query("SELECT 1"), SYNC]));
    assert_eq!(said, ["1", "2", "C INSERT 0 1", "E ERROR 26000 prepared statement \"nope\" does not exist", "Z I"]);
    assert_eq!(server.value(client, "SELECT count(*) FROM ledger"), "0", "what stands before a Sync is one transaction");
    assert_eq!(server.send(client, &together(&[&parse("s", "SELECT 1", &[]), SYNC])), ["1", "Z I"]);
    let said = server.send(client, &together(&[&parse("s", "SELECT 1", &[]), SYNC]));
    assert_eq!(said, ["E ERROR 42P05 prepared statement \"s\" already exists", "Z I"]);
    server.ask(client, "DEALLOCATE ALL");
    assert_eq!(
        server.send(client, &together(&[&describe(b'S', "s"), SYNC]))[0],
        "E ERROR 26000 prepared statement \"s\" does not exist"
    );
}

#[test]
fn answers_are_kept_until_flush_or_sync() {
    let (mut server, client) = with_ledger();
    assert!(server.send(client, &parse("", "SELECT 1", &[])).is_empty());
    assert_eq!(server.send(client, b"H\0\0\0\x04"), ["1"]);
    assert!(server.send(client, &together(&[&bind("", "", 0, &[]), &execute("", 0)])).is_empty());
    assert_eq!(server.send(client, SYNC), ["2", "D 1", "C SELECT 1", "Z I"]);
}

#[test]
fn messages_that_contradict_themselves_are_errors() {
    let (mut server, client) = with_ledger();
    server.send(client, &together(&[&parse("s", "SELECT $1::int", &[]), SYNC]));
    for (bytes, expected) in [
        (bind("", "s", 0, &[]), "E ERROR 08P01 bind message supplies 0 parameters, but prepared statement \"s\" requires 1"),
        (bind("", "s", 0, &[b"x"]), "E ERROR 22P02 invalid input syntax for type integer: \"x\""),
        (bind("", "s", 2, &[b"x"]), "E ERROR 22023 unsupported format code: 2"),
        (bind("", "s", 1, &[b"x"]), "E ERROR 08P01 insufficient data left in message"),
        (describe(b'x', "s"), "E ERROR 08P01 invalid DESCRIBE message subtype 120"),
        (message(b'B', b"\0"), "E ERROR 08P01 invalid string in message"),
        (parse("", "SELECT 1; SELECT 2", &[]), "E ERROR 42601 cannot insert multiple commands into a prepared statement"),
    ] {
        assert_eq!(server.send(client, &together(&[&bytes, SYNC])), [expected, "Z I"]);
    }
}
