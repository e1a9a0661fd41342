//! What the last holder left: TXN-3 looks at the transaction state of a session when its next holder starts, TXN-4 at marks and named
//! locks. Both are judged where connections may be returned dirty, and only there.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::history::{CheckoutId, Event, Outcome, PoolId, SessionId};
use crate::interleaving::{Op, Process};
use crate::nonce::Nonce;
use crate::promise::Promise;
use crate::rules::facts::{Call, Facts};
use crate::rules::holders::Holders;
use crate::rules::{Level, Rule};
use crate::verdict::{Evidence, Verdict};

pub(in crate::rules) const TXN_3: Rule = Rule {
    id: "TXN-3",
    level: Level::Should,
    harm: "a checkout starts inside somebody else's transaction",
    sentence: "A checkout starts outside any transaction, whatever the last holder left.",
    reason: "The next holder's work is committed or rolled back with that of the last (failures: returned dirty).",
    remedy: "End every transaction before its connection is returned, or tell the pool to roll back what is returned.",
    remedies: &[],
    evidence: "the transaction state that the server reports, from the start of a checkout's first statement on",
    smallest: "pool max_size=1\npromise threads-only+dirty\np0 open\np0 checkout a\np0 query a\np0 begin a\np0 return a\n\
               p0 checkout a\np0 query a",
    mutant: "mutant-transaction-left",
    kernel: false,
    dirty: true,
    check: checkouts_start_outside_transactions,
};

pub(in crate::rules) const TXN_4: Rule = Rule {
    id: "TXN-4",
    level: Level::Should,
    harm: "a checkout starts with somebody else's settings",
    sentence: "A checkout starts with fresh session state, whatever the last holder left.",
    reason: "A setting or a lock that stays decides over the statements of somebody who knows nothing of it (failures: session state \
             leaks).",
    remedy: "Undo settings and release locks before the connection is returned, or tell the pool to reset what is returned.",
    remedies: &[(
        Promise::Anything,
        "Undo settings and release locks before the connection is returned, and let no child use an inherited connection.",
    )],
    evidence: "the mark in the row of a query; a named lock that is refused while a session that nobody holds has it",
    smallest: "pool max_size=1\npromise threads-only+dirty\np0 open\np0 checkout a\np0 mark a\np0 return a\np0 checkout a\np0 query a",
    mutant: "mutant-no-reset",
    kernel: false,
    dirty: true,
    check: checkouts_start_fresh,
};

/// Where a statement passed the tap, on which session, and whose it is.
type Statement<'a> = (usize, SessionId, &'a Call<'a>);

/// Where a checkout runs, and in which state: what the server said of each session, and the first statement of each checkout on it.
struct Wire<'a> {
    facts: &'a Facts<'a>,
    states: HashMap<SessionId, Vec<(usize, bool)>>,
    ran: BTreeMap<(Process, CheckoutId), Vec<Statement<'a>>>,
}

impl<'a> Wire<'a> {
    fn of(facts: &'a Facts<'a>) -> Self {
        let mut wire = Self { facts, states: HashMap::new(), ran: BTreeMap::new() };
        for (at, event) in facts.events.iter().enumerate() {
            if let Event::Answered { session, in_transaction, .. } = event {
                wire.states.entry(*session).or_default().push((at, *in_transaction));
            }
        }
        for (at, session, call) in facts.statements() {
            if let Some(checkout) = call.invocation.checkout {
                wire.ran.entry((call.process(), checkout)).or_default().push((at, session, call));
            }
        }
        wire
    }

    fn in_transaction(&self, session: SessionId, before: usize) -> bool {
        let states = self.states.get(&session).map_or(&[][..], Vec::as_slice);
        states.iter().take_while(|(at, _)| *at < before).last().is_some_and(|(_, inside)| *inside)
    }

    /// The server said meanwhile that it is outside.
    fn left(&self, session: SessionId, from: usize, until: usize) -> bool {
        let states = self.states.get(&session).map_or(&[][..], Vec::as_slice);
        states.iter().any(|(at, inside)| from < *at && *at < until && !inside)
    }

