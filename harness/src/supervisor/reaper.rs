//! Reaping, and ending whatever is left: children and their children.
//!
//! Only children of the supervisor itself are ever killed: nobody else can reap them, so their ids cannot have passed to a
//! stranger. When one dies its children become the supervisor's (it is a subreaper), whatever session or group they are in.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use nix::sys::signalfd::SignalFd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait};

use super::leftovers::Leftovers;
use super::{Exit, FAREWELL};
use crate::proc::parent;

/// How long the death of children is awaited before they are listed anew. A listing is not a snapshot: it can miss a child that
/// changed its parent meanwhile.
const RELIST: Duration = Duration::from_millis(20);

/// Reaps every child that has exited; says whether there are more children.
pub(super) fn reap(mut each: impl FnMut(u32, Exit)) -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => {
                let exit = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Exit::Code(code),
                    (None, Some(signal)) => Exit::Signal(signal),
                    (None, None) => continue,
                };
                each(pid.as_raw_nonzero().get().unsigned_abs(), exit);
            }
            Ok(None) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// Kills children until there are none: each death may hand over more of them. Those that have something to undo are asked first,
/// and have time for it.
pub(super) fn end_everything(leftovers: &mut Leftovers, mut undoing: HashSet<u32>, signals: &SignalFd) {
    let until = Instant::now() + FAREWELL;
    undoing.retain(|&child| ask_to_end(child));
    loop {
        let more = reap(|pid, _| {
            undoing.remove(&pid);
            leftovers.note_death(pid);
        });
        if !more {
            break;
        }
        if Instant::now() >= until {
            undoing.clear();
        }
        let children: Vec<u32> = children().into_iter().filter(|child| !undoing.contains(child)).collect();
        children.iter().for_each(|&child| leftovers.note_use(child));
        let refused = children.iter().filter(|&&child| !kill(child)).count();
        if refused > 0 && refused == children.len() && undoing.is_empty() {
            break; // programs that took another user's rights; nobody but root can end them
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(RELIST.subsec_nanos()) };
        let _ = poll(&mut [PollFd::new(signals, PollFlags::IN)], Some(&timeout));
        drain(signals);
    }
}

/// Kills a child that was not reaped yet; says whether it could.
pub(super) fn kill(pid: u32) -> bool {
    signal(pid, Signal::KILL)
}

/// Asks such a child to end by itself; says whether it could.
pub(super) fn ask_to_end(pid: u32) -> bool {
    signal(pid, Signal::TERM)
}

fn signal(pid: u32, signal: Signal) -> bool {
    Pid::from_raw(pid.cast_signed()).is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// Forgets the signals that said that children exited; the children are asked themselves.
pub(super) fn drain(signals: &SignalFd) {
    while let Ok(Some(_)) = signals.read_signal() {}
}

/// This process's children. Not every kernel has `/proc/PID/task/TID/children`, so each process is asked for its parent.
pub(crate) fn children() -> Vec<u32> {
    let me = getpid().as_raw_nonzero().get();
    all_processes().filter(|&pid| parent(pid.cast_signed()) == Some(me)).collect()
}

/// Every process that this one can see.
pub(super) fn all_processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_among_those_that_it_sees() {
        assert!(all_processes().any(|pid| pid == std::process::id()));
    }
}
