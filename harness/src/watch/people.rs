//! The processes that connect and write: who has which pid, and the words with which each was started.
//!
//! A pid is given again. Whoever is known by it is the same process as long as he lives; when he has ended, the kernel is asked whether
//! the pid has passed on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::proc;

/// Processes that are remembered beyond those that have a session open.
const REMEMBERED: usize = 256;
/// Characters of a command line that are shown.
const SHOWN: usize = 160;

/// Everybody who was seen lately.
#[derive(Default)]
pub(super) struct People {
    known: HashMap<i32, Rc<Person>>,
    /// How many there may be before those are forgotten who have no session.
    most: usize,
}

/// One process.
pub(super) struct Person {
    pid: i32,
    /// Readable when it has ended; `None` if it had when it was first looked for.
    life: Option<OwnedFd>,
    started: Option<u64>,
    /// What was last read of its command line.
    command: RefCell<Option<String>>,
}

impl People {
    /// The process that has this pid: the same value for the same process.
    pub(super) fn who(&mut self, pid: i32) -> Rc<Person> {
        match self.known.get(&pid).filter(|person| person.still_has_its_pid()) {
            Some(person) => Rc::clone(person),
            None => self.meet(pid),
        }
    }

    fn meet(&mut self, pid: i32) -> Rc<Person> {
        if self.known.len() >= self.most.max(REMEMBERED) {
            self.known.retain(|_, person| Rc::strong_count(person) > 1);
            self.most = 2 * self.known.len();
        }
        let person = Rc::new(Person::look(pid));
        self.known.insert(pid, Rc::clone(&person));
        person
    }
}

impl Person {
    fn look(pid: i32) -> Self {
        let life = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Self { pid, life, started: proc::started(pid), command: RefCell::new(command(pid)) }
    }

    fn still_has_its_pid(&self) -> bool {
        // Where nobody has it, bytes are read late that were written by whoever had it last.
        self.lives() || proc::started(self.pid).is_none_or(|started| self.started == Some(started))
    }

    fn lives(&self) -> bool {
        let Some(life) = &self.life else { return false };
        let mut ended = [PollFd::new(life, PollFlags::IN)];
        poll(&mut ended, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ended| ended == 0)
    }

    /// Its pid and when it was started: no other process ever has both.
    pub(super) fn id(&self) -> (i32, Option<u64>) {
        (self.pid, self.started)
    }
}

/// With the words that it goes by now, or those that were last known.
impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pid == 0 {
            return f.write_str("a process of another pid namespace");
        }
        if self.lives() {
            // It may have executed another program; in the middle of that it has no words.
            let now = command(self.pid);
            self.command.replace_with(|before| now.or(before.take()));
        }
        match &*self.command.borrow() {
            Some(command) => write!(f, "pid {} ({command})", self.pid),
            None => match proc::name(self.pid) {
                Some(name) => write!(f, "pid {} ([{name}])", self.pid),
                None => write!(f, "pid {} (gone before it could be asked for its command line)", self.pid),
            },
        }
    }
}

/// On one line, and not longer than is read.
fn command(pid: i32) -> Option<String> {
    let words = proc::command(pid)?;
    let plain: String = words.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(if words.chars().count() > SHOWN { format!("{plain}…") } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    /// Above the highest pid that the kernel gives.
    const NOBODY: i32 = 1_000_000_000;

    #[test]
    fn a_process_is_the_same_as_long_as_its_pid_has_not_passed_on() {
        let mut people = People::default();
        let mut child = Command::new("cat").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child");
        // When it answers, it is the program that it was started as.
        child.stdin.as_mut().expect("a pipe").write_all(b"?").expect("a reader");
        child.stdout.as_mut().expect("a pipe").read_exact(&mut [0]).expect("a writer");
        let person = people.who(child.id().cast_signed());
        assert!(person.to_string().ends_with("(cat -)"), "{person}");
        child.kill().expect("a child");
        child.wait().expect("a child");
        let after = people.who(child.id().cast_signed());
        assert!(Rc::ptr_eq(&person, &after), "nobody else has got the pid");
        assert!(after.to_string().ends_with("(cat -)"), "its words are still known: {after}");
    }

    /// The kernel's counter would have to go round for a real one.
    #[test]
    fn another_process_with_the_same_pid_is_another_one() {
        let mut people = People::default();
        let own = std::process::id().cast_signed();
        let before = Rc::new(Person { life: None, started: Some(1), ..Person::look(own) });
        people.known.insert(own, Rc::clone(&before));
        let now = people.who(own);
        assert!(!Rc::ptr_eq(&before, &now) && before.id() != now.id());
        assert!(Rc::ptr_eq(&now, &people.who(own)));
    }

    #[test]
    fn those_who_have_no_session_are_forgotten() {
        let mut people = People::default();
        let kept: Vec<Rc<Person>> = (1..=10).map(|number| people.who(NOBODY + number)).collect();
        (11..=5000).for_each(|number| drop(people.who(NOBODY + number)));
        assert!(people.known.len() <= REMEMBERED + kept.len(), "{}", people.known.len());
        assert!(kept.iter().all(|person| Rc::ptr_eq(person, &people.who(person.pid))), "who has one is not");
    }
}
