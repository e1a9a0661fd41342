//! Tables in memory, with transactions at READ COMMITTED: a change is seen by the session that made it, and by others once it is
//! committed.
//!
//! Rows lie in the order of their first column, so that asking for one value of it reads only those rows. Nothing here waits: what
//! another session has deleted and not committed is passed over by a second DELETE (a real server would wait), and a table that a
//! transaction drops is gone for all at once, until that transaction is rolled back.

use std::collections::{BTreeMap, HashMap};

use super::Number;

/// How much all tables together may hold, as [`cost`] counts.
const MOST_BYTES: usize = 1 << 30;

/// A value in a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
}

/// What a column holds. Truth values are integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    /// An integer of so many bytes.
    Integer(u8),
    Text,
    /// Text of at most so many characters.
    Varchar(u32),
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// NOT NULL.
    pub(super) required: bool,
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoSuchTable,
    TableExists,
    /// The tables hold as much as they may.
    Full,
}

/// All tables.
#[derive(Default)]
pub(super) struct Tables {
    by_name: HashMap<String, TableId>,
    tables: BTreeMap<TableId, Table>,
    /// What each session has changed since its last commit, in order.
    changes: BTreeMap<Number, Vec<Change>>,
    /// The last number that was given to a table or a row.
    last: u64,
    bytes: usize,
}

/// A place in the changes of a session: a savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(usize);

type TableId = u64;

/// The value of the first column, and a number that grows with each row.
type Key = (Value, u64);

struct Table {
    columns: Vec<Column>,
    rows: BTreeMap<Key, Row>,
}

struct Row {
    values: Box<[Value]>,
    inserted_by: Option<Number>,
    deleted_by: Option<Number>,
}

enum Change {
    Create { name: String, table: TableId },
    Drop { name: String, table: TableId },
    Insert { table: TableId, key: Key },
    Delete { table: TableId, key: Key },
}

impl Tables {
    /// Creates a table. A name means what its letters say: who has case-insensitive names folds them before.
    pub(super) fn create(&mut self, who: Number, name: &str, columns: Vec<Column>) -> Result<(), Refusal> {
        if self.by_name.contains_key(name) {
            return Err(Refusal::TableExists);
        }
        let bytes = cost_of_table(name, &columns);
        if self.bytes.saturating_add(bytes) > MOST_BYTES {
            return Err(Refusal::Full);
        }
        self.bytes += bytes;
        let table = self.next();
        self.tables.insert(table, Table { columns, rows: BTreeMap::new() });
        self.by_name.insert(name.to_owned(), table);
        self.note(who, Change::Create { name: name.to_owned(), table });
        Ok(())
    }

    /// Drops a table.
    pub(super) fn drop(&mut self, who: Number, name: &str) -> Result<(), Refusal> {
        let table = self.by_name.remove(name).ok_or(Refusal::NoSuchTable)?;
        self.note(who, Change::Drop { name: name.to_owned(), table });
        Ok(())
    }

    /// The columns of a table, if there is one of that name.
    pub(super) fn columns(&self, name: &str) -> Option<&[Column]> {
        Some(&self.tables.get(self.by_name.get(name)?)?.columns)
    }

    /// Adds a row with a value for each column, in their order.
    pub(super) fn insert(&mut self, who: Number, name: &str, values: Vec<Value>) -> Result<(), Refusal> {
        let table = *self.by_name.get(name).ok_or(Refusal::NoSuchTable)?;
        let bytes = cost(&values);
        if self.bytes.saturating_add(bytes) > MOST_BYTES {
            return Err(Refusal::Full);
        }
        let key = (values.first().cloned().unwrap_or(Value::Null), self.next());
        let Some(Table { rows, .. }) = self.tables.get_mut(&table) else { return Err(Refusal::NoSuchTable) };
        rows.insert(key.clone(), Row { values: values.into(), inserted_by: Some(who), deleted_by: None });
        self.bytes += bytes;
        self.note(who, Change::Insert { table, key });
        Ok(())
    }

