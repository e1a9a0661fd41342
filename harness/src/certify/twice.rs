//! The same interleaving twice: does it go the same way? Replays and shrinking stand on that.
//!
//! Compared is what lockstep determines: of each session its frames, of each actor its results, up to the first moment at which two
//! actors run at once. A pool with threads, a clock or chance of its own may go otherwise all the same; of one that has none
//! ([`Target::repeats`](crate::Target::repeats)) a difference is the harness's defect.

use std::collections::BTreeMap;

use super::run;
use super::search::Supply;
use crate::execute::{Effort, Executor};
use crate::generate::Shard;
use crate::history::{Event, Expectation, History, InvocationId, Outcome, SessionId};
use crate::interleaving::{Actor, Interleaving, Op, Process};
use crate::nonce::Nonce;
use crate::pool::ErrorKind;
use crate::trouble::Trouble;

/// One of so many interleavings is executed twice more.
const EVERY: usize = 50;
/// And so many of a promise at the most.
const MOST: usize = 20;

/// An interleaving that did not go the same way twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlike {
    /// Its number.
    pub number: u64,
    /// The interleaving.
    pub interleaving: Interleaving,
    /// The first difference, in one line.
    pub what: String,
}

/// Executes some of those among the first `cases` interleavings of a part that broke nothing twice, and gives those that went otherwise.
pub(super) fn execute_twice(
    workers: &mut [Executor],
    supply: &Supply,
    broken: &[u64],
    (shard, cases): (Shard, u64),
) -> Result<Vec<Unlike>, Trouble> {
    let Some(worker) = workers.first_mut() else { return Ok(Vec::new()) };
    let _beside = worker.beside_agent();
    let mut unlike = Vec::new();
    for number in (0..cases).step_by(EVERY).map(|nth| shard.number(nth)).filter(|number| !broken.contains(number)).take(MOST) {
        let interleaving = supply.nth(number);
        let first = run(worker, &interleaving, Effort::Full)?;
        let second = run(worker, &interleaving, Effort::Full)?;
        let what = difference(&first.history, &second.history);
        unlike.extend(what.map(|what| Unlike { number, interleaving, what }));
    }
    Ok(unlike)
}

/// The first difference between two histories of one interleaving, as far as lockstep determines them.
fn difference(first: &History, second: &History) -> Option<String> {
    let end = lockstep_ends(first).min(lockstep_ends(second));
    let (first, second) = (Account::of(first, end), Account::of(second, end));
    let actors = first.actors.keys().chain(second.actors.keys());
    for actor in actors {
        let (one, other) = (first.results(*actor), second.results(*actor));
        if let Some((one, other)) = first_difference(one, other) {
            return Some(format!("{actor}: {one}, and the second time {other}"));
        }
    }
    for place in 0..first.sessions.len().max(second.sessions.len()) {
        let (one, other) = (first.frames(place), second.frames(place));
        if let Some((one, other)) = first_difference(one, other) {
            return Some(format!("the wire, c{place}: {one}, and the second time {other}"));
        }
    }
    None
}

fn first_difference(one: &[String], other: &[String]) -> Option<(String, String)> {
    let at = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at))?;
    let told = |list: &[String]| list.get(at).cloned().unwrap_or_else(|| "nothing".to_owned());
    Some((told(one), told(other)))
}

/// The invocation with which something begins that lockstep does not determine: two actors run at once, or time decides whether
/// somebody is served.
fn lockstep_ends(history: &History) -> InvocationId {
    let mut last = InvocationId(0);
    let mut running: Vec<(InvocationId, Process, bool)> = Vec::new();
    let mut held: Vec<(SessionId, InvocationId, Process)> = Vec::new();
    for event in history.events() {
        match event {
            Event::Invoked(call) => {
                last = call.id;
                if call.op == Op::Release {
                    continue;
                }
                if !running.is_empty() {
                    return last;
                }
                running.push((call.id, call.actor.process, call.stall.is_some()));
            }
            Event::Finished { id, outcome } => {
                running.retain(|(other, ..)| other != id);
                held.retain(|(_, other, _)| other != id);
                if is_timed(history, *id, outcome) {
                    return *id;
                }
            }
            Event::Withheld { session } => {
                if let Some(place) = running.iter().position(|(.., stalls)| *stalls) {
                    let (id, process, _) = running.swap_remove(place);
                    held.push((*session, id, process));
                }
            }
            Event::Resumed { session } => {
                let resumed = held.extract_if(.., |(on, ..)| on == session).map(|(_, id, process)| (id, process, false));
                running.extend(resumed);
                if running.len() > 1 {
                    return last;
                }
            }
            // Its patience ends when the clock says so.
            Event::KeptTooLong { id } => return *id,
            Event::Ended { process, .. } => {
                running.retain(|(_, of, _)| of != process);
                held.retain(|(.., of)| of != process);
            }
            Event::Stuck { .. } | Event::Overdue { .. } | Event::Abandoned { .. } => return last,
            _ => {}
        }
    }
    InvocationId(u32::MAX)
}

