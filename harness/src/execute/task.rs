//! Between the model's words and the agent's: an operation as an order, a reply as an outcome.

use std::time::Duration;

use super::case::Case;
use super::reactor::Reactor;
use crate::agent::protocol::{Birth, Exit, Reply, Task};
use crate::history::Outcome;
use crate::interleaving::{Actor, ExitKind, ForkKind, Op, Process};
use crate::nonce::Nonce;
use crate::role;
use crate::sql::Dialect;
use crate::trouble::Trouble;

impl Case<'_> {
    pub(super) fn task(
        &self,
        actor: Actor,
        op: Op,
        nonce: Option<Nonce>,
        patience: Duration,
        reactor: &Reactor,
    ) -> Result<Task, Trouble> {
        let pool = self.state.pool_in(actor, &op).map_or(0, |pool| pool.0);
        let sql = |write: fn(&Dialect, Nonce) -> String| nonce.map_or_else(String::new, |nonce| write(self.dialect, nonce));
        Ok(match op {
            Op::Open(_) => Task::Open { pool },
            Op::Dispose(_) => Task::Dispose { pool },
            Op::DropPool(_) => Task::DropPool { pool },
            Op::LeakPool(_) => Task::LeakPool { pool },
            Op::Checkout(handle, _) => Task::Checkout { handle: handle.to_string(), pool, patience },
            Op::Return(handle) => Task::Return { handle: handle.to_string() },
            Op::AfterFork(_) => Task::AfterFork { pool },
            Op::DropRuntime(_) => Task::DropRuntime { pool },
            Op::Leak(handle) => Task::Leak { handle: handle.to_string() },
            Op::Query(handle) => Task::Query { handle: handle.to_string(), sql: sql(Dialect::query) },
            Op::Insert(handle) => Task::Query { handle: handle.to_string(), sql: sql(Dialect::insert) },
            Op::Prepared(handle) => {
                let argument = nonce.map_or_else(String::new, |nonce| nonce.to_string());
                Task::Prepared { handle: handle.to_string(), sql: self.dialect.prepared(), argument }
            }
            Op::Mark(handle) => Task::Query { handle: handle.to_string(), sql: sql(Dialect::mark) },
            Op::Lock(handle) => Task::Query { handle: handle.to_string(), sql: sql(Dialect::lock) },
            Op::Cancel(handle) => Task::Cancel { handle: handle.to_string() },
            Op::Begin(handle) => Task::Begin { handle: handle.to_string() },
            Op::Commit(handle) => Task::Commit { handle: handle.to_string() },
            Op::Rollback(handle) => Task::Rollback { handle: handle.to_string() },
            Op::Fork(child, kind) => Task::Fork { child: child.to_string(), kind: self.fork_kind(kind, reactor)? },
            Op::Wait(child) => Task::Wait { pid: pid(child, reactor)? },
            Op::Exec => Task::Exec {
                argv: vec![reactor.successor.clone()],
                environment: role::successor_environment(reactor.control(), self.number, actor.process),
            },
            Op::Exit(kind) => Task::Exit {
                kind: match kind {
                    ExitKind::Now => Exit::Now,
                    ExitKind::AtExit => Exit::Atexit,
                    ExitKind::Main => Exit::Main,
                    ExitKind::Panic => Exit::Panic,
                    ExitKind::Signal => Exit::Signal,
                },
            },
            Op::Spawn(thread) => Task::Spawn { thread: thread.0 },
            Op::Join(thread) => Task::Join { thread: thread.0 },
            Op::Send(handle, thread) => Task::Send { handle: handle.to_string(), to: thread.0 },
            Op::Collect => Task::Collect {},
            Op::EndSession(_) | Op::Refuse(_) | Op::Accept | Op::Restart | Op::Release => {
                return Err(Trouble::Bug(format!("'{op}' is no order for an actor")));
            }
        })
    }

    fn fork_kind(&self, kind: ForkKind, reactor: &Reactor) -> Result<Birth, Trouble> {
        Ok(match kind {
            ForkKind::Fork => Birth::Fork,
            ForkKind::Clone => Birth::Clone,
            ForkKind::ReusedPid => match self.state.reusable() {
                Some(ended) => Birth::WithPid(pid(ended, reactor)?),
                None => return Err(Trouble::Bug("no pid is free to be used again".to_owned())),
            },
        })
    }
}

pub(super) fn pid(process: Process, reactor: &Reactor) -> Result<u32, Trouble> {
    let pid = reactor.people.pid(process).and_then(|pid| u32::try_from(pid).ok());
    pid.ok_or_else(|| Trouble::Bug(format!("{process} has no pid")))
}

/// Whether a reply can be one to that operation. What must be offered is, and rows come where rows are asked for.
pub(super) fn fits(op: Op, reply: &Reply) -> bool {
    match reply {
        Reply::Done => !matches!(op, Op::Query(_) | Op::Prepared(_) | Op::Lock(_)),
        Reply::Rows(_) => op.has_nonce(),
        Reply::Error { .. } | Reply::Panicked(_) => true,
        Reply::NotOffered => match op {
            Op::Fork(_, kind) => kind != ForkKind::Fork,
            Op::Dispose(_) | Op::AfterFork(_) | Op::DropRuntime(_) | Op::Prepared(_) | Op::Cancel(_) | Op::Collect => true,
            _ => false,
        },
        Reply::Rejected(_) => false,
    }
}

/// A reply, for somebody who did not expect it.
pub(super) fn said(reply: &Reply) -> String {
    match reply {
        Reply::Done => "'done'".to_owned(),
        Reply::Rows(rows) => format!("{} rows", rows.len()),
        Reply::Error { message, .. } => format!("the error '{message}'"),
        Reply::Panicked(words) => format!("the panic '{words}'"),
        Reply::NotOffered => "'not-offered'".to_owned(),
        Reply::Rejected(why) => format!("'rejected': {why}"),
    }
}

pub(super) fn outcome(reply: Reply) -> Outcome {
    match reply {
        Reply::Done => Outcome::Done,
        Reply::Rows(rows) => Outcome::Rows(rows),
        Reply::Error { kind, message } => Outcome::Error { kind, message },
        Reply::Panicked(words) | Reply::Rejected(words) => Outcome::Panicked(words),
        Reply::NotOffered => Outcome::NotOffered,
    }
}
