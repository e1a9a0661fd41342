//! What an agent must be able to do: small stories, and what of their histories would show that it cannot.

use poolproof::history::{Ending, Event, History, Invocation, Outcome, Witness};
use poolproof::interleaving::{ExitKind, Op};

/// One thing that is checked.
pub(crate) struct Lesson {
    /// What the agent does, in plain words.
    pub(crate) about: &'static str,
    /// Steps, under the weakest promise.
    pub(crate) story: &'static str,
    /// Without it nothing else can be checked.
    pub(crate) decides: bool,
}

const fn lesson(about: &'static str, story: &'static str) -> Lesson {
    Lesson { about, story, decides: false }
}

/// Everything, in an order in which each uses what was checked before.
pub(crate) const COURSE: &[Lesson] = &[
    Lesson { about: "says hello, and starts a process for each case", story: "p0 exit now\n", decides: true },
    Lesson { about: "opens a pool and drops it", story: "p0 open\np0 drop-pool\n", decides: true },
    Lesson {
        about: "checks out, gives the rows of a query, and returns",
        story: "p0 open\np0 checkout a\np0 query a\np0 query a\np0 return a\n",
        decides: true,
    },
    lesson(
        "uses several checkouts and pools by name",
        "p0 open A\np0 open B\np0 checkout a A\np0 checkout b B\np0 query a\np0 query b\n",
    ),
    lesson("commits what is written outside of a transaction", "p0 open\np0 checkout a\np0 insert a\np0 return a\n"),
    lesson("begins and commits", "p0 open\np0 checkout a\np0 begin a\np0 insert a\np0 commit a\np0 return a\n"),
    lesson("begins and rolls back", "p0 open\np0 checkout a\np0 begin a\np0 insert a\np0 rollback a\np0 query a\n"),
    lesson("prepares and cancels, or says that it cannot", "p0 open\np0 checkout a\np0 prepared a\np0 cancel a\n"),
    lesson("disposes, or says that it cannot", "p0 open\np0 checkout a\np0 return a\np0 dispose\n"),
    lesson("leaks a checkout so that nothing reaches the server", "p0 open\np0 checkout a\np0 query a\np0 leak a\np0 collect\n"),
    lesson("leaks a pool so that nothing reaches the server", "p0 open\np0 checkout a\np0 return a\np0 leak-pool\np0 collect\n"),
    lesson("spawns a thread and joins it", "p0 spawn t1\np0.t1 open\np0 join t1\np0 spawn t1\np0 join t1\n"),
    lesson(
        "sends a checkout to a thread, which returns it at its end",
        "p0 open\np0 checkout a\np0 spawn t1\np0 send a t1\np0.t1 query a\np0 join t1\n",
    ),
    lesson("forks, and waits for the child", "p0 fork p1\np1 exit now\np0 wait p1\n"),
    lesson("opens a pool in a child", "p0 fork p1\np1 open\np1 checkout a\np1 query a\np1 return a\n"),
    lesson(
        "leaves its child a copy of its checkouts and pools",
        "p0 open\np0 checkout a\np0 query a\np0 fork p1\np1 leak a\np1 leak-pool\np1 exit now\np0 query a\n",
    ),
    lesson(
        "forks from a thread and from a child",
        "p0 spawn t1\np0.t1 fork p1\np1 spawn t1\np1.t1 fork p2\np2 open\np1 join t1\n",
    ),
    lesson("calls the hook for a child, or says that there is none", "p0 open\np0 fork p1\np1 after-fork\n"),
    lesson("forks by the system call alone, or says that it cannot", "p0 fork p1 clone\np1 open\n"),
    lesson("ends by _exit", "p0 fork p1\np1 exit now\n"),
    lesson("ends with exit handlers", "p0 fork p1\np1 exit atexit\n"),
    lesson("ends by a return from main", "p0 fork p1\np1 open\np1 checkout a\np1 exit main\n"),
    lesson("ends by an error that nobody catches", "p0 fork p1\np1 exit panic\n"),
    lesson("ends by a signal", "p0 fork p1\np1 exit signal\n"),
    lesson(
        "ends the process from a thread",
        "p0 fork p1\np1 spawn t1\np1.t1 exit atexit\np0 fork p2\np2 spawn t1\np2.t1 exit panic\n",
    ),
    lesson("ends as usual in a child that a thread forked", "p0 spawn t1\np0.t1 fork p1\np1 exit main\n"),
    lesson("executes another program", "p0 fork p1\np1 exec\np1 exit now\np0 wait p1\n"),
    lesson("collects and drops a runtime, or says that it cannot", "p0 open\np0 collect\np0 drop-runtime\n"),
];

impl Lesson {
    /// What in a history shows that the agent does not do this as it should.
    pub(crate) fn fault(&self, history: &History) -> Option<String> {
        stuck(history)
            .or_else(|| steps(history).find_map(|(call, outcome)| wrong_answer(call, outcome)))
            .or_else(|| history.events().iter().find_map(|event| wrong_event(event, history)))
            .or_else(|| self.story.contains("leak").then(|| wrote_after_leak(history)).flatten())
            .or_else(|| wrong_ledger(history))
    }
}

