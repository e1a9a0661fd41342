//! From characters to pieces: words, strings, numbers, marks. Comments and white space are passed over.
//!
//! Sources: chapter "Lexical Structure" of PostgreSQL's documentation, "Language Structure" of MySQL's.

mod quoted;

use std::borrow::Cow;

use super::Token;
use crate::pool::Database;

/// Longer ones before those that they begin with.
const SYMBOLS: &[&str] = &[
    "->>", "<=>", "!~~", "::", ":=", "<=", ">=", "<>", "!=", "||", "&&", "->", "~~", "!~", "<<", ">>", "=>", "(", ")", ",", ";",
    ".", "=", "<", ">", "+", "-", "*", "/", "%", "[", "]", "&", "|", "^", "~", "!", "@", "#", "?", ":", "{", "}",
];

/// MySQL takes what stands in `/*!NNNNN … */` as SQL, if NNNNN is not above its version.
const MYSQL_VERSION: u32 = 80_000;

#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    dialect: Database,
    text: &'a str,
    at: usize,
    /// How many `?` there were.
    parameters: u16,
    /// Within MySQL's `/*!`.
    in_comment: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(dialect: Database, text: &'a str, at: usize) -> Self {
        Self { dialect, text, at, parameters: 0, in_comment: false }
    }

    pub(super) fn dialect(&self) -> Database {
        self.dialect
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The end of the last piece.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the next piece begins, and the piece.
    pub(super) fn next(&mut self) -> (usize, Token<'a>) {
        if !self.pass_blanks() {
            let start = self.at;
            self.at = self.text.len();
            return (start, Token::Bad("unterminated /* comment"));
        }
        let start = self.at;
        (start, self.piece())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The byte that is so many bytes ahead; 0 past the end.
    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at.saturating_add(ahead)).copied().unwrap_or(0)
    }

    /// Takes what is left up to a byte that is so many bytes ahead.
    fn cut(&mut self, length: usize) -> &'a str {
        let end = self.at.saturating_add(length).min(self.text.len());
        let piece = self.text.get(self.at..end).unwrap_or_default();
        self.at = end;
        piece
    }

    fn is_mysql(&self) -> bool {
        self.dialect == Database::MySql
    }

    /// Whether a comment that began also ended.
    fn pass_blanks(&mut self) -> bool {
        loop {
            let blanks = self.rest().bytes().take_while(|byte| byte.is_ascii_whitespace() || *byte == 0x0b).count();
            self.at += blanks;
            match (self.byte(0), self.byte(1)) {
                (b'-', b'-') if !self.is_mysql() || self.byte(2) <= b' ' => self.pass_line(),
                (b'#', _) if self.is_mysql() => self.pass_line(),
                (b'*', b'/') if self.in_comment => {
                    self.in_comment = false;
                    self.at += 2;
                }
                (b'/', b'*') if self.is_mysql() && self.byte(2) == b'!' && self.enter_comment() => {}
                (b'/', b'*') => {
                    if !self.pass_comment() {
                        return false;
                    }
                }
                _ => return true,
            }
        }
    }

    fn pass_line(&mut self) {
        self.at += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
    }

    /// PostgreSQL's comments contain comments.
    fn pass_comment(&mut self) -> bool {
        let start = self.at;
        let mut depth = 0u32;
        loop {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') if depth == 0 || !self.is_mysql() => (depth, self.at) = (depth + 1, self.at + 2),
                (b'*', b'/') => (depth, self.at) = (depth - 1, self.at + 2),
                (0, _) if self.at >= self.text.len() => {
                    self.at = start;
                    return false;
                }
                _ => self.at += 1,
            }
            if depth == 0 {
                return true;
            }
        }
    }

    fn enter_comment(&mut self) -> bool {
        let digits = self.rest().bytes().skip(3).take_while(u8::is_ascii_digit).count();
        let version = self.text.get(self.at + 3..self.at + 3 + digits).unwrap_or_default();
        let counts = version.is_empty() || version.parse::<u32>().is_ok_and(|version| version <= MYSQL_VERSION);
        if counts {
            self.at += 3 + digits;
            self.in_comment = true;
        }
        counts
    }

    fn piece(&mut self) -> Token<'a> {
        let (first, second) = (self.byte(0), self.byte(1));
        match first {
            0 if self.at >= self.text.len() => Token::End,
            b'0'..=b'9' | b'.' if first != b'.' || second.is_ascii_digit() => self.number(),
            b'\'' => self.string(self.is_mysql(), b'\'').map_or_else(|| self.bad("unterminated quoted string"), Token::Text),
            b'"' if self.is_mysql() => {
                self.string(true, b'"').map_or_else(|| self.bad("unterminated quoted string"), Token::Text)
            }
            b'"' => self.quoted_name(b'"'),
            b'`' if self.is_mysql() => self.quoted_name(b'`'),
            b'$' if !self.is_mysql() => self.dollar(),
            b'?' if self.is_mysql() => {
                self.at += 1;
                self.parameters = self.parameters.saturating_add(1);
                Token::Parameter(self.parameters)
            }
            b'@' if self.is_mysql() => self.variable(),
            _ if is_word(first) => self.word(),
            _ => self.mark(),
        }
    }

    fn bad(&mut self, why: &'static str) -> Token<'a> {
        self.at = self.text.len();
        Token::Bad(why)
    }

    fn mark(&mut self) -> Token<'a> {
        let rest = self.rest();
        match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            Some(symbol) => {
                self.at += symbol.len();
                Token::Symbol(symbol)
            }
            None => {
                self.at += rest.chars().next().map_or(0, char::len_utf8);
                Token::Bad("syntax error")
            }
        }
    }

    fn word(&mut self) -> Token<'a> {
        let quote = self.byte(1) == b'\'';
        match self.byte(0) {
            b'e' | b'E' if quote && !self.is_mysql() => return self.prefixed(true),
            b'n' | b'N' if quote => return self.prefixed(self.is_mysql()),
            b'x' | b'X' if quote && self.is_mysql() => {
                self.at += 1;
                let digits = self.string(false, b'\'');
                return digits.and_then(|digits| unhex(&digits)).map_or_else(|| self.bad("syntax error"), Token::Bytes);
            }
            b'b' | b'B' | b'x' | b'X' if quote => return self.bad("bit strings are not known here"),
            _ => {}
        }
        let length = self.rest().bytes().take_while(|byte| is_word(*byte) || byte.is_ascii_digit() || *byte == b'$').count();
        let word = self.cut(length);
        // MySQL's introducers say in which character set the string is that follows.
        if self.is_mysql() && word.starts_with('_') && matches!(self.byte(0), b'\'' | b'"') {
            return self.piece();
        }
        Token::Word(word)
    }

    fn prefixed(&mut self, backslashes: bool) -> Token<'a> {
        self.at += 1;
        self.string(backslashes, b'\'').map_or_else(|| self.bad("unterminated quoted string"), Token::Text)
    }

    fn number(&mut self) -> Token<'a> {
        if self.is_mysql() && self.byte(0) == b'0' && self.byte(1) == b'x' {
            let digits = self.rest().bytes().skip(2).take_while(u8::is_ascii_hexdigit).count();
            if digits > 0 {
                let piece = self.cut(2 + digits).get(2..).unwrap_or_default();
                let even = if digits % 2 == 0 { Cow::Borrowed(piece) } else { Cow::Owned(format!("0{piece}")) };
                return unhex(&even).map_or(Token::Bad("syntax error"), Token::Bytes);
            }
        }
        let digits = |lexer: &Self, from: usize| lexer.rest().bytes().skip(from).take_while(u8::is_ascii_digit).count();
        let mut length = digits(self, 0);
        if self.byte(length) == b'.' {
            length += 1 + digits(self, length + 1);
        }
        if matches!(self.byte(length), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(length + 1), b'+' | b'-'));
            let exponent = digits(self, length + 1 + sign);
            if exponent > 0 {
                length += 1 + sign + exponent;
            }
        }
        Token::Number(self.cut(length))
    }

    /// MySQL's `@name`, `@'name'`, `@@name`, `@@scope.name`.
    fn variable(&mut self) -> Token<'a> {
        let system = self.byte(1) == b'@';
        self.at += if system { 2 } else { 1 };
        if !system && matches!(self.byte(0), b'\'' | b'"' | b'`') {
            let name = self.string(false, self.byte(0));
            return name.map_or_else(|| self.bad("unterminated quoted string"), Token::Variable);
        }
        let is_part = |byte: &u8| is_word(*byte) || byte.is_ascii_digit() || matches!(byte, b'.' | b'$');
        let length = self.rest().bytes().take_while(is_part).count();
        let name = self.cut(length);
        if system { Token::System(name) } else { Token::Variable(Cow::Borrowed(name)) }
    }
}

