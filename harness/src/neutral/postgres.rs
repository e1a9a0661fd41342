//! The neutral driver for PostgreSQL: one blocking session over a Unix socket, with simple queries only.
//!
//! It waits for the server without limit, knows nothing of pools and starts no thread that stays. What it does about fork is
//! in three places: [`Connection::query`] refuses, dropping closes without a word, and the login draws fresh random numbers.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use postgres_protocol::message::backend::{self, Header, Message};
use postgres_protocol::message::frontend;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::Generation;
use crate::pool::{Config, Error, ErrorKind, Rows};

mod login;

/// Where the session stood when the server last said that it was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Outside any transaction.
    Idle,
    /// In a transaction.
    Transaction,
    /// In a transaction that failed; it can only be rolled back.
    Failed,
}

/// One session. Dropping it closes it: with a goodbye in the process that opened it, without a byte in any other.
#[derive(Debug)]
pub struct Connection {
    /// Close-on-exec, as the standard library makes sockets. Dropping it is `close(2)` alone, never `shutdown(2)`.
    socket: UnixStream,
    /// The process that may write. `None`: any, see [`Connection::without_guard`].
    owner: Option<Generation>,
    /// Received and not yet read as frames.
    received: Vec<u8>,
    status: Status,
    /// Nothing sensible can be said any more.
    broken: bool,
    /// Whether closing says Terminate.
    goodbye: bool,
}

impl Connection {
    /// Opens a session: SCRAM-SHA-256, MD5 or clear text, as the server asks.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] if the server cannot be reached or turns the user away, [`ErrorKind::Other`] if this machine or
    /// this driver cannot do what it takes.
    pub fn connect(config: &Config) -> Result<Self, Error> {
        let owner = Generation::current().map_err(|error| Error::new(ErrorKind::Other, error))?;
        let mut connection = Self {
            socket: UnixStream::connect(&config.socket).map_err(|error| lost(&error))?,
            owner: Some(owner),
            received: Vec::new(),
            status: Status::Idle,
            broken: false,
            goodbye: false,
        };
        connection.log_in(config)?;
        connection.goodbye = true;
        Ok(connection)
    }

    /// Makes this a driver like most: whoever holds it writes, a forked child included. For pools that are meant to fail.
    #[must_use]
    pub fn without_guard(mut self) -> Self {
        self.owner = None;
        self
    }

