//! The processes of a case: who has which pid. A pid means one process from its birth to its reaping, and nobody of a case is
//! reaped before the tap was drained.

use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::history::{Ending, Witness};
use crate::interleaving::Process;
use crate::proc;
use crate::tap::{Identify, sockets};

/// Everybody who was born in a case.
#[derive(Default)]
pub(super) struct People {
    people: Vec<Person>,
    /// A fork in flight: the parent and the name of its child, who may write before it has said hello.
    expected: Vec<(Process, Process)>,
}

struct Person {
    process: Process,
    pid: i32,
    pidfd: OwnedFd,
}

impl People {
    /// Notes a birth. The descriptor becomes readable when the process has ended.
    pub(super) fn born(&mut self, process: Process, pid: i32) -> rustix::io::Result<&OwnedFd> {
        let known = Pid::from_raw(pid).ok_or(rustix::io::Errno::SRCH)?;
        let pidfd = pidfd_open(known, PidfdFlags::empty())?;
        self.expected.retain(|(_, child)| *child != process);
        self.people.push(Person { process, pid, pidfd });
        Ok(&self.people[self.people.len() - 1].pidfd)
    }

    pub(super) fn expect(&mut self, parent: Process, child: Process) {
        self.expected.push((parent, child));
    }

    /// The fork has failed.
    pub(super) fn expect_no_more(&mut self, child: Process) {
        self.expected.retain(|(_, expected)| *expected != child);
    }

    pub(super) fn pid(&self, process: Process) -> Option<i32> {
        self.people.iter().find(|person| person.process == process).map(|person| person.pid)
    }

    pub(super) fn pidfd(&self, process: Process) -> Option<&OwnedFd> {
        self.people.iter().find(|person| person.process == process).map(|person| &person.pidfd)
    }

    pub(super) fn kill(&self, process: Process) {
        if let Some(pidfd) = self.pidfd(process) {
            // It may have ended meanwhile, which is what is wanted.
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }

    /// How a process ended; `None` if somebody else has reaped it.
    pub(super) fn ending(&self, process: Process) -> Option<Ending> {
        let status = proc::exit_status(self.pid(process)?)?;
        Some(match status & 0x7f {
            0 => Ending::Code((status >> 8) & 0xff),
            signal => Ending::Signal(signal),
        })
    }
}

impl Identify for People {
    fn identify(&self, pid: i32) -> Witness {
        // The last who was born with it: a pid may be given again to a process of the case, when the one before was reaped.
        let known = self.people.iter().rev().find(|person| person.pid == pid).map(|person| person.process);
        known.or_else(|| self.unborn(pid)).map_or(Witness::Stranger, Witness::Process)
    }

    fn holder(&self, socket: u32) -> Witness {
        let holds = |person: &&Person| sockets(person.pid).contains(&socket);
        self.people.iter().find(holds).map_or(Witness::Unseen, |person| Witness::Process(person.process))
    }
}

impl People {
    /// A forked child that writes before its hello: hooks of the pool run inside `fork`.
    fn unborn(&self, pid: i32) -> Option<Process> {
        if self.expected.is_empty() {
            return None;
        }
        let parent = proc::parent(pid)?;
        let child_of = |(of, child): &(Process, Process)| (self.pid(*of) == Some(parent)).then_some(*child);
        self.expected.iter().find_map(child_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit status is the last number of `stat`, for a zombie and while its parent lives.
    #[test]
    fn the_ending_of_an_unreaped_child_is_read_from_the_kernel() {
        for (script, ending) in [("exit 7", Ending::Code(7)), ("kill -9 $$", Ending::Signal(9))] {
            let mut child = std::process::Command::new("sh").args(["-c", script]).spawn().expect("a shell");
            let mut people = People::default();
            let pidfd = people.born(Process::FIRST, child.id() as i32).expect("alive");
            let mut ended = [rustix::event::PollFd::new(pidfd, rustix::event::PollFlags::IN)];
            rustix::event::poll(&mut ended, None).expect("a pidfd");
            assert_eq!(people.ending(Process::FIRST), Some(ending));
            child.wait().expect("a child");
            assert_eq!(people.ending(Process::FIRST), None, "a reaped child has no status any more");
        }
    }
}
