//! The value of an expression, for one row or none.

mod functions;
mod kind;

use std::cmp::Ordering;

use super::super::{World, tables};
use super::error::Error;
use super::state::State;
use super::tree::{Expression, Operator, Target};
use super::value::{Value, is_like};

pub(super) use functions::is_aggregate;
pub(super) use kind::kind;

/// Why there is no value.
#[derive(Debug, PartialEq)]
pub(super) enum Stop {
    Error(Error),
    /// The session waits for a lock; then the statement begins again.
    Wait,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// What an expression can see.
pub(super) struct Scope<'a> {
    pub(super) state: &'a mut State,
    pub(super) world: &'a mut World,
    pub(super) parameters: &'a [Value],
}

/// A row that an expression is about: the names of its columns, and its values.
pub(super) type Row<'a> = (&'a [String], &'a [Value]);

/// No row.
pub(super) const NOTHING: Row<'static> = (&[], &[]);

impl Scope<'_> {
    pub(super) fn value(&mut self, expression: &Expression, row: Row<'_>) -> Result<Value, Stop> {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Parameter(number) => Ok(self.parameters.get(*number).cloned().unwrap_or(Value::Null)),
            Expression::Variable(name) => Ok(self.state.copy_of_variable(name)?),
            Expression::Assign(name, value) => {
                if let Some(value) = self.state.redo() {
                    return Ok(value);
                }
                let value = self.value(value, row)?;
                self.state.set_variable(name, value.clone())?;
                self.state.note(&value);
                Ok(value)
            }
            Expression::System { name, global } => self.system(name, *global),
            Expression::Column(name) => Ok(self.state.copy(column(name, row)?)?),
            Expression::Call(name, arguments) => self.call(name, arguments, row),
            Expression::CountAll => Err(Error::new(1111, b"HY000", "Invalid use of group function").into()),
            Expression::Cast(operand, target) => {
                let value = self.value(operand, row)?;
                Ok(cast(value, *target))
            }
            Expression::Not(operand) => Ok(Value::truth(self.value(operand, row)?.is_true().map(|truth| !truth))),
            Expression::Negative(operand) => Ok(negative(&self.value(operand, row)?)?),
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right, row),
            Expression::IsNull(operand) => Ok(Value::truth(Some(self.value(operand, row)?.is_null()))),
            Expression::Is(operand, truth) => Ok(Value::truth(Some(self.value(operand, row)?.is_true() == Some(*truth)))),
            Expression::In(operand, list) => self.is_in(operand, list, row),
            Expression::Like(operand, pattern) => {
                let (operand, pattern) = (self.value(operand, row)?.string(), self.value(pattern, row)?.string());
                Ok(Value::truth(operand.zip(pattern).map(|(text, pattern)| is_like(&text, &pattern))))
            }
            Expression::Case { operand, arms, otherwise } => {
                let operand = operand.as_ref().map(|operand| self.value(operand, row)).transpose()?;
                for (condition, result) in arms {
                    let condition = self.value(condition, row)?;
                    let holds = match &operand {
                        Some(operand) => operand.compare(&condition) == Some(Ordering::Equal),
                        None => condition.is_true() == Some(true),
                    };
                    if holds {
                        return self.value(result, row);
                    }
                }
                otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| self.value(otherwise, row))
            }
            Expression::Subquery(select) => self.subquery(select),
        }
    }

    /// Whether a row is to be taken.
    pub(super) fn holds(&mut self, filter: Option<&Expression>, row: Row<'_>) -> Result<bool, Stop> {
        filter.map_or(Ok(true), |filter| Ok(self.value(filter, row)?.is_true() == Some(true)))
    }

    fn system(&mut self, name: &str, global: bool) -> Result<Value, Stop> {
        if name == "pseudo_thread_id" {
            return Ok(Value::Unsigned(self.state.number.into()));
        }
        let value = self.state.settings.get(name, global)?;
        Ok(self.state.copy(&value)?)
    }

    fn binary(&mut self, operator: Operator, left: &Expression, right: &Expression, row: Row<'_>) -> Result<Value, Stop> {
        let left = self.value(left, row)?;
        // What the left side decides alone is not asked of the right one.
        if let (Operator::And, Some(false)) | (Operator::Or, Some(true)) = (operator, left.is_true()) {
            return Ok(Value::Integer((operator == Operator::Or).into()));
        }
        let right = self.value(right, row)?;
        let order = || left.compare(&right);
        let truth = match operator {
            Operator::And => match (left.is_true(), right.is_true()) {
                (_, Some(false)) => Some(false),
                (Some(true), right) => right,
                _ => None,
            },
            Operator::Or => match (left.is_true(), right.is_true()) {
                (_, Some(true)) => Some(true),
                (Some(false), right) => right,
                _ => None,
            },
            Operator::Xor => left.is_true().zip(right.is_true()).map(|(left, right)| left != right),
            Operator::Equal => order().map(Ordering::is_eq),
            Operator::Same => Some(order().map_or(left.is_null() && right.is_null(), Ordering::is_eq)),
            Operator::NotEqual => order().map(Ordering::is_ne),
            Operator::Less => order().map(Ordering::is_lt),
            Operator::LessOrEqual => order().map(Ordering::is_le),
            Operator::Greater => order().map(Ordering::is_gt),
            Operator::GreaterOrEqual => order().map(Ordering::is_ge),
            Operator::Concatenate => return Ok(functions::concatenated(&[left, right], None)),
            _ => return Ok(calculated(operator, &left, &right)?),
        };
        Ok(Value::truth(truth))
    }

    fn is_in(&mut self, operand: &Expression, list: &[Expression], row: Row<'_>) -> Result<Value, Stop> {
        let operand = self.value(operand, row)?;
        let mut truth = Some(false);
        for one in list {
            match operand.compare(&self.value(one, row)?) {
                Some(Ordering::Equal) => return Ok(Value::Integer(1)),
                Some(_) => {}
                None => truth = None,
            }
        }
        Ok(Value::truth(truth))
    }
}

