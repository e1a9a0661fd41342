//! What is done wrong where a session was lost, or none could be had.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use poolproof::neutral::Driver;
use poolproof::{Config, Error, Rows};

use super::super::defect::{Defect, planted};
use super::Session;

/// The words of the first connect that failed, if it is remembered.
static REFUSED: Mutex<Option<Error>> = Mutex::new(None);

/// Opens a session, with what is done wrong where that fails.
pub(super) fn connect<D: Driver>(config: &Config) -> Result<Session<D>, Error> {
    let remembered = || REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let (Defect::ErrorRemembered, Some(error)) = (planted(), remembered().clone()) {
        return Err(error);
    }
    loop {
        let opened = Session::open(config);
        match (planted(), &opened) {
            (Defect::RefusedRetries, Err(_)) => std::thread::sleep(Duration::from_millis(5)),
            (Defect::RefusedPanics, Err(error)) => panic!("a session is always there: {error}"),
            (Defect::ErrorRemembered, Err(error)) => {
                *remembered() = Some(error.clone());
                return opened;
            }
            _ => return opened,
        }
    }
}

/// What a statement gives during which its session was lost.
pub(super) fn answer<D: Driver>(session: &mut Session<D>, sql: &str, inside: bool, lost: Error) -> Result<Rows, Error> {
    let (insert, read) = (sql.starts_with("INSERT"), sql.starts_with("SELECT"));
    match planted() {
        // What has come is all there is.
        Defect::HalfReply if read => Ok(Rows::new()),
        Defect::CommitEarly if sql == "COMMIT" => Ok(Rows::new()),
        Defect::InsertRepeated if insert && !inside => again(session, sql),
        Defect::InsertMoved if insert && inside => again(session, sql),
        Defect::CommitRepeated if sql == "COMMIT" => again(session, sql),
        Defect::Reconnects => again(session, sql),
        Defect::LossShares if session.joins_another() => session.ask(sql),
        _ => Err(lost),
    }
}

/// The same on a new session.
fn again<D: Driver>(session: &mut Session<D>, sql: &str) -> Result<Rows, Error> {
    *session = Session::open(session.config())?;
    session.ask(sql)
}
