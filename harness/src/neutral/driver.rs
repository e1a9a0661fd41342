//! What the neutral drivers have in common, and where they differ: the protocol.

use std::fmt::Debug;

use super::line::Line;
use crate::pool::{Config, Database, Error, Rows};
use crate::transport::Transport;

/// Where a session stood when the server last said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Outside any transaction.
    Idle,
    /// In a transaction.
    Transaction,
    /// In a transaction that failed; it can only be rolled back. Not in MySQL's protocol.
    Failed,
}

/// A protocol as a [`Connection`](super::Connection) speaks it. The library has the two that there are; a `Line` is made by it alone.
///
/// Each of these is called in the process that owns the line. An error of the server leaves the session usable; after any other the
/// line is broken.
pub trait Driver: Sized + Debug + Send + Sync + 'static {
    /// Which protocol it is.
    const DATABASE: Database;

    /// The transports that it can take; those with TLS need the feature `tls`.
    const TRANSPORTS: &'static [Transport];

    /// What the server calls a prepared statement.
    type Statement: Debug + Send + Sync;

    /// Speaks from the first byte to the first statement.
    ///
    /// # Errors
    /// Whatever the server answers.
    fn log_in(line: &mut Line, config: &Config) -> Result<Self, Error>;

    /// Runs the statements of a text.
    ///
    /// # Errors
    /// Whatever the server answers.
    fn query(&mut self, line: &mut Line, sql: &str) -> Result<Rows, Error>;

    /// Has the server prepare a statement.
    ///
    /// # Errors
    /// Whatever the server answers.
    fn prepare(&mut self, line: &mut Line, sql: &str) -> Result<Self::Statement, Error>;

    /// Runs a prepared statement with one argument.
    ///
    /// # Errors
    /// Whatever the server answers.
    fn execute(&mut self, line: &mut Line, statement: &Self::Statement, argument: &str) -> Result<Rows, Error>;

    /// Ends the transaction and forgets all that the session was told.
    ///
    /// # Errors
    /// Whatever the server answers.
    fn reset(&mut self, line: &mut Line) -> Result<(), Error>;

    /// Has what runs on this session broken off, over another connection.
    ///
    /// # Errors
    /// Whatever the server answers.
    fn cancel(&self, config: &Config) -> Result<(), Error>;

    /// Where the session stands.
    fn status(&self) -> Status;

    /// Whether the server is done with a session on which this byte comes unasked.
    fn is_last_word(byte: u8) -> bool;

    /// The bytes that end a session.
    fn goodbye() -> Vec<u8>;
}
