//! Did happen what was reported, and only that? Transactions are followed as each process was told, and compared with the ledger.

mod leftovers;

use std::collections::HashMap;

use super::facts::{Call, Facts};
use super::{Level, Rule};
use crate::history::{CheckoutId, Event};
use crate::interleaving::{Op, Process};
use crate::nonce::Nonce;
use crate::promise::Promise;
use crate::verdict::{Evidence, Verdict};

pub(super) use leftovers::{TXN_3, TXN_4};

pub(super) const TXN_1: Rule = Rule {
    id: "TXN-1",
    level: Level::Must,
    harm: "a commit that was reported is lost",
    sentence: "A commit that was reported (an acknowledged insert outside `begin` is one) has happened: its row is there, once. \
               A commit whose reply never came is indeterminate: all of it or nothing.",
    reason: "An application that was told 'committed' never looks again (field report F1; failures: rolled back by the child, \
             joined).",
    remedy: "End every transaction and return its connection before a fork, and let no child touch an inherited connection, \
             not even to return it.",
    remedies: &[
        (
            Promise::ChildDrops,
            "End every transaction and return its connection before a fork, or let the child leak what it inherited.",
        ),
        (Promise::ThreadsOnly, "Let one thread at a time use a connection, and check what a commit answers."),
    ],
    evidence: "the rows of the ledger, read after the end of every session, compared with what each process was told",
    smallest: "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\np0 begin a\np0 insert a\np0 commit a",
    mutant: "mutant-commit-unsent",
    kernel: false,
    dirty: false,
    check: committed_rows_stand,
};

pub(super) const TXN_2: Rule = Rule {
    id: "TXN-2",
    level: Level::Must,
    harm: "work that was given up takes effect",
    sentence: "What was rolled back, or never committed, is not there.",
    reason: "Work that was given up must not take effect (failures: committed by the child).",
    remedy: "End every transaction and return its connection before a fork, and let no child commit on an inherited connection.",
    remedies: &[
        (
            Promise::ChildDrops,
            "End every transaction and return its connection before a fork, or let the child leak what it inherited.",
        ),
        (Promise::ThreadsOnly, "Let one thread at a time use a connection, and end each transaction yourself."),
    ],
    evidence: "the rows of the ledger, read after the end of every session, compared with what each process was told",
    smallest: "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\np0 begin a\np0 insert a\np0 rollback a",
    mutant: "mutant-rollback-commits",
    kernel: false,
    dirty: false,
    check: given_up_rows_are_gone,
};

/// What a process did between `begin` and the end of a transaction; an insert outside of one is a transaction of its own.
struct Transaction<'a> {
    /// The inserts that were acknowledged.
    inserts: Vec<&'a Call<'a>>,
    /// A statement of it failed or was never answered: a server may turn a later commit into a rollback.
    troubled: bool,
    /// Whether a transaction is open is not known to this process: it inherited it, or `begin`, `commit` or `rollback` failed.
    adrift: bool,
    fate: Fate<'a>,
}

/// What the process was told of its transaction's end.
#[derive(Clone, Copy)]
enum Fate<'a> {
    /// Nothing.
    Open,
    /// It was reported committed, here, by this.
    Committed(usize, &'a Call<'a>),
    /// It was reported rolled back, here, by this.
    RolledBack(usize, &'a Call<'a>),
    /// A commit was tried, and nobody can say what became of it.
    InDoubt,
}

impl<'a> Transaction<'a> {
    fn new(adrift: bool) -> Self {
        Self { inserts: Vec::new(), troubled: false, adrift, fate: Fate::Open }
    }
}

/// The transactions of an execution. A child's copy of a checkout is the child's own affair: what it does there neither ends nor
/// excuses the transaction of its parent.
#[derive(Default)]
struct Book<'a> {
    transactions: Vec<Transaction<'a>>,
    open: HashMap<(Process, CheckoutId), usize>,
}

impl<'a> Book<'a> {
    fn of(facts: &'a Facts<'a>) -> Self {
        let mut book = Self::default();
        for (at, event) in facts.events.iter().enumerate() {
            match event {
                Event::Born { process, parent: Some(parent) } => book.inherit(*process, *parent),
                Event::Invoked(invocation) => {
                    if let Some(call) = facts.call(invocation.id).filter(|call| call.finished.is_none()) {
                        book.enter(at, call);
                    }
                }
                Event::Finished { id, .. } => {
                    if let Some(call) = facts.call(*id) {
                        book.enter(at, call);
                    }
                }
                _ => {}
            }
        }
        book
    }

    /// A child knows that it inherited open transactions, and no more.
    fn inherit(&mut self, child: Process, parent: Process) {
        let inherited: Vec<_> =
            self.open.keys().filter(|(process, _)| *process == parent).map(|(_, checkout)| *checkout).collect();
        for checkout in inherited {
            self.start((child, checkout), true);
        }
    }

    fn start(&mut self, hand: (Process, CheckoutId), adrift: bool) {
        self.open.insert(hand, self.transactions.len());
        self.transactions.push(Transaction::new(adrift));
    }

