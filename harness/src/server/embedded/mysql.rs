//! A session of MySQL's protocol: packets in, packets out. It begins with the greeting, and each command is answered in its turn.
//!
//! Sources: "Client/Server Protocol" in MySQL's source documentation; where that says nothing, what MariaDB 10.11 and MySQL 8 do.

mod answers;
mod commands;
mod error;
mod evaluate;
mod execute;
mod login;
mod packets;
mod prepared;
mod read;
mod state;
mod tree;
mod value;
mod variables;

use std::sync::Arc;

use mysql_common::constants::{CapabilityFlags, StatusFlags};

use self::answers::Answers;
use self::error::Error;
use self::login::{Claim, Scramble};
use self::packets::{Incoming, Outgoing};
use self::prepared::Prepared;
use self::state::State;
use self::tree::Statement;
use self::value::Value;
use super::{Account, Number, Session, World};

/// A client has connected: it is greeted.
pub(super) fn open(number: Number, _: &Account) -> Box<dyn Session> {
    let mut session = MySql {
        incoming: Incoming::default(),
        outgoing: Outgoing::default(),
        capabilities: CapabilityFlags::empty(),
        scramble: login::scramble(number),
        phase: Phase::Response,
        state: State::new(number, String::new(), None, 0),
        prepared: Prepared::default(),
        over: false,
    };
    login::greet(number, &session.scramble, &mut session.outgoing);
    Box::new(session)
}

/// One session.
struct MySql {
    incoming: Incoming,
    outgoing: Outgoing,
    /// What both sides can do, after the login.
    capabilities: CapabilityFlags,
    scramble: Scramble,
    phase: Phase,
    state: State,
    prepared: Prepared,
    over: bool,
}

/// What comes next.
enum Phase {
    /// The answer to the greeting.
    Response,
    /// Another proof. `bool`: the user changes.
    Proof(Claim, bool),
    Command,
    /// Nothing, until what a statement waits for is there.
    Waiting(Running),
}

/// A text whose statements are being carried out, or one prepared statement.
struct Running {
    sql: Arc<str>,
    /// Where the next statement begins; the end of the text if there is none.
    next: usize,
    statement: Arc<Statement>,
    arguments: Vec<Value>,
    /// It was prepared: rows are binary.
    binary: bool,
}

impl Session for MySql {
    fn received(&mut self, bytes: &[u8], world: &mut World) {
        if !self.over {
            self.incoming.push(bytes);
            self.proceed(world);
        }
    }

    fn client_closed(&mut self, world: &mut World) {
        self.end(world);
    }

    fn woken(&mut self, world: &mut World) {
        match std::mem::replace(&mut self.phase, Phase::Command) {
            Phase::Waiting(running) => {
                self.state.repeat_statement(Value::Integer(1)); // GET_LOCK got it
                self.run(running, world);
                self.proceed(world);
            }
            other => self.phase = other,
        }
    }

    fn cancelled(&mut self, _: Option<&[u8]>, world: &mut World) {
        match std::mem::replace(&mut self.phase, Phase::Command) {
            Phase::Waiting(_) => {
                world.locks.give_up(self.state.number);
                self.state.end_statement(world);
                self.refuse(&Error::interrupted());
                self.outgoing.number = 0;
                self.proceed(world);
            }
            // As on a real server, nobody hears of it who is not inside of a statement.
            other => self.phase = other,
        }
    }

    fn ended(&mut self, world: &mut World) {
        // MySQL tells those who wait for an answer, and just closes otherwise.
        if matches!(self.phase, Phase::Waiting(_)) {
            self.refuse(&Error::interrupted());
        }
        self.end(world);
    }

    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.outgoing.bytes
    }

    fn is_over(&self) -> bool {
        self.over
    }
}

impl MySql {
    /// Takes packets as long as there are any and nothing has to be waited for.
    fn proceed(&mut self, world: &mut World) {
        while !self.over && !matches!(self.phase, Phase::Waiting(_)) {
            match self.incoming.next(&mut self.outgoing.number) {
                Ok(None) => break,
                Ok(Some(packet)) => self.packet(&packet, world),
                Err(error) => {
                    self.refuse(&error);
                    self.end(world);
                }
            }
            if self.outgoing.is_flooded() {
                self.end(world);
            }
        }
        if self.incoming.is_flooded() {
            self.refuse(&Error::too_large());
            self.end(world);
        }
    }

    fn packet(&mut self, packet: &[u8], world: &mut World) {
        match std::mem::replace(&mut self.phase, Phase::Command) {
            Phase::Response => match login::response(packet) {
                Ok((capabilities, claim)) => {
                    self.capabilities = capabilities;
                    self.let_in(claim, false, world);
                }
                Err(error) => {
                    self.refuse(&error);
                    self.end(world);
                }
            },
            Phase::Proof(claim, changes) => self.let_in(claim.proved(packet), changes, world),
            Phase::Command => self.command(packet, world),
            Phase::Waiting(running) => self.phase = Phase::Waiting(running),
        }
        if matches!(self.phase, Phase::Command) {
            self.outgoing.number = 0; // each command counts anew
        }
    }

    /// The login's end, or the change's: what was before is forgotten.
    fn let_in(&mut self, claim: Claim, changes: bool, world: &mut World) {
        if claim.must_switch() {
            login::switch(&self.scramble, &mut self.outgoing);
            self.phase = Phase::Proof(claim, changes);
            return;
        }
        match claim.checked(&world.account, &self.scramble) {
            Ok(guest) => {
                self.state.leave(world);
                self.state = State::new(self.state.number, guest.user, guest.database, guest.collation);
                self.prepared = Prepared::default();
                self.answers().ok(&Default::default());
            }
            Err(error) => {
                self.refuse(&error);
                self.end(world);
            }
        }
    }

    /// Nothing more is read or written, and what was not committed never was.
    fn end(&mut self, world: &mut World) {
        if !self.over {
            self.over = true;
            self.state.leave(world);
            self.state = State::new(self.state.number, String::new(), None, 0);
            self.prepared = Prepared::default();
            self.phase = Phase::Command;
            self.incoming.clear();
        }
    }

    fn refuse(&mut self, error: &Error) {
        self.answers().error(error);
    }

    fn answers(&mut self) -> Answers<'_> {
        let mut status = StatusFlags::empty();
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS, self.state.in_transaction);
        status.set(StatusFlags::SERVER_STATUS_AUTOCOMMIT, self.state.settings.autocommit());
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS_READONLY, self.state.is_read_only());
        Answers {
            to: &mut self.outgoing,
            capabilities: self.capabilities,
            status,
            warnings: u16::try_from(self.state.notes.len()).unwrap_or(u16::MAX),
            collation: self.state.collation,
        }
    }
}

#[cfg(test)]
mod tests;
