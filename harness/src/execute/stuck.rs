//! The proof that a process is stuck: every thread of it waits, without a time limit, for something that can no longer come.
//!
//! It reads `/proc/PID/task/T/syscall`. A wait with a time limit proves nothing: there the clock has to speak. A thread that runs and
//! runs, and never waits, is seen to spin.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// What the threads of a process were seen doing at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    threads: Vec<ThreadSight>,
}

/// A thread that was seen running, and has not waited for anything since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    thread: i32,
    switches: String,
    /// The processor's time that it had used when it was first seen.
    since: Duration,
}

impl Running {
    /// Both are of the same thread, which has not waited in between.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.thread, &self.switches) == (other.thread, &other.switches)
    }

    /// The processor's time that it has used up since, if it still runs and never waited.
    pub(super) fn used(&self, sight: &Sight) -> Option<Duration> {
        let same = |seen: &&ThreadSight| seen.thread == self.thread && seen.switches == self.switches && seen.line.is_empty();
        sight.threads.iter().find(same).map(|seen| seen.cpu.saturating_sub(self.since))
    }
}

#[derive(Clone, Debug)]
struct ThreadSight {
    thread: i32,
    waits: Waits,
    line: String,
    /// Voluntary context switches: equal in two sights of a thread that waits means that it has not run in between, and of one that
    /// runs that it has not waited.
    switches: String,
    /// The processor's time that it has used.
    cpu: Duration,
}

/// The same sight, whatever it cost.
impl PartialEq for ThreadSight {
    fn eq(&self, other: &Self) -> bool {
        (self.thread, self.waits, &self.line, &self.switches) == (other.thread, other.waits, &other.line, &other.switches)
    }
}

impl Eq for ThreadSight {}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// It runs, or waits for something else.
    No,
    /// For a word in memory, or for descriptors, with a time limit.
    Limited,
    /// For a word in memory, for ever: no byte ends that.
    Memory,
    /// For descriptors, for ever.
    Descriptors,
    /// For bytes on the socket of this number: an order of the coordinator, or an answer of the server.
    Socket(u32),
}

/// How many threads a process has: a look at one directory, which is cheaper than a look at each of them.
pub(super) fn threads(pid: i32) -> Option<usize> {
    // Beside one directory for each thread it counts itself and its parent.
    let links = fs::metadata(format!("/proc/{pid}/task")).ok()?.nlink();
    usize::try_from(links).ok()?.checked_sub(2)
}

