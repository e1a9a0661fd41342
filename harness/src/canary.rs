//! The canary: a pool that certainly breaks OWN-1. If its violation is not seen, nothing that this machine says counts.
//!
//! It needs no driver: its child writes a goodbye on the socket that the parent opened, and that is all that attribution is about.

use std::io::Write;
use std::marker::PhantomData;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::interleaving::{ForkKind, Handle, Interleaving, Op, Process, Step};
use crate::pool::{Config, Connection, Database, Error, ErrorKind, Pool, Rows};
use crate::promise::Promise;
use crate::target::Target;

/// The canary of each protocol.
pub(crate) fn targets() -> [Target; 2] {
    [
        Target::of::<Canary<SpeaksPostgres>>("canary-postgres", "breaks OWN-1 on purpose"),
        Target::of::<Canary<SpeaksMySql>>("canary-mysql", "breaks OWN-1 on purpose"),
    ]
}

/// The one for a database.
pub(crate) fn target(database: Database) -> Target {
    let [postgres, mysql] = targets();
    match database {
        Database::Postgres => postgres,
        Database::MySql => mysql,
    }
}

/// What it is made to do: the child returns the inherited checkout.
pub(crate) fn interleaving() -> Interleaving {
    let (parent, child, held) = (Process::FIRST.main(), Process(1), Handle(0));
    let steps = vec![
        Step::new(parent, Op::Open(None)),
        Step::new(parent, Op::Checkout(held, None)),
        Step::new(parent, Op::Fork(child, ForkKind::Fork)),
        Step::new(child.main(), Op::Return(held)),
    ];
    Interleaving::new(1, Promise::ChildUsesPool, steps)
}

trait Speaks: Send + Sync + 'static {
    const DATABASE: Database;
    const GOODBYE: &[u8];
}

struct SpeaksPostgres;

impl Speaks for SpeaksPostgres {
    const DATABASE: Database = Database::Postgres;
    const GOODBYE: &[u8] = &[b'X', 0, 0, 0, 4];
}

struct SpeaksMySql;

impl Speaks for SpeaksMySql {
    const DATABASE: Database = Database::MySql;
    const GOODBYE: &[u8] = &[1, 0, 0, 0, 1];
}

struct Canary<S> {
    config: Config,
    protocol: PhantomData<S>,
}

struct Held<S> {
    stream: UnixStream,
    protocol: PhantomData<S>,
}

impl<S: Speaks> Pool for Canary<S> {
    type Connection = Held<S>;

    const DATABASE: Database = S::DATABASE;

    fn open(config: &Config) -> Result<Self, Error> {
        Ok(Self { config: config.clone(), protocol: PhantomData })
    }

    fn checkout(&self, _patience: Duration) -> Result<Held<S>, Error> {
        let stream = UnixStream::connect(&self.config.socket).map_err(|error| Error::new(ErrorKind::Database, error))?;
        Ok(Held { stream, protocol: PhantomData })
    }
}

impl<S: Speaks> Connection for Held<S> {
    fn query(&mut self, _sql: &str) -> Result<Rows, Error> {
        Err(Error::new(ErrorKind::Other, "the canary asks nothing"))
    }

    fn give_back(mut self) -> Result<(), Error> {
        self.stream.write_all(S::GOODBYE).map_err(|error| Error::new(ErrorKind::Database, error))
    }
}