    /// The rows that a session sees, oldest first among those of one value in the first column; with `first`, only those whose first
    /// column has that value.
    pub(super) fn rows(&self, who: Number, name: &str, first: Option<&Value>) -> impl Iterator<Item = &[Value]> {
        let table = self.by_name.get(name).and_then(|table| self.tables.get(table));
        let rows = table.into_iter().flat_map(move |table| table.rows.range(range(first)));
        rows.filter(move |(_, row)| row.is_seen_by(who)).map(|(_, row)| &*row.values)
    }

    /// Deletes those of [`Tables::rows`] that `doomed` says; how many.
    pub(super) fn delete(
        &mut self,
        who: Number,
        name: &str,
        first: Option<&Value>,
        mut doomed: impl FnMut(&[Value]) -> bool,
    ) -> Result<usize, Refusal> {
        let table = *self.by_name.get(name).ok_or(Refusal::NoSuchTable)?;
        let Some(Table { rows, .. }) = self.tables.get_mut(&table) else { return Err(Refusal::NoSuchTable) };
        let mut changes = Vec::new();
        for (key, row) in rows.range_mut(range(first)) {
            if row.is_seen_by(who) && row.deleted_by.is_none() && doomed(&row.values) {
                row.deleted_by = Some(who);
                changes.push(Change::Delete { table, key: key.clone() });
            }
        }
        let count = changes.len();
        self.changes.entry(who).or_default().append(&mut changes);
        Ok(count)
    }

    /// Where a session's changes stand.
    pub(super) fn mark(&self, who: Number) -> Mark {
        Mark(self.changes.get(&who).map_or(0, Vec::len))
    }

    /// Makes a session's changes everybody's.
    pub(super) fn commit(&mut self, who: Number) {
        for change in self.changes.remove(&who).unwrap_or_default() {
            match change {
                Change::Create { .. } => {}
                Change::Drop { name, table } => self.forget_table(&name, table),
                Change::Insert { table, key } => {
                    if let Some(row) = self.row(table, &key) {
                        row.inserted_by = None;
                    }
                }
                Change::Delete { table, key } => self.forget_row(table, &key),
            }
        }
    }

    /// Takes all changes of a session back that it has not committed.
    pub(super) fn roll_back(&mut self, who: Number) {
        self.roll_back_to(who, Mark(0));
    }

    /// Takes the changes of a session back that it made after a mark.
    pub(super) fn roll_back_to(&mut self, who: Number, mark: Mark) {
        let Some(changes) = self.changes.get_mut(&who) else { return };
        let undone = changes.split_off(mark.0.min(changes.len()));
        if changes.is_empty() {
            self.changes.remove(&who);
        }
        for change in undone.into_iter().rev() {
            match change {
                Change::Create { name, table } => {
                    self.by_name.remove(&name);
                    self.forget_table(&name, table);
                }
                Change::Drop { name, table } => {
                    self.by_name.entry(name).or_insert(table);
                }
                Change::Insert { table, key } => self.forget_row(table, &key),
                Change::Delete { table, key } => {
                    if let Some(row) = self.row(table, &key) {
                        row.deleted_by = None;
                    }
                }
            }
        }
    }

