//! SELECT: of nothing, or of one table.

use std::cmp::Ordering;

use super::super::super::tables;
use super::super::error::Error;
use super::super::evaluate::{NOTHING, Row, Scope, Stop, is_aggregate, kind, stored};
use super::super::state::State;
use super::super::tree::{Expression, Item, Operator, Select};
use super::super::value::{Kind, Value};
use super::{Column, Rows};

/// A table's columns, as a result shows them.
fn of_table(name: &str, columns: &[tables::Column]) -> Vec<Column> {
    let kind = |kind: tables::Kind| match kind {
        tables::Kind::Boolean | tables::Kind::Integer(_) => Kind::Integer,
        tables::Kind::Text => Kind::Text(65_535),
        tables::Kind::Varchar(most) => Kind::Text(most),
    };
    let column = |column: &tables::Column| Column {
        name: column.name.clone(),
        table: name.to_owned(),
        kind: kind(column.kind),
        required: column.required,
    };
    columns.iter().map(column).collect()
}

/// The columns that a SELECT will give.
///
/// # Errors
/// It asks for something that there is not.
pub(in super::super) fn columns(scope: &Scope<'_>, select: &Select) -> Result<Vec<Column>, Error> {
    let table = match &select.from {
        None => Vec::new(),
        Some(from) => {
            let name = scope.local(&from.table)?;
            let columns = scope.world.tables.columns(name).ok_or_else(|| scope.no_table(name))?;
            of_table(from.alias.as_deref().unwrap_or(name), columns)
        }
    };
    let columns = described(select, &table, scope.state)?;
    let known: Vec<(String, Kind)> = table.into_iter().map(|column| (column.name, column.kind)).collect();
    let clauses = select.filter.iter().map(|filter| (filter, "where clause"));
    for (expression, clause) in clauses {
        kind(expression, &known, scope.state).map_err(|error| in_clause(error, clause))?;
    }
    Ok(columns)
}

/// An unknown column is named with the clause that it is in.
fn in_clause(mut error: Error, clause: &str) -> Error {
    if error.code == 1054 {
        error.message = error.message.replace("'field list'", &format!("'{clause}'"));
    }
    error
}

fn described(select: &Select, table: &[Column], state: &State) -> Result<Vec<Column>, Error> {
    let known: Vec<(String, Kind)> = table.iter().map(|column| (column.name.clone(), column.kind)).collect();
    let mut columns = Vec::with_capacity(select.items.len());
    for item in &select.items {
        match item {
            Item::All if table.is_empty() => return Err(Error::new(1096, b"HY000", "No tables used")),
            Item::All => columns.extend_from_slice(table),
            Item::One { expression, name } => {
                let mut column = Column::new(name.as_str(), kind(expression, &known, state)?);
                if let Expression::Column(of) = expression
                    && let Some(original) = table.iter().find(|column| column.name.eq_ignore_ascii_case(of))
                {
                    column.table = original.table.clone();
                    column.required = original.required;
                }
                columns.push(column);
            }
        }
    }
    Ok(columns)
}

