//! Does each process live by its own steps? ISO-1 looks at their results, ISO-2 at how processes end.

mod records;

use std::collections::BTreeSet;

use super::facts::{Call, Facts, count};
use super::{Level, Rule, api, own};
use crate::history::{Ending, Event, Expectation, Outcome, SessionId, Witness};
use crate::interleaving::{ExitKind, ForkKind, Op, Process};
use crate::promise::Promise;
use crate::verdict::{Evidence, Verdict};

pub(super) const ISO_1: Rule = Rule {
    id: "ISO-1",
    level: Level::Must,
    harm: "an error comes without a cause in its own process",
    sentence: "A step fails only for a cause in its own process's steps.",
    reason: "A parent whose connection its child has broken is punished for what it never did (field report F1: server closed the \
             connection unexpectedly; failures: finaliser says goodbye, TLS sequence, statement names clash).",
    remedy: "Return every connection and dispose and drop the pool before each fork, so that no child has anything to break.",
    remedies: &[
        (Promise::ChildDrops, "Let the child leak what it inherited in place of dropping it, and leave by _exit."),
        (Promise::ThreadsOnly, "Let one thread at a time use a connection, and report the error to the pool's authors."),
    ],
    evidence: "the model's expectation, the results, and what others wrote on the session; with TLS the server's word that it could \
               not decrypt what came on an inherited session",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 checkout a\np0 fork p1\np0 query a",
    mutant: "mutant-parent-refuses",
    kernel: false,
    dirty: false,
    check: steps_fail_for_a_cause,
};

pub(super) const ISO_2: Rule = Rule {
    id: "ISO-2",
    level: Level::Must,
    harm: "a process crashes",
    sentence: "No process dies of a signal, an abort or a panic that the interleaving did not ask for.",
    reason: "A pool that is confused by a fork must say so with an error and not take the process with it (field report F7; \
             failures: two threads reset).",
    remedy: "Open a new pool in the child in place of the inherited one, and report the crash to the pool's authors.",
    remedies: &[
        (Promise::ThreadsOnly, "Report the crash to the pool's authors: no fork is involved."),
        (Promise::DisposeBeforeFork, "Report the crash to the pool's authors: nothing was inherited."),
    ],
    evidence: "the wait status, and the panic that the agent caught; inside a pool that was disposed both are API-1's",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 fork p1\np1 checkout a",
    mutant: "mutant-drop-panics",
    kernel: false,
    dirty: false,
    check: nobody_dies_unasked,
};

fn steps_fail_for_a_cause(facts: &Facts) -> Verdict {
    let (mut broken, mut exercised, mut harness, mut refused) = (Vec::new(), 0, None, false);
    // Whether a checkout must be served is LIV-2's question.
    for call in facts.calls.iter().filter(|call| !matches!(call.invocation.op, Op::Checkout(..))) {
        match call.finished {
            _ if reaches_the_pool(call.invocation.op) && facts.is_safe_refusal(call) => refused = true,
            _ if call.invocation.expected != Expectation::Success => {}
            // Not every machine gives a pid again.
            _ if matches!(call.invocation.op, Op::Fork(_, ForkKind::ReusedPid)) => {}
            Some((_, Outcome::Error { message, .. })) if !reaches_the_pool(call.invocation.op) => {
                harness.get_or_insert_with(|| format!("{call} failed, which no pool can cause: {message}"));
            }
            Some((at, Outcome::Error { message, .. })) if !facts.may_err(call, at) => {
                let garbled = records::garbled(facts, &used_by(facts, call), message);
                let details = [message.clone()].into_iter().chain(garbled).chain(interference(facts, call, at)).collect();
                broken.push(Evidence { at, sentence: format!("{call} failed without a cause in its own process"), details });
            }
            Some((_, Outcome::Done | Outcome::Rows(_))) if reaches_the_pool(call.invocation.op) => exercised += 1,
            _ => {}
        }
    }
    broken.extend(records::written_by_others(facts));
    match (Verdict::on(broken, exercised), harness) {
        (Verdict::Failed(evidence), _) => Verdict::Failed(evidence),
        (_, Some(why)) => Verdict::NoVerdict(why),
        _ if refused => Verdict::Refused,
        (other, None) => other,
    }
}

/// The rest is done by the harness and the kernel alone.
fn reaches_the_pool(op: Op) -> bool {
    !matches!(
        op,
        Op::LeakPool(_)
            | Op::Leak(_)
            | Op::EndSession(_)
            | Op::Refuse(_)
            | Op::Accept
            | Op::Restart
            | Op::Fork(..)
            | Op::Wait(_)
            | Op::Exec
            | Op::Exit(_)
            | Op::Spawn(_)
            | Op::Join(_)
            | Op::Send(..)
            | Op::Collect
            | Op::Release
    )
}

