//! Reading expressions, from the loosest operator to the tightest.

use super::super::super::sql::Token;
use super::super::error::Error;
use super::super::tree::{Expression, Operator, Target};
use super::super::value::Value;
use super::Text;

pub(super) type Read = Result<Expression, Error>;

/// How deep expressions may be nested, and how many operators and calls one may have.
const DEEPEST: u32 = 40;
const MOST_OPERATORS: u32 = 500;

/// Words that are no names, of those that can stand behind an expression or in place of one.
const RESERVED: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "ORDER",
    "GROUP",
    "HAVING",
    "LIMIT",
    "FOR",
    "LOCK",
    "UNION",
    "INTO",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "IN",
    "IS",
    "LIKE",
    "BETWEEN",
    "AS",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "DIV",
    "MOD",
    "BY",
    "ON",
    "SET",
    "VALUES",
    "INSERT",
    "DELETE",
    "UPDATE",
    "CREATE",
    "DROP",
    "TABLE",
    "NULL",
    "TRUE",
    "FALSE",
    "ASC",
    "DESC",
    "REGEXP",
    "RLIKE",
    "JOIN",
    "LEFT",
    "RIGHT",
    "INNER",
    "CROSS",
    "NATURAL",
    "USING",
    "DISTINCT",
    "EXISTS",
    "INTERVAL",
    "COLLATE",
    "BINARY",
    "PRIMARY",
    "UNIQUE",
    "FOREIGN",
    "INDEX",
    "KEY",
    "CHECK",
    "CONSTRAINT",
    "USE",
    "IGNORE",
    "FORCE",
    "PROCEDURE",
    "DEFAULT",
    "WITH",
    "OVER",
    "WINDOW",
];

pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

