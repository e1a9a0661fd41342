//! Those who must wait: they are seen to wait before others go on, and they must be served when there is room.

use std::time::{Duration, Instant};

use super::case::Case;
use super::flight::Settled;
use super::reactor::Reactor;
use super::stuck::Sight;
use crate::history::{Event, InvocationId, PoolId};
use crate::interleaving::{Op, Process, Step};

/// A fork that waits for the threads of its process which are no actors.
pub(super) struct Resting {
    process: Process,
    until: Instant,
    last: Option<Sight>,
}

impl Case<'_> {
    /// Where there is room for somebody who waits, one of those who wait must be served.
    pub(super) fn release_waiters(&mut self) {
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
    pub(super) fn must_rest(&mut self, step: &Step, reactor: &Reactor) -> bool {
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
}

/// A pool whose threads never rest is forked all the same after this time.
const REST: Duration = Duration::from_millis(250);
