//! What motifs are put together from: steps that apply, on pools, on checkouts, by threads and by processes. Each part says whether it
//! came to its end.

use super::{Dice, Draft};
use crate::generate::fresh;
use crate::interleaving::{Actor, ExitKind, ForkKind, Handle, Op, Process, Step, Thread};
use crate::limits;
use crate::model::Holding;
use crate::promise::Promise;

/// Steps.
impl Draft {
    /// Takes a step if it applies.
    pub(super) fn does(&mut self, actor: Actor, op: Op) -> Option<()> {
        self.does_step(Step::new(actor, op))
    }

    pub(super) fn does_step(&mut self, step: Step) -> Option<()> {
        (self.applies(step.actor, step.op) && self.add(step)).then_some(())
    }

    fn applies(&self, actor: Actor, op: Op) -> bool {
        self.follower.skips(actor, &op).is_none()
    }
}

/// Pools and checkouts.
impl Draft {
    /// The newest pool of the process serves, and the actor may use it. If not he opens one.
    pub(super) fn has_pool(&mut self, actor: Actor) -> Option<()> {
        if self.terms.promise == Promise::HookInChild && self.follower.state().waits_for_hook(actor.process) {
            self.does(actor, Op::AfterFork(None))?;
        }
        if self.serves(actor) {
            return Some(());
        }
        if !self.applies(actor, Op::Open(None)) {
            self.lets_go(actor)?;
        }
        self.does(actor, Op::Open(None))
    }

    fn serves(&self, actor: Actor) -> bool {
        let sound = self.follower.state().slot(actor.process, None).is_some_and(|pool| !pool.disposed && !pool.faulty);
        sound && fresh(&self.follower, actor).is_some_and(|handle| self.applies(actor, Op::Checkout(handle, None)))
    }

    /// Perhaps there is a pool, and perhaps a session is idle in it.
    pub(super) fn may_have_pool(&mut self, actor: Actor, dice: &mut Dice) {
        if !dice.one_in(6) {
            self.has_pool(actor);
        }
        if dice.one_in(2) {
            self.uses_pool(actor);
        }
    }

    /// The process itself has not taken all that its newest pool has.
    pub(super) fn has_room(&self, actor: Actor) -> bool {
        let state = self.follower.state();
        state.slot(actor.process, None).is_some_and(|pool| state.has_room(actor.process, pool.id))
    }

    /// A new checkout, if the actor does not have to wait for it.
    pub(super) fn checks_out(&mut self, actor: Actor) -> Option<Handle> {
        let handle = fresh(&self.follower, actor)?;
        self.does(actor, Op::Checkout(handle, None))?;
        self.follower.state().holding(actor, handle).map(|held| held.handle)
    }

    /// A sound checkout of his own that he has or makes.
    pub(super) fn holds(&mut self, actor: Actor) -> Option<Handle> {
        let sound = |held: &Holding| !held.inherited && !held.failed && !held.transaction;
        if let Some(held) = self.follower.state().holdings(actor).find(sound) {
            return Some(held.handle);
        }
        self.has_pool(actor)?;
        self.checks_out(actor)
    }

    /// Checks out and asks.
    pub(super) fn asks(&mut self, actor: Actor) -> Option<()> {
        self.has_pool(actor)?;
        let handle = self.checks_out(actor)?;
        self.does(actor, Op::Query(handle))
    }

    /// Checks out, asks and returns.
    pub(super) fn uses_pool(&mut self, actor: Actor) -> Option<()> {
        self.has_pool(actor)?;
        self.uses_once(actor)
    }

    fn uses_once(&mut self, actor: Actor) -> Option<()> {
        let handle = self.checks_out(actor)?;
        self.does(actor, Op::Query(handle))?;
        self.does(actor, Op::Return(handle))
    }

    /// So often that what is lost each time has to show.
    pub(super) fn uses_often(&mut self, actor: Actor) -> Option<()> {
        (0..=self.follower.state().max_size()).try_for_each(|_| self.uses_once(actor))
    }

    /// Asks on what he holds.
    pub(super) fn probes(&mut self, actor: Actor) {
        let held = self.follower.state().holdings(actor).next();
        let _ = held.and_then(|held| self.does(actor, Op::Query(held.handle)));
    }

    pub(super) fn ends_transaction(&mut self, actor: Actor, handle: Handle) {
        if self.follower.state().holding(actor, handle).is_some_and(|held| held.transaction && !held.inherited) {
            self.does(actor, Op::Commit(handle));
        }
    }

    pub(super) fn returns_all(&mut self, actor: Actor) -> Option<()> {
        let held: Vec<Holding> = self.follower.state().holdings(actor).collect();
        held.into_iter().try_for_each(|held| {
            self.ends_transaction(actor, held.handle);
            self.does(actor, Op::Return(held.handle))
        })
    }

