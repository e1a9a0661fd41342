//! A server inside this process: both wire protocols, with sessions and tables in memory, and no socket, thread or clock.
//!
//! Whoever owns it brings bytes and takes bytes. It answers the SQL that drivers send by themselves and the SQL of the steps; anything
//! else gets a proper SQL error that quotes it. It is a referee for pools, not a database.

mod locks;
mod mysql;
mod postgres;
mod sql;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use crate::pool::Database;
use locks::Locks;
use tables::Tables;

/// The number that the server gives a session: PostgreSQL's process id, MySQL's connection id.
pub(crate) type Number = u32;

/// PostgreSQL's process ids are positive 32-bit numbers with a sign.
const LAST_NUMBER: Number = i32::MAX.cast_unsigned();

/// A message or packet that announces more than this many bytes is refused, and the session ends.
const MOST_IN_A_FRAME: usize = 16 << 20;

/// Bytes that the client has not taken; a session that has more of them is ended.
const MOST_OUTPUT: usize = 64 << 20;

/// A statement that is quoted is cut after this many characters; as many statements are kept for [`Embedded::take_unknown`].
const QUOTED: usize = 200;

/// The whole server.
pub(crate) struct Embedded {
    database: Database,
    world: World,
    sessions: BTreeMap<Number, Box<dyn Session>>,
    /// The number that was given last.
    last: Number,
    /// Sessions that have output or are over, since they were last taken.
    touched: Vec<Number>,
}

/// Who may log in, and where.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: String,
    /// The name of the only database.
    pub(crate) name: String,
}

/// What sessions share.
struct World {
    account: Account,
    tables: Tables,
    locks: Locks,
    /// What PostgreSQL's sessions check a password with.
    verifier: postgres::Verifier,
    /// The sessions that are not over.
    alive: BTreeSet<Number>,
    /// What sessions want of one another; carried out when the session that asked has had its turn.
    requests: Vec<Request>,
    /// Statements that were refused because this server does not know them, since they were last taken.
    unknown: Vec<String>,
}

/// What one session wants of another. (What it wants of itself it does itself.)
enum Request {
    /// Break off the statement that it is inside of, if any. PostgreSQL checks the secret key.
    Cancel { number: Number, secret: Option<Vec<u8>> },
    /// End it.
    End { number: Number },
}

/// One session, of either protocol.
trait Session: Send {
    /// Takes bytes that the client wrote, however they are cut.
    fn received(&mut self, bytes: &[u8], world: &mut World);
    /// The client writes no more: an open transaction is rolled back and the session ends.
    fn client_closed(&mut self, world: &mut World);
    /// Goes on if it waited for something that is there now: a lock.
    fn woken(&mut self, world: &mut World);
    /// The statement that it is inside of is to be broken off.
    fn cancelled(&mut self, secret: Option<&[u8]>, world: &mut World);
    /// It is ended by somebody else, with the error that its protocol has for that.
    fn ended(&mut self, world: &mut World);
    /// The bytes for the client that nobody has taken.
    fn output(&mut self) -> &mut Vec<u8>;
    /// The server closes the connection, after the output.
    fn is_over(&self) -> bool;
}

impl Embedded {
    /// A server with an empty database.
    pub(crate) fn new(database: Database, account: Account) -> Self {
        let world = World {
            verifier: postgres::Verifier::new(&account.password, 1),
            account,
            tables: Tables::default(),
            locks: Locks::default(),
            alive: BTreeSet::new(),
            requests: Vec::new(),
            unknown: Vec::new(),
        };
        Self { database, world, sessions: BTreeMap::new(), last: 0, touched: Vec::new() }
    }

    /// A client has connected. With MySQL's protocol the server speaks first: there is output at once.
    pub(crate) fn connect(&mut self) -> Number {
        loop {
            self.last = if self.last >= LAST_NUMBER { 1 } else { self.last + 1 };
            if !self.sessions.contains_key(&self.last) {
                break;
            }
        }
        let number = self.last;
        self.world.alive.insert(number);
        let session = match self.database {
            Database::Postgres => postgres::open(number, &self.world.account),
            Database::MySql => mysql::open(number, &self.world.account),
        };
        self.sessions.insert(number, session);
        self.settle(number);
        number
    }

    /// The client wrote these bytes.
    pub(crate) fn received(&mut self, number: Number, bytes: &[u8]) {
        self.turn(number, |session, world| session.received(bytes, world));
    }

    /// The client writes no more. The session is over after this.
    pub(crate) fn client_closed(&mut self, number: Number) {
        self.turn(number, |session, world| session.client_closed(world));
    }

    /// The bytes for the client. Whoever writes them takes them out. `None`: there is no such session.
    pub(crate) fn output(&mut self, number: Number) -> Option<&mut Vec<u8>> {
        self.sessions.get_mut(&number).map(|session| session.output())
    }

    /// The server closes the connection, once the output is written. A session that was removed is over.
    pub(crate) fn is_over(&self, number: Number) -> bool {
        self.sessions.get(&number).is_none_or(|session| session.is_over())
    }

    /// Forgets a session, as if its client had closed.
    pub(crate) fn remove(&mut self, number: Number) {
        self.client_closed(number);
        self.sessions.remove(&number);
        self.touched.retain(|touched| *touched != number);
    }

    /// The sessions that have got output or ended since this was last asked, by whoever's doing.
    pub(crate) fn touched(&mut self) -> Vec<Number> {
        std::mem::take(&mut self.touched)
    }

    /// The statements that were refused because this server does not know them, since this was last asked; each cut after
    /// 200 characters, and only the first 200 of them.
    pub(crate) fn take_unknown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.world.unknown)
    }

    /// Lets one session do something, and then those do something whom that concerns.
    fn turn(&mut self, number: Number, act: impl FnOnce(&mut dyn Session, &mut World)) {
        self.act(number, act);
        loop {
            for woken in self.world.locks.take_woken() {
                self.act(woken, |session, world| session.woken(world));
            }
            if self.world.requests.is_empty() {
                return;
            }
            for request in std::mem::take(&mut self.world.requests) {
                match request {
                    Request::Cancel { number, secret } => {
                        self.act(number, |session, world| session.cancelled(secret.as_deref(), world));
                    }
                    Request::End { number } => self.act(number, |session, world| session.ended(world)),
                }
            }
        }
    }

    fn act(&mut self, number: Number, act: impl FnOnce(&mut dyn Session, &mut World)) {
        if let Some(session) = self.sessions.get_mut(&number)
            && !session.is_over()
        {
            act(session.as_mut(), &mut self.world);
            self.settle(number);
        }
    }

    /// Takes note of what has become of a session.
    fn settle(&mut self, number: Number) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let is_over = session.is_over();
        if is_over {
            self.world.alive.remove(&number);
        }
        if (is_over || !session.output().is_empty()) && !self.touched.contains(&number) {
            self.touched.push(number);
        }
    }
}

impl World {
    /// Takes note of a statement that this server does not know; gives it as messages quote it.
    fn not_known(&mut self, statement: &str) -> String {
        let mut quoted: String = statement.chars().take(QUOTED).collect();
        if quoted.len() < statement.len() {
            quoted.push('…');
        }
        if self.unknown.len() < QUOTED {
            self.unknown.push(quoted.clone());
        }
        quoted
    }
}
