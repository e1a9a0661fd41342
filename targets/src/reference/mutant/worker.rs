//! A thread of the pool, which stays in the process that opened it first.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use poolproof::{Error, ErrorKind};

type Job = Box<dyn FnOnce() + Send>;

static WORKER: OnceLock<Sender<Job>> = OnceLock::new();

/// Starts it, if no ancestor has.
pub(super) fn start() {
    WORKER.get_or_init(|| {
        let (give, jobs) = channel::<Job>();
        std::thread::spawn(move || jobs.into_iter().for_each(|job| job()));
        give
    });
}

/// Has it do something, and waits.
pub(super) fn have<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static, patience: Duration) -> Result<T, Error> {
    let (answer, answered) = channel();
    let asked = WORKER.get().is_some_and(|worker| worker.send(Box::new(move || drop(answer.send(job())))).is_ok());
    let late = || Error::new(ErrorKind::TimedOut, "the thread that opens sessions does not answer");
    if asked { answered.recv_timeout(patience).map_err(|_| late()) } else { Err(late()) }
}

/// Asks it to finish, and waits until it has heard that.
pub(super) extern "C" fn ask_to_stop() {
    let (answer, answered) = channel();
    if let Some(worker) = WORKER.get() {
        let _ = worker.send(Box::new(move || answer.send(()).unwrap_or_default()));
        let _ = answered.recv();
    }
}
