//! The commands after the login.

use std::sync::Arc;

use mysql_common::constants::{CapabilityFlags, Command, StatusFlags};

use super::super::World;
use super::error::Error;
use super::evaluate::{Scope, Stop, kind};
use super::execute::{Answer, Column, columns, execute};
use super::prepared::{Prepared, unknown};
use super::tree::{Expression, Select, Statement};
use super::{MySql, Phase, Running, login, read};

/// Those that are known.
const COMMANDS: &[Command] = &[
    Command::COM_QUERY,
    Command::COM_STMT_PREPARE,
    Command::COM_STMT_EXECUTE,
    Command::COM_STMT_CLOSE,
    Command::COM_STMT_SEND_LONG_DATA,
    Command::COM_STMT_RESET,
    Command::COM_STMT_FETCH,
    Command::COM_PING,
    Command::COM_QUIT,
    Command::COM_INIT_DB,
    Command::COM_STATISTICS,
    Command::COM_CHANGE_USER,
    Command::COM_RESET_CONNECTION,
    Command::COM_SET_OPTION,
    Command::COM_PROCESS_KILL,
];

impl MySql {
    /// Carries out one command.
    pub(super) fn command(&mut self, packet: &[u8], world: &mut World) {
        let Some((first, rest)) = packet.split_first() else { return self.refuse(&Error::unknown_command()) };
        let Some(command) = COMMANDS.iter().find(|command| **command as u8 == *first) else {
            return self.refuse(&Error::unknown_command());
        };
        let done = match command {
            Command::COM_QUERY => return self.query(rest, world),
            Command::COM_STMT_PREPARE => return self.prepare(rest, world),
            Command::COM_STMT_EXECUTE => return self.execute_prepared(rest, world),
            Command::COM_STMT_CLOSE => return self.prepared.close(rest),
            Command::COM_STMT_SEND_LONG_DATA => return self.prepared.long_data(rest),
            Command::COM_QUIT => return self.end(world),
            Command::COM_STATISTICS => {
                let threads = world.alive.len();
                let words = format!("Uptime: 0  Threads: {threads}  Questions: 0  Slow queries: 0  Opens: 0");
                return self.answers().text(&words);
            }
            Command::COM_CHANGE_USER => match login::change(rest, self.capabilities, self.state.collation) {
                Ok(claim) => return self.let_in(claim, true, world),
                Err(error) => Err(error),
            },
            Command::COM_SET_OPTION => match self.set_option(rest) {
                Ok(()) => return self.answers().end(),
                Err(error) => Err(error),
            },
            Command::COM_PING => Ok(()),
            Command::COM_STMT_RESET => self.prepared.reset(rest),
            // Nothing is ever left to be fetched: a cursor that was asked for is never opened, and all rows are sent.
            Command::COM_STMT_FETCH => {
                let id = rest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
                Err(unknown(id, "mysqld_stmt_fetch"))
            }
            Command::COM_INIT_DB => {
                let name = String::from_utf8_lossy(rest);
                self.scope(world).use_database(name.trim_end_matches('\0'))
            }
            Command::COM_RESET_CONNECTION => {
                self.state.reset(world);
                self.prepared = Prepared::default();
                Ok(())
            }
            Command::COM_PROCESS_KILL => match rest.first_chunk() {
                Some(number) => self.scope(world).kill_number(true, u32::from_le_bytes(*number).into()),
                None => Err(Error::malformed()),
            },
            _ => Err(Error::unknown_command()),
        };
        match done {
            Ok(()) => self.answers().ok(&Default::default()),
            Err(error) => self.refuse(&error),
        }
        if self.state.ends {
            self.end(world);
        }
    }

    fn scope<'a>(&'a mut self, world: &'a mut World) -> Scope<'a> {
        Scope { state: &mut self.state, world, parameters: &[] }
    }

    /// Several statements at once: on or off.
    fn set_option(&mut self, rest: &[u8]) -> Result<(), Error> {
        match rest {
            [0, 0, ..] => self.capabilities.insert(CapabilityFlags::CLIENT_MULTI_STATEMENTS),
            [1, 0, ..] => self.capabilities.remove(CapabilityFlags::CLIENT_MULTI_STATEMENTS),
            _ => return Err(Error::unknown_command()),
        }
        Ok(())
    }

    fn query(&mut self, sql: &[u8], world: &mut World) {
        match std::str::from_utf8(sql) {
            // As on a real server, what ends a text is not the beginning of another statement.
            Ok(sql) => self.run_next(&Arc::from(sql.trim_end_matches(|end: char| end == ';' || end.is_whitespace())), 0, world),
            Err(_) => self.not_carried_out(Error::syntax(), &String::from_utf8_lossy(sql), world),
        }
    }

    /// Reads the statement that begins there and carries it out.
    fn run_next(&mut self, sql: &Arc<str>, start: usize, world: &mut World) {
        let mut start = start;
        loop {
            let text = sql.get(start..).unwrap_or_default();
            let running = match self.read(text) {
                Ok((statement, length)) => {
                    let next = start + length;
                    Running { sql: Arc::clone(sql), next, statement: Arc::new(statement), arguments: Vec::new(), binary: false }
                }
                Err(error) => return self.not_carried_out(error, text, world),
            };
            self.state.begin_statement();
            match self.run_one(running, world) {
                Some(next) => start = next,
                None => return,
            }
        }
    }

