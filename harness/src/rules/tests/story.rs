//! A builder of histories that reads like a story: steps in their text form, and what was seen on the wire between them.

use std::collections::HashMap;

use crate::history::{
    CheckoutId, Ending, Event, Expectation, Frame, History, Invocation, InvocationId, Outcome, PoolId, SessionId, Witness,
};
use crate::interleaving::{Actor, Handle, Interleaving, Op, PoolName, Process, Step, parse};
use crate::nonce::Nonce;
use crate::pool::ErrorKind;
use crate::promise::Promise;
use crate::rules::{Facts, Judgement, find, judge};
use crate::verdict::Verdict;

pub(super) struct Story {
    interleaving: Interleaving,
    events: Vec<Event>,
    started: Vec<Invocation>,
    in_flight: HashMap<Actor, usize>,
    pools: Vec<(Process, Option<PoolName>, PoolId)>,
    /// Whose handle stands for which checkout of which pool, and whether it was inherited.
    held: HashMap<(Process, Handle), (CheckoutId, PoolId, bool)>,
    expected: Expectation,
    inserts: Vec<Nonce>,
}

/// One process and a pool of one connection under the promise `anything`.
pub(super) fn story() -> Story {
    under(Promise::Anything, 1)
}

pub(super) fn under(promise: Promise, max_size: u32) -> Story {
    Story {
        interleaving: Interleaving::new(max_size, promise, Vec::new()),
        events: vec![Event::Born { process: Process::FIRST, parent: None }],
        started: Vec::new(),
        in_flight: HashMap::new(),
        pools: Vec::new(),
        held: HashMap::new(),
        expected: Expectation::Success,
        inserts: Vec::new(),
    }
}

/// As [`story`], where connections may be returned dirty.
pub(super) fn dirty(max_size: u32) -> Story {
    let mut told = under(Promise::Anything, max_size);
    told.interleaving.dirty = true;
    told
}

/// The one row that answers the query of that number, under a mark that the step `by` has set.
pub(super) fn marked_row_of(step: u32, by: u32) -> Outcome {
    Outcome::Rows(vec![vec![Some(nonce(step).to_string()), Some("7".into()), Some(nonce(by).to_string())]])
}

/// The answer to the `lock` of that number.
pub(super) fn lock_of(step: u32, taken: &str) -> Outcome {
    Outcome::Rows(vec![vec![Some(nonce(step).to_string()), Some(taken.into())]])
}

/// The one row that answers the story's step of that number.
pub(super) fn row_of(step: u32) -> Outcome {
    Outcome::Rows(vec![vec![Some(nonce(step).to_string()), Some("7".into()), Some(String::new())]])
}

pub(super) fn error(kind: ErrorKind) -> Outcome {
    Outcome::Error { kind, message: "no".into() }
}

fn nonce(step: u32) -> Nonce {
    Nonce { run: 1, step }
}

fn step(text: &str) -> Step {
    parse(text).expect("a step").steps[0]
}

fn actor(name: &str) -> Actor {
    step(&format!("{name} open")).actor
}

/// `p0`, or `?` for a process that the harness does not know.
pub(super) fn witness(name: &str) -> Witness {
    if name == "?" { Witness::Stranger } else { Witness::Process(actor(name).process) }
}

pub(super) fn session(name: &str) -> SessionId {
    SessionId(name[1..].parse().expect("c and a number"))
}

impl Story {
    // Steps.

    /// A step that succeeds.
    pub(super) fn done(self, text: &str) -> Self {
        let started = self.start(text);
        let id = started.started.len() as u32 - 1;
        let outcome = if matches!(step(text).op, Op::Query(_)) { row_of(id) } else { Outcome::Done };
        started.answer(text, outcome)
    }

    /// A statement that succeeds on a session.
    pub(super) fn asks(self, text: &str, on: &str) -> Self {
        let id = self.started.len() as u32;
        let outcome = if matches!(step(text).op, Op::Query(_)) { row_of(id) } else { Outcome::Done };
        self.start(text).statement(on).answer(text, outcome)
    }

