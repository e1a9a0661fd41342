//! Reading SET.

use super::super::super::sql::Token;
use super::super::error::Error;
use super::super::tree::{Assignment, Expression, Statement};
use super::super::value::Value;
use super::Text;

impl Text<'_> {
    /// What follows the word SET.
    pub(super) fn set(&mut self) -> Result<Statement, Error> {
        if let Some(transaction) = self.set_transaction()? {
            return Ok(Statement::Set(vec![transaction]));
        }
        self.list(Self::assignment).map(Statement::Set)
    }

    /// `[SESSION | GLOBAL] TRANSACTION …`
    fn set_transaction(&mut self) -> Result<Option<Assignment>, Error> {
        let before = self.reader.clone();
        let scope = self.reader.one_of(&["SESSION", "LOCAL", "GLOBAL"]);
        if !self.reader.word("TRANSACTION") {
            self.reader = before;
            return Ok(None);
        }
        if scope == Some("GLOBAL") {
            return Err(Error::syntax());
        }
        let mut level = None;
        let read_only = self.modes(|text| {
            level = Some(text.isolation_level()?);
            Ok(true)
        })?;
        Ok(Some(Assignment::Transaction { session: scope.is_some(), level, read_only }))
    }

    /// `ISOLATION LEVEL …`, as the variable has it.
    fn isolation_level(&mut self) -> Result<String, Error> {
        const LEVELS: &[&[&str]] =
            &[&["READ", "UNCOMMITTED"], &["READ", "COMMITTED"], &["REPEATABLE", "READ"], &["SERIALIZABLE"]];
        self.reader.need_word("ISOLATION")?;
        self.reader.need_word("LEVEL")?;
        let level = LEVELS.iter().find(|level| self.reader.words(level));
        level.map(|words| words.join("-")).ok_or_else(Error::syntax)
    }

    fn assignment(&mut self) -> Result<Assignment, Error> {
        if self.reader.word("NAMES") {
            let character_set = self.word_or_text()?;
            let collation = self.reader.word("COLLATE").then(|| self.word_or_text()).transpose()?.flatten();
            return Ok(Assignment::Names { character_set, collation });
        }
        if self.reader.words(&["CHARACTER", "SET"]) || self.reader.word("CHARSET") {
            return Ok(Assignment::Names { character_set: self.word_or_text()?, collation: None });
        }
        if let Token::Variable(name) = self.reader.peek() {
            let name = name.to_lowercase();
            self.reader.take();
            self.assigns()?;
            return Ok(Assignment::Variable(name, self.expression()?));
        }
        let (name, global) = if let Token::System(name) = self.reader.peek() {
            let scoped = scope(name);
            self.reader.take();
            scoped
        } else {
            let global = self.reader.one_of(&["GLOBAL", "SESSION", "LOCAL"]) == Some("GLOBAL");
            (self.name()?.to_ascii_lowercase(), global)
        };
        self.assigns()?;
        let value = if self.reader.word("DEFAULT") { None } else { Some(self.setting()?) };
        Ok(Assignment::System { name, global, value })
    }

    /// A value; a bare word, as in `SET autocommit = ON`, is a text.
    fn setting(&mut self) -> Result<Expression, Error> {
        let before = self.reader.clone();
        if let Token::Word(word) = self.reader.take()
            && (matches!(self.reader.peek(), Token::Symbol(",")) || self.reader.is_at_end())
            && !["NULL", "TRUE", "FALSE"].iter().any(|known| word.eq_ignore_ascii_case(known))
        {
            return Ok(Expression::Literal(Value::text(word)));
        }
        self.reader = before;
        self.expression()
    }

    /// `None` is DEFAULT.
    fn word_or_text(&mut self) -> Result<Option<String>, Error> {
        match self.reader.take() {
            Token::Word(word) if word.eq_ignore_ascii_case("DEFAULT") => Ok(None),
            Token::Word(word) => Ok(Some(word.to_owned())),
            Token::Text(text) => Ok(Some(text.into_owned())),
            _ => Err(Error::syntax()),
        }
    }

    fn assigns(&mut self) -> Result<(), Error> {
        if self.reader.symbol("=") || self.reader.symbol(":=") { Ok(()) } else { Err(Error::syntax()) }
    }
}

/// The name of a system variable, and whether it is the global one.
pub(super) fn scope(name: &str) -> (String, bool) {
    let name = name.to_ascii_lowercase();
    if let Some(rest) = name.strip_prefix("global.") {
        return (rest.to_owned(), true);
    }
    let rest = name.strip_prefix("session.").or_else(|| name.strip_prefix("local.")).unwrap_or(&name);
    (rest.to_owned(), false)
}
