//! A session of a mutant: the neutral driver without its guard, behind a layer with the defects that a driver may have.

use std::any::Any;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use poolproof::neutral::{Connection, Driver, Status};
use poolproof::{Config, Error, ErrorKind, Rows};

use super::super::defect::{Defect, planted};
use super::super::planted;
use super::{CLOSED, flight, handlers, loss, wire, worker};

/// A session that may be shared by those who must not.
pub struct Session<D: Driver> {
    line: Arc<Mutex<Connection<D>>>,
    config: Config,
    /// The rows of the last answer.
    last: Option<Rows>,
    /// Settings were changed since it was fresh.
    marked: bool,
    /// A transaction was begun since it was fresh.
    began: bool,
    /// Its last holder's transaction is still open.
    leftover: bool,
}

/// A lock that every thread of a process takes, and that a child inherits as it is.
static LOCK: Mutex<()> = Mutex::new(());
/// Somebody opens a session.
static OPENING: AtomicBool = AtomicBool::new(false);
/// Every session that was opened, with its socket and its last words.
static OPENED: Mutex<Vec<Opened>> = Mutex::new(Vec::new());

struct Opened {
    /// Where its pool has its settings: no other pool has them there.
    pool: usize,
    line: Box<dyn Any + Send>,
    is_open: fn(&(dyn Any + Send)) -> bool,
    socket: i32,
    goodbye: Vec<u8>,
}

impl<D: Driver> planted::Session for Session<D> {
    fn connect(config: &Config, patience: Duration) -> Result<Self, Error> {
        let _lock = lock_if(&[Defect::LockAtConnect, Defect::ExitLocks]);
        match planted() {
            Defect::OpeningCopied => one_at_a_time(patience, || Self::open(config))?,
            Defect::WorkerMissing => {
                let config = config.clone();
                worker::have(move || Self::open(&config), patience)?
            }
            Defect::FlightReplayed => {
                let inherited = flight::inherited();
                inherited.iter().try_for_each(|sql| Self::open(config)?.line().query(sql).map(drop))?;
                Self::open(config)
            }
            _ => loss::connect(config),
        }
    }

    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        let lock = lock_if(&[Defect::LockAtStatement, Defect::LossKeepsLock]);
        let inside = self.line().status() == Status::Transaction;
        let locks = sql.contains("_lock") || sql.contains("_LOCK");
        let read = sql.starts_with("SELECT");
        self.marked |= sql.starts_with("SET") || locks;
        self.began |= sql == "BEGIN";
        match (planted(), sql) {
            (Defect::CommitUnsent, "COMMIT") | (Defect::BeginUnsent, "BEGIN") => return Ok(Rows::new()),
            (Defect::RollbackCommits, "ROLLBACK") => return self.line().query("COMMIT"),
            (Defect::AutocommitOff, _) if sql.starts_with("INSERT") && self.line().status() == Status::Idle => {
                self.line().query("BEGIN")?;
            }
            (Defect::ReadsShared, _) if read && !locks && !self.began => self.ask_another(sql),
            (Defect::TransactionLeft, _) if !read && std::mem::take(&mut self.leftover) => {
                self.line().query("ROLLBACK")?;
            }
            _ => {}
        }
        let forks = handlers::forks();
        let answer = self.ask(sql);
        if planted() == Defect::IdleEarly {
            wire::tell_of_reading();
        }
        let is_lost = answer.is_err() && self.line().is_broken();
        if is_lost && planted() == Defect::LossKeepsLock {
            std::mem::forget(lock);
        }
        match planted() {
            Defect::QueryInterrupted if handlers::forks() != forks => Err(Error::new(ErrorKind::Other, "interrupted by a fork")),
            Defect::StaleRows if read && is_lost && !CLOSED.load(Ordering::Relaxed) => self.last.clone().map_or(answer, Ok),
            _ if is_lost => answer.or_else(|error| loss::answer(self, sql, inside, error)),
            _ => {
                self.last = answer.as_ref().ok().filter(|_| read).cloned().or(self.last.take());
                answer
            }
        }
    }

    fn prepared(&mut self, sql: &str, argument: &str) -> Result<Rows, Error> {
        self.line().prepared(sql, argument)
    }

    fn reset(&mut self) -> Result<(), Error> {
        let _lock = lock_if(&[Defect::LockAtReset]);
        let open = self.line().status() == Status::Transaction;
        let marked = std::mem::take(&mut self.marked);
        self.began = false;
        match planted() {
            Defect::TransactionLeft if open && !marked => {
                self.leftover = true;
                Ok(())
            }
            Defect::SettingsLeft => self.roll_back(),
            Defect::LockLeft => self.roll_back().and_then(|()| self.line().query("RESET ALL").map(drop)),
            Defect::StaleStatement => self.roll_back().and_then(|()| self.line().query("DISCARD ALL").map(drop)),
            Defect::BrokenKept => self.line().reset().or(Ok(())),
            _ => self.line().reset(),
        }
    }

    fn cancel(&self) -> Result<(), Error> {
        self.line().cancel()
    }

    fn is_broken(&self) -> bool {
        match planted() {
            Defect::BrokenKept | Defect::ReplyUnread => return false,
            Defect::IdleEarly => wire::drain(self.line().as_fd()),
            _ => {}
        }
        self.line().is_broken()
    }

    fn abandon(self) {
        if let Ok(line) = Arc::try_unwrap(self.line) {
            line.into_inner().unwrap_or_else(PoisonError::into_inner).abandon();
        }
    }
}