    /// Runs one statement, or several with semicolons between them, and gives the rows of all of them.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], without a byte on the wire, in a process that did not open the session; [`ErrorKind::Database`]
    /// with the server's words, or if the session broke.
    pub fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        if self.is_foreign() {
            return Err(Error::new(ErrorKind::Refused, "this connection belongs to the process that opened it"));
        }
        if self.broken {
            return Err(Error::new(ErrorKind::Database, "the connection is broken"));
        }
        let mut request = Default::default();
        frontend::query(sql, &mut request).map_err(|error| Error::new(ErrorKind::Other, error))?;
        self.send(&request)?;
        self.answer()
    }

    /// Where the session stands.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether this process is another than the one that opened the session.
    pub fn is_foreign(&self) -> bool {
        self.owner.is_some_and(|owner| !owner.is_current())
    }

    /// Whether the session is known to have ended. It asks the kernel what has arrived; nothing is written or taken.
    pub fn is_broken(&self) -> bool {
        if self.broken {
            return true;
        }
        let mut next = [0];
        match rustix::net::recv(&self.socket, &mut next, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, 0)) => true,
            // Between two statements an error is the server's last word; a notice or a changed parameter is not.
            Ok(_) => next[0] == backend::ERROR_RESPONSE_TAG,
            Err(Errno::AGAIN) => false,
            Err(_) => true,
        }
    }

    /// Closes the session, as dropping it does.
    pub fn close(self) {}

    /// Closes this process's descriptor without a byte, also where a goodbye would be due.
    pub fn abandon(mut self) {
        self.goodbye = false;
    }

    /// Reads up to ready-for-query and collects the rows on the way.
    fn answer(&mut self) -> Result<Rows, Error> {
        let mut rows = Rows::new();
        let mut failure = None;
        loop {
            let (message, frame) = match self.receive() {
                Ok(received) => received,
                // A server that ends a session says why and closes: its words tell more than the end of file does.
                Err(error) => return Err(failure.unwrap_or(error)),
            };
            match message {
                Message::DataRow(row) => rows.push(values(row.buffer())),
                Message::ErrorResponse(_) => failure = failure.or(Some(refusal(&frame))),
                Message::CopyInResponse(_) => {
                    let mut request = Default::default();
                    frontend::copy_fail("this driver does not copy", &mut request).map_err(|error| self.lose(&error))?;
                    self.send(&request)?;
                }
                Message::ReadyForQuery(ready) => {
                    self.status = match ready.status() {
                        b'I' => Status::Idle,
                        b'T' => Status::Transaction,
                        _ => Status::Failed,
                    };
                    return failure.map_or(Ok(rows), Err);
                }
                _ => {}
            }
        }
    }

    /// Sends a request. No signal comes of a server that is gone, whatever the program around does about `SIGPIPE`.
    fn send(&mut self, mut request: &[u8]) -> Result<(), Error> {
        while !request.is_empty() {
            match rustix::net::send(&self.socket, request, SendFlags::NOSIGNAL) {
                Ok(sent) => request = &request[sent..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.lose(&error.into())),
            }
        }
        Ok(())
    }

    /// Waits for the next message; with it comes its frame, for what the parser does not give without another crate's traits.
    fn receive(&mut self) -> Result<(Message, Vec<u8>), Error> {
        let frame = self.frame().map_err(|error| self.lose(&error))?;
        match Message::parse(&mut frame.as_slice().into()) {
            Ok(Some(message)) => Ok((message, frame)),
            Ok(None) => Err(self.lose(&io::ErrorKind::InvalidData.into())),
            Err(error) => Err(self.lose(&error)),
        }
    }

    fn frame(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(header) = Header::parse(&self.received)? {
                let length = usize::try_from(header.len()).map_err(io::Error::other)?.saturating_add(1);
                if self.received.len() >= length {
                    let rest = self.received.split_off(length);
                    return Ok(std::mem::replace(&mut self.received, rest));
                }
            }
            let mut chunk = [0; 4096];
            match self.socket.read(&mut chunk) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
                Ok(read) => self.received.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// After this only closing is left to do.
    fn lose(&mut self, error: &io::Error) -> Error {
        self.broken = true;
        lost(error)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.goodbye && !self.is_foreign() {
            let mut request = Default::default();
            frontend::terminate(&mut request);
            // Nobody can be told if it fails, and a server that reads nothing must not keep us here.
            let _ = rustix::net::send(&self.socket, &request, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
        }
    }
}

fn lost(error: &io::Error) -> Error {
    Error::from_error(ErrorKind::Database, error)
}

/// The values of a row: each a length, minus one for NULL, and that many bytes of text.
fn values(mut row: &[u8]) -> Vec<Option<String>> {
    let mut values = Vec::new();
    while let Some((length, rest)) = row.split_first_chunk() {
        let value = usize::try_from(i32::from_be_bytes(*length)).ok().and_then(|length| rest.split_at_checked(length));
        row = value.map_or(rest, |(_, after)| after);
        values.push(value.map(|(text, _)| String::from_utf8_lossy(text).into_owned()));
    }
    values
}

/// The server's words in an ErrorResponse: `ERROR: relation "x" does not exist (42P01)`.
fn refusal(frame: &[u8]) -> Error {
    let field = |tag: u8| {
        let fields = frame.get(5..).unwrap_or_default().split(|byte| *byte == 0);
        let text = fields.filter_map(|field| field.split_first()).find(|(first, _)| **first == tag);
        String::from_utf8_lossy(text.map_or(&[], |(_, text)| text)).into_owned()
    };
    Error::new(ErrorKind::Database, format_args!("{}: {} ({})", field(b'S'), field(b'M'), field(b'C')))
}

#[cfg(test)]
mod tests {
    use super::{refusal, values};

    #[test]
    fn a_row_is_read_as_text_and_null() {
        let row = [&2i32.to_be_bytes()[..], b"42", &(-1i32).to_be_bytes(), &0i32.to_be_bytes()].concat();
        assert_eq!(values(&row), [Some("42".to_owned()), None, Some(String::new())]);
    }

    #[test]
    fn an_error_shows_severity_words_and_code() {
        let frame = b"E\0\0\0\0SFATAL\0C57P01\0Mterminating connection\0\0";
        assert_eq!(refusal(frame).message, "FATAL: terminating connection (57P01)");
    }
}
