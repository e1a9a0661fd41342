//! Ctrl-C and SIGTERM: the first asks the run to end and to clean up, the second ends this process at once.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, LazyLock};

use poolproof::watch::Calls;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::low_level::pipe;
use signal_hook_registry::register_sigaction;

use super::exit::{Code, Stop};

/// Made once: a second pair of handlers would take the first Ctrl-C for the second.
static STOP: LazyLock<io::Result<Arc<AtomicBool>>> = LazyLock::new(listen);

fn listen() -> io::Result<Arc<AtomicBool>> {
    let stop: Arc<AtomicBool> = Arc::default();
    for signal in [SIGINT, SIGTERM] {
        // In this order: a signal that finds the flag set was preceded by another one. What then is left behind is removed by the
        // supervisor, which notices that this process is gone.
        flag::register_conditional_shutdown(signal, Code::Interrupted.number().into(), Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// A watch is to end.
static END: AtomicBool = AtomicBool::new(false);
/// What the program of a watch has to be given.
static FORWARD: AtomicI32 = AtomicI32::new(0);
/// A watch is to be summed up.
static SUMMARY: AtomicBool = AtomicBool::new(false);

/// What a watch hears. While its program runs, Ctrl-C on the terminal is the program's affair, which gets it from the terminal too; what
/// is sent to this process alone is passed on.
///
/// # Errors
/// The handlers cannot be installed.
pub(crate) fn calls() -> Result<Calls, Stop> {
    listen_for_calls().map_err(|error| Stop::bug(format!("cannot listen for signals: {error}")))
}

fn listen_for_calls() -> io::Result<Calls> {
    let (wake, written) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    for signal in [SIGINT, SIGTERM, SIGUSR1] {
        // The kernel's own codes are positive: those of a terminal.
        // SAFETY: the handler stores into atomics and does nothing else.
        unsafe { register_sigaction(signal, move |about| hear(signal, about.si_code <= 0)) }?;
        // In this order: whoever is woken finds the flags set.
        pipe::register(signal, written.try_clone()?)?;
    }
    Ok(Calls { wake: wake.into(), stop: &END, forward: &FORWARD, summary: &SUMMARY })
}

fn hear(signal: i32, from_a_process: bool) {
    if signal == SIGUSR1 {
        return SUMMARY.store(true, Ordering::Relaxed);
    }
    if from_a_process {
        FORWARD.store(signal, Ordering::Relaxed);
    }
    END.store(true, Ordering::Relaxed);
}

/// The flag that Ctrl-C sets.
///
/// # Errors
/// The handlers cannot be installed.
pub(crate) fn stop_flag() -> Result<&'static AtomicBool, Stop> {
    match &*STOP {
        Ok(stop) => Ok(stop),
        Err(error) => Err(Stop::bug(format!("cannot listen for Ctrl-C: {error}"))),
    }
}
