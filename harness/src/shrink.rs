//! Makes a failing interleaving small: at the end no single step can be left out (*1-minimal*), nor an actor's steps be done by the one
//! who made it.
//!
//! It knows nothing of rules or processes: it is given a question, "does this still fail in the same way?".

mod fewer;

use std::collections::BTreeMap;

use crate::interleaving::{Actor, ExitKind, ForkKind, Handle, Interleaving, Op, PoolName, Process, Refusal, Step, Thread};
use fewer::fewer;

/// Shrinks `start`, of which `fails` is true, as long as `fails` stays true.
///
/// # Errors
/// The first error of `fails`.
pub fn shrink<E>(start: &Interleaving, mut fails: impl FnMut(&Interleaving) -> Result<bool, E>) -> Result<Interleaving, E> {
    let mut best = start.clone();
    loop {
        let before = best.clone();
        while delete_chunks(&mut best, &mut fails)? {}
        for simpler in simplifications(&best) {
            // A later simplification was made from an older text: it is tried only while it still is one step away.
            if simpler.steps.len() == best.steps.len() && cost(&simpler) < cost(&best) && fails(&simpler)? {
                best = simpler;
            }
        }
        // Only when nothing else helps: there are many of them.
        if best == before && !take_first(&mut best, &mut fails)? {
            break;
        }
    }
    let canonical = canonical(&best);
    Ok(if canonical != best && fails(&canonical)? { canonical } else { best })
}

