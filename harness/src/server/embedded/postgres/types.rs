//! Types of values, and values in text and in binary. Only types that every driver knows without asking.

mod cast;

use super::error::{Problem, Stop};
use crate::server::embedded::tables::{Kind, Value};
pub(super) use cast::{in_range, truth};

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Name,
    Int8,
    Int2,
    Int4,
    Text,
    Oid,
    Float8,
    /// A string or NULL of which the type is not told: whatever is wanted.
    Unknown,
    /// With the largest number of characters.
    Varchar(Option<u32>),
    Numeric,
    /// What functions give that give nothing.
    Void,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Also the digits of a `numeric`.
    Text(String),
    Void,
}

/// Names of types, as they are written in SQL, small.
const NAMES: &[(&str, Type)] = &[
    ("bool", Type::Bool),
    ("boolean", Type::Bool),
    ("name", Type::Name),
    ("int8", Type::Int8),
    ("bigint", Type::Int8),
    ("int2", Type::Int2),
    ("smallint", Type::Int2),
    ("int4", Type::Int4),
    ("int", Type::Int4),
    ("integer", Type::Int4),
    ("text", Type::Text),
    ("oid", Type::Oid),
    ("float8", Type::Float8),
    ("varchar", Type::Varchar(None)),
    ("numeric", Type::Numeric),
    ("decimal", Type::Numeric),
    ("void", Type::Void),
    ("unknown", Type::Unknown),
];

impl Type {
    /// The type of a name that is one word.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// The type that a client means with a number; 0 means that it does not say. `None`: one that this server does not know.
    pub(super) fn of_oid(oid: u32) -> Option<Self> {
        if oid == 0 {
            return Some(Self::Unknown);
        }
        NAMES.iter().map(|(_, kind)| *kind).find(|kind| kind.oid() == oid)
    }

    /// The number in the catalogue, `pg_type.dat`.
    pub(super) fn oid(self) -> u32 {
        match self {
            Self::Bool => 16,
            Self::Name => 19,
            Self::Int8 => 20,
            Self::Int2 => 21,
            Self::Int4 => 23,
            Self::Text => 25,
            Self::Oid => 26,
            Self::Float8 => 701,
            Self::Unknown => 705,
            Self::Varchar(_) => 1043,
            Self::Numeric => 1700,
            Self::Void => 2278,
        }
    }

    /// How many bytes a value takes in the server; negative if that varies.
    pub(super) fn size(self) -> i16 {
        match self {
            Self::Bool => 1,
            Self::Name => 64,
            Self::Int8 | Self::Float8 => 8,
            Self::Int2 => 2,
            Self::Int4 | Self::Oid | Self::Void => 4,
            Self::Unknown => -2,
            Self::Text | Self::Varchar(_) | Self::Numeric => -1,
        }
    }

    /// What the type is declared with: the length of a `varchar`, and four.
    pub(super) fn modifier(self) -> i32 {
        match self {
            Self::Varchar(Some(length)) => i32::try_from(length).unwrap_or(i32::MAX - 4).saturating_add(4),
            _ => -1,
        }
    }

    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Name => "name",
            Self::Int8 => "bigint",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Text => "text",
            Self::Oid => "oid",
            Self::Float8 => "double precision",
            Self::Unknown => "unknown",
            Self::Varchar(_) => "character varying",
            Self::Numeric => "numeric",
            Self::Void => "void",
        }
    }

    /// A whole number.
    pub(super) fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid)
    }

    /// Characters.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Varchar(_) | Self::Name | Self::Unknown)
    }

    /// The type of a column.
    pub(super) fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Boolean => Self::Bool,
            Kind::Integer(2) => Self::Int2,
            Kind::Integer(4) => Self::Int4,
            Kind::Integer(_) => Self::Int8,
            Kind::Text => Self::Text,
            Kind::Varchar(0) => Self::Varchar(None),
            Kind::Varchar(length) => Self::Varchar(Some(length)),
        }
    }

    /// The kind of column, if tables here can have it.
    pub(super) fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Bool => Kind::Boolean,
            Self::Int2 => Kind::Integer(2),
            Self::Int4 => Kind::Integer(4),
            Self::Int8 => Kind::Integer(8),
            Self::Text => Kind::Text,
            Self::Varchar(length) => Kind::Varchar(length.unwrap_or(0)),
            _ => return None,
        })
    }
}

