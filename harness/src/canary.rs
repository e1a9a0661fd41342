//! The canary: a pool that certainly breaks a rule. If its violation is not seen, nothing that this machine says counts.
//!
//! It needs no driver: its child writes a goodbye on the socket that the parent opened. Where the kernel says who writes, that is
//! OWN-1, and all that attribution is about. Over TCP nobody says it; there the effect must be seen: the parent finds that the server
//! has ended its session, which is ISO-1.

use std::fs::File;
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::interleaving::{ForkKind, Handle, Interleaving, Op, Process, Step};
use crate::pool::{Config, Connection, Database, Error, ErrorKind, Pool, Rows};
use crate::promise::Promise;
use crate::target::Target;
use crate::transport::Transport;

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

/// The rule that it breaks.
pub(crate) fn rule(transport: Transport) -> &'static str {
    if transport.shows_writers() { "OWN-1" } else { "ISO-1" }
}

/// What it is made to do: the child returns the inherited checkout; where that can be told by its effect only, the parent goes on.
pub(crate) fn interleaving(transport: Transport) -> Interleaving {
    let (parent, child, held) = (Process::FIRST.main(), Process(1), Handle(0));
    let mut steps = vec![
        Step::new(parent, Op::Open(None)),
        Step::new(parent, Op::Checkout(held, None)),
        Step::new(parent, Op::Fork(child, ForkKind::Fork)),
        Step::new(child.main(), Op::Return(held)),
    ];
    steps.extend((!transport.shows_writers()).then(|| Step::new(parent, Op::Query(held))));
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
    socket: File,
    protocol: PhantomData<S>,
}

impl<S: Speaks> Pool for Canary<S> {
    type Connection = Held<S>;

    const DATABASE: Database = S::DATABASE;
    const TRANSPORTS: &'static [Transport] = &Transport::ALL;

    fn open(config: &Config) -> Result<Self, Error> {
        Ok(Self { config: config.clone(), protocol: PhantomData })
    }

    fn checkout(&self, _patience: Duration) -> Result<Held<S>, Error> {
        let socket = connect(&self.config).map_err(|error| Error::new(ErrorKind::Database, error))?;
        Ok(Held { socket: socket.into(), protocol: PhantomData })
    }
}

fn connect(config: &Config) -> io::Result<OwnedFd> {
    match config.transport.shows_writers() {
        true => UnixStream::connect(&config.socket).map(Into::into),
        false => TcpStream::connect((config.host.as_str(), config.port)).map(Into::into),
    }
}

impl<S: Speaks> Connection for Held<S> {
    /// It asks nothing, and waits for the end.
    fn query(&mut self, _sql: &str) -> Result<Rows, Error> {
        self.socket.read_to_end(&mut Vec::new()).map_err(|error| Error::new(ErrorKind::Database, error))?;
        Err(Error::new(ErrorKind::Database, "the server has ended the session"))
    }

    fn give_back(mut self) -> Result<(), Error> {
        self.socket.write_all(S::GOODBYE).map_err(|error| Error::new(ErrorKind::Database, error))
    }
}
