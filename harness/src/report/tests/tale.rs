//! A builder of histories: steps in their text form, and what was seen between them.

use crate::history::{Event, Expectation, Frame, History, Invocation, InvocationId, Outcome, SessionId, Witness};
use crate::interleaving::{Actor, Interleaving, Op, Process, Step, parse};
use crate::nonce::Nonce;
use crate::pool::ErrorKind;
use crate::promise::Promise;
use crate::report::{Style, lanes};
use crate::rules::{Judgement, find};
use crate::verdict::{Evidence, Verdict};

/// What happened, and which rules it broke.
pub(super) struct Tale {
    interleaving: Interleaving,
    events: Vec<Event>,
    started: u32,
    final_check: bool,
    expected: Expectation,
    verdicts: Vec<(&'static str, Verdict)>,
    /// The number of the run: no text may show it.
    run: u32,
}

pub(super) fn tale() -> Tale {
    Tale {
        interleaving: Interleaving::new(1, Promise::ChildUsesPool, Vec::new()),
        events: vec![Event::Born { process: Process::FIRST, parent: None }],
        started: 0,
        final_check: false,
        expected: Expectation::Success,
        verdicts: Vec::new(),
        run: 17,
    }
}

fn step(text: &str) -> Step {
    parse(text).expect("a step").steps[0]
}

fn process(name: &str) -> Process {
    step(&format!("{name} open")).actor.process
}

pub(super) fn session(name: &str) -> SessionId {
    SessionId(name[1..].parse().expect("c and a number"))
}

impl Tale {
    pub(super) fn in_run(mut self, run: u32) -> Self {
        self.run = run;
        self
    }

    /// What follows belongs to the epilogue.
    pub(super) fn final_check(mut self) -> Self {
        self.final_check = true;
        self
    }

    pub(super) fn expecting(mut self, expected: Expectation) -> Self {
        self.expected = expected;
        self
    }

    /// A step starts.
    pub(super) fn starts(mut self, text: &str) -> Self {
        let Step { actor, op, stall, cut } = step(text);
        let place = (!self.final_check).then_some(self.interleaving.steps.len());
        if place.is_some() {
            self.interleaving.steps.push(Step { actor, op, stall, cut });
        }
        let id = InvocationId(self.started);
        self.started += 1;
        let nonce = op.has_nonce().then_some(Nonce { run: self.run, step: id.0 });
        let expected = std::mem::replace(&mut self.expected, Expectation::Success);
        let (pool, checkout) = (None, None);
        let inherited = false;
        let invocation = Invocation { id, actor, op, step: place, pool, checkout, inherited, nonce, expected, stall, cut };
        self.event(Event::Invoked(invocation))
    }

    /// A step starts and succeeds; a fork gives a child.
    pub(super) fn does(self, text: &str) -> Self {
        let (id, Step { actor, op, .. }) = (self.started, step(text));
        let started = self.starts(text);
        let started = match op {
            Op::Fork(child, _) => started.event(Event::Born { process: child, parent: Some(actor.process) }),
            _ => started,
        };
        started.ends(id, Outcome::Done)
    }

    /// A step starts, its statement passes on a session, and it succeeds.
    pub(super) fn asks(self, text: &str, on: &str) -> Self {
        let (id, actor) = (self.started, step(text).actor);
        let nonce = Nonce { run: self.run, step: id };
        self.starts(text).frames(&actor.process.to_string(), on, &[("Query", Some(nonce))]).ends(id, Outcome::Done)
    }

    pub(super) fn ends(self, id: u32, outcome: Outcome) -> Self {
        self.event(Event::Finished { id: InvocationId(id), outcome })
    }

    /// A step starts and ends with an error.
    pub(super) fn fails(self, text: &str, kind: ErrorKind, message: &str) -> Self {
        let id = self.started;
        self.starts(text).ends(id, Outcome::Error { kind, message: message.into() })
    }

    pub(super) fn skips(mut self, text: &str, why: crate::history::Skip) -> Self {
        let at = self.interleaving.steps.len();
        self.interleaving.steps.push(step(text));
        self.event(Event::Skipped { step: at, why })
    }

    /// A session opens, and its handshake is done.
    pub(super) fn opens(self, who: &str, on: &str) -> Self {
        let (session, owner) = (session(on), Witness::Process(process(who)));
        let handshake = [("StartupMessage", None), ("SASLInitialResponse", None)];
        self.event(Event::Opened { session, owner }).frames(who, on, &handshake).event(Event::Ready { session })
    }

    pub(super) fn writes(self, who: &str, on: &str, names: &[&'static str]) -> Self {
        let frames: Vec<_> = names.iter().map(|name| (*name, None)).collect();
        self.frames(who, on, &frames)
    }

    fn frames(self, who: &str, on: &str, names: &[(&'static str, Option<Nonce>)]) -> Self {
        let frame = |(name, nonce): &(&'static str, Option<Nonce>)| Frame {
            name,
            bytes: 5,
            nonce: *nonce,
            goodbye: *name == "Terminate",
        };
        let frames: Vec<Frame> = names.iter().map(frame).collect();
        let bytes = 5 * frames.len() as u32;
        self.event(Event::Wrote { session: session(on), writer: Witness::Process(process(who)), bytes, frames })
    }

    pub(super) fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// The last event broke a rule, as first cause.
    pub(super) fn breaks(self, rule: &'static str, sentence: &str, details: &[&str]) -> Self {
        let evidence = self.evidence(sentence, details);
        self.says(rule, Verdict::Failed(evidence))
    }

    /// The last event broke a rule because another one was broken before.
    pub(super) fn and_so(self, rule: &'static str, sentence: &str) -> Self {
        let evidence = self.evidence(sentence, &[]);
        self.says(rule, Verdict::Consequence { of: "OWN-1", evidence })
    }

    fn evidence(&self, sentence: &str, details: &[&str]) -> Evidence {
        let details = details.iter().map(|detail| (*detail).to_owned()).collect();
        Evidence { at: self.events.len() - 1, sentence: sentence.into(), details }
    }

    pub(super) fn says(mut self, rule: &'static str, verdict: Verdict) -> Self {
        self.verdicts.push((rule, verdict));
        self
    }

    pub(super) fn parts(self) -> (Interleaving, History, Judgement) {
        let verdicts = self.verdicts.into_iter().map(|(id, verdict)| (find(id).expect("a rule"), verdict)).collect();
        (self.interleaving, History::from_events(self.events), Judgement { verdicts })
    }

    /// The picture of it.
    pub(super) fn drawn(self, style: Style) -> String {
        let (interleaving, history, judgement) = self.parts();
        lanes(&interleaving, &history, &judgement, style)
    }
}

/// The actor of that name.
pub(super) fn actor(name: &str) -> Actor {
    step(&format!("{name} open")).actor
}