impl Sight {
    /// Looks at a process; `None` if it cannot be seen.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let mut threads = Vec::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
            let thread: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let path = format!("/proc/{pid}/task/{thread}");
            let call = fs::read_to_string(format!("{path}/syscall")).ok()?;
            let status = fs::read_to_string(format!("{path}/status")).ok()?;
            let switches = status.lines().find(|line| line.starts_with("voluntary")).unwrap_or_default().to_owned();
            let (waits, line) = read_call(&call, pid);
            // Where the kernel does not count it, nobody is seen to spin, and the clock speaks.
            let cpu = fs::read_to_string(format!("{path}/schedstat")).unwrap_or_default();
            let cpu = Duration::from_nanos(cpu.split_whitespace().next().and_then(|used| used.parse().ok()).unwrap_or(0));
            threads.push(ThreadSight { thread, waits, line, switches, cpu });
        }
        threads.sort_by_key(|seen| seen.thread);
        Some(Self { threads })
    }

    /// What one thread is seen doing, if it waits for something, with or without a time limit.
    pub(super) fn of_waiting_thread(pid: i32, thread: i32) -> Option<Self> {
        let mut sight = Self::of(pid)?;
        sight.threads.retain(|seen| seen.thread == thread && !seen.line.is_empty());
        (!sight.threads.is_empty()).then_some(sight)
    }

    /// Every thread waits with a time limit, and goes on when that is over.
    pub(super) fn goes_on(&self) -> bool {
        self.threads.iter().all(|seen| seen.waits == Waits::Limited)
    }

    /// Every thread waits for something, with or without a time limit.
    pub(super) fn is_at_rest(&self) -> bool {
        self.threads.iter().all(|seen| !seen.line.is_empty())
    }

    /// The threads that run.
    pub(super) fn running(&self) -> impl Iterator<Item = Running> + '_ {
        let running = self.threads.iter().filter(|seen| seen.line.is_empty());
        running.map(|seen| Running { thread: seen.thread, switches: seen.switches.clone(), since: seen.cpu })
    }

    /// The thread runs, or waits without a time limit.
    pub(super) fn never_returns(&self, thread: i32) -> bool {
        let seen = self.threads.iter().find(|seen| seen.thread == thread);
        seen.is_some_and(|seen| seen.line.is_empty() || matches!(seen.waits, Waits::Memory | Waits::Descriptors))
    }

    /// Every thread waits without a time limit.
    pub(super) fn is_stuck(&self) -> bool {
        !self.threads.is_empty() && self.threads.iter().all(|seen| !matches!(seen.waits, Waits::No | Waits::Limited))
    }

    /// Some thread may go on when bytes come on one of these sockets.
    pub(super) fn listens(&self, sockets: &[u32]) -> bool {
        self.threads.iter().any(|seen| match seen.waits {
            Waits::Memory => false,
            Waits::Socket(number) => sockets.contains(&number),
            Waits::No | Waits::Limited | Waits::Descriptors => true,
        })
    }

    /// A line for each thread, without numbers that differ from run to run.
    pub(super) fn lines(&self) -> Vec<String> {
        self.threads.iter().map(|seen| seen.line.clone()).collect()
    }
}

// The numbers of system calls on this architecture. Newer ones have no `poll` and no `epoll_wait` of the old form.
use nix::libc::{
    SYS_epoll_pwait as EPOLL_PWAIT, SYS_futex as FUTEX, SYS_ppoll as PPOLL, SYS_read as READ, SYS_recvfrom as RECVFROM,
    SYS_recvmsg as RECVMSG,
};
#[cfg(target_arch = "x86_64")]
use nix::libc::{SYS_epoll_wait as EPOLL_WAIT, SYS_poll as POLL};
#[cfg(not(target_arch = "x86_64"))]
const EPOLL_WAIT: i64 = -1;
#[cfg(not(target_arch = "x86_64"))]
const POLL: i64 = -2;

fn read_call(call: &str, pid: i32) -> (Waits, String) {
    let mut words = call.split_whitespace();
    let Some(number) = words.next().and_then(|number| number.parse::<i64>().ok()) else {
        // It is running.
        return (Waits::No, String::new());
    };
    let arguments: Vec<u64> = words.map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).unwrap_or(0)).collect();
    let argument = |at: usize| arguments.get(at).copied().unwrap_or(0);
    // A time limit of -1 is an int: its upper half may be anything.
    let endless = |at: usize| argument(at) as u32 as i32 == -1;
    match number {
        FUTEX => timed("futex", argument(3) == 0, Waits::Memory),
        POLL => timed("poll", endless(2), Waits::Descriptors),
        PPOLL => timed("ppoll", argument(2) == 0, Waits::Descriptors),
        EPOLL_WAIT => timed("epoll_wait", endless(3), Waits::Descriptors),
        EPOLL_PWAIT => timed("epoll_pwait", endless(3), Waits::Descriptors),
        READ | RECVFROM | RECVMSG => socket(pid, argument(0)),
        other => (Waits::No, format!("system call {other}")),
    }
}

fn timed(name: &str, endless: bool, forever: Waits) -> (Waits, String) {
    match endless {
        true => (forever, format!("{name}, without a time limit")),
        false => (Waits::Limited, format!("{name}, with a time limit")),
    }
}

