//! The coordinator's side: starts the supervisor, gives it orders and remembers what it reported.
//!
//! It must not know how the supervisor does its work. A thread of its own does nothing but wait for reports.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Exit, Launch, Order, ROLE, Report};
use crate::trouble::Trouble;

/// How long the supervisor may take to make the run directory, which includes sweeping what killed runs left.
const START: Duration = Duration::from_secs(30);

/// This binary.
const ITSELF: &str = "/proc/self/exe";

/// The supervisor of this run. Dropping it ends everything that it started.
pub(crate) struct Supervisor {
    run_dir: PathBuf,
    orders: Mutex<UnixStream>,
    news: Arc<News>,
    reader: Option<JoinHandle<()>>,
    process: Child,
    stop: &'static AtomicBool,
}

#[derive(Default)]
struct News {
    known: Mutex<Known>,
    changed: Condvar,
}

#[derive(Default)]
struct Known {
    answers: VecDeque<Result<u32, String>>,
    exits: HashMap<u32, Exit>,
    no_directory: Option<String>,
    gone: bool,
}

impl Supervisor {
    /// Starts the supervisor, which sweeps what killed runs left and makes the run directory. Whoever waits for a program gives up when
    /// `stop` is set.
    ///
    /// # Errors
    /// [`Trouble::RunDirectory`] where no directory can be made, [`Trouble::Supervisor`] where the process cannot be started.
    pub(crate) fn start(stop: &'static AtomicBool) -> Result<Self, Trouble> {
        Self::start_as(Path::new(ITSELF), stop)
    }

    /// The same, with another program as supervisor, and so as agent of every pool that this binary would run.
    ///
    /// # Errors
    /// As [`Supervisor::start`].
    pub(crate) fn start_as(program: &Path, stop: &'static AtomicBool) -> Result<Self, Trouble> {
        if std::env::var_os(ROLE).is_some() {
            // Without this a program that forgot to dispatch would start itself without end.
            return Err(lost(format!("was started, but {UNDISPATCHED}")));
        }
        let failed = |error: std::io::Error| lost(format!("cannot be started: {error}"));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let mut process = Command::new(program)
            .arg0("poolproof-supervisor")
            .env(ROLE, "supervisor")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let mut reports = BufReader::new(ours.try_clone().map_err(failed)?);
        match first_report(&mut reports) {
            Ok(run_dir) => {
                let news = Arc::new(News::default());
                let told = Arc::clone(&news);
                let read = move || listen(reports, &told);
                let reader = std::thread::Builder::new().name("supervisor".into()).spawn(read).map_err(failed)?;
                Ok(Self { run_dir, orders: Mutex::new(ours), news, reader: Some(reader), process, stop })
            }
            Err(trouble) => {
                drop((ours, reports));
                // It is our own child and not yet waited for, so the id is its own.
                let _ = process.kill();
                let _ = process.wait();
                Err(trouble)
            }
        }
    }

    /// The directory of this run: short enough for socket paths, open to other users by name only, removed at the end.
    pub(crate) fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// The program that supervisor and agents run, however it is called and even if it was replaced on the disk.
    pub(crate) fn program(&self) -> String {
        format!("/proc/{}/exe", self.process.id())
    }

