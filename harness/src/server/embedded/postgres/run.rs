//! Runs what was analysed.

mod change;

use super::context::Context;
use super::error::{Problem, Stop};
use super::eval::{Row, checked, eval};
use super::plan::{Plan, columns_of, counts, places};
use super::settings::no_such;
use super::statement::{Expr, Name, Operator, Select, Statement};
use super::transaction::Block;
use super::types::{Datum, Type};
use super::write::Field;
use crate::server::embedded::MOST_OUTPUT;
use crate::server::embedded::tables::{Column, Kind, Value};
use change::{configure, define, refused};

/// What a statement gives.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<Vec<Datum>>,
    /// What `CommandComplete` says; a SELECT's gets the number of rows.
    pub(super) tag: String,
    /// What happens once the rows are sent.
    pub(super) interrupt: Option<Stop>,
}

impl Answer {
    fn done(tag: impl Into<String>) -> Self {
        Self { tag: tag.into(), ..Self::default() }
    }
}

/// Runs a statement, or begins it again after a wait.
pub(super) fn run(plan: &Plan, context: &mut Context<'_>) -> Result<Answer, Stop> {
    let Some(statement) = &plan.statement else { return Ok(Answer::default()) };
    context.state.locks.begin();
    if context.state.phase.block == Block::Failed && !plan.ends_failure() {
        return Err(in_failed_transaction().into());
    }
    context.begin_statement();
    let answer = match statement {
        Statement::Select(select) => {
            let rows = select_rows(select, plan.fields.as_deref().unwrap_or_default(), context);
            rows.map(|rows| Answer { rows, tag: "SELECT".into(), interrupt: context.interrupt.take() })
        }
        Statement::Insert { table, columns, rows } => insert(table, columns.as_deref(), rows, context),
        Statement::Delete { table, condition } => delete(table, condition.as_ref(), context),
        Statement::CreateTable { .. } | Statement::CreateIndex { .. } | Statement::DropTable { .. } => define(statement, context),
        Statement::Transaction(control) => context.control(control).map(Answer::done),
        Statement::Catalogue(question) => {
            let unknown = || Stop::Unknown(Problem::error("0A000", "there is no catalogue here"));
            (question.answer)(context.parameters).map(|rows| Answer { rows, ..Answer::done("SELECT") }).ok_or_else(unknown)
        }
        Statement::Show(name) => {
            let name = name.as_deref().unwrap_or_default();
            let value = context.state.settings.get(name).map(str::to_owned).ok_or_else(|| no_such(name).into());
            value.map(|value| Answer { rows: vec![vec![Datum::Text(value)]], ..Answer::done("SHOW") })
        }
        _ => configure(statement, context),
    };
    // A statement that waits must find the results of its earlier calls.
    if !matches!(answer, Err(Stop::Wait)) {
        context.state.locks.end();
    }
    answer
}

/// What every statement is told in a failed transaction.
pub(super) fn in_failed_transaction() -> Problem {
    Problem::error("25P02", "current transaction is aborted, commands ignored until end of transaction block")
}

fn select_rows(select: &Select, fields: &[Field], context: &mut Context<'_>) -> Result<Vec<Vec<Datum>>, Stop> {
    let limit = select.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let exprs: Vec<&Expr> = select.items.iter().flatten().map(|item| &item.expr).collect();
    let (columns, values) = match &select.from {
        Some(table) => (columns_of(table, &context.world.tables)?.to_vec(), seen(table, select.condition.as_ref(), context)?),
        None => (Vec::new(), vec![Box::default()]),
    };
    let counting = exprs.iter().any(|expr| counts(expr));
    let (mut rows, mut count, mut bytes) = (Vec::new(), 0, 0usize);
    for values in &values {
        let row = Row { values, columns: &columns, count: 0 };
        if !select.condition.as_ref().map_or(Ok(true), |condition| holds(condition, row, context))? {
            continue;
        }
        count += 1;
        if counting {
            continue;
        }
        if rows.len() >= limit {
            break;
        }
        let row = values_of(&exprs, fields, row, context)?;
        bytes += row.iter().map(|value| 32 + value.length()).sum::<usize>();
        if bytes > MOST_OUTPUT {
            return Err(Problem::error("53200", "out of memory").detail("The answer is too large.").into());
        }
        rows.push(row);
    }
    if counting && limit > 0 {
        rows.push(values_of(&exprs, fields, Row { count, ..Row::default() }, context)?);
    }
    Ok(rows)
}

fn values_of(exprs: &[&Expr], fields: &[Field], row: Row<'_>, context: &mut Context<'_>) -> Result<Vec<Datum>, Stop> {
    let values = exprs.iter().zip(fields);
    values.map(|(expr, field)| eval(expr, row, context).and_then(|value| checked(value, field.kind))).collect()
}