/// Reading a socket has no time limit, unless the socket has one of its own.
fn socket(pid: i32, descriptor: u64) -> (Waits, String) {
    let target = fs::read_link(format!("/proc/{pid}/fd/{descriptor}")).unwrap_or_default();
    let number = target.to_str().and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
    let Some(number) = number else { return (Waits::No, "read".to_owned()) };
    match has_time_limit(pid, descriptor) {
        Some(false) => (Waits::Socket(number), "read of a socket, without a time limit".to_owned()),
        _ => (Waits::No, "read of a socket".to_owned()),
    }
}

fn has_time_limit(pid: i32, descriptor: u64) -> Option<bool> {
    use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    let copy = pidfd_getfd(process, i32::try_from(descriptor).ok()?, PidfdGetfdFlags::empty()).ok()?;
    rustix::net::sockopt::socket_timeout(&copy, rustix::net::sockopt::Timeout::Recv).ok().map(|limit| limit.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread spins as long as it runs and has never waited; what it used before it was first seen does not count.
    #[test]
    fn who_waits_in_between_does_not_spin() {
        let sight = |line: &str, switches: &str, cpu: u64| Sight {
            threads: vec![ThreadSight {
                thread: 7,
                waits: Waits::No,
                line: line.to_owned(),
                switches: switches.to_owned(),
                cpu: Duration::from_millis(cpu),
            }],
        };
        let first: Vec<Running> = sight("", "1", 50).running().collect();
        assert_eq!(first[0].used(&sight("", "1", 80)), Some(Duration::from_millis(30)));
        assert_eq!(first[0].used(&sight("", "2", 80)), None, "it has waited");
        assert_eq!(first[0].used(&sight("futex", "1", 80)), None, "it waits now");
        assert_eq!(sight("futex", "1", 80).running().count(), 0);
        assert!(sight("", "1", 0).never_returns(7) && !sight("read", "1", 0).never_returns(7));
    }

    /// Where nobody knows what the server owes, who does not wait for it is stuck all the same.
    #[test]
    fn who_waits_for_a_lock_or_an_order_does_not_wait_for_the_server() {
        let sight = |waits: &[Waits]| {
            let seen = |waits: &Waits| ThreadSight {
                thread: 7,
                waits: *waits,
                line: "waits".to_owned(),
                switches: String::new(),
                cpu: Duration::ZERO,
            };
            Sight { threads: waits.iter().map(seen).collect() }
        };
        let sessions = [5, 6];
        let deaf = [Waits::Memory, Waits::Socket(4)];
        assert!(sight(&deaf).is_stuck() && !sight(&deaf).listens(&sessions));
        for listening in [Waits::Socket(6), Waits::Descriptors] {
            let sight = sight(&[Waits::Memory, listening]);
            assert!(sight.is_stuck() && sight.listens(&sessions));
        }
    }

    /// Only waits without a time limit prove anything.
    #[test]
    fn a_time_limit_is_read_from_the_arguments() {
        let waits = |call: &str| read_call(call, 1).0;
        assert_eq!(waits(&format!("{FUTEX} 0x7f 0x189 0x0 0x0 0x0 0xffffffff 0x7ffe 0x7f")), Waits::Memory);
        assert_eq!(waits(&format!("{FUTEX} 0x7f 0x189 0x0 0x7ffd00 0x0 0xffffffff 0x7ffe 0x7f")), Waits::Limited);
        assert_eq!(waits(&format!("{POLL} 0x7f 0x1 0xffffffff 0x0 0x0 0x0 0x7ffe 0x7f")), Waits::Descriptors);
        assert_eq!(waits(&format!("{POLL} 0x7f 0x1 0x64 0x0 0x0 0x0 0x7ffe 0x7f")), Waits::Limited);
        assert_eq!(waits(&format!("{EPOLL_WAIT} 0x3 0x7f 0x400 0xffffffffffffffff 0x0 0x0 0x7ffe 0x7f")), Waits::Descriptors);
        assert_eq!(waits("running"), Waits::No);
    }
}
