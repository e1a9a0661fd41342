//! The lists of required situations are sound, and situations are counted as they occurred.

use std::collections::BTreeMap;

use super::required::{file, parse};
use super::*;
use crate::generate::{Amount, Mix, Selection};
use crate::history::{Event, Expectation, History, Invocation, InvocationId, Outcome, SessionId, Witness};
use crate::interleaving::{Interleaving, Step, parse as interleaving};
use crate::model::State;
use crate::promise::Promise;

/// A history in which everything goes as the model expects. Who must wait and cannot be served at once fails.
fn told(interleaving: &Interleaving) -> History {
    let mut teller = Teller { state: State::new(interleaving.max_size), history: History::default(), stalled: Vec::new() };
    for (place, step) in interleaving.steps.iter().enumerate() {
        if teller.state.skips(interleaving.terms(), step.actor, &step.op).is_none() {
            teller.tell(place as u32, *step);
        }
    }
    teller.history
}

struct Teller {
    state: State,
    history: History,
    stalled: Vec<(InvocationId, Step)>,
}

impl Teller {
    fn tell(&mut self, number: u32, step: Step) {
        let Step { actor, op, stall, cut } = step;
        let (id, session) = (InvocationId(number), SessionId(number));
        let expected = self.state.expects(actor, &op);
        if op != Op::Release {
            self.state.start(actor, &op);
        }
        let (pool, checkout) = (self.state.pool_in(actor, &op), self.state.checkout_in(actor, &op));
        let step_number = Some(number as usize);
        let call =
            Invocation { id, actor, op, step: step_number, pool, checkout, inherited: false, nonce: None, expected, stall, cut };
        self.history.append(Event::Invoked(call));
        if op == Op::Release {
            self.release(id, step);
        } else if stall.is_some() && expected != Expectation::Block {
            self.history.append(Event::Opened { session, owner: Witness::Process(actor.process) });
            self.history.append(Event::Withheld { session });
            self.state.stall(actor);
            self.stalled.push((id, step));
        } else {
            let blocked = expected == Expectation::Block;
            let failed = Outcome::Error { kind: crate::pool::ErrorKind::TimedOut, message: String::new() };
            self.finish(id, step, if blocked { failed } else { Outcome::Done });
        }
    }

    fn release(&mut self, id: InvocationId, step: Step) {
        self.history.append(Event::Finished { id, outcome: Outcome::Done });
        let place = self.stalled.iter().position(|(_, other)| other.actor == step.actor).expect("somebody is stalled");
        let (id, stalled) = self.stalled.remove(place);
        self.history.append(Event::Resumed { session: SessionId(id.0) });
        self.finish(id, stalled, Outcome::Done);
    }

    fn finish(&mut self, id: InvocationId, step: Step, outcome: Outcome) {
        self.state.apply(step.actor, &step.op, outcome == Outcome::Done);
        self.history.append(Event::Finished { id, outcome });
    }
}

fn counted(text: &str) -> BTreeMap<String, u64> {
    let interleaving = interleaving(text).expect("valid");
    let seen = Situations::of(&interleaving, &told(&interleaving));
    seen.counts().map(|(situation, count)| (situation.to_string(), count)).collect()
}

fn over(promise: Promise, seed: u64, number: u64) -> Situations {
    let mix = Mix::new(promise, seed, &Selection::default(), Amount::Number(number));
    let mut all = Situations::default();
    for interleaving in (0..number).map(|number| mix.nth(number)) {
        all.merge(Situations::of(&interleaving, &told(&interleaving)));
    }
    all
}

