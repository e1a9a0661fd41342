//! PostgreSQL's protocol, version 3, from the server's side: one session.
//!
//! Sources: chapters "Message Flow" and "Message Formats" of PostgreSQL's documentation, and `tcop/postgres.c`.

mod analyse;
mod catalogue;
mod context;
mod error;
mod eval;
mod extended;
mod frame;
mod functions;
mod login;
mod parse;
mod plan;
mod query;
mod run;
mod scram;
mod settings;
mod statement;
mod transaction;
mod types;
mod write;

use super::{Account, MOST_IN_A_FRAME, MOST_OUTPUT, Number, Session, World};
use context::{Context, State};
use error::{Problem, Stop};
use extended::Execution;
use frame::{Body, Cut};
use login::Stage;
use query::Query;
use types::Datum;

pub(super) use scram::Verifier;

/// A client that does not wait for an answer may write so much ahead of it.
const MOST_AHEAD: usize = 2 * MOST_IN_A_FRAME;

/// The size of the server's buffer: more is not kept.
const MOST_WRITING: usize = 8192;

/// A session of a client that has just connected.
pub(super) fn open(number: Number, account: &Account) -> Box<dyn Session> {
    let seed = scram::keyed(account.password.as_bytes(), &[&number.to_be_bytes()]);
    let secret = *seed.first_chunk().unwrap_or(&[0; 4]);
    Box::new(Postgres {
        number,
        seed,
        secret,
        stage: Stage::Startup { ssl: false, gss: false },
        input: Vec::new(),
        writing: Vec::new(),
        output: Vec::new(),
        state: State::default(),
        skipping: false,
        work: None,
        waiting: false,
        over: false,
    })
}

struct Postgres {
    number: Number,
    /// What tells this session's login from others.
    seed: [u8; 32],
    /// What a cancel request must know.
    secret: [u8; 4],
    stage: Stage,
    /// Received and not yet read.
    input: Vec<u8>,
    /// Answers that are kept until the next flush, as the server keeps them.
    writing: Vec<u8>,
    output: Vec<u8>,
    state: State,
    /// After an error in the extended protocol: up to the next Sync.
    skipping: bool,
    /// What it is inside of.
    work: Option<Work>,
    /// It is inside of a statement that waits for a lock.
    waiting: bool,
    over: bool,
}

/// What takes more than one turn if it has to wait.
enum Work {
    Query(Box<Query>),
    Execute(Execution),
}

impl Session for Postgres {
    fn received(&mut self, bytes: &[u8], world: &mut World) {
        self.input.extend_from_slice(bytes);
        self.go_on(world);
        if self.input.len() > MOST_AHEAD {
            self.end_with(&Problem::fatal("53200", "out of memory").detail("The client has written too much ahead."), world);
        }
    }

    fn client_closed(&mut self, world: &mut World) {
        self.close(world);
    }

    fn woken(&mut self, world: &mut World) {
        if self.waiting {
            self.waiting = false;
            self.state.locks.granted();
            self.go_on(world);
        }
    }

    fn cancelled(&mut self, secret: Option<&[u8]>, world: &mut World) {
        if self.waiting && secret.is_none_or(|secret| secret == self.secret) {
            self.waiting = false;
            self.state.locks.end();
            world.locks.give_up(self.number);
            let problem = Problem::error("57014", functions::CANCELLED);
            match self.work.take() {
                Some(Work::Query(query)) => self.query_failed(Stop::Problem(problem), query.text(), world),
                Some(Work::Execute(_)) => self.message_failed(Stop::Problem(problem), "", world),
                None => {}
            }
            self.go_on(world);
        }
    }

    fn ended(&mut self, world: &mut World) {
        self.end_with(&terminated(), world);
    }

    fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn is_over(&self) -> bool {
        self.over
    }
}

impl Postgres {
    /// Does what there is to do, up to a wait or to the end of what was received.
    fn go_on(&mut self, world: &mut World) {
        let input = std::mem::take(&mut self.input);
        let mut at = 0;
        while !self.over && !self.waiting {
            match self.work.take() {
                Some(Work::Query(query)) => self.carry_on_query(*query, world),
                Some(Work::Execute(execution)) => self.carry_on_execution(execution, world),
                None => match self.message(input.get(at..).unwrap_or_default(), world) {
                    0 => break,
                    taken => at += taken,
                },
            }
            self.relieve(world);
        }
        if !self.over {
            self.input = input;
            self.input.drain(..at.min(self.input.len()));
        }
    }

    /// Keeps what was written within bounds.
    fn relieve(&mut self, world: &mut World) {
        if self.writing.len() >= MOST_WRITING || !matches!(self.stage, Stage::Open) {
            self.flush();
        }
        if self.output.len() > MOST_OUTPUT {
            // Whoever reads nothing cannot be told anything either.
            self.output = Vec::new();
            self.end_with(&Problem::fatal("53200", "out of memory").detail("The client does not take its answers."), world);
        }
    }

