//! What the actors of one process share. No lock and no reference count is in it: a forked child would inherit those of
//! threads that it lacks.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use crossbeam_queue::SegQueue;

use crate::limits;
use crate::pool::{Config, Pool};

/// A checkout on its way from one thread to another.
pub(super) struct Parcel<C> {
    pub(super) handle: String,
    pub(super) connection: C,
}

/// One per case; leaked, so that every thread may use it by plain reference.
pub(super) struct Shared<P: Pool> {
    pub(super) socket: PathBuf,
    pub(super) case: u32,
    pub(super) config: Config,
    pools: [AtomicPtr<P>; limits::STEPS],
    mail: [SegQueue<Parcel<P::Connection>>; limits::THREADS_NAMED],
    controls: [AtomicI32; limits::THREADS_NAMED],
}

const NONE: RawFd = -1;

impl<P: Pool> Shared<P> {
    pub(super) fn leak(socket: PathBuf, case: u32, config: Config) -> &'static Self {
        Box::leak(Box::new(Self {
            socket,
            case,
            config,
            pools: std::array::from_fn(|_| AtomicPtr::new(std::ptr::null_mut())),
            mail: std::array::from_fn(|_| SegQueue::new()),
            controls: std::array::from_fn(|_| AtomicI32::new(NONE)),
        }))
    }

    /// Keeps an opened pool, as a box that is leaked until [`Shared::take`].
    pub(super) fn keep(&self, number: u32, pool: P) {
        self.keep_again(number, Box::new(pool));
    }

    /// Puts back what was taken.
    pub(super) fn keep_again(&self, number: u32, pool: Box<P>) {
        if let Some(slot) = self.slot(number) {
            slot.store(Box::into_raw(pool), Ordering::Release);
        }
    }

    pub(super) fn pool(&self, number: u32) -> Option<&P> {
        let pool = self.slot(number)?.load(Ordering::Acquire);
        // SAFETY: the pointer is null or came from `Box::into_raw`, and `take` removes it from the slot; the coordinator orders a
        // take only while no living actor is inside the pool.
        unsafe { pool.as_ref() }
    }

    pub(super) fn take(&self, number: u32) -> Option<Box<P>> {
        let pool = self.slot(number)?.swap(std::ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: as in `pool`; the swap gives each box away once.
        (!pool.is_null()).then(|| unsafe { Box::from_raw(pool) })
    }

    /// Drops every pool that is left, newest first.
    pub(super) fn drop_pools(&self) {
        for number in (0..limits::STEPS as u32).rev() {
            drop(self.take(number));
        }
    }

    fn slot(&self, number: u32) -> Option<&AtomicPtr<P>> {
        self.pools.get(number as usize)
    }

    pub(super) fn mailbox(&self, thread: u8) -> Option<&SegQueue<Parcel<P::Connection>>> {
        self.mail.get(usize::from(thread))
    }

    /// Notes a control connection, so that a forked child can close it.
    pub(super) fn register(&self, thread: u8, control: &impl AsRawFd) {
        if let Some(slot) = self.controls.get(usize::from(thread)) {
            slot.store(control.as_raw_fd(), Ordering::Release);
        }
    }

    pub(super) fn unregister(&self, thread: u8) {
        if let Some(slot) = self.controls.get(usize::from(thread)) {
            slot.store(NONE, Ordering::Release);
        }
    }

    /// In a forked child: closes every control connection of the parent, and forgets what its other threads were sent.
    pub(super) fn after_fork(&self) {
        for slot in &self.controls {
            let descriptor = slot.swap(NONE, Ordering::AcqRel);
            if descriptor != NONE {
                // SAFETY: it was registered by the actor that owns it, and that actor's own copy is forgotten.
                drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
            }
        }
        for mailbox in &self.mail {
            while let Some(parcel) = mailbox.pop() {
                std::mem::forget(parcel.connection);
            }
        }
    }
}
