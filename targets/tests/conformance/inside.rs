//! Inside an operation: a reply of the server is withheld while others step, sessions are ended, programs are replaced, and children
//! are made in every way. On real servers and on embedded ones, which must not differ here.

use libtest_mimic::{Failed, Trial};
use poolproof::certify;
use poolproof::execute::Weakness;
use poolproof::history::{Event, History, Invocation, InvocationId, Outcome as StepOutcome, SessionId, Witness};
use poolproof::interleaving::{Interleaving, Op, Process};
use poolproof::{Database, Target};

use crate::embedded::bench;
use crate::lab::{Lab, Outcome, ensure, interleaving, target};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let tests: [(&str, Test); 10] = [
        ("each reply of a step can be withheld", every_reply),
        ("a step that the server does not answer so often is not stalled", never_stalled),
        ("a reply is withheld from the step that is stalled and from no other", nobody_else),
        ("the replies to a step that is released are withheld from nobody who waits for it", released_for_good),
        ("who gives up beside somebody who is stalled has done so before others go on", gives_up),
        ("a child is made while another thread is inside an operation", fork_inside),
        ("a process ends while a reply is withheld from it", end_inside),
        ("a session is ended, and the pool serves again", ended_session),
        ("an executed program takes the place of the process", executed),
        ("a child is made in every way", births),
    ];
    let mut trials = Vec::new();
    for pool in ["reference", "reference-mysql"] {
        for (name, test) in tests {
            trials.extend(in_both_places(lab, target(pool), name, test));
        }
    }
    trials
}

/// A test of what happens in one place.
pub(crate) type Test = fn(&Place) -> Outcome;

/// The test on a real server and on an embedded one.
pub(crate) fn in_both_places(lab: &'static Lab, pool: Target, name: &str, test: Test) -> [Trial; 2] {
    let real = format!("{name} ({})", pool.name());
    let embedded = format!("{name} ({}, embedded)", pool.name());
    [
        lab.trial(pool.database(), real, move |lab| test(&Place::Real(lab, pool))),
        Trial::test(embedded, move || test(&Place::Embedded(pool))),
    ]
}

/// Where a test runs.
pub(crate) enum Place {
    Real(&'static Lab, Target),
    Embedded(Target),
}

impl Place {
    pub(crate) fn is_real(&self) -> bool {
        matches!(self, Self::Real(..))
    }

    pub(crate) fn histories(&self, stories: &[Interleaving]) -> Result<Vec<History>, Failed> {
        match self {
            Self::Real(lab, pool) => Ok(lab.histories(pool.name(), Weakness::default(), stories)),
            Self::Embedded(pool) => {
                let bench = bench(pool)?;
                let histories = certify::execute(&bench, pool, stories)?;
                bench.finish()?;
                Ok(histories)
            }
        }
    }

    pub(crate) fn history(&self, story: &str) -> Result<History, Failed> {
        self.histories(&[interleaving(story)])?.pop().ok_or_else(|| "no history".into())
    }

    /// How often the server replies while a client of the neutral driver connects.
    fn replies_of_a_connect(&self) -> u8 {
        let (Self::Real(_, pool) | Self::Embedded(pool)) = self;
        match pool.database() {
            // The request for a password, the challenge, the end.
            Database::Postgres => 3,
            // The greeting and the end.
            Database::MySql => 2,
        }
    }
}

fn at(history: &History, wanted: impl Fn(&Event) -> bool) -> Option<usize> {
    history.events().iter().position(wanted)
}

/// The step of these words; of several the one that is stalled, or else the first.
fn call<'a>(history: &'a History, text: &str) -> Result<(usize, &'a Invocation), Failed> {
    let found = || history.invocations().filter(|(_, call)| format!("{} {}", call.actor, call.op) == text);
    found()
        .find(|(_, call)| call.stall.is_some())
        .or(found().next())
        .ok_or_else(|| format!("'{text}' was not carried out: {history:#?}").into())
}

/// Where a step began, and where it ended well.
fn done(history: &History, text: &str) -> Result<(usize, usize), Failed> {
    let (begun, call) = call(history, text)?;
    match history.outcome(call.id) {
        Some((ended, StepOutcome::Done | StepOutcome::Rows(_))) => Ok((begun, ended)),
        other => Err(format!("{text}: {other:?} in {history:#?}").into()),
    }
}