impl Datum {
    /// A value of a column.
    pub(super) fn of_value(value: &Value, kind: Kind) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) if kind == Kind::Boolean => Self::Bool(*number != 0),
            Value::Integer(number) => Self::Int(*number),
            Value::Text(text) => Self::Text(text.clone()),
        }
    }

    /// The value as tables keep it.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Null | Self::Void => Value::Null,
            Self::Bool(truth) => Value::Integer(truth.into()),
            Self::Int(number) => Value::Integer(number),
            Self::Float(number) => Value::Text(number.to_string()),
            Self::Text(text) => Value::Text(text),
        }
    }

    /// The value as text; `None` for NULL.
    pub(super) fn text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(true) => "t".to_owned(),
            Self::Bool(false) => "f".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Void => String::new(),
        })
    }

    /// How many bytes it has beside those that every value has.
    pub(super) fn length(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }

    /// Writes the value in a format: 0 for text, 1 for binary.
    pub(super) fn write(&self, kind: Type, format: u16, output: &mut Vec<u8>) -> Result<(), Stop> {
        let binary = format == 1;
        match self {
            Self::Text(_) if binary && kind == Type::Numeric => {
                return Err(Stop::Unknown(Problem::error("0A000", "numeric in binary is not known here")));
            }
            Self::Text(text) => output.extend(text.as_bytes()),
            Self::Bool(truth) if binary => output.push((*truth).into()),
            Self::Float(number) if binary => output.extend(number.to_be_bytes()),
            Self::Int(number) if binary => match kind {
                Type::Int2 => output.extend(i16::try_from(*number).unwrap_or_default().to_be_bytes()),
                Type::Int4 => output.extend(i32::try_from(*number).unwrap_or_default().to_be_bytes()),
                Type::Oid => output.extend(u32::try_from(*number).unwrap_or_default().to_be_bytes()),
                _ => output.extend(number.to_be_bytes()),
            },
            _ => output.extend(self.text().unwrap_or_default().as_bytes()),
        }
        Ok(())
    }

    /// Reads a parameter in a format; `index` counts from 0 and is for messages.
    pub(super) fn read(bytes: &[u8], kind: Type, format: u16, index: usize) -> Result<Self, Stop> {
        if format != 1 || kind.is_text() {
            let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
            let text = text.ok_or_else(|| Problem::error("22021", "invalid byte sequence for encoding \"UTF8\""))?;
            return Self::Text(text.to_owned()).cast(kind);
        }
        if usize::try_from(kind.size()).is_ok_and(|size| bytes.len() < size) {
            return Err(Problem::error("08P01", "insufficient data left in message").into());
        }
        let wrong = || Problem::error("22P03", format!("incorrect binary data format in bind parameter {}", index + 1));
        let number = match kind {
            Type::Bool if bytes.len() == 1 => return Ok(Self::Bool(bytes != [0])),
            Type::Float8 => return Ok(Self::Float(f64::from_be_bytes(bytes.try_into().map_err(|_| wrong())?))),
            Type::Int2 => i16::from_be_bytes(bytes.try_into().map_err(|_| wrong())?).into(),
            Type::Int4 => i32::from_be_bytes(bytes.try_into().map_err(|_| wrong())?).into(),
            Type::Oid => u32::from_be_bytes(bytes.try_into().map_err(|_| wrong())?).into(),
            Type::Int8 => i64::from_be_bytes(bytes.try_into().map_err(|_| wrong())?),
            Type::Numeric => return Err(Stop::Unknown(Problem::error("0A000", "numeric in binary is not known here"))),
            _ => return Err(wrong().into()),
        };
        Ok(Self::Int(number))
    }
}