    fn lets_go(&mut self, actor: Actor) -> Option<()> {
        self.returns_all(actor)?;
        let pools = self.follower.state().pools(actor.process).len();
        (0..pools).try_for_each(|_| self.does(actor, Op::DropPool(None)))
    }

    /// The administrator ends a session; which one it is he knows from what was asked on it.
    pub(super) fn loses_session(&mut self, actor: Actor, handle: Handle) -> Option<()> {
        if self.follower.state().holding(actor, handle)?.fresh {
            self.does(actor, Op::Query(handle))?;
        }
        self.does(actor, Op::EndSession(handle))
    }

    /// Something that the server has to answer, and before it what it takes.
    pub(super) fn operation(&mut self, actor: Actor, dice: &mut Dice) -> Option<Op> {
        if dice.one_in(2) && self.has_room(actor) {
            return Some(Op::Checkout(fresh(&self.follower, actor)?, None));
        }
        let handle = self.holds(actor)?;
        let ops: [fn(Handle) -> Op; 7] = [Op::Query, Op::Query, Op::Insert, Op::Prepared, Op::Return, Op::Return, Op::Begin];
        let op = dice.pick(&ops)?(handle);
        if matches!(op, Op::Return(_)) && self.follower.state().holding(actor, handle)?.fresh {
            self.does(actor, Op::Query(handle))?;
        }
        Some(op)
    }
}

/// Threads and processes.
impl Draft {
    /// Takes all that the newest pool has, and another thread waits for some of it: what he holds, and who waits.
    pub(super) fn has_a_waiter(&mut self, actor: Actor) -> Option<(Handle, Actor)> {
        self.has_pool(actor)?;
        while self.has_room(actor) {
            self.checks_out(actor)?;
        }
        let handle = self.follower.state().holdings(actor).find(|held| !held.inherited)?.handle;
        let second = self.companion(actor)?;
        self.checks_out(second);
        self.follower.state().is_busy(second).then_some((handle, second))
    }

    /// Another thread of the process that is not inside anything.
    pub(super) fn companion(&mut self, actor: Actor) -> Option<Actor> {
        let known = |other: &Actor| other.process == actor.process && *other != actor;
        if let Some(other) = self.follower.idle().into_iter().find(known) {
            return Some(other);
        }
        let state = self.follower.state();
        let taken = |thread: Thread| state.actors(actor.process).any(|other| other.thread == thread);
        let thread = (1..limits::THREADS_NAMED as u8).map(Thread).find(|thread| !taken(*thread))?;
        self.does(actor, Op::Spawn(thread))?;
        Some(Actor { thread, ..actor })
    }

    /// The actor himself, or sometimes a child of his, which has inherited a pool if the promise allows that.
    pub(super) fn here_or_in_a_child(&mut self, actor: Actor, dice: &mut Dice) -> Actor {
        if !dice.one_in(3) {
            return actor;
        }
        self.may_have_pool(actor, dice);
        self.forks(actor, dice).map_or(actor, Process::main)
    }

    pub(super) fn forks(&mut self, actor: Actor, dice: &mut Dice) -> Option<Process> {
        self.forks_as(actor, if dice.one_in(6) { ForkKind::Clone } else { ForkKind::Fork })
    }

    pub(super) fn forks_as(&mut self, actor: Actor, kind: ForkKind) -> Option<Process> {
        let child = self.follower.next_process();
        let op = Op::Fork(child, kind);
        if !self.applies(actor, op) && !self.can_be_prepared(actor, &op) {
            return None;
        }
        self.emit(Step::new(actor, op));
        (self.follower.next_process() != child).then_some(child)
    }

    pub(super) fn forks_and_behaves(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        let child = self.forks(actor, dice)?;
        self.behaves(child.main(), dice);
        Some(())
    }

    /// What a child does, of what its promise allows; and sometimes it ends.
    pub(super) fn behaves(&mut self, child: Actor, dice: &mut Dice) {
        let inherited = self.follower.state().holdings(child).next().map(|held| held.handle);
        let ops: [fn(Handle) -> Op; 5] = [Op::Query, Op::Insert, Op::Commit, Op::Rollback, Op::Cancel];
        match (dice.below(9), inherited) {
            (0, Some(handle)) => dice.pick(&ops).and_then(|op| self.does(child, op(handle))),
            (1, Some(handle)) => self.does(child, Op::Return(handle)).and_then(|()| self.uses_often(child)),
            (2, _) => self.lets_go(child),
            (3, _) => self.does(child, Op::Open(None)).and_then(|()| self.uses_pool(child)),
            (4, _) => self.does(child, Op::Exec),
            (5, _) => None,
            _ => self.asks(child),
        };
        if dice.one_in(3) {
            dice.pick(&ExitKind::ALL).and_then(|end| self.does(child, Op::Exit(end)));
        }
    }
}
