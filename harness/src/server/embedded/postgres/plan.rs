//! A statement that was read and analysed: what it wants and what it gives.

use super::analyse::{Parameters, Scope, analyse, settle, truth};
use super::error::{Problem, Stop};
use super::settings::{Settings, no_such};
use super::statement::{Expr, Item, Name, Select, Statement};
use super::types::Type;
use super::write::Field;
use crate::server::embedded::tables::{Column, Tables};

/// A statement that can be run.
pub(super) struct Plan {
    /// `None`: there was nothing but white space.
    pub(super) statement: Option<Statement>,
    pub(super) text: String,
    pub(super) parameters: Vec<Type>,
    /// `None`: it gives no rows.
    pub(super) fields: Option<Vec<Field>>,
}

impl Plan {
    /// Analyses a statement. `given`: the types of parameters that the client has said; `None`: it has no parameters.
    pub(super) fn new(
        statement: Option<Statement>,
        text: &str,
        given: Option<Vec<Type>>,
        tables: &Tables,
        settings: &Settings,
    ) -> Result<Self, Stop> {
        let mut plan = Self { statement, text: text.to_owned(), parameters: Vec::new(), fields: None };
        let allowed = given.is_some();
        let mut parameters = Parameters::new(given.unwrap_or_default(), allowed);
        if let Some(statement) = &mut plan.statement {
            plan.fields = fields(statement, &mut parameters, tables, settings)?;
        }
        plan.parameters = parameters.finish()?;
        Ok(plan)
    }

    /// It is a SELECT that calls functions, so that it can fail while it runs.
    pub(super) fn calls(&self) -> bool {
        let Some(Statement::Select(select)) = &self.statement else { return false };
        select.items.iter().flatten().any(|item| matches!(item.expr, Expr::Call { .. }))
    }

    /// About how many bytes it takes.
    pub(super) fn cost(&self) -> usize {
        1024 + 16 * self.text.len()
    }

    /// It may run in a transaction that has failed.
    pub(super) fn ends_failure(&self) -> bool {
        Self::may_end_failure(self.statement.as_ref())
    }

    /// A statement may run in a transaction that has failed.
    pub(super) fn may_end_failure(statement: Option<&Statement>) -> bool {
        match statement {
            None => true,
            Some(Statement::Transaction(control)) => control.ends_failure(),
            Some(_) => false,
        }
    }
}

/// Analyses a statement and tells what its rows look like.
fn fields(
    statement: &mut Statement,
    parameters: &mut Parameters,
    tables: &Tables,
    settings: &Settings,
) -> Result<Option<Vec<Field>>, Stop> {
    match statement {
        Statement::Select(select) => select_fields(select, parameters, tables).map(Some),
        Statement::Insert { table, columns, rows } => {
            let known = columns_of(table, tables)?;
            let places = places(columns.as_deref(), known, table)?;
            for row in rows {
                row_of(row, columns.is_some(), &places, known, parameters)?;
            }
            Ok(None)
        }
        Statement::Delete { table, condition } => {
            let table = Some((&*table.name, columns_of(table, tables)?));
            if let Some(condition) = condition {
                truth(condition, "WHERE", &mut Scope { table, parameters, counts: false })?;
            }
            Ok(None)
        }
        Statement::Show(None) => Err(Stop::Unknown(Problem::error("0A000", "SHOW ALL is not known here"))),
        Statement::Show(Some(name)) => {
            settings.get(name).ok_or_else(|| no_such(name))?;
            Ok(Some(vec![Field { name: Settings::shown_name(name), kind: Type::Text }]))
        }
        Statement::Catalogue(question) => {
            parameters.set(question.parameters);
            Ok(Some(question.fields()))
        }
        _ => Ok(None),
    }
}

