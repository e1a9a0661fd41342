//! From text to statements: recursive descent over the shared pieces.
//!
//! What cannot be read is an error that says so; nothing is guessed. It must not know sessions, tables or packets.

mod expression;
mod primary;
mod select;
mod set;
mod table;

use super::super::sql::{Reader, Token};
use super::error::Error;
use super::tree::{Like, Show, Statement, TableName};
use crate::pool::Database;

/// Expressions in one statement: what they take in memory is bounded.
const MOST_EXPRESSIONS: u32 = 500_000;

/// One statement, and where it ended.
#[derive(Debug)]
pub(super) struct Read {
    /// `None`: there was nothing but white space and comments.
    pub(super) statement: Option<Statement>,
    /// How many `?` it has.
    pub(super) parameters: u16,
    /// The byte behind it and its semicolon.
    pub(super) end: usize,
    /// There is nothing behind it.
    pub(super) is_last: bool,
}

/// Reads the first statement of a text.
pub(super) fn statement(sql: &str, pipes_as_concat: bool) -> Result<Read, Error> {
    let mut text = Text {
        reader: Reader::new(Database::MySql, sql),
        pipes_as_concat,
        expressions: 0,
        operators: 0,
        depth: 0,
        parameters: 0,
    };
    let statement = if text.reader.is_at_end() { None } else { Some(text.statement()?) };
    if !text.reader.is_at_end() {
        return Err(Error::syntax());
    }
    let semicolon = text.reader.symbol(";");
    let end = if semicolon { text.reader.taken() } else { sql.len() };
    let is_last = *text.reader.peek() == Token::End;
    Ok(Read { statement, parameters: text.parameters, end, is_last })
}

/// A text that is being read.
struct Text<'a> {
    reader: Reader<'a>,
    pipes_as_concat: bool,
    expressions: u32,
    /// In the outermost expression that is being read.
    operators: u32,
    depth: u32,
    /// The number of the last `?`.
    parameters: u16,
}

