//! What is read, and what is not.

use super::super::tree::{Assignment, Expression, Item, Statement};
use super::super::value::Value;
use super::*;

fn read(sql: &str) -> Statement {
    statement(sql, false).unwrap_or_else(|error| panic!("{sql}: {error:?}")).statement.unwrap()
}

#[test]
fn the_statements_of_the_steps_are_read() {
    let Statement::Select(select) =
        read("select 'n' AS nonce, CAST(CONNECTION_ID() AS CHAR) AS session, CAST(@m AS CHAR) AS mark")
    else {
        panic!()
    };
    let names: Vec<_> =
        select.items.iter().map(|item| if let Item::One { name, .. } = item { name.as_str() } else { "*" }).collect();
    assert_eq!(names, ["nonce", "session", "mark"]);
    let Statement::Insert { rows, columns, .. } = read("INSERT INTO `d`.`t` (run, nonce) VALUES (1, 'a'), (?, ?)") else {
        panic!()
    };
    assert_eq!((rows.len(), columns.unwrap().len()), (2, 2));
    assert_eq!(rows[1][1], Expression::Parameter(1));
    for sql in [
        "CREATE TABLE t (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL, INDEX (run)) ENGINE=InnoDB",
        "DROP TABLE IF EXISTS t",
        "SELECT nonce FROM t WHERE run = 7",
        "SELECT COUNT(*) FROM t",
        "DELETE FROM t WHERE run IN (1, 2) AND NOT nonce LIKE 'x%'",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        "ROLLBACK AND NO CHAIN NO RELEASE",
        "ROLLBACK WORK TO SAVEPOINT a",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
        "/* ping */ SELECT 1 -- x",
    ] {
        read(sql);
    }
}

#[test]
fn a_transaction_has_modes_where_it_begins_and_where_it_is_set() {
    let begin = |modes: &str| read(&format!("START TRANSACTION {modes}"));
    assert_eq!(begin(""), Statement::Begin { read_only: None });
    assert_eq!(begin("WITH CONSISTENT SNAPSHOT"), Statement::Begin { read_only: None });
    assert_eq!(begin("READ ONLY, READ WRITE"), Statement::Begin { read_only: Some(false) });
    let set = |session, level: Option<&str>, read_only| {
        let level = level.map(str::to_owned);
        Statement::Set(vec![Assignment::Transaction { session, level, read_only }])
    };
    assert_eq!(read("SET TRANSACTION READ ONLY"), set(false, None, Some(true)));
    let sql = "SET SESSION TRANSACTION READ WRITE, ISOLATION LEVEL REPEATABLE READ";
    assert_eq!(read(sql), set(true, Some("REPEATABLE-READ"), Some(false)));
}

#[test]
fn a_set_may_have_several_parts_of_several_kinds() {
    let sql = "SET @a = 1, autocommit = ON, @@session.sql_mode = DEFAULT, GLOBAL x := 'y', NAMES utf8mb4 COLLATE utf8mb4_bin";
    let Statement::Set(parts) = read(sql) else { panic!() };
    let system = |name: &str, global, value: Option<&str>| {
        let value = value.map(|value| Expression::Literal(Value::text(value)));
        Assignment::System { name: name.into(), global, value }
    };
    assert_eq!(parts[0], Assignment::Variable("a".into(), Expression::Literal(Value::Integer(1))));
    assert_eq!(
        parts[1..4],
        [system("autocommit", false, Some("ON")), system("sql_mode", false, None), system("x", true, Some("y"))]
    );
    let names = Assignment::Names { character_set: Some("utf8mb4".into()), collation: Some("utf8mb4_bin".into()) };
    assert_eq!(parts[4], names);
}

#[test]
fn one_statement_is_read_at_a_time() {
    let sql = "SELECT ';' ; -- ;\n SELECT 2;";
    let first = statement(sql, false).unwrap();
    assert_eq!((first.end, first.is_last), (12, false));
    let second = statement(&sql[first.end..], false).unwrap();
    assert!(second.is_last && second.statement.is_some());
    assert!(statement(" /* nothing */ ;", false).unwrap().statement.is_none());
}

#[test]
fn what_is_not_understood_is_an_error() {
    for sql in [
        "SELEC 1",
        "SELECT 1 2",
        "SELECT FROM t",
        "SELECT 'a",
        "SELECT a FROM t GROUP BY a",
        "SELECT a FROM t FOR UPDATE",
        "SELECT a FROM t, u",
        "CREATE TABLE t (a INT PRIMARY KEY)",
        "CREATE TEMPORARY TABLE t (a INT)",
        "UPDATE t SET a = 1",
        "COMMIT AND CHAIN RELEASE",
        "START TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET TRANSACTION",
        "SET TRANSACTION WITH CONSISTENT SNAPSHOT",
        "SET TRANSACTION READ ONLY,",
        "SET TRANSACTION ISOLATION LEVEL",
        "INSERT INTO t VALUES",
    ] {
        assert!(statement(sql, false).is_err(), "{sql}");
    }
}

#[test]
fn what_would_need_too_much_of_the_stack_is_an_error() {
    for (open, middle, close) in
        [("(", "1", ")"), ("NOT ", "1", ""), ("-", "a", ""), ("f(", "1", ")"), ("(SELECT ", "1", ")"), ("1+", "1", "")]
    {
        let sql = |times| format!("SELECT {}{middle}{}", open.repeat(times), close.repeat(times));
        assert!(statement(&sql(5), false).is_ok(), "{open}");
        assert!(statement(&sql(100_000), false).is_err(), "{open}");
    }
}
