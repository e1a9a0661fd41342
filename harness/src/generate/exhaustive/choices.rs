//! The steps that may follow a prefix, each under one name.

use super::Menu;
use crate::generate::follow::Follower;
use crate::generate::sweep::replies;
use crate::history::Expectation;
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
        steps.extend(ops.iter().map(|op| Step::new(actor, *op)));
        if menu.stalls {
            steps.extend(ops.into_iter().flat_map(|op| stalled(follower, actor, op)));
        }
    }
    let inside = follower.able().into_iter().filter(|actor| follower.state().is_stalled(*actor));
    steps.extend(inside.map(|actor| Step::new(actor, Op::Release)));
    steps
}

/// The same step with each of its replies withheld. Who must wait for somebody else asks the server nothing.
fn stalled(follower: &Follower, actor: Actor, op: Op) -> impl Iterator<Item = Step> {
    let waits = follower.state().expects(actor, &op) == Expectation::Block;
    let last = if waits || !op.reaches_the_wire() { 0 } else { replies(op) };
    (1..=last).map(move |reply| Step { actor, op, stall: Some(reply), cut: None })
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
        let of_it = [Op::Dispose, Op::DropPool, Op::LeakPool, Op::AfterFork, Op::DropRuntime];
        ops.extend(of_it.map(|op| op(pool.name)));
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
        ops.extend([Op::Prepared, Op::Mark, Op::Lock, Op::Cancel, Op::EndSession].map(|op| op(handle)));
        let others = state.actors(actor.process).filter(|other| *other != actor);
        ops.extend(others.map(|other| Op::Send(handle, other.thread)));
    }
}

fn of_processes(menu: &Menu, follower: &Follower, actor: Actor, ops: &mut Vec<Op>) {
    let state = follower.state();
    let child = follower.next_process();
    if usize::from(child.0) < menu.processes {
        ops.extend(ForkKind::ALL.map(|kind| Op::Fork(child, kind)));
    }
    ops.push(Op::Exec);
    ops.extend(state.unreaped(actor.process).map(Op::Wait));
    ops.extend(ExitKind::ALL.map(Op::Exit));
    let threads: Vec<Thread> = state.actors(actor.process).map(|other| other.thread).collect();
    if threads.len() < menu.threads {
        let name = (1..limits::THREADS_NAMED as u8).map(Thread).find(|name| !threads.contains(name));
        ops.extend(name.map(Op::Spawn));
    }
    ops.extend(threads.into_iter().filter(|other| *other != actor.thread).map(Op::Join));
}