/// Letters, and all that is not ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(dialect: Database, text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(dialect, text, 0);
        std::iter::from_fn(|| Some(lexer.next().1).filter(|token| *token != Token::End)).collect()
    }

    #[test]
    fn postgresqls_strings_names_and_comments() {
        let text = "'it''s' 'a\\' E'\\n\\'x' $$d$e$$ $t$ $$ $t$ \"A\"\"b\" 'a'\n'b' -- 'c'\n /* a /* b */ c */ $12 x::int--";
        let expected = [
            Token::Text("it's".into()),
            Token::Text("a\\".into()),
            Token::Text("\n'x".into()),
            Token::Text("d$e".into()),
            Token::Text(" $$ ".into()),
            Token::Name("A\"b".into()),
            Token::Text("ab".into()),
            Token::Parameter(12),
            Token::Word("x"),
            Token::Symbol("::"),
            Token::Word("int"),
        ];
        assert_eq!(pieces(Database::Postgres, text), expected);
    }

    #[test]
    fn mysqls_strings_names_and_comments() {
        let text = "'a\\'b' \"c\" 'd' 'e' `f``g` @h @@session.i ? ? x'4142' 0x43 1--1 # j\n/*!40101 SET */ /*!99999 no */ k -- l";
        let expected = [
            Token::Text("a'b".into()),
            Token::Text("c".into()),
            Token::Text("de".into()),
            Token::Name("f`g".into()),
            Token::Variable("h".into()),
            Token::System("session.i"),
            Token::Parameter(1),
            Token::Parameter(2),
            Token::Bytes(b"AB".to_vec()),
            Token::Bytes(b"C".to_vec()),
            Token::Number("1"),
            Token::Symbol("-"),
            Token::Symbol("-"),
            Token::Number("1"),
            Token::Word("SET"),
            Token::Word("k"),
        ];
        assert_eq!(pieces(Database::MySql, text), expected);
    }

    #[test]
    fn numbers_have_a_point_and_an_exponent() {
        let expected = ["1", "1.5", ".5", "2e10", "3"].map(Token::Number);
        assert_eq!(pieces(Database::Postgres, "1 1.5 .5 2e10 3"), expected);
    }

    #[test]
    fn whatever_does_not_end_is_bad_and_ends_the_text() {
        for text in ["'a", "\"a", "$$a", "/* a", "E'a\\", "$a$ $$"] {
            assert!(matches!(pieces(Database::Postgres, text)[..], [Token::Bad(_)]), "{text}");
        }
        for text in ["'a\\'", "`a", "x'4", "@'a", "\u{7}"] {
            assert!(matches!(pieces(Database::MySql, text)[..], [Token::Bad(_)]), "{text}");
        }
    }
}
