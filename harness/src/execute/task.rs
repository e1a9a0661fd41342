//! Between the model's words and the agent's: an operation as an order, a reply as an outcome.

use std::time::Duration;

use super::case::Case;
use super::reactor::Reactor;
use crate::agent::protocol::{Exit, Reply, Task};
use crate::history::Outcome;
use crate::interleaving::{Actor, ExitKind, Op};
use crate::nonce::Nonce;
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
            Op::Checkout(handle, _) => {
                Task::Checkout { handle: handle.to_string(), pool, patience_ms: patience.as_millis() as u64 }
            }
            Op::Return(handle) => Task::Return { handle: handle.to_string() },
            Op::Leak(handle) => Task::Leak { handle: handle.to_string() },
            Op::Query(handle) => Task::Query { handle: handle.to_string(), sql: sql(Dialect::query) },
            Op::Insert(handle) => Task::Query { handle: handle.to_string(), sql: sql(Dialect::insert) },
            Op::Begin(handle) => Task::Begin { handle: handle.to_string() },
            Op::Commit(handle) => Task::Commit { handle: handle.to_string() },
            Op::Rollback(handle) => Task::Rollback { handle: handle.to_string() },
            Op::Fork(child) => Task::Fork { child: child.to_string() },
            Op::Wait(child) => {
                let pid = reactor.people.pid(child).and_then(|pid| u32::try_from(pid).ok());
                Task::Wait { pid: pid.ok_or_else(|| Trouble::Bug(format!("{child} has no pid")))? }
            }
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
        })
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
