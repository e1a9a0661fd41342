//! Faults of the server and of the way to it. Each is undone when its guard is dropped: by a step, before the final check, or with the
//! case.

use super::administrator::Question;
use super::case::Case;
use super::flight::Flight;
use super::reactor::Reactor;
use crate::history::{Event, InvocationId, Outcome, SessionId};
use crate::interleaving::{Op, Refusal};
use crate::tap::Refusing;
use crate::trouble::Trouble;

/// Sessions that are being ended.
pub(super) struct Ending {
    pub(super) id: InvocationId,
    pub(super) sessions: Vec<SessionId>,
    /// Questions to the administrator that were not answered.
    pub(super) unanswered: usize,
    /// Nobody comes in while a server is restarted.
    pub(super) _refusing: Option<Refusing>,
}

impl Case<'_> {
    /// What the server does from now on.
    pub(super) fn change_server(&mut self, id: InvocationId, op: Op, reactor: &mut Reactor) -> Result<(), Trouble> {
        match op {
            Op::Refuse(how) => self.refusing = Some(reactor.tap.refuse(how)),
            Op::Accept => self.refusing = None,
            Op::Restart => return self.restart(id, reactor),
            _ => return Err(Trouble::Bug(format!("'{op}' is no affair of the server's"))),
        }
        self.is_done(id, reactor)
    }

    /// Every session ends, as at a restart, and nobody comes in meanwhile. A server is shared by all workers of a run: of a real one
    /// the administrator ends the sessions that are this worker's, and the tap those that it has no name for yet.
    fn restart(&mut self, id: InvocationId, reactor: &mut Reactor) -> Result<(), Trouble> {
        let sessions = reactor.tap.open_sessions();
        let ends: Vec<_> = sessions.iter().map(|session| (*session, self.end_of(*session, reactor))).collect();
        let unanswered = ends.iter().filter(|(_, end)| end.is_some()).count();
        let refusing = (!reactor.tap.is_refusing()).then(|| reactor.tap.refuse(Refusal::Closed));
        self.ending = Some(Ending { id, sessions, unanswered, _refusing: refusing });
        for (session, end) in ends {
            match end {
                Some(end) => reactor.ask(Question::SessionEnd, &end)?,
                None => reactor.tap.cut(session),
            }
        }
        self.see_session_ended(reactor)
    }

    /// The server takes new sessions again before the final check, whatever the steps have left.
    pub(super) fn undo_faults(&mut self) {
        if self.refusing.take().is_some() {
            self.state.accept();
            self.history.append(Event::Accepting);
        }
    }

    /// Whether the session of a step was cut for it.
    pub(super) fn was_cut(&self, flight: &Flight) -> bool {
        let invoked = |event: &&Event| !matches!(event, Event::Invoked(call) if call.id == flight.id);
        let since = self.history.events().iter().rev().take_while(invoked);
        let process = flight.actor.process;
        flight.cut && since.into_iter().any(|event| matches!(event, Event::Cut { process: whose, .. } if *whose == process))
    }

    /// The harness itself has done what a step wanted.
    pub(super) fn is_done(&mut self, id: InvocationId, reactor: &mut Reactor) -> Result<(), Trouble> {
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.id == id) {
            flight.answer = Some(Outcome::Done);
        }
        self.settle(id, reactor)
    }
}
