//! The kind of a value that is not there yet: what a prepared statement will give, or a column without a row.

use super::super::error::Error;
use super::super::state::State;
use super::super::tree::{Expression, Item, Operator, Target};
use super::super::value::Kind;
use super::functions;

/// The kind of an expression; `columns` are the names and kinds of those of its table.
///
/// # Errors
/// It asks for something that there is not.
pub(in super::super) fn kind(expression: &Expression, columns: &[(String, Kind)], state: &State) -> Result<Kind, Error> {
    let of = |expression: &Expression| kind(expression, columns, state);
    let all = |list: &[&Expression]| list.iter().try_fold(Kind::Null, |all, one| Ok::<_, Error>(all.or(of(one)?)));
    Ok(match expression {
        Expression::Literal(value) => value.kind(),
        Expression::Parameter(_) => Kind::Text(255),
        Expression::Variable(name) => match state.variable(name) {
            // Before it is set it is a text.
            None => Kind::Text(255),
            Some(value) => value.kind(),
        },
        Expression::Assign(_, value) | Expression::Negative(value) => of(value)?,
        Expression::System { name, .. } if name == "pseudo_thread_id" => Kind::Unsigned,
        Expression::System { name, global } => match state.settings.get(name, *global)?.kind() {
            Kind::Text(_) => Kind::Text(1024),
            kind => kind,
        },
        Expression::Column(name) => columns
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, kind)| *kind)
            .ok_or_else(|| Error::no_column(name, "field list"))?,
        Expression::Call(name, arguments) => {
            let fixed = functions::known(name, arguments.len())?;
            for argument in arguments {
                of(argument)?;
            }
            match (fixed, arguments.as_slice()) {
                (Some(kind), _) => kind,
                (None, [_, yes, no]) if name == "IF" => all(&[yes, no])?,
                (None, [first, ..]) if name == "NULLIF" => of(first)?,
                (None, arguments) => all(&arguments.iter().collect::<Vec<_>>())?,
            }
        }
        Expression::CountAll => Kind::Integer,
        Expression::Cast(operand, target) => {
            let operand = of(operand)?;
            match target {
                Target::Text(Some(most)) => Kind::Text(*most),
                Target::Text(None) => match operand {
                    Kind::Text(most) => Kind::Text(most),
                    _ => Kind::Text(21),
                },
                Target::Binary => Kind::Binary,
                Target::Signed => Kind::Integer,
                Target::Unsigned => Kind::Unsigned,
                Target::Decimal => Kind::Decimal,
                Target::Double => Kind::Double,
            }
        }
        Expression::Binary(operator, left, right) => {
            let (left, right) = (of(left)?, of(right)?);
            let whole = |kind| matches!(kind, Kind::Integer | Kind::Unsigned);
            match operator {
                Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Remainder
                    if !(whole(left) && whole(right)) =>
                {
                    Kind::Double
                }
                Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Remainder if left == right => left,
                Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Remainder => Kind::Unsigned,
                Operator::Divide if whole(left) && whole(right) => Kind::Decimal,
                Operator::Divide => Kind::Double,
                Operator::Concatenate => Kind::Text(255),
                _ => Kind::Integer,
            }
        }
        Expression::Not(operand) | Expression::IsNull(operand) | Expression::Is(operand, _) => {
            of(operand)?;
            Kind::Integer
        }
        Expression::In(operand, list) => {
            of(operand)?;
            all(&list.iter().collect::<Vec<_>>())?;
            Kind::Integer
        }
        Expression::Like(operand, pattern) => {
            all(&[operand, pattern])?;
            Kind::Integer
        }
        Expression::Case { arms, otherwise, .. } => {
            let results: Vec<&Expression> = arms.iter().map(|(_, result)| result).chain(otherwise.as_deref()).collect();
            all(&results)?
        }
        Expression::Subquery(select) => match select.items.first() {
            Some(Item::One { expression, .. }) if select.from.is_none() => of(expression)?,
            _ => Kind::Text(255),
        },
    })
}
