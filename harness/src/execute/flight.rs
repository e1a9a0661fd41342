//! An invocation that has not finished: until when, and what is still missing.

use std::time::{Duration, Instant};

use super::bounds::Bounds;
use super::stuck::Sight;
use crate::history::{InvocationId, Outcome, PoolId, SessionId};
use crate::interleaving::{Actor, ExitKind, Op, Process};

/// Whether somebody who must wait has come so far. Until then nobody else goes on: where a fork finds him is not left to chance.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Settled {
    No,
    /// He was seen waiting once.
    Seen(Sight),
    Yes,
}

/// Whether a reply of the server is kept from an invocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stall {
    No,
    /// It will be, if the server replies so often.
    Armed,
    /// It is, on this session.
    Held(SessionId),
}

/// An invocation that has not finished.
pub(super) struct Flight {
    pub(super) id: InvocationId,
    pub(super) actor: Actor,
    pub(super) op: Op,
    pub(super) pool: Option<PoolId>,
    pub(super) started: Instant,
    pub(super) bound: Duration,
    /// The bound that it had at first: somebody who waits and is not served has it again.
    pub(super) own_bound: Duration,
    /// It waits for another actor, so that nobody waits for it.
    pub(super) blocked: bool,
    /// It may have to wait for an actor who is stalled, so that nobody waits for it once it is seen to wait.
    pub(super) lingers: bool,
    /// And is seen to wait.
    pub(super) settled: Settled,
    /// Whether a reply to it is, or is to be, withheld.
    pub(super) stall: Stall,
    /// The session that it uses is to be cut.
    pub(super) cut: bool,
    /// There is room for it now.
    pub(super) released: Option<Instant>,
    /// What is still missing: the answer, the hello of a new actor.
    pub(super) answer: Option<Outcome>,
    pub(super) hello: bool,
}

impl Flight {
    pub(super) fn is_awaited(&self) -> bool {
        let goes_on = !(self.blocked || self.lingers) || self.released.is_some() || self.settled != Settled::Yes;
        goes_on && self.held().is_none()
    }

    /// Replies are counted for it, of which one is to be withheld, or bytes, behind which the session is to be cut.
    pub(super) fn is_armed(&self) -> bool {
        self.stall == Stall::Armed || self.cut
    }

    /// The session on which a reply to it is withheld.
    pub(super) fn held(&self) -> Option<SessionId> {
        match self.stall {
            Stall::Held(session) => Some(session),
            Stall::No | Stall::Armed => None,
        }
    }

    /// A reply is withheld from a checkout, and the clock of the pool has run on: what is left of its patience says nothing.
    pub(super) fn was_kept_too_long(&self, bounds: Bounds) -> bool {
        let patience = self.own_bound.saturating_sub(bounds.overdue);
        matches!(self.op, Op::Checkout(..)) && self.held().is_some() && self.started.elapsed() >= patience / 2
    }

    /// Somebody else has to do something before it can end: no clock runs.
    pub(super) fn is_suspended(&self) -> bool {
        self.held().is_some() || self.lingers && self.settled == Settled::Yes
    }

    /// It must be seen to wait before anybody else goes on.
    pub(super) fn is_settling(&self) -> bool {
        (self.blocked || self.lingers) && self.settled != Settled::Yes
    }

    pub(super) fn deadline(&self) -> Instant {
        self.started + self.bound
    }

    /// The wait for the end of a process that was killed.
    pub(super) fn is_killing(&self) -> bool {
        self.id == KILLING
    }

    pub(super) fn end_of(process: Process, bound: Duration) -> Self {
        Self {
            id: KILLING,
            actor: process.main(),
            op: Op::Exit(ExitKind::Signal),
            pool: None,
            started: Instant::now(),
            bound: bound * 12,
            own_bound: bound * 12,
            blocked: false,
            lingers: false,
            settled: Settled::Yes,
            stall: Stall::No,
            cut: false,
            released: None,
            answer: None,
            hello: true,
        }
    }
}

/// No invocation has this number.
const KILLING: InvocationId = InvocationId(u32::MAX);
