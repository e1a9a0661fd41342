//! What changes tables: INSERT, DELETE, and the statements that make and drop them, which end a transaction.

use std::collections::BTreeSet;

use super::super::super::tables::{self, Column, Kind, Refusal};
use super::super::error::Error;
use super::super::evaluate::{NOTHING, Scope, Stop};
use super::super::tree::{Expression, From, Item, Select, TableName};
use super::super::value::Value;
use super::Done;

impl Scope<'_> {
    pub(super) fn insert(&mut self, table: &TableName, names: Option<&[String]>, rows: &[Vec<Expression>]) -> Result<Done, Stop> {
        let (name, columns) = self.existing(table)?;
        let places = places(&columns, names)?;
        // All values are there before the first row is: an expression may have to wait.
        let mut new = Vec::with_capacity(rows.len());
        for (row, number) in rows.iter().zip(1..) {
            if row.len() != places.len() {
                let message = format!("Column count doesn't match value count at row {number}");
                return Err(Error::new(1136, b"21S01", message).into());
            }
            let mut values = vec![None; columns.len()];
            for (expression, place) in row.iter().zip(&places) {
                let value = self.value(expression, NOTHING)?;
                if let (Some(column), Some(target)) = (columns.get(*place), values.get_mut(*place)) {
                    *target = Some(fitting(value, column, number)?);
                }
            }
            new.push(complete(values, &columns)?);
        }
        self.state.change_table()?;
        let count = new.len() as u64;
        let before = self.world.tables.mark(self.state.number);
        for row in new {
            if let Err(refusal) = self.world.tables.insert(self.state.number, &name, row) {
                self.world.tables.roll_back_to(self.state.number, before);
                return Err(self.refused(refusal, &name).into());
            }
        }
        let info = if count > 1 { format!("Records: {count}  Duplicates: 0  Warnings: 0") } else { String::new() };
        Ok(Done { affected: count, info })
    }

    /// Which rows these are is found out before the first is deleted: the filter may have to wait.
    pub(super) fn delete(&mut self, table: &TableName, filter: Option<&Expression>) -> Result<u64, Stop> {
        let (name, columns) = self.existing(table)?;
        let first = columns.first().and_then(|column| self.first_value(filter, column));
        let mut doomed = None;
        if let Some(filter) = filter {
            let from = From { table: table.clone(), alias: None };
            let filter = Some(filter.clone());
            let select =
                Select { items: vec![Item::All], from: Some(from), filter, order: Vec::new(), limit: None, offset: None };
            super::columns(self, &select)?;
            let (_, rows) = self.table_rows(&select)?;
            let rows: BTreeSet<Vec<tables::Value>> = rows.iter().map(|row| row.iter().map(kept).collect()).collect();
            doomed = Some(rows);
        }
        self.state.change_table()?;
        let is_doomed = |row: &[tables::Value]| doomed.as_ref().is_none_or(|doomed| doomed.contains(row));
        let count = self.world.tables.delete(self.state.number, &name, first.as_ref(), is_doomed);
        Ok(count.map_err(|refusal| self.refused(refusal, &name))? as u64)
    }

    pub(super) fn truncate(&mut self, table: &TableName) -> Result<(), Stop> {
        self.state.commit(self.world);
        self.delete(table, None)?;
        self.state.commit(self.world);
        Ok(())
    }

    pub(super) fn create_table(&mut self, table: &TableName, columns: &[Column], if_not_exists: bool) -> Result<(), Error> {
        self.state.commit(self.world);
        let name = self.local(table)?;
        match self.world.tables.create(self.state.number, name, columns.to_vec()) {
            Err(Refusal::TableExists) if if_not_exists => {
                self.state.notes.push((1050, format!("Table '{name}' already exists")));
                Ok(())
            }
            result => result.map_err(|refusal| self.refused(refusal, name)),
        }
    }

    /// An index makes no difference here.
    pub(super) fn create_index(&mut self, table: &TableName, indexed: &[String]) -> Result<(), Error> {
        self.state.commit(self.world);
        let (_, columns) = self.existing(table)?;
        let is_known = |name: &&String| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        match indexed.iter().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => Err(Error::new(1072, b"42000", format!("Key column '{name}' doesn't exist in table"))),
        }
    }

    /// Either all of them or none.
    pub(super) fn drop_tables(&mut self, tables: &[TableName], if_exists: bool) -> Result<(), Error> {
        self.state.commit(self.world);
        let schema = self.world.account.name.clone();
        let mut missing = Vec::new();
        for table in tables {
            let name = self.local(table)?;
            if self.world.tables.drop(self.state.number, name).is_err() {
                missing.push(format!("{schema}.{name}"));
            }
        }
        if !missing.is_empty() && !if_exists {
            self.state.roll_back(self.world);
            return Err(Error::new(1051, b"42S02", format!("Unknown table '{}'", missing.join(","))));
        }
        self.state.notes.extend(missing.iter().take(64).map(|name| (1051, format!("Unknown table '{name}'"))));
        Ok(())
    }

    /// The name of a table that there is, and its columns.
    fn existing(&self, table: &TableName) -> Result<(String, Vec<Column>), Error> {
        let name = self.local(table)?;
        let columns = self.world.tables.columns(name).ok_or_else(|| self.no_table(name))?;
        Ok((name.to_owned(), columns.to_vec()))
    }

    fn refused(&self, refusal: Refusal, name: &str) -> Error {
        match refusal {
            Refusal::NoSuchTable => self.no_table(name),
            Refusal::TableExists => Error::new(1050, b"42S01", format!("Table '{name}' already exists")),
            Refusal::Full => Error::new(1114, b"HY000", format!("The table '{name}' is full")),
        }
    }

    /// Whether an INSERT could be carried out, as far as that can be known without its values: asked when it is prepared.
    pub(in super::super) fn check_insert(
        &self,
        table: &TableName,
        names: Option<&[String]>,
        rows: &[Vec<Expression>],
    ) -> Result<(), Error> {
        let (_, columns) = self.existing(table)?;
        let places = places(&columns, names)?;
        match rows.iter().zip(1..).find(|(row, _)| row.len() != places.len()) {
            None => Ok(()),
            Some((_, number)) => {
                Err(Error::new(1136, b"21S01", format!("Column count doesn't match value count at row {number}")))
            }
        }
    }
}

