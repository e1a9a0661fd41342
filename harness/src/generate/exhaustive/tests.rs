//! The enumeration against one that was written in another way: every sequence over a small alphabet of names, of which a small
//! account of its own says whether it applies, with the names replaced by numbers of birth.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A checkout as the small account has it.
#[derive(Clone)]
struct Held {
    name: char,
    /// The number of its birth.
    number: usize,
    pool: usize,
    inherited: bool,
    transaction: bool,
}

/// A process as the small account has it.
#[derive(Clone)]
struct Account {
    name: usize,
    /// The place of the parent in the list of processes.
    parent: Option<usize>,
    ended: bool,
    reaped: bool,
    /// Its number, and whether it was disposed.
    pool: Option<(usize, bool)>,
    held: Vec<Held>,
    /// The pools of what it checked out and leaked.
    leaked: Vec<usize>,
}

/// A sequence that applies: with names, and with numbers of birth in their place.
#[derive(Clone)]
struct Sequence {
    text: Vec<String>,
    numbers: Vec<String>,
    processes: Vec<Account>,
    pools: usize,
    checkouts: usize,
}

const PROCESSES: usize = 3;
const NAMES: [char; 4] = ['a', 'b', 'c', 'd'];

/// Every sequence that is one step longer, under `child-uses-pool`.
fn longer(from: &Sequence, max_size: usize) -> Vec<Sequence> {
    let mut all = Vec::new();
    for at in (0..from.processes.len()).filter(|at| !from.processes[*at].ended) {
        let me = &from.processes[at];
        let mut add = |text: String, numbers: String, change: &dyn Fn(&mut Sequence, usize)| {
            let mut next = from.clone();
            next.text.push(format!("p{} {text}", me.name));
            next.numbers.push(format!("#{at} {numbers}"));
            change(&mut next, at);
            all.push(next);
        };
        let mut plain = |text: &str, change: &dyn Fn(&mut Sequence, usize)| add(text.to_owned(), text.to_owned(), change);
        match me.pool {
            None => plain("open", &|next, at| {
                next.processes[at].pool = Some((next.pools, false));
                next.pools += 1;
            }),
            Some((pool, _)) => {
                plain("dispose", &|next, at| next.processes[at].pool = Some((pool, true)));
                plain("drop-pool", &|next, at| next.processes[at].pool = None);
                plain("leak-pool", &|next, at| next.processes[at].pool = None);
            }
        }
        for kind in ["now", "atexit", "main", "panic", "signal"] {
            plain(&format!("exit {kind}"), &|next, at| {
                next.processes[at].ended = true;
                next.processes[at].pool = None;
            });
        }
        for name in NAMES {
            let old = me.held.iter().find(|held| held.name == name);
            let (Some((pool, disposed)), true) = (me.pool, old.is_none_or(|held| held.inherited)) else { continue };
            let own = me.held.iter().filter(|held| held.pool == pool && !held.inherited).count();
            let full = own + me.leaked.iter().filter(|leaked| **leaked == pool).count() >= max_size;
            let over = old.map_or_else(String::new, |held| format!(" over {}", held.number));
            add(format!("checkout {name}"), format!("checkout{over}"), &|next, at| {
                let number = next.checkouts;
                next.checkouts += 1;
                if disposed || !full {
                    let held = &mut next.processes[at].held;
                    held.retain(|held| held.name != name);
                    held.push(Held { name, number, pool, inherited: false, transaction: false });
                }
            });
        }
        for held in &me.held {
            let (name, own) = (held.name, !held.inherited);
            let mut on = |word: &str, fits: bool, change: &dyn Fn(&mut Sequence, usize)| {
                if fits {
                    add(format!("{word} {name}"), format!("{word} {}", held.number), change);
                }
            };
            let set = |next: &mut Sequence, at: usize, value: bool| {
                next.processes[at].held.iter_mut().filter(|held| held.name == name).for_each(|held| held.transaction = value);
            };
            on("return", !(own && held.transaction), &|next, at| next.processes[at].held.retain(|held| held.name != name));
            on("leak", true, &|next, at| {
                next.processes[at].held.retain(|held| held.name != name);
                next.processes[at].leaked.extend(own.then_some(held.pool));
            });
            on("query", own, &|_, _| ());
            on("insert", own, &|_, _| ());
            on("begin", own && !held.transaction, &|next, at| set(next, at, true));
            on("commit", own && held.transaction, &|next, at| set(next, at, false));
            on("rollback", own && held.transaction, &|next, at| set(next, at, false));
        }
        for name in 1..PROCESSES {
            if from.processes.iter().all(|other| other.name != name) {
                add(format!("fork p{name}"), "fork".to_owned(), &|next, at| {
                    let mut child = Account { name, parent: Some(at), leaked: Vec::new(), ..next.processes[at].clone() };
                    child.held.iter_mut().for_each(|held| held.inherited = true);
                    next.processes.push(child);
                });
            }
        }
        for (number, other) in from.processes.iter().enumerate() {
            if other.parent == Some(at) && other.ended && !other.reaped {
                add(format!("wait p{}", other.name), format!("wait {number}"), &|next, _| next.processes[number].reaped = true);
            }
        }
    }
    all
}