/// What other processes wrote, before the call failed, on the sessions that its checkout used.
fn interference(facts: &Facts, call: &Call, failed: usize) -> Vec<String> {
    let used = used_by(facts, call);
    let others = own::foreign_writes(facts).filter(|foreign| foreign.writer != Witness::Process(call.process()));
    others.filter(|foreign| foreign.at < failed && used.contains(&foreign.session)).map(|foreign| foreign.to_string()).collect()
}

/// The sessions on which statements of the call's checkout ran, in its process.
fn used_by(facts: &Facts, call: &Call) -> BTreeSet<SessionId> {
    let same = |other: &Call| other.invocation.checkout == call.invocation.checkout && other.process() == call.process();
    match call.invocation.checkout {
        Some(_) => facts.statements().filter(|(_, _, other)| same(other)).map(|(_, session, _)| session).collect(),
        None => BTreeSet::new(),
    }
}

fn nobody_dies_unasked(facts: &Facts) -> Verdict {
    let is_over = |call: &Call| api::is_over(facts, call, call.end());
    let steps = facts.calls.iter().filter(|call| call.finished.is_some() && !matches!(call.invocation.op, Op::Exit(_)));
    let mut exercised = count(steps.filter(|call| !is_over(call)));
    let mut broken: Vec<_> = panics(facts).filter(|(call, _)| !is_over(call)).map(|(_, evidence)| evidence).collect();
    for end in ends(facts).filter(|end| end.inside_a_disposed_pool(facts).is_none()) {
        exercised += 1;
        broken.extend(end.evidence(facts));
    }
    Verdict::on(broken, exercised)
}

/// The steps that panicked.
pub(super) fn panics<'a>(facts: &'a Facts<'a>) -> impl Iterator<Item = (&'a Call<'a>, Evidence)> {
    facts.calls.iter().filter_map(|call| match call.finished {
        Some((at, Outcome::Panicked(words))) => {
            Some((call, Evidence { at, sentence: format!("{call} panicked"), details: vec![words.clone()] }))
        }
        _ => None,
    })
}

/// A process that ended, and that the harness did not kill.
pub(super) struct End {
    at: usize,
    process: Process,
    ending: Ending,
}

pub(super) fn ends(facts: &Facts) -> impl Iterator<Item = End> {
    let ended = facts.events.iter().enumerate().filter_map(|(at, event)| match event {
        Event::Ended { process, ending } => Some(End { at, process: *process, ending: *ending }),
        _ => None,
    });
    ended.filter(|end| !facts.lives.get(&end.process).is_some_and(|life| life.killed))
}

impl End {
    /// It was not told to end so.
    pub(super) fn evidence(&self, facts: &Facts) -> Option<Evidence> {
        let told: Vec<_> = facts.calls.iter().filter(|call| call.process() == self.process).filter_map(ordered).collect();
        if told.contains(&self.ending) {
            return None;
        }
        let asked = told.iter().map(|told| format!("it was told to end with {}", words(*told)));
        let inside = facts.inside(self.process, self.at).map(|call| format!("during {call}"));
        Some(Evidence { at: self.at, sentence: deed(self.process, self.ending), details: asked.chain(inside).collect() })
    }

    /// A call that it was inside of, where all of them are about pools that were disposed.
    pub(super) fn inside_a_disposed_pool<'a>(&self, facts: &'a Facts<'a>) -> Option<&'a Call<'a>> {
        let mut inside = facts.inside(self.process, self.at).peekable();
        let first = inside.peek().copied();
        first.filter(|_| inside.all(|call| api::is_over(facts, call, self.at)))
    }
}

/// The ending that an exit asks for.
fn ordered(call: &Call) -> Option<Ending> {
    match call.invocation.op {
        Op::Exit(ExitKind::Now | ExitKind::AtExit | ExitKind::Main) => Some(Ending::Code(0)),
        Op::Exit(ExitKind::Panic) => Some(Ending::Code(101)),
        Op::Exit(ExitKind::Signal) => Some(Ending::Signal(9)),
        _ => None,
    }
}

fn deed(process: Process, ending: Ending) -> String {
    match ending {
        Ending::Code(_) => format!("{process} ended with {}", words(ending)),
        Ending::Signal(_) => format!("{process} died of {}", words(ending)),
    }
}

fn words(ending: Ending) -> String {
    match ending {
        Ending::Code(code) => format!("exit code {code}"),
        // The numbers of signal(7) on Linux, where every history is made.
        Ending::Signal(4) => "SIGILL".to_owned(),
        Ending::Signal(6) => "SIGABRT".to_owned(),
        Ending::Signal(7) => "SIGBUS".to_owned(),
        Ending::Signal(9) => "SIGKILL".to_owned(),
        Ending::Signal(11) => "SIGSEGV".to_owned(),
        Ending::Signal(13) => "SIGPIPE".to_owned(),
        Ending::Signal(number) => format!("signal {number}"),
    }
}
