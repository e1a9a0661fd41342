//! Ctrl-C, SIGTERM, and the normal end: each way leads to the summary.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Set by the first signal.
pub(super) static STOP: AtomicBool = AtomicBool::new(false);

/// The exit code that libFuzzer itself has for an interrupted run; `-fork` and `-jobs` know it.
pub(super) const INTERRUPTED: i32 = 72;

/// Hears signals from now on, in the place of libFuzzer, and calls `last` when the process ends by `exit`.
pub(super) fn listen(last: extern "C" fn()) {
    let action = SigAction::new(SigHandler::Handler(heard), SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler stores into an atomic or ends the process, both of which are async-signal-safe.
        let _ = unsafe { sigaction(signal, &action) };
    }
    // SAFETY: the function is called with no argument and takes none. If there is no room for it, only the summary is lost.
    unsafe { libc::atexit(last) };
}

extern "C" fn heard(_: libc::c_int) {
    if STOP.swap(true, Ordering::Relaxed) {
        // The second time: at once. The supervisor notices and cleans up.
        end(INTERRUPTED);
    }
}

/// Ends this process without libFuzzer's own exit handler, which takes an exit inside an input for a crash.
pub(super) fn end(code: i32) -> ! {
    // SAFETY: it does not return and runs nothing of this process.
    unsafe { libc::_exit(code) }
}