/// The steps of the story with what came of them. Those of the final check may fail, as a pool's may.
fn steps(history: &History) -> impl Iterator<Item = (&Invocation, &Outcome)> {
    let own = history.invocations().map(|(_, call)| call).filter(|call| call.step.is_some());
    own.filter_map(|call| history.outcome(call.id).map(|(_, outcome)| (call, outcome)))
}

fn shown(call: &Invocation) -> String {
    format!("'{} {}'", call.actor, call.op)
}

fn stuck(history: &History) -> Option<String> {
    history.events().iter().find_map(|event| match event {
        Event::Stuck { id, .. } | Event::Overdue { id, .. } | Event::Spinning { id, .. } => {
            let call = history.invocations().map(|(_, call)| call).find(|call| call.id == *id);
            Some(format!("there was no end of {}", call.map_or_else(|| "a process".to_owned(), shown)))
        }
        Event::Abandoned { why } => Some(why.clone()),
        _ => None,
    })
}

fn wrong_answer(call: &Invocation, outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Error { message, .. } | Outcome::Panicked(message) => Some(format!("{} failed: {message}", shown(call))),
        Outcome::Rows(rows) if matches!(call.op, Op::Query(_) | Op::Prepared(_)) => {
            let wanted = call.nonce.map(|nonce| nonce.to_string());
            let row = rows.first().filter(|row| row.len() == 3 && rows.len() == 1);
            let right = row.is_some_and(|row| row[0] == wanted);
            (!right).then(|| format!("{} gave {rows:?}, and one row of three values is right, the first {wanted:?}", shown(call)))
        }
        _ => None,
    }
}

fn wrong_event(event: &Event, history: &History) -> Option<String> {
    match event {
        Event::Opened { session, owner: Witness::Stranger } => {
            Some(format!("connection {session} was opened by a process that is none of the case: the zygote opens nothing"))
        }
        Event::Ended { process, ending } => {
            let told = |call: &&Invocation| call.actor.process == *process && matches!(call.op, Op::Exit(_));
            let Some(call) = history.invocations().map(|(_, call)| call).find(told) else {
                return Some(format!("{process} ended with {}, and was not told to", words(*ending)));
            };
            let wanted = match call.op {
                Op::Exit(ExitKind::Signal) => Ending::Signal(9),
                Op::Exit(ExitKind::Panic) => Ending::Code(101),
                _ => Ending::Code(0),
            };
            (*ending != wanted).then(|| format!("{} ended with {}, and not with {}", shown(call), words(*ending), words(wanted)))
        }
        _ => None,
    }
}

fn words(ending: Ending) -> String {
    match ending {
        Ending::Code(code) => format!("exit code {code}"),
        Ending::Signal(signal) => format!("signal {signal}"),
    }
}

/// Until the final check, and until a process ends, a leak shows nowhere.
fn wrote_after_leak(history: &History) -> Option<String> {
    let events = history.events();
    let is_leak = |op: Op| matches!(op, Op::Leak(_) | Op::LeakPool(_));
    let (from, call) = history.invocations().find(|(_, call)| is_leak(call.op))?;
    let ends = |event: &Event| matches!(event, Event::Invoked(call) if matches!(call.op, Op::Exit(_) | Op::Query(_)) || call.step.is_none());
    let until = events[from..].iter().position(ends).map_or(events.len(), |at| from + at);
    let wrote = |event: &Event| matches!(event, Event::Wrote { .. } | Event::ClientClosed { .. });
    events[from..until].iter().any(wrote).then(|| format!("{} reached the server", shown(call)))
}

/// What was committed is there, once, and what was rolled back is not.
fn wrong_ledger(history: &History) -> Option<String> {
    let rows = history.events().iter().find_map(|event| match event {
        Event::Ledger { rows } => Some(rows),
        _ => None,
    })?;
    let rolled_back = history.invocations().any(|(_, call)| matches!(call.op, Op::Rollback(_)));
    let insert = history.invocations().map(|(_, call)| call).find(|call| matches!(call.op, Op::Insert(_)))?;
    let there = rows.iter().filter(|row| Some(**row) == insert.nonce).count();
    match (there, rolled_back) {
        (1, false) | (0, true) => None,
        (0, false) => Some(format!("the row of {} is not there", shown(insert))),
        (_, true) => Some(format!("the row of {} is there, and was rolled back", shown(insert))),
        (there, false) => Some(format!("the row of {} is there {there} times", shown(insert))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolproof::Promise;
    use poolproof::interleaving::parse;
    use poolproof::model::State;

    /// A step that were skipped would check nothing.
    #[test]
    fn every_step_of_the_course_is_carried_out() {
        for lesson in COURSE {
            let interleaving = parse(&format!("pool max_size=2\n{}", lesson.story)).expect("a story");
            let mut state = State::new(2);
            for step in &interleaving.steps {
                assert_eq!(state.skips(Promise::Anything, step.actor, &step.op), None, "{step} in '{}'", lesson.about);
                state.start(step.actor, &step.op);
                state.apply(step.actor, &step.op, true);
            }
        }
    }
}
