//! Where a mutant may differ from the reference: by each of these the reference does what is right.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

use poolproof::neutral::{Connection, Driver, Generation};
use poolproof::{Config, Error, ErrorKind, Rows};

use super::defect::Defect;

/// A session as a pool uses it.
pub trait Session: Sized + Send + 'static {
    /// Opens one.
    ///
    /// # Errors
    /// Those of the driver.
    fn connect(config: &Config, patience: Duration) -> Result<Self, Error>;

    /// Runs statements.
    ///
    /// # Errors
    /// Those of the driver.
    fn query(&mut self, sql: &str) -> Result<Rows, Error>;

    /// Runs a prepared statement.
    ///
    /// # Errors
    /// Those of the driver.
    fn prepared(&mut self, sql: &str, argument: &str) -> Result<Rows, Error>;

    /// Makes it fresh for the next holder.
    ///
    /// # Errors
    /// Those of the driver.
    fn reset(&mut self) -> Result<(), Error>;

    /// Has what it runs broken off.
    ///
    /// # Errors
    /// Those of the driver.
    fn cancel(&self) -> Result<(), Error>;

    /// Whether it is known to have ended.
    fn is_broken(&self) -> bool;

    /// Closes this process's copy of its descriptor without a byte.
    fn abandon(self);
}

/// What a process is about to do when it asks whether something is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To use the pool.
    UsePool,
    /// To run a statement.
    Query,
    /// To cancel one.
    Cancel,
    /// To return a checkout.
    Return,
}

/// What is right, at each place where a mutant may do something else.
pub trait Planted: Sized + Send + Sync + 'static {
    /// A session.
    type Session<D: Driver>: Session;
    /// What a process knows itself by.
    type Process: Copy + Debug + Send + Sync;

    /// Whether it is this defect that was planted.
    fn has(defect: Defect) -> bool;

    /// This process.
    ///
    /// # Errors
    /// None can be told from another.
    fn process() -> io::Result<Self::Process>;

    /// Whether this process is that one.
    fn is_here(process: &Self::Process, act: Act) -> bool;

    /// A pool is opened.
    fn opened() {}

    /// How often this process has forked, if anybody wants to know.
    fn forks() -> u32 {
        0
    }

    /// A process has noticed that it is new. How many connections it has in use is asked of its parent's state, or not.
    fn noticed<D: Driver>(_config: &Config, _in_use: impl FnOnce() -> u32) -> u32 {
        0
    }

    /// Lets go of a session of another process.
    fn discard<D: Driver>(session: Self::Session<D>, _act: Act) {
        session.abandon();
    }

    /// The answer to whoever would use what is another process's.
    fn refusal<D: Driver>(_session: Option<&Self::Session<D>>) -> Error {
        Error::new(ErrorKind::Refused, "this checkout belongs to the process that made it")
    }

    /// The answer of a pool that was disposed.
    fn closed() -> Error {
        Error::new(ErrorKind::Closed, "the pool was disposed")
    }

    /// Whether one more may be opened.
    fn has_room(in_use: u32, max_size: u32) -> bool {
        in_use < max_size
    }

    /// How much longer somebody waits.
    fn left(patience: Duration, waited: Duration) -> Duration {
        patience.saturating_sub(waited)
    }

    /// Waits for a place.
    fn wait<T>(wait: impl FnOnce() -> T) -> T {
        wait()
    }

    /// Whether what is returned goes to somebody who is not there.
    fn serves_nobody() -> bool {
        false
    }

    /// What becomes idle where a session is returned.
    fn kept<D: Driver>(session: Option<Self::Session<D>>) -> impl Iterator<Item = Self::Session<D>> {
        session.into_iter()
    }

    /// It has become idle, and nobody holds the lock.
    fn settled() {}

    /// Closes what was idle when the pool was disposed.
    fn part<D: Driver>(idle: Vec<Self::Session<D>>) {
        drop(idle);
    }

    /// The pool documents a hook for children, and it is called.
    fn has_hook() -> bool {
        false
    }
}

/// The reference pool itself.
#[derive(Debug)]
pub struct Correct;

impl Planted for Correct {
    type Session<D: Driver> = Connection<D>;
    type Process = Generation;

    fn has(_: Defect) -> bool {
        false
    }

    fn process() -> io::Result<Generation> {
        Generation::current()
    }

    fn is_here(process: &Generation, _: Act) -> bool {
        process.is_current()
    }
}

impl<D: Driver> Session for Connection<D> {
    fn connect(config: &Config, _: Duration) -> Result<Self, Error> {
        Self::connect(config)
    }

    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.query(sql)
    }

    fn prepared(&mut self, sql: &str, argument: &str) -> Result<Rows, Error> {
        self.prepared(sql, argument)
    }

    fn reset(&mut self) -> Result<(), Error> {
        self.reset()
    }

    fn cancel(&self) -> Result<(), Error> {
        self.cancel()
    }

    fn is_broken(&self) -> bool {
        self.is_broken()
    }

    fn abandon(self) {
        self.abandon();
    }
}