fn is_withheld(event: &Event) -> bool {
    matches!(event, Event::Withheld { .. })
}

fn is_resumed(event: &Event) -> bool {
    matches!(event, Event::Resumed { .. })
}

/// Withheld, another actor's step, resumed, done: in this order.
fn stalled_in_between(history: &History, stalled: &str, between: &str) -> Outcome {
    let ((begun, ended), (other, _)) = (done(history, stalled)?, done(history, between)?);
    let (withheld, resumed) = (at(history, is_withheld), at(history, is_resumed));
    let order = [Some(begun), withheld, Some(other), resumed, Some(ended)];
    ensure(order.iter().all(Option::is_some) && order.is_sorted(), || format!("{order:?} in {history:#?}"))
}

fn every_reply(place: &Place) -> Outcome {
    let open = "pool max_size=2\npromise anything\np0 open\np0 spawn t1\n";
    for reply in 1..=place.replies_of_a_connect() {
        let history = place.history(&format!("{open}p0.t1 checkout a stall={reply}\np0 checkout b\np0.t1 release\n"))?;
        stalled_in_between(&history, "p0.t1 checkout a", "p0 checkout b")?;
    }
    for step in ["query a", "insert a", "begin a", "prepared a", "return a"] {
        let asked = "p0.t1 checkout a\np0.t1 query a\n";
        let history = place.history(&format!("{open}{asked}p0.t1 {step} stall=1\np0 checkout b\np0.t1 release\n"))?;
        stalled_in_between(&history, &format!("p0.t1 {step}"), "p0 checkout b")?;
    }
    let begun = "p0.t1 checkout a\np0.t1 begin a\np0.t1 insert a\n";
    let history = place.history(&format!("{open}{begun}p0.t1 commit a stall=1\np0 checkout b\np0.t1 release\n"))?;
    stalled_in_between(&history, "p0.t1 commit a", "p0 checkout b")
}

fn never_stalled(place: &Place) -> Outcome {
    let history = place.history("p0 open\np0 checkout a\np0 query a stall=2\n")?;
    let (begun, ended) = done(&history, "p0 query a")?;
    let id = call(&history, "p0 query a")?.1.id;
    let said = at(&history, |event| *event == Event::NeverStalled { id });
    ensure(said.is_some_and(|said| begun < said && said < ended), || format!("{history:#?}"))?;
    ensure(at(&history, is_withheld).is_none(), || "a reply was withheld".to_owned())
}

/// Who waits for a place in the pool asks the server nothing; the next reply is somebody else's.
fn nobody_else(place: &Place) -> Outcome {
    let history = place
        .history("p0 open\np0 spawn t1\np0 checkout a\np0.t1 checkout b stall=1\np0 query a\np0 return a\np0.t1 query b\n")?;
    done(&history, "p0 query a")?;
    done(&history, "p0.t1 checkout b")?;
    ensure(at(&history, is_withheld).is_none(), || format!("{history:#?}"))
}

/// A reset of MySQL's asks a second time when it is released, while the other one still waits for the only place.
fn released_for_good(place: &Place) -> Outcome {
    let history = place.history(
        "pool max_size=1\npromise threads-only\np0 open\np0 spawn t1\np0.t1 checkout a\np0.t1 query a\np0.t1 return a stall=1\n\
         p0 checkout b stall=1\np0.t1 release\np0 query b\n",
    )?;
    done(&history, "p0 query b")?;
    let withheld = history.events().iter().filter(|event| is_withheld(event)).count();
    ensure(withheld == 1, || format!("{withheld} times in {history:#?}"))
}

/// Whether a step is skipped does not depend on how soon somebody's patience ends.
fn gives_up(place: &Place) -> Outcome {
    let story = "pool max_size=1\npromise threads-only\np0 open\np0 spawn t1\np0.t1 checkout a stall=1\np0 checkout b\np0 checkout c\n\
                 p0 open B\np0 checkout d B\np0.t1 release\np0.t1 query a\n";
    let skipped = |history: &History| {
        let events = history.events().iter();
        events.filter(|event| matches!(event, Event::Skipped { .. })).cloned().collect::<Vec<_>>()
    };
    let histories = place.histories(&vec![interleaving(story); 40])?;
    let odd = histories.iter().find(|history| !skipped(history).is_empty());
    ensure(odd.is_none(), || format!("{odd:#?}"))
}