/// Names of columns are not told apart by their case.
fn column<'v>(name: &str, (names, values): Row<'v>) -> Result<&'v Value, Error> {
    let place = names.iter().position(|known| known.eq_ignore_ascii_case(name));
    place.and_then(|place| values.get(place)).ok_or_else(|| Error::no_column(name, "field list"))
}

/// A value out of a table.
pub(super) fn stored(value: &tables::Value) -> Value {
    match value {
        tables::Value::Null => Value::Null,
        tables::Value::Integer(number) => Value::Integer(*number),
        tables::Value::Text(text) => Value::text(text.as_str()),
    }
}

fn cast(value: Value, target: Target) -> Value {
    if value.is_null() {
        return value;
    }
    let whole = || value.whole().unwrap_or_default();
    match target {
        Target::Text(most) => {
            let text = value.string().unwrap_or_default();
            Value::text(most.map_or(text.clone(), |most| text.chars().take(most as usize).collect()))
        }
        Target::Binary => Value::Binary(value.bytes().unwrap_or_default()),
        Target::Signed => Value::Integer(match i64::try_from(whole()) {
            Ok(number) => number,
            // As the bits are.
            Err(_) => u64::try_from(whole()).map_or(i64::MIN, u64::cast_signed),
        }),
        Target::Unsigned => Value::Unsigned(match u64::try_from(whole()) {
            Ok(number) => number,
            Err(_) => i64::try_from(whole()).map_or(u64::MAX, i64::cast_unsigned),
        }),
        Target::Decimal => Value::Decimal(format!("{:.0}", value.double().unwrap_or_default())),
        Target::Double => Value::Double(value.double().unwrap_or_default()),
    }
}

fn negative(value: &Value) -> Result<Value, Error> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Integer(_) | Value::Unsigned(_) => {
            let negative = value.whole().and_then(|number| i64::try_from(-number).ok());
            negative.map(Value::Integer).ok_or_else(|| Error::new(1690, b"22003", "BIGINT value is out of range"))
        }
        Value::Decimal(digits) => Ok(Value::Decimal(digits.strip_prefix('-').map_or(format!("-{digits}"), str::to_owned))),
        _ => Ok(Value::Double(-value.double().unwrap_or_default())),
    }
}

/// Whole numbers stay whole; anything else becomes floating.
fn calculated(operator: Operator, left: &Value, right: &Value) -> Result<Value, Error> {
    let out_of_range = || Error::new(1690, b"22003", "BIGINT value is out of range");
    let is_whole = |value: &Value| matches!(value, Value::Integer(_) | Value::Unsigned(_));
    let (Some(a), Some(b)) = (left.double(), right.double()) else { return Ok(Value::Null) };
    if matches!(operator, Operator::Divide | Operator::DivideWhole | Operator::Remainder) && b == 0.0 {
        return Ok(Value::Null);
    }
    if is_whole(left) && is_whole(right) && operator != Operator::Divide {
        let (Some(a), Some(b)) = (left.whole(), right.whole()) else { return Ok(Value::Null) };
        let result = match operator {
            Operator::Add => a.checked_add(b),
            Operator::Subtract => a.checked_sub(b),
            Operator::Multiply => a.checked_mul(b),
            Operator::DivideWhole => a.checked_div(b),
            _ => a.checked_rem(b),
        };
        // With a number without a sign the result has none either.
        let unsigned = [left, right].iter().any(|value| matches!(value, Value::Unsigned(_)));
        let result = result.ok_or_else(out_of_range)?;
        let value = if unsigned { u64::try_from(result).map(Value::Unsigned) } else { i64::try_from(result).map(Value::Integer) };
        return value.map_err(|_| out_of_range());
    }
    Ok(match operator {
        Operator::Add => Value::Double(a + b),
        Operator::Subtract => Value::Double(a - b),
        Operator::Multiply => Value::Double(a * b),
        Operator::Divide if is_whole(left) && is_whole(right) => Value::Decimal(format!("{:.4}", a / b)),
        Operator::Divide => Value::Double(a / b),
        Operator::DivideWhole => Value::from_whole((a / b).trunc() as i128).ok_or_else(out_of_range)?,
        _ => Value::Double(a % b),
    })
}
