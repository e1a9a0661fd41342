//! Those who are inside an operation because a reply of the server is kept from them, until they are released.

use std::time::Instant;

use super::case::Case;
use super::flight::{Flight, Stall};
use super::reactor::Reactor;
use crate::history::{Event, SessionId};
use crate::interleaving::{Actor, Process};

impl Case<'_> {
    /// The tap withholds a reply now: its step is stalled, and others may go on.
    pub(super) fn see_withheld(&mut self, reactor: &Reactor) {
        if self.flights.iter().all(|flight| flight.stall != Stall::Armed) {
            return;
        }
        let known: Vec<_> = self.flights.iter().filter_map(Flight::held).collect();
        let withheld = reactor.tap.withheld().into_iter().filter(|(session, _)| !known.contains(session));
        for (session, process) in withheld {
            let armed = |flight: &&mut Flight| flight.stall == Stall::Armed && flight.actor.process == process;
            if let Some(flight) = self.flights.iter_mut().find(armed) {
                flight.stall = Stall::Held(session);
                self.state.stall(flight.actor);
            }
        }
    }

    /// Withholds nothing from those of a process who have not been stalled yet.
    pub(super) fn give_up_stalls(&mut self, process: Process, reactor: &mut Reactor) {
        let own = |flight: &&mut Flight| flight.actor.process == process && flight.is_armed();
        for flight in self.flights.iter_mut().filter(own) {
            reactor.tap.disarm(process);
            if flight.stall == Stall::Armed {
                flight.stall = Stall::No;
                self.history.append(Event::NeverStalled { id: flight.id });
            }
        }
    }

    /// A step has ended that was to be stalled: no reply is kept on its account. What was withheld was somebody else's, who asked at
    /// the same moment.
    pub(super) fn let_go(&mut self, ended: &Flight, cut: bool, reactor: &mut Reactor) {
        let process = ended.actor.process;
        if ended.was_kept_too_long(self.bounds) {
            self.history.append(Event::KeptTooLong { id: ended.id });
        }
        reactor.tap.disarm(process);
        let kept: Vec<SessionId> = self.flights.iter().filter_map(Flight::held).collect();
        let stray = reactor.tap.withheld().into_iter().filter(|(session, whose)| *whose == process && !kept.contains(session));
        stray.for_each(|(session, _)| reactor.tap.release(session, &mut self.history));
        if ended.stall != Stall::No {
            self.history.append(Event::NeverStalled { id: ended.id });
        }
        if ended.cut && !cut {
            self.history.append(Event::NeverCut { id: ended.id });
        }
    }

    /// Lets an actor's step go on.
    pub(super) fn release(&mut self, actor: Actor, reactor: &mut Reactor) {
        // What the server says next is for him, and for nobody who waits for him in the pool.
        self.give_up_stalls(actor.process, reactor);
        let held = |flight: &&mut Flight| flight.actor == actor && flight.held().is_some();
        let Some(flight) = self.flights.iter_mut().find(held) else { return };
        let Some(session) = flight.held() else { return };
        if flight.was_kept_too_long(self.bounds) {
            self.history.append(Event::KeptTooLong { id: flight.id });
        }
        flight.stall = Stall::No;
        flight.started = Instant::now();
        reactor.tap.release(session, &mut self.history);
        self.state.resume(actor);
        // Whoever waited for him is waited for again.
        for other in self.flights.iter_mut().filter(|other| other.actor.process == actor.process && other.lingers) {
            other.lingers = false;
            other.started = Instant::now();
        }
    }

    /// Lets everybody go on who is stalled. False if nobody is.
    pub(super) fn release_all(&mut self, reactor: &mut Reactor) -> bool {
        let held: Vec<Actor> = self.flights.iter().filter(|flight| flight.held().is_some()).map(|flight| flight.actor).collect();
        held.iter().for_each(|actor| self.release(*actor, reactor));
        !held.is_empty()
    }
}