fn fork_inside(place: &Place) -> Outcome {
    for kind in ["", " clone"] {
        let story = format!(
            "pool max_size=2\npromise child-uses-pool\np0 open\np0 spawn t1\np0.t1 checkout a stall=1\np0 fork p1{kind}\n\
             p1 checkout b\np1 query b\np1 exit main\np0.t1 release\np0.t1 query a\n"
        );
        let history = place.history(&story)?;
        stalled_in_between(&history, "p0.t1 checkout a", "p1 query b")?;
        done(&history, "p0.t1 query a")?;
    }
    Ok(())
}

/// The commit has reached the server, and nobody has heard of it.
fn end_inside(place: &Place) -> Outcome {
    let history = place.history(
        "p0 open\np0 spawn t1\np0.t1 checkout a\np0.t1 begin a\np0.t1 insert a\np0.t1 commit a stall=1\np0 exit now\n",
    )?;
    let (_, commit) = call(&history, "p0.t1 commit a")?;
    ensure(history.outcome(commit.id).is_none(), || "the commit was answered".to_owned())?;
    let rows = history.events().iter().find_map(|event| match event {
        Event::Ledger { rows } => Some(rows.len()),
        _ => None,
    });
    ensure(rows == Some(1), || format!("{rows:?} rows"))
}

fn ended_session(place: &Place) -> Outcome {
    let history = place.history(
        "pool max_size=1\npromise anything\np0 open\np0 checkout a\np0 query a\np0 end-session a\np0 insert a\np0 return a\n\
         p0 checkout b\np0 query b\n",
    )?;
    let (begun, ended) = done(&history, "p0 end-session a")?;
    let closed = at(&history, |event| *event == Event::ServerClosed { session: SessionId(0) });
    ensure(closed.is_some_and(|closed| begun < closed && closed < ended), || format!("{history:#?}"))?;
    let (_, insert) = call(&history, "p0 insert a")?;
    let failed = matches!(history.outcome(insert.id), Some((_, StepOutcome::Error { .. })));
    ensure(failed, || "something was written on a session that had ended".to_owned())?;
    done(&history, "p0 query b").map(drop)
}

/// The pool's sockets are close-on-exec: nothing is carried over.
fn executed(place: &Place) -> Outcome {
    let history = place.history("p0 open\np0 checkout a\np0 query a\np0 fork p1\np1 exec\np0 query a\np1 exit now\n")?;
    let (_, executed) = done(&history, "p1 exec")?;
    ensure(at(&history, |event| matches!(event, Event::Carried { .. })).is_none(), || format!("{history:#?}"))?;
    let ended = at(&history, |event| matches!(event, Event::Ended { process: Process(1), .. }));
    ensure(ended.is_some_and(|ended| executed < ended), || format!("{history:#?}"))
}

fn births(place: &Place) -> Outcome {
    let story = "pool max_size=1\npromise child-uses-pool\norder ancestor-first\np0 open\np0 checkout a\np0 query a\np0 return a\n\
                 p0 fork p1 clone\np0 exit now\np1 fork p2 reused-pid\np2 checkout b\np2 query b\n";
    let history = place.history(story)?;
    let reused = history.invocations().find(|(_, call)| matches!(call.op, Op::Fork(Process(2), _))).map(|(_, call)| call.id);
    let refused = |id: InvocationId| matches!(history.outcome(id), Some((_, StepOutcome::Error { .. })));
    if reused.is_none_or(refused) {
        // Without the right to choose a pid there is no such child, and nobody is blamed for it.
        return ensure(at(&history, |event| matches!(event, Event::Abandoned { .. })).is_none(), || format!("{history:#?}"));
    }
    let (asked, _) = done(&history, "p2 query b")?;
    let owner = Witness::Process(Process(2));
    let opened = at(&history, |event| matches!(event, Event::Opened { owner: who, .. } if *who == owner));
    ensure(opened.is_some_and(|opened| opened < asked), || format!("{history:#?}"))
}
