//! Why an error may be the right answer: what the model could not know when the step began.

use super::facts::{Call, Facts};
use super::own::foreign_writes;
use crate::history::{Event, Outcome, SessionId, Witness};
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
        self.is_given_up(call, finished) || self.lost_its_session(call, finished)
    }

    /// The process itself has ended the call's pool or its runtime, has put another in its place, or has cancelled the statement; or the
    /// harness has used up the call's patience.
    pub(super) fn is_given_up(&self, call: &Call, finished: usize) -> bool {
        self.ended_its_pool(call, finished, |op| matches!(op, Op::Dispose(_) | Op::DropPool(_) | Op::DropRuntime(_)))
            || self.events.iter().any(|event| *event == Event::KeptTooLong { id: call.invocation.id })
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

    /// The administrator ended the session that the call used, or one of its pool while the call ran.
    fn lost_its_session(&self, call: &Call, finished: usize) -> bool {
        let ends_all = matches!(call.invocation.op, Op::Dispose(_) | Op::DropPool(_));
        let ends = |other: &&Call| matches!(other.invocation.op, Op::EndSession(_));
        self.calls.iter().take_while(|other| other.at < finished).filter(ends).any(|end| {
            let until = end.finished.map_or(usize::MAX, |(at, _)| at);
            let of_its_pool = end.invocation.pool == call.invocation.pool && (ends_all || until > call.at);
            let ended = |at: Option<usize>| at.is_some_and(|at| end.at < at && at < until);
            let lost = |(id, at): (&SessionId, Option<usize>)| ended(at) && self.used(call, *id, finished);
            of_its_pool || self.sessions.iter().map(|(id, session)| (id, session.server_closed)).any(lost)
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
