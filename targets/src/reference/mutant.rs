//! The mutants: at each place where the reference asks what is right, the planted defect answers.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use poolproof::neutral::{Driver, Generation};
use poolproof::{Config, Error, ErrorKind};

use super::defect::{Defect, planted};
use super::planted::{Act, Planted, Session as _};

mod flight;
mod handlers;
mod loss;
mod session;
mod wire;
mod worker;

pub(crate) use session::Session;

/// The reference pool with the defect that was chosen for this process.
#[derive(Debug)]
pub struct Mutant;

/// All that a process can be known by.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    generation: Generation,
    pid: u32,
    /// How many forks a handler had seen, on the way from the first process to this one.
    descent: u32,
    /// How often this process had forked.
    forks: u32,
}

/// An ancestor, or this process, has noticed that it is new.
static NOTICED: AtomicBool = AtomicBool::new(false);
/// A thread is about to start afresh.
static RESETTING: AtomicBool = AtomicBool::new(false);
/// The hook for children was called.
static HOOKED: AtomicBool = AtomicBool::new(false);
/// A pool was closed, and what it remembered of answers is gone.
static CLOSED: AtomicBool = AtomicBool::new(false);
/// How many threads wait for a place.
static WAITING: AtomicU32 = AtomicU32::new(0);
/// How many of them stayed in the parent.
static GHOSTS: AtomicU32 = AtomicU32::new(0);

impl Planted for Mutant {
    type Session<D: Driver> = Session<D>;
    type Process = Known;

    fn has(defect: Defect) -> bool {
        planted() == defect
    }

    fn process() -> io::Result<Known> {
        let generation = Generation::current()?;
        Ok(Known { generation, pid: std::process::id(), descent: handlers::descent(), forks: handlers::forks() })
    }

    fn is_here(process: &Known, act: Act) -> bool {
        let current = process.generation.is_current();
        match planted() {
            Defect::NoGuard => true,
            Defect::GuardOnlyAtCheckout if act != Act::UsePool => true,
            Defect::GuardOnlyAtReturn if act != Act::Return => true,
            Defect::GuardOnlyAtQuery if act != Act::Query => true,
            Defect::PidGuard => process.pid == std::process::id(),
            Defect::ForkHandler => process.descent == handlers::descent(),
            Defect::FirstForkOnly if NOTICED.load(Ordering::Relaxed) => true,
            Defect::CancelUnguarded if act == Act::Cancel => true,
            Defect::ParentRefuses if act == Act::Query => current && process.forks == handlers::forks(),
            _ => current,
        }
    }

    fn opened() {
        handlers::count_forks();
        match planted() {
            Defect::ExitGoodbye => handlers::at_exit(session::say_goodbye_everywhere),
            Defect::ExitLocks => handlers::at_exit(session::take_the_lock),
            Defect::ExitJoins => handlers::at_exit(worker::ask_to_stop),
            _ => {}
        }
        if matches!(planted(), Defect::ExitJoins | Defect::WorkerMissing) {
            worker::start();
        }
    }

    fn forks() -> u32 {
        handlers::forks()
    }

    fn noticed<D: Driver>(config: &Config, in_use: impl FnOnce() -> u32) -> u32 {
        NOTICED.store(true, Ordering::Relaxed);
        match planted() {
            Defect::CountersCopied => return in_use(),
            Defect::WaitersCopied => GHOSTS.store(WAITING.load(Ordering::Relaxed), Ordering::Relaxed),
            Defect::FlightGoodbye | Defect::FlightCancelled => flight::break_off(),
            Defect::Aborts => std::process::abort(),
            Defect::ResetsTwice => warm_up::<D>(config),
            Defect::ResetsPanic => {
                assert!(!RESETTING.swap(true, Ordering::Relaxed), "another thread is starting afresh");
                warm_up::<D>(config);
                RESETTING.store(false, Ordering::Relaxed);
            }
            _ => {}
        }
        0
    }

    fn discard<D: Driver>(session: Session<D>, act: Act) {
        match planted() {
            Defect::Goodbye => return drop(session),
            Defect::HookGoodbye if HOOKED.load(Ordering::Relaxed) => return drop(session),
            Defect::Shutdown => wire::shut_down(session.line().as_fd()),
            Defect::CancelsInherited => drop(session.cancel()),
            Defect::StatementClosed => wire::send(session.line().as_fd(), &wire::close_statement(D::DATABASE)),
            Defect::PingsFirst if act == Act::UsePool => drop(session.line().query("SELECT 1")),
            _ => {}
        }
        session.abandon();
        assert!(act != Act::Return || planted() != Defect::DropPanics, "this checkout belongs to another process");
    }

    fn refusal<D: Driver>(session: Option<&Session<D>>) -> Error {
        if let (Defect::RefusesLate, Some(session)) = (planted(), session) {
            wire::send(session.line().as_fd(), &wire::ping(D::DATABASE));
        }
        Error::new(ErrorKind::Refused, "this checkout belongs to another process")
    }

    fn closed() -> Error {
        while planted() == Defect::DisposedHangs {
            std::thread::park();
        }
        assert!(planted() != Defect::DisposedPanics, "the pool was disposed");
        Error::new(ErrorKind::Closed, "the pool was disposed")
    }

    fn has_room(in_use: u32, max_size: u32) -> bool {
        in_use < max_size + u32::from(planted() == Defect::OffByOne)
    }

    fn left(patience: Duration, waited: Duration) -> Duration {
        if planted() == Defect::PatienceIgnored { Duration::MAX } else { patience.saturating_sub(waited) }
    }

    fn wait<T>(wait: impl FnOnce() -> T) -> T {
        WAITING.fetch_add(1, Ordering::Relaxed);
        let waited = wait();
        WAITING.fetch_sub(1, Ordering::Relaxed);
        waited
    }

    fn serves_nobody() -> bool {
        // They never come to take it, and stay the first in the queue.
        GHOSTS.load(Ordering::Relaxed) > 0
    }

    fn kept<D: Driver>(session: Option<Session<D>>) -> impl Iterator<Item = Session<D>> {
        let twin = session.as_ref().filter(|_| planted() == Defect::ReturnedTwice).map(Session::twin);
        if let (Defect::ReplyUnread | Defect::IdleEarly, Some(session)) = (planted(), &session) {
            wire::send(session.line().as_fd(), &wire::ping(D::DATABASE));
            wire::owe_reply(session.line().as_fd());
        }
        session.into_iter().chain(twin)
    }

    fn settled() {
        if planted() == Defect::IdleEarly {
            wire::await_owed_reply();
        }
    }

    fn part<D: Driver>(idle: Vec<Session<D>>) {
        CLOSED.store(true, Ordering::Relaxed);
        match planted() {
            Defect::DisposeForgets => std::mem::forget(idle),
            Defect::DisposeSilent => idle.into_iter().for_each(Session::abandon),
            _ => drop(idle),
        }
    }

    fn has_hook() -> bool {
        if planted() == Defect::HookGoodbye {
            HOOKED.store(true, Ordering::Relaxed);
        }
        HOOKED.load(Ordering::Relaxed)
    }
}

/// Asks the server whether it is there.
fn warm_up<D: Driver>(config: &Config) {
    drop(Session::<D>::open(config));
}
