use super::Server;

const PROBE: &str =
    "SELECT 'poolproof-1-2.' AS nonce, pg_backend_pid()::text AS session, current_setting('poolproof.mark', true) AS mark";

#[test]
fn the_statements_of_the_steps_are_answered() {
    let mut server = Server::new();
    let client = server.client();
    let said = server.ask(client, PROBE);
    assert_eq!(said[0], "T nonce:25 session:25 mark:25");
    assert_eq!(said[1..], [&format!("D poolproof-1-2.|{client}|NULL"), "C SELECT 1", "Z I"]);
    server.ask(client, "SET poolproof.mark = 'm'");
    assert_eq!(server.value(client, PROBE), format!("poolproof-1-2.|{client}|m"));
    for (sql, tag) in [
        ("DROP TABLE IF EXISTS ledger", "C DROP TABLE"),
        ("CREATE UNLOGGED TABLE ledger (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL)", "C CREATE TABLE"),
        ("CREATE INDEX ON ledger (run)", "C CREATE INDEX"),
        ("INSERT INTO ledger (run, nonce) VALUES (1, 'a'), (1, 'b'), (2, 'c')", "C INSERT 0 3"),
    ] {
        let said = server.ask(client, sql);
        assert_eq!(said[said.len() - 2..], [tag, "Z I"], "{said:?}");
    }
    assert_eq!(server.ask(client, "SELECT nonce FROM ledger WHERE run = 1"), ["T nonce:1043", "D a", "D b", "C SELECT 2", "Z I"]);
    assert_eq!(server.value(client, "select count(*) from ledger"), "3");
    assert_eq!(server.ask(client, "DELETE FROM ledger WHERE run = 1"), ["C DELETE 2", "Z I"]);
    assert_eq!(server.ask(client, "select * from ledger"), ["T run:20 nonce:1043", "D 2|c", "C SELECT 1", "Z I"]);
    assert!(server.0.take_unknown().is_empty());
}

#[test]
fn several_statements_are_one_transaction() {
    let mut server = Server::new();
    let client = server.client();
    server.ask(client, "CREATE TABLE t (a int)");
    let said = server.ask(client, "INSERT INTO t VALUES (1); SELECT 1/0; SELECT 2");
    assert_eq!(said, ["C INSERT 0 1", "E ERROR 22012 division by zero", "Z I"]);
    assert_eq!(server.value(client, "SELECT count(*) FROM t"), "0", "the error undid the first statement");
    let said = server.ask(client, "INSERT INTO t VALUES (1); COMMIT; SELECT 1/0");
    assert_eq!(said[1], "N WARNING 25P01 there is no transaction in progress");
    assert_eq!(server.value(client, "SELECT count(*) FROM t"), "1", "but not what was committed before");
    server.ask(client, "INSERT INTO t VALUES (2); BEGIN; INSERT INTO t VALUES (3); ROLLBACK");
    assert_eq!(server.value(client, "SELECT count(*) FROM t"), "1", "BEGIN takes in what stands before it");
    assert_eq!(server.ask(client, " ; -- nothing\n"), ["I", "Z I"]);
}

#[test]
fn a_failed_transaction_can_only_be_rolled_back() {
    let mut server = Server::new();
    let client = server.client();
    let aborted = "E ERROR 25P02 current transaction is aborted, commands ignored until end of transaction block";
    server.ask(client, "CREATE TABLE t (a int)");
    assert_eq!(
        server.ask(client, "BEGIN; INSERT INTO t VALUES (1); SAVEPOINT s"),
        ["C BEGIN", "C INSERT 0 1", "C SAVEPOINT", "Z T"]
    );
    assert_eq!(server.ask(client, "SELECT nope"), ["E ERROR 42703 column \"nope\" does not exist", "Z E"]);
    assert_eq!(server.ask(client, "SELECT 1"), [aborted, "Z E"]);
    assert_eq!(server.ask(client, "ROLLBACK TO s"), ["C ROLLBACK", "Z T"]);
    server.ask(client, "SELECT nope");
    assert_eq!(server.ask(client, "COMMIT"), ["C ROLLBACK", "Z I"]);
    assert_eq!(server.value(client, "SELECT count(*) FROM t"), "0");
}

