//! One execution as a state machine: which order is sent next, which steps are in flight, and what the loop's notices mean.
//!
//! Steps go in lockstep, but for those of which the model says that they wait for somebody: these stay in flight while other
//! actors step.

use std::time::{Duration, Instant};

use super::epilogue::{Epilogue, Next};
use super::reactor::{Notice, Reactor, abandon};
use super::stuck::Sight;
use super::{Bounds, Weakness};
use crate::agent::protocol::{Answer, Exit, Hello, Order, Reply, Task};
use crate::history::{Event, Expectation, History, Invocation, InvocationId, Outcome, PoolId};
use crate::interleaving::{Actor, ExitKind, Interleaving, Op, Process, Step};
use crate::model::State;
use crate::nonce::Nonce;
use crate::sql::Dialect;
use crate::trouble::Trouble;

/// The execution of one interleaving.
pub(super) struct Case<'a> {
    number: u32,
    interleaving: &'a Interleaving,
    dialect: &'a Dialect,
    bounds: Bounds,
    weakness: Weakness,
    pub(super) history: History,
    state: State,
    cursor: usize,
    invocations: u32,
    flights: Vec<Flight>,
    epilogue: Epilogue,
    phase: Phase,
    inserted: bool,
    last_sight: Vec<(Process, Sight)>,
    /// The system's numbers of the actors' threads.
    threads: Vec<(Actor, i32)>,
    /// A process that is to fork, until its background threads have come to rest.
    resting: Option<Resting>,
}