/// For each length every sequence that begins by opening a pool: with names, and with numbers.
fn independently(max_size: usize, depth: usize) -> Vec<BTreeMap<String, String>> {
    let first = Account { name: 0, parent: None, ended: false, reaped: false, pool: None, held: vec![], leaked: vec![] };
    let empty = Sequence { text: vec![], numbers: vec![], processes: vec![first], pools: 0, checkouts: 0 };
    let mut level = vec![empty];
    let mut levels = Vec::new();
    for length in 1..=depth {
        level = level.iter().flat_map(|sequence| longer(sequence, max_size)).collect();
        level.retain(|sequence| length > 1 || sequence.text == ["p0 open"]);
        levels.push(level.iter().map(|sequence| (sequence.text.join("; "), sequence.numbers.join("; "))).collect());
    }
    levels
}

fn text(interleaving: &Interleaving) -> String {
    interleaving.steps.iter().map(|step| format!("{} {}", step.actor, step.op)).collect::<Vec<_>>().join("; ")
}

/// Not only as many: the same ones, and none of them under two names.
#[test]
fn another_enumeration_gives_the_same_interleavings() {
    for max_size in [1, 2] {
        let menu = Menu::usual(Promise::ChildUsesPool);
        let mut given: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for interleaving in Exhaustive::new(Promise::ChildUsesPool, max_size as u32, 4, menu) {
            given.entry(interleaving.steps.len()).or_default().push(text(&interleaving));
        }
        for (length, named) in (1..).zip(independently(max_size, 4)) {
            let wanted: BTreeSet<&String> = named.values().collect();
            let ours: BTreeSet<&String> = given[&length].iter().filter_map(|text| named.get(text)).collect();
            assert_eq!(given[&length].len(), wanted.len(), "max_size {max_size}, {length} steps");
            assert_eq!(ours, wanted, "max_size {max_size}, {length} steps");
        }
    }
}

/// Nothing that an enumeration gives has a step that is skipped, whatever the promise and with threads and several pools too.
#[test]
fn every_step_applies_under_every_promise() {
    for promise in Promise::ALL {
        for (threads, pools) in [(1, 1), (2, 2)] {
            let menu = Menu { threads, pools, ..Menu::usual(promise) };
            let mut seen = BTreeSet::new();
            for interleaving in Exhaustive::new(promise, 1, 4, menu) {
                assert!(crate::generate::follow::carried_out(&interleaving).iter().all(|done| *done), "{interleaving}");
                assert!(seen.insert(text(&interleaving)), "twice: {interleaving}");
            }
            assert!(seen.len() > 100, "{promise}: {}", seen.len());
        }
    }
}

/// With every operation there is, too, and with replies that are withheld.
#[test]
fn every_step_of_the_whole_menu_applies() {
    for promise in Promise::ALL {
        let mut words = BTreeSet::new();
        for interleaving in Exhaustive::new(Terms { promise, dirty: true }, 1, 4, Menu::whole()) {
            assert!(crate::generate::follow::carried_out(&interleaving).iter().all(|done| *done), "{interleaving}");
            words.extend(interleaving.steps.iter().map(|step| (step.op.word(), step.stall)));
        }
        for wanted in [
            ("cancel", None),
            ("end-session", None),
            ("mark", None),
            ("query", Some(1)),
            ("checkout", Some(3)),
            ("release", None),
        ] {
            assert!(words.contains(&wanted), "{promise}: {wanted:?}");
        }
    }
}

/// One step on an idle pool, by hand.
#[test]
fn the_whole_menu_has_every_way_to_be_inside_a_checkout() {
    let all = Exhaustive::new(Promise::ChildLeaks, 1, 2, Menu { pools: 1, ..Menu::whole() });
    let given: Vec<String> = all
        .filter(|given| given.steps.len() == 2 && given.steps[0].stall.is_none())
        .map(|given| given.steps[1].to_string())
        .collect();
    let mut words: Vec<String> = given.iter().map(|step| step.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).collect();
    words.sort_unstable();
    let wanted = [
        "after-fork",
        "checkout a",
        "checkout a stall=1",
        "checkout a stall=2",
        "checkout a stall=3",
        "dispose",
        "dispose stall=1",
        "drop-pool",
        "drop-pool stall=1",
        "drop-runtime",
        "exec",
        "exit atexit",
        "exit main",
        "exit now",
        "exit panic",
        "exit signal",
        "fork p1",
        "fork p1 clone",
        "leak-pool",
        "spawn t1",
    ];
    assert_eq!(words, wanted);
}

/// With two pools, threads and names in each of them: found by hand.
#[test]
fn names_are_the_lowest_that_are_free() {
    let offers = |op: &Op| matches!(op, Op::Open(_) | Op::Checkout(..) | Op::Return(_) | Op::Spawn(_));
    let menu = Menu { offers, processes: 1, threads: 2, pools: 2, opens_first: true, stalls: false };
    let given: Vec<String> = Exhaustive::new(Promise::Anything, 2, 2, menu).map(|interleaving| text(&interleaving)).collect();
    assert_eq!(given, ["p0 open A", "p0 open A; p0 open B", "p0 open A; p0 checkout a A", "p0 open A; p0 spawn t1"]);
    let third: Vec<String> = Exhaustive::new(Promise::Anything, 2, 3, menu).map(|interleaving| text(&interleaving)).collect();
    let after: Vec<&str> = third.iter().filter_map(|text| text.strip_prefix("p0 open A; p0 open B; ")).collect();
    assert_eq!(after, ["p0 checkout a A", "p0 checkout a B", "p0 spawn t1"]);
}
