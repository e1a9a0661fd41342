//! From one execution to the steps of a program: who does what, in which order, and where somebody has to wait for another.
//!
//! The steps end where what was broken has been seen. It knows no language.

use std::collections::{BTreeMap, BTreeSet};

use poolproof::history::{CheckoutId, Event, Expectation, History, Invocation, InvocationId, Outcome, PoolId, SessionId};
use poolproof::interleaving::{Actor, ExitKind, ForkKind, Op, Process};
use poolproof::rules::Judgement;

/// What one actor does, in its order.
pub(super) type Body = Vec<Act>;

/// Something that an actor does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// An operation.
    Step(Step),
    /// It makes a child, and what that does.
    Fork(Process, Body),
    /// It starts a thread, and what that does.
    Spawn(Actor, Body),
    /// It waits until a child has ended.
    Reap(Process),
    /// It waits until it is its turn.
    Wait(u8),
    /// It is another one's turn.
    Pass(u8),
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Who.
    pub(super) actor: Actor,
    /// What.
    pub(super) op: Op,
    /// The number by which reports call it.
    pub(super) number: u32,
    /// It has to succeed.
    pub(super) must: bool,
    /// The pool it is about.
    pub(super) pool: Option<PoolId>,
    /// It is inside a transaction.
    pub(super) begun: bool,
}

/// The turn that comes when all has been done.
const END: u8 = u8::MAX;

/// What a program does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// What its first process does.
    pub(super) body: Body,
    /// What shows is that a process uses a session that another one has opened: it has to note who was first.
    pub(super) notes: bool,
}

/// What a program does so that the same is seen, or why there is none.
pub(super) fn plan(history: &History, judgement: &Judgement) -> Result<Plan, String> {
    let Some((rule, first)) = judgement.first_cause() else { return Err("it breaks no rule here".to_owned()) };
    let whole = history.events();
    // Whoever was killed does not end by itself: that is what is seen then.
    let killed = whole.iter().position(|event| matches!(event, Event::Killed { .. })).unwrap_or(whole.len());
    // What comes first of a step that fails, a process that ends or hangs, and an answer on another one's session.
    let fails = (first.at..killed).find(|at| is_seen(history, &whole[*at])).or((killed < whole.len()).then_some(killed));
    let foreign = foreign(history).filter(|at| rule.id == "OWN-1" && *at < killed);
    let (end, notes) = match (fails, foreign) {
        (Some(fails), Some(foreign)) if foreign < fails => (foreign, true),
        (Some(fails), _) => (fails, false),
        (None, Some(foreign)) => (foreign, true),
        (None, None) => return Err(format!("what breaks {} shows in no step of a program", rule.id)),
    };
    let hangs = end == killed;
    let taken = done(&whole[..killed.min(end + 1)], history)?;
    let mut bodies = Bodies { notes, ..Bodies::default() };
    for (invocation, dies) in taken {
        bodies.add(invocation, dies || matches!(invocation.op, Op::Exit(_)))?;
    }
    Ok(Plan { body: bodies.finish(hangs)?, notes })
}

/// Where a process has been answered on a session that another one has opened: the server's number for it says so.
fn foreign(history: &History) -> Option<usize> {
    let owner = |wanted: SessionId| {
        history.events().iter().find_map(|event| match event {
            Event::Opened { session, owner } if *session == wanted => Some(*owner),
            _ => None,
        })
    };
    let nonces = history.events().iter().filter_map(|event| match event {
        Event::Wrote { session, writer, frames, .. } if owner(*session) != Some(*writer) => {
            Some(frames.iter().filter_map(|frame| frame.nonce))
        }
        _ => None,
    });
    let foreign: Vec<_> = nonces.flatten().collect();
    let asks = |invocation: &Invocation| {
        matches!(invocation.op, Op::Query(_)) && invocation.nonce.is_some_and(|nonce| foreign.contains(&nonce))
    };
    let mut answered = history.invocations().filter(|(_, invocation)| asks(invocation)).filter_map(|(_, invocation)| {
        history.outcome(invocation.id).filter(|(_, outcome)| matches!(outcome, Outcome::Rows(_))).map(|(at, _)| at)
    });
    answered.next()
}

