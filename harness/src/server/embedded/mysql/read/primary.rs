//! Reading what expressions are made of: literals, parameters, variables, columns, calls, and whatever stands in brackets.

use super::super::super::sql::Token;
use super::super::error::Error;
use super::super::tree::{Expression, Target};
use super::super::value::Value;
use super::expression::{Read, is_reserved};
use super::{MOST_EXPRESSIONS, Text, set};

impl Text<'_> {
    /// What has no operators, or has them in brackets.
    pub(super) fn primary(&mut self) -> Read {
        self.expressions += 1;
        if self.expressions > MOST_EXPRESSIONS {
            return Err(Error::out_of_memory());
        }
        match self.reader.take() {
            Token::Number(digits) => Ok(Expression::Literal(number(digits)?)),
            Token::Text(text) => Ok(Expression::Literal(Value::text(text))),
            Token::Bytes(bytes) => Ok(Expression::Literal(Value::Binary(bytes))),
            Token::Parameter(u16::MAX) => Err(Error::new(1390, b"HY000", "Prepared statement contains too many placeholders")),
            Token::Parameter(number) => {
                self.parameters = self.parameters.max(number);
                Ok(Expression::Parameter(usize::from(number).saturating_sub(1)))
            }
            Token::Variable(name) => {
                let name = name.to_lowercase();
                if self.reader.symbol(":=") {
                    let value = self.expression()?;
                    return self.above(Expression::Assign(name, Box::new(value)));
                }
                Ok(Expression::Variable(name))
            }
            Token::System(name) => {
                let (name, global) = set::scope(name);
                Ok(Expression::System { name, global })
            }
            Token::Symbol("(") => self.in_brackets(),
            Token::Name(name) => self.column(name.into_owned()),
            Token::Word(word) => self.named(word),
            _ => Err(Error::syntax()),
        }
    }

    /// What follows a bracket.
    fn in_brackets(&mut self) -> Read {
        let expression = if self.reader.word("SELECT") {
            self.deeper(|text| {
                let select = text.select()?;
                text.above(Expression::Subquery(Box::new(select)))
            })?
        } else {
            self.expression()?
        };
        self.reader.need_symbol(")")?;
        Ok(expression)
    }

    /// A name with others before it, which say where it is from.
    fn column(&mut self, first: String) -> Read {
        let mut name = first;
        while self.reader.symbol(".") {
            name = self.name()?;
        }
        Ok(Expression::Column(name))
    }

    /// What begins with a word.
    fn named(&mut self, word: &str) -> Read {
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "NULL" => return Ok(Expression::Literal(Value::Null)),
            "TRUE" | "FALSE" => return Ok(Expression::Literal(Value::Integer((upper == "TRUE").into()))),
            "CASE" => return self.case(),
            "CURRENT_USER" if !matches!(self.reader.peek(), Token::Symbol("(")) => {
                return Ok(Expression::Call(upper, Vec::new()));
            }
            _ => {}
        }
        // An introducer says in which character set the text is.
        if word.starts_with('_')
            && let Token::Text(text) = self.reader.peek()
        {
            let text = text.clone().into_owned().into_bytes();
            self.reader.take();
            return Ok(Expression::Literal(if upper == "_BINARY" { Value::Binary(text) } else { Value::Text(text) }));
        }
        if self.reader.symbol("(") {
            return self.deeper(|text| text.call(upper));
        }
        if is_reserved(word) { Err(Error::syntax()) } else { self.column(word.to_owned()) }
    }

    /// A call's arguments and its closing bracket.
    fn call(&mut self, name: String) -> Read {
        if self.reader.symbol(")") {
            return self.above(Expression::Call(name, Vec::new()));
        }
        let expression = match name.as_str() {
            "COUNT" if self.reader.symbol("*") => Expression::CountAll,
            "CAST" => {
                let operand = self.expression()?;
                self.reader.need_word("AS")?;
                Expression::Cast(Box::new(operand), self.target()?)
            }
            "CONVERT" => {
                let operand = self.expression()?;
                let target = if self.reader.word("USING") {
                    self.name()?;
                    Target::Text(None)
                } else {
                    self.reader.need_symbol(",")?;
                    self.target()?
                };
                Expression::Cast(Box::new(operand), target)
            }
            _ => Expression::Call(name, self.list(Self::expression)?),
        };
        self.reader.need_symbol(")")?;
        self.above(expression)
    }

    fn target(&mut self) -> Result<Target, Error> {
        const TARGETS: &[&str] = &["CHAR", "NCHAR", "BINARY", "SIGNED", "UNSIGNED", "DECIMAL", "DOUBLE", "FLOAT", "REAL"];
        let word = self.reader.one_of(TARGETS).ok_or_else(Error::syntax)?;
        let mut size = None;
        if matches!(word, "CHAR" | "NCHAR") && self.reader.symbol("(") {
            size = Some(self.number()?);
            self.reader.need_symbol(")")?;
        }
        if self.reader.words(&["CHARACTER", "SET"]) || self.reader.word("CHARSET") {
            self.name()?;
        }
        Ok(match word {
            "CHAR" | "NCHAR" => Target::Text(size),
            "BINARY" => Target::Binary,
            "SIGNED" | "UNSIGNED" => {
                let _ = self.reader.one_of(&["INTEGER", "INT"]);
                if word == "SIGNED" { Target::Signed } else { Target::Unsigned }
            }
            "DECIMAL" => Target::Decimal,
            _ => Target::Double,
        })
    }

    fn case(&mut self) -> Read {
        let operand = if self.reader.is_word("WHEN") { None } else { Some(Box::new(self.expression()?)) };
        let mut arms = Vec::new();
        while self.reader.word("WHEN") {
            let condition = self.expression()?;
            self.reader.need_word("THEN")?;
            arms.push((condition, self.expression()?));
        }
        let otherwise = self.reader.word("ELSE").then(|| self.expression()).transpose()?.map(Box::new);
        self.reader.need_word("END")?;
        if arms.is_empty() { Err(Error::syntax()) } else { self.above(Expression::Case { operand, arms, otherwise }) }
    }
}

fn number(digits: &str) -> Result<Value, Error> {
    if digits.contains(['e', 'E']) {
        return digits.parse().map(Value::Double).map_err(|_| Error::syntax());
    }
    match digits.parse() {
        Ok(number) => Value::from_whole(number).ok_or_else(Error::syntax),
        Err(_) => Ok(Value::Decimal(digits.to_owned())),
    }
}