impl Text<'_> {
    fn statement(&mut self) -> Result<Statement, Error> {
        const FIRST: &[&str] = &[
            "SELECT",
            "INSERT",
            "DELETE",
            "CREATE",
            "DROP",
            "TRUNCATE",
            "BEGIN",
            "START",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT",
            "RELEASE",
            "SET",
            "USE",
            "KILL",
            "DO",
            "SHOW",
            "UNLOCK",
        ];
        match self.reader.one_of(FIRST).unwrap_or_default() {
            "SELECT" => self.select().map(Statement::Select),
            "INSERT" => self.insert(),
            "DELETE" => self.delete(),
            "CREATE" => self.create(),
            "DROP" => self.drop_table(),
            "TRUNCATE" => {
                self.reader.word("TABLE");
                self.table_name().map(Statement::Truncate)
            }
            "BEGIN" => {
                self.reader.word("WORK");
                Ok(Statement::Begin { read_only: None })
            }
            "START" => self.start(),
            "COMMIT" => {
                self.reader.word("WORK");
                self.chain().map(|(chain, release)| Statement::Commit { chain, release })
            }
            "ROLLBACK" => self.roll_back(),
            "SAVEPOINT" => self.name().map(Statement::Savepoint),
            "RELEASE" => {
                self.reader.need_word("SAVEPOINT")?;
                self.name().map(Statement::Release)
            }
            "SET" => self.set(),
            "USE" => self.name().map(Statement::Use),
            "KILL" => {
                let connection = self.reader.one_of(&["CONNECTION", "QUERY"]) != Some("QUERY");
                Ok(Statement::Kill { connection, number: self.expression()? })
            }
            "DO" => self.list(Self::expression).map(Statement::Do),
            "SHOW" => self.show(),
            "UNLOCK" => {
                self.reader.need_word("TABLES")?;
                Ok(Statement::Nothing)
            }
            // Some clients put a query in brackets.
            _ if self.reader.symbol("(") => {
                self.reader.need_word("SELECT")?;
                let select = self.select()?;
                self.reader.need_symbol(")")?;
                Ok(Statement::Select(select))
            }
            _ => Err(Error::syntax()),
        }
    }

    /// `START TRANSACTION`, with its modes.
    fn start(&mut self) -> Result<Statement, Error> {
        self.reader.need_word("TRANSACTION")?;
        let read_only = self.modes(|text| Ok(text.reader.words(&["WITH", "CONSISTENT", "SNAPSHOT"])))?;
        Ok(Statement::Begin { read_only })
    }

    /// The modes of a transaction, with commas: whether it is read only, and others; `another` says whether it has read one.
    fn modes(&mut self, mut another: impl FnMut(&mut Self) -> Result<bool, Error>) -> Result<Option<bool>, Error> {
        let mut read_only = None;
        loop {
            if self.reader.words(&["READ", "WRITE"]) {
                read_only = Some(false);
            } else if self.reader.words(&["READ", "ONLY"]) {
                read_only = Some(true);
            } else if !another(self)? {
                return Ok(read_only);
            }
            if !self.reader.symbol(",") {
                return Ok(read_only);
            }
        }
    }

    /// `[AND [NO] CHAIN] [[NO] RELEASE]`
    fn chain(&mut self) -> Result<(bool, bool), Error> {
        let reader = &mut self.reader;
        let chain = !reader.words(&["AND", "NO", "CHAIN"]) && reader.words(&["AND", "CHAIN"]);
        let release = !reader.words(&["NO", "RELEASE"]) && reader.word("RELEASE");
        if chain && release { Err(Error::syntax()) } else { Ok((chain, release)) }
    }

    fn roll_back(&mut self) -> Result<Statement, Error> {
        self.reader.word("WORK");
        if self.reader.word("TO") {
            self.reader.word("SAVEPOINT");
            return self.name().map(Statement::RollBackTo);
        }
        self.chain().map(|(chain, release)| Statement::RollBack { chain, release })
    }

    fn show(&mut self) -> Result<Statement, Error> {
        let _scope = self.reader.one_of(&["SESSION", "GLOBAL", "LOCAL"]);
        let what = match self.reader.one_of(&["VARIABLES", "STATUS", "WARNINGS", "DATABASES", "SCHEMAS"]) {
            Some("VARIABLES") => Show::Variables,
            Some("STATUS") => Show::Status,
            Some("WARNINGS") => Show::Warnings,
            Some("DATABASES" | "SCHEMAS") => Show::Databases,
            _ => return Err(Error::syntax()),
        };
        let like = if self.reader.word("LIKE") {
            match self.reader.take() {
                Token::Text(pattern) => Some(Like::Pattern(pattern.into_owned())),
                _ => return Err(Error::syntax()),
            }
        } else if self.reader.word("WHERE") {
            Some(Like::Where(self.expression()?))
        } else {
            None
        };
        Ok(Statement::Show { what, like })
    }

    fn name(&mut self) -> Result<String, Error> {
        self.reader.name().ok_or_else(Error::syntax)
    }

    fn table_name(&mut self) -> Result<TableName, Error> {
        if matches!(self.reader.peek(), Token::Word(word) if expression::is_reserved(word)) {
            return Err(Error::syntax());
        }
        let name = self.name()?;
        if self.reader.symbol(".") {
            return Ok(TableName { schema: Some(name), name: self.name()? });
        }
        Ok(TableName { schema: None, name })
    }

    /// One or more, with commas.
    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let mut list = vec![one(self)?];
        while self.reader.symbol(",") {
            list.push(one(self)?);
        }
        Ok(list)
    }

    /// The same in brackets.
    fn bracketed<T>(&mut self, one: impl Fn(&mut Self) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        self.reader.need_symbol("(")?;
        let list = self.list(one)?;
        self.reader.need_symbol(")")?;
        Ok(list)
    }

    fn number(&mut self) -> Result<u32, Error> {
        match self.reader.take() {
            Token::Number(digits) => digits.parse().map_err(|_| Error::syntax()),
            _ => Err(Error::syntax()),
        }
    }
}

#[cfg(test)]
mod tests;
