//! Reading SQL: what both dialects share. The statements themselves are each protocol's own.

mod token;

use std::borrow::Cow;

use crate::pool::Database;
use token::Lexer;

/// How deep expressions may be nested: they are read, and later dropped, by recursion.
const DEEPEST: u16 = 50;

/// How many operators may stand in one expression: each makes a tree of operators deeper by one.
const LONGEST: u16 = 500;

/// A piece of SQL text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A keyword or a name without quotes, as it was written.
    Word(&'a str),
    /// A name in quotes.
    Name(Cow<'a, str>),
    /// A string.
    Text(Cow<'a, str>),
    /// MySQL's `x'4d'` and `0x4d`.
    Bytes(Vec<u8>),
    /// Digits, perhaps with a point and an exponent; never a sign.
    Number(&'a str),
    /// A parameter, from 1: `$n`, or the n-th `?`.
    Parameter(u16),
    /// MySQL's `@name`, without the sign.
    Variable(Cow<'a, str>),
    /// MySQL's `@@name` or `@@scope.name`, without the signs.
    System(&'a str),
    /// An operator or a punctuation mark.
    Symbol(&'static str),
    /// What is no piece of SQL, and why.
    Bad(&'static str),
    /// The end of the text.
    End,
}

/// Reads a text piece by piece; it looks one piece ahead. To look farther, clone it.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    lexer: Lexer<'a>,
    next: Token<'a>,
    /// Where the next piece begins, and where the last one that was taken ended.
    start: usize,
    taken: usize,
    depth: u16,
    operators: u16,
}

/// The text is not what the caller can read. Where: at [`Reader::offset`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl<'a> Reader<'a> {
    /// Begins at the start of a text.
    pub(super) fn new(dialect: Database, text: &'a str) -> Self {
        Self::from(dialect, text, 0)
    }

    /// Begins at a byte of a text.
    pub(super) fn from(dialect: Database, text: &'a str, at: usize) -> Self {
        let mut lexer = Lexer::new(dialect, text, at);
        let (start, next) = lexer.next();
        Self { lexer, next, start, taken: 0, depth: 0, operators: 0 }
    }

    /// The next piece.
    pub(super) fn peek(&self) -> &Token<'a> {
        &self.next
    }

    /// Takes the next piece.
    pub(super) fn take(&mut self) -> Token<'a> {
        self.taken = self.lexer.at();
        let (start, next) = self.lexer.next();
        self.start = start;
        std::mem::replace(&mut self.next, next)
    }

    /// The byte at which the next piece begins.
    pub(super) fn offset(&self) -> usize {
        self.start
    }

    /// The byte at which the last piece that was taken ended.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// The text of the next piece, as error messages quote it; empty at the end.
    pub(super) fn near(&self) -> &'a str {
        self.lexer.text().get(self.start..self.lexer.at()).unwrap_or_default()
    }

    /// The text between two offsets.
    pub(super) fn text(&self, start: usize, end: usize) -> &'a str {
        self.lexer.text().get(start..end).unwrap_or_default()
    }

    /// Whether the next piece is this word (a keyword is written in any case).
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.next, Token::Word(next) if next.eq_ignore_ascii_case(word))
    }

    /// Takes this word, if it is next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let is_next = self.is_word(word);
        if is_next {
            self.take();
        }
        is_next
    }

    /// Takes one of these words; says which.
    pub(super) fn one_of<'w>(&mut self, words: &[&'w str]) -> Option<&'w str> {
        words.iter().copied().find(|word| self.word(word))
    }

    /// Takes these words, if all of them are next, in this order.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let before = self.clone();
        let all = words.iter().all(|word| self.word(word));
        if !all {
            *self = before;
        }
        all
    }

    /// Takes this operator or punctuation mark, if it is next.
    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        let is_next = matches!(self.next, Token::Symbol(next) if next == symbol);
        if is_next {
            self.take();
        }
        is_next
    }

    /// Takes this word; nothing else will do.
    pub(super) fn need_word(&mut self, word: &str) -> Result<(), Unreadable> {
        self.word(word).then_some(()).ok_or(Unreadable)
    }

    /// Takes this operator or punctuation mark; nothing else will do.
    pub(super) fn need_symbol(&mut self, symbol: &str) -> Result<(), Unreadable> {
        self.symbol(symbol).then_some(()).ok_or(Unreadable)
    }

    /// Takes a name: a word (which PostgreSQL folds to small letters) or a name in quotes. Which words are keywords the caller knows.
    pub(super) fn name(&mut self) -> Option<String> {
        let name = match &self.next {
            Token::Word(word) if self.lexer.dialect() == Database::Postgres => word.to_ascii_lowercase(),
            Token::Word(word) => (*word).to_owned(),
            Token::Name(name) => name.clone().into_owned(),
            _ => return None,
        };
        self.take();
        Some(name)
    }

    /// Whether nothing is left of the statement.
    pub(super) fn is_at_end(&self) -> bool {
        matches!(self.next, Token::End | Token::Symbol(";"))
    }

    /// Takes what is left of a statement and its semicolons; `false` at the end of the text.
    pub(super) fn next_statement(&mut self) -> bool {
        // A piece that is none may be a string without its end: nothing can be told of what follows.
        while !matches!(self.next, Token::End | Token::Bad(_) | Token::Symbol(";")) {
            self.take();
        }
        while self.symbol(";") {}
        !matches!(self.next, Token::End)
    }

    /// Reads something that may contain itself, unless it does so too deeply.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unreadable>) -> Result<T, Unreadable> {
        if self.depth >= DEEPEST {
            return Err(Unreadable);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        if self.depth == 0 {
            self.operators = 0;
        }
        result
    }

    /// Takes note of one more operator in a chain of them that is read without [`Reader::nested`], unless there are too many.
    pub(super) fn one_more_operator(&mut self) -> Result<(), Unreadable> {
        self.operators += 1;
        if self.operators > LONGEST { Err(Unreadable) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_piece_by_piece() {
        let mut reader = Reader::new(Database::Postgres, "select 'a;b' ; ; DROP Table if EXISTS \"T\"");
        assert!(reader.word("SELECT") && !reader.is_at_end());
        assert_eq!((reader.offset(), reader.near()), (7, "'a;b'"));
        assert!(reader.next_statement());
        assert!(!reader.words(&["drop", "table", "x"]), "all or nothing");
        assert!(reader.words(&["drop", "table"]) && reader.one_of(&["a", "if"]) == Some("if"));
        assert_eq!((reader.name(), reader.name()), (Some("exists".into()), Some("T".into())));
        assert!(reader.is_at_end() && !reader.next_statement());
    }

    #[test]
    fn what_contains_itself_too_deeply_is_refused() {
        fn parens(reader: &mut Reader<'_>) -> Result<u32, Unreadable> {
            if reader.symbol("(") { reader.nested(parens).map(|depth| depth + 1) } else { Ok(0) }
        }
        assert_eq!(parens(&mut Reader::new(Database::MySql, &"(".repeat(50))), Ok(50));
        assert_eq!(parens(&mut Reader::new(Database::MySql, &"(".repeat(51))), Err(Unreadable));
    }
}