#[test]
fn settings_go_with_their_transaction_and_the_client_is_told() {
    let mut server = Server::new();
    let client = server.client();
    let said = server.ask(client, "BEGIN; SET application_name = 'a'");
    assert_eq!(said, ["C BEGIN", "C SET", "S application_name=a", "Z T"]);
    assert_eq!(server.ask(client, "ROLLBACK"), ["C ROLLBACK", "S application_name", "Z I"]);
    server.ask(client, "BEGIN; SET LOCAL x.y = 'local'");
    assert_eq!(server.value(client, "SHOW x.y"), "local");
    server.ask(client, "COMMIT");
    assert_eq!(server.value(client, "SELECT current_setting('x.y', true) = ''"), "t");
    assert_eq!(server.value(client, "SELECT set_config('x.y', 'session', false)"), "session");
    server.ask(client, "DISCARD ALL");
    assert_eq!(server.value(client, "SELECT current_setting('x.y')"), "");
    let said = server.ask(client, "BEGIN READ ONLY; CREATE TABLE t (a int)");
    assert_eq!(said[1], "E ERROR 25006 cannot execute CREATE TABLE in a read-only transaction");
}

#[test]
fn what_pools_say_to_clean_a_session_is_known() {
    let mut server = Server::new();
    let client = server.client();
    server.ask(client, "SET x.y = '1'; SELECT pg_advisory_lock(1)");
    // deadpool-postgres, asyncpg, psycopg2.
    for sql in [
        "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; \
         DISCARD SEQUENCES;",
        "SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;",
        "ABORT",
        "RESET ALL",
        "SET SESSION AUTHORIZATION DEFAULT",
        "DISCARD ALL",
    ] {
        let said = server.ask(client, sql);
        assert!(said.iter().all(|said| !said.starts_with('E')), "{sql}: {said:?}");
    }
    assert_eq!(server.value(client, "SELECT current_setting('x.y')"), "");
    let other = server.client();
    assert_eq!(server.value(other, "SELECT pg_try_advisory_lock(1)"), "t");
}

#[test]
fn what_is_not_known_is_quoted_and_remembered() {
    let mut server = Server::new();
    let client = server.client();
    let said = server.ask(client, "VACUUM ledger");
    assert_eq!(
        said,
        ["E ERROR 42601 syntax error at or near \"VACUUM\" (the embedded server does not know: VACUUM ledger)", "Z I"]
    );
    server.ask(client, &format!("SELECT nonsense('{}')", "x".repeat(300)));
    let unknown = server.0.take_unknown();
    assert_eq!((unknown.len(), unknown[0].as_str(), unknown[1].chars().count()), (2, "VACUUM ledger", 201));
    assert!(server.0.take_unknown().is_empty());
    server.ask(client, "SELECT * FROM nope; DROP TABLE nope; SELECT 'a'::int");
    assert!(server.0.take_unknown().is_empty(), "what is plainly wrong is no lack of this server");
}

#[test]
fn expressions_have_the_values_and_names_that_postgresql_gives_them() {
    let mut server = Server::new();
    let client = server.client();
    for (sql, fields, values) in [
        (
            "SELECT 1, 3000000000, 1.5, 'a', null",
            "?column?:23 ?column?:20 ?column?:1700 ?column?:25 ?column?:25",
            "1|3000000000|1.5|a|NULL",
        ),
        ("SELECT '7'::int, 7::text::varchar, true", "int4:23 varchar:1043 ?column?:16", "7|7|t"),
        ("SELECT 7/2, -7%3, 'a'||1, 1=1 AND NOT 2>3", "?column?:23 ?column?:23 ?column?:25 ?column?:16", "3|-1|a1|t"),
        ("SELECT 1 IN (2, null), null IS NULL, coalesce(null, 'x') c", "?column?:16 ?column?:16 c:25", "NULL|t|x"),
        (
            "SELECT current_user, current_database(), pg_is_in_recovery()",
            "current_user:19 current_database:19 pg_is_in_recovery:16",
            "me|home|f",
        ),
        ("SELECT version()", "version:25", "PostgreSQL 15.0 (poolproof) in this process"),
    ] {
        let said = server.ask(client, sql);
        assert_eq!(said[..2], [format!("T {fields}"), format!("D {values}")], "{sql}");
    }
}