/// A fork that waits for the threads of its process which are no actors.
struct Resting {
    process: Process,
    until: Instant,
    last: Option<Sight>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
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

/// Whether somebody who must wait has come so far. Until then nobody else goes on: where a fork finds him is not left to chance.
#[derive(Clone, PartialEq, Eq)]
enum Settled {
    No,
    /// He was seen waiting once.
    Seen(Sight),
    Yes,
}

/// An invocation that has not finished.
struct Flight {
    id: InvocationId,
    actor: Actor,
    op: Op,
    pool: Option<PoolId>,
    started: Instant,
    bound: Duration,
    /// The bound that it had at first: somebody who waits and is not served has it again.
    own_bound: Duration,
    /// It waits for another actor, so that nobody waits for it.
    blocked: bool,
    /// And is seen to wait.
    settled: Settled,
    /// There is room for it now.
    released: Option<Instant>,
    /// What is still missing: the answer, the hello of a new actor.
    answer: Option<Outcome>,
    hello: bool,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        number: u32,
        interleaving: &'a Interleaving,
        dialect: &'a Dialect,
        bounds: Bounds,
        weakness: Weakness,
    ) -> Self {
        Self {
            number,
            interleaving,
            dialect,
            bounds,
            weakness,
            history: History::default(),
            state: State::new(interleaving.max_size),
            cursor: 0,
            invocations: 0,
            flights: Vec::new(),
            epilogue: Epilogue::new(interleaving.promise, weakness.oldest_first),
            phase: Phase::Birth,
            inserted: false,
            last_sight: Vec::new(),
            threads: Vec::new(),
            resting: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// When the loop should come back, if nothing happens.
    pub(super) fn next_look(&self) -> Instant {
        let deadlines = self.flights.iter().map(Flight::deadline);
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
            match self.phase {
                Phase::Birth | Phase::Ledger | Phase::Over => return Ok(()),
                Phase::Steps | Phase::Epilogue if self.flights.iter().any(Flight::is_awaited) => return Ok(()),
                Phase::Steps => match self.interleaving.steps.get(self.cursor) {
                    Some(step) if self.must_rest(step, reactor) => return Ok(()),
                    Some(step) => {
                        self.resting = None;
                        let place = self.cursor;
                        self.cursor += 1;
                        match self.state.skips(self.interleaving.promise, step.actor, &step.op) {
                            Some(why) => self.history.append(Event::Skipped { step: place, why }),
                            None => self.invoke(step.actor, step.op, Some(place), reactor)?,
                        }
                    }
                    None => self.phase = Phase::Epilogue,
                },
                Phase::Epilogue => match self.epilogue.next(&self.state) {
                    Next::Act(actor, op) => self.invoke(actor, op, None, reactor)?,
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
        if !self.inserted {
            self.phase = Phase::Over;
            return Ok(());
        }
        self.phase = Phase::Ledger;
        reactor.ask(&self.dialect.read_ledger(self.number))
    }

    fn invoke(&mut self, actor: Actor, op: Op, step: Option<usize>, reactor: &mut Reactor) -> Result<(), Trouble> {
        let id = InvocationId(self.invocations);
        self.invocations += 1;
        let expected = self.state.expects(actor, &op);
        self.state.start(actor, &op);
        let pool = self.state.pool_in(actor, &op);
        let blocked = expected == Expectation::Block && pool.is_some_and(|pool| self.state.releasable(actor, pool));
        let patience = self.bounds.patience(&op, expected, blocked);
        let nonce = matches!(op, Op::Query(_) | Op::Insert(_)).then_some(Nonce { run: self.number, step: id.0 });
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
        }));
        self.inserted |= matches!(op, Op::Insert(_));
        if let Op::Fork(child) = op {
            reactor.people.expect(actor.process, child);
        }
        self.flights.push(Flight {
            id,
            actor,
            op,
            pool,
            started: Instant::now(),
            bound: patience + self.bounds.overdue,
            own_bound: patience + self.bounds.overdue,
            blocked,
            settled: Settled::No,
            released: None,
            answer: None,
            hello: !matches!(op, Op::Fork(_) | Op::Spawn(_)),
        });
        if let Op::Join(thread) = op {
            reactor.order(Some(Actor { thread, ..actor }), &Order { id: id.0, task: Task::Finish })?;
        }
        let task = self.task(actor, op, nonce, patience, reactor)?;
        reactor.order(Some(actor), &Order { id: id.0, task })
    }

    fn task(&self, actor: Actor, op: Op, nonce: Option<Nonce>, patience: Duration, reactor: &Reactor) -> Result<Task, Trouble> {
        let pool = self.state.pool_in(actor, &op).map_or(0, |pool| pool.0);
        let sql = |write: fn(&Dialect, Nonce) -> String| nonce.map_or_else(String::new, |nonce| write(self.dialect, nonce));
        Ok(match op {
            Op::Open(_) => Task::Open { pool },
            Op::Dispose(_) => Task::Dispose { pool },
            Op::DropPool(_) => Task::DropPool { pool },
            Op::LeakPool(_) => Task::LeakPool { pool },
            Op::Checkout(handle, _) => {
                Task::Checkout { handle: handle.to_string(), pool, patience_ms: patience.as_millis() as u64 }
            }
            Op::Return(handle) => Task::Return { handle: handle.to_string() },
            Op::Leak(handle) => Task::Leak { handle: handle.to_string() },
            Op::Query(handle) => Task::Query { handle: handle.to_string(), sql: sql(Dialect::query) },
            Op::Insert(handle) => Task::Query { handle: handle.to_string(), sql: sql(Dialect::insert) },
            Op::Begin(handle) => Task::Begin { handle: handle.to_string() },
            Op::Commit(handle) => Task::Commit { handle: handle.to_string() },
            Op::Rollback(handle) => Task::Rollback { handle: handle.to_string() },
            Op::Fork(child) => Task::Fork { child: child.to_string() },
            Op::Wait(child) => {
                let pid = reactor.people.pid(child).and_then(|pid| u32::try_from(pid).ok());
                Task::Wait { pid: pid.ok_or_else(|| Trouble::Bug(format!("{child} has no pid")))? }
            }
            Op::Exit(kind) => Task::Exit {
                kind: match kind {
                    ExitKind::Now => Exit::Now,
                    ExitKind::AtExit => Exit::Atexit,
                    ExitKind::Main => Exit::Main,
                    ExitKind::Panic => Exit::Panic,
                    ExitKind::Signal => Exit::Signal,
                },
            },
            Op::Spawn(thread) => Task::Spawn { thread: thread.0 },
            Op::Join(thread) => Task::Join { thread: thread.0 },
            Op::Send(handle, thread) => Task::Send { handle: handle.to_string(), to: thread.0 },
        })
    }

    /// Where there is room for somebody who waits, one of those who wait must be served.
    fn release_waiters(&mut self) {
        let waiting = self.flights.iter().filter(|flight| flight.blocked && flight.released.is_none());
        let places: Vec<(Process, PoolId)> = waiting.filter_map(|flight| Some((flight.actor.process, flight.pool?))).collect();
        for (process, pool) in places {
            if !self.state.has_room(process, pool) {
                continue;
            }
            let now = Instant::now();
            let mut waiters = Vec::new();
            for flight in &mut self.flights {
                let same = flight.actor.process == process && flight.pool == Some(pool) && flight.blocked;
                if same && flight.released.is_none() {
                    flight.released = Some(now);
                    flight.bound = now.duration_since(flight.started) + self.bounds.must + self.bounds.overdue;
                    waiters.push(flight.id);
                }
            }
            // Somebody whose patience is nearly over may give up at this very moment: nothing can be said of him.
            let fresh = |id: &InvocationId| {
                let started = self.flights.iter().find(|flight| flight.id == *id).map(|flight| flight.started);
                started.is_some_and(|started| now.duration_since(started) < self.bounds.release / 2)
            };
            if !waiters.is_empty() && waiters.iter().all(fresh) {
                self.history.append(Event::Released { waiters });
            }
        }
    }

    /// Takes in what the loop handed out.
    pub(super) fn notice(&mut self, notice: Notice, reactor: &mut Reactor) -> Result<(), Trouble> {
        match notice {
            Notice::Zygote => Ok(()),
            Notice::Hello { connection, hello, pid } if hello.case == self.number => self.hello(connection, &hello, pid, reactor),
            Notice::Hello { .. } => Ok(()),
            Notice::Answer { answer } => self.answer(answer, reactor),
            Notice::Ended(process) => {
                self.ended(process, reactor);
                Ok(())
            }
            Notice::Ledger(rows) => self.ledger(rows),
        }
    }

    fn hello(&mut self, connection: usize, hello: &Hello, pid: i32, reactor: &mut Reactor) -> Result<(), Trouble> {
        let who = &hello.who;
        let strange = || Trouble::Agent(format!("'{who}' said hello, and nobody expected it"));
        let expected = |flight: &&mut Flight| match flight.op {
            Op::Fork(child) => child.main().to_string() == *who,
            Op::Spawn(thread) => Actor { thread, ..flight.actor }.to_string() == *who,
            _ => false,
        };
        if self.phase == Phase::Birth && *who == Process::FIRST.to_string() {
            reactor.introduce(connection, Process::FIRST.main());
            self.threads.push((Process::FIRST.main(), hello.thread));
            self.phase = Phase::Steps;
            self.history.append(Event::Born { process: Process::FIRST, parent: None });
            return reactor.watch(Process::FIRST, pid);
        }
        let flight = self.flights.iter_mut().find(expected).ok_or_else(strange)?;
        flight.hello = true;
        let (id, actor, op) = (flight.id, flight.actor, flight.op);
        match op {
            Op::Fork(child) => {
                reactor.introduce(connection, child.main());
                self.threads.push((child.main(), hello.thread));
                reactor.watch(child, pid)?;
                self.history.append(Event::Born { process: child, parent: Some(actor.process) });
            }
            Op::Spawn(thread) => {
                let spawned = Actor { thread, ..actor };
                reactor.introduce(connection, spawned);
                self.threads.retain(|(known, _)| *known != spawned);
                self.threads.push((spawned, hello.thread));
            }
            _ => return Err(strange()),
        }
        self.settle(id, reactor)
    }

    fn answer(&mut self, answer: Answer, reactor: &mut Reactor) -> Result<(), Trouble> {
        let Some(flight) = self.flights.iter_mut().find(|flight| flight.id.0 == answer.id && flight.answer.is_none()) else {
            // The zygote's answer, or that of a step whose process the harness has ended.
            return Ok(());
        };
        if let Reply::Rejected(why) = answer.is {
            return Err(Trouble::Bug(format!("{} could not carry out '{}': {why}", flight.actor, flight.op)));
        }
        if matches!(flight.op, Op::Fork(_) | Op::Spawn(_)) && answer.is != Reply::Done {
            // There will be no hello.
            flight.hello = true;
        }
        flight.answer = Some(outcome(answer.is));
        let id = flight.id;
        self.settle(id, reactor)
    }

    /// Finishes an invocation of which everything is there.
    fn settle(&mut self, id: InvocationId, reactor: &mut Reactor) -> Result<(), Trouble> {
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
        if !succeeded && matches!(flight.op, Op::Fork(_) | Op::Spawn(_)) {
            abandon(&mut self.history, format!("{} could not {}", flight.actor, flight.op));
        }
        self.history.append(Event::Finished { id, outcome });
        let offered = matches!(flight.op, Op::Dispose(_)) && self.offers(id);
        self.state.apply(flight.actor, &flight.op, succeeded || offered);
        // One of those who wait is served: whether there is room for another is a new question.
        for other in &mut self.flights {
            if other.actor.process == flight.actor.process && other.pool == flight.pool {
                other.released = None;
                other.bound = other.own_bound;
            }
        }
        Ok(())
    }

    /// The pool has a way to be disposed, whatever came of it.
    fn offers(&self, dispose: InvocationId) -> bool {
        !matches!(self.history.outcome(dispose), Some((_, Outcome::NotOffered)))
    }

    /// An answer that never passed the tap means that the driver went around it.
    fn check_route(&self, rows: &crate::pool::Rows, id: InvocationId, reactor: &Reactor) -> Result<(), Trouble> {
        let own = Nonce { run: self.number, step: id.0 };
        let got = rows.first().and_then(|row| row.first()?.as_deref()).and_then(Nonce::parse);
        match got {
            Some(nonce) if nonce == own && !reactor.tap.saw(own) => Err(Trouble::AroundTheTap),
            _ => Ok(()),
        }
    }

    fn ended(&mut self, process: Process, reactor: &mut Reactor) {
        match reactor.people.ending(process) {
            Some(ending) => self.history.append(Event::Ended { process, ending }),
            None => abandon(&mut self.history, format!("the exit status of {process} was taken by somebody else")),
        }
        let own = |flight: &Flight| flight.actor.process == process;
        if let Some(exit) =
            self.flights.iter().find(|flight| own(flight) && matches!(flight.op, Op::Exit(_)) && !flight.is_killing())
        {
            self.history.append(Event::Finished { id: exit.id, outcome: Outcome::Done });
        }
        self.flights.retain(|flight| !own(flight));
        self.state.end(process);
        if self.phase == Phase::Birth {
            abandon(&mut self.history, "the first process ended before it said hello");
            self.phase = Phase::Over;
        }
    }

    fn ledger(&mut self, rows: Result<crate::pool::Rows, crate::pool::Error>) -> Result<(), Trouble> {
        let rows = rows.map_err(|error| Trouble::ServerGone(format!("the ledger cannot be read: {error}")))?;
        let nonce = |row: &Vec<Option<String>>| row.first().and_then(|value| value.as_deref()).and_then(Nonce::parse);
        let nonces = rows.iter().filter_map(nonce).collect();
        self.history.append(Event::Ledger { rows: nonces });
        self.phase = Phase::Over;
        Ok(())
    }

    /// Somebody who must wait is on his way: has he come so far? Seen twice in the same wait, he has.
    pub(super) fn settle_waiters(&mut self, reactor: &Reactor) {
        for flight in self.flights.iter_mut().filter(|flight| flight.blocked && flight.settled != Settled::Yes) {
            let thread = self.threads.iter().find(|(actor, _)| *actor == flight.actor).map(|(_, thread)| *thread);
            let pid = reactor.people.pid(flight.actor.process);
            let seen = pid.zip(thread).and_then(|(pid, thread)| Sight::of_waiting_thread(pid, thread));
            flight.settled = match (seen, &flight.settled) {
                (Some(now), Settled::Seen(before)) if now == *before => Settled::Yes,
                (Some(now), _) => Settled::Seen(now),
                (None, _) => Settled::No,
            };
        }
    }

    pub(super) fn is_settling(&self) -> bool {
        self.resting.is_some() || self.flights.iter().any(|flight| flight.blocked && flight.settled != Settled::Yes)
    }

    /// A fork waits until the pool's own threads are seen at rest: in lockstep it is not left to chance what it interrupts.
    fn must_rest(&mut self, step: &Step, reactor: &Reactor) -> bool {
        let process = step.actor.process;
        let forks = matches!(step.op, Op::Fork(_)) && self.state.skips(self.interleaving.promise, step.actor, &step.op).is_none();
        let sight = forks.then(|| reactor.people.pid(process).and_then(Sight::of)).flatten();
        // Actors are at rest already, or wait for one another.
        let Some(sight) = sight.filter(|sight| sight.threads() > self.state.actors(process).count()) else { return false };
        let until = self.resting.as_ref().map_or_else(|| Instant::now() + REST, |resting| resting.until);
        let last = self.resting.take().filter(|resting| resting.process == process).and_then(|resting| resting.last);
        if Instant::now() > until || sight.is_at_rest() && last.as_ref() == Some(&sight) {
            return false;
        }
        self.resting = Some(Resting { process, until, last: Some(sight) });
        true
    }

    /// Something has happened: what was seen before proves nothing any more.
    pub(super) fn look_away(&mut self) {
        self.last_sight.clear();
    }

    /// Nothing has happened for a while: is somebody stuck?
    pub(super) fn look(&mut self, reactor: &mut Reactor) {
        if self.flights.iter().any(|flight| !flight.hello) {
            // Somebody is being born, and runs unseen: only the clock can speak.
            return;
        }
        let sights: Vec<(Process, Sight)> = self
            .state
            .running_processes()
            .filter_map(|process| Some((process, Sight::of(reactor.people.pid(process)?)?)))
            .collect();
        let all_wait = sights.len() == self.state.running_processes().count() && sights.iter().all(|(_, sight)| sight.is_stuck());
        // Twice the same, and nothing undelivered in between: nobody ran.
        let unchanged = all_wait && !sights.is_empty() && sights == self.last_sight && !reactor.tap.is_busy();
        if unchanged && let Some(flight) = self.flights.iter().find(|flight| flight.is_awaited() || self.phase == Phase::Epilogue)
        {
            let (process, id) = (flight.actor.process, flight.id);
            let threads = sights.iter().filter(|(seen, _)| *seen == process).flat_map(|(_, sight)| sight.lines()).collect();
            self.history.append(Event::Stuck { process, id, threads });
            self.kill(process, reactor);
        }
        self.last_sight = sights;
    }

    /// Ends those who owe something beyond their bound.
    pub(super) fn expire(&mut self, reactor: &mut Reactor) {
        let now = Instant::now();
        let overdue = self.flights.iter().filter(|flight| now >= flight.deadline());
        let late: Vec<(Process, InvocationId, u64)> =
            overdue.map(|flight| (flight.actor.process, flight.id, flight.bound.as_millis() as u64)).collect();
        for (process, id, bound_ms) in late {
            let Some(flight) = self.flights.iter().find(|flight| flight.id == id) else { continue };
            if flight.is_killing() {
                abandon(&mut self.history, format!("{process} does not end although it was killed"));
                self.flights.retain(|flight| flight.actor.process != process);
                self.state.end(process);
                continue;
            }
            self.history.append(Event::Overdue { process, id, bound_ms });
            self.kill(process, reactor);
        }
    }

    fn kill(&mut self, process: Process, reactor: &mut Reactor) {
        self.history.append(Event::Killed { process });
        reactor.people.kill(process);
        // Nothing is awaited of it but its end.
        self.flights.retain(|flight| flight.actor.process != process);
        self.flights.push(Flight::end_of(process, self.bounds.overdue));
    }
}

impl Flight {
    fn is_awaited(&self) -> bool {
        !self.blocked || self.released.is_some() || self.settled != Settled::Yes
    }

    fn deadline(&self) -> Instant {
        self.started + self.bound
    }

    /// The wait for the end of a process that was killed.
    fn is_killing(&self) -> bool {
        self.id == KILLING
    }

    fn end_of(process: Process, bound: Duration) -> Self {
        Self {
            id: KILLING,
            actor: process.main(),
            op: Op::Exit(ExitKind::Signal),
            pool: None,
            started: Instant::now(),
            bound: bound * 12,
            own_bound: bound * 12,
            blocked: false,
            settled: Settled::Yes,
            released: None,
            answer: None,
            hello: true,
        }
    }
}

/// A pool whose threads never rest is forked all the same after this time.
const REST: Duration = Duration::from_millis(250);

/// No invocation has this number.
const KILLING: InvocationId = InvocationId(u32::MAX);

fn outcome(reply: Reply) -> Outcome {
    match reply {
        Reply::Done => Outcome::Done,
        Reply::Rows(rows) => Outcome::Rows(rows),
        Reply::Error { kind, message } => Outcome::Error { kind, message },
        Reply::Panicked(words) | Reply::Rejected(words) => Outcome::Panicked(words),
        Reply::NotOffered => Outcome::NotOffered,
    }
}
