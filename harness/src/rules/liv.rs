//! Does everything end that was started? Stuck is proved by the processes' system calls, spinning by the processor's time; the
//! clock speaks only beyond that.

mod again;

use super::facts::{Call, Facts, count};
use super::{Level, Rule, api};
use crate::history::{Event, Expectation, InvocationId, Outcome};
use crate::interleaving::{Op, Process};
use crate::promise::Promise;
use crate::verdict::{Evidence, Verdict};

pub(super) use again::LIV_4;

pub(super) const LIV_1: Rule = Rule {
    id: "LIV-1",
    level: Level::Must,
    harm: "an operation hangs",
    sentence: "Every step ends.",
    reason: "A lock, a reply or a runtime thread that stayed in the parent never comes (failures: lock held at fork, read stolen, \
             runtime workers gone, shared epoll).",
    remedy: "Fork before the first thread uses the pool, or give the child a pool of its own and leave the inherited one untouched.",
    remedies: &[
        (Promise::HookInChild, "Fork before the first thread uses the pool; the hook comes too late for a lock that is held."),
        (Promise::ThreadsOnly, "Report it to the pool's authors with the interleaving: no fork is involved."),
    ],
    evidence: "the system call of every thread, with nothing on its way; the processor's time; the clock only beyond both; what hangs \
               in a pool that was disposed is API-1's",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 spawn t1\np0.t1 checkout a stall=1\np0 fork p1\np1 checkout b",
    mutant: "mutant-lock-held-at-fork",
    kernel: false,
    dirty: false,
    check: every_step_ends,
};

pub(super) const LIV_2: Rule = Rule {
    id: "LIV-2",
    level: Level::Must,
    harm: "a checkout is not served though there is room",
    sentence: "A checkout succeeds when its process has capacity free and the server accepts connections. What is orphaned or \
               inherited and not yet returned may count as used; returns on the way, waiters and connects in progress are waited \
               for.",
    reason: "A pool that counts connections or waiters of another process starves with room to spare (failures: worker missing, \
             waiters copied, counters copied, lost wake-up).",
    remedy: "Open a new pool in the child in place of the inherited one.",
    remedies: &[
        (Promise::DisposeBeforeFork, "Open a new pool after each fork, in the parent and in the child."),
        (Promise::ThreadsOnly, "Report it to the pool's authors with the interleaving: no fork is involved."),
    ],
    evidence: "the model's count of what is out, and the results of checkouts that were given five seconds",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 checkout a\np0 fork p1\np1 return a\np1 checkout a",
    mutant: "mutant-counters-copied",
    kernel: false,
    dirty: false,
    check: room_is_given,
};

pub(super) const LIV_3: Rule = Rule {
    id: "LIV-3",
    level: Level::Must,
    harm: "a process does not end",
    sentence: "Every process that was told to end ends.",
    reason: "A destructor that joins threads which exist only in the parent waits for ever (failures: runtime dropped in the child).",
    remedy: "Leave the child by _exit, or leak the inherited pool before it exits.",
    remedies: &[
        (Promise::ChildLeaks, "Report it to the pool's authors: a process that leaves by _exit runs nothing of the pool."),
        (Promise::ThreadsOnly, "Return every connection and dispose the pool before the process ends."),
    ],
    evidence: "the wait status, and the system call of every thread of a process that was told to end",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 fork p1\np1 exit main",
    mutant: "mutant-exit-joins",
    kernel: false,
    dirty: false,
    check: every_process_ends,
};

fn every_step_ends(facts: &Facts) -> Verdict {
    let starved: Vec<InvocationId> =
        turns(facts).filter(|turn| turn.starved().is_some()).flat_map(|turn| turn.waiters.iter().copied()).collect();
    let is_livs_2 = |delay: &Delay| delay.is_late_checkout(|call| claims_room(call) || starved.contains(&call.invocation.id));
    let broken = delays(facts).filter(|delay| !delay.is_exit() && !is_livs_2(delay)).map(|delay| delay.evidence());
    let judged = |call: &&Call| call.finished.is_some() && !is_exit(call) && !api::is_over(facts, call, call.end());
    let ended = facts.calls.iter().filter(judged);
    Verdict::on(broken.collect(), count(ended))
}

fn every_process_ends(facts: &Facts) -> Verdict {
    let broken = delays(facts).filter(Delay::is_exit).map(|delay| delay.evidence()).collect();
    let has_ended = |process| facts.lives.get(&process).is_some_and(|life| life.ended.is_some());
    let ended = facts.calls.iter().filter(|call| is_exit(call) && has_ended(call.process()));
    Verdict::on(broken, count(ended))
}

fn room_is_given(facts: &Facts) -> Verdict {
    let (mut broken, mut exercised, mut refused) = (Vec::new(), 0, false);
    for call in facts.calls.iter().filter(|call| matches!(call.invocation.op, Op::Checkout(..))) {
        refused |= facts.is_safe_refusal(call);
        // Who had to wait and was served had his opportunity, whether that was seen before or after room came for him.
        exercised += u32::from(call.succeeded() && call.invocation.expected != Expectation::Either);
        if !claims_room(call) {
            continue;
        }
        let Some((at, Outcome::Error { message, .. })) = call.finished else { continue };
        if !facts.is_safe_refusal(call) && !facts.may_err(call, at) {
            let sentence = format!("{call} failed with room in the pool");
            broken.push(Evidence { at, sentence, details: vec![message.clone()] });
        }
    }
    broken.extend(delays(facts).filter(|delay| delay.is_late_checkout(claims_room)).map(|delay| delay.evidence()));
    broken.extend(turns(facts).filter_map(|turn| turn.starved()));
    match Verdict::on(broken, exercised) {
        Verdict::Failed(evidence) => Verdict::Failed(evidence),
        _ if refused => Verdict::Refused,
        other => other,
    }
}

