//! From one type to another.

use super::{Datum, Type};
use crate::server::embedded::postgres::error::{Problem, Stop};

impl Datum {
    /// The value as one of another type.
    pub(in crate::server::embedded::postgres) fn cast(self, kind: Type) -> Result<Self, Stop> {
        let cannot = |from: &str| Problem::error("42846", format!("cannot cast type {from} to {}", kind.name()));
        Ok(match (self, kind) {
            (Self::Null, _) => Self::Null,
            (Self::Void, Type::Void | Type::Text | Type::Unknown) => Self::Void,
            (Self::Text(text), Type::Text | Type::Unknown | Type::Varchar(None)) => Self::Text(text),
            (Self::Text(text), Type::Varchar(Some(length))) => Self::Text(cut(text, length)),
            (Self::Text(text), Type::Name) => Self::Text(cut(text, 63)),
            (Self::Text(text), _) => parse(&text, kind)?,
            (value, Type::Varchar(Some(length))) => Self::Text(cut(value.text().unwrap_or_default(), length)),
            (Self::Bool(truth), Type::Text | Type::Varchar(_)) => Self::Text(truth.to_string()),
            (value, _) if kind.is_text() => Self::Text(value.text().unwrap_or_default()),
            (Self::Bool(truth), Type::Bool) => Self::Bool(truth),
            (Self::Bool(truth), Type::Int4) => Self::Int(truth.into()),
            (Self::Bool(_), _) => return Err(cannot("boolean").into()),
            (Self::Int(number), Type::Bool) => Self::Bool(number != 0),
            (Self::Int(number), Type::Numeric) => Self::Text(number.to_string()),
            #[expect(clippy::cast_precision_loss, reason = "as the server does")]
            (Self::Int(number), Type::Float8) => Self::Float(number as f64),
            (Self::Int(number), _) => Self::Int(in_range(number, kind)?),
            (Self::Float(number), Type::Float8) => Self::Float(number),
            (Self::Float(number), Type::Numeric) => Self::Text(number.to_string()),
            (Self::Float(number), _) if kind.is_integer() => parse(&format!("{:.0}", number.round_ties_even()), kind)?,
            (Self::Float(_), _) => return Err(cannot("double precision").into()),
            (Self::Void, _) => return Err(cannot("void").into()),
        })
    }
}

fn cut(text: String, length: u32) -> String {
    let end = text.char_indices().nth(usize::try_from(length).unwrap_or(usize::MAX)).map(|(end, _)| end);
    end.and_then(|end| text.get(..end).map(str::to_owned)).unwrap_or(text)
}

fn parse(text: &str, kind: Type) -> Result<Datum, Stop> {
    let trimmed = text.trim();
    let wrong = || Problem::error("22P02", format!("invalid input syntax for type {}: \"{text}\"", kind.name()));
    match kind {
        Type::Bool => truth(trimmed).map(Datum::Bool).ok_or_else(|| wrong().into()),
        Type::Float8 => trimmed.parse().map(Datum::Float).map_err(|_| wrong().into()),
        Type::Numeric if trimmed.parse::<f64>().is_ok() => Ok(Datum::Text(trimmed.to_owned())),
        _ if kind.is_integer() => {
            let number = trimmed.parse::<i128>().map_err(|_| wrong())?;
            let too_large = || Problem::error("22003", format!("value \"{text}\" is out of range for type {}", kind.name()));
            let number = i64::try_from(number).map_err(|_| too_large())?;
            Ok(Datum::Int(in_range(number, kind).map_err(|_| too_large())?))
        }
        _ => Err(wrong().into()),
    }
}

/// A truth value as people write it, down to unique beginnings.
pub(in crate::server::embedded::postgres) fn truth(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if begins("true", 1) || begins("yes", 1) || begins("on", 2) || text == "1" {
        Some(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
        Some(false)
    } else {
        None
    }
}

/// The number, if the type has it.
pub(in crate::server::embedded::postgres) fn in_range(number: i64, kind: Type) -> Result<i64, Problem> {
    let fits = match kind {
        Type::Int2 => i16::try_from(number).is_ok(),
        Type::Int4 => i32::try_from(number).is_ok(),
        Type::Oid => u32::try_from(number).is_ok(),
        _ => true,
    };
    fits.then_some(number).ok_or_else(|| Problem::error("22003", format!("{} out of range", kind.name())))
}
