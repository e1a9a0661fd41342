//! Expressions, from the operators that bind least to those that bind most.

use super::types::type_name;
use super::{RESERVED, Read, closed};
use crate::server::embedded::postgres::statement::{Expr, Name, Operator};
use crate::server::embedded::postgres::types::{Datum, Type};
use crate::server::embedded::sql::{Reader, Token, Unreadable};

/// Operators of one level of binding; those of one level associate to the left.
type Level = &'static [(&'static str, Operator)];

const COMPARISONS: Level = &[
    ("=", Operator::Equal),
    ("<>", Operator::NotEqual),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    (">=", Operator::GreaterOrEqual),
];
const CONCATENATION: Level = &[("||", Operator::Concatenate)];
const SUMS: Level = &[("+", Operator::Plus), ("-", Operator::Minus)];
const PRODUCTS: Level = &[("*", Operator::Times), ("/", Operator::Divide), ("%", Operator::Modulo)];

/// Functions that are called without parentheses.
const BARE_FUNCTIONS: &[&str] = &["current_user", "session_user", "user", "current_role", "current_catalog", "current_schema"];

/// Reads an expression.
pub(super) fn expr(reader: &mut Reader<'_>) -> Read<Expr> {
    reader.nested(|reader| {
        chain(
            reader,
            |reader| reader.word("or").then_some(Operator::Or),
            |reader| chain(reader, |reader| reader.word("and").then_some(Operator::And), negation),
        )
    })
}

/// The name that PostgreSQL gives a column with this expression.
pub(super) fn name_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(name) => Some(name.name.rsplit_once('.').map_or(&*name.name, |(_, column)| column)),
        Expr::Call { function, .. } => Some(&function.name),
        Expr::Count => Some("count"),
        // The type that is cast to last, unless what is cast has a name that is not a type's.
        Expr::Cast(value, kind) => name_of(value).filter(|_| !is_cast(value)).or(Some(match kind {
            Type::Bool => "bool",
            Type::Name => "name",
            Type::Int8 => "int8",
            Type::Int2 => "int2",
            Type::Int4 => "int4",
            Type::Text => "text",
            Type::Oid => "oid",
            Type::Float8 => "float8",
            Type::Unknown => "unknown",
            Type::Varchar(_) => "varchar",
            Type::Numeric => "numeric",
            Type::Void => "void",
        })),
        _ => None,
    }
}

fn is_cast(expr: &Expr) -> bool {
    matches!(expr, Expr::Cast(value, _) if name_of(value).is_none() || is_cast(value))
}

