//! What an expression means: columns become places, strings and parameters get the type that is wanted of them, and every expression
//! gets its type. Afterwards only values can be wrong.

use super::error::{Problem, Stop};
use super::functions;
use super::statement::{Expr, Name, Operator};
use super::types::{Datum, Type};
use crate::server::embedded::tables::Column;

/// What expressions may speak of.
pub(super) struct Scope<'a> {
    /// The table that rows are of, with its columns.
    pub(super) table: Option<(&'a str, &'a [Column])>,
    pub(super) parameters: &'a mut Parameters,
    /// `count(*)` may stand here.
    pub(super) counts: bool,
}

/// The parameters of a statement, and what is known of their types.
pub(super) struct Parameters {
    types: Vec<Type>,
    /// A simple query has none.
    allowed: bool,
}

impl Parameters {
    /// Parameters of which the client has said the types of the first ones.
    pub(super) fn new(types: Vec<Type>, allowed: bool) -> Self {
        Self { types, allowed }
    }

    /// The types, when the whole statement was analysed.
    pub(super) fn finish(self) -> Result<Vec<Type>, Problem> {
        match self.types.iter().position(|kind| *kind == Type::Unknown) {
            Some(index) => Err(Problem::error("42P18", format!("could not determine data type of parameter ${}", index + 1))),
            None => Ok(self.types),
        }
    }

    /// They are these, whatever the client has said.
    pub(super) fn set(&mut self, types: &[Type]) {
        self.types = types.to_vec();
    }

    fn get(&mut self, index: u16) -> Result<&mut Type, Problem> {
        let length = usize::from(index);
        if !self.allowed {
            return Err(Problem::error("42P02", format!("there is no parameter ${index}")));
        }
        if self.types.len() < length {
            self.types.resize(length, Type::Unknown);
        }
        let kind = length.checked_sub(1).and_then(|place| self.types.get_mut(place));
        kind.ok_or_else(|| Problem::error("42P02", format!("there is no parameter ${index}")))
    }
}

/// Gives an expression its meaning, and its type.
pub(super) fn analyse(expr: &mut Expr, scope: &mut Scope<'_>) -> Result<Type, Stop> {
    match expr {
        Expr::Value(_, kind) | Expr::Field(_, kind) => Ok(*kind),
        Expr::Parameter(index) => Ok(*scope.parameters.get(*index)?),
        Expr::Column(name) => {
            let (index, kind) = column(name, scope)?;
            *expr = Expr::Field(index, kind);
            Ok(kind)
        }
        Expr::Cast(value, kind) => {
            let kind = *kind;
            if analyse(value, scope)? == Type::Unknown {
                settle(value, kind, scope)?;
            }
            Ok(kind)
        }
        Expr::Call { function, arguments } => {
            let types = arguments.iter_mut().map(|argument| analyse(argument, scope)).collect::<Result<Vec<_>, _>>()?;
            let (wanted, result) = functions::signature(function, &types)?;
            for (argument, wanted) in arguments.iter_mut().zip(wanted) {
                settle(argument, wanted, scope)?;
            }
            Ok(result)
        }
        Expr::Not(value) => truth(value, "NOT", scope),
        Expr::Minus(value) => match analyse(value, scope)? {
            kind if kind.is_integer() || kind == Type::Float8 => Ok(kind),
            kind => Err(Stop::Unknown(Problem::error("42883", format!("operator does not exist: - {}", kind.name())))),
        },
        Expr::Binary { left, operator, right, offset } => binary(left, *operator, right, scope).map_err(|stop| match stop {
            Stop::Unknown(problem) => Stop::Unknown(problem.at(*offset)),
            stop => stop,
        }),
        Expr::IsNull { value, .. } => {
            if analyse(value, scope)? == Type::Unknown {
                settle(value, Type::Text, scope)?;
            }
            Ok(Type::Bool)
        }
        Expr::In { value, list, .. } => {
            for element in list {
                binary(value, Operator::Equal, element, scope)?;
            }
            Ok(Type::Bool)
        }
        Expr::Count if scope.counts => Ok(Type::Int8),
        Expr::Count => Err(Problem::error("42803", "aggregate functions are not allowed here").into()),
    }
}

