//! Names of types.

use super::Read;
use crate::server::embedded::postgres::types::Type;
use crate::server::embedded::sql::{Reader, Token, Unreadable};

/// The name of a type.
pub(super) fn type_name(reader: &mut Reader<'_>) -> Read<Type> {
    if reader.words(&["double", "precision"]) {
        return Ok(Type::Float8);
    }
    if reader.words(&["character", "varying"]) {
        return length(reader).map(Type::Varchar);
    }
    let mut name = reader.name().ok_or(Unreadable)?;
    if name == "pg_catalog" && reader.symbol(".") {
        name = reader.name().ok_or(Unreadable)?;
    }
    let kind = Type::of_name(&name).ok_or(Unreadable)?;
    let kind = if kind == Type::Varchar(None) { Type::Varchar(length(reader)?) } else { kind };
    // Arrays are not known.
    if matches!(reader.peek(), Token::Symbol("[" | "(")) { Err(Unreadable) } else { Ok(kind) }
}

fn length(reader: &mut Reader<'_>) -> Read<Option<u32>> {
    if !reader.symbol("(") {
        return Ok(None);
    }
    let Token::Number(digits) = reader.take() else { return Err(Unreadable) };
    reader.need_symbol(")")?;
    digits.parse().ok().filter(|length| (1..=10_485_760).contains(length)).map(Some).ok_or(Unreadable)
}