    pub(super) fn fails(self, text: &str, kind: ErrorKind) -> Self {
        self.start(text).answer(text, error(kind))
    }

    /// What the model expects of the next step; otherwise it must succeed.
    pub(super) fn expecting(mut self, expected: Expectation) -> Self {
        self.expected = expected;
        self
    }

    /// Starts a step and leaves it in flight.
    pub(super) fn start(mut self, text: &str) -> Self {
        let Step { actor, op, stall, cut } = step(text);
        let id = InvocationId(self.started.len() as u32);
        let held = op.handle().and_then(|handle| self.held.get(&(actor.process, handle)).copied());
        let (checkout, pool) = match op {
            Op::Open(_) => (None, Some(PoolId(self.pools.len() as u32))),
            Op::Checkout(_, name) => (Some(CheckoutId(id.0)), self.pool(actor.process, name)),
            Op::Dispose(name) | Op::DropPool(name) | Op::LeakPool(name) => (None, self.pool(actor.process, name)),
            Op::AfterFork(name) | Op::DropRuntime(name) => (None, self.pool(actor.process, name)),
            _ => (held.map(|held| held.0), held.map(|held| held.1)),
        };
        let nonce = op.has_nonce().then(|| nonce(id.0));
        let inherited = held.is_some_and(|held| held.2);
        let expected = std::mem::replace(&mut self.expected, Expectation::Success);
        let invocation = Invocation { id, actor, op, step: None, pool, checkout, inherited, nonce, expected, stall, cut };
        self.in_flight.insert(actor, self.started.len());
        self.inserts.extend(nonce.filter(|_| matches!(op, Op::Insert(_))));
        self.started.push(invocation.clone());
        self.event(Event::Invoked(invocation))
    }

    /// Finishes what an actor is inside of; only the actor of `text` counts.
    pub(super) fn answer(mut self, text: &str, outcome: Outcome) -> Self {
        let who = text.split_whitespace().next().expect("an actor");
        let number = self.in_flight.remove(&actor(who)).expect("a step in flight");
        let call = self.started[number].clone();
        if matches!(outcome, Outcome::Done | Outcome::Rows(_)) {
            self = self.apply(&call);
        }
        self.event(Event::Finished { id: call.id, outcome })
    }

    fn apply(mut self, call: &Invocation) -> Self {
        let process = call.actor.process;
        match call.op {
            Op::Open(name) => self.pools.push((process, name, call.pool.expect("numbered"))),
            Op::Checkout(handle, _) => {
                let made = (call.checkout.expect("numbered"), call.pool.expect("a pool"), false);
                self.held.insert((process, handle), made);
            }
            Op::Return(handle) | Op::Leak(handle) => drop(self.held.remove(&(process, handle))),
            Op::Fork(child, _) => {
                let pools: Vec<_> = self.pools.iter().filter(|pool| pool.0 == process).copied().collect();
                self.pools.extend(pools.into_iter().map(|(_, name, id)| (child, name, id)));
                let held: Vec<_> =
                    self.held.iter().filter(|(hand, _)| hand.0 == process).map(|(hand, held)| (hand.1, *held)).collect();
                self.held.extend(held.into_iter().map(|(handle, (checkout, pool, _))| ((child, handle), (checkout, pool, true))));
                return self.event(Event::Born { process: child, parent: Some(process) });
            }
            _ => {}
        }
        self
    }

    fn pool(&self, process: Process, name: Option<PoolName>) -> Option<PoolId> {
        let mut newest_first = self.pools.iter().rev().filter(|pool| pool.0 == process);
        newest_first.find(|pool| name.is_none() || pool.1 == name).map(|pool| pool.2)
    }

    // What is seen.

    pub(super) fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    pub(super) fn opens(self, who: &str, on: &str) -> Self {
        self.event(Event::Opened { session: session(on), owner: witness(who) })
    }