/// A checkout that nobody must serve gave up: a slower machine would have been served less, a faster one more.
fn is_timed(history: &History, id: InvocationId, outcome: &Outcome) -> bool {
    let timed_out = matches!(outcome, Outcome::Error { kind: ErrorKind::TimedOut, .. });
    timed_out && history.invocations().any(|(_, call)| call.id == id && call.expected == Expectation::Either)
}

/// What is the same whenever an interleaving goes the same way.
#[derive(Debug, Default)]
struct Account {
    /// In the order in which they were opened.
    sessions: Vec<(SessionId, Vec<String>)>,
    actors: BTreeMap<Actor, Vec<String>>,
}

impl Account {
    /// Of what happened before an invocation.
    fn of(history: &History, end: InvocationId) -> Self {
        let mut account = Self::default();
        for event in history.events() {
            match event {
                Event::Invoked(call) if call.id >= end => break,
                Event::Opened { session, .. } => account.sessions.push((*session, Vec::new())),
                Event::CancelRequested { session, .. } => account.sessions.retain(|(known, _)| known != session),
                Event::Wrote { session, frames, .. } => {
                    let told = frames.iter().map(|frame| match frame.nonce {
                        Some(nonce) => format!("{} of step {}", frame.name, nonce.step),
                        None => frame.name.to_owned(),
                    });
                    let list = account.sessions.iter_mut().find(|(known, _)| known == session);
                    list.into_iter().for_each(|(_, list)| list.extend(told.clone()));
                }
                Event::Finished { id, outcome } => {
                    if let Some((_, call)) = history.invocations().find(|(_, call)| call.id == *id) {
                        account.actors.entry(call.actor).or_default().push(format!("'{}' {}", call.op, told(outcome)));
                    }
                }
                _ => {}
            }
        }
        account
    }

    fn results(&self, actor: Actor) -> &[String] {
        self.actors.get(&actor).map_or(&[], Vec::as_slice)
    }

    fn frames(&self, place: usize) -> &[String] {
        self.sessions.get(place).map_or(&[], |(_, frames)| frames.as_slice())
    }
}

