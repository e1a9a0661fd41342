//! A worker and its agent on one processor. They never run at once, and waking a process on another processor costs more than all
//! that it does in a step.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A thread that runs on its agent's processor; dropped, it may run where it could before.
pub(crate) struct Beside {
    before: Option<CpuSet>,
}

impl Beside {
    /// Brings the calling thread to a processor.
    pub(super) fn on(processor: Option<usize>) -> Self {
        let before = sched_getaffinity(None).ok();
        if let Some(processor) = processor {
            let mut set = CpuSet::new();
            set.set(processor);
            // Where the system forbids it, it is only slower.
            let _ = sched_setaffinity(None, &set);
        }
        Self { before }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = sched_setaffinity(None, before);
        }
    }
}

/// The `n`-th of the processors that this process may use, in a circle.
pub(super) fn processor(n: usize) -> Option<usize> {
    let allowed = sched_getaffinity(None).ok()?;
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect();
    usable.get(n % usable.len().max(1)).copied()
}