/// Where in a row the values belong.
fn places(columns: &[Column], names: Option<&[String]>) -> Result<Vec<usize>, Error> {
    let Some(names) = names else { return Ok((0..columns.len()).collect()) };
    let mut places = Vec::with_capacity(names.len());
    for name in names {
        let place = columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        let place = place.ok_or_else(|| Error::no_column(name, "field list"))?;
        if places.contains(&place) {
            return Err(Error::new(1110, b"42000", format!("Column '{name}' specified twice")));
        }
        places.push(place);
    }
    Ok(places)
}

fn complete(values: Vec<Option<tables::Value>>, columns: &[Column]) -> Result<Vec<tables::Value>, Error> {
    let one = |(value, column): (Option<tables::Value>, &Column)| match value {
        Some(value) => Ok(value),
        None if column.required => {
            Err(Error::new(1364, b"HY000", format!("Field '{}' doesn't have a default value", column.name)))
        }
        None => Ok(tables::Value::Null),
    };
    values.into_iter().zip(columns).map(one).collect()
}

/// A value as the column takes it, by the rules of strict mode.
fn fitting(value: Value, column: &Column, row: u32) -> Result<tables::Value, Error> {
    let name = &column.name;
    let refused =
        |code, state: &[u8; 5], what: &str| Err(Error::new(code, state, format!("{what} for column '{name}' at row {row}")));
    if value.is_null() {
        if column.required {
            return Err(Error::new(1048, b"23000", format!("Column '{name}' cannot be null")));
        }
        return Ok(tables::Value::Null);
    }
    match column.kind {
        Kind::Boolean | Kind::Integer(_) => {
            if let Value::Text(text) | Value::Binary(text) = &value
                && !is_number(text)
            {
                let shown: String = String::from_utf8_lossy(text).chars().take(64).collect();
                return refused(1366, b"HY000", &format!("Incorrect integer value: '{shown}'"));
            }
            let bytes = if let Kind::Integer(bytes) = column.kind { u32::from(bytes) } else { 1 };
            let most = (1i128 << (bytes * 8).saturating_sub(1).min(63)) - 1;
            let number = value.whole().filter(|number| (-most - 1..=most).contains(number));
            match number.and_then(|number| i64::try_from(number).ok()) {
                Some(number) => Ok(tables::Value::Integer(number)),
                None => refused(1264, b"22003", "Out of range value"),
            }
        }
        Kind::Text | Kind::Varchar(_) => {
            let most = if let Kind::Varchar(most) = column.kind { most as usize } else { usize::MAX };
            match value.bytes().map(String::from_utf8) {
                Some(Ok(text)) if text.chars().count() > most => refused(1406, b"22001", "Data too long"),
                Some(Ok(text)) => Ok(tables::Value::Text(text)),
                _ => refused(1366, b"HY000", "Incorrect string value"),
            }
        }
    }
}

fn is_number(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.trim().parse::<f64>().is_ok_and(f64::is_finite))
}

/// A value as the table holds it that it came from.
fn kept(value: &Value) -> tables::Value {
    match value {
        Value::Integer(number) => tables::Value::Integer(*number),
        other => other.string().map_or(tables::Value::Null, tables::Value::Text),
    }
}