/// The rows of a table that the session sees, and that a condition on the first column leaves. Copies: expressions may call what
/// changes the world.
fn seen(table: &Name, condition: Option<&Expr>, context: &mut Context<'_>) -> Result<Vec<Box<[Value]>>, Stop> {
    let first = condition.map_or(Ok(None), |condition| first_column(condition, context))?;
    let rows = context.world.tables.rows(context.number, &table.name, first.as_ref());
    Ok(rows.map(Box::from).collect())
}

/// The value that the first column must have for a condition to hold, if that is easily told.
fn first_column(condition: &Expr, context: &mut Context<'_>) -> Result<Option<Value>, Stop> {
    let Expr::Binary { left, operator, right, .. } = condition else { return Ok(None) };
    match (operator, &**left, &**right) {
        (Operator::And, left, right) => match first_column(left, context)? {
            None => first_column(right, context),
            value => Ok(value),
        },
        (Operator::Equal, Expr::Field(0, kind), value @ (Expr::Value(..) | Expr::Parameter(_)))
            if kind.is_integer() || kind.is_text() =>
        {
            let value = eval(value, Row::default(), context)?;
            Ok(match value {
                Datum::Int(_) if kind.is_integer() => Some(value.into_value()),
                Datum::Text(_) if kind.is_text() => Some(value.into_value()),
                _ => None,
            })
        }
        _ => Ok(None),
    }
}

fn holds(condition: &Expr, row: Row<'_>, context: &mut Context<'_>) -> Result<bool, Stop> {
    Ok(eval(condition, row, context)? == Datum::Bool(true))
}

fn writable(what: &str, context: &Context<'_>) -> Result<(), Problem> {
    if context.state.settings.get("transaction_read_only") == Some("on") {
        return Err(Problem::error("25006", format!("cannot execute {what} in a read-only transaction")));
    }
    Ok(())
}

fn insert(table: &Name, named: Option<&[String]>, rows: &[Vec<Expr>], context: &mut Context<'_>) -> Result<Answer, Stop> {
    let columns = columns_of(table, &context.world.tables)?.to_vec();
    let places = places(named, &columns, table)?;
    writable("INSERT", context)?;
    let mut made = Vec::with_capacity(rows.len());
    for row in rows {
        let mut values = vec![Value::Null; columns.len()];
        for (expr, place) in row.iter().zip(&places) {
            let value = eval(expr, Row::default(), context)?;
            if let (Some(slot), Some(column)) = (values.get_mut(*place), columns.get(*place)) {
                *slot = stored(value, column)?;
            }
        }
        required(&values, &columns, table)?;
        made.push(values);
    }
    let count = made.len();
    for values in made {
        context.world.tables.insert(context.number, &table.name, values).map_err(|refusal| refused(refusal, table))?;
    }
    Ok(Answer::done(format!("INSERT 0 {count}")))
}

/// The value as the column has it.
fn stored(value: Datum, column: &Column) -> Result<Value, Stop> {
    let kind = Type::of_kind(column.kind);
    let value = if let Type::Varchar(_) = kind { value.cast(Type::Text)? } else { value.cast(kind)? };
    if let (Datum::Text(text), Kind::Varchar(most @ 1..)) = (&value, column.kind)
        && text.chars().count() > usize::try_from(most).unwrap_or(usize::MAX)
    {
        return Err(Problem::error("22001", format!("value too long for type character varying({most})")).into());
    }
    Ok(value.into_value())
}

fn required(values: &[Value], columns: &[Column], table: &Name) -> Result<(), Problem> {
    match values.iter().zip(columns).find(|(value, column)| column.required && **value == Value::Null) {
        None => Ok(()),
        Some((_, column)) => {
            let (column, table) = (&column.name, &table.name);
            let message = format!("null value in column \"{column}\" of relation \"{table}\" violates not-null constraint");
            Err(Problem::error("23502", message))
        }
    }
}

fn delete(table: &Name, condition: Option<&Expr>, context: &mut Context<'_>) -> Result<Answer, Stop> {
    let columns = columns_of(table, &context.world.tables)?.to_vec();
    writable("DELETE", context)?;
    let first = condition.map_or(Ok(None), |condition| first_column(condition, context))?;
    let mut doomed = Vec::new();
    for values in seen(table, condition, context)? {
        let row = Row { values: &values, columns: &columns, count: 0 };
        doomed.push(condition.map_or(Ok(true), |condition| holds(condition, row, context))?);
    }
    let mut doomed = doomed.into_iter();
    let count = context
        .world
        .tables
        .delete(context.number, &table.name, first.as_ref(), |_| doomed.next().unwrap_or(false))
        .map_err(|refusal| refused(refusal, table))?;
    Ok(Answer::done(format!("DELETE {count}")))
}

/// There is no prepared statement of that name.
pub(super) fn no_statement(name: &str) -> Problem {
    Problem::error(
        "26000",
        if name.is_empty() {
            "unnamed prepared statement does not exist".to_owned()
        } else {
            format!("prepared statement \"{name}\" does not exist")
        },
    )
}
