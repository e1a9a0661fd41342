//! What guides the search beside the coverage of code: which situations met which events on the wire, in pairs.
//!
//! Coverage of the coordinator's code says little of a pool, whose code is in another process and not instrumented. What the pool did
//! is in the history. libFuzzer reads the counters after each input and clears them before the next.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU8, Ordering};

use crate::history::{Event, History, Witness};
use crate::interleaving::Interleaving;
use crate::situations::Situations;

/// So many pairs are told apart; a power of two.
const SIZE: usize = 1 << 15;

/// libFuzzer finds them by the name of their section, which is only given to a build for a fuzzer.
#[cfg_attr(fuzzing, unsafe(link_section = "__libfuzzer_extra_counters"))]
static COUNTERS: [AtomicU8; SIZE] = [const { AtomicU8::new(0) }; SIZE];

/// Sets the counters of these pairs.
pub(super) fn set(pairs: &[usize]) {
    for pair in pairs {
        COUNTERS[pair % SIZE].store(1, Ordering::Relaxed);
    }
}

/// The places of what one execution has shown.
pub(super) fn of(interleaving: &Interleaving, history: &History, situations: &Situations) -> Vec<usize> {
    let terms = interleaving.terms();
    let wire: Vec<u64> = wire_events(history);
    let kinds: BTreeSet<u64> = wire.iter().copied().collect();
    let mut pairs = BTreeSet::new();
    for (situation, _) in situations.counts() {
        pairs.insert(place(&(terms, situation)));
        pairs.extend(kinds.iter().map(|kind| place(&(terms, situation, kind))));
    }
    pairs.extend(wire.windows(2).map(|two| place(&(terms, two))));
    pairs.into_iter().collect()
}

/// What passed on the wire, each by its kind and by whether the session's opener did it.
fn wire_events(history: &History) -> Vec<u64> {
    let mut owners = Vec::new();
    let mut seen = Vec::new();
    let own = |owners: &[(_, Witness)], session, writer| owners.contains(&(session, writer));
    for event in history.events() {
        match event {
            Event::Opened { session, owner } => {
                owners.push((*session, *owner));
                seen.push(hash(&"opened"));
            }
            Event::Wrote { session, writer, frames, .. } => {
                let own = own(&owners, *session, *writer);
                seen.extend(frames.iter().map(|frame| hash(&(frame.name, own))));
            }
            Event::CancelRequested { .. } => seen.push(hash(&"cancel")),
            Event::KillRequested { .. } => seen.push(hash(&"kill")),
            Event::Withheld { .. } => seen.push(hash(&"withheld")),
            Event::Cut { .. } => seen.push(hash(&"cut")),
            Event::Refused { .. } => seen.push(hash(&"refused")),
            Event::Resumed { .. } => seen.push(hash(&"resumed")),
            Event::ClientClosed { held, .. } => seen.push(hash(&("client closed", held))),
            Event::ServerClosed { .. } => seen.push(hash(&"server closed")),
            Event::Undecipherable { .. } => seen.push(hash(&"undecipherable")),
            Event::Desynchronised { .. } => seen.push(hash(&"desynchronised")),
            _ => {}
        }
    }
    seen
}

fn place(what: &impl Hash) -> usize {
    hash(what) as usize % SIZE
}

fn hash(what: &impl Hash) -> u64 {
    // Its keys are fixed: the same pair has the same place in every run, so that a corpus can be taken up again.
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