/// Something that did not end: proved, or by the clock.
pub(super) struct Delay<'a> {
    at: usize,
    process: Process,
    pub(super) call: Option<&'a Call<'a>>,
    proof: Proof<'a>,
}

enum Proof<'a> {
    /// A line for each thread: its system call.
    Stuck(&'a [String]),
    /// The processor's time that a thread used up without a system call, in milliseconds.
    Spinning(u64),
    /// The bound that was exceeded, in milliseconds.
    Overdue(u64),
}

/// Those that are this family's affair.
fn delays<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Delay<'a>> {
    delays_anywhere(facts).filter(|delay| !delay.call.is_some_and(|call| api::is_over(facts, call, delay.at)))
}

/// Also in pools that were disposed.
pub(super) fn delays_anywhere<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Delay<'a>> {
    facts.events.iter().enumerate().filter_map(|(at, event)| match event {
        Event::Stuck { process, id, threads } => {
            Some(Delay { at, process: *process, call: facts.call(*id), proof: Proof::Stuck(threads) })
        }
        Event::Spinning { process, id, cpu_ms } => {
            Some(Delay { at, process: *process, call: facts.call(*id), proof: Proof::Spinning(*cpu_ms) })
        }
        Event::Overdue { process, id, bound_ms } => {
            Some(Delay { at, process: *process, call: facts.call(*id), proof: Proof::Overdue(*bound_ms) })
        }
        _ => None,
    })
}

impl Delay<'_> {
    fn is_exit(&self) -> bool {
        self.call.is_some_and(is_exit)
    }

    /// A late checkout that had a claim to be served is LIV-2's business; a stuck or spinning one ignores its patience, and that is
    /// LIV-1's.
    fn is_late_checkout(&self, claims: impl Fn(&Call) -> bool) -> bool {
        matches!(self.proof, Proof::Overdue(_)) && self.call.is_some_and(claims)
    }

    pub(super) fn evidence(&self) -> Evidence {
        let step = self.call.map_or_else(|| format!("what {} was told", self.process), Call::to_string);
        let (sentence, details) = match self.proof {
            Proof::Stuck(threads) => (
                format!("{step} never ends: every thread of {} waits for what can no longer come", self.process),
                threads.to_vec(),
            ),
            Proof::Spinning(cpu_ms) => (
                format!("{step} never ends: a thread of {} has computed for {cpu_ms} ms without a system call", self.process),
                Vec::new(),
            ),
            Proof::Overdue(bound_ms) => (format!("{step} did not end within {bound_ms} ms"), Vec::new()),
        };
        Evidence { at: self.at, sentence, details }
    }
}

/// A moment when room came free for which checkouts waited.
struct Turn<'a> {
    facts: &'a Facts<'a>,
    at: usize,
    waiters: &'a [InvocationId],
}

fn turns<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = Turn<'a>> {
    facts.events.iter().enumerate().filter_map(move |(at, event)| match event {
        Event::Released { waiters } => Some(Turn { facts, at, waiters }),
        _ => None,
    })
}

impl Turn<'_> {
    fn calls(&self) -> impl Iterator<Item = &Call<'_>> {
        self.waiters.iter().filter_map(|waiter| self.facts.call(*waiter))
    }

    fn was_taken(&self) -> bool {
        self.calls().any(|call| call.succeeded() && call.finished.is_some_and(|(at, _)| at > self.at))
    }

    /// Nobody was served: one waited past the bound, or every one got an error. A waiter that died with its process decides
    /// nothing, and neither does one whose pool was disposed meanwhile.
    fn starved(&self) -> Option<Evidence> {
        let late = |delay: &Delay| delay.is_late_checkout(|call| self.waiters.contains(&call.invocation.id));
        if self.was_taken() {
            return None;
        }
        let failed = || self.calls().map(|call| self.failed(call)).collect::<Option<Vec<_>>>()?.into_iter().max();
        let at = delays(self.facts).find(late).map(|delay| delay.at).or_else(failed)?;
        let sentence = "room came free, and no checkout that waited for it was served".to_owned();
        Some(Evidence { at, sentence, details: self.calls().map(Call::to_string).collect() })
    }

    fn failed(&self, call: &Call) -> Option<usize> {
        match call.finished {
            Some((at, Outcome::Error { .. })) if !self.facts.may_err(call, at) => Some(at),
            _ => None,
        }
    }
}

fn is_exit(call: &Call) -> bool {
    matches!(call.invocation.op, Op::Exit(_))
}

/// The model says that this checkout must be served.
fn claims_room(call: &Call) -> bool {
    matches!(call.invocation.op, Op::Checkout(..)) && call.invocation.expected == Expectation::Success
}