    /// What ends the run when it is set.
    pub(crate) fn stop_flag(&self) -> &'static AtomicBool {
        self.stop
    }

    /// The run is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Starts a program as a child of the supervisor, and gives its process id.
    ///
    /// # Errors
    /// [`Trouble::Program`] if it cannot be started, [`Trouble::Supervisor`] if the supervisor is gone.
    pub(crate) fn spawn(&self, program: &Launch) -> Result<u32, Trouble> {
        let orders = locked(&self.orders); // held until the answer is there: answers carry no name
        order(&orders, &Order::Spawn(program.clone()))?;
        let mut known = locked(&self.news.known);
        loop {
            if let Some(answer) = known.answers.pop_front() {
                let name = program.argv.first().cloned().unwrap_or_default();
                return answer.map_err(|cause| Trouble::Program { program: name, cause });
            }
            known = self.more_news(known)?;
        }
    }

    /// Blocks until a program has exited, and says how.
    ///
    /// # Errors
    /// [`Trouble::Supervisor`] if the supervisor is gone.
    pub(crate) fn wait_exit(&self, pid: u32) -> Result<Exit, Trouble> {
        let mut known = locked(&self.news.known);
        loop {
            if let Some(exit) = known.exits.get(&pid) {
                return Ok(*exit);
            }
            known = self.more_news(known)?;
        }
    }

    /// How a program has exited; `None` while it runs.
    pub(crate) fn has_exited(&self, pid: u32) -> Option<Exit> {
        locked(&self.news.known).exits.get(&pid).copied()
    }

    /// Ends a program with `SIGKILL`, if it is still running.
    pub(crate) fn end(&self, pid: u32) {
        // Without a supervisor the kernel has ended its children already.
        let _ = order(&locked(&self.orders), &Order::End(pid));
    }

    /// The supervisor is still there.
    ///
    /// # Errors
    /// [`Trouble::Supervisor`] if it is gone: what it started is dying.
    pub(crate) fn check(&self) -> Result<(), Trouble> {
        if locked(&self.news.known).gone { Err(gone()) } else { Ok(()) }
    }

    /// Ends everything that was started and removes the run directory; when it returns, all of that is done.
    ///
    /// # Errors
    /// [`Trouble::RunDirectory`] if the directory could not be removed, [`Trouble::Supervisor`] if the supervisor was gone.
    pub(crate) fn finish(mut self) -> Result<(), Trouble> {
        self.check()?;
        self.stop();
        match locked(&self.news.known).no_directory.take() {
            Some(cause) => Err(Trouble::RunDirectory { cause }),
            None => Ok(()),
        }
    }

    fn more_news<'a>(&self, known: MutexGuard<'a, Known>) -> Result<MutexGuard<'a, Known>, Trouble> {
        if known.gone {
            return Err(gone());
        }
        Ok(self.news.changed.wait(known).unwrap_or_else(PoisonError::into_inner))
    }

    fn stop(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        let _ = locked(&self.orders).shutdown(Shutdown::Write);
        let _ = reader.join();
        let _ = self.process.wait();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop();
    }
}

fn first_report(reports: &mut BufReader<UnixStream>) -> Result<PathBuf, Trouble> {
    let mut line = String::new();
    let read = reports.get_ref().set_read_timeout(Some(START)).and_then(|()| reports.read_line(&mut line));
    let report = match read {
        Ok(0) => return Err(lost(format!("ended at once: {UNDISPATCHED}"))),
        Ok(_) => serde_json::from_str(&line),
        Err(error) => return Err(lost(format!("does not answer: {error}"))),
    };
    let endless = reports.get_ref().set_read_timeout(None);
    match (report, endless) {
        (Ok(Report::Ready(run_dir)), Ok(())) => Ok(run_dir),
        (Ok(Report::NoDirectory(cause)), _) => Err(Trouble::RunDirectory { cause }),
        _ => Err(lost(format!("answers with {line:?}: {UNDISPATCHED}"))),
    }
}

fn listen(reports: BufReader<UnixStream>, news: &News) {
    for line in reports.lines().map_while(Result::ok) {
        let Ok(report) = serde_json::from_str(&line) else { break };
        let mut known = locked(&news.known);
        match report {
            Report::Ready(_) => {}
            Report::Spawned(pid) => {
                // An earlier process may have had this id.
                known.exits.remove(&pid);
                known.answers.push_back(Ok(pid));
            }
            Report::NotSpawned(cause) => known.answers.push_back(Err(cause)),
            Report::Exited(pid, exit) => drop(known.exits.insert(pid, exit)),
            Report::NoDirectory(cause) => known.no_directory = Some(cause),
        }
        news.changed.notify_all();
    }
    locked(&news.known).gone = true;
    news.changed.notify_all();
}

fn order(orders: &UnixStream, order: &Order) -> Result<(), Trouble> {
    let mut line = serde_json::to_vec(order).map_err(|error| lost(format!("cannot be told that: {error}")))?;
    line.push(b'\n');
    super::process::send(orders, &line).map_err(|_| gone())
}

const UNDISPATCHED: &str = "the program must call `poolproof::assume_role` first in its `main`";

fn gone() -> Trouble {
    lost("is gone; if nobody ended it from outside, this is a bug of poolproof: run again, and report it".to_owned())
}

fn lost(cause: String) -> Trouble {
    Trouble::Supervisor { cause }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No invariant spans two fields, so a panic of another thread has broken none.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
