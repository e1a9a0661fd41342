//! Named locks: PostgreSQL's advisory locks and MySQL's user-level locks. A session may take its own lock again and must release it
//! as often.
//!
//! Nothing here waits: who has to wait is put in a queue, and gets the lock when the one before releases it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Number;

/// More locks than any honest program has; beyond it nobody gets a new one.
const MOST: usize = 100_000;

/// All locks that somebody holds.
#[derive(Default)]
pub(super) struct Locks {
    by_name: BTreeMap<String, Lock>,
    /// What each waiting session waits for: one lock.
    waits: BTreeMap<Number, String>,
    /// What each session holds, so that its end is cheap.
    held: BTreeMap<Number, BTreeSet<String>>,
    /// Sessions that waited and got their lock, since they were last taken.
    woken: Vec<Number>,
}

struct Lock {
    owner: Number,
    times: u32,
    waiting: VecDeque<Number>,
}

/// What came of a wish for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The session has it.
    Taken,
    /// Another session has it; with [`Locks::take`] this one is now in the queue, with [`Locks::try_take`] it is not.
    Busy,
    /// Its owner waits, perhaps by way of others, for this session.
    Deadlock,
    /// There are too many locks.
    Full,
}

/// What came of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// It is released, once.
    Released,
    /// Another session has it.
    NotYours,
    /// Nobody has it.
    Nobody,
}

impl Locks {
    /// Takes a lock if it is free or the session's own.
    pub(super) fn try_take(&mut self, name: &str, who: Number) -> Wish {
        let is_full = self.by_name.len() >= MOST;
        match self.by_name.get_mut(name) {
            Some(lock) if lock.owner == who => {
                lock.times = lock.times.saturating_add(1);
                Wish::Taken
            }
            Some(_) => Wish::Busy,
            None if is_full => Wish::Full,
            None => {
                self.by_name.insert(name.to_owned(), Lock { owner: who, times: 1, waiting: VecDeque::new() });
                self.held.entry(who).or_default().insert(name.to_owned());
                Wish::Taken
            }
        }
    }

    /// Takes a lock or joins its queue. Who got it later is told by [`Locks::take_woken`].
    pub(super) fn take(&mut self, name: &str, who: Number) -> Wish {
        let wish = self.try_take(name, who);
        if wish != Wish::Busy {
            return wish;
        }
        if self.leads_to(name, who) {
            return Wish::Deadlock;
        }
        if let Some(lock) = self.by_name.get_mut(name) {
            lock.waiting.push_back(who);
            self.waits.insert(who, name.to_owned());
        }
        Wish::Busy
    }

    /// Leaves the queue: the session's wait was broken off.
    pub(super) fn give_up(&mut self, who: Number) {
        if let Some(lock) = self.waits.remove(&who).and_then(|name| self.by_name.get_mut(&name)) {
            lock.waiting.retain(|waiting| *waiting != who);
        }
    }

    /// Releases a lock once; at the last time it goes to the first in its queue.
    pub(super) fn release(&mut self, name: &str, who: Number) -> Release {
        match self.by_name.get_mut(name) {
            None => Release::Nobody,
            Some(lock) if lock.owner != who => Release::NotYours,
            Some(lock) if lock.times > 1 => {
                lock.times -= 1;
                Release::Released
            }
            Some(_) => {
                if let Some(held) = self.held.get_mut(&who) {
                    held.remove(name);
                }
                self.pass_on(name);
                Release::Released
            }
        }
    }

    /// Releases whatever the session holds, however often it took it; how many releases that was.
    pub(super) fn release_all(&mut self, who: Number) -> u64 {
        let mut releases = 0;
        for name in self.held.remove(&who).unwrap_or_default() {
            releases += self.by_name.get(&name).map_or(0, |lock| u64::from(lock.times));
            self.pass_on(&name);
        }
        releases
    }

    /// Who holds a lock.
    pub(super) fn owner(&self, name: &str) -> Option<Number> {
        self.by_name.get(name).map(|lock| lock.owner)
    }

    /// The sessions that waited and have got their lock since this was last asked.
    pub(super) fn take_woken(&mut self) -> Vec<Number> {
        std::mem::take(&mut self.woken)
    }

    fn pass_on(&mut self, name: &str) {
        let Some(lock) = self.by_name.get_mut(name) else { return };
        let Some(next) = lock.waiting.pop_front() else {
            self.by_name.remove(name);
            return;
        };
        (lock.owner, lock.times) = (next, 1);
        self.held.entry(next).or_default().insert(name.to_owned());
        self.waits.remove(&next);
        self.woken.push(next);
    }

    /// Whether the owner of a lock waits for `who`. Each session waits for one lock, so there is one way to go, and it ends: a wait
    /// that would close a circle is never begun.
    fn leads_to(&self, name: &str, who: Number) -> bool {
        let mut name = name;
        while let Some(lock) = self.by_name.get(name) {
            if lock.owner == who {
                return true;
            }
            let Some(next) = self.waits.get(&lock.owner) else { return false };
            name = next;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_to_those_who_wait_in_the_order_in_which_they_came() {
        let mut locks = Locks::default();
        assert_eq!(locks.take("a", 1), Wish::Taken);
        assert_eq!(locks.take("a", 1), Wish::Taken, "one's own lock again");
        assert_eq!(locks.try_take("a", 2), Wish::Busy);
        assert_eq!((locks.take("a", 2), locks.take("a", 3)), (Wish::Busy, Wish::Busy));
        assert_eq!(locks.release("a", 2), Release::NotYours);
        assert_eq!(locks.release("a", 1), Release::Released);
        assert!(locks.take_woken().is_empty(), "it was taken twice");
        assert_eq!(locks.release("a", 1), Release::Released);
        assert_eq!((locks.take_woken(), locks.owner("a")), (vec![2], Some(2)));
        locks.give_up(3);
        assert_eq!(locks.release_all(2), 1);
        assert_eq!((locks.take_woken(), locks.owner("a")), (vec![], None), "who gave up gets nothing");
        assert_eq!(locks.release("a", 2), Release::Nobody);
    }

    #[test]
    fn a_wait_that_could_never_end_is_refused() {
        let mut locks = Locks::default();
        for number in 1..=3 {
            locks.take(&number.to_string(), number);
        }
        assert_eq!((locks.take("2", 1), locks.take("3", 2)), (Wish::Busy, Wish::Busy));
        assert_eq!(locks.take("1", 3), Wish::Deadlock);
        assert_eq!(locks.release_all(3), 1);
        assert_eq!(locks.take_woken(), [2], "and the others go on");
    }
}
