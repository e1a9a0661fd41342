//! What the C library calls when a process forks or ends.

use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between the first process and this one.
static DESCENT: AtomicU32 = AtomicU32::new(0);
/// How often this process, or an ancestor before it was born, has forked.
static FORKS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    fn pthread_atfork(
        before: Option<extern "C" fn()>,
        in_parent: Option<extern "C" fn()>,
        in_child: Option<extern "C" fn()>,
    ) -> c_int;
    fn atexit(handler: extern "C" fn()) -> c_int;
}

extern "C" fn in_parent() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn in_child() {
    DESCENT.fetch_add(1, Ordering::Relaxed);
}

/// Counts forks from now on, here and in every child: those that the C library makes.
pub(super) fn count_forks() {
    static COUNTED: Once = Once::new();
    COUNTED.call_once(|| {
        // SAFETY: the handlers only touch atomics, and this program is never unloaded.
        unsafe { pthread_atfork(None, Some(in_parent), Some(in_child)) };
    });
}

pub(super) fn descent() -> u32 {
    DESCENT.load(Ordering::Relaxed)
}

pub(super) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Has something done, once, when this process or a child of it ends by `exit`.
pub(super) fn at_exit(handler: extern "C" fn()) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the handler is a function of this program, which is never unloaded.
        unsafe { atexit(handler) };
    });
}