fn select_fields(select: &mut Select, parameters: &mut Parameters, tables: &Tables) -> Result<Vec<Field>, Stop> {
    let columns = select.from.as_ref().map(|table| columns_of(table, tables)).transpose()?;
    expand(select, columns)?;
    let table = select.from.as_ref().map(|table| &*table.name).zip(columns);
    let mut scope = Scope { table, parameters, counts: false };
    if let Some(condition) = &mut select.condition {
        truth(condition, "WHERE", &mut scope)?;
    }
    scope.counts = true;
    let mut fields = Vec::new();
    for item in select.items.iter_mut().flatten() {
        let mut kind = analyse(&mut item.expr, &mut scope)?;
        if kind == Type::Unknown {
            settle(&mut item.expr, Type::Text, &mut scope)?;
            kind = Type::Text;
        }
        fields.push(Field { name: item.name.clone(), kind });
    }
    let counts = select.items.iter().flatten().filter(|item| counts(&item.expr)).count();
    if counts > 0 && counts < select.items.len() {
        let what = "count(*) beside other columns is not known here";
        return Err(Stop::Unknown(Problem::error("0A000", what)));
    }
    Ok(fields)
}

/// Whether an item is `count(*)`.
pub(super) fn counts(expr: &Expr) -> bool {
    match expr {
        Expr::Count => true,
        Expr::Cast(value, _) => counts(value),
        _ => false,
    }
}

/// Puts the columns in the place of each asterisk.
fn expand(select: &mut Select, columns: Option<&[Column]>) -> Result<(), Problem> {
    if select.items.iter().all(Option::is_some) {
        return Ok(());
    }
    let columns = columns.ok_or_else(|| Problem::error("42601", "SELECT * with no tables specified is not valid"))?;
    let mut items = Vec::new();
    for item in select.items.drain(..) {
        match item {
            Some(item) => items.push(Some(item)),
            None => items.extend(columns.iter().enumerate().map(|(index, column)| {
                Some(Item { expr: Expr::Field(index, Type::of_kind(column.kind)), name: column.name.clone() })
            })),
        }
        if items.len() > 1664 {
            return Err(Problem::error("54011", "target lists can have at most 1664 entries"));
        }
    }
    select.items = items;
    Ok(())
}

/// The columns of a table that must be there.
pub(super) fn columns_of<'a>(table: &Name, tables: &'a Tables) -> Result<&'a [Column], Problem> {
    let missing = || Problem::error("42P01", format!("relation \"{}\" does not exist", table.name)).at(table.offset);
    tables.columns(&table.name).ok_or_else(missing)
}

/// Which columns an INSERT gives values for, in its order.
pub(super) fn places(named: Option<&[String]>, columns: &[Column], table: &Name) -> Result<Vec<usize>, Problem> {
    let Some(named) = named else { return Ok((0..columns.len()).collect()) };
    let mut places = Vec::new();
    for name in named {
        let missing = || Problem::error("42703", format!("column \"{name}\" of relation \"{}\" does not exist", table.name));
        let place = columns.iter().position(|column| column.name == *name).ok_or_else(missing)?;
        if places.contains(&place) {
            return Err(Problem::error("42701", format!("column \"{name}\" specified more than once")));
        }
        places.push(place);
    }
    Ok(places)
}

/// Analyses the values of one row of an INSERT.
fn row_of(row: &mut [Expr], named: bool, places: &[usize], columns: &[Column], parameters: &mut Parameters) -> Result<(), Stop> {
    if row.len() > places.len() {
        return Err(Problem::error("42601", "INSERT has more expressions than target columns").into());
    }
    if named && row.len() < places.len() {
        return Err(Problem::error("42601", "INSERT has more target columns than expressions").into());
    }
    let mut scope = Scope { table: None, parameters, counts: false };
    for (expr, column) in row.iter_mut().zip(places.iter().filter_map(|place| columns.get(*place))) {
        let wanted = match Type::of_kind(column.kind) {
            // What is too long is refused when it is stored, not cut.
            Type::Varchar(_) => Type::Varchar(None),
            kind => kind,
        };
        let kind = analyse(expr, &mut scope)?;
        if kind == Type::Unknown {
            settle(expr, wanted, &mut scope)?;
        } else if !(wanted.is_text() || kind == wanted || (is_number(kind) && is_number(wanted))) {
            let (name, wanted) = (&column.name, wanted.name());
            let message = format!("column \"{name}\" is of type {wanted} but expression is of type {}", kind.name());
            return Err(Problem::error("42804", message).into());
        }
        if kind != Type::Unknown && kind != wanted {
            let value = std::mem::replace(expr, Expr::Count);
            *expr = Expr::Cast(Box::new(value), wanted);
        }
    }
    Ok(())
}

fn is_number(kind: Type) -> bool {
    kind.is_integer() || matches!(kind, Type::Float8 | Type::Numeric)
}