/// Takes the first of the shorter neighbours that fails too; true if there is one.
fn take_first<E>(best: &mut Interleaving, fails: &mut impl FnMut(&Interleaving) -> Result<bool, E>) -> Result<bool, E> {
    for candidate in fewer(best) {
        if fails(&candidate)? {
            *best = candidate;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Deletes runs of steps, longest runs first; true if anything could go.
fn delete_chunks<E>(best: &mut Interleaving, fails: &mut impl FnMut(&Interleaving) -> Result<bool, E>) -> Result<bool, E> {
    let mut deleted = false;
    let mut chunk = best.steps.len().div_ceil(2).max(1);
    loop {
        // From the end: late steps are the likeliest to be needless.
        let mut end = best.steps.len();
        while end > 0 {
            let start = end.saturating_sub(chunk);
            let mut candidate = best.clone();
            candidate.steps.drain(start..end);
            if fails(&candidate)? {
                *best = candidate;
                deleted = true;
            }
            end = start;
        }
        if chunk == 1 {
            return Ok(deleted);
        }
        chunk = chunk.div_ceil(2);
    }
}

/// How complicated the parts are that deletion cannot make smaller.
fn cost(interleaving: &Interleaving) -> u32 {
    let of_stall = |step: &Step| u32::from(step.stall.unwrap_or(0)) * 2;
    let of_cut = |step: &Step| step.cut.map_or(0, |bytes| 2 + u32::from(bytes));
    let of_step = |step: &Step| u32::from(step.actor.thread != Thread::MAIN) + of_op(&step.op) + of_stall(step) + of_cut(step);
    let manner = u32::from(interleaving.ancestor_first) + u32::from(interleaving.dirty);
    interleaving.max_size * 4 + manner + interleaving.steps.iter().map(of_step).sum::<u32>()
}

fn of_op(op: &Op) -> u32 {
    match op {
        Op::Exit(kind) => [ExitKind::Main, ExitKind::AtExit, ExitKind::Now, ExitKind::Signal, ExitKind::Panic]
            .iter()
            .position(|simpler| simpler == kind)
            .map_or(0, |place| place as u32),
        Op::Insert(_) | Op::Lock(_) => 2,
        Op::Prepared(_) | Op::Mark(_) => 1,
        Op::Refuse(Refusal::Full) => 1,
        Op::Fork(_, kind) => ForkKind::ALL.iter().position(|simpler| simpler == kind).map_or(0, |place| place as u32),
        Op::Open(Some(_)) | Op::Dispose(Some(_)) | Op::DropPool(Some(_)) | Op::LeakPool(Some(_)) | Op::Checkout(_, Some(_)) => 1,
        _ => 0,
    }
}

/// Interleavings of the same length, each with one thing made simpler.
fn simplifications(of: &Interleaving) -> Vec<Interleaving> {
    let mut simpler: Vec<Interleaving> = (1..of.max_size).map(|max_size| Interleaving { max_size, ..of.clone() }).collect();
    if of.ancestor_first {
        simpler.push(Interleaving { ancestor_first: false, ..of.clone() });
    }
    if of.dirty {
        simpler.push(Interleaving { dirty: false, ..of.clone() });
    }
    for (place, step) in of.steps.iter().enumerate() {
        let mut offer = |step: Step| {
            let mut candidate = of.clone();
            candidate.steps[place] = step;
            simpler.push(candidate);
        };
        if step.actor.thread != Thread::MAIN {
            offer(Step { actor: step.actor.process.main(), ..*step });
        }
        if let Some(reply) = step.stall {
            (1..reply).for_each(|earlier| offer(Step { stall: Some(earlier), ..*step }));
            offer(Step { stall: None, ..*step });
        }
        if let Some(bytes) = step.cut {
            // Nothing, one, half: a place inside a frame is rarely the only one.
            [0, 1, bytes / 2].into_iter().for_each(|fewer| offer(Step { cut: Some(fewer), ..*step }));
            offer(Step { cut: None, ..*step });
        }
        match step.op {
            Op::Refuse(Refusal::Full) => offer(Step { op: Op::Refuse(Refusal::Closed), ..*step }),
            Op::Fork(child, ForkKind::Clone | ForkKind::ReusedPid) => {
                offer(Step { op: Op::Fork(child, ForkKind::Fork), ..*step });
            }
            Op::Exit(_) => {
                for kind in [ExitKind::Main, ExitKind::AtExit, ExitKind::Now] {
                    offer(Step { op: Op::Exit(kind), ..*step });
                }
            }
            Op::Insert(handle) | Op::Prepared(handle) => offer(Step { op: Op::Query(handle), ..*step }),
            Op::Lock(handle) => offer(Step { op: Op::Mark(handle), ..*step }),
            Op::Open(Some(_)) => offer(Step { op: Op::Open(None), ..*step }),
            Op::Checkout(handle, Some(_)) => offer(Step { op: Op::Checkout(handle, None), ..*step }),
            _ => {}
        }
    }
    simpler
}

/// The same interleaving with its names in the order of their first use.
fn canonical(of: &Interleaving) -> Interleaving {
    let (mut processes, mut threads, mut handles, mut pools) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    processes.insert(Process::FIRST, Process::FIRST);
    let mut steps = Vec::with_capacity(of.steps.len());
    for step in &of.steps {
        let mut process = |name: Process| {
            let next = Process(processes.len() as u8);
            *processes.entry(name).or_insert(next)
        };
        let mut thread = |name: Thread| {
            let next = Thread(threads.len() as u8 + 1);
            if name == Thread::MAIN { name } else { *threads.entry(name).or_insert(next) }
        };
        let mut handle = |name: Handle| {
            let next = Handle(handles.len() as u8);
            *handles.entry(name).or_insert(next)
        };
        let mut pool = |name: Option<PoolName>| {
            let next = PoolName(pools.len() as u8);
            name.map(|name| *pools.entry(name).or_insert(next))
        };
        let actor = Actor { process: process(step.actor.process), thread: thread(step.actor.thread) };
        let op = match step.op {
            Op::Open(p) => Op::Open(pool(p)),
            Op::Dispose(p) => Op::Dispose(pool(p)),
            Op::DropPool(p) => Op::DropPool(pool(p)),
            Op::LeakPool(p) => Op::LeakPool(pool(p)),
            Op::AfterFork(p) => Op::AfterFork(pool(p)),
            Op::DropRuntime(p) => Op::DropRuntime(pool(p)),
            Op::Checkout(h, p) => Op::Checkout(handle(h), pool(p)),
            Op::Return(h) => Op::Return(handle(h)),
            Op::Leak(h) => Op::Leak(handle(h)),
            Op::Query(h) => Op::Query(handle(h)),
            Op::Prepared(h) => Op::Prepared(handle(h)),
            Op::Insert(h) => Op::Insert(handle(h)),
            Op::Begin(h) => Op::Begin(handle(h)),
            Op::Commit(h) => Op::Commit(handle(h)),
            Op::Rollback(h) => Op::Rollback(handle(h)),
            Op::Mark(h) => Op::Mark(handle(h)),
            Op::Lock(h) => Op::Lock(handle(h)),
            Op::Cancel(h) => Op::Cancel(handle(h)),
            Op::EndSession(h) => Op::EndSession(handle(h)),
            Op::Fork(p, kind) => Op::Fork(process(p), kind),
            Op::Wait(p) => Op::Wait(process(p)),
            Op::Exec | Op::Exit(_) | Op::Collect | Op::Release | Op::Refuse(_) | Op::Accept | Op::Restart => step.op,
            Op::Spawn(t) => Op::Spawn(thread(t)),
            Op::Join(t) => Op::Join(thread(t)),
            Op::Send(h, t) => Op::Send(handle(h), thread(t)),
        };
        steps.push(Step { actor, op, ..*step });
    }
    Interleaving { steps, ..of.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interleaving::parse;

    fn shrunk(text: &str, fails: impl Fn(&Interleaving) -> bool) -> String {
        let start = parse(text).expect("valid");
        let found = shrink(&start, |candidate| Ok::<_, ()>(fails(candidate))).expect("no error");
        found.steps.iter().map(Step::to_string).collect::<Vec<_>>().join("; ")
    }

    /// Two steps that are needed together are found among many, wherever they stand.
    #[test]
    fn only_what_is_needed_is_left() {
        let text = "p0 open\np0 checkout c\np0 query c\np0 fork p3\np0 insert c\np3 open\np3 exit main\np0 return c\n";
        let needs = |candidate: &Interleaving| {
            let has = |word: &str| candidate.steps.iter().any(|step| step.op.word() == word);
            has("fork") && has("return")
        };
        assert_eq!(shrunk(text, needs), "p0    fork p1; p0    return a");
    }

    /// No single step can be left out at the end, even if the failure needs pairs of steps.
    #[test]
    fn the_result_is_1_minimal() {
        let text = "p0 open\np0 checkout a\np0 begin a\np0 query a\np0 commit a\np0 return a\n";
        let pairs = |candidate: &Interleaving| {
            let count = |word: &str| candidate.steps.iter().filter(|step| step.op.word() == word).count();
            count("begin") == count("commit") && count("open") == 1
        };
        assert_eq!(shrunk(text, pairs), "p0    open");
    }

    /// What cannot be deleted is made plain.
    #[test]
    fn what_stays_is_simplified() {
        let start = parse("pool max_size=3\np0.t2 exit panic\n").expect("valid");
        let found = shrink(&start, |candidate| Ok::<_, ()>(candidate.steps.len() == 1)).expect("no error");
        assert_eq!(found.to_string(), "pool max_size=1\npromise anything\np0    exit main\n");
    }
}