#[test]
fn an_operation_is_counted_where_it_finds_the_pool() {
    let expect = |text: &str, wanted: &[&str]| {
        let counted = counted(text);
        for name in wanted {
            assert_eq!(counted.get(*name), Some(&1), "{name}: {counted:?}");
        }
    };
    expect(
        "pool max_size=2\np0 open\np0 checkout a\np0 checkout b\np0 begin a\np0 insert a\np0 return b\np0 query a",
        &[
            "open (own, no-pool)",
            "checkout (own, idle)",
            "checkout (own, checked-out)",
            "begin (own, exhausted)",
            "insert (own, in-transaction)",
            "return (own, exhausted)",
            "query (own, in-transaction)",
        ],
    );
    expect(
        "p0 open\np0 spawn t1\np0.t1 checkout a\np0 fork p1\np1 checkout a\np0 dispose\np0.t1 send a t0\np0 query a",
        &[
            "checkout (other-thread, idle)",
            "fork (own, exhausted)",
            "checkout (orphaned, exhausted)",
            "query (other-thread, disposed)",
        ],
    );
    expect(
        "p0 open\np0 fork p1\np1 checkout a\np0 fork p2\np1 query a\np2 checkout a\np2 exit now\np1 return a",
        &["checkout (inherited, idle)", "checkout (sibling, idle)", "exit now (sibling, exhausted)"],
    );
    expect(
        "pool max_size=2\np0 open\np0 spawn t1\np0.t1 checkout a stall=1\np0 fork p1\np0 checkout b\np0.t1 release",
        &["fork (own, in-flight)", "checkout (own, in-flight)", "release (other-thread, in-flight)"],
    );
}

/// What a pool does not offer or a machine does not permit is missed by nobody.
#[test]
fn what_cannot_occur_is_not_missing() {
    let story =
        interleaving("p0 open\np0 drop-runtime\np0 fork p1\np1 exit now\np0 wait p1\np0 fork p2 reused-pid").expect("valid");
    let whole = told(&story);
    let events = whole.events().iter().cloned().map(|event| match event {
        Event::Finished { id: InvocationId(1), .. } => Event::Finished { id: InvocationId(1), outcome: Outcome::NotOffered },
        Event::Finished { id: InvocationId(5), .. } => {
            let outcome = Outcome::Error { kind: crate::pool::ErrorKind::Other, message: "forbidden".into() };
            Event::Finished { id: InvocationId(5), outcome }
        }
        other => other,
    });
    let seen = Situations::of(&story, &History::from_events(events.collect()));
    let standing = |operation| seen.standing(&Situation { operation, relation: Relation::Own, condition: Condition::Idle });
    assert_eq!(standing("drop-runtime"), Standing::NotOffered);
    assert_eq!(standing("fork reused-pid"), Standing::NotVisible);
    assert_eq!((standing("fork"), standing("fork clone")), (Standing::Reached(1), Standing::Missing));
}

#[test]
fn the_file_is_read_and_has_every_promise() {
    let sections = parse(file()).expect("a valid file");
    assert_eq!(sections.len(), Promise::ALL.len());
    assert!(Promise::ALL.iter().all(|promise| required(*promise).len() >= 10));
    for wrong in
        ["[nobody]", "as threads-only", "[anything]\ncheckout (own): broken", "[anything]\n[anything]", "checkout (own): idle"]
    {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

/// Whoever keeps a smaller promise keeps the larger one: what must be reached under the one must be reached under the other. But for
/// what only those do who promised it.
#[test]
fn a_larger_promise_requires_what_a_smaller_one_does() {
    let own = ["exec", "after-fork"];
    for larger in Promise::ALL {
        for smaller in larger.includes() {
            let lacks = |situation: &&Situation| !required(larger).contains(situation) && !own.contains(&situation.operation);
            let lacking: Vec<_> = required(*smaller).iter().filter(lacks).collect();
            assert!(lacking.is_empty(), "{larger} lacks of {smaller}: {lacking:?}");
        }
    }
}

/// With the usual number of cases each is reached, whatever the seed, and with some to spare where chance decides.
#[test]
fn every_required_situation_is_reached() {
    for promise in Promise::ALL {
        for seed in 1..=2 {
            let seen = over(promise, seed, crate::limits::USUAL_CASES);
            for situation in required(promise) {
                // A scenario has it.
                let least = if situation.operation == "fork reused-pid" { 1 } else { 3 };
                let enough = matches!(seen.standing(situation), Standing::Reached(count) if count >= least);
                assert!(enough, "{promise}, seed {seed}: {situation}: {:?}", seen.standing(situation));
            }
        }
    }
}
