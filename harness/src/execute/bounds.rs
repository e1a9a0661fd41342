//! The time limits of one execution: how long each kind of step is waited for.

use std::time::Duration;

use crate::history::Expectation;
use crate::interleaving::Op;
use crate::limits;

/// How long the executor waits before it concludes anything from time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For searching: what only the clock says is confirmed by a second run with [`Effort::Full`].
    Quick,
    /// For confirming: bounds that a slow machine does not reach.
    Full,
}

/// Time limits of one execution.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    must: Duration,
    /// Who waits for room must have it so long after it has come.
    pub(super) served: Duration,
    blocked: Duration,
    either: Duration,
    pub(super) release: Duration,
    pub(super) overdue: Duration,
    pub(super) spinning: Duration,
}

impl Bounds {
    /// A pool on an embedded server has a connection in a fraction of a millisecond, or never.
    pub(super) fn of(effort: Effort, inside: bool) -> Self {
        let (blocked, either) = match inside {
            true => (limits::PATIENCE_BLOCKED_INSIDE, limits::PATIENCE_EITHER_INSIDE),
            false => (limits::PATIENCE_BLOCKED, limits::PATIENCE_EITHER),
        };
        let (must, served, release) = match effort {
            Effort::Quick => (limits::PATIENCE_QUICK, limits::SERVED_QUICK, limits::PATIENCE_RELEASE_QUICK),
            Effort::Full => (limits::PATIENCE, limits::SERVED, limits::PATIENCE_RELEASE),
        };
        let (overdue, spinning) = match effort {
            Effort::Quick => (limits::OVERDUE_QUICK, limits::SPINNING_QUICK),
            Effort::Full => (limits::OVERDUE, limits::SPINNING),
        };
        Self { must, served, blocked, either, release, overdue, spinning }
    }

    pub(super) fn patience(self, op: &Op, expected: Expectation, served_later: bool) -> Duration {
        match (op, expected) {
            (Op::Checkout(..), Expectation::Block) if served_later => self.release,
            (Op::Checkout(..), Expectation::Block) => self.blocked,
            (Op::Checkout(..), Expectation::Either) => self.either,
            (Op::Checkout(..), Expectation::Success) => self.must,
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool that wakes nobody looks for room again when patience ends. Judged is who has waited for less than half of it when room
    /// comes: the rest must be longer than he may take then.
    #[test]
    fn who_is_not_woken_is_late_before_he_gives_up() {
        for effort in [Effort::Quick, Effort::Full] {
            let bounds = Bounds::of(effort, true);
            assert!(bounds.served <= bounds.release / 2, "{effort:?}");
        }
    }
}
