//! The neutral driver for MySQL and MariaDB: text queries and prepared statements.
//!
//! It draws no random numbers itself: the proof of a password is made with the server's. Where a proof or a session is encrypted, the
//! kernel draws them.

use std::fmt;

use super::driver::{Driver, Status};
use super::line::Line;
use crate::mysql::{Command, Conversation, Event, Guest};
use crate::pool::{Config, Database, Error, ErrorKind, Rows};
use crate::transport::Transport;

/// A session with MySQL or MariaDB.
pub type Connection = super::Connection<MySql>;

/// MySQL's protocol.
pub struct MySql(Conversation);

impl fmt::Debug for MySql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySql").field("session", &self.0.number()).finish_non_exhaustive()
    }
}

impl Driver for MySql {
    const DATABASE: Database = Database::MySql;
    const TRANSPORTS: &'static [Transport] =
        if cfg!(feature = "tls") { &Transport::ALL } else { &[Transport::Unix, Transport::Tcp] };

    type Statement = u32;

    fn log_in(line: &mut Line, config: &Config) -> Result<Self, Error> {
        let mut session = Self(Conversation::new(Guest {
            user: config.user.clone(),
            password: config.password.clone(),
            database: config.database.clone(),
            private: config.transport.shows_writers(),
            encrypted: !config.transport.shows_frames(),
        }));
        loop {
            match session.event(line)? {
                Event::Encrypts => {
                    line.encrypt(config)?;
                    session.0.encrypted().map_err(|why| Error::new(ErrorKind::Other, why))?;
                }
                Event::LoggedIn => return Ok(session),
                Event::Refused(words) => return Err(Error::new(ErrorKind::Database, words)),
                _ => return Err(unasked()),
            }
        }
    }

    fn query(&mut self, line: &mut Line, sql: &str) -> Result<Rows, Error> {
        self.ask(line, Command::Query(sql)).map(|answer| answer.rows)
    }

    fn prepare(&mut self, line: &mut Line, sql: &str) -> Result<u32, Error> {
        self.ask(line, Command::Prepare(sql))?.statement.ok_or_else(unasked)
    }

    fn execute(&mut self, line: &mut Line, statement: &u32, argument: &str) -> Result<Rows, Error> {
        self.ask(line, Command::Execute(*statement, argument)).map(|answer| answer.rows)
    }

    fn reset(&mut self, line: &mut Line) -> Result<(), Error> {
        self.ask(line, Command::ResetConnection)?;
        // The login said which characters are spoken; the reset forgets that too.
        self.ask(line, Command::Query("SET NAMES utf8mb4")).map(drop)
    }

    fn cancel(&self, config: &Config) -> Result<(), Error> {
        Connection::connect(config)?.query(&format!("KILL QUERY {}", self.0.number())).map(drop)
    }

    fn status(&self) -> Status {
        if self.0.in_transaction() { Status::Transaction } else { Status::Idle }
    }

    fn is_last_word(_: u8) -> bool {
        true // the server says nothing unasked but why it ends a session
    }

    fn goodbye() -> Vec<u8> {
        vec![1, 0, 0, 0, 1] // one byte, as packet 0: COM_QUIT
    }
}

/// What a command came to.
#[derive(Default)]
struct Answer {
    rows: Rows,
    statement: Option<u32>,
}

impl MySql {
    fn ask(&mut self, line: &mut Line, command: Command<'_>) -> Result<Answer, Error> {
        self.0.ask(command).map_err(|why| Error::new(ErrorKind::Other, why))?;
        let mut answer = Answer::default();
        loop {
            match self.event(line)? {
                Event::Row(row) => answer.rows.push(row),
                Event::Prepared(number) => return Ok(Answer { statement: Some(number), ..answer }),
                Event::Answered => return Ok(answer),
                Event::Refused(words) => return Err(Error::new(ErrorKind::Database, words)),
                Event::LoggedIn | Event::Encrypts => return Err(unasked()),
            }
        }
    }

    /// Sends what there is to send and waits for what comes next.
    fn event(&mut self, line: &mut Line) -> Result<Event, Error> {
        let mut chunk = [0; 4096];
        loop {
            let event = self.0.next();
            line.send(&std::mem::take(self.0.output()))?;
            match event {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => self.0.received(line.receive_more(&mut chunk)?),
                Err(why) => return Err(line.lose(&std::io::Error::other(why))),
            }
        }
    }
}

fn unasked() -> Error {
    Error::new(ErrorKind::Database, "the server answers what was not asked")
}
