//! What stands between quotes: strings, names, and what backslashes mean in them.

use std::borrow::Cow;

use super::{Lexer, Token, is_word};

impl<'a> Lexer<'a> {
    /// `$1`, or a string between two `$tag$`.
    pub(super) fn dollar(&mut self) -> Token<'a> {
        let digits = self.rest().bytes().skip(1).take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let number = self.cut(1 + digits).get(1..).unwrap_or_default();
            return number.parse().map_or(Token::Bad("there is no such parameter"), Token::Parameter);
        }
        let tag = self.rest().bytes().skip(1).take_while(|byte| is_word(*byte) || byte.is_ascii_digit()).count();
        if self.byte(1 + tag) != b'$' {
            return self.mark();
        }
        let tag = self.cut(2 + tag);
        let Some(length) = self.rest().find(tag) else { return self.bad("unterminated dollar-quoted string") };
        let text = self.cut(length);
        self.at += tag.len();
        Token::Text(Cow::Borrowed(text))
    }

    pub(super) fn quoted_name(&mut self, quote: u8) -> Token<'a> {
        match self.string(false, quote) {
            None => self.bad("unterminated quoted identifier"),
            Some(name) if name.is_empty() => Token::Bad("zero-length delimited identifier"),
            Some(name) => Token::Name(name),
        }
    }

    /// A string in quotes, joined with those that continue it: MySQL after any white space, PostgreSQL after a line break.
    pub(super) fn string(&mut self, backslashes: bool, quote: u8) -> Option<Cow<'a, str>> {
        let mut text = self.one_string(backslashes, quote)?;
        if quote != b'\'' {
            return Some(text);
        }
        loop {
            let blanks = self.rest().bytes().take_while(u8::is_ascii_whitespace).count();
            let between = self.text.get(self.at..self.at + blanks).unwrap_or_default();
            if self.byte(blanks) != quote || !(self.is_mysql() || between.contains(['\n', '\r'])) {
                return Some(text);
            }
            self.at += blanks;
            let more = self.one_string(backslashes, quote)?;
            text.to_mut().push_str(&more);
        }
    }

    /// `None` if it does not end. A doubled quote is one.
    fn one_string(&mut self, backslashes: bool, quote: u8) -> Option<Cow<'a, str>> {
        self.at += 1;
        let mut text = Cow::Borrowed("");
        let stops = |byte: &u8| *byte == quote || (backslashes && *byte == b'\\');
        loop {
            let length = self.rest().bytes().position(|byte| stops(&byte))?;
            let part = self.cut(length);
            if text.is_empty() {
                text = Cow::Borrowed(part)
            } else {
                text.to_mut().push_str(part)
            }
            if self.byte(0) == quote && self.byte(1) != quote {
                self.at += 1;
                return Some(text);
            }
            if self.byte(0) == quote {
                self.at += 2;
                text.to_mut().push(quote.into());
            } else {
                self.at += 1;
                let escaped = self.escape()?;
                text.to_mut().push_str(&escaped);
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<Cow<'a, str>> {
        let first = self.rest().chars().next()?;
        let piece = self.cut(first.len_utf8());
        let code = |lexer: &mut Self, digits: usize| {
            let hex = lexer.rest().bytes().take(digits).take_while(u8::is_ascii_hexdigit).count();
            char::from_u32(u32::from_str_radix(lexer.cut(hex), 16).ok()?).map(|character| Cow::Owned(character.to_string()))
        };
        Some(Cow::Borrowed(match first {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'b' => "\u{8}",
            'f' if !self.is_mysql() => "\u{c}",
            '0' if self.is_mysql() => "\0",
            'Z' if self.is_mysql() => "\u{1a}",
            // LIKE wants to see these two escaped.
            '%' if self.is_mysql() => "\\%",
            '_' if self.is_mysql() => "\\_",
            'x' if !self.is_mysql() => return code(self, 2),
            'u' if !self.is_mysql() => return code(self, 4),
            'U' if !self.is_mysql() => return code(self, 8),
            _ => piece,
        }))
    }
}