    /// The session on which a checkout last ran in that process.
    fn session(&self, process: Process, checkout: CheckoutId, before: usize) -> Option<SessionId> {
        let ran = self.ran.get(&(process, checkout))?;
        ran.iter().take_while(|(at, ..)| *at < before).last().map(|(_, session, _)| *session)
    }

    /// The pools in which a connection was returned inside a transaction, and where.
    fn dirty_returns(&self) -> HashMap<(Process, PoolId), usize> {
        let mut dirty = HashMap::new();
        for call in self.facts.calls.iter().filter(|call| matches!(call.invocation.op, Op::Return(_))) {
            let (Some(pool), Some(checkout)) = (call.invocation.pool, call.invocation.checkout) else { continue };
            let session = self.session(call.process(), checkout, call.at);
            if session.is_some_and(|session| self.in_transaction(session, call.at)) {
                dirty.entry((call.process(), pool)).or_insert(call.at);
            }
        }
        dirty
    }
}

fn checkouts_start_outside_transactions(facts: &Facts) -> Verdict {
    let wire = Wire::of(facts);
    let dirty = wire.dirty_returns();
    let (mut broken, mut exercised) = (Vec::new(), 0);
    for made in facts.calls.iter().filter(|call| matches!(call.invocation.op, Op::Checkout(..)) && call.succeeded()) {
        let (Some(pool), Some(checkout)) = (made.invocation.pool, made.invocation.checkout) else { continue };
        let hand = (made.process(), checkout);
        let own = |call: &&Call| call.process() == hand.0 && call.same_checkout(made) && call.invocation.op.statement().is_some();
        let Some(first) = facts.calls.iter().find(own) else { continue };
        let Some(&(at, session, asked)) = wire.ran.get(&hand).and_then(|ran| ran.first()) else { continue };
        // A `begin` has no nonce: the state before it is that of the session on which the next statement ran.
        let began = matches!(first.invocation.op, Op::Begin(_)) && first.succeeded();
        if asked.at != first.at && !began {
            continue;
        }
        exercised += u32::from(dirty.get(&(hand.0, pool)).is_some_and(|returned| *returned < made.at));
        let started = if began { first.finished.map_or(at, |(finished, _)| finished) } else { at };
        if wire.in_transaction(session, first.at) && !wire.left(session, first.at, started) {
            let sentence = format!("{first} found {session} inside a transaction");
            broken.push(Evidence { at, sentence, details: last_user(facts, session, first).into_iter().collect() });
        }
    }
    Verdict::on(broken, exercised)
}

fn last_user(facts: &Facts, session: SessionId, before: &Call) -> Option<String> {
    let ran = facts.statements().take_while(|(at, ..)| *at < before.at).filter(|(_, on, _)| *on == session);
    ran.last().map(|(_, _, call)| format!("the last that ran there was {call}"))
}

fn checkouts_start_fresh(facts: &Facts) -> Verdict {
    if facts.events.iter().any(|event| matches!(event, Event::Shared)) {
        return Verdict::NotVisible;
    }
    let mut broken = refused_locks(facts);
    let mut exercised = 0;
    let mut changed: HashSet<(Process, PoolId)> = HashSet::new();
    let mut returned: HashSet<(Process, PoolId)> = HashSet::new();
    for call in &facts.calls {
        let Some(pool) = call.invocation.pool else { continue };
        let place = (call.process(), pool);
        match call.invocation.op {
            Op::Mark(_) | Op::Lock(_) if call.succeeded() => drop(changed.insert(place)),
            Op::Return(_) if changed.contains(&place) => drop(returned.insert(place)),
            _ => {}
        }
        if let Some(left) = mark(call).and_then(|(at, nonce)| Some((at, facts.asker(nonce)?)))
            && !left.1.same_checkout(call)
        {
            let sentence = format!("{call} ran under what {} had set", left.1);
            broken.push(Evidence { at: left.0, sentence, details: Vec::new() });
        }
        let asks = matches!(call.invocation.op, Op::Query(_) | Op::Prepared(_) | Op::Lock(_)) && call.succeeded();
        exercised += u32::from(asks && returned.contains(&place));
    }
    Verdict::on(broken, exercised)
}