/// Operands with operators between them. It is read without recursion, but it will be dropped with it.
fn chain(
    reader: &mut Reader<'_>,
    operator: impl Fn(&mut Reader<'_>) -> Option<Operator>,
    operand: impl Fn(&mut Reader<'_>) -> Read<Expr>,
) -> Read<Expr> {
    let mut left = operand(reader)?;
    loop {
        let offset = reader.offset();
        let Some(operator) = operator(reader) else { return Ok(left) };
        reader.one_more_operator()?;
        let right = operand(reader)?;
        left = Expr::Binary { left: Box::new(left), operator, right: Box::new(right), offset };
    }
}

fn marks(reader: &mut Reader<'_>, level: Level, operand: impl Fn(&mut Reader<'_>) -> Read<Expr>) -> Read<Expr> {
    chain(reader, |reader| level.iter().find(|(symbol, _)| reader.symbol(symbol)).map(|(_, operator)| *operator), operand)
}

fn negation(reader: &mut Reader<'_>) -> Read<Expr> {
    if reader.word("not") { Ok(Expr::Not(Box::new(reader.nested(negation)?))) } else { test(reader) }
}

/// `IS NULL` binds less than a comparison, `IN` more.
fn test(reader: &mut Reader<'_>) -> Read<Expr> {
    let value = marks(reader, COMPARISONS, membership)?;
    if !reader.word("is") {
        return Ok(value);
    }
    let not = reader.word("not");
    reader.need_word("null")?;
    Ok(Expr::IsNull { value: Box::new(value), not })
}

fn membership(reader: &mut Reader<'_>) -> Read<Expr> {
    let value = marks(reader, CONCATENATION, |reader| marks(reader, SUMS, |reader| marks(reader, PRODUCTS, sign)))?;
    let not = reader.words(&["not", "in"]);
    if !not && !reader.word("in") {
        return Ok(value);
    }
    reader.need_symbol("(")?;
    Ok(Expr::In { value: Box::new(value), list: closed(reader, expr)?, not })
}

fn sign(reader: &mut Reader<'_>) -> Read<Expr> {
    if reader.symbol("+") {
        return reader.nested(sign);
    }
    if !reader.symbol("-") {
        return casts(reader);
    }
    Ok(match reader.nested(sign)? {
        Expr::Value(Datum::Int(number), kind) => Expr::Value(Datum::Int(number.checked_neg().ok_or(Unreadable)?), kind),
        Expr::Value(Datum::Text(digits), Type::Numeric) => Expr::Value(Datum::Text(format!("-{digits}")), Type::Numeric),
        value => Expr::Minus(Box::new(value)),
    })
}

fn casts(reader: &mut Reader<'_>) -> Read<Expr> {
    let mut value = primary(reader)?;
    let mut casts = 0;
    while reader.symbol("::") {
        casts += 1;
        if casts > 10 {
            return Err(Unreadable);
        }
        value = Expr::Cast(Box::new(value), type_name(reader)?);
    }
    Ok(value)
}

fn primary(reader: &mut Reader<'_>) -> Read<Expr> {
    if let Some(word) = reader.one_of(&["null", "true", "false", "cast"]) {
        return match word {
            "null" => Ok(Expr::Value(Datum::Null, Type::Unknown)),
            "cast" => cast(reader),
            truth => Ok(Expr::Value(Datum::Bool(truth == "true"), Type::Bool)),
        };
    }
    match reader.peek() {
        Token::Symbol("(") => {
            reader.take();
            let value = expr(reader)?;
            reader.need_symbol(")")?;
            Ok(value)
        }
        Token::Number(digits) => {
            let value = number(digits);
            reader.take();
            Ok(value)
        }
        Token::Text(text) => {
            let value = Expr::Value(Datum::Text(text.clone().into_owned()), Type::Unknown);
            reader.take();
            Ok(value)
        }
        Token::Parameter(index) if *index > 0 => {
            let value = Expr::Parameter(*index);
            reader.take();
            Ok(value)
        }
        Token::Word(_) | Token::Name(_) if !RESERVED.iter().any(|reserved| reader.is_word(reserved)) => named(reader),
        _ => Err(Unreadable),
    }
}

/// A whole number is the smallest of `integer`, `bigint`, `numeric` that has it.
fn number(digits: &str) -> Expr {
    match digits.parse::<i64>() {
        Ok(number) if i32::try_from(number).is_ok() => Expr::Value(Datum::Int(number), Type::Int4),
        Ok(number) => Expr::Value(Datum::Int(number), Type::Int8),
        Err(_) => Expr::Value(Datum::Text(digits.to_owned()), Type::Numeric),
    }
}

fn cast(reader: &mut Reader<'_>) -> Read<Expr> {
    reader.need_symbol("(")?;
    let value = expr(reader)?;
    reader.need_word("as")?;
    let kind = type_name(reader)?;
    reader.need_symbol(")")?;
    Ok(Expr::Cast(Box::new(value), kind))
}

/// A column, a call of a function, or a string with its type before it.
fn named(reader: &mut Reader<'_>) -> Read<Expr> {
    let offset = reader.offset();
    let mut typed = reader.clone();
    if let Ok(kind) = type_name(&mut typed)
        && let Token::Text(text) = typed.peek()
    {
        let value = Expr::Value(Datum::Text(text.clone().into_owned()), Type::Unknown);
        typed.take();
        *reader = typed;
        return Ok(Expr::Cast(Box::new(value), kind));
    }
    let is_word = matches!(reader.peek(), Token::Word(_));
    let mut name = reader.name().ok_or(Unreadable)?;
    if reader.symbol(".") {
        let last = reader.name().ok_or(Unreadable)?;
        name = if name == "pg_catalog" { last } else { format!("{name}.{last}") };
    }
    if !reader.symbol("(") {
        let is_function = is_word && BARE_FUNCTIONS.contains(&&*name);
        let name = Name { name, offset };
        return Ok(if is_function { Expr::Call { function: name, arguments: Vec::new() } } else { Expr::Column(name) });
    }
    if name == "count" && reader.symbol("*") {
        reader.need_symbol(")")?;
        return Ok(Expr::Count);
    }
    let arguments = if reader.symbol(")") { Vec::new() } else { closed(reader, expr)? };
    Ok(Expr::Call { function: Name { name, offset }, arguments })
}