/// An outcome without what differs from run to run: numbers of sessions, of executions and of processes.
fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "succeeded".to_owned(),
        Outcome::Rows(rows) => {
            let nonces = rows.iter().flatten().flatten().filter_map(|value| Nonce::parse(value));
            format!("gave {} rows, for the steps {:?}", rows.len(), nonces.map(|nonce| nonce.step).collect::<Vec<_>>())
        }
        Outcome::Error { kind, .. } => format!("failed ({kind:?})"),
        Outcome::Panicked(_) => "panicked".to_owned(),
        Outcome::NotOffered => "is not offered".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Frame, Invocation, Witness};

    fn invoked(number: u32, actor: Actor, op: Op, stall: Option<u8>) -> Event {
        let (id, expected) = (InvocationId(number), Expectation::Either);
        let step = Some(number as usize);
        Event::Invoked(Invocation {
            id,
            actor,
            op,
            step,
            pool: None,
            checkout: None,
            inherited: false,
            nonce: None,
            expected,
            stall,
            cut: None,
        })
    }

    fn finished(number: u32, outcome: Outcome) -> Event {
        Event::Finished { id: InvocationId(number), outcome }
    }

    fn wrote(session: u32, name: &'static str, run: u32) -> Event {
        let frame = Frame { name, bytes: 9, nonce: Some(Nonce { run, step: 1 }), goodbye: false };
        let writer = Witness::Process(Process::FIRST);
        Event::Wrote { session: SessionId(session), writer, bytes: 9, frames: vec![frame] }
    }

    fn opened(session: u32) -> Event {
        Event::Opened { session: SessionId(session), owner: Witness::Process(Process::FIRST) }
    }

    const QUERY: Op = Op::Query(crate::interleaving::Handle(0));

    fn story(session: u32, run: u32, frame: &'static str, outcome: Outcome) -> Vec<Event> {
        let me = Process::FIRST.main();
        vec![
            opened(session),
            invoked(0, me, Op::Open(None), None),
            finished(0, Outcome::Done),
            invoked(1, me, QUERY, None),
            wrote(session, frame, run),
            finished(1, outcome),
        ]
    }

    fn differ(one: Vec<Event>, other: Vec<Event>) -> Option<String> {
        difference(&History::from_events(one), &History::from_events(other))
    }

    #[test]
    fn the_numbers_of_runs_and_sessions_say_nothing() {
        assert_eq!(differ(story(0, 7, "Query", Outcome::Done), story(3, 8, "Query", Outcome::Done)), None);
    }

    #[test]
    fn another_frame_or_another_result_is_a_difference() {
        let same = || story(0, 7, "Query", Outcome::Done);
        let other = differ(same(), story(0, 8, "Parse", Outcome::Done)).expect("a difference");
        assert_eq!(other, "the wire, c0: Query of step 1, and the second time Parse of step 1");
        let failed = Outcome::Error { kind: ErrorKind::Database, message: String::new() };
        let other = differ(same(), story(0, 8, "Query", failed)).expect("a difference");
        assert_eq!(other, "p0: 'query a' succeeded, and the second time 'query a' failed (Database)");
        let mut less = same();
        less.truncate(3);
        assert!(differ(same(), less).is_some());
    }

    /// Two who run at once may come in either order, and who waited as long as he may might have been served.
    #[test]
    fn what_lockstep_does_not_determine_is_not_compared() {
        let two = |frame| {
            let mut events = story(0, 7, "Query", Outcome::Done);
            events.pop();
            let other = Actor { thread: crate::interleaving::Thread(1), ..Process::FIRST.main() };
            events.extend([invoked(2, other, QUERY, None), wrote(0, frame, 7)]);
            events
        };
        assert_eq!(differ(two("Query"), two("Parse")), None);
        let timed_out = Outcome::Error { kind: ErrorKind::TimedOut, message: String::new() };
        assert_eq!(differ(story(0, 7, "Query", Outcome::Done), story(0, 7, "Query", timed_out)), None);
    }

    /// Who must wait in vain while somebody is stalled has given up before others go on.
    #[test]
    fn who_gives_up_beside_one_who_is_stalled_is_compared() {
        let other = Actor { thread: crate::interleaving::Thread(1), ..Process::FIRST.main() };
        let expects = |event, expected| match event {
            Event::Invoked(call) => Event::Invoked(Invocation { expected, ..call }),
            event => event,
        };
        let begins = || {
            let waits = expects(invoked(1, Process::FIRST.main(), QUERY, None), Expectation::Block);
            vec![invoked(0, other, QUERY, Some(1)), Event::Withheld { session: SessionId(0) }, waits]
        };
        let goes_on = || [invoked(2, other, Op::Release, None), Event::Resumed { session: SessionId(0) }];
        let timed_out = Outcome::Error { kind: ErrorKind::TimedOut, message: String::new() };
        let gives_up = begins().into_iter().chain([finished(1, timed_out)]).chain(goes_on()).collect();
        let waits = begins().into_iter().chain(goes_on()).collect();
        assert!(differ(gives_up, waits).is_some());
    }

    /// Who is stalled does not run: what others do meanwhile is compared, until he is released and somebody else runs as well.
    #[test]
    fn beside_one_who_is_stalled_the_others_are_compared() {
        let stalled = |frame| {
            let other = Actor { thread: crate::interleaving::Thread(1), ..Process::FIRST.main() };
            let withheld = Event::Withheld { session: SessionId(0) };
            let mut events = vec![opened(0), invoked(0, other, QUERY, Some(1)), withheld, opened(1)];
            events.extend([invoked(1, Process::FIRST.main(), QUERY, None), wrote(1, frame, 7), finished(1, Outcome::Done)]);
            events
        };
        assert_eq!(differ(stalled("Query"), stalled("Query")), None);
        assert!(differ(stalled("Query"), stalled("Parse")).is_some());
    }
}