/// What was carried out, in its order, and whether its process died of it.
fn done<'a>(events: &'a [Event], history: &History) -> Result<Vec<(&'a Invocation, bool)>, String> {
    let mut open: Option<InvocationId> = None;
    let mut done: Vec<(&Invocation, bool)> = Vec::new();
    for event in events {
        match event {
            Event::Invoked(invocation) => {
                if invocation.cut.is_some() || invocation.op.is_the_servers() {
                    return Err("the server fails, which takes a hold on the wire".to_owned());
                }
                if invocation.stall.is_some() || open.is_some() {
                    return Err("somebody is inside an operation while others step, which takes a hold on the wire".to_owned());
                }
                // A process that ends says nothing any more.
                open = (!matches!(invocation.op, Op::Exit(_) | Op::Exec)).then_some(invocation.id);
                if !matches!(history.outcome(invocation.id), Some((_, Outcome::NotOffered))) {
                    done.push((invocation, false));
                }
            }
            Event::Finished { id, .. } if open == Some(*id) => open = None,
            Event::Ended { process, .. } => {
                let of_it = |(invocation, _): &&mut (&Invocation, bool)| {
                    open == Some(invocation.id) && invocation.actor.process == *process
                };
                if let Some((_, dies)) = done.last_mut().filter(of_it) {
                    *dies = true;
                    open = None;
                }
            }
            _ => {}
        }
    }
    Ok(done)
}

/// A step that had to succeed did not, or it took its process with it.
fn is_seen(history: &History, event: &Event) -> bool {
    let invocation = |wanted: InvocationId| history.invocations().map(|(_, one)| one).find(|one| one.id == wanted);
    match event {
        Event::Finished { id, outcome: Outcome::Error { .. } | Outcome::Panicked(_) } => {
            invocation(*id).is_some_and(|invocation| invocation.expected == Expectation::Success)
        }
        Event::Ended { process, .. } => {
            let last = history.invocations().filter(|(_, one)| one.actor.process == *process).last();
            last.is_some_and(|(_, last)| !matches!(last.op, Op::Exit(_) | Op::Exec) && history.outcome(last.id).is_none())
        }
        _ => false,
    }
}

/// The bodies of all actors, while they grow.
#[derive(Default)]
struct Bodies {
    of: BTreeMap<Actor, Body>,
    /// Who made a child.
    makers: BTreeMap<Process, Actor>,
    reaped: BTreeSet<Process>,
    ended: BTreeSet<Process>,
    joined: BTreeSet<Actor>,
    begun: BTreeSet<(Process, CheckoutId)>,
    previous: Option<Previous>,
    turn: u8,
    /// Who takes a connection out asks for its session, so that it is known who was first.
    notes: bool,
}

/// The step before.
#[derive(Clone, Copy)]
struct Previous {
    actor: Actor,
    op: Op,
    /// Its process ended with it.
    ends: bool,
}

impl Bodies {
    fn add(&mut self, invocation: &Invocation, ends: bool) -> Result<(), String> {
        let Invocation { actor, op, .. } = *invocation;
        self.hand_over(actor)?;
        self.previous = Some(Previous { actor, op, ends });
        if ends {
            self.ended.insert(actor.process);
        }
        let key = invocation.checkout.map(|checkout| (actor.process, checkout));
        let begun = key.is_some_and(|key| self.begun.contains(&key));
        match (op, key) {
            (Op::Begin(_), Some(key)) => drop(self.begun.insert(key)),
            (Op::Commit(_) | Op::Rollback(_) | Op::Return(_), Some(key)) => drop(self.begun.remove(&key)),
            _ => {}
        }
        let act = match op {
            Op::Fork(child, ForkKind::Fork) => {
                self.makers.insert(child, actor);
                let inherited: Vec<_> = self.begun.iter().filter(|(process, _)| *process == actor.process).copied().collect();
                self.begun.extend(inherited.into_iter().map(|(_, checkout)| (child, checkout)));
                self.of.entry(child.main()).or_default();
                Act::Fork(child, Body::new())
            }
            Op::Spawn(thread) => {
                let thread = Actor { thread, ..actor };
                self.of.entry(thread).or_default();
                Act::Spawn(thread, Body::new())
            }
            Op::Wait(child) if self.reaped.insert(child) => Act::Reap(child),
            Op::Wait(_) => return Ok(()),
            Op::Exit(ExitKind::Panic) if actor.process.main() != actor => {
                return Err("a thread other than the first panics".to_owned());
            }
            Op::Join(thread) => {
                self.joined.insert(Actor { thread, ..actor });
                Act::Step(step(invocation, begun))
            }
            _ => Act::Step(step(invocation, begun)),
        };
        self.push(actor, act);
        if let (Op::Checkout(handle, _), true) = (op, self.notes) {
            let asks = Step { op: Op::Query(handle), must: false, ..step(invocation, begun) };
            self.push(actor, Act::Step(asks));
        }
        Ok(())
    }

