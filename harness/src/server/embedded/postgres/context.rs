//! What a session has beside its protocol: settings, the transaction, advisory locks; and what a statement is run in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{Problem, Stop};
use super::plan::Plan;
use super::settings::Settings;
use super::transaction::Phase;
use super::types::Datum;
use crate::server::embedded::locks::{Locks, Wish};
use crate::server::embedded::{Number, World};

/// How many bytes of statements, and of portals, a session may keep.
const MOST_KEPT: usize = 256 << 20;

/// What a session has.
#[derive(Default)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) phase: Phase,
    pub(super) locks: Held,
    pub(super) statements: Shelf<Arc<Plan>>,
    pub(super) portals: Shelf<Portal>,
}

/// A statement with its arguments.
pub(super) struct Portal {
    pub(super) plan: Arc<Plan>,
    pub(super) parameters: Vec<Datum>,
    /// The formats of the columns of its rows.
    pub(super) formats: Vec<u16>,
    /// The rows that are left, and what to say at the end, once it has run.
    pub(super) answer: Option<(std::vec::IntoIter<Vec<Datum>>, String)>,
}

/// What a session keeps by name, up to some number of bytes.
pub(super) struct Shelf<T> {
    things: BTreeMap<String, (T, usize)>,
    bytes: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { things: BTreeMap::new(), bytes: 0 }
    }
}

impl<T> Shelf<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.things.get(name).map(|(thing, _)| thing)
    }

    /// Puts something there that takes about so many bytes; what had its name is gone.
    pub(super) fn insert(&mut self, name: &str, thing: T, bytes: usize) -> Result<(), Problem> {
        self.remove(name);
        if self.bytes.saturating_add(bytes) > MOST_KEPT {
            return Err(Problem::error("53200", "out of memory").detail("The session has prepared too much."));
        }
        self.bytes += bytes;
        self.things.insert(name.to_owned(), (thing, bytes));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<T> {
        let (thing, bytes) = self.things.remove(name)?;
        self.bytes -= bytes;
        Some(thing)
    }

    pub(super) fn clear(&mut self) {
        self.things.clear();
        self.bytes = 0;
    }
}

/// What a statement is run in.
pub(super) struct Context<'a> {
    pub(super) number: Number,
    pub(super) state: &'a mut State,
    pub(super) world: &'a mut World,
    pub(super) parameters: &'a [Datum],
    /// To be sent before the answer.
    pub(super) notices: Vec<Problem>,
    /// What the statement asked for that concerns itself; to be sent after its rows.
    pub(super) interrupt: Option<Stop>,
}

/// The advisory locks of a session.
#[derive(Default)]
pub(super) struct Held {
    /// How often, until they are released or the session ends.
    session: BTreeMap<String, u32>,
    /// How often, until the transaction ends.
    transaction: BTreeMap<String, u32>,
    /// What the statement that runs waits for, and whether that is for its transaction.
    wanted: Option<(String, bool)>,
    /// What the calls in the statement gave, in order, and how many of them the present run has passed.
    calls: Vec<bool>,
    passed: usize,
}

impl Held {
    /// A statement begins, or begins again.
    pub(super) fn begin(&mut self) {
        self.passed = 0;
    }

    /// A statement has ended, in whichever way.
    pub(super) fn end(&mut self) {
        self.calls.clear();
        self.wanted = None;
    }

    /// What the next call in this statement gave when the statement ran before, if it came so far.
    pub(super) fn done_before(&mut self) -> Option<bool> {
        let done = self.calls.get(self.passed).copied();
        self.passed += usize::from(done.is_some());
        done
    }

    /// The next call in this statement gave this.
    pub(super) fn did(&mut self, value: bool) {
        self.calls.push(value);
        self.passed = self.calls.len();
    }

    /// The lock is there that the statement waited for.
    pub(super) fn granted(&mut self) {
        if let Some((key, for_transaction)) = self.wanted.take() {
            self.count(key, for_transaction);
            self.calls.push(true);
        }
    }

    /// Takes a lock, or with `wait` joins its queue.
    pub(super) fn take(&mut self, key: &str, for_transaction: bool, wait: bool, who: Number, locks: &mut Locks) -> Wish {
        let wish = if wait { locks.take(key, who) } else { locks.try_take(key, who) };
        match wish {
            Wish::Taken => self.count(key.to_owned(), for_transaction),
            Wish::Busy if wait => self.wanted = Some((key.to_owned(), for_transaction)),
            _ => {}
        }
        wish
    }

    /// Releases a lock that the session has; `false`: it has none of that key.
    pub(super) fn release(&mut self, key: &str, who: Number, locks: &mut Locks) -> bool {
        let Some(times) = self.session.get_mut(key) else { return false };
        *times -= 1;
        if *times == 0 {
            self.session.remove(key);
        }
        locks.release(key, who);
        true
    }

    /// Releases all locks of the session, not those of its transaction.
    pub(super) fn release_session(&mut self, who: Number, locks: &mut Locks) {
        release(std::mem::take(&mut self.session), who, locks);
    }

    /// Releases all locks of the transaction.
    pub(super) fn release_transaction(&mut self, who: Number, locks: &mut Locks) {
        if !self.transaction.is_empty() {
            release(std::mem::take(&mut self.transaction), who, locks);
        }
    }

    fn count(&mut self, key: String, for_transaction: bool) {
        let times = if for_transaction { &mut self.transaction } else { &mut self.session };
        *times.entry(key).or_default() += 1;
    }
}

fn release(held: BTreeMap<String, u32>, who: Number, locks: &mut Locks) {
    for (key, times) in held {
        for _ in 0..times {
            locks.release(&key, who);
        }
    }
}
