//! What the server keeps for a session between its statements, and its transaction.

use std::collections::BTreeMap;

use super::super::tables::Mark;
use super::super::{Number, World};
use super::error::Error;
use super::value::Value;
use super::variables::Settings;

/// How much the user variables of a session may hold together, in bytes.
const MOST_IN_VARIABLES: usize = 32 << 20;
/// How much a statement may copy out of variables and columns, in bytes: each can be named again and again. Short ones are not counted.
const MOST_COPIED: usize = 64 << 20;
const SHORT: usize = 64;
/// Savepoints in a transaction.
const MOST_SAVEPOINTS: usize = 10_000;

/// One session's.
pub(super) struct State {
    pub(super) number: Number,
    pub(super) user: String,
    pub(super) database: Option<String>,
    /// The collation that the client named when it connected, which its results are labelled with.
    pub(super) collation: u8,
    pub(super) settings: Settings,
    variables: BTreeMap<String, Value>,
    in_variables: usize,
    /// A transaction is open: it was begun, or autocommit is off and a table was used.
    pub(super) in_transaction: bool,
    /// And it must not write.
    read_only: bool,
    savepoints: Vec<(String, Mark)>,
    /// What `ROW_COUNT()` says.
    pub(super) row_count: i64,
    /// What `SHOW WARNINGS` shows of the last statement: codes and words.
    pub(super) notes: Vec<(u16, String)>,
    /// The session ends after this answer: it wanted that itself.
    pub(super) ends: bool,
    /// Values of what must not be done twice when a statement that waited is begun again, in the order of its evaluation.
    done: Vec<Value>,
    redone: usize,
    copied: usize,
}

impl State {
    pub(super) fn new(number: Number, user: String, database: Option<String>, collation: u8) -> Self {
        Self {
            number,
            user,
            database,
            collation,
            settings: Settings::default(),
            variables: BTreeMap::new(),
            in_variables: 0,
            in_transaction: false,
            read_only: false,
            savepoints: Vec::new(),
            row_count: -1,
            notes: Vec::new(),
            ends: false,
            done: Vec::new(),
            redone: 0,
            copied: 0,
        }
    }

    /// Everything is as after the login; what the session changed and did not commit is taken back, and its locks are free.
    pub(super) fn reset(&mut self, world: &mut World) {
        self.leave(world);
        *self = Self::new(self.number, std::mem::take(&mut self.user), self.database.take(), self.collation);
    }

    /// Nothing in the world is this session's any more.
    pub(super) fn leave(&mut self, world: &mut World) {
        world.locks.give_up(self.number);
        world.locks.release_all(self.number);
        self.roll_back(world);
    }

    /// `None`: it was never set.
    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    pub(super) fn copy_of_variable(&mut self, name: &str) -> Result<Value, Error> {
        let Some(value) = self.variables.remove(name) else { return Ok(Value::Null) };
        let copy = self.copy(&value);
        self.variables.insert(name.to_owned(), value);
        copy
    }

    pub(super) fn set_variable(&mut self, name: &str, value: Value) -> Result<(), Error> {
        let size = |name: &str, value: &Value| match value {
            Value::Text(bytes) | Value::Binary(bytes) => 64 + name.len() + bytes.len(),
            Value::Decimal(digits) => 64 + name.len() + digits.len(),
            _ => 64 + name.len(),
        };
        let before = self.variables.get(name).map_or(0, |value| size(name, value));
        let after = self.in_variables.saturating_sub(before) + size(name, &value);
        if after > MOST_IN_VARIABLES {
            return Err(Error::out_of_memory());
        }
        self.in_variables = after;
        self.variables.insert(name.to_owned(), value);
        Ok(())
    }

    /// A statement begins.
    pub(super) fn begin_statement(&mut self) {
        self.done.clear();
        (self.redone, self.copied) = (0, 0);
    }

    /// A statement that waited begins again, and what it waited for gave this.
    pub(super) fn repeat_statement(&mut self, awaited: Value) {
        self.done.push(awaited);
        (self.redone, self.copied) = (0, 0);
    }

    /// A copy of a value, if the statement may still make it.
    pub(super) fn copy(&mut self, value: &Value) -> Result<Value, Error> {
        if let Value::Text(bytes) | Value::Binary(bytes) = value
            && bytes.len() > SHORT
        {
            self.copied = self.copied.saturating_add(bytes.len());
            if self.copied > MOST_COPIED {
                return Err(Error::out_of_memory());
            }
        }
        Ok(value.clone())
    }

    /// The value of what was already done in this statement, if it was.
    pub(super) fn redo(&mut self) -> Option<Value> {
        let value = self.done.get(self.redone).cloned();
        self.redone += usize::from(value.is_some());
        value
    }

    /// Something was done that must not be done again.
    pub(super) fn note(&mut self, value: &Value) {
        self.done.push(value.clone());
        self.redone = self.done.len();
    }

    pub(super) fn begin(&mut self, read_only: Option<bool>, world: &mut World) {
        self.commit(world);
        self.in_transaction = true;
        self.read_only = read_only.unwrap_or_else(|| self.settings.read_only());
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.read_only
    }

    pub(super) fn commit(&mut self, world: &mut World) {
        world.tables.commit(self.number);
        self.savepoints.clear();
        (self.in_transaction, self.read_only) = (false, false);
    }

    pub(super) fn roll_back(&mut self, world: &mut World) {
        world.tables.roll_back(self.number);
        self.savepoints.clear();
        (self.in_transaction, self.read_only) = (false, false);
    }

    /// A table is used. Without autocommit that begins a transaction.
    pub(super) fn use_table(&mut self) {
        if !self.in_transaction && !self.settings.autocommit() {
            (self.in_transaction, self.read_only) = (true, self.settings.read_only());
        }
    }

    /// A table is to be changed.
    pub(super) fn change_table(&mut self) -> Result<(), Error> {
        self.use_table();
        let read_only = if self.in_transaction { self.read_only } else { self.settings.read_only() };
        if read_only {
            return Err(Error::new(1792, b"25006", "Cannot execute statement in a READ ONLY transaction."));
        }
        Ok(())
    }

    /// A statement is over, well or not.
    pub(super) fn end_statement(&mut self, world: &mut World) {
        if !self.in_transaction && self.settings.autocommit() {
            world.tables.commit(self.number);
            self.savepoints.clear();
        }
    }

    pub(super) fn savepoint(&mut self, name: &str, world: &World) -> Result<(), Error> {
        self.savepoints.retain(|(known, _)| !is_same(known, name));
        if self.savepoints.len() >= MOST_SAVEPOINTS {
            return Err(Error::out_of_memory());
        }
        self.savepoints.push((name.to_owned(), world.tables.mark(self.number)));
        Ok(())
    }

    pub(super) fn roll_back_to(&mut self, name: &str, world: &mut World) -> Result<(), Error> {
        let place = self.find_savepoint(name)?;
        self.savepoints.truncate(place + 1);
        if let Some((_, mark)) = self.savepoints.get(place) {
            world.tables.roll_back_to(self.number, *mark);
        }
        Ok(())
    }

    pub(super) fn release_savepoint(&mut self, name: &str) -> Result<(), Error> {
        let place = self.find_savepoint(name)?;
        self.savepoints.truncate(place);
        Ok(())
    }

    fn find_savepoint(&self, name: &str) -> Result<usize, Error> {
        self.savepoints.iter().position(|(known, _)| is_same(known, name)).ok_or_else(|| Error::no_savepoint(name))
    }
}

fn is_same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
