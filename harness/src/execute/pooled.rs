//! What is different where the server is a pooler, with another server behind it.

use super::case::Case;
use super::reactor::Reactor;
use crate::choice::Pooling;
use crate::history::{Event, Outcome, SessionId, Skip};
use crate::interleaving::{Op, Step};

impl Case<'_> {
    /// Takes note of the pooler that stands before the server, if one does.
    pub(super) fn stands_before(&mut self, pooling: Option<Pooling>) {
        self.pooling = pooling;
        if pooling == Some(Pooling::Transaction) {
            self.history.append(Event::Shared);
        }
    }

    /// Where sessions are shared, steps do not apply that need one for longer than a transaction: a prepared statement, a setting or a lock
    /// stays behind on a session that the next statement may not get.
    pub(super) fn has_no_session(&self, step: &Step) -> Option<Skip> {
        let needs_one = matches!(step.op, Op::Prepared(_) | Op::Mark(_) | Op::Lock(_) | Op::EndSession(_));
        (needs_one && self.pooling == Some(Pooling::Transaction)).then_some(Skip::DoesNotApply)
    }

    /// What the server calls a session. A pooler gives its clients numbers of its own, which the server does not know: there the rows tell
    /// that a checkout has got on the session.
    pub(super) fn server_number(&self, session: SessionId, reactor: &Reactor) -> Option<u32> {
        match self.pooling {
            None => reactor.tap.server_number(session),
            Some(_) => self.told_number(session),
        }
    }

    fn told_number(&self, session: SessionId) -> Option<u32> {
        let asked = self.history.events().iter().rev().filter_map(|event| match event {
            Event::Wrote { session: on, frames, .. } if *on == session => Some(frames),
            _ => None,
        });
        let mut nonces = asked.flatten().filter_map(|frame| frame.nonce);
        nonces.find_map(|nonce| self.told(nonce))
    }

    /// The second column of the row that answered a query.
    fn told(&self, nonce: crate::nonce::Nonce) -> Option<u32> {
        let (_, call) = self.history.invocations().find(|(_, call)| call.nonce == Some(nonce))?;
        match (call.op, self.history.outcome(call.id)?) {
            (Op::Query(_) | Op::Prepared(_), (_, Outcome::Rows(rows))) => rows.first()?.get(1)?.as_deref()?.parse().ok(),
            _ => None,
        }
    }
}
