//! The administrator ends a session: done when the tap saw the server's EOF.

use super::administrator::Question;
use super::case::Case;
use super::faults::Ending;
use super::reactor::Reactor;
use crate::history::{Event, InvocationId, SessionId, Skip};
use crate::interleaving::{Actor, Handle, Op, Step};
use crate::pool::{Error, Rows};
use crate::trouble::Trouble;

impl Case<'_> {
    /// A session cannot be ended that nobody knows: no statement of the checkout has shown which it is, or it has ended already.
    pub(super) fn lacks_session(&self, step: &Step, reactor: &Reactor) -> Option<Skip> {
        let Op::EndSession(handle) = step.op else { return None };
        let session = self.session_of(step.actor, handle).filter(|session| reactor.tap.open_sessions().contains(session));
        session.and_then(|session| self.end_of(session, reactor)).is_none().then_some(Skip::DoesNotApply)
    }

    /// The session that last carried a statement of the checkout.
    fn session_of(&self, actor: Actor, handle: Handle) -> Option<SessionId> {
        let checkout = self.state.holding(actor, handle)?.checkout;
        if !self.history.transport().shows_frames() {
            let of_it =
                |id: InvocationId| self.history.invocations().any(|(_, call)| call.id == id && call.checkout == Some(checkout));
            return self.history.answered_alone().into_iter().rfind(|(_, _, id)| of_it(*id)).map(|(_, session, _)| session);
        }
        let asked = |nonce| self.history.invocations().any(|(_, call)| call.nonce == nonce && call.checkout == Some(checkout));
        self.history.events().iter().rev().find_map(|event| match event {
            Event::Wrote { session, frames, .. } => {
                frames.iter().any(|frame| frame.nonce.is_some() && asked(frame.nonce)).then_some(*session)
            }
            _ => None,
        })
    }

    pub(super) fn end_session(
        &mut self,
        actor: Actor,
        handle: Handle,
        id: InvocationId,
        reactor: &mut Reactor,
    ) -> Result<(), Trouble> {
        let session = self.session_of(actor, handle);
        let Some((session, end)) = session.and_then(|session| Some((session, self.end_of(session, reactor)?))) else {
            return Err(Trouble::Bug(format!("{actor} has no session to be ended")));
        };
        self.ending = Some(Ending { id, sessions: vec![session], unanswered: 1, _refusing: None });
        reactor.ask(Question::SessionEnd, &end)
    }

    /// What ends a session: by the number that the server has for it, or where that was said in secret by the port it comes from.
    pub(super) fn end_of(&self, session: SessionId, reactor: &Reactor) -> Option<String> {
        let number = self.server_number(session, reactor).map(|number| self.dialect.end_session(number));
        // Behind a pooler the port is the pooler's.
        let port = reactor.tap.server_port(session).filter(|_| self.pooling.is_none());
        number.or_else(|| port.and_then(|port| self.dialect.end_session_from(port)))
    }

    pub(super) fn administrator_has_ended(&mut self, answer: Result<Rows, Error>) -> Result<(), Trouble> {
        match answer {
            // It may have ended by itself while it was asked for.
            Err(error) if !self.dialect.says_no_session(&error) => {
                return Err(Trouble::ServerGone(format!("the administrator cannot end a session: {error}")));
            }
            _ => {}
        }
        if let Some(ending) = &mut self.ending {
            ending.unanswered = ending.unanswered.saturating_sub(1);
        }
        Ok(())
    }

    /// The server has closed the sessions: their end is done.
    pub(super) fn see_session_ended(&mut self, reactor: &mut Reactor) -> Result<(), Trouble> {
        let Some(ending) = &self.ending else { return Ok(()) };
        let open = reactor.tap.open_sessions();
        if ending.unanswered > 0 || ending.sessions.iter().any(|session| open.contains(session)) {
            return Ok(());
        }
        let id = ending.id;
        self.ending = None;
        self.is_done(id, reactor)
    }
}
