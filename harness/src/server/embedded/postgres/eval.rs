//! The values of expressions that were analysed.

use std::cmp::Ordering;

use super::context::Context;
use super::error::{Problem, Stop};
use super::functions;
use super::statement::{Expr, Operator};
use super::types::{Datum, Type, in_range};
use crate::server::embedded::tables::{Column, Value};

/// A row that expressions speak of.
#[derive(Clone, Copy, Default)]
pub(super) struct Row<'a> {
    pub(super) values: &'a [Value],
    pub(super) columns: &'a [Column],
    /// What `count(*)` is.
    pub(super) count: i64,
}

/// The value of an expression.
pub(super) fn eval(expr: &Expr, row: Row<'_>, context: &mut Context<'_>) -> Result<Datum, Stop> {
    Ok(match expr {
        Expr::Value(value, _) => value.clone(),
        Expr::Parameter(index) => {
            usize::from(*index).checked_sub(1).and_then(|index| context.parameters.get(index)).cloned().unwrap_or(Datum::Null)
        }
        Expr::Field(index, _) => match (row.values.get(*index), row.columns.get(*index)) {
            (Some(value), Some(column)) => Datum::of_value(value, column.kind),
            _ => Datum::Null,
        },
        // Analysis leaves none.
        Expr::Column(_) => Datum::Null,
        Expr::Count => Datum::Int(row.count),
        Expr::Cast(value, kind) => eval(value, row, context)?.cast(*kind)?,
        Expr::Call { function, arguments } => {
            let arguments = arguments.iter().map(|argument| eval(argument, row, context)).collect::<Result<Vec<_>, _>>()?;
            functions::call(&function.name, arguments, context)?
        }
        Expr::Not(value) => match eval(value, row, context)? {
            Datum::Bool(truth) => Datum::Bool(!truth),
            _ => Datum::Null,
        },
        Expr::Minus(value) => match eval(value, row, context)? {
            Datum::Int(number) => Datum::Int(number.checked_neg().ok_or_else(|| out_of_range(Type::Int8))?),
            Datum::Float(number) => Datum::Float(-number),
            _ => Datum::Null,
        },
        Expr::Binary { left, operator, right, .. } => {
            let left = eval(left, row, context)?;
            // The server may decide not to look at the other side; this one always decides so.
            match (operator, &left) {
                (Operator::And, Datum::Bool(false)) | (Operator::Or, Datum::Bool(true)) => return Ok(left),
                _ => {}
            }
            let right = eval(right, row, context)?;
            binary(left, *operator, right)?
        }
        Expr::IsNull { value, not } => Datum::Bool((eval(value, row, context)? == Datum::Null) != *not),
        Expr::In { value, list, not } => {
            let value = eval(value, row, context)?;
            let mut found = Datum::Bool(false);
            for element in list {
                match binary(value.clone(), Operator::Equal, eval(element, row, context)?)? {
                    Datum::Bool(true) => {
                        found = Datum::Bool(true);
                        break;
                    }
                    Datum::Null => found = Datum::Null,
                    _ => {}
                }
            }
            if let Datum::Bool(truth) = found { Datum::Bool(truth != *not) } else { found }
        }
    })
}

fn binary(left: Datum, operator: Operator, right: Datum) -> Result<Datum, Stop> {
    Ok(match (operator, left, right) {
        (Operator::And, Datum::Bool(left), Datum::Bool(right)) => Datum::Bool(left && right),
        (Operator::Or, Datum::Bool(left), Datum::Bool(right)) => Datum::Bool(left || right),
        (Operator::And, _, Datum::Bool(false)) => Datum::Bool(false),
        (Operator::Or, _, Datum::Bool(true)) => Datum::Bool(true),
        (_, Datum::Null, _) | (_, _, Datum::Null) => Datum::Null,
        (Operator::Concatenate, left, right) => {
            let text = |value: Datum| if let Datum::Bool(truth) = value { Some(truth.to_string()) } else { value.text() };
            Datum::Text(text(left).unwrap_or_default() + &text(right).unwrap_or_default())
        }
        (operator, Datum::Int(left), Datum::Int(right)) => match arithmetic(left, operator, right)? {
            Some(number) => Datum::Int(number),
            None => compare(left.cmp(&right), operator),
        },
        (operator, left, right) => match (number(&left), number(&right)) {
            (Some(left), Some(right)) => match operator {
                Operator::Plus => Datum::Float(left + right),
                Operator::Minus => Datum::Float(left - right),
                Operator::Times => Datum::Float(left * right),
                Operator::Divide if right == 0.0 => return Err(by_zero().into()),
                Operator::Divide => Datum::Float(left / right),
                _ => left.partial_cmp(&right).map_or(Datum::Null, |order| compare(order, operator)),
            },
            _ => compare(left.text().cmp(&right.text()), operator),
        },
    })
}

#[expect(clippy::cast_precision_loss, reason = "as the server does")]
fn number(value: &Datum) -> Option<f64> {
    match value {
        Datum::Float(number) => Some(*number),
        Datum::Int(number) => Some(*number as f64),
        _ => None,
    }
}

/// `None`: the operator compares.
fn arithmetic(left: i64, operator: Operator, right: i64) -> Result<Option<i64>, Problem> {
    let result = match operator {
        Operator::Plus => left.checked_add(right),
        Operator::Minus => left.checked_sub(right),
        Operator::Times => left.checked_mul(right),
        Operator::Divide | Operator::Modulo if right == 0 => return Err(by_zero()),
        Operator::Divide => left.checked_div(right),
        Operator::Modulo => Some(left.wrapping_rem(right)),
        _ => return Ok(None),
    };
    result.map(Some).ok_or_else(|| out_of_range(Type::Int8))
}

fn compare(order: Ordering, operator: Operator) -> Datum {
    Datum::Bool(match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn by_zero() -> Problem {
    Problem::error("22012", "division by zero")
}

fn out_of_range(kind: Type) -> Problem {
    Problem::error("22003", format!("{} out of range", kind.name()))
}

/// The value, if it is one that the type of its column in the answer has: arithmetic knows one size of integers alone.
pub(super) fn checked(value: Datum, kind: Type) -> Result<Datum, Stop> {
    if let Datum::Int(number) = value {
        in_range(number, kind)?;
    }
    Ok(value)
}
