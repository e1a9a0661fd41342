//! By which way a rule is broken: the kind of step that does it. One defect has many shrunk forms and few ways, so findings are told
//! apart by it.
//!
//! It is read from the history at the decisive event, and knows nothing of the rule.

use crate::history::{Event, History, Invocation, Witness};
use crate::interleaving::Process;

/// A goodbye: whoever drops, returns or ends says it, and it is one line of the pool's.
const GOODBYE: &str = "goodbye";
/// Any statement on a checkout: what breaks there would break with another one too.
const STATEMENT: &str = "statement";
/// What nobody's step did.
const NOBODY: &str = "nobody";

/// The way that ends at this event, in a word or two for the name of a file.
pub(super) fn of(history: &History, at: usize) -> String {
    let decisive = history.events().get(at);
    if let Some(Event::Wrote { frames, .. }) = decisive
        && frames.first().is_some_and(|frame| frame.goodbye)
    {
        return GOODBYE.to_owned();
    }
    let Some(invocation) = decisive.and_then(|decisive| step(history, at, decisive)) else { return NOBODY.to_owned() };
    let word = if invocation.op.statement().is_some() { STATEMENT } else { invocation.op.word() };
    if invocation.inherited { format!("inherited-{word}") } else { word.to_owned() }
}

/// The step to which an event belongs.
fn step<'a>(history: &'a History, at: usize, decisive: &'a Event) -> Option<&'a Invocation> {
    match decisive {
        Event::Invoked(invocation) => Some(invocation),
        Event::Finished { id, .. }
        | Event::NeverStalled { id }
        | Event::NeverCut { id }
        | Event::KeptTooLong { id }
        | Event::Stuck { id, .. }
        | Event::Overdue { id, .. }
        | Event::Spinning { id, .. } => history.invocations().map(|(_, invocation)| invocation).find(|known| known.id == *id),
        Event::Wrote { writer: Witness::Process(process), .. }
        | Event::Drew { writer: Witness::Process(process), .. }
        | Event::Opened { owner: Witness::Process(process), .. }
        | Event::CancelRequested { writer: Witness::Process(process), .. }
        | Event::KillRequested { writer: Witness::Process(process), .. }
        | Event::Ended { process, .. }
        | Event::Killed { process }
        | Event::Cut { process, .. }
        | Event::Carried { process, .. } => latest(history, at, *process),
        _ => None,
    }
}

/// What a process was told last before an event.
fn latest(history: &History, at: usize, process: Process) -> Option<&Invocation> {
    let before = history.invocations().take_while(|(place, _)| *place < at);
    before.map(|(_, invocation)| invocation).filter(|invocation| invocation.actor.process == process).last()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Expectation, Frame, InvocationId, Outcome, SessionId};
    use crate::interleaving::{Op, Step, parse};

    /// Told in steps, each of which is over at once; a step of p1 uses what was inherited. Then p1 writes a frame on p0's session.
    fn told(steps: &str, written: &'static str, goodbye: bool) -> (History, usize) {
        let mut history = History::default();
        let steps: Vec<Step> = parse(&steps.replace("; ", "\n")).expect("steps").steps;
        for (number, step) in steps.iter().enumerate() {
            let id = InvocationId(number as u32);
            history.append(Event::Invoked(Invocation {
                id,
                actor: step.actor,
                op: step.op,
                step: Some(number),
                pool: None,
                checkout: None,
                inherited: step.actor.process != Process::FIRST,
                nonce: None,
                expected: Expectation::Success,
                stall: None,
                cut: None,
            }));
            if !matches!(step.op, Op::Exit(_)) {
                history.append(Event::Finished { id, outcome: Outcome::Done });
            }
        }
        let frame = Frame { name: written, bytes: 5, nonce: None, goodbye };
        let writer = Witness::Process(Process(1));
        history.append(Event::Wrote { session: SessionId(1), writer, bytes: 5, frames: vec![frame] });
        let last = history.events().len() - 1;
        (history, last)
    }

    fn way(steps: &str, written: &'static str, goodbye: bool) -> String {
        let (history, at) = told(steps, written, goodbye);
        of(&history, at)
    }

    /// Whichever statement is first, in whatever frames, after whatever else: one defect, one name.
    #[test]
    fn the_forms_of_one_defect_have_one_way() {
        for (steps, frame) in [
            ("p0 open; p0 checkout a; p0 fork p1; p1 query a", "Query"),
            ("p0 open; p0 checkout a; p0 begin a; p0 fork p1; p0 commit a; p1 prepared a", "Parse"),
            ("p0 open; p0 spawn t1; p0.t1 checkout a; p0 fork p1; p1 insert a; p0.t1 return a", "Query"),
        ] {
            assert_eq!(way(steps, frame, false), "inherited-statement", "{steps}");
        }
        for end in ["p1 return a", "p1 drop-pool", "p1 exit main", "p1 exit panic"] {
            assert_eq!(way(&format!("p0 open; p0 checkout a; p0 fork p1; {end}"), "Terminate", true), "goodbye", "{end}");
        }
    }

    /// A second defect must not hide behind the first.
    #[test]
    fn other_defects_have_other_ways() {
        let child = "p0 open; p0 checkout a; p0 return a; p0 fork p1;";
        let ways = ["p1 checkout b", "p1 dispose", "p1 after-fork"].map(|step| way(&format!("{child} {step}"), "Query", false));
        assert_eq!(ways, ["inherited-checkout", "inherited-dispose", "inherited-after-fork"]);
        // An answer belongs to who asked, and what nobody did is nobody's.
        let (history, at) = told("p0 open; p0 checkout a; p0 fork p1; p1 query a", "Query", false);
        let answered =
            history.events().iter().position(|event| *event == Event::Finished { id: InvocationId(1), outcome: Outcome::Done });
        assert_eq!(of(&history, answered.expect("an answer")), "checkout");
        assert_eq!(of(&history, at + 1), "nobody");
    }
}