    fn read(&self, text: &str) -> Result<(Statement, usize), Error> {
        let read = read::statement(text, self.state.settings.pipes_as_concat())?;
        let several = self.capabilities.contains(CapabilityFlags::CLIENT_MULTI_STATEMENTS);
        if !read.is_last && !several || read.parameters > 0 {
            return Err(Error::syntax_near(if read.parameters > 0 { "?" } else { text.get(read.end..).unwrap_or_default() }));
        }
        let length = if read.is_last { text.len() } else { read.end };
        Ok((read.statement.ok_or_else(Error::empty_query)?, length))
    }

    /// Goes on with a statement that waited, and those behind it.
    pub(super) fn run(&mut self, running: Running, world: &mut World) {
        let sql = Arc::clone(&running.sql);
        if let Some(next) = self.run_one(running, world) {
            self.run_next(&sql, next, world);
        }
        if matches!(self.phase, Phase::Command) {
            self.outgoing.number = 0;
        }
    }

    /// Carries out a statement; gives where the next begins, if there is one and all is well.
    fn run_one(&mut self, running: Running, world: &mut World) -> Option<usize> {
        let mut scope = Scope { state: &mut self.state, world, parameters: &running.arguments };
        let answer = match execute(&mut scope, &running.statement) {
            Ok(answer) => answer,
            Err(Stop::Wait) => {
                self.phase = Phase::Waiting(running);
                return None;
            }
            Err(Stop::Error(error)) => {
                let sql = running.sql.get(..running.next).unwrap_or_default();
                self.not_carried_out(error, sql, world);
                return None;
            }
        };
        let more = running.next < running.sql.len();
        let mut answers = self.answers();
        answers.status.set(StatusFlags::SERVER_MORE_RESULTS_EXISTS, more);
        match &answer {
            Answer::Done(done) => answers.ok(done),
            Answer::Rows(rows) => answers.rows(rows, running.binary),
        }
        if self.state.ends || self.outgoing.is_flooded() {
            self.end(world);
            return None;
        }
        more.then_some(running.next)
    }

    fn not_carried_out(&mut self, error: Error, sql: &str, world: &mut World) {
        let error = error.quoting(sql, world);
        self.refuse(&error);
        if self.state.ends {
            self.end(world);
        }
    }

    fn prepare(&mut self, sql: &[u8], world: &mut World) {
        let sql = String::from_utf8_lossy(sql);
        self.prepared.begin();
        match self.prepare_text(&sql, world) {
            Ok((id, parameters, columns)) => self.answers().prepared(id, parameters, &columns),
            Err(error) => self.not_carried_out(error, &sql, world),
        }
    }

    fn prepare_text(&mut self, sql: &str, world: &mut World) -> Result<(u32, u16, Vec<Column>), Error> {
        let read = read::statement(sql, self.state.settings.pipes_as_concat())?;
        if !read.is_last {
            return Err(Error::syntax_near(sql.get(read.end..).unwrap_or_default()));
        }
        let statement = read.statement.ok_or_else(Error::empty_query)?;
        let columns = self.check(&statement, world)?;
        Ok((self.prepared.add(sql, statement, read.parameters)?, read.parameters, columns))
    }

    /// What can be known of a statement before it has arguments: its columns, and whether it can be carried out.
    fn check(&mut self, statement: &Statement, world: &mut World) -> Result<Vec<Column>, Error> {
        let scope = self.scope(world);
        let all = |expressions: &[Expression]| {
            expressions.iter().try_for_each(|expression| kind(expression, &[], scope.state).map(drop))
        };
        match statement {
            Statement::Select(select) => return columns(&scope, select),
            Statement::Insert { table, columns, rows } => {
                scope.check_insert(table, columns.as_deref(), rows)?;
                rows.iter().try_for_each(|row| all(row))?;
            }
            Statement::Delete { table, filter } => {
                let from = super::tree::From { table: table.clone(), alias: None };
                let select = Select {
                    items: Vec::new(),
                    from: Some(from),
                    filter: filter.clone(),
                    order: Vec::new(),
                    limit: None,
                    offset: None,
                };
                columns(&scope, &select)?;
            }
            Statement::Do(expressions) => all(expressions)?,
            Statement::Show { what, .. } => return Ok(what.columns()),
            Statement::Begin { .. } | Statement::Savepoint(_) | Statement::Release(_) | Statement::Use(_) => {
                let message = "This command is not supported in the prepared statement protocol yet";
                return Err(Error::new(1295, b"HY000", message));
            }
            _ => {}
        }
        Ok(Vec::new())
    }

    fn execute_prepared(&mut self, packet: &[u8], world: &mut World) {
        match self.prepared.execution(packet) {
            Ok(execution) => {
                let (sql, statement, arguments) = (execution.sql, execution.statement, execution.arguments);
                self.state.begin_statement();
                self.run_one(Running { next: sql.len(), sql, statement, arguments, binary: true }, world);
            }
            Err(error) => self.refuse(&error),
        }
    }
}