    fn push(&mut self, actor: Actor, act: Act) {
        self.of.entry(actor).or_default().push(act);
    }

    /// After the one before, this one steps.
    fn hand_over(&mut self, next: Actor) -> Result<(), String> {
        let Some(before) = self.previous.filter(|before| before.actor != next) else { return Ok(()) };
        match before.op {
            _ if before.ends => {
                if self.makers.get(&before.actor.process) != Some(&next) {
                    return Err("somebody follows the end of a process that he did not make".to_owned());
                }
                self.reap(before.actor.process, next);
            }
            Op::Fork(child, _) if next == child.main() => {}
            Op::Spawn(thread) if next == (Actor { thread, ..before.actor }) => {}
            _ => {
                self.turn += 1;
                if self.turn == END {
                    return Err("it has too many turns".to_owned());
                }
                let turn = self.turn;
                self.push(before.actor, Act::Pass(turn));
                self.push(next, Act::Wait(turn));
            }
        }
        Ok(())
    }

    fn reap(&mut self, child: Process, by: Actor) {
        if self.reaped.insert(child) {
            self.push(by, Act::Reap(child));
        }
    }

    /// Whoever is not told to end stays until all is done, and sees how his children have ended.
    fn finish(mut self, hangs: bool) -> Result<Body, String> {
        let Some(last) = self.previous else { return Err("nothing was carried out".to_owned()) };
        let mut closes = last.actor;
        if (last.ends || hangs)
            && let Some(maker) = self.makers.get(&last.actor.process)
        {
            closes = *maker;
            self.reap(last.actor.process, closes);
        }
        let first = Process::FIRST.main();
        let stays = |actor: &Actor| !self.is_over(*actor) && (!hangs || *actor != last.actor);
        let actors: Vec<Actor> = self.of.keys().copied().filter(stays).collect();
        // The first one waits for the end of each child anyway.
        let waits = |actor: &Actor| *actor != closes && (*actor != first || closes.process == first.process);
        let is_awaited = actors.iter().any(waits);
        for actor in actors {
            if waits(&actor) {
                self.push(actor, Act::Wait(END));
            } else if actor == closes && is_awaited {
                self.push(actor, Act::Pass(END));
            }
            let children: Vec<Process> =
                self.makers.iter().filter(|(_, maker)| **maker == actor).map(|(child, _)| *child).collect();
            children.into_iter().for_each(|child| self.reap(child, actor));
        }
        Ok(self.nested(first))
    }

    fn is_over(&self, actor: Actor) -> bool {
        self.ended.contains(&actor.process) || self.joined.contains(&actor)
    }

    fn nested(&mut self, actor: Actor) -> Body {
        let mut body = self.of.remove(&actor).unwrap_or_default();
        // Who asks anyway need not ask for the session before.
        let asked = |act: &Act| match act {
            Act::Step(Step { op: Op::Query(handle), .. }) => Some(*handle),
            _ => None,
        };
        body.dedup_by(|next, before| match (asked(before), asked(next)) {
            (Some(one), Some(other)) if one == other => {
                std::mem::swap(before, next);
                true
            }
            _ => false,
        });
        let inner = |act| match act {
            Act::Fork(child, _) => Act::Fork(child, self.nested(child.main())),
            Act::Spawn(thread, _) => Act::Spawn(thread, self.nested(thread)),
            other => other,
        };
        body.into_iter().map(inner).collect()
    }
}

fn step(invocation: &Invocation, begun: bool) -> Step {
    Step {
        actor: invocation.actor,
        op: invocation.op,
        number: invocation.id.0,
        must: invocation.expected == Expectation::Success,
        pool: invocation.pool,
        begun,
    }
}

/// The status of a process that ends as it is told.
pub(super) fn told(body: &Body) -> i32 {
    match body.last() {
        Some(Act::Step(Step { op: Op::Exit(ExitKind::Panic), .. })) => 101 << 8,
        Some(Act::Step(Step { op: Op::Exit(ExitKind::Signal), .. })) => 9,
        _ => 0,
    }
}
