//! OWN-4: clients do not share their random numbers.

use std::collections::HashMap;

use crate::history::{Event, SessionId, Witness};
use crate::promise::Promise;
use crate::rules::facts::Facts;
use crate::rules::{Level, Rule};
use crate::verdict::{Evidence, Verdict};

pub(in crate::rules) const OWN_4: Rule = Rule {
    id: "OWN-4",
    level: Level::Should,
    harm: "two processes use the same random numbers",
    sentence: "No random value that a client sends (SCRAM nonce, TLS random) occurs in two sessions.",
    reason: "A generator that was seeded before the fork gives parent and child the same numbers, and logins that must not be \
             guessed can be (failures: generator copied).",
    remedy: "Seed the generator anew in each child, or take random numbers from the system.",
    remedies: &[(Promise::ThreadsOnly, "Report it to the driver's authors: its generator repeats itself without any fork.")],
    evidence: "fingerprints of the random values in login frames",
    smallest: "pool max_size=1\npromise child-uses-pool\np0 open\np0 fork p1\np0 checkout a\np1 checkout a",
    mutant: "mutant-generator-copied",
    kernel: true,
    dirty: false,
    check: random_values_differ,
};

fn random_values_differ(facts: &Facts) -> Verdict {
    let mut drawn: HashMap<u64, (SessionId, Witness)> = HashMap::new();
    let (mut broken, mut exercised) = (Vec::new(), 0);
    for (at, event) in facts.events.iter().enumerate() {
        let Event::Drew { session, writer, random } = event else { continue };
        exercised += u32::from(!drawn.is_empty());
        match drawn.insert(*random, (*session, *writer)) {
            Some((other, who)) if other != *session => {
                let sentence = format!("{writer} drew the random value for {session} that {who} had drawn for {other}");
                broken.push(Evidence { at, sentence, details: Vec::new() });
            }
            _ => {}
        }
    }
    Verdict::on(broken, exercised)
}
