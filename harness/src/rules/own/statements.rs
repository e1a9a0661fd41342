//! OWN-2 follows nonces from checkout to return.

use std::collections::HashMap;

use crate::history::{CheckoutId, SessionId, Witness};
use crate::interleaving::Actor;
use crate::promise::Promise;
use crate::rules::facts::{Call, Facts};
use crate::rules::holders::Holders;
use crate::rules::{Level, Rule};
use crate::verdict::{Evidence, Verdict};

pub(in crate::rules) const OWN_2: Rule = Rule {
    id: "OWN-2",
    level: Level::Must,
    harm: "somebody else's statement runs on a connection that is checked out",
    sentence: "From checkout to return only the holder's statements run on a session.",
    reason: "A connection that is handed to two at once loses replies and ends the other's transaction (field reports F7, F9; \
             failures: returned twice, two threads one session, two threads reset).",
    remedy: "Give each thread a checkout of its own and use no connection after it was returned or handed on.",
    remedies: &[(
        Promise::Anything,
        "Give each thread a checkout of its own, use no connection after it was returned or handed on, and let no \
             child use one that it inherited.",
    )],
    evidence: "the nonces in the statements of each session, between a checkout and its return",
    smallest: "pool max_size=2\npromise threads-only\np0 open\np0 checkout a\np0 return a\np0 checkout a\np0 checkout \
             b\np0 query a\np0 query b",
    mutant: "mutant-returned-twice",
    kernel: false,
    dirty: false,
    check: only_the_holder_asks,
};

fn only_the_holder_asks(facts: &Facts) -> Verdict {
    let mut holders = Holders::default();
    let mut users: HashMap<SessionId, Vec<CheckoutId>> = HashMap::new();
    let (mut broken, mut exercised) = (Vec::new(), 0);
    for (at, event) in facts.events.iter().enumerate() {
        holders.follow(facts, event);
        for (session, call) in facts.statements_of(at, event) {
            let Some(checkout) = call.invocation.checkout else { continue };
            let before = users.entry(session).or_default();
            let other = before.iter().find(|other| **other != checkout && holders.held.contains_key(other));
            let own = holders.held.get(&checkout);
            let disputed = own.filter(|(holder, _)| is_anothers(facts, call, *holder, session)).map(|_| &checkout);
            if let Some((holder, taken)) = other.or(disputed).and_then(|checkout| holders.held.get(checkout)) {
                let sentence = format!("{call} ran on {session} while {holder} held it");
                broken.push(Evidence { at, sentence, details: vec![format!("held since {taken}")] });
            }
            exercised += u32::from(holders.others(call, checkout));
            let at_home = own.is_some_and(|(holder, _)| holder.process == call.process());
            if at_home && !before.contains(&checkout) {
                before.push(checkout);
            }
        }
    }
    Verdict::on(broken, exercised)
}

/// The caller is not the checkout's holder. A child that was given a session of its own for what it inherited disturbs nobody.
fn is_anothers(facts: &Facts, call: &Call, holder: Actor, session: SessionId) -> bool {
    let may_be_its_own = |owner| owner == Witness::Process(call.process()) || owner == Witness::Unseen;
    let its_own = || facts.sessions.get(&session).is_some_and(|known| may_be_its_own(known.owner));
    holder != call.invocation.actor && (holder.process == call.process() || !its_own())
}