/// Gives an expression that is analysed a type that is wanted, if it has none of its own.
pub(super) fn settle(expr: &mut Expr, wanted: Type, scope: &mut Scope<'_>) -> Result<(), Stop> {
    match expr {
        Expr::Parameter(index) => {
            let kind = scope.parameters.get(*index)?;
            if *kind == Type::Unknown {
                // A parameter has no length.
                *kind = if matches!(wanted, Type::Varchar(_)) { Type::Varchar(None) } else { wanted };
            }
        }
        Expr::Value(value, kind) if *kind == Type::Unknown => {
            *value = std::mem::replace(value, Datum::Null).cast(wanted)?;
            *kind = wanted;
        }
        _ => {}
    }
    Ok(())
}

/// Like [`analyse`], for an expression that must be true or false.
pub(super) fn truth(expr: &mut Expr, of: &str, scope: &mut Scope<'_>) -> Result<Type, Stop> {
    match analyse(expr, scope)? {
        Type::Bool => {}
        Type::Unknown => settle(expr, Type::Bool, scope)?,
        kind => {
            let message = format!("argument of {of} must be type boolean, not type {}", kind.name());
            return Err(Problem::error("42804", message).into());
        }
    }
    Ok(Type::Bool)
}

fn column(name: &Name, scope: &Scope<'_>) -> Result<(usize, Type), Problem> {
    let missing = || Problem::error("42703", format!("column \"{}\" does not exist", name.name)).at(name.offset);
    let (table, columns) = scope.table.ok_or_else(missing)?;
    let column = match name.name.rsplit_once('.') {
        Some((qualifier, column)) if qualifier == table || qualifier.strip_prefix("public.") == Some(table) => column,
        Some(_) => return Err(missing()),
        None => &name.name,
    };
    let index = columns.iter().position(|known| known.name == column).ok_or_else(missing)?;
    let kind = columns.get(index).map(|column| Type::of_kind(column.kind)).ok_or_else(missing)?;
    Ok((index, kind))
}

fn binary(left: &mut Expr, operator: Operator, right: &mut Expr, scope: &mut Scope<'_>) -> Result<Type, Stop> {
    if matches!(operator, Operator::And | Operator::Or) {
        truth(left, operator.text(), scope)?;
        return truth(right, operator.text(), scope);
    }
    let (mut left_kind, mut right_kind) = (analyse(left, scope)?, analyse(right, scope)?);
    // Who has no type gets the other's; if neither has one, both are text.
    let plain = |kind: Type| if kind.is_text() { Type::Text } else { kind };
    if left_kind == Type::Unknown {
        left_kind = plain(if operator == Operator::Concatenate { Type::Text } else { right_kind });
        settle(left, left_kind, scope)?;
    }
    if right_kind == Type::Unknown {
        right_kind = plain(if operator == Operator::Concatenate { Type::Text } else { left_kind });
        settle(right, right_kind, scope)?;
    }
    let both = |test: fn(Type) -> bool| test(left_kind) && test(right_kind);
    let numbers = both(|kind| kind.is_integer() || kind == Type::Float8);
    match operator {
        Operator::Concatenate if left_kind.is_text() || right_kind.is_text() => return Ok(Type::Text),
        Operator::Plus | Operator::Minus | Operator::Times | Operator::Divide if numbers => {
            return Ok(wider(left_kind, right_kind));
        }
        Operator::Modulo if both(Type::is_integer) => return Ok(wider(left_kind, right_kind)),
        Operator::Concatenate | Operator::Plus | Operator::Minus | Operator::Times | Operator::Divide | Operator::Modulo => {}
        _ if numbers || both(Type::is_text) || both(|kind| kind == Type::Bool) => return Ok(Type::Bool),
        _ => {}
    }
    let message = format!("operator does not exist: {} {} {}", left_kind.name(), operator.text(), right_kind.name());
    Err(Stop::Unknown(Problem::error("42883", message)))
}

fn wider(left: Type, right: Type) -> Type {
    let order = [Type::Float8, Type::Int8, Type::Oid, Type::Int4];
    order.into_iter().find(|kind| *kind == left || *kind == right).unwrap_or(Type::Int2)
}
