//! Motifs: patterns of steps in which pools break, put into random interleavings.
//!
//! They are what the failures from the field have in common: somebody is inside an operation while others go on, somebody waits, a
//! session ends under its holder, a connection comes back dirty, a process ends and its pid is used again. Who takes part, what he
//! does, and what a child does is left to chance, within what applies and the promise allows. A motif that comes to a step that does
//! not apply ends there.

mod faults;
mod parts;

use super::{Dice, Draft};
use crate::interleaving::{Actor, ExitKind, ForkKind, Handle, Op, Step};

impl Draft {
    /// Puts a motif here.
    pub(super) fn motif(&mut self, dice: &mut Dice) {
        let Some(actor) = dice.pick(&self.follower.idle()) else { return };
        // Only where it is allowed is there anything dirty, and then it is what the case is for.
        let dirty = self.terms.dirty && dice.one_in(2);
        let _ = match dice.below(10) {
            _ if dirty => self.returns_dirty(actor, dice),
            _ if self.manner.faulty && dice.one_in(2) => self.server_fails(actor, dice),
            0..4 => self.is_inside(actor, dice),
            4 => self.session_ends(actor, dice),
            5 | 6 => self.somebody_waits(actor, dice),
            7 => self.pid_is_reused(actor, dice),
            _ => self.child_acts(actor, dice),
        };
    }

    /// Somebody is inside an operation; another one forks, or does something of his own; then the first goes on.
    fn is_inside(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        let first = self.here_or_in_a_child(actor, dice);
        self.has_pool(first)?;
        let second = self.companion(first)?;
        let op = self.operation(second, dice)?;
        let reply = if matches!(op, Op::Checkout(..)) { 1 + dice.below(3) as u8 } else { 1 };
        self.does_step(Step { stall: Some(reply), ..Step::new(second, op) })?;
        self.follower.state().is_stalled(second).then_some(())?;
        if dice.one_in(2) || self.forks_and_behaves(first, dice).is_none() {
            self.goes_on_beside(first, op, dice);
        }
        self.does(second, Op::Release)?;
        for actor in [second, first, second] {
            self.probes(actor);
        }
        if dice.one_in(2) {
            self.returns_all(second)?;
        }
        self.asks(first)
    }

    /// While somebody else of the process is inside an operation: the same, or something else in the pool.
    fn goes_on_beside(&mut self, actor: Actor, other: Op, dice: &mut Dice) {
        let held = self.follower.state().holdings(actor).next().map(|held| held.handle);
        let _ = match (dice.below(6), held) {
            (0, _) => self.does(actor, Op::Dispose(None)),
            (1, _) => self.does(actor, Op::DropPool(None)),
            (2, Some(handle)) => self.does(actor, Op::Return(handle)),
            (3, Some(handle)) if other.statement().is_some() => self.does(actor, Op::Query(handle)),
            _ => self.asks(actor),
        };
    }

    /// A session ends under its holder, perhaps inside a transaction; he goes on, or returns it.
    fn session_ends(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        let handle = self.holds(actor)?;
        if dice.one_in(2) && self.does(actor, Op::Begin(handle)).is_some() {
            self.does(actor, Op::Insert(handle))?;
        }
        self.loses_session(actor, handle)?;
        let goes_on = [Op::Commit, Op::Commit, Op::Rollback, Op::Query, Op::Insert, Op::Return];
        let next = dice.pick(&goes_on)?(handle);
        let _ = self.does(actor, next);
        if dice.one_in(2) {
            self.returns_all(actor)?;
        }
        self.uses_often(actor)
    }

    /// The pool is exhausted and somebody waits: then there is a fork, or what he waits for comes back, sound or broken.
    fn somebody_waits(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        let (handle, second) = self.has_a_waiter(actor)?;
        match dice.below(4) {
            0 => self.loses_session(actor, handle)?,
            1 => {}
            _ => {
                let child = self.forks(actor, dice)?.main();
                self.returns_all(child)?;
                self.uses_often(child)?;
            }
        }
        self.ends_transaction(actor, handle);
        self.does(actor, Op::Return(handle))?;
        self.probes(second);
        Some(())
    }

    /// A connection comes back with an open transaction, changed settings or a lock, and the next holder asks.
    fn returns_dirty(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        let handle = self.holds(actor)?;
        let other = if dice.one_in(2) && self.has_room(actor) { self.checks_out(actor) } else { None };
        let left = dice.pick(&[Op::Begin, Op::Mark, Op::Lock])?;
        self.does(actor, left(handle))?;
        if dice.one_in(3) {
            self.does(actor, Op::Insert(handle))?;
        }
        self.does(actor, Op::Return(handle))?;
        let next = other.or_else(|| self.checks_out(actor))?;
        let asks = dice.pick(&[Op::Query, Op::Insert, Op::Lock, Op::Lock])?;
        self.does(actor, asks(next))?;
        self.does(actor, Op::Query(next))
    }

    /// A process of a line ends, and a descendant of another gets its pid.
    fn pid_is_reused(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        self.may_have_pool(actor, dice);
        let middle = self.forks(actor, dice)?;
        if !dice.one_in(3) {
            self.uses_pool(middle.main());
        }
        let last = self.forks(middle.main(), dice)?;
        if dice.one_in(3) {
            self.behaves(last.main(), dice);
        }
        let end = dice.pick(&[ExitKind::Now, ExitKind::Now, ExitKind::Signal, ExitKind::Main, ExitKind::AtExit])?;
        self.does(middle.main(), Op::Exit(end))?;
        self.does(actor, Op::Wait(middle))?;
        let forks = dice.pick(&[last.main(), last.main(), actor])?;
        let child = self.forks_as(forks, ForkKind::ReusedPid)?;
        self.uses_pool(child.main())
    }

    /// A child uses what it inherited, or lets go of it, and its parent goes on.
    fn child_acts(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        self.may_have_pool(actor, dice);
        if dice.one_in(2) {
            let handle = self.holds(actor)?;
            let first: &[fn(Handle) -> Op] = &[Op::Query, Op::Prepared, Op::Begin, Op::Insert];
            let _ = self.does(actor, dice.pick(first)?(handle));
        }
        self.forks_and_behaves(actor, dice)?;
        self.probes(actor);
        self.returns_all(actor)?;
        self.asks(actor)
    }
}