    /// Enters what came of a statement; a call that never finished has failed as far as its process knows.
    fn enter(&mut self, at: usize, call: &'a Call<'a>) {
        let Some(checkout) = call.invocation.checkout.filter(|_| !call.is_not_offered()) else { return };
        let (hand, succeeded) = ((call.process(), checkout), call.succeeded());
        if matches!(call.invocation.op, Op::Begin(_)) {
            return self.start(hand, !succeeded);
        }
        let Some(open) = self.open.get(&hand).and_then(|number| self.transactions.get_mut(*number)) else {
            if succeeded && matches!(call.invocation.op, Op::Insert(_)) {
                let alone = Transaction { inserts: vec![call], fate: Fate::Committed(at, call), ..Transaction::new(false) };
                self.transactions.push(alone);
            }
            return;
        };
        match (call.invocation.op, succeeded) {
            (Op::Insert(_), true) if !open.adrift => open.inserts.push(call),
            (op, false) if asks(op) => open.troubled = true,
            (Op::Commit(_), true) if !open.adrift && !open.troubled => open.fate = Fate::Committed(at, call),
            (Op::Commit(_), _) => open.fate = Fate::InDoubt,
            (Op::Rollback(_), true) if matches!(open.fate, Fate::Open) => open.fate = Fate::RolledBack(at, call),
            _ => {}
        }
        if matches!(call.invocation.op, Op::Commit(_) | Op::Rollback(_)) {
            open.adrift |= !succeeded;
            if succeeded {
                self.open.remove(&hand);
            }
        }
    }
}

/// A statement that is neither the start nor the end of a transaction.
fn asks(op: Op) -> bool {
    op.statement().is_some() && !matches!(op, Op::Begin(_) | Op::Commit(_) | Op::Rollback(_))
}

/// The ledger: where it was read, and how often each row stands there.
struct Ledger {
    at: usize,
    rows: HashMap<Nonce, usize>,
}

impl Ledger {
    fn of(facts: &Facts) -> Option<Self> {
        facts.events.iter().enumerate().rev().find_map(|(at, event)| {
            let Event::Ledger { rows } = event else { return None };
            let mut counted = HashMap::new();
            rows.iter().for_each(|nonce| *counted.entry(*nonce).or_default() += 1);
            Some(Self { at, rows: counted })
        })
    }

    fn count(&self, insert: &Call) -> usize {
        insert.invocation.nonce.and_then(|nonce| self.rows.get(&nonce)).copied().unwrap_or_default()
    }
}

fn committed_rows_stand(facts: &Facts) -> Verdict {
    compare(
        facts,
        |transaction| match transaction.fate {
            Fate::Committed(..) => transaction.inserts.len(),
            // One row alone is all or nothing in any case.
            Fate::InDoubt => transaction.inserts.len().saturating_sub(1),
            Fate::Open | Fate::RolledBack(..) => 0,
        },
        committed_wrongly,
    )
}

fn committed_wrongly(ledger: &Ledger, transaction: &Transaction) -> Option<Evidence> {
    let counts = || transaction.inserts.iter().map(|insert| (*insert, ledger.count(insert)));
    match transaction.fate {
        Fate::Committed(at, by) => counts().find(|(_, rows)| *rows != 1).map(|(insert, rows)| match rows {
            0 => Evidence {
                at,
                sentence: format!("{by} was reported done, and {} is not in the ledger", its_row(insert, by)),
                details: Vec::new(),
            },
            _ => Evidence {
                at: ledger.at,
                sentence: format!("the row of {insert} stands in the ledger {rows} times"),
                details: Vec::new(),
            },
        }),
        Fate::InDoubt if counts().all(|(_, rows)| rows == 0) || counts().all(|(_, rows)| rows == 1) => None,
        Fate::InDoubt => Some(Evidence {
            at: ledger.at,
            sentence: "of a transaction whose commit is in doubt the ledger has a part".to_owned(),
            details: counts().map(|(insert, rows)| format!("{insert}: {rows} in the ledger")).collect(),
        }),
        Fate::Open | Fate::RolledBack(..) => None,
    }
}

fn its_row(insert: &Call, by: &Call) -> String {
    if insert.at == by.at { "its row".to_owned() } else { format!("the row of {insert}") }
}

fn given_up_rows_are_gone(facts: &Facts) -> Verdict {
    compare(
        facts,
        |transaction| match transaction.fate {
            Fate::Open | Fate::RolledBack(..) => transaction.inserts.len(),
            Fate::Committed(..) | Fate::InDoubt => 0,
        },
        given_up_wrongly,
    )
}

fn given_up_wrongly(ledger: &Ledger, transaction: &Transaction) -> Option<Evidence> {
    let (at, end) = match transaction.fate {
        Fate::RolledBack(at, by) => (at, format!("{by} was reported done")),
        Fate::Open => (ledger.at, "nobody committed".to_owned()),
        Fate::Committed(..) | Fate::InDoubt => return None,
    };
    let there = transaction.inserts.iter().find(|insert| ledger.count(insert) > 0)?;
    Some(Evidence { at, sentence: format!("{end}, and the row of {there} is in the ledger"), details: Vec::new() })
}

/// Holds each transaction against the ledger. `weight`: how many of its rows the rule can judge.
fn compare(facts: &Facts, weight: fn(&Transaction) -> usize, wrong: fn(&Ledger, &Transaction) -> Option<Evidence>) -> Verdict {
    let book = Book::of(facts);
    let judged = book.transactions.iter().map(weight).sum::<usize>();
    match Ledger::of(facts) {
        Some(ledger) => {
            let broken = book.transactions.iter().filter_map(|transaction| wrong(&ledger, transaction)).collect();
            Verdict::on(broken, u32::try_from(judged).unwrap_or(u32::MAX))
        }
        None if judged == 0 => Verdict::NotExercised,
        None => Verdict::NoVerdict("the ledger was not read".to_owned()),
    }
}