impl<D: Driver> Session<D> {
    /// Opens a session, whatever others do.
    pub(super) fn open(config: &Config) -> Result<Self, Error> {
        let line = match planted() {
            Defect::NonceCopied => Connection::connect_with_copied_generator(config),
            _ => Connection::connect(config),
        }?;
        // The driver has a guard of its own, which would cover up for a pool that has none.
        let line = line.without_guard();
        if matches!(planted(), Defect::ExecKeeps | Defect::Outlives) {
            wire::keep_over_exec(line.as_fd());
        }
        if planted() == Defect::Outlives {
            start_a_program()?;
        }
        let socket = line.as_fd().as_raw_fd();
        let line = Arc::new(Mutex::new(line));
        let is_open = |line: &(dyn Any + Send)| line.downcast_ref::<Shared<D>>().is_some_and(|line| line.strong_count() > 0);
        let pool = std::ptr::from_ref(config).addr();
        opened().push(Opened { pool, line: Box::new(Arc::downgrade(&line)), is_open, socket, goodbye: D::goodbye() });
        Ok(Self { line, config: config.clone(), last: None, marked: false, began: false, leftover: false })
    }

    /// The session; nobody keeps it for longer than a call.
    pub(super) fn line(&self) -> MutexGuard<'_, Connection<D>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same session once more.
    pub(super) fn twin(&self) -> Self {
        Self {
            line: self.line.clone(),
            config: self.config.clone(),
            last: None,
            marked: self.marked,
            began: self.began,
            leftover: self.leftover,
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// From now on it is the same as another one of the pool. False if there is none.
    pub(super) fn joins_another(&mut self) -> bool {
        let other = self.eldest_other();
        let joins = other.is_some();
        self.line = other.unwrap_or_else(|| self.line.clone());
        joins
    }

    pub(super) fn ask(&self, sql: &str) -> Result<Rows, Error> {
        let mut line = self.line();
        let _landing = flight::starts(&line, sql);
        line.query(sql)
    }

    fn roll_back(&self) -> Result<(), Error> {
        let mut line = self.line();
        if line.status() == Status::Idle { Ok(()) } else { line.query("ROLLBACK").map(drop) }
    }

    /// Has the eldest of the pool's other sessions run it too, if that is at rest. What it answers nobody sees, and nothing is left there.
    fn ask_another(&self, sql: &str) {
        let Some(other) = self.eldest_other() else { return };
        let rests = |other: &MutexGuard<'_, Connection<D>>| other.status() == Status::Idle && !other.is_broken();
        if let Some(mut other) = other.try_lock().ok().filter(rests) {
            drop(other.query(sql));
        }
    }

    /// The session of the pool that was opened first, of those that are open and not this one.
    fn eldest_other(&self) -> Option<Arc<Mutex<Connection<D>>>> {
        let opened = opened();
        let lines = |opened: &Opened| Some((opened.pool, opened.line.downcast_ref::<Shared<D>>()?.upgrade()?));
        let open: Vec<_> = opened.iter().filter_map(lines).collect();
        let pool = open.iter().find(|(_, line)| Arc::ptr_eq(line, &self.line)).map(|(pool, _)| *pool)?;
        open.into_iter().find(|(other, line)| *other == pool && !Arc::ptr_eq(line, &self.line)).map(|(_, line)| line)
    }
}

type Shared<D> = Weak<Mutex<Connection<D>>>;

fn opened() -> MutexGuard<'static, Vec<Opened>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock_if(defects: &[Defect]) -> Option<MutexGuard<'static, ()>> {
    defects.contains(&planted()).then(|| LOCK.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Waits until nobody else opens a session; then does.
fn one_at_a_time<T>(patience: Duration, open: impl FnOnce() -> T) -> Result<T, Error> {
    let since = Instant::now();
    while OPENING.swap(true, Ordering::Acquire) {
        if since.elapsed() >= patience {
            return Err(Error::new(ErrorKind::TimedOut, "somebody else opens a session"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let done = open();
    OPENING.store(false, Ordering::Release);
    Ok(done)
}

/// A program that does nothing for a while, with all that it inherits.
fn start_a_program() -> Result<(), Error> {
    let mut program = Command::new("sleep");
    program.arg("30").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    program.spawn().map(drop).map_err(|error| Error::new(ErrorKind::Other, error))
}

/// An exit handler.
pub(super) extern "C" fn say_goodbye_everywhere() {
    for opened in opened().iter().filter(|opened| (opened.is_open)(&*opened.line)) {
        // SAFETY: the session is open, so its descriptor is.
        wire::send(unsafe { BorrowedFd::borrow_raw(opened.socket) }, &opened.goodbye);
    }
}

/// An exit handler.
pub(super) extern "C" fn take_the_lock() {
    drop(LOCK.lock());
}
