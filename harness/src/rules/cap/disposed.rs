//! CAP-3: what a disposed pool has open ends.

use std::collections::BTreeSet;

use crate::history::{Event, Outcome, PoolId, SessionId, Witness};
use crate::interleaving::{Op, Process};
use crate::promise::Promise;
use crate::rules::facts::{Call, Facts};
use crate::rules::holders::Holders;
use crate::rules::{Level, Rule};
use crate::verdict::{Evidence, Verdict};

pub(in crate::rules) const CAP_3: Rule = Rule {
    id: "CAP-3",
    level: Level::Should,
    harm: "connections stay open after the pool was closed",
    sentence: "After `dispose`, and the return of what was out, that pool's sessions end, even while a child is alive.",
    reason: "A descriptor that is closed without a goodbye stays open in every child, and so does the session with its locks \
             (failures: fd kept by a child, exec keeps it, orphan after dispose).",
    remedy: "Return every connection before the pool is disposed, and dispose it before a child is made that would keep its sockets.",
    remedies: &[
        (
            Promise::ChildLeaks,
            "Dispose the pool before a child is made: one that leaks what it inherited keeps its sockets open.",
        ),
        (Promise::ThreadsOnly, "Return every connection before the pool is disposed, and drop the pool after that."),
    ],
    evidence: "no goodbye, no end of file and no end at the server's side before the owner is told to end",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 checkout a\np0 query a\np0 return a\np0 fork p1\np0 dispose",
    mutant: "mutant-silent-close",
    kernel: false,
    dirty: false,
    check: disposed_pools_close,
};

fn disposed_pools_close(facts: &Facts) -> Verdict {
    let (mut broken, mut exercised) = (Vec::new(), 0);
    for (dispose, pool) in disposals(facts) {
        let Some(end) = told_to_end(facts, dispose) else { continue };
        if is_in_use(facts, dispose.process(), pool, end.at) {
            continue;
        }
        for id in sessions(facts, dispose.process(), pool, end.at) {
            exercised += 1;
            if !has_ended(facts, id, dispose.at, end.at) {
                let sentence = format!("{id} was still open when {} was told to end, long after {dispose}", end.process());
                broken.push(Evidence { at: end.at, sentence, details: Vec::new() });
            }
        }
    }
    Verdict::on(broken, exercised)
}

/// The first disposal of each pool in each process that succeeded.
fn disposals<'a>(facts: &'a Facts<'a>) -> Vec<(&'a Call<'a>, PoolId)> {
    let mut seen = BTreeSet::new();
    let done = |call: &&Call| matches!(call.invocation.op, Op::Dispose(_)) && matches!(call.finished, Some((_, Outcome::Done)));
    let disposed = facts.calls.iter().filter(done).filter_map(|call| Some((call, call.invocation.pool?)));
    disposed.filter(|(call, pool)| seen.insert((call.process(), *pool))).collect()
}

/// The step that ends the process or its program.
fn told_to_end<'a>(facts: &'a Facts<'a>, dispose: &Call) -> Option<&'a Call<'a>> {
    let ends = |call: &&Call| call.at > dispose.at && matches!(call.invocation.op, Op::Exit(_) | Op::Exec);
    facts.calls.iter().filter(|call| call.process() == dispose.process()).find(ends)
}

/// Something of the pool is out, or somebody is at work in it.
fn is_in_use(facts: &Facts, process: Process, pool: PoolId, at: usize) -> bool {
    let mut holders = Holders::default();
    facts.events[..at].iter().for_each(|event| holders.follow(facts, event));
    let out = holders.held.values().any(|(holder, taken)| holder.process == process && taken.invocation.pool == Some(pool));
    out || facts.inside(process, at).next().is_some()
}

/// The sessions that the process opened and that the pool's checkouts used, or that were opened for one of them.
fn sessions(facts: &Facts, process: Process, pool: PoolId, before: usize) -> BTreeSet<SessionId> {
    let of_pool = |call: &Call| call.process() == process && call.invocation.pool == Some(pool);
    let own = |id: &SessionId| {
        let known = facts.sessions.get(id).filter(|session| !session.cancels);
        known.is_some_and(|session| session.owner == Witness::Process(process))
    };
    let used = facts.statements().filter(|(at, _, call)| *at < before && of_pool(call)).map(|(_, id, _)| id);
    let opened = facts.events[..before].iter().enumerate().filter_map(|(at, event)| {
        let Event::Opened { session, .. } = event else { return None };
        let mut busy = facts.inside(process, at);
        let alone = busy.next().filter(|_| busy.next().is_none())?;
        (matches!(alone.invocation.op, Op::Checkout(..)) && of_pool(alone)).then_some(*session)
    });
    used.chain(opened).filter(own).collect()
}

/// Its end was on the wire before that place of the history. Of bytes that cannot be read, those may be it that were written since the
/// disposal.
fn has_ended(facts: &Facts, id: SessionId, disposed: usize, before: usize) -> bool {
    let hidden = !facts.transport.shows_frames();
    facts.events[..before].iter().enumerate().any(|(at, event)| match event {
        Event::Wrote { session, frames, .. } => {
            *session == id && (frames.iter().any(|frame| frame.goodbye) || hidden && at > disposed)
        }
        Event::ClientClosed { session, .. } | Event::ServerClosed { session } => *session == id,
        _ => false,
    })
}
