//! Values, and what they become: texts, numbers, truths.
//!
//! Source: "Type Conversion in Expression Evaluation" in MySQL's reference manual.

use std::cmp::Ordering;

/// A value. Texts are UTF-8 where they come from clients that keep their word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Unsigned(u64),
    /// Digits with a point.
    Decimal(String),
    Double(f64),
    Text(Vec<u8>),
    Binary(Vec<u8>),
}

/// What a column of a result holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Integer,
    Unsigned,
    Decimal,
    Double,
    /// Text of at most so many characters.
    Text(u32),
    Binary,
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into().into_bytes())
    }

    pub(super) fn truth(truth: Option<bool>) -> Self {
        truth.map_or(Self::Null, |truth| Self::Integer(truth.into()))
    }

    /// The kind that a column of such values has; texts are counted in bytes, which are as many or more.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Integer(_) => Kind::Integer,
            Self::Unsigned(_) => Kind::Unsigned,
            Self::Decimal(_) => Kind::Decimal,
            Self::Double(_) => Kind::Double,
            Self::Text(text) => Kind::Text(u32::try_from(text.len()).unwrap_or(u32::MAX)),
            Self::Binary(_) => Kind::Binary,
        }
    }

    /// `None` is NULL.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Null => None,
            Self::Integer(number) => Some(number.to_string().into_bytes()),
            Self::Unsigned(number) => Some(number.to_string().into_bytes()),
            Self::Decimal(digits) => Some(digits.clone().into_bytes()),
            Self::Double(number) => Some(number.to_string().into_bytes()),
            Self::Text(bytes) | Self::Binary(bytes) => Some(bytes.clone()),
        }
    }

    /// As text that is text; what is not UTF-8 is replaced.
    pub(super) fn string(&self) -> Option<String> {
        self.bytes()
            .map(|bytes| String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into()))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A text counts as the number that it begins with.
    pub(super) fn double(&self) -> Option<f64> {
        Some(match self {
            Self::Null => return None,
            Self::Integer(number) => *number as f64,
            Self::Unsigned(number) => *number as f64,
            Self::Double(number) => *number,
            Self::Decimal(digits) => digits.parse().unwrap_or(0.0),
            Self::Text(bytes) | Self::Binary(bytes) => leading(bytes),
        })
    }

    /// As a whole number, which is wide enough for both kinds; fractions are rounded, texts cut.
    pub(super) fn whole(&self) -> Option<i128> {
        Some(match self {
            Self::Null => return None,
            Self::Integer(number) => (*number).into(),
            Self::Unsigned(number) => (*number).into(),
            Self::Text(bytes) | Self::Binary(bytes) => {
                let digits = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
                let digits = digits + bytes.iter().skip(digits).take_while(|byte| byte.is_ascii_digit()).count();
                let digits = bytes.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
                digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| leading(bytes).trunc() as i128)
            }
            Self::Decimal(_) | Self::Double(_) => self.double()?.round() as i128,
        })
    }

    /// Whether a condition holds; `None` is unknown.
    pub(super) fn is_true(&self) -> Option<bool> {
        self.double().map(|number| number != 0.0)
    }

    /// Which is greater; `None` if one is NULL. Two texts are compared as letters, without regard to their case; anything else as
    /// numbers.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Null, _) | (_, Self::Null) => None,
            (Self::Text(a), Self::Text(b)) => Some(folded(a).cmp(&folded(b))),
            (Self::Text(a) | Self::Binary(a), Self::Text(b) | Self::Binary(b)) => Some(a.cmp(b)),
            (Self::Integer(_) | Self::Unsigned(_), Self::Integer(_) | Self::Unsigned(_)) => {
                Some(self.whole()?.cmp(&other.whole()?))
            }
            _ => self.double()?.partial_cmp(&other.double()?),
        }
    }

    pub(super) fn from_whole(number: i128) -> Option<Self> {
        let signed = i64::try_from(number).map(Self::Integer);
        signed.or_else(|_| u64::try_from(number).map(Self::Unsigned)).ok()
    }
}

impl Kind {
    /// The kind of a column that holds values of both.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (Self::Text(a), Self::Text(b)) => Self::Text(a.max(b)),
            (a, b) if a == b => a,
            (Self::Integer | Self::Unsigned, Self::Integer | Self::Unsigned) => Self::Decimal,
            _ => Self::Text(64),
        }
    }
}

/// The default collation neither tells capital letters from small ones, nor spaces at the end from none.
fn folded(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim_end_matches(' ').to_lowercase()
}

fn leading(bytes: &[u8]) -> f64 {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start();
    let number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let mut end = text.bytes().take(64).take_while(|byte| number(*byte)).count();
    while end > 0 {
        if let Some(Ok(number)) = text.get(..end).map(str::parse) {
            return number;
        }
        end -= 1;
    }
    0.0
}

/// `LIKE`: `%` is anything, `_` one character, `\` escapes; without regard to case.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    // Where the last `%` was, and where in the text to go on if what follows it does not fit.
    let (mut at, mut place, mut star) = (0, 0, None);
    while at < text.len() {
        let (step, fits) = match (pattern.get(place), pattern.get(place + 1)) {
            (Some('%'), _) => {
                star = Some((place, at));
                place += 1;
                continue;
            }
            (Some('_'), _) => (1, true),
            (Some('\\'), Some(escaped)) => (2, text.get(at) == Some(escaped)),
            (Some(letter), _) => (1, text.get(at) == Some(letter)),
            (None, _) => (0, false),
        };
        match (fits, star) {
            (true, _) => (at, place) = (at + 1, place + step),
            (false, Some((before, from))) => {
                star = Some((before, from + 1));
                (at, place) = (from + 1, before + 1);
            }
            (false, None) => return false,
        }
    }
    pattern.get(place..).unwrap_or_default().iter().all(|letter| *letter == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_count_as_the_number_that_they_begin_with() {
        for (text, whole, double) in [("12abc", 12, 12.0), ("-3.7e1x", -3, -37.0), ("e", 0, 0.0), (" 5", 5, 5.0), ("", 0, 0.0)] {
            assert_eq!((Value::text(text).whole(), Value::text(text).double()), (Some(whole), Some(double)), "{text}");
        }
        assert_eq!(Value::text("A ").compare(&Value::text("a")), Some(Ordering::Equal));
        assert_eq!(Value::text("10").compare(&Value::Integer(9)), Some(Ordering::Greater));
        assert_eq!(Value::Null.compare(&Value::Null), None);
    }

    #[test]
    fn patterns_match_as_like_does() {
        for (text, pattern) in
            [("Sql_Mode", "sql\\_mode"), ("abc", "a%c"), ("abc", "___"), ("abcbc", "%bc"), ("", "%"), ("a%", "a\\%")]
        {
            assert!(is_like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("sqlxmode", "sql\\_mode"), ("abc", "a%d"), ("abc", "__"), ("", "_")] {
            assert!(!is_like(text, pattern), "{text} {pattern}");
        }
    }
}
