//! Why an error may be the right answer: what the model could not know when the step began.

use super::facts::{Call, Facts};
use super::own::foreign_writes;
use crate::history::{Event, Outcome, PoolId, SessionId, Witness};
use crate::interleaving::Op;
use crate::pool::ErrorKind;

impl Facts<'_> {
    /// The process had begun to end the call's pool in one of these ways before that place of the history.
    pub(super) fn ended_its_pool(&self, call: &Call, before: usize, ways: fn(Op) -> bool) -> bool {
        let ends = |other: &&Call| other.at != call.at && ways(other.invocation.op) && !other.is_not_offered();
        let mut earlier = self.calls.iter().take_while(|other| other.at < before).filter(ends);
        earlier.any(|other| other.process() == call.process() && other.invocation.pool == call.invocation.pool)
    }

    /// Something that was done while the call ran, or that the model knows nothing of, makes an error a right answer.
    pub(super) fn may_err(&self, call: &Call, finished: usize) -> bool {
        self.is_given_up(call, finished) || self.lost_its_session(call, finished) || self.was_turned_away(call, finished)
    }

    /// The process itself has ended the call's pool or its runtime, has put another in its place, or has cancelled the statement; or the
    /// harness has used up the call's patience.
    pub(super) fn is_given_up(&self, call: &Call, finished: usize) -> bool {
        self.ended_its_pool(call, finished, |op| matches!(op, Op::Dispose(_) | Op::DropPool(_) | Op::DropRuntime(_)))
            || self.events.contains(&Event::KeptTooLong { id: call.invocation.id })
            || self.was_replaced(call, finished)
            || self.was_cancelled(call, finished)
    }

    /// The hook for a forked child was called after the call's checkout was made: it may have put another pool in its place.
    fn was_replaced(&self, call: &Call, finished: usize) -> bool {
        let made = |other: &&Call| matches!(other.invocation.op, Op::Checkout(..)) && other.same_checkout(call);
        let Some(made) = self.calls.iter().find(made).filter(|made| made.at != call.at) else { return false };
        self.ended_its_pool(call, finished, |op| matches!(op, Op::AfterFork(_)))
            && !self.ended_its_pool(call, made.at, |op| matches!(op, Op::AfterFork(_)))
    }

    /// A cancel request of the process itself was on its way: it hits what runs then, or what comes next.
    fn was_cancelled(&self, call: &Call, finished: usize) -> bool {
        let own = |other: &&Call| other.process() == call.process() && other.same_checkout(call);
        let asks = |other: &&Call| matches!(other.invocation.op, Op::Cancel(_)) && !other.is_not_offered();
        let served_since = |asked: usize| {
            let between = |other: &Call| other.at > asked && other.finished.is_some_and(|(at, _)| at < call.at);
            self.calls
                .iter()
                .filter(own)
                .any(|other| between(other) && other.succeeded() && other.invocation.op.statement().is_some())
        };
        let mut asked = self.calls.iter().take_while(|other| other.at < finished).filter(own).filter(asks);
        asked.any(|other| !other.finished.is_some_and(|(at, _)| served_since(at)))
    }

    /// The administrator ended the session that the call used, or it was cut; or one of its pool while the call ran.
    fn lost_its_session(&self, call: &Call, finished: usize) -> bool {
        let ends_all = matches!(call.invocation.op, Op::Dispose(_) | Op::DropPool(_));
        let losses = losses(self).into_iter().filter(|loss| loss.from < finished);
        losses.into_iter().any(|loss| {
            let of_its_pool = loss.concerns(call) && (ends_all || loss.until > call.at);
            let ended = |at: Option<usize>| at.is_some_and(|at| loss.from < at && at < loss.until);
            let lost = |(id, at): (&SessionId, Option<usize>)| ended(at) && self.used(call, *id, finished);
            let cut = loss.session.is_some_and(|session| self.used(call, session, finished));
            of_its_pool || cut || self.sessions.iter().map(|(id, session)| (id, session.server_closed)).any(lost)
        })
    }

    /// While the call ran, the server did not take a session that its process opened.
    fn was_turned_away(&self, call: &Call, finished: usize) -> bool {
        let meanwhile = self.events.get(call.at..finished).unwrap_or_default();
        meanwhile.iter().any(|event| match event {
            Event::Refused { session } => {
                let owner = self.sessions.get(session).map(|session| session.owner);
                owner == Some(Witness::Process(call.process()))
            }
            _ => false,
        })
    }

    /// A statement of the call's checkout had run on the session.
    fn used(&self, call: &Call, id: SessionId, before: usize) -> bool {
        self.statements().any(|(at, session, other)| at < before && session == id && other.same_checkout(call))
    }

    /// A process was refused what it did not open but inherited, and until then had written nothing on a foreign session.
    pub(super) fn is_safe_refusal(&self, call: &Call) -> bool {
        let Some((at, Outcome::Error { kind: ErrorKind::Refused, .. })) = call.finished else { return false };
        let process = call.process();
        let opened_it = |other: &Call| {
            let opens = matches!(other.invocation.op, Op::Open(_)) && other.process() == process;
            opens && other.invocation.pool == call.invocation.pool
        };
        let wrote = foreign_writes(self).any(|foreign| foreign.at < at && foreign.writer == Witness::Process(process));
        call.invocation.pool.is_some() && !self.calls.iter().any(opened_it) && !wrote
    }
}

/// A fault by which sessions were lost.
pub(super) struct Loss {
    /// Where it began, and where all were gone.
    pub(super) from: usize,
    pub(super) until: usize,
    /// The pool that had them; every pool, if there is none.
    pub(super) pool: Option<PoolId>,
    /// The session, where it was cut.
    session: Option<SessionId>,
}

impl Loss {
    /// It may have been a session of the call's pool.
    fn concerns(&self, call: &Call) -> bool {
        self.pool.is_none_or(|pool| call.invocation.pool == Some(pool))
    }
}

/// Where sessions were lost: ended by the administrator, by a restart, or cut.
pub(super) fn losses(facts: &Facts) -> Vec<Loss> {
    let ended = facts.calls.iter().filter_map(|call| {
        let pool = match call.invocation.op {
            Op::EndSession(_) => Some(call.invocation.pool?),
            Op::Restart => None,
            _ => return None,
        };
        Some(Loss { from: call.at, until: call.end(), pool, session: None })
    });
    let cut = facts.events.iter().enumerate().filter_map(|(at, event)| match event {
        Event::Cut { session, process, .. } => {
            let of_it = |call: &&Call| call.invocation.cut.is_some();
            let pool = facts.inside(*process, at).find(of_it).and_then(|call| call.invocation.pool)?;
            Some(Loss { from: at, until: at, pool: Some(pool), session: Some(*session) })
        }
        _ => None,
    });
    ended.chain(cut).collect()
}
