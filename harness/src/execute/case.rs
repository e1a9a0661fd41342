//! One execution as a state machine: which order is sent next, which steps are in flight, and what the loop's notices mean.
//!
//! Steps go in lockstep, but for those of which the model says that they wait for somebody: these stay in flight while other
//! actors step; and but for those that are stalled.

use std::collections::HashSet;
use std::time::Instant;

use super::administrator::Question;
use super::births::{BIRTH, BURIAL};
use super::epilogue::{Epilogue, Next};
use super::faults::Ending;
use super::flight::{Flight, Settled, Stall};
use super::reactor::{Notice, Reactor, abandon};
use super::stuck::{Running, Sight};
use super::task::{fits, outcome, said};
use super::waiting::Resting;
use super::{Bounds, Weakness};
use crate::agent::protocol::{Answer, Hello, Order, Reply, Task};
use crate::choice::Pooling;
use crate::history::{Event, Expectation, History, Invocation, InvocationId, Outcome, PoolId};
use crate::interleaving::{Actor, ForkKind, Interleaving, Op, Process, Step};
use crate::model::State;
use crate::nonce::Nonce;
use crate::sql::Dialect;
use crate::tap::Refusing;
use crate::transport::Transport;
use crate::trouble::Trouble;

/// The execution of one interleaving.
pub(super) struct Case<'a> {
    pub(super) number: u32,
    pub(super) interleaving: &'a Interleaving,
    pub(super) dialect: &'a Dialect,
    pub(super) bounds: Bounds,
    pub(super) weakness: Weakness,
    pub(super) history: History,
    pub(super) state: State,
    pub(super) cursor: usize,
    invocations: u32,
    pub(super) flights: Vec<Flight>,
    epilogue: Epilogue,
    pub(super) phase: Phase,
    /// There is something for the ledger.
    pub(super) inserted: bool,
    pub(super) last_sight: Vec<(Process, Sight)>,
    /// By which sockets those who were late were connected past the tap, a turn ago.
    pub(super) elsewhere: HashSet<u32>,
    /// Threads that were seen running when nothing else happened.
    pub(super) spinners: Vec<(Process, Running)>,
    /// The system's numbers of the actors' threads.
    pub(super) threads: Vec<(Actor, i32)>,
    /// The harness has ended a process.
    pub(super) killed: bool,
    /// A process that is to fork, until its background threads have come to rest.
    pub(super) resting: Option<Resting>,
    /// Sessions that the administrator is to end.
    pub(super) ending: Option<Ending>,
    /// The server takes no new sessions.
    pub(super) refusing: Option<Refusing>,
    /// An order that waits until the zygote has reaped somebody.
    pub(super) burial: Option<(Actor, Order)>,
    /// The pooler that is the server, for how long a session behind it is a client's own.
    pub(super) pooling: Option<Pooling>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first process has not said hello.
    Birth,
    Steps,
    Epilogue,
    /// Every process has ended; the server's EOFs are awaited.
    Closing {
        until: Instant,
    },
    Ledger,
    Over,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        number: u32,
        interleaving: &'a Interleaving,
        dialect: &'a Dialect,
        bounds: Bounds,
        weakness: Weakness,
        transport: Transport,
    ) -> Self {
        Self {
            number,
            interleaving,
            dialect,
            bounds,
            weakness,
            history: History::on(transport),
            state: State::new(interleaving.max_size),
            cursor: 0,
            invocations: 0,
            flights: Vec::new(),
            epilogue: Epilogue::new(interleaving, weakness.oldest_first),
            phase: Phase::Birth,
            inserted: false,
            last_sight: Vec::new(),
            elsewhere: HashSet::new(),
            spinners: Vec::new(),
            threads: Vec::new(),
            killed: false,
            resting: None,
            ending: None,
            refusing: None,
            burial: None,
            pooling: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// When the loop should come back, if nothing happens.
    pub(super) fn next_look(&self) -> Instant {
        let deadlines = self.flights.iter().filter(|flight| !flight.is_suspended()).map(Flight::deadline);
        let closing = match self.phase {
            Phase::Closing { until } => Some(until),
            _ => None,
        };
        deadlines.chain(closing).min().unwrap_or_else(|| Instant::now() + self.bounds.overdue)
    }

    /// Sends what can be sent now.
    pub(super) fn advance(&mut self, reactor: &mut Reactor) -> Result<(), Trouble> {
        loop {
            self.release_waiters();
            self.see_withheld(reactor);
            self.see_session_ended(reactor)?;
            match self.phase {
                Phase::Birth | Phase::Ledger | Phase::Over => return Ok(()),
                Phase::Steps | Phase::Epilogue if self.flights.iter().any(Flight::is_awaited) => return Ok(()),
                Phase::Steps => match self.interleaving.steps.get(self.cursor) {
                    Some(step) if self.must_rest(step, reactor) => return Ok(()),
                    Some(&step) => self.take_step(step, reactor)?,
                    // What is still held goes on before the end.
                    None if self.release_all(reactor) => {}
                    None => {
                        self.undo_faults();
                        self.phase = Phase::Epilogue;
                    }
                },
                Phase::Epilogue => match self.epilogue.next(&self.state) {
                    Next::Act(actor, op) => self.invoke(Step::new(actor, op), None, reactor)?,
                    Next::Wait => return Ok(()),
                    Next::Over => self.phase = Phase::Closing { until: Instant::now() + self.bounds.overdue },
                },
                Phase::Closing { until } => {
                    let left = reactor.tap.open_sessions();
                    if left.is_empty() || self.weakness.ledger_early {
                        self.read_ledger(reactor)?;
                    } else if Instant::now() >= until {
                        self.history.append(Event::SessionsLeft { sessions: left });
                        self.read_ledger(reactor)?;
                    } else {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn read_ledger(&mut self, reactor: &mut Reactor) -> Result<(), Trouble> {
        // Every session has ended, and a server says why before it ends one.
        reactor.garbled().into_iter().for_each(|event| self.history.append(event));
        if !self.inserted {
            self.phase = Phase::Over;
            return Ok(());
        }
        self.phase = Phase::Ledger;
        reactor.ask(Question::Ledger, &self.dialect.read_ledger(self.number))
    }

    fn take_step(&mut self, step: Step, reactor: &mut Reactor) -> Result<(), Trouble> {
        self.resting = None;
        let place = self.cursor;
        self.cursor += 1;
        let skipped = self.state.skips(self.interleaving.terms(), step.actor, &step.op);
        let skipped = skipped.or_else(|| self.has_no_session(&step)).or_else(|| self.lacks_session(&step, reactor));
        match skipped {
            Some(why) => {
                self.history.append(Event::Skipped { step: place, why });
                Ok(())
            }
            None => self.invoke(step, Some(place), reactor),
        }
    }

    fn invoke(
        &mut self,
        Step { actor, op, stall, cut }: Step,
        step: Option<usize>,
        reactor: &mut Reactor,
    ) -> Result<(), Trouble> {
        let id = InvocationId(self.invocations);
        self.invocations += 1;
        let usual = self.state.expects(actor, &op);
        // A fault is a cause that excuses.
        let expected = if cut.is_some() && usual == Expectation::Success { Expectation::Either } else { usual };
        if op != Op::Release {
            self.state.start(actor, &op);
        }
        let pool = self.state.pool_in(actor, &op);
        let blocked = expected == Expectation::Block && pool.is_some_and(|pool| self.will_have_room(actor, pool));
        let patience = match usual {
            Expectation::Either if self.must_recover(actor, pool) => Expectation::Success,
            usual => usual,
        };
        let patience = self.bounds.patience(&op, patience, blocked);
        let nonce = op.has_nonce().then_some(Nonce { run: self.number, step: id.0 });
        self.history.append(Event::Invoked(Invocation {
            id,
            actor,
            op,
            step,
            pool,
            checkout: self.state.checkout_in(actor, &op),
            inherited: self.state.uses_inherited_checkout(actor, &op) || self.state.uses_inherited_pool(actor, &op),
            nonce,
            expected,
            stall,
            cut,
        }));
        if op == Op::Release {
            self.release(actor, reactor);
            self.history.append(Event::Finished { id, outcome: Outcome::Done });
            return Ok(());
        }
        self.inserted |= matches!(op, Op::Insert(_));
        if let Op::Fork(child, _) = op {
            reactor.people.expect(actor.process, child);
        }
        // Who waits for somebody else in the pool asks the server nothing: the next reply is not his.
        self.give_up_stalls(actor.process, reactor);
        if stall.is_some() || cut.is_some() {
            reactor.tap.arm(actor.process, stall, cut);
        }
        // How long a server takes to end its sessions is no pool's affair.
        let ends_sessions = matches!(op, Op::EndSession(_) | Op::Restart);
        let bound = if ends_sessions { self.bounds.overdue * 12 } else { patience + self.bounds.overdue };
        self.flights.push(Flight {
            id,
            actor,
            op,
            pool,
            started: Instant::now(),
            bound,
            own_bound: bound,
            blocked,
            lingers: self.state.has_stalled(actor.process) && op.reaches_the_wire(),
            settled: Settled::No,
            stall: if stall.is_some() { Stall::Armed } else { Stall::No },
            cut: cut.is_some(),
            released: None,
            answer: None,
            hello: !matches!(op, Op::Fork(..) | Op::Spawn(_) | Op::Exec),
        });
        if let Op::Join(thread) = op {
            reactor.order(Some(Actor { thread, ..actor }), &Order { id: id.0, task: Task::Finish {} })?;
        }
        if let Op::EndSession(handle) = op {
            return self.end_session(actor, handle, id, reactor);
        }
        if op.is_the_servers() {
            return self.change_server(id, op, reactor);
        }
        let order = Order { id: id.0, task: self.task(actor, op, nonce, patience, reactor)? };
        if let Op::Fork(_, ForkKind::ReusedPid) = op {
            return self.bury_first(actor, order, reactor);
        }
        reactor.order(Some(actor), &order)
    }

    /// A fault has hit the pool, and there is room: it has to serve in the end, and needs the time for new sessions.
    fn must_recover(&self, actor: Actor, pool: Option<PoolId>) -> bool {
        let faulty = self.state.pools(actor.process).iter().any(|slot| Some(slot.id) == pool && slot.faulty);
        faulty && pool.is_some_and(|pool| self.state.has_room(actor.process, pool)) && !self.state.has_stalled(actor.process)
    }

    /// Takes in what the loop handed out.
    pub(super) fn notice(&mut self, notice: Notice, reactor: &mut Reactor) -> Result<(), Trouble> {
        match notice {
            Notice::Zygote => Ok(()),
            Notice::Hello { connection, hello, pid } if hello.case == self.number => self.hello(connection, &hello, pid, reactor),
            Notice::Hello { hello: Hello { case, who, .. }, .. } if case > self.number => {
                Err(Trouble::Agent(format!("{who} said hello for case {case}, and this is case {}", self.number)))
            }
            // Somebody of a case that is over.
            Notice::Hello { .. } => Ok(()),
            Notice::Answer { answer } => self.answer(answer, reactor),
            Notice::Ended(process) => {
                self.ended(process, reactor);
                Ok(())
            }
            Notice::Ledger(rows) => self.ledger(rows),
            Notice::SessionEnd(answer) => self.administrator_has_ended(answer),
        }
    }

    fn answer(&mut self, answer: Answer, reactor: &mut Reactor) -> Result<(), Trouble> {
        if answer.id == BURIAL {
            return self.is_buried(reactor);
        }
        if answer.id == BIRTH && answer.is != Reply::Done {
            return Err(Trouble::Agent(format!("the zygote could not start a case: {}", said(&answer.is))));
        }
        let Some(flight) = self.flights.iter_mut().find(|flight| flight.id.0 == answer.id && flight.answer.is_none()) else {
            // The zygote's answer, or that of a step whose process the harness has ended.
            return Ok(());
        };
        if !fits(flight.op, &answer.is) {
            return Err(Trouble::Agent(format!("{} answered '{}' with {}", flight.actor, flight.op, said(&answer.is))));
        }
        if matches!(flight.op, Op::Fork(..) | Op::Spawn(_) | Op::Exec) && answer.is != Reply::Done {
            // There will be no hello.
            flight.hello = true;
        }
        flight.answer = Some(outcome(answer.is));
        let id = flight.id;
        self.settle(id, reactor)
    }

    /// Finishes an invocation of which everything is there.
    pub(super) fn settle(&mut self, id: InvocationId, reactor: &mut Reactor) -> Result<(), Trouble> {
        let complete = |flight: &Flight| flight.id == id && flight.hello && flight.answer.is_some();
        let Some(at) = self.flights.iter().position(complete) else { return Ok(()) };
        let mut flight = self.flights.remove(at);
        let Some(outcome) = flight.answer.take() else { return Ok(()) };
        if let Outcome::Rows(rows) = &outcome
            && self.weakness.tapped()
        {
            self.check_route(rows, flight.id, reactor)?;
        }
        let succeeded = matches!(outcome, Outcome::Done | Outcome::Rows(_));
        match flight.op {
            // Not every machine allows it; then there is no such child.
            Op::Fork(child, ForkKind::ReusedPid) if !succeeded => reactor.people.expect_no_more(child),
            // Nor is it offered in every language.
            Op::Fork(child, ForkKind::Clone) if outcome == Outcome::NotOffered => reactor.people.expect_no_more(child),
            Op::Fork(..) | Op::Spawn(_) | Op::Exec if !succeeded => {
                abandon(&mut self.history, format!("{} could not {}", flight.actor, flight.op));
            }
            _ => {}
        }
        let cut = self.was_cut(&flight);
        if flight.stall != Stall::No || flight.cut {
            self.let_go(&flight, cut, reactor);
        }
        let not_offered = outcome == Outcome::NotOffered;
        self.history.append(Event::Finished { id, outcome });
        let done = match flight.op {
            // It was tried, whatever came of it.
            Op::Dispose(_) => !not_offered,
            // What is not offered breaks nothing.
            op => succeeded || not_offered && op.statement().is_some(),
        };
        let checkout = self.state.checkout_in(flight.actor, &flight.op);
        self.state.apply(flight.actor, &flight.op, done);
        if cut {
            self.state.lose(flight.pool, checkout);
        }
        // One of those who wait is served: whether there is room for another is a new question.
        for other in &mut self.flights {
            if other.actor.process == flight.actor.process && other.pool == flight.pool {
                other.released = None;
                other.bound = other.own_bound;
            }
        }
        Ok(())
    }

    /// An answer that never passed the tap means that the driver went around it.
    fn check_route(&self, rows: &crate::pool::Rows, id: InvocationId, reactor: &Reactor) -> Result<(), Trouble> {
        let own = Nonce { run: self.number, step: id.0 };
        let got = rows.first().and_then(|row| row.first()?.as_deref()).and_then(Nonce::parse);
        match got {
            Some(nonce) if nonce == own && !self.has_passed(own, id, reactor) => Err(Trouble::AroundTheTap),
            _ => Ok(()),
        }
    }

    /// The answer to a statement has passed the tap. Where frames cannot be read any answer since the statement may be it.
    fn has_passed(&self, nonce: Nonce, id: InvocationId, reactor: &Reactor) -> bool {
        if self.history.transport().shows_frames() {
            return reactor.tap.saw(nonce);
        }
        let began = |event: &&Event| matches!(event, Event::Invoked(call) if call.id == id);
        let mut since = self.history.events().iter().rev().take_while(|event| !began(event));
        since.any(|event| matches!(event, Event::Answered { .. }))
    }

    fn ledger(&mut self, rows: Result<crate::pool::Rows, crate::pool::Error>) -> Result<(), Trouble> {
        let rows = rows.map_err(|error| Trouble::ServerGone(format!("the ledger cannot be read: {error}")))?;
        let nonce = |row: &Vec<Option<String>>| row.first().and_then(|value| value.as_deref()).and_then(Nonce::parse);
        let nonces = rows.iter().filter_map(nonce).collect();
        self.history.append(Event::Ledger { rows: nonces });
        self.phase = Phase::Over;
        Ok(())
    }
}
