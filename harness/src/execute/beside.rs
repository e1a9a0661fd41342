//! A worker and its agent on one processor, which is no other worker's as long as there are enough. They never run at once, and waking a
//! process on another processor costs more than all that it does in a step.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processor of a worker and its agent.
pub(super) struct Seat {
    pub(super) processor: Option<usize>,
    /// Tells every other worker, those of other processes too, that it is taken; it goes with the worker, however that ends.
    _taken: Option<UnixDatagram>,
}

impl Seat {
    /// The first processor that no worker has; if all are taken, the `n`-th of those that this process may use, in a circle.
    pub(super) fn take(n: usize) -> Self {
        Self::take_among("poolproof", n)
    }

    /// The same among those whose marks begin so.
    fn take_among(all: &str, n: usize) -> Self {
        let usable = usable();
        let free = usable.iter().find_map(|processor| Some((*processor, mark(all, *processor)?)));
        match free {
            Some((processor, taken)) => Self { processor: Some(processor), _taken: Some(taken) },
            None => Self { processor: usable.get(n % usable.len().max(1)).copied(), _taken: None },
        }
    }
}

/// A name that only one socket of the machine can have. Nobody ever writes to it.
fn mark(all: &str, processor: usize) -> Option<UnixDatagram> {
    let name = SocketAddr::from_abstract_name(format!("{all}-processor-{processor}")).ok()?;
    UnixDatagram::bind_addr(&name).ok()
}

/// The processors that this process may use.
fn usable() -> Vec<usize> {
    let allowed = sched_getaffinity(None).ok();
    allowed.map_or_else(Vec::new, |allowed| (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect())
}

/// A thread that runs on its agent's processor; dropped, it may run where it could before.
pub(crate) struct Beside {
    thread: Option<Pid>,
    before: Option<CpuSet>,
}

impl Beside {
    /// Brings a thread of this process to a processor; without one, the calling thread.
    pub(super) fn on(processor: Option<usize>, thread: Option<Pid>) -> Self {
        let before = sched_getaffinity(thread).ok();
        if let Some(processor) = processor {
            let mut set = CpuSet::new();
            set.set(processor);
            // Where the system forbids it, it is only slower.
            let _ = sched_setaffinity(thread, &set);
        }
        Self { thread, before }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = sched_setaffinity(self.thread, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers of one run or of several: two on one processor would halve each other's rate while another one idles.
    #[test]
    fn no_two_workers_have_one_processor_as_long_as_there_are_enough() {
        let all = format!("poolproof-test-{}", std::process::id());
        let taken = |seats: &[Seat]| seats.iter().filter_map(|seat| seat.processor).collect::<Vec<_>>();
        let mut seats: Vec<Seat> = usable().iter().map(|_| Seat::take_among(&all, 0)).collect();
        assert_eq!(taken(&seats), usable());
        // Beyond that they share.
        let more: Vec<Seat> = (0..usable().len()).map(|n| Seat::take_among(&all, n)).collect();
        assert_eq!(taken(&more), usable());
        // Who ends makes room.
        seats.remove(0);
        assert_eq!(Seat::take_among(&all, 1).processor, usable().first().copied());
    }
}
