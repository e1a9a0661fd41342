//! Those who do not end: proved stuck, seen to spin, or overdue by the clock; and cases that need not go on. All are ended.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::case::{Case, Phase};
use super::flight::Flight;
use super::reactor::{Reactor, abandon};
use super::stuck::{Running, Sight};
use crate::history::{Event, History, InvocationId};
use crate::interleaving::Process;
use crate::tap::{leading_elsewhere, sockets};
use crate::trouble::Trouble;

impl Case<'_> {
    /// Something has happened: what was seen before proves nothing any more.
    pub(super) fn look_away(&mut self) {
        self.last_sight.clear();
        self.spinners.clear();
    }

    /// Nothing has happened for a while: is somebody stuck?
    pub(super) fn look(&mut self, reactor: &mut Reactor) {
        if self.flights.iter().any(|flight| !flight.hello) || self.ending.is_some() || !self.weakness.tapped() {
            // Somebody is being born, and runs unseen; the server is ending sessions; or nobody sees what it owes: only the clock can
            // speak.
            return;
        }
        let sights: Vec<(Process, Sight)> = self
            .state
            .running_processes()
            .filter_map(|process| Some((process, Sight::of(reactor.people.pid(process)?)?)))
            .collect();
        let all_wait = sights.len() == self.state.running_processes().count() && sights.iter().all(|(_, sight)| sight.is_stuck());
        // Twice the same, and nothing undelivered in between: nobody ran.
        let unchanged = all_wait && !sights.is_empty() && sights == self.last_sight && !self.may_be_answered(&sights, reactor);
        // An answer that nobody here can see may still come: only the clock can speak.
        let unchanged = unchanged && self.connected_elsewhere(reactor).is_empty();
        if unchanged && self.release_all(reactor) {
            // Nobody is stuck who waits for somebody that the harness keeps waiting.
            return self.look_away();
        }
        if unchanged && let Some(flight) = self.flights.iter().find(|flight| flight.is_awaited() || self.phase == Phase::Epilogue)
        {
            let (process, id) = (flight.actor.process, flight.id);
            let threads = sights.iter().filter(|(seen, _)| *seen == process).flat_map(|(_, sight)| sight.lines()).collect();
            self.history.append(Event::Stuck { process, id, threads });
            self.kill(process, reactor);
        } else if let Some((process, id, cpu)) = self.spinner(&sights) {
            self.history.append(Event::Spinning { process, id, cpu_ms: cpu.as_millis() as u64 });
            self.kill(process, reactor);
        }
        self.last_sight = sights;
    }

    /// The server owes somebody an answer. Where frames cannot be read nobody knows what it owes: then those are answered who wait for
    /// bytes.
    fn may_be_answered(&self, sights: &[(Process, Sight)], reactor: &Reactor) -> bool {
        let hidden = !self.history.transport().shows_frames();
        let listens = || {
            let sockets = reactor.tap.client_sockets();
            sights.iter().any(|(_, sight)| sight.listens(&sockets))
        };
        reactor.tap.is_busy() || hidden && listens()
    }

    /// The sockets by which processes of the case are connected to somebody who is neither of the case nor of the harness. One that the
    /// tap takes in its next turn is among them.
    fn connected_elsewhere(&self, reactor: &Reactor) -> HashSet<u32> {
        if !self.weakness.tapped() || reactor.tap.is_refusing() {
            return HashSet::new();
        }
        let pids = self.state.running_processes().filter_map(|process| reactor.people.pid(process));
        leading_elsewhere(&pids.flat_map(sockets).collect(), &sockets(std::process::id().cast_signed()))
    }

    /// Somebody who computes, or waits without a time limit, in a process of which a thread has only computed for longer than
    /// anything may take.
    fn spinner(&mut self, sights: &[(Process, Sight)]) -> Option<(Process, InvocationId, Duration)> {
        let sight = |process: Process| sights.iter().find(|(seen, _)| *seen == process).map(|(_, sight)| sight);
        self.spinners.retain(|(process, running)| sight(*process).and_then(|sight| running.used(sight)).is_some());
        for (process, sight) in sights {
            let new = |running: &Running| !self.spinners.iter().any(|(known, before)| known == process && before.is(running));
            let more: Vec<_> = sight.running().filter(new).map(|running| (*process, running)).collect();
            self.spinners.extend(more);
        }
        let used = self.spinners.iter().filter_map(|(process, running)| Some((*process, running.used(sight(*process)?)?)));
        let mut endless = used.filter(|(_, used)| *used >= self.bounds.spinning);
        endless.find_map(|(process, used)| {
            let hangs = |flight: &&Flight| {
                let thread = self.threads.iter().find(|(actor, _)| *actor == flight.actor).map(|(_, thread)| *thread);
                let in_vain = || Some(sight(process)?.never_returns(thread?));
                flight.actor.process == process && flight.is_awaited() && !flight.is_killing() && in_vain() == Some(true)
            };
            self.flights.iter().find(hangs).map(|flight| (process, flight.id, used))
        })
    }

    /// Ends those who owe something beyond their bound.
    ///
    /// # Errors
    /// Whom they wait for may be somebody to whom they are connected past the tap. Then nobody is to blame.
    pub(super) fn expire(&mut self, reactor: &mut Reactor) -> Result<(), Trouble> {
        let now = Instant::now();
        let is_late = |flight: &&Flight| !flight.is_suspended() && now >= flight.deadline();
        if self.flights.iter().any(|flight| is_late(&flight) && !flight.is_killing()) && self.release_all(reactor) {
            return Ok(());
        }
        let asks = |flight: &Flight| is_late(&flight) && flight.op.reaches_the_wire();
        let elsewhere = if self.flights.iter().any(asks) { self.connected_elsewhere(reactor) } else { HashSet::new() };
        let before = std::mem::replace(&mut self.elsewhere, elsewhere);
        if !before.is_disjoint(&self.elsewhere) {
            return Err(Trouble::AroundTheTap);
        }
        if before.is_empty() && !self.elsewhere.is_empty() {
            // Seen once: the tap may be about to take it.
            return Ok(());
        }
        let overdue = self.flights.iter().filter(is_late);
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
        Ok(())
    }

    /// Everybody is known who would have to be ended.
    pub(super) fn can_be_cut(&self) -> bool {
        matches!(self.phase, Phase::Steps | Phase::Epilogue) && self.flights.iter().all(|flight| flight.hello)
    }

    /// Ends every process, and gives the history so far; what happens from now on is no part of it.
    pub(super) fn cut(&mut self, reactor: &mut Reactor) -> History {
        let history = std::mem::take(&mut self.history);
        let running: Vec<Process> = self.state.running_processes().collect();
        running.into_iter().for_each(|process| self.kill(process, reactor));
        self.inserted = false;
        self.phase = Phase::Epilogue;
        history
    }

    fn kill(&mut self, process: Process, reactor: &mut Reactor) {
        self.history.append(Event::Killed { process });
        self.killed = true;
        reactor.people.kill(process);
        // Nothing is awaited of it but its end.
        self.flights.retain(|flight| flight.actor.process != process);
        self.flights.push(Flight::end_of(process, self.bounds.overdue));
    }
}