    /// Both sides of a session are closed.
    pub(super) fn closes(self, on: &str) -> Self {
        self.event(Event::ClientClosed { session: session(on), held: false }).event(Event::ServerClosed { session: session(on) })
    }

    pub(super) fn writes(self, who: &str, on: &str, name: &'static str, bytes: u32) -> Self {
        let frames = vec![Frame { name, bytes, nonce: None, goodbye: name == "Terminate" }];
        self.event(Event::Wrote { session: session(on), writer: witness(who), bytes, frames })
    }

    /// The server answers on a session, and says whether it is inside a transaction after that.
    pub(super) fn answers(self, on: &str, in_transaction: bool) -> Self {
        self.event(Event::Answered { session: session(on), bytes: 9, frames: Vec::new(), in_transaction })
    }

    /// The statement of the newest step passes the tap.
    pub(super) fn statement(self, on: &str) -> Self {
        let call = self.started.last().expect("a step").clone();
        let frames = vec![Frame { name: "Query", bytes: 40, nonce: call.nonce, goodbye: false }];
        self.event(Event::Wrote { session: session(on), writer: Witness::Process(call.actor.process), bytes: 40, frames })
    }

    /// What the newest step of this actor's process does not end: proved.
    pub(super) fn stuck(self, who: &str) -> Self {
        let id = self.in_flight_of(who);
        self.event(Event::Stuck { process: actor(who).process, id, threads: vec!["t0: futex".into()] })
    }

    pub(super) fn spins(self, who: &str) -> Self {
        let id = self.in_flight_of(who);
        self.event(Event::Spinning { process: actor(who).process, id, cpu_ms: 1000 })
    }

    pub(super) fn overdue(self, who: &str) -> Self {
        let id = self.in_flight_of(who);
        self.event(Event::Overdue { process: actor(who).process, id, bound_ms: 5000 })
    }

    pub(super) fn in_flight_of(&self, who: &str) -> InvocationId {
        self.started[self.in_flight[&actor(who)]].id
    }

    /// Room came free, and these actors wait for it.
    pub(super) fn released(self, who: &[&str]) -> Self {
        let waiters = who.iter().map(|who| self.in_flight_of(who)).collect();
        self.event(Event::Released { waiters })
    }

    pub(super) fn killed(self, who: &str) -> Self {
        self.event(Event::Killed { process: actor(who).process })
    }

    pub(super) fn ended(self, who: &str, ending: Ending) -> Self {
        self.event(Event::Ended { process: actor(who).process, ending })
    }

    /// A process that is told to end does so, as it should; its step is over with it.
    pub(super) fn exits(self, text: &str) -> Self {
        let process = step(text).actor.process;
        self.start(text).event(Event::Ended { process, ending: Ending::Code(0) }).answer(text, Outcome::Done)
    }

    /// The ledger has the rows of these inserts of the story, counted from 1.
    pub(super) fn ledger(self, inserts: &[usize]) -> Self {
        let rows = inserts.iter().map(|number| self.inserts[number - 1]).collect();
        self.event(Event::Ledger { rows })
    }

    pub(super) fn abandoned(self, why: &str) -> Self {
        self.event(Event::Abandoned { why: why.into() })
    }

    // Questions.

    /// How many steps there were.
    pub(super) fn steps(&self) -> usize {
        self.started.len()
    }

    /// The place of the last event.
    pub(super) fn here(&self) -> usize {
        self.events.len() - 1
    }

    /// What one rule says, whatever the others say.
    pub(super) fn verdict(&self, id: &str) -> Verdict {
        let history = History::from_events(self.events.clone());
        find(id).expect("a rule").verdict(&Facts::of(&self.interleaving, &history))
    }

    pub(super) fn judged(&self) -> Judgement {
        judge(&self.interleaving, &History::from_events(self.events.clone()))
    }

    pub(super) fn parts(self) -> (Interleaving, History) {
        (self.interleaving, History::from_events(self.events))
    }
}
