//! One session of a neutral driver, whatever protocol it speaks.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};

use super::driver::{Driver, Status};
use super::line::Line;
use crate::pool::{Config, Error, Rows};

/// One session. Dropping it closes it: with a goodbye in the process that opened it, without a byte in any other.
///
/// It blocks without limit, knows nothing of pools, and starts no thread that stays.
#[derive(Debug)]
pub struct Connection<D: Driver> {
    line: Line,
    driver: D,
    /// What a new connection with this server takes.
    config: Config,
    /// The statements that the server has prepared for this session, by their texts.
    statements: HashMap<String, D::Statement>,
    /// Something was asked since the session was fresh.
    used: bool,
    /// Whether closing says goodbye.
    goodbye: bool,
}

impl<D: Driver> Connection<D> {
    /// Opens a session, with the proof of the password that the server asks for.
    ///
    /// # Errors
    /// [`ErrorKind::Database`](crate::ErrorKind::Database) if the server cannot be reached or turns the user away,
    /// [`ErrorKind::Other`](crate::ErrorKind::Other) if this machine or this driver cannot do what it takes.
    pub fn connect(config: &Config) -> Result<Self, Error> {
        Self::log_in(Line::open(config)?, config)
    }

    /// As [`Connection::connect`], but random numbers are drawn as most drivers do, from a generator of this thread: a child that is
    /// forked draws what its parent draws. For pools that are meant to fail.
    ///
    /// # Errors
    /// As [`Connection::connect`].
    pub fn connect_with_copied_generator(config: &Config) -> Result<Self, Error> {
        let mut line = Line::open(config)?;
        line.copy_generator();
        Self::log_in(line, config)
    }

    fn log_in(mut line: Line, config: &Config) -> Result<Self, Error> {
        let driver = D::log_in(&mut line, config)?;
        Ok(Self { line, driver, config: config.clone(), statements: HashMap::new(), used: false, goodbye: true })
    }

    /// Makes this a driver like most: whoever holds it writes, a forked child included. For pools that are meant to fail.
    #[must_use]
    pub fn without_guard(mut self) -> Self {
        self.line.give_to_anybody();
        self
    }

    /// Runs one statement, or several with semicolons between them, and gives the rows of all of them.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), without a byte on the wire, in a process that did not open the session;
    /// [`ErrorKind::Database`](crate::ErrorKind::Database) with the server's words, or if the session broke.
    pub fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.line.check()?;
        self.used = true;
        self.driver.query(&mut self.line, sql)
    }

    /// Runs one statement with one argument. The session prepares it when it meets its text for the first time, and knows it until it
    /// is reset.
    ///
    /// # Errors
    /// As [`Connection::query`].
    pub fn prepared(&mut self, sql: &str, argument: &str) -> Result<Rows, Error> {
        self.line.check()?;
        self.used = true;
        if !self.statements.contains_key(sql) {
            let statement = self.driver.prepare(&mut self.line, sql)?;
            self.statements.insert(sql.to_owned(), statement);
        }
        self.driver.execute(&mut self.line, &self.statements[sql], argument)
    }

    /// Makes the session as fresh as a new one: no transaction, setting, lock or prepared statement is left. It says nothing where
    /// nothing was asked since the session was fresh.
    ///
    /// # Errors
    /// As [`Connection::query`]. The session is then of no more use.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.line.check()?;
        if self.used {
            self.driver.reset(&mut self.line)?;
            self.statements.clear();
            self.used = false;
        }
        Ok(())
    }

    /// Asks the server, over a connection of its own, to break off what this session runs. When it returns the server has done so,
    /// or nothing ran.
    ///
    /// # Errors
    /// As [`Connection::query`].
    pub fn cancel(&self) -> Result<(), Error> {
        self.line.check()?;
        self.driver.cancel(&self.config)
    }

    /// Where the session stands, by the server's last word.
    pub fn status(&self) -> Status {
        self.driver.status()
    }

    /// Whether this process is another than the one that opened the session.
    pub fn is_foreign(&self) -> bool {
        self.line.is_foreign()
    }

    /// Whether the session is known to have ended. It asks the kernel what has arrived; nothing is written or taken.
    pub fn is_broken(&self) -> bool {
        self.line.is_broken(D::is_last_word)
    }

    /// Closes the session, as dropping it does.
    pub fn close(self) {}

    /// Closes this process's descriptor without a byte, also where a goodbye would be due.
    pub fn abandon(mut self) {
        self.goodbye = false;
    }
}

/// The socket, for pools that are meant to fail: whatever is done to it here, the driver knows nothing of.
impl<D: Driver> AsFd for Connection<D> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }
}

impl<D: Driver> Drop for Connection<D> {
    fn drop(&mut self) {
        if self.goodbye && !self.is_foreign() {
            self.line.part(&D::goodbye());
        }
    }
}
