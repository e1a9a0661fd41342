//! The administrator's session: questions in SQL and their answers, over either protocol, without a socket.
//!
//! It is driven by whoever has the socket: bytes go in by [`Admin::received`] and come out by [`Admin::output`]. It never waits,
//! and it must not know what is asked.

mod blocking;
mod mysql;
mod postgres;

use std::collections::VecDeque;

use super::Server;
use crate::pool::{Database, Error, ErrorKind, Rows};

pub(crate) use blocking::blocking;

/// One session with a server.
pub(crate) struct Admin {
    protocol: Protocol,
    dialogue: Dialogue,
}

enum Protocol {
    Postgres(postgres::Client),
    MySql(mysql::Client),
}

/// What both protocols have in common: bytes to send, and questions that are answered in order, one at a time.
#[derive(Default)]
struct Dialogue {
    output: Vec<u8>,
    waiting: VecDeque<String>,
    asked: Option<Answering>,
    answers: VecDeque<Result<Rows, Error>>,
    logged_in: bool,
    failure: Option<String>,
}

/// The answer to the question that the server is at.
#[derive(Default)]
struct Answering {
    rows: Rows,
    error: Option<String>,
}

impl Admin {
    /// A session that has not begun: write [`Admin::output`] to a new connection.
    pub(crate) fn new(server: &Server) -> Self {
        let mut dialogue = Dialogue::default();
        let protocol = match server.database {
            Database::Postgres => Protocol::Postgres(postgres::Client::new(server, &mut dialogue)),
            Database::MySql => Protocol::MySql(mysql::Client::new(server)),
        };
        Self { protocol, dialogue }
    }

    /// Takes what the server wrote.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        if self.dialogue.failure.is_none() {
            match &mut self.protocol {
                Protocol::Postgres(client) => client.received(bytes, &mut self.dialogue),
                Protocol::MySql(client) => client.received(bytes, &mut self.dialogue),
            }
        }
        self.ask_next();
    }

    /// Takes note that the connection is closed, or broken for the given reason.
    pub(crate) fn closed(&mut self, why: &str) {
        self.dialogue.fail(why);
    }

    /// The bytes that are to be written to the server. Whoever writes them takes them out.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.dialogue.output
    }

    /// Asks; questions wait for the login and for one another.
    pub(crate) fn ask(&mut self, sql: &str) {
        self.dialogue.waiting.push_back(sql.to_owned());
        self.ask_next();
    }

    /// The answer to the oldest question that was not answered before: the rows of all its statements, if it is complete. After a
    /// failure every open question is answered with it.
    pub(crate) fn answer(&mut self) -> Option<Result<Rows, Error>> {
        self.dialogue.answers.pop_front()
    }

    /// [`Admin::answer`] would give one.
    pub(crate) fn has_answer(&self) -> bool {
        !self.dialogue.answers.is_empty()
    }

    /// The server accepted the login, and nothing has failed since.
    pub(crate) fn is_ready(&self) -> bool {
        self.dialogue.logged_in && self.dialogue.failure.is_none()
    }

    /// Why the session is over.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.dialogue.failure.as_deref()
    }

    /// Says goodbye; nothing may be asked afterwards.
    pub(crate) fn goodbye(&mut self) {
        match &mut self.protocol {
            Protocol::Postgres(client) => client.goodbye(&mut self.dialogue),
            Protocol::MySql(client) => client.goodbye(&mut self.dialogue),
        }
    }

    fn ask_next(&mut self) {
        let dialogue = &mut self.dialogue;
        if let Some(failure) = dialogue.failure.clone() {
            return dialogue.fail(&failure);
        }
        if dialogue.logged_in
            && dialogue.asked.is_none()
            && let Some(sql) = dialogue.waiting.pop_front()
        {
            dialogue.asked = Some(Answering::default());
            match &mut self.protocol {
                Protocol::Postgres(client) => client.query(&sql, dialogue),
                Protocol::MySql(client) => client.query(&sql, dialogue),
            }
        }
    }
}

impl Dialogue {
    /// The first failure stands; it answers every open question.
    fn fail(&mut self, why: &str) {
        let why = self.failure.get_or_insert_with(|| why.to_owned()).clone();
        let open = self.waiting.drain(..).count() + usize::from(self.asked.take().is_some());
        self.answers.extend((0..open).map(|_| Err(Error::new(ErrorKind::Database, &why))));
    }

    fn row(&mut self, row: Vec<Option<String>>) {
        if let Some(asked) = &mut self.asked {
            asked.rows.push(row);
        }
    }

    /// An error before the login ends the session; later it is the answer.
    fn error(&mut self, words: &str) {
        match &mut self.asked {
            Some(asked) => asked.error = Some(words.to_owned()),
            None => self.fail(words),
        }
    }

    fn answered(&mut self) {
        if let Some(Answering { rows, error }) = self.asked.take() {
            self.answers.push_back(error.map_or(Ok(rows), |words| Err(Error::new(ErrorKind::Database, words))));
        }
    }
}
