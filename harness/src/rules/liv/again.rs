//! LIV-4: after a fault a pool may hand out as many broken connections as it has room for; then it has to serve.

use std::collections::{HashMap, HashSet};

use crate::history::{Event, Expectation, Outcome, PoolId};
use crate::interleaving::{Op, Process};
use crate::model::State;
use crate::promise::Promise;
use crate::rules::excuses::losses;
use crate::rules::facts::{Call, Facts};
use crate::rules::{Level, Rule};
use crate::verdict::{Evidence, Verdict};

pub(in crate::rules) const LIV_4: Rule = Rule {
    id: "LIV-4",
    level: Level::Must,
    harm: "the pool does not serve again after a connection broke",
    sentence: "After faults stop the pool serves again: at most `max_size` checkouts or first queries may still meet a dead \
               connection.",
    reason: "A pool that hands a dead connection out again and again fails for ever after one restart of the server (field report F1: \
             server closed the connection unexpectedly; failures: broken connection kept).",
    remedy: "Tell the pool to check a connection before it hands it out, and to throw away one on which a statement has failed.",
    remedies: &[(
        Promise::HookInChild,
        "Tell the pool to check a connection before it hands it out, and call its hook before anything else in the child.",
    )],
    evidence: "the model and the results, from the end of the last fault: a session that was ended or cut, a restart, new sessions that \
               were refused",
    smallest: "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\np0 query a\np0 end-session a\np0 return a",
    mutant: "mutant-broken-kept",
    kernel: false,
    dirty: false,
    check: pools_serve_again,
};

fn pools_serve_again(facts: &Facts) -> Verdict {
    let faults = Faults::of(facts);
    if faults.is_empty() {
        return Verdict::NotExercised;
    }
    let most = usize::try_from(facts.interleaving.max_size.max(1)).unwrap_or(usize::MAX);
    let mut failed: HashMap<(Process, PoolId), Vec<&Call>> = HashMap::new();
    let (mut broken, mut exercised, mut refused) = (Vec::new(), 0, false);
    for checkout in with_room(facts) {
        let Some(pool) = checkout.invocation.pool.filter(|pool| faults.hit_before(*pool, checkout.at)) else { continue };
        let decisive = if checkout.succeeded() { first_statement(facts, checkout) } else { Some(checkout) };
        let Some(call) = decisive else { continue };
        match call.finished {
            Some((_, Outcome::Done | Outcome::Rows(_))) => exercised += 1,
            Some((_, Outcome::Error { .. })) if facts.is_safe_refusal(call) => refused = true,
            Some((at, Outcome::Error { message, .. })) if !facts.is_given_up(call, at) => {
                let earlier = failed.entry((call.process(), pool)).or_default();
                earlier.push(call);
                if earlier.len() > most {
                    let tries: Vec<_> = earlier.iter().map(|call| call.to_string()).collect();
                    let sentence = format!("{call} still failed, {} tries after the last fault", earlier.len());
                    broken.push(Evidence { at, sentence, details: vec![message.clone(), tries.join(", ")] });
                }
            }
            _ => {}
        }
    }
    match Verdict::on(broken, exercised) {
        Verdict::Failed(evidence) => Verdict::Failed(evidence),
        _ if refused => Verdict::Refused,
        other => other,
    }
}

/// Where the last fault ended, for each pool.
struct Faults {
    of_pools: HashMap<PoolId, usize>,
    /// One that hits every pool there is.
    of_all: Option<usize>,
}

impl Faults {
    fn of(facts: &Facts) -> Self {
        let mut faults = Self { of_pools: HashMap::new(), of_all: None };
        for loss in losses(facts).into_iter().filter(|loss| loss.until != usize::MAX) {
            let last = match loss.pool {
                Some(pool) => faults.of_pools.entry(pool).or_default(),
                None => faults.of_all.get_or_insert_default(),
            };
            *last = loss.until.max(*last);
        }
        let accepts = facts.calls.iter().filter(|call| call.invocation.op == Op::Accept && call.succeeded()).map(Call::end);
        let accepting = facts.events.iter().enumerate().filter(|(_, event)| **event == Event::Accepting).map(|(at, _)| at);
        faults.of_all = faults.of_all.into_iter().chain(accepts).chain(accepting).max();
        faults
    }

    fn is_empty(&self) -> bool {
        self.of_pools.is_empty() && self.of_all.is_none()
    }

    /// The last fault of the pool was over then.
    fn hit_before(&self, pool: PoolId, at: usize) -> bool {
        self.of_pools.get(&pool).copied().max(self.of_all).is_some_and(|ended| ended < at)
    }
}

fn first_statement<'a>(facts: &'a Facts<'a>, checkout: &Call) -> Option<&'a Call<'a>> {
    let own = |call: &&Call| call.process() == checkout.process() && call.same_checkout(checkout);
    facts.calls.iter().filter(own).find(|call| call.invocation.op.statement().is_some())
}

/// The checkouts for which the model says that there was room, with nobody else of the process at work.
fn with_room<'a>(facts: &'a Facts<'a>) -> Vec<&'a Call<'a>> {
    let mut state = State::new(facts.interleaving.max_size);
    let mut owed = Vec::new();
    let mut cut = HashSet::new();
    for (at, event) in facts.events.iter().enumerate() {
        match event {
            Event::Invoked(invocation) if invocation.op != Op::Release => {
                let process = invocation.actor.process;
                let checkout = matches!(invocation.op, Op::Checkout(..)) && invocation.expected != Expectation::Block;
                let room = checkout && invocation.pool.is_some_and(|pool| state.has_room(process, pool));
                if room && facts.inside(process, at).next().is_none() {
                    owed.extend(facts.call(invocation.id));
                }
                state.start(invocation.actor, &invocation.op);
            }
            Event::Finished { id, outcome } => {
                let Some(call) = facts.call(*id).filter(|call| call.invocation.op != Op::Release) else { continue };
                let offered = *outcome != Outcome::NotOffered;
                let done = match call.invocation.op {
                    Op::Dispose(_) => offered,
                    op => call.succeeded() || !offered && op.statement().is_some(),
                };
                let checkout = state.checkout_in(call.invocation.actor, &call.invocation.op);
                state.apply(call.invocation.actor, &call.invocation.op, done);
                if cut.remove(&call.at) {
                    state.lose(call.invocation.pool, checkout);
                }
            }
            Event::Cut { process, .. } => {
                cut.extend(facts.inside(*process, at).find(|call| call.invocation.cut.is_some()).map(|call| call.at));
            }
            Event::Accepting => state.accept(),
            Event::Ended { process, .. } => state.end(*process),
            _ => {}
        }
    }
    owed
}