/// The mark in the row of a query: the nonce of whoever set it.
fn mark(call: &Call) -> Option<(usize, Nonce)> {
    match (call.invocation.op, call.finished) {
        (Op::Query(_) | Op::Prepared(_), Some((at, Outcome::Rows(rows)))) => {
            let [row] = rows.as_slice() else { return None };
            // Whose row it is, is another rule's question.
            let own = Nonce::parse(row.first()?.as_deref()?) == call.invocation.nonce;
            Some((at, Nonce::parse(row.get(2)?.as_deref()?)?)).filter(|_| own)
        }
        _ => None,
    }
}

/// A named lock was refused while nobody held a checkout that could have it: a session that lies in a pool has it.
fn refused_locks(facts: &Facts) -> Vec<Evidence> {
    let (mut holders, mut broken) = (Holders::default(), Vec::new());
    for (at, event) in facts.events.iter().enumerate() {
        holders.follow(facts, event);
        let Event::Wrote { frames, .. } = event else { continue };
        for asker in facts.askers(frames).filter(|call| locked(call) == Some(false)) {
            let takers: Vec<Taker> = takers(facts, asker, at, &holders);
            let left = takers.iter().find(|taker| !taker.excused).map(|taker| taker.call);
            let Some((finished, _)) = asker.finished.filter(|_| !takers.iter().any(|taker| taker.excused)) else { continue };
            broken.extend(left.map(|left| Evidence {
                at: finished,
                sentence: format!("{asker} was refused a lock that nobody holds any more"),
                details: vec![format!("it was last asked for by {left}, which has returned its connection")],
            }));
        }
    }
    broken
}

/// Somebody who may have taken the lock before.
struct Taker<'a> {
    call: &'a Call<'a>,
    /// He may have it still, or it may be on its way back.
    excused: bool,
}

fn takers<'a>(facts: &'a Facts<'a>, asker: &Call, at: usize, holders: &Holders) -> Vec<Taker<'a>> {
    let mut takers = Vec::new();
    for (ran, session, _) in facts.statements().take_while(|(ran, ..)| *ran < at) {
        let Event::Wrote { frames, .. } = &facts.events[ran] else { continue };
        let others = facts.askers(frames).filter(|call| matches!(call.invocation.op, Op::Lock(_)) && call.at != asker.at);
        for call in others.filter(|call| locked(call) != Some(false)) {
            let held = call.invocation.checkout.is_none_or(|checkout| holders.held.contains_key(&checkout));
            let returning =
                facts.inside(call.process(), at).any(|other| matches!(other.invocation.op, Op::Return(_) | Op::Join(_)));
            let known = facts.sessions.get(&session);
            let closed = known.is_none_or(|session| {
                [session.client_closed, session.server_closed].into_iter().flatten().any(|closed| closed < at)
            });
            takers.push(Taker { call, excused: held || returning || closed || said_goodbye(facts, session, at) });
        }
    }
    takers
}

/// The client has said that it goes: the server will release what the session has.
fn said_goodbye(facts: &Facts, id: SessionId, before: usize) -> bool {
    facts.events.iter().take(before).any(|event| match event {
        Event::Wrote { session, frames, .. } => *session == id && frames.iter().any(|frame| frame.goodbye),
        _ => false,
    })
}

/// What a `lock` was told; `None` if nobody knows.
fn locked(call: &Call) -> Option<bool> {
    match (call.invocation.op, call.finished) {
        (Op::Lock(_), Some((_, Outcome::Rows(rows)))) => match rows.first()?.get(1)?.as_deref()? {
            "true" | "t" | "1" => Some(true),
            "false" | "f" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
