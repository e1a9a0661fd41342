//! What a statement does, and what it answers.

mod change;
mod select;
mod show;

use super::super::Request;
use super::error::Error;
use super::evaluate::{NOTHING, Scope, Stop};
use super::tree::{Assignment, Expression, Select, Statement, TableName};
use super::value::{Kind, Value};

pub(super) use select::columns;

/// What a statement answers.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Done {
    pub(super) affected: u64,
    pub(super) info: String,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    /// Empty if it is of no table.
    pub(super) table: String,
    pub(super) kind: Kind,
    /// It holds no NULL.
    pub(super) required: bool,
}

/// A result.
#[derive(Debug, PartialEq)]
pub(super) struct Rows {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Done(Done),
    Rows(Rows),
}

impl Column {
    pub(super) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), table: String::new(), kind, required: false }
    }
}

/// Carries out a statement and ends what it began.
pub(super) fn execute(scope: &mut Scope<'_>, statement: &Statement) -> Result<Answer, Stop> {
    let result = scope.execute(statement);
    if result == Err(Stop::Wait) {
        return result;
    }
    scope.state.row_count = match &result {
        Ok(Answer::Done(done)) => i64::try_from(done.affected).unwrap_or(i64::MAX),
        Ok(Answer::Rows(_)) | Err(_) => -1,
    };
    scope.state.end_statement(scope.world);
    result
}