impl Text<'_> {
    pub(super) fn expression(&mut self) -> Read {
        if self.depth == 0 {
            self.operators = 0;
        }
        self.deeper(Self::or)
    }

    /// One level deeper, if that is not too deep.
    pub(super) fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Read) -> Read {
        if self.depth >= DEEPEST {
            return Err(Error::syntax());
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// An operator or a call, which stands above others in the tree: that is walked by recursion, so it must not grow high.
    pub(super) fn above(&mut self, expression: Expression) -> Read {
        self.operators += 1;
        if self.operators > MOST_OPERATORS { Err(Error::syntax()) } else { Ok(expression) }
    }

    fn both(&mut self, operator: Operator, left: Expression, right: Expression) -> Read {
        self.above(Expression::Binary(operator, Box::new(left), Box::new(right)))
    }

    fn not_if(&mut self, not: bool, expression: Expression) -> Read {
        if not { self.above(Expression::Not(Box::new(expression))) } else { Ok(expression) }
    }

    fn or(&mut self) -> Read {
        let mut left = self.xor()?;
        while self.reader.word("OR") || !self.pipes_as_concat && self.reader.symbol("||") {
            let right = self.xor()?;
            left = self.both(Operator::Or, left, right)?;
        }
        Ok(left)
    }

    fn xor(&mut self) -> Read {
        let mut left = self.and()?;
        while self.reader.word("XOR") {
            let right = self.and()?;
            left = self.both(Operator::Xor, left, right)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Read {
        let mut left = self.not()?;
        while self.reader.word("AND") || self.reader.symbol("&&") {
            let right = self.not()?;
            left = self.both(Operator::And, left, right)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Read {
        if self.reader.word("NOT") {
            let operand = self.deeper(Self::not)?;
            return self.not_if(true, operand);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Read {
        const COMPARISONS: &[(&str, Operator)] = &[
            ("=", Operator::Equal),
            ("<=>", Operator::Same),
            ("<>", Operator::NotEqual),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            ("<", Operator::Less),
            (">=", Operator::GreaterOrEqual),
            (">", Operator::Greater),
        ];
        let mut left = self.sum()?;
        loop {
            let symbol = COMPARISONS.iter().find(|(symbol, _)| self.reader.symbol(symbol));
            left = if let Some((_, operator)) = symbol {
                let right = self.sum()?;
                self.both(*operator, left, right)?
            } else if self.reader.word("IS") {
                self.is(left)?
            } else if self.reader.is_word("NOT") || self.is_predicate() {
                self.predicate(left)?
            } else {
                return Ok(left);
            };
        }
    }

    fn is_predicate(&self) -> bool {
        ["IN", "LIKE", "BETWEEN"].iter().any(|word| self.reader.is_word(word))
    }

    fn is(&mut self, operand: Expression) -> Read {
        let not = self.reader.word("NOT");
        let operand = Box::new(operand);
        let expression = match self.reader.one_of(&["NULL", "UNKNOWN", "TRUE", "FALSE"]) {
            Some("NULL" | "UNKNOWN") => self.above(Expression::IsNull(operand))?,
            Some(word) => self.above(Expression::Is(operand, word == "TRUE"))?,
            None => return Err(Error::syntax()),
        };
        self.not_if(not, expression)
    }

    /// `[NOT] IN (…)`, `[NOT] LIKE …`, `[NOT] BETWEEN … AND …`
    fn predicate(&mut self, left: Expression) -> Read {
        let not = self.reader.word("NOT");
        let expression = match self.reader.one_of(&["IN", "LIKE", "BETWEEN"]) {
            Some("IN") => {
                let list = self.bracketed(Self::expression)?;
                self.above(Expression::In(Box::new(left), list))?
            }
            Some("LIKE") => {
                let pattern = self.sum()?;
                self.above(Expression::Like(Box::new(left), Box::new(pattern)))?
            }
            Some(_) => {
                let low = self.sum()?;
                self.reader.need_word("AND")?;
                let high = self.sum()?;
                let above = self.both(Operator::GreaterOrEqual, left.clone(), low)?;
                let below = self.both(Operator::LessOrEqual, left, high)?;
                self.both(Operator::And, above, below)?
            }
            None => return Err(Error::syntax()),
        };
        self.not_if(not, expression)
    }

    fn sum(&mut self) -> Read {
        let mut left = self.product()?;
        loop {
            let operator = match self.reader.peek() {
                Token::Symbol("+") => Operator::Add,
                Token::Symbol("-") => Operator::Subtract,
                Token::Symbol("||") if self.pipes_as_concat => Operator::Concatenate,
                _ => return Ok(left),
            };
            self.reader.take();
            let right = self.product()?;
            left = self.both(operator, left, right)?;
        }
    }

    fn product(&mut self) -> Read {
        let mut left = self.sign()?;
        loop {
            let operator = match self.reader.peek() {
                Token::Symbol("*") => Operator::Multiply,
                Token::Symbol("/") => Operator::Divide,
                Token::Symbol("%") => Operator::Remainder,
                Token::Word(word) if word.eq_ignore_ascii_case("DIV") => Operator::DivideWhole,
                Token::Word(word) if word.eq_ignore_ascii_case("MOD") => Operator::Remainder,
                _ => return Ok(left),
            };
            self.reader.take();
            let right = self.sign()?;
            left = self.both(operator, left, right)?;
        }
    }

    fn sign(&mut self) -> Read {
        if self.reader.symbol("-") {
            // The least of the integers is read as one.
            if let Token::Number("9223372036854775808") = self.reader.peek() {
                self.reader.take();
                return Ok(Expression::Literal(Value::Integer(i64::MIN)));
            }
            return match self.deeper(Self::sign)? {
                Expression::Literal(Value::Integer(number)) if number > i64::MIN => {
                    Ok(Expression::Literal(Value::Integer(-number)))
                }
                operand => self.above(Expression::Negative(Box::new(operand))),
            };
        }
        if self.reader.symbol("+") {
            return self.deeper(Self::sign);
        }
        if self.reader.symbol("!") {
            let operand = self.deeper(Self::sign)?;
            return self.not_if(true, operand);
        }
        if self.reader.word("BINARY") {
            let operand = self.deeper(Self::sign)?;
            return self.above(Expression::Cast(Box::new(operand), Target::Binary));
        }
        let operand = self.primary()?;
        if self.reader.word("COLLATE") {
            self.name()?;
        }
        Ok(operand)
    }
}
