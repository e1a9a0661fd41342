//! Reading SELECT.

use super::super::super::sql::Token;
use super::super::error::Error;
use super::super::tree::{Expression, From, Item, Select};
use super::super::value::Value;
use super::Text;
use super::expression::is_reserved;

/// More columns than MySQL allows in a table.
const MOST_ITEMS: usize = 4096;

impl Text<'_> {
    /// What follows the word SELECT.
    pub(super) fn select(&mut self) -> Result<Select, Error> {
        // A hint for an optimizer that is not there.
        while self.reader.one_of(&["ALL", "SQL_NO_CACHE", "SQL_BUFFER_RESULT"]).is_some() {}
        let items = self.list(Self::item)?;
        if items.len() > MOST_ITEMS {
            return Err(Error::new(1117, b"HY000", "Too many columns"));
        }
        let from = self.reader.word("FROM").then(|| self.from()).transpose()?.flatten();
        let filter = self.reader.word("WHERE").then(|| self.expression()).transpose()?;
        let order = if self.reader.words(&["ORDER", "BY"]) { self.list(Self::order)? } else { Vec::new() };
        let (mut limit, mut offset) = (None, None);
        if self.reader.word("LIMIT") {
            limit = Some(self.primary()?);
            if self.reader.symbol(",") {
                offset = limit.replace(self.primary()?);
            } else if self.reader.word("OFFSET") {
                offset = Some(self.primary()?);
            }
        }
        Ok(Select { items, from, filter, order, limit, offset })
    }

    fn item(&mut self) -> Result<Item, Error> {
        if self.reader.symbol("*") {
            return Ok(Item::All);
        }
        let start = self.reader.offset();
        let expression = self.expression()?;
        let name = match self.alias()? {
            Some(alias) => alias,
            None => match &expression {
                Expression::Column(name) => name.clone(),
                Expression::Literal(Value::Text(text)) => String::from_utf8_lossy(text).into_owned(),
                Expression::Literal(Value::Null) => "NULL".to_owned(),
                _ => self.reader.text(start, self.reader.taken()).trim().to_owned(),
            },
        };
        Ok(Item::One { expression, name })
    }

    /// `[AS] name`
    fn alias(&mut self) -> Result<Option<String>, Error> {
        let named = self.reader.word("AS");
        match self.reader.peek() {
            Token::Text(text) => {
                let text = text.clone().into_owned();
                self.reader.take();
                Ok(Some(text))
            }
            Token::Word(word) if is_reserved(word) => {
                if named {
                    Err(Error::syntax())
                } else {
                    Ok(None)
                }
            }
            Token::Word(_) | Token::Name(_) => self.name().map(Some),
            _ if named => Err(Error::syntax()),
            _ => Ok(None),
        }
    }

    /// `None` is DUAL, the table that is none.
    fn from(&mut self) -> Result<Option<From>, Error> {
        if self.reader.word("DUAL") {
            return Ok(None);
        }
        let table = self.table_name()?;
        let alias = self.alias()?;
        Ok(Some(From { table, alias }))
    }

    fn order(&mut self) -> Result<(Expression, bool), Error> {
        let expression = self.expression()?;
        Ok((expression, self.reader.one_of(&["ASC", "DESC"]) == Some("DESC")))
    }
}
