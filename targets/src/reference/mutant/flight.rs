//! The statements that are in flight, each with what a child could do to it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use poolproof::neutral::{Connection, Driver, Generation};

use super::super::defect::{Defect, planted};
use super::wire;

struct Flight {
    socket: RawFd,
    sql: String,
    by: Option<Generation>,
    /// Where the session is.
    session: usize,
    cancel: fn(usize),
    goodbye: Vec<u8>,
}

/// The lock is never held while anybody waits for the server.
static IN_FLIGHT: Mutex<Vec<Flight>> = Mutex::new(Vec::new());

/// Takes the statement out again when it has been answered.
pub(super) struct Landing(usize);

fn in_flight() -> MutexGuard<'static, Vec<Flight>> {
    IN_FLIGHT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A statement is about to run.
pub(super) fn starts<D: Driver>(session: &Connection<D>, sql: &str) -> Landing {
    let socket = session.as_fd().as_raw_fd();
    let session = std::ptr::from_ref(session).addr();
    let by = Generation::current().ok();
    in_flight().push(Flight { socket, sql: sql.to_owned(), by, session, cancel: cancel::<D>, goodbye: D::goodbye() });
    Landing(session)
}

impl Drop for Landing {
    fn drop(&mut self) {
        in_flight().retain(|flight| flight.session != self.0);
    }
}

fn cancel<D: Driver>(session: usize) {
    let session = std::ptr::with_exposed_provenance::<Connection<D>>(session);
    // SAFETY: the thread that was inside a statement of it, and could drop or change it, does not exist in this process.
    let session = unsafe { &*session };
    let _ = session.cancel();
}

/// In a child: breaks off what was in flight in the parent.
pub(super) fn break_off() {
    for flight in std::mem::take(&mut *in_flight()) {
        if planted() == Defect::FlightCancelled {
            (flight.cancel)(flight.session);
        } else {
            // SAFETY: the thread that could close it does not exist in this process.
            wire::send(unsafe { BorrowedFd::borrow_raw(flight.socket) }, &flight.goodbye);
        }
    }
}

/// In a child: what was in flight in the parent, once.
pub(super) fn inherited() -> Vec<String> {
    let here = Generation::current().ok();
    let mut flights = in_flight();
    let inherited = flights.extract_if(.., |flight| flight.by != here);
    inherited.map(|flight| flight.sql).collect()
}
