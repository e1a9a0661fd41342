//! The neutral driver for PostgreSQL: simple and prepared queries. Its login draws fresh random numbers.

use std::io;

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{self, Header, Message};
use postgres_protocol::message::frontend::{self, BindError};

use super::driver::{Driver, Status};
use super::line::Line;
use crate::pool::{Config, Database, Error, ErrorKind, Rows};
use crate::transport::Transport;

mod login;

/// A session with PostgreSQL.
pub type Connection = super::Connection<Postgres>;

/// PostgreSQL's protocol.
#[derive(Debug)]
pub struct Postgres {
    /// Received and not yet read as frames.
    received: Vec<u8>,
    status: Status,
    /// Process and secret, with which what runs is cancelled.
    key: (i32, i32),
    /// How many statements were prepared.
    prepared: u32,
}

impl Driver for Postgres {
    const DATABASE: Database = Database::Postgres;
    const TRANSPORTS: &'static [Transport] = if cfg!(feature = "tls") {
        &[Transport::Unix, Transport::Tcp, Transport::Tls]
    } else {
        &[Transport::Unix, Transport::Tcp]
    };

    /// Its name.
    type Statement = String;

    fn log_in(line: &mut Line, config: &Config) -> Result<Self, Error> {
        let mut session = Self { received: Vec::new(), status: Status::Idle, key: (0, 0), prepared: 0 };
        session.prove_identity(line, config)?;
        Ok(session)
    }

    fn query(&mut self, line: &mut Line, sql: &str) -> Result<Rows, Error> {
        self.ask(line, |request| frontend::query(sql, request))
    }

    fn prepare(&mut self, line: &mut Line, sql: &str) -> Result<String, Error> {
        self.prepared += 1;
        let name = format!("s{}", self.prepared);
        self.ask(line, |request| {
            frontend::parse(&name, sql, [], request)?;
            frontend::sync(request);
            Ok(())
        })?;
        Ok(name)
    }

    fn execute(&mut self, line: &mut Line, statement: &String, argument: &str) -> Result<Rows, Error> {
        let text = |argument: &str, request: &mut BytesMut| {
            request.extend_from_slice(argument.as_bytes());
            Ok(IsNull::No)
        };
        self.ask(line, |request| {
            frontend::bind("", statement, [], [argument], text, [], request).map_err(|error| match error {
                BindError::Conversion(error) => io::Error::other(error),
                BindError::Serialization(error) => error,
            })?;
            frontend::execute("", 0, request)?;
            frontend::sync(request);
            Ok(())
        })
    }

    fn reset(&mut self, line: &mut Line) -> Result<(), Error> {
        if self.status != Status::Idle {
            self.query(line, "ROLLBACK")?;
        }
        self.query(line, "DISCARD ALL").map(drop)
    }

    fn cancel(&self, config: &Config) -> Result<(), Error> {
        let mut line = Line::open(config)?;
        let mut request = Default::default();
        frontend::cancel_request(self.key.0, self.key.1, &mut request);
        line.send(&request)?;
        // The server answers by closing, when the statement has been told.
        while !line.receive(&mut [0; 64])?.is_empty() {}
        Ok(())
    }

    fn status(&self) -> Status {
        self.status
    }

    fn is_last_word(byte: u8) -> bool {
        // Between two statements an error is the server's last word; a notice or a changed parameter is not.
        byte == backend::ERROR_RESPONSE_TAG
    }

    fn goodbye() -> Vec<u8> {
        let mut request = Default::default();
        frontend::terminate(&mut request);
        request.to_vec()
    }
}

impl Postgres {
    fn ask(&mut self, line: &mut Line, encode: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<Rows, Error> {
        let mut request = Default::default();
        encode(&mut request).map_err(|error| Error::new(ErrorKind::Other, error))?;
        line.send(&request)?;
        self.answer(line)
    }

    /// Reads up to ready-for-query and collects the rows on the way.
    fn answer(&mut self, line: &mut Line) -> Result<Rows, Error> {
        let mut rows = Rows::new();
        let mut failure = None;
        loop {
            let (message, frame) = match self.receive(line) {
                Ok(received) => received,
                // A server that ends a session says why and closes: its words tell more than the end of file does.
                Err(error) => return Err(failure.unwrap_or(error)),
            };
            match message {
                Message::BackendKeyData(key) => self.key = (key.process_id(), key.secret_key()),
                Message::DataRow(row) => rows.push(values(row.buffer())),
                Message::ErrorResponse(_) => failure = failure.or(Some(refusal(&frame))),
                Message::CopyInResponse(_) => {
                    let mut request = Default::default();
                    frontend::copy_fail("this driver does not copy", &mut request).map_err(|error| line.lose(&error))?;
                    line.send(&request)?;
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

    /// Waits for the next message; with it comes its frame, for what the parser does not give without another crate's traits.
    fn receive(&mut self, line: &mut Line) -> Result<(Message, Vec<u8>), Error> {
        let frame = self.frame(line)?;
        match Message::parse(&mut frame.as_slice().into()) {
            Ok(Some(message)) => Ok((message, frame)),
            Ok(None) => Err(line.lose(&io::Error::from(io::ErrorKind::InvalidData))),
            Err(error) => Err(line.lose(&error)),
        }
    }

    fn frame(&mut self, line: &mut Line) -> Result<Vec<u8>, Error> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(header) = Header::parse(&self.received).map_err(|error| line.lose(&error))? {
                let length = usize::try_from(header.len()).map_err(|error| line.lose(&error))?.saturating_add(1);
                if self.received.len() >= length {
                    let rest = self.received.split_off(length);
                    return Ok(std::mem::replace(&mut self.received, rest));
                }
            }
            self.received.extend_from_slice(line.receive_more(&mut chunk)?);
        }
    }
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