impl Scope<'_> {
    fn execute(&mut self, statement: &Statement) -> Result<Answer, Stop> {
        if !matches!(statement, Statement::Show { .. }) {
            self.state.notes.clear();
        }
        let mut done = Done::default();
        match statement {
            Statement::Select(select) => return self.select(select).map(Answer::Rows),
            Statement::Show { what, like } => return self.show(*what, like.as_ref()).map(Answer::Rows),
            Statement::Insert { table, columns, rows } => done = self.insert(table, columns.as_deref(), rows)?,
            Statement::Delete { table, filter } => done.affected = self.delete(table, filter.as_ref())?,
            Statement::Truncate(table) => self.truncate(table)?,
            Statement::CreateTable { table, columns, if_not_exists } => self.create_table(table, columns, *if_not_exists)?,
            Statement::CreateIndex { table, columns } => {
                self.create_index(table, columns)?;
                done.info = "Records: 0  Duplicates: 0  Warnings: 0".to_owned();
            }
            Statement::DropTable { tables, if_exists } => self.drop_tables(tables, *if_exists)?,
            Statement::Begin { read_only } => self.state.begin(*read_only, self.world),
            Statement::Commit { chain, release } => {
                let before = chain.then_some(self.state.is_read_only());
                self.state.commit(self.world);
                self.end_transaction(before, *release);
            }
            Statement::RollBack { chain, release } => {
                let before = chain.then_some(self.state.is_read_only());
                self.state.roll_back(self.world);
                self.end_transaction(before, *release);
            }
            Statement::Savepoint(name) => self.state.savepoint(name, self.world)?,
            Statement::RollBackTo(name) => self.state.roll_back_to(name, self.world)?,
            Statement::Release(name) => self.state.release_savepoint(name)?,
            Statement::Set(assignments) => self.set(assignments)?,
            Statement::Use(name) => self.use_database(name)?,
            Statement::Kill { connection, number } => self.kill(*connection, number)?,
            Statement::Do(expressions) => {
                for expression in expressions {
                    self.value(expression, NOTHING)?;
                }
            }
            Statement::Nothing => {}
        }
        Ok(Answer::Done(done))
    }

    /// `chain`: another begins, which may do as much as the one before.
    fn end_transaction(&mut self, chain: Option<bool>, release: bool) {
        if chain.is_some() {
            self.state.begin(chain, self.world);
        }
        self.state.ends |= release;
    }

    /// All values are there before the first is assigned, as in MySQL.
    fn set(&mut self, assignments: &[Assignment]) -> Result<(), Stop> {
        let mut values = Vec::with_capacity(assignments.len());
        for assignment in assignments {
            values.push(match assignment {
                Assignment::Variable(_, value) | Assignment::System { value: Some(value), .. } => {
                    Some(self.value(value, NOTHING)?)
                }
                _ => None,
            });
        }
        for (assignment, value) in assignments.iter().zip(values) {
            match assignment {
                Assignment::Variable(name, _) => self.state.set_variable(name, value.unwrap_or(Value::Null))?,
                Assignment::System { name, global, .. } => {
                    let before = self.state.settings.autocommit();
                    self.state.settings.set(name, *global, value)?;
                    if !before && self.state.settings.autocommit() {
                        self.state.commit(self.world);
                    }
                }
                Assignment::Names { character_set, collation } => {
                    self.state.settings.set_names(character_set.as_deref(), collation.as_deref())?;
                }
                Assignment::Transaction { session, level, read_only } => self.set_transaction(*session, level, *read_only)?,
            }
        }
        Ok(())
    }

    /// What is for the next transaction alone makes no difference here.
    fn set_transaction(&mut self, session: bool, level: &Option<String>, read_only: Option<bool>) -> Result<(), Error> {
        if !session && self.state.in_transaction {
            let message = "Transaction characteristics can't be changed while a transaction is in progress";
            return Err(Error::new(1568, b"25001", message));
        }
        if let (true, Some(level)) = (session, level) {
            self.state.settings.set("transaction_isolation", false, Some(Value::text(level.as_str())))?;
        }
        if let (true, Some(read_only)) = (session, read_only) {
            self.state.settings.set("transaction_read_only", false, Some(Value::Integer(read_only.into())))?;
        }
        Ok(())
    }

    pub(super) fn use_database(&mut self, name: &str) -> Result<(), Error> {
        if name != self.world.account.name {
            return Err(Error::unknown_database(name));
        }
        self.state.database = Some(name.to_owned());
        Ok(())
    }

    fn kill(&mut self, connection: bool, number: &Expression) -> Result<(), Stop> {
        let number = self.value(number, NOTHING)?.whole().unwrap_or_default();
        self.kill_number(connection, number).map_err(Stop::from)
    }

    /// Breaks off what another session does, or ends it. Its own session is told in the answer.
    pub(super) fn kill_number(&mut self, connection: bool, number: i128) -> Result<(), Error> {
        let known = u32::try_from(number).ok().filter(|number| self.world.alive.contains(number));
        let number = known.ok_or_else(|| Error::no_thread(number))?;
        if number == self.state.number {
            self.state.ends |= connection;
            return Err(Error::interrupted());
        }
        let request = if connection { Request::End { number } } else { Request::Cancel { number, secret: None } };
        self.world.requests.push(request);
        Ok(())
    }

    /// One value, in an expression.
    pub(super) fn subquery(&mut self, select: &Select) -> Result<Value, Stop> {
        let mut rows = self.select(select)?;
        if rows.columns.len() != 1 {
            return Err(Error::new(1241, b"21000", "Operand should contain 1 column(s)").into());
        }
        if rows.rows.len() > 1 {
            return Err(Error::new(1242, b"21000", "Subquery returns more than 1 row").into());
        }
        Ok(rows.rows.pop().and_then(|mut row| row.pop()).unwrap_or(Value::Null))
    }

    /// The name of a table that is in the only database.
    pub(super) fn local<'t>(&self, table: &'t TableName) -> Result<&'t str, Error> {
        let account = &self.world.account;
        match table.schema.as_ref().or(self.state.database.as_ref()) {
            None => Err(Error::no_database()),
            Some(schema) if *schema == account.name => Ok(&table.name),
            Some(schema) => match schema.to_ascii_lowercase().as_str() {
                "information_schema" | "performance_schema" | "mysql" | "sys" => {
                    Err(Error::unsupported(&format!("the database {schema}")))
                }
                _ => Err(Error::unknown_database(schema)),
            },
        }
    }

    pub(super) fn no_table(&self, name: &str) -> Error {
        Error::no_table(&self.world.account.name, name)
    }
}
