//! From text to statements.
//!
//! Source: the grammar in PostgreSQL's `gram.y`, of which this reads what drivers and steps say.

mod define;
mod expr;
mod session;
mod types;

use super::statement::{Item, Name, Select, Statement};
use crate::server::embedded::sql::{Reader, Token, Unreadable};
use define::{create, drop_table};
use session::{set, setting_or_all, transaction};

/// More elements in one list than any honest statement has.
const LONGEST: usize = 100_000;

/// Words that end an expression or a clause, so that they are no names without quotes.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "as",
    "asc",
    "between",
    "case",
    "cast",
    "check",
    "collate",
    "constraint",
    "create",
    "cross",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "from",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "left",
    "like",
    "limit",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "primary",
    "returning",
    "right",
    "select",
    "then",
    "to",
    "true",
    "union",
    "unique",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
];

type Read<T> = Result<T, Unreadable>;

/// Reads one statement up to its semicolon, which is left.
pub(super) fn statement(reader: &mut Reader<'_>) -> Read<Statement> {
    let statement = body(reader)?;
    if reader.is_at_end() { Ok(statement) } else { Err(Unreadable) }
}

fn body(reader: &mut Reader<'_>) -> Read<Statement> {
    const FIRST: &[&str] = &[
        "select",
        "insert",
        "delete",
        "create",
        "drop",
        "begin",
        "start",
        "commit",
        "end",
        "rollback",
        "abort",
        "savepoint",
        "release",
        "set",
        "reset",
        "show",
        "discard",
        "deallocate",
        "close",
        "unlisten",
    ];
    match reader.one_of(FIRST).unwrap_or_default() {
        "select" => select(reader).map(Statement::Select),
        "insert" => insert(reader),
        "delete" => {
            reader.need_word("from")?;
            let table = table(reader)?;
            Ok(Statement::Delete { table, condition: condition(reader)? })
        }
        "create" => create(reader),
        "drop" => drop_table(reader),
        "set" => set(reader),
        "reset" => Ok(Statement::Reset(setting_or_all(reader)?)),
        "show" => Ok(Statement::Show(setting_or_all(reader)?)),
        "discard" => {
            const WHAT: &[&str] = &["all", "plans", "sequences", "temp", "temporary"];
            reader.one_of(WHAT).map(Statement::Discard).ok_or(Unreadable)
        }
        "deallocate" => {
            let _ = reader.word("prepare");
            Ok(Statement::Deallocate(name_or_all(reader)?))
        }
        "close" => Ok(Statement::Close(name_or_all(reader)?)),
        "unlisten" => {
            if !reader.symbol("*") {
                reader.name().ok_or(Unreadable)?;
            }
            Ok(Statement::Unlisten)
        }
        "" => Err(Unreadable),
        first => transaction(reader, first).map(Statement::Transaction),
    }
}

fn select(reader: &mut Reader<'_>) -> Read<Select> {
    let no_items = reader.is_at_end() || reader.is_word("from") || reader.is_word("where");
    let read = |reader: &mut Reader<'_>| {
        if reader.symbol("*") {
            return Ok(None);
        }
        let expr = expr::expr(reader)?;
        let alias = if reader.word("as") { Some(reader.name().ok_or(Unreadable)?) } else { free_name(reader) };
        let name = alias.unwrap_or_else(|| expr::name_of(&expr).unwrap_or("?column?").to_owned());
        Ok(Some(Item { expr, name }))
    };
    let items = if no_items { Vec::new() } else { list(reader, read)? };
    let from = if reader.word("from") { Some(table(reader)?) } else { None };
    let condition = condition(reader)?;
    let limit = match (reader.word("limit"), reader.peek()) {
        (false, _) => None,
        (true, Token::Number(digits)) => {
            let limit = digits.parse().map_err(|_| Unreadable)?;
            reader.take();
            Some(limit)
        }
        (true, _) => return Err(Unreadable),
    };
    Ok(Select { items, from, condition, limit })
}

fn insert(reader: &mut Reader<'_>) -> Read<Statement> {
    reader.need_word("into")?;
    let table = table(reader)?;
    let columns = if reader.symbol("(") { Some(closed(reader, |reader| free_name(reader).ok_or(Unreadable))?) } else { None };
    reader.need_word("values")?;
    let rows = list(reader, |reader| {
        reader.need_symbol("(")?;
        closed(reader, expr::expr)
    })?;
    Ok(Statement::Insert { table, columns, rows })
}

fn condition(reader: &mut Reader<'_>) -> Read<Option<super::statement::Expr>> {
    if reader.word("where") { expr::expr(reader).map(Some) } else { Ok(None) }
}

fn name_or_all(reader: &mut Reader<'_>) -> Read<Option<String>> {
    if reader.word("all") { Ok(None) } else { reader.name().map(Some).ok_or(Unreadable) }
}

/// The name of a table. There is one schema, `public`; another is left in the name.
fn table(reader: &mut Reader<'_>) -> Read<Name> {
    let offset = reader.offset();
    let mut name = free_name(reader).ok_or(Unreadable)?;
    if reader.symbol(".") {
        let table = free_name(reader).ok_or(Unreadable)?;
        name = if name == "public" { table } else { format!("{name}.{table}") };
    }
    Ok(Name { name, offset })
}

/// A name that is no reserved word.
fn free_name(reader: &mut Reader<'_>) -> Option<String> {
    if RESERVED.iter().any(|reserved| reader.is_word(reserved)) { None } else { reader.name() }
}

/// At least one of something, with commas between.
fn list<T>(reader: &mut Reader<'_>, mut read: impl FnMut(&mut Reader<'_>) -> Read<T>) -> Read<Vec<T>> {
    let mut list = vec![read(reader)?];
    while reader.symbol(",") {
        if list.len() >= LONGEST {
            return Err(Unreadable);
        }
        list.push(read(reader)?);
    }
    Ok(list)
}

/// A list up to a closing parenthesis; the opening one was taken.
fn closed<T>(reader: &mut Reader<'_>, read: impl FnMut(&mut Reader<'_>) -> Read<T>) -> Read<Vec<T>> {
    let list = list(reader, read)?;
    reader.need_symbol(")")?;
    Ok(list)
}
