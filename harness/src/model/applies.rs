//! Which steps apply, and why the others are skipped. Every interleaving means something: nothing is ever an error.

use super::{Life, State};
use crate::history::Skip;
use crate::interleaving::{Actor, ForkKind, Handle, Op, PoolName, Thread};
use crate::limits;
use crate::promise::Terms;

impl State {
    /// Why `op` is skipped now; `None` if it is carried out.
    pub fn skips(&self, terms: impl Into<Terms>, actor: Actor, op: &Op) -> Option<Skip> {
        let Some(me) = self.actor(actor) else { return Some(Skip::NoSuchName) };
        if matches!(op, Op::Release) {
            return (!me.stalled).then_some(Skip::DoesNotApply);
        }
        let left = |op: &Op| matches!(op, Op::Exit(_) | Op::Wait(_));
        if me.busy || self.has_execed(actor.process) && !left(op) {
            return Some(Skip::DoesNotApply);
        }
        self.inapplicable(actor, op).or_else(|| (!terms.into().allows(self, actor, op)).then_some(Skip::Promise))
    }

    fn inapplicable(&self, actor: Actor, op: &Op) -> Option<Skip> {
        let Some(process) = self.running(actor.process) else { return Some(Skip::NoSuchName) };
        let unless = |fits: bool, why: Skip| (!fits).then_some(why);
        match *op {
            Op::Open(_) => unless(process.pools.len() < limits::POOLS, Skip::Limit),
            Op::Dispose(name) => self.no_pool(actor, name),
            Op::DropPool(name) | Op::LeakPool(name) | Op::AfterFork(name) | Op::DropRuntime(name) => {
                self.no_pool(actor, name).or_else(|| {
                    let pool = process.pool(name)?.id;
                    unless(!process.actors.iter().any(|other| other.waits_for(pool)), Skip::DoesNotApply)
                })
            }
            Op::Checkout(handle, name) => self.no_pool(actor, name).or_else(|| {
                let held = process.actors.iter().find_map(|other| other.holding(handle).map(|held| (other.thread, held)));
                let rebinds = held.is_none_or(|(thread, held)| thread == actor.thread && held.inherited);
                let reserved = process.actors.iter().any(|other| other.checking_out.is_some_and(|(_, name)| name == handle));
                unless(rebinds && !reserved, Skip::DoesNotApply).or(unless(process.handles() < limits::HANDLES, Skip::Limit))
            }),
            Op::Return(h) | Op::Leak(h) | Op::Query(h) | Op::Prepared(h) | Op::Insert(h) => self.no_handle(actor, h),
            Op::Mark(h) | Op::Lock(h) | Op::Cancel(h) | Op::EndSession(h) => self.no_handle(actor, h),
            Op::Refuse(_) => unless(!self.refusing, Skip::DoesNotApply),
            Op::Accept => unless(self.refusing, Skip::DoesNotApply),
            Op::Restart => None,
            Op::Begin(h) => self.no_handle(actor, h).or_else(|| unless(!self.holding(actor, h)?.transaction, Skip::DoesNotApply)),
            Op::Commit(h) | Op::Rollback(h) => {
                self.no_handle(actor, h).or_else(|| unless(self.holding(actor, h)?.transaction, Skip::DoesNotApply))
            }
            Op::Fork(child, kind) => unless(!self.processes.iter().any(|p| p.process == child), Skip::NoSuchName)
                .or(unless(self.processes.len() < limits::PROCESSES, Skip::Limit))
                .or(unless(kind != ForkKind::ReusedPid || self.reusable().is_some(), Skip::DoesNotApply)),
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
            Op::Exec => unless(!process.actors.iter().any(|other| other.busy), Skip::DoesNotApply),
            Op::Collect => None,
            // Said in `skips`: it is a step of somebody who is busy.
            Op::Release => None,
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
