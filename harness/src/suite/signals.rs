//! Ctrl-C and SIGTERM: the first asks the run to end and to clean up, a second ends this process at once.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};

use crate::trouble::Trouble;

static STOP: AtomicBool = AtomicBool::new(false);
/// The signal that came.
static CAME: AtomicI32 = AtomicI32::new(0);

/// The flag that a signal sets.
///
/// # Errors
/// The handlers cannot be installed.
pub(super) fn stop_flag() -> Result<&'static AtomicBool, Trouble> {
    // After the first signal the system's own handler is there again: what then is left behind is removed by the supervisor, which
    // notices that this process is gone.
    let once = SigAction::new(SigHandler::Handler(note), SaFlags::SA_RESETHAND | SaFlags::SA_RESTART, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        if !STOP.load(Ordering::Relaxed) {
            // SAFETY: the handler stores two numbers and does nothing else.
            unsafe { sigaction(signal, &once) }.map_err(|error| Trouble::system("listen for Ctrl-C", error))?;
        }
    }
    Ok(&STOP)
}

extern "C" fn note(signal: i32) {
    CAME.store(signal, Ordering::Relaxed);
    STOP.store(true, Ordering::Relaxed);
}

/// A signal has come.
pub(super) fn came() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Ends this process as the signal would have, now that everything is cleaned up; where none came it does nothing.
pub(super) fn obey() {
    if let Ok(signal) = Signal::try_from(CAME.load(Ordering::Relaxed)) {
        let _ = raise(signal);
    }
}
