//! Which steps apply, and why the others are skipped. Every interleaving means something: nothing is ever an error.

use super::{Life, State};
use crate::history::Skip;
use crate::interleaving::{Actor, Handle, Op, PoolName, Thread};
use crate::limits;
use crate::promise::Promise;

impl State {
    /// Why `op` is skipped now; `None` if it is carried out.
    pub fn skips(&self, promise: Promise, actor: Actor, op: &Op) -> Option<Skip> {
        let Some(me) = self.actor(actor) else { return Some(Skip::NoSuchName) };
        if me.busy {
            return Some(Skip::DoesNotApply);
        }
        self.inapplicable(actor, op).or_else(|| (!promise.allows(self, actor, op)).then_some(Skip::Promise))
    }

    fn inapplicable(&self, actor: Actor, op: &Op) -> Option<Skip> {
        let Some(process) = self.running(actor.process) else { return Some(Skip::NoSuchName) };
        let unless = |fits: bool, why: Skip| (!fits).then_some(why);
        match *op {
            Op::Open(_) => unless(process.pools.len() < limits::POOLS, Skip::Limit),
            Op::Dispose(name) => self.no_pool(actor, name),
            Op::DropPool(name) | Op::LeakPool(name) => self.no_pool(actor, name).or_else(|| {
                let pool = process.pool(name)?.id;
                unless(!process.actors.iter().any(|other| other.waits_for(pool)), Skip::DoesNotApply)
            }),
            Op::Checkout(handle, name) => self.no_pool(actor, name).or_else(|| {
                let held = process.actors.iter().find_map(|other| other.holding(handle).map(|held| (other.thread, held)));
                let rebinds = held.is_none_or(|(thread, held)| thread == actor.thread && held.inherited);
                let reserved = process.actors.iter().any(|other| other.checking_out.is_some_and(|(_, name)| name == handle));
                unless(rebinds && !reserved, Skip::DoesNotApply).or(unless(process.handles() < limits::HANDLES, Skip::Limit))
            }),
            Op::Return(h) | Op::Leak(h) | Op::Query(h) | Op::Insert(h) => self.no_handle(actor, h),
            Op::Begin(h) => self.no_handle(actor, h).or_else(|| unless(!self.holding(actor, h)?.transaction, Skip::DoesNotApply)),
            Op::Commit(h) | Op::Rollback(h) => {
                self.no_handle(actor, h).or_else(|| unless(self.holding(actor, h)?.transaction, Skip::DoesNotApply))
            }
            Op::Fork(child) => unless(!self.processes.iter().any(|p| p.process == child), Skip::NoSuchName)
                .or(unless(self.processes.len() < limits::PROCESSES, Skip::Limit)),
            Op::Wait(child) => match self.process(child) {
                Some(p) if p.parent == Some(actor.process) && p.life == Life::Ended => None,
                Some(_) => Some(Skip::DoesNotApply),
                None => Some(Skip::NoSuchName),
            },
            Op::Exit(kind) => {
                use crate::interleaving::ExitKind::{Now, Signal};
                let others_idle = process.actors.iter().all(|other| other.thread == actor.thread || !other.busy);
                unless(others_idle || matches!(kind, Now | Signal), Skip::DoesNotApply)
            }
            Op::Spawn(thread) => unless(process.thread(thread).is_none() && thread != Thread::MAIN, Skip::NoSuchName)
                .or(unless(process.actors.len() < limits::THREADS, Skip::Limit))
                .or(unless(usize::from(thread.0) < limits::THREADS_NAMED, Skip::Limit)),
            Op::Join(thread) => match process.thread(thread) {
                Some(other) if other.spawner == Some(actor.thread) && thread != actor.thread && !other.busy => {
                    unless(thread != Thread::MAIN, Skip::DoesNotApply)
                }
                Some(_) => Some(Skip::DoesNotApply),
                None => Some(Skip::NoSuchName),
            },
            Op::Send(handle, thread) => self.no_handle(actor, handle).or_else(|| match process.thread(thread) {
                Some(other) => unless(thread != actor.thread && !other.busy, Skip::DoesNotApply),
                None => Some(Skip::NoSuchName),
            }),
        }
    }

    fn no_pool(&self, actor: Actor, name: Option<PoolName>) -> Option<Skip> {
        self.running(actor.process).and_then(|p| p.pool(name)).is_none().then_some(Skip::NoSuchName)
    }

    fn no_handle(&self, actor: Actor, handle: Handle) -> Option<Skip> {
        self.holding(actor, handle).is_none().then_some(Skip::NoSuchName)
    }
}
