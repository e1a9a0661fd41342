//! Those who must wait: they are seen to wait before others go on, and they must be served when there is room.

use std::time::{Duration, Instant};

use super::case::Case;
use super::flight::{Flight, Settled};
use super::reactor::Reactor;
use super::stuck::{self, Sight};
use crate::history::{Event, Expectation, InvocationId, PoolId};
use crate::interleaving::{Actor, Op, Process, Step};
use crate::model::State;

/// A fork that waits for the threads of its process which are no actors.
pub(super) struct Resting {
    process: Process,
    until: Instant,
    last: Option<Sight>,
}

impl Case<'_> {
    /// Whether somebody will make room for one who has to wait, in a step or in the epilogue, if all goes as the model expects. Who
    /// waits in vain need not wait long.
    pub(super) fn will_have_room(&self, actor: Actor, pool: PoolId) -> bool {
        let (process, terms) = (actor.process, self.interleaving.terms());
        let mut state = self.state.clone();
        for &Step { actor, op, .. } in &self.interleaving.steps[self.cursor..] {
            if state.has_room(process, pool) {
                return true;
            }
            if state.skips(terms, actor, &op).is_some() {
                continue;
            }
            if op == Op::Release {
                self.foresee_release(&mut state, actor);
            } else {
                let expected = state.expects(actor, &op);
                state.start(actor, &op);
                // Another one who has to wait changes nothing.
                if expected != Expectation::Block {
                    state.apply(actor, &op, true);
                }
            }
        }
        // Who is stalled to the end is released before the final check.
        self.flights.iter().for_each(|flight| self.foresee_release(&mut state, flight.actor));
        let idle: Vec<Actor> = state.actors(process).filter(|actor| !state.is_busy(*actor)).collect();
        for actor in idle {
            let held: Vec<_> = state.holdings(actor).collect();
            held.iter().for_each(|held| state.apply(actor, &Op::Return(held.handle), true));
        }
        state.has_room(process, pool)
    }

    /// An actor who is stalled now is released: what he is inside of ends as it should.
    fn foresee_release(&self, state: &mut State, actor: Actor) {
        let held = self.flights.iter().find(|flight| flight.actor == actor && flight.held().is_some());
        if let Some(flight) = held.filter(|_| state.is_stalled(actor)) {
            state.apply(actor, &flight.op, true);
        }
    }

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
                    flight.bound = now.duration_since(flight.started) + self.bounds.served;
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
        let answered = !reactor.tap.is_busy();
        for flight in self.flights.iter_mut().filter(|flight| flight.is_settling()) {
            let thread = self.threads.iter().find(|(actor, _)| *actor == flight.actor).map(|(_, thread)| *thread);
            let pid = reactor.people.pid(flight.actor.process);
            let seen = pid.zip(thread).and_then(|(pid, thread)| Sight::of_waiting_thread(pid, thread));
            flight.settled = match (seen, &flight.settled) {
                // He gives up by himself: whether that is before or after the next step is not left to chance.
                (Some(now), _) if !flight.blocked && now.goes_on() => Settled::No,
                // Who may go on waits for the server as well, and is in the same wait until it has answered.
                (Some(now), Settled::Seen(before)) if now == *before && (flight.blocked || answered) => Settled::Yes,
                (Some(now), _) => Settled::Seen(now),
                (None, _) => Settled::No,
            };
        }
    }

    pub(super) fn is_settling(&self) -> bool {
        self.resting.is_some() || self.flights.iter().any(Flight::is_settling)
    }

    /// A fork waits until the pool's own threads are seen at rest: in lockstep it is not left to chance what it interrupts.
    pub(super) fn must_rest(&mut self, step: &Step, reactor: &Reactor) -> bool {
        let process = step.actor.process;
        let forks =
            matches!(step.op, Op::Fork(..)) && self.state.skips(self.interleaving.terms(), step.actor, &step.op).is_none();
        // Actors are at rest already, or wait for one another.
        let others = |pid: &i32| stuck::threads(*pid).is_some_and(|threads| threads > self.state.actors(process).count());
        let pid = if forks { reactor.people.pid(process) } else { None };
        let Some(sight) = pid.filter(others).and_then(Sight::of) else { return false };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::flight::Stall;
    use crate::execute::{Bounds, Effort, Weakness};
    use crate::history::SessionId;
    use crate::interleaving::parse;
    use crate::pool::Database;
    use crate::sql::Dialect;
    use crate::transport::Transport;

    /// Whether room is seen to come for the second checkout of a story, when that has just been sent.
    fn room_comes(story: &str) -> bool {
        let interleaving = parse(&format!("pool max_size=1\npromise anything\n{story}")).expect("a story");
        let dialect = Dialect::new(Database::Postgres, "ledger".to_owned());
        let mut case =
            Case::new(1, &interleaving, &dialect, Bounds::of(Effort::Quick, true), Weakness::default(), Transport::Unix);
        let mut checkouts = 0;
        for &Step { actor, op, stall, .. } in &interleaving.steps {
            case.cursor += 1;
            checkouts += u32::from(matches!(op, Op::Checkout(..)));
            case.state.start(actor, &op);
            if checkouts == 2 {
                let pool = case.state.pool_in(actor, &op).expect("a pool");
                return case.will_have_room(actor, pool);
            }
            if stall.is_some() {
                let stall = Stall::Held(SessionId(0));
                case.flights.push(Flight { actor, op, stall, ..Flight::end_of(actor.process, Duration::ZERO) });
                case.state.stall(actor);
            } else {
                case.state.apply(actor, &op, true);
            }
        }
        panic!("there is no second checkout in {story}")
    }

    #[test]
    fn who_waits_in_vain_is_known_before_he_waits() {
        let waits = "p0 open\np0 checkout a\np0 spawn t1\np0.t1 checkout b\n";
        assert!(room_comes(&format!("{waits}p0 return a")), "in a step");
        assert!(room_comes(waits), "in the epilogue");
        assert!(!room_comes(&format!("{waits}p0 leak a")), "it is leaked");
        assert!(!room_comes(&format!("{waits}p0 dispose")), "a pool that is closed serves nobody");
        assert!(room_comes(&format!("{waits}p0 return a\np0 checkout c\np0 leak c")), "it is leaked later");
        assert!(!room_comes("p0 open\np0 checkout a\np0 checkout b"), "he holds it himself");
    }

    #[test]
    fn what_a_stalled_actor_does_once_he_is_released_is_foreseen() {
        let held = "p0 open\np0 spawn t1\np0.t1 checkout a\n";
        let returning = format!("{held}p0.t1 return a stall=1\np0 checkout b\n");
        assert!(room_comes(&format!("{returning}p0.t1 release")), "the return ends");
        assert!(room_comes(&returning), "the final check releases him");
        let asking = format!("{held}p0.t1 query a stall=1\np0 checkout b\n");
        assert!(room_comes(&format!("{asking}p0.t1 release\np0.t1 return a")), "he goes on and returns it");
        assert!(room_comes(&asking), "he returns it in the final check");
        assert!(!room_comes(&format!("{asking}p0.t1 release\np0.t1 leak a")), "he goes on and leaks it");
    }
}