impl Scope<'_> {
    pub(super) fn select(&mut self, select: &Select) -> Result<Rows, Stop> {
        let limit = self.bound(select.limit.as_ref())?;
        let offset = self.bound(select.offset.as_ref())?.unwrap_or(0);
        let mut result = match &select.from {
            None => self.select_nothing(select)?,
            Some(_) => self.select_table(select)?,
        };
        if limit.is_some() || offset > 0 {
            result.rows = result.rows.into_iter().skip(offset).take(limit.unwrap_or(usize::MAX)).collect();
        }
        Ok(result)
    }

    fn bound(&mut self, expression: Option<&Expression>) -> Result<Option<usize>, Stop> {
        let Some(expression) = expression else { return Ok(None) };
        let number = self.value(expression, NOTHING)?.whole();
        Ok(Some(number.and_then(|number| usize::try_from(number).ok()).ok_or_else(Error::syntax)?))
    }

    /// One row, without a table.
    fn select_nothing(&mut self, select: &Select) -> Result<Rows, Stop> {
        if select.items.contains(&Item::All) {
            return Err(Error::new(1096, b"HY000", "No tables used").into());
        }
        let taken = self.holds(select.filter.as_ref(), NOTHING)?;
        if select.items.iter().any(is_aggregated) {
            let rows: &[Vec<Value>] = if taken { &[Vec::new()] } else { &[] };
            return self.aggregate(select, Vec::new(), rows);
        }
        let (mut columns, mut row) = (Vec::with_capacity(select.items.len()), Vec::with_capacity(select.items.len()));
        for item in &select.items {
            let Item::One { expression, name } = item else { continue };
            let value = if taken { self.value(expression, NOTHING)? } else { Value::Null };
            // The value knows better than the expression, but where it is NULL.
            let kind = match value.kind() {
                Kind::Null => kind(expression, &[], self.state)?,
                kind => kind,
            };
            columns.push(Column::new(name.as_str(), kind));
            row.push(value);
        }
        Ok(Rows { columns, rows: if taken { vec![row] } else { Vec::new() } })
    }

    fn select_table(&mut self, select: &Select) -> Result<Rows, Stop> {
        let columns = columns(self, select)?;
        self.state.use_table();
        let (names, rows) = self.table_rows(select)?;
        if select.items.iter().any(is_aggregated) {
            return self.aggregate(select, columns, &rows);
        }
        let mut sorted = Vec::with_capacity(rows.len());
        for row in &rows {
            let row: Row<'_> = (&names, row);
            let mut keys = Vec::with_capacity(select.order.len());
            for (expression, _) in &select.order {
                keys.push(self.sort_key(expression, select, row)?);
            }
            sorted.push((keys, self.projected(select, row)?));
        }
        let greatest_first: Vec<bool> = select.order.iter().map(|(_, greatest_first)| *greatest_first).collect();
        if !greatest_first.is_empty() {
            sorted.sort_by(|(a, _), (b, _)| in_order(a, b, &greatest_first));
        }
        Ok(Rows { columns, rows: sorted.into_iter().map(|(_, row)| row).collect() })
    }

    /// The names of the table's columns, and its rows that the session sees and the filter takes.
    pub(super) fn table_rows(&mut self, select: &Select) -> Result<(Vec<String>, Vec<Vec<Value>>), Stop> {
        let Some(from) = &select.from else { return Ok(Default::default()) };
        let name = self.local(&from.table)?;
        let columns = self.world.tables.columns(name).ok_or_else(|| self.no_table(name))?;
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let first = columns.first().and_then(|column| self.first_value(select.filter.as_ref(), column));
        let rows = self.world.tables.rows(self.state.number, name, first.as_ref());
        let rows: Vec<Vec<Value>> = rows.map(|row| row.iter().map(stored).collect()).collect();
        if select.filter.is_none() {
            return Ok((names, rows));
        }
        let mut taken = Vec::new();
        for row in rows {
            if self.holds(select.filter.as_ref(), (&names, &row))? {
                taken.push(row);
            }
        }
        Ok((names, taken))
    }

    /// The value that a filter demands of a table's first column, if that is a whole number: then only those rows are looked at.
    pub(super) fn first_value(&self, filter: Option<&Expression>, column: &tables::Column) -> Option<tables::Value> {
        let Expression::Binary(operator, left, right) = filter? else { return None };
        let is_column =
            |expression: &Expression| matches!(expression, Expression::Column(name) if name.eq_ignore_ascii_case(&column.name));
        let value = match operator {
            Operator::And => return self.first_value(Some(left), column).or_else(|| self.first_value(Some(right), column)),
            Operator::Equal if is_column(left) => right,
            Operator::Equal if is_column(right) => left,
            _ => return None,
        };
        let value = match &**value {
            Expression::Literal(value) => value,
            Expression::Parameter(number) => self.parameters.get(*number)?,
            _ => return None,
        };
        match (column.kind, value) {
            (tables::Kind::Integer(_), Value::Integer(number)) => Some(tables::Value::Integer(*number)),
            (tables::Kind::Integer(_), Value::Text(text)) => {
                std::str::from_utf8(text).ok()?.parse().ok().map(tables::Value::Integer)
            }
            _ => None,
        }
    }

    fn projected(&mut self, select: &Select, row: Row<'_>) -> Result<Vec<Value>, Stop> {
        let mut values = Vec::with_capacity(select.items.len());
        for item in &select.items {
            match item {
                Item::All => {
                    for value in row.1 {
                        values.push(self.state.copy(value)?);
                    }
                }
                Item::One { expression, .. } => values.push(self.value(expression, row)?),
            }
        }
        Ok(values)
    }

    /// A number is the place of an item, a name may be an item's other name.
    fn sort_key(&mut self, expression: &Expression, select: &Select, row: Row<'_>) -> Result<Value, Stop> {
        let unknown = |name: String| Error::no_column(&name, "order clause");
        let item = match expression {
            Expression::Literal(Value::Integer(place)) => {
                let item = usize::try_from(*place).ok().and_then(|place| select.items.get(place.checked_sub(1)?));
                Some(item.ok_or_else(|| unknown(place.to_string()))?)
            }
            Expression::Column(wanted) => {
                select.items.iter().find(|item| matches!(item, Item::One { name, .. } if name.eq_ignore_ascii_case(wanted)))
            }
            _ => None,
        };
        let expression = match item {
            Some(Item::One { expression, .. }) => expression,
            _ => expression,
        };
        self.value(expression, row).map_err(|stop| match stop {
            Stop::Error(error) => Stop::Error(in_clause(error, "order clause")),
            Stop::Wait => Stop::Wait,
        })
    }

    /// One row about all rows.
    fn aggregate(&mut self, select: &Select, columns: Vec<Column>, rows: &[Vec<Value>]) -> Result<Rows, Stop> {
        let columns = if columns.is_empty() { described(select, &[], self.state)? } else { columns };
        let names: Vec<String> = match &select.from {
            None => Vec::new(),
            Some(from) => {
                let name = self.local(&from.table)?;
                self.world.tables.columns(name).unwrap_or_default().iter().map(|column| column.name.clone()).collect()
            }
        };
        let mut values = Vec::with_capacity(select.items.len());
        for item in &select.items {
            let value = match item {
                Item::One { expression: Expression::CountAll, .. } => count(rows.len()),
                Item::One { expression: Expression::Call(name, arguments), .. } if is_aggregate(name) => {
                    self.aggregated(name, arguments, &names, rows)?
                }
                Item::One { expression: expression @ Expression::Literal(_), .. } => self.value(expression, NOTHING)?,
                _ => return Err(Error::unsupported("columns beside an aggregate").into()),
            };
            values.push(value);
        }
        Ok(Rows { columns, rows: vec![values] })
    }

    fn aggregated(&mut self, name: &str, arguments: &[Expression], names: &[String], rows: &[Vec<Value>]) -> Result<Value, Stop> {
        let (mut best, mut number) = (Value::Null, 0);
        let wanted = if name == "MAX" { Ordering::Greater } else { Ordering::Less };
        for row in rows {
            let value = arguments.first().map_or(Ok(Value::Null), |argument| self.value(argument, (names, row)))?;
            if value.is_null() {
                continue;
            }
            number += 1;
            if best.is_null() || value.compare(&best) == Some(wanted) {
                best = value;
            }
        }
        Ok(if name == "COUNT" { count(number) } else { best })
    }
}

fn count(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn is_aggregated(item: &Item) -> bool {
    match item {
        Item::All => false,
        Item::One { expression: Expression::Call(name, _), .. } => is_aggregate(name),
        Item::One { expression, .. } => *expression == Expression::CountAll,
    }
}

/// NULL comes before anything else.
fn in_order(a: &[Value], b: &[Value], greatest_first: &[bool]) -> Ordering {
    let one = |((a, b), greatest_first): ((&Value, &Value), &bool)| {
        let order = a.compare(b).unwrap_or_else(|| b.is_null().cmp(&a.is_null()));
        if *greatest_first { order.reverse() } else { order }
    };
    a.iter().zip(b).zip(greatest_first).map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
