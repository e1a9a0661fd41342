//! The steps that may follow a prefix, each under one name.

use super::Menu;
use crate::generate::follow::Follower;
use crate::interleaving::{Actor, ExitKind, ForkKind, Handle, Op, PoolName, Step, Thread};
use crate::limits;

/// Every step of the menu that applies now.
pub(super) fn choices(menu: &Menu, follower: &Follower) -> Vec<Step> {
    let mut steps = Vec::new();
    for actor in follower.idle() {
        let mut ops = Vec::with_capacity(32);
        of_pools(menu, follower, actor, &mut ops);
        of_checkouts(follower, actor, &mut ops);
        of_processes(menu, follower, actor, &mut ops);
        ops.retain(|op| (menu.offers)(op) && follower.skips(actor, op).is_none());
        steps.extend(ops.into_iter().map(|op| Step::new(actor, op)));
    }
    steps
}

fn of_pools(menu: &Menu, follower: &Follower, actor: Actor, ops: &mut Vec<Op>) {
    let state = follower.state();
    let pools = state.pools(actor.process);
    let free = |name: &PoolName| pools.iter().all(|pool| pool.name != Some(*name));
    if pools.len() < menu.pools {
        let name = (0..=u8::MAX).map(PoolName).find(free).filter(|_| menu.pools > 1);
        ops.push(Op::Open(name));
    }
    for pool in pools {
        ops.extend([Op::Dispose(pool.name), Op::DropPool(pool.name), Op::LeakPool(pool.name)]);
        // The name of an inherited checkout may be given to a new one; what it stood for is leaked.
        let inherited = state.holdings(actor).filter(|held| held.inherited).map(|held| held.handle);
        ops.extend(fresh(follower, actor).into_iter().chain(inherited).map(|handle| Op::Checkout(handle, pool.name)));
    }
}

/// The lowest name that no checkout of the process has, nor one that is in flight.
pub(in crate::generate) fn fresh(follower: &Follower, actor: Actor) -> Option<Handle> {
    let state = follower.state();
    let mut handles = (0..=limits::HANDLES as u8).map(Handle);
    handles.find(|handle| {
        let held = state.actors(actor.process).any(|other| state.holding(other, *handle).is_some());
        !held && follower.skips(actor, &Op::Checkout(*handle, None)) != Some(crate::history::Skip::DoesNotApply)
    })
}

fn of_checkouts(follower: &Follower, actor: Actor, ops: &mut Vec<Op>) {
    let state = follower.state();
    for handle in state.holdings(actor).map(|held| held.handle) {
        ops.extend([Op::Return, Op::Leak, Op::Query, Op::Insert, Op::Begin, Op::Commit, Op::Rollback].map(|op| op(handle)));
        let others = state.actors(actor.process).filter(|other| *other != actor);
        ops.extend(others.map(|other| Op::Send(handle, other.thread)));
    }
}

fn of_processes(menu: &Menu, follower: &Follower, actor: Actor, ops: &mut Vec<Op>) {
    let state = follower.state();
    let child = follower.next_process();
    if usize::from(child.0) < menu.processes {
        ops.push(Op::Fork(child, ForkKind::Fork));
    }
    ops.extend(state.unreaped(actor.process).map(Op::Wait));
    ops.extend(ExitKind::ALL.map(Op::Exit));
    let threads: Vec<Thread> = state.actors(actor.process).map(|other| other.thread).collect();
    if threads.len() < menu.threads {
        let name = (1..limits::THREADS_NAMED as u8).map(Thread).find(|name| !threads.contains(name));
        ops.extend(name.map(Op::Spawn));
    }
    ops.extend(threads.into_iter().filter(|other| *other != actor.thread).map(Op::Join));
}