    fn note(&mut self, who: Number, change: Change) {
        self.changes.entry(who).or_default().push(change);
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn row(&mut self, table: TableId, key: &Key) -> Option<&mut Row> {
        self.tables.get_mut(&table)?.rows.get_mut(key)
    }

    fn forget_row(&mut self, table: TableId, key: &Key) {
        if let Some(row) = self.tables.get_mut(&table).and_then(|table| table.rows.remove(key)) {
            self.bytes = self.bytes.saturating_sub(cost(&row.values));
        }
    }

    fn forget_table(&mut self, name: &str, table: TableId) {
        if let Some(table) = self.tables.remove(&table) {
            let rows = table.rows.values().map(|row| cost(&row.values)).sum::<usize>();
            self.bytes = self.bytes.saturating_sub(rows + cost_of_table(name, &table.columns));
        }
    }
}

impl Row {
    fn is_seen_by(&self, who: Number) -> bool {
        self.inserted_by.is_none_or(|by| by == who) && self.deleted_by != Some(who)
    }
}

fn range(first: Option<&Value>) -> (std::ops::Bound<Key>, std::ops::Bound<Key>) {
    use std::ops::Bound::{Included, Unbounded};
    first.map_or((Unbounded, Unbounded), |value| (Included((value.clone(), 0)), Included((value.clone(), u64::MAX))))
}

/// About what a row takes in memory, its place in the order and in the changes included.
fn cost(values: &[Value]) -> usize {
    let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
    128 + values.iter().map(|value| size_of::<Value>() + text(value)).sum::<usize>()
}

fn cost_of_table(name: &str, columns: &[Column]) -> usize {
    512 + 2 * name.len() + columns.iter().map(|column| size_of::<Column>() + column.name.len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Tables {
        let mut tables = Tables::default();
        let column = |name: &str, kind| Column { name: name.into(), kind, required: true };
        tables.create(1, "ledger", vec![column("run", Kind::Integer(8)), column("nonce", Kind::Varchar(64))]).unwrap();
        tables.commit(1);
        tables
    }

    fn add(tables: &mut Tables, who: Number, run: i64, nonce: &str) {
        tables.insert(who, "ledger", vec![Value::Integer(run), Value::Text(nonce.into())]).unwrap();
    }

    fn seen(tables: &Tables, who: Number, run: Option<i64>) -> Vec<String> {
        let first = run.map(Value::Integer);
        let text = |row: &[Value]| if let Some(Value::Text(text)) = row.get(1) { text.clone() } else { String::new() };
        tables.rows(who, "ledger", first.as_ref()).map(text).collect()
    }

    #[test]
    fn a_row_is_its_writers_alone_until_the_commit() {
        let mut tables = ledger();
        add(&mut tables, 1, 7, "a");
        assert_eq!((seen(&tables, 1, Some(7)), seen(&tables, 2, Some(7))), (vec!["a".to_owned()], vec![]));
        tables.commit(1);
        assert_eq!(seen(&tables, 2, Some(7)), ["a"]);
        assert!(seen(&tables, 2, Some(8)).is_empty());
        add(&mut tables, 2, 7, "b");
        tables.roll_back(2);
        assert_eq!(seen(&tables, 2, None), ["a"]);
    }

    #[test]
    fn what_was_done_after_a_mark_can_be_taken_back() {
        let mut tables = ledger();
        add(&mut tables, 1, 7, "a");
        let mark = tables.mark(1);
        add(&mut tables, 1, 7, "b");
        assert_eq!(tables.delete(1, "ledger", None, |_| true), Ok(2));
        assert!(seen(&tables, 1, None).is_empty());
        tables.roll_back_to(1, mark);
        assert_eq!(seen(&tables, 1, None), ["a"]);
        tables.commit(1);
        assert_eq!(seen(&tables, 2, None), ["a"]);
    }

    #[test]
    fn a_delete_is_seen_by_others_at_the_commit_and_a_second_one_passes_over_it() {
        let mut tables = ledger();
        add(&mut tables, 1, 7, "a");
        tables.commit(1);
        assert_eq!(tables.delete(1, "ledger", Some(&Value::Integer(7)), |_| true), Ok(1));
        assert_eq!(seen(&tables, 2, None), ["a"]);
        assert_eq!(tables.delete(2, "ledger", None, |_| true), Ok(0));
        tables.commit(1);
        assert!(seen(&tables, 2, None).is_empty());
    }

    #[test]
    fn tables_come_and_go_with_their_transaction_and_leave_nothing() {
        let mut tables = ledger();
        let empty = tables.bytes;
        add(&mut tables, 1, 7, "a");
        tables.commit(1);
        assert_eq!(tables.create(2, "ledger", vec![]), Err(Refusal::TableExists));
        tables.drop(2, "ledger").unwrap();
        tables.roll_back(2);
        assert_eq!(seen(&tables, 2, None), ["a"]);
        tables.create(2, "other", vec![]).unwrap();
        tables.roll_back(2);
        assert_eq!(tables.columns("other"), None);
        assert_eq!(tables.delete(1, "ledger", None, |_| true), Ok(1));
        tables.commit(1);
        assert_eq!(tables.bytes, empty);
        tables.drop(1, "ledger").unwrap();
        tables.commit(1);
        assert_eq!((tables.bytes, tables.tables.len()), (0, 0));
    }
}
