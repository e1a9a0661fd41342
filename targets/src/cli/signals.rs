//! Ctrl-C and SIGTERM: the first asks the run to end and to clean up, the second ends this process at once.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

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
