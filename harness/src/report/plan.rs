//! An interleaving as a picture, before anybody has executed it: every step applies, and each succeeds.

use super::{Style, lanes};
use crate::history::{Ending, Event, Expectation, History, Invocation, InvocationId, Outcome};
use crate::interleaving::{Actor, ExitKind, Interleaving, Op, Process, Step};
use crate::model::State;
use crate::rules::Judgement;

/// The steps in lanes, a column for each actor. What would be skipped is shown as skipped.
pub fn plan(interleaving: &Interleaving, style: Style) -> String {
    lanes(interleaving, &told(interleaving), &Judgement { verdicts: Vec::new() }, style)
}

/// The history of an execution in which nothing fails, and of which the wire is not known.
fn told(interleaving: &Interleaving) -> History {
    let mut teller = Teller {
        state: State::new(interleaving.max_size),
        history: History::from_events(vec![Event::Born { process: Process::FIRST, parent: None }]),
        stalled: Vec::new(),
    };
    for (place, step) in interleaving.steps.iter().enumerate() {
        match teller.state.skips(interleaving.terms(), step.actor, &step.op) {
            Some(why) => teller.history.append(Event::Skipped { step: place, why }),
            None => teller.take(place, *step),
        }
    }
    teller.history
}

struct Teller {
    state: State,
    history: History,
    /// Who is inside which step.
    stalled: Vec<(Actor, InvocationId, Op)>,
}

impl Teller {
    fn take(&mut self, place: usize, Step { actor, op, stall, cut }: Step) {
        let id = InvocationId(u32::try_from(place).unwrap_or(u32::MAX));
        let expected = Expectation::Success;
        self.history.append(Event::Invoked(Invocation {
            id,
            actor,
            op,
            step: Some(place),
            pool: None,
            checkout: None,
            inherited: false,
            nonce: None,
            expected,
            stall,
            cut,
        }));
        if op == Op::Release {
            self.finish(actor, id, None);
            let inside = self.stalled.iter().position(|(stalled, ..)| *stalled == actor).map(|at| self.stalled.remove(at));
            return inside.into_iter().for_each(|(actor, id, op)| self.finish(actor, id, Some(op)));
        }
        self.state.start(actor, &op);
        if stall.is_some() {
            self.state.stall(actor);
            self.stalled.push((actor, id, op));
        } else {
            self.finish(actor, id, Some(op));
        }
    }

    fn finish(&mut self, actor: Actor, id: InvocationId, op: Option<Op>) {
        match op {
            Some(Op::Fork(process, _)) => self.history.append(Event::Born { process, parent: Some(actor.process) }),
            Some(Op::Exit(kind)) => self.history.append(Event::Ended { process: actor.process, ending: asked(kind) }),
            _ => {}
        }
        self.history.append(Event::Finished { id, outcome: Outcome::Done });
        op.iter().for_each(|op| self.state.apply(actor, op, true));
    }
}

fn asked(kind: ExitKind) -> Ending {
    match kind {
        ExitKind::Now | ExitKind::AtExit | ExitKind::Main => Ending::Code(0),
        ExitKind::Panic => Ending::Code(101),
        ExitKind::Signal => Ending::Signal(9),
    }
}