    /// Takes a message from the bytes; how many bytes it took.
    fn message(&mut self, bytes: &[u8], world: &mut World) -> usize {
        let cut = match self.stage {
            Stage::Startup { .. } => frame::cut_startup(bytes),
            Stage::Proof(_) | Stage::LastProof(..) => frame::cut_password(bytes),
            Stage::Open => frame::cut(bytes),
        };
        match cut {
            Cut::Short => 0,
            Cut::Broken(problem) => {
                match problem {
                    Some(problem) => self.end_with(&problem, world),
                    None => self.close(world),
                }
                0
            }
            Cut::Whole(tag, body, length) => {
                let result = match self.stage {
                    Stage::Startup { .. } => self.startup(body, world),
                    Stage::Proof(_) | Stage::LastProof(..) => self.proof(body, world),
                    Stage::Open => {
                        self.command(tag, body, world);
                        Ok(())
                    }
                };
                if let Err(problem) = result {
                    self.end_with(&problem, world);
                } else if let Some(what) = self.refused_encryption()
                    && bytes.len() > length
                {
                    let detail =
                        "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.";
                    let message = format!("received unencrypted data after {what} request");
                    self.end_with(&Problem::fatal("08P01", message).detail(detail), world);
                }
                length
            }
        }
    }

    fn command(&mut self, tag: u8, body: &[u8], world: &mut World) {
        match tag {
            b'X' => self.close(world),
            b'S' => {
                self.skipping = false;
                self.sync(body, world);
            }
            _ if self.skipping => {}
            b'Q' => self.query(body, world),
            b'F' => {
                let problem = Problem::error("0A000", "function calls by number are not known here");
                self.query_failed(Stop::Problem(problem), "", world);
            }
            b'P' | b'B' | b'D' | b'E' | b'C' | b'H' => self.extended(tag, Body(body), world),
            // The end of a COPY that is none: ignored, as by the server.
            _ => {}
        }
    }

    /// What a statement of this session is run in.
    fn context<'a>(&'a mut self, parameters: &'a [Datum], world: &'a mut World) -> Context<'a> {
        Context { number: self.number, state: &mut self.state, world, parameters, notices: Vec::new(), interrupt: None }
    }

    /// Tells the client of settings that have changed.
    fn report(&mut self) {
        for (name, value) in self.state.settings.take_news() {
            write::parameter_status(&mut self.writing, name, &value);
        }
    }

    /// The server waits for the next query.
    fn ready(&mut self) {
        self.report();
        let letter = self.state.phase.block.letter();
        write::message(&mut self.writing, b'Z', |body| body.push(letter));
        self.flush();
    }

    /// Hands what was written to the client.
    fn flush(&mut self) {
        if self.output.is_empty() {
            std::mem::swap(&mut self.output, &mut self.writing);
        } else {
            self.output.append(&mut self.writing);
        }
    }

    /// Tells the client what is odd.
    fn notify(&mut self, notices: &[Problem]) {
        for notice in notices {
            write::problem(&mut self.writing, notice, "");
            self.flush();
        }
    }

    /// Tells the client why a statement failed. `statement`: what its offsets are in.
    fn tell(&mut self, stop: Stop, statement: &str, world: &mut World) {
        let problem = match stop {
            Stop::Problem(problem) => problem,
            Stop::Unknown(problem) => {
                let message = format!("{} (the embedded server does not know: {})", problem.message, world.not_known(statement));
                Problem { message, ..problem }
            }
            Stop::End => return self.end_with(&terminated(), world),
            Stop::Wait => return,
        };
        write::problem(&mut self.writing, &problem, statement);
        self.flush();
    }

    /// Ends the session with a word.
    fn end_with(&mut self, problem: &Problem, world: &mut World) {
        if !self.over {
            let problem = Problem { severity: "FATAL", ..problem.clone() };
            write::problem(&mut self.writing, &problem, "");
            self.flush();
            self.close(world);
        }
    }

    /// Ends the session: nothing of it is left but its output.
    fn close(&mut self, world: &mut World) {
        if self.over {
            return;
        }
        self.over = true;
        world.locks.give_up(self.number);
        self.context(&[], world).roll_back();
        self.state = State::default();
        world.locks.release_all(self.number);
        (self.work, self.waiting) = (None, false);
        self.input = Vec::new();
    }
}

/// What a session is told that is ended by somebody.
fn terminated() -> Problem {
    Problem::fatal("57P01", "terminating connection due to administrator command")
}

#[cfg(test)]
mod tests;
