//! The only stage with effects: carries an interleaving out in real processes against a server, and gives its history.
//!
//! It never judges. `Executor` is one worker: one thread, one loop, one agent, one tap.

mod addresses;
mod administrator;
mod beside;
mod births;
mod bounds;
mod case;
mod connection;
mod ending;
mod epilogue;
mod faults;
mod flight;
mod hanging;
mod log;
mod output;
mod people;
mod pooled;
mod reactor;
mod stalling;
mod stuck;
mod task;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::agent::protocol::{Order, Task};
use crate::choice::Pooling;
use crate::history::History;
use crate::interleaving::{Interleaving, Op};
use crate::limits;
use crate::pool::Config;
use crate::server::admin::Admin;
use crate::server::{Address, Server};
use crate::sql::Dialect;
use crate::supervisor::{Launch, Supervisor};
pub use crate::tap::TapShim;
use crate::tap::{Entrance, Tap};
use crate::target::Target;
use crate::transport::Transport;
use crate::trouble::Trouble;
use addresses::{administrator_socket, config};
pub(crate) use addresses::{socket_name, upstream};
use beside::{Beside, Seat};
use births::BIRTH;
use bounds::Bounds;
pub(crate) use bounds::Effort;
use case::Case;
use log::Log;
use reactor::{Notice, Reactor};

/// Weaknesses that tests give the executor, to prove that each would be noticed. All off in real use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weakness {
    /// The tap's.
    pub tap: TapShim,
    /// The epilogue ends the oldest process first.
    pub oldest_first: bool,
    /// Control messages are appended before the tap was drained.
    pub control_first: bool,
    /// The ledger is read before the last EOF.
    pub ledger_early: bool,
    /// Pools connect to the server itself.
    pub untapped: bool,
}

impl Weakness {
    fn tapped(self) -> bool {
        !self.untapped
    }
}

/// One worker.
pub(crate) struct Executor<'a> {
    reactor: Reactor,
    supervisor: &'a Supervisor,
    agent: u32,
    config: Config,
    dialect: Dialect,
    weakness: Weakness,
    runs: Runs<'a>,
    stop: &'a AtomicBool,
    directory: PathBuf,
    /// The server is embedded.
    inside: bool,
    /// The server is a pooler.
    pooling: Option<Pooling>,
    /// Where the agent runs.
    seat: Seat,
}

/// Where run numbers come from: they are unique within a ledger.
pub(crate) type Runs<'a> = &'a std::sync::atomic::AtomicU32;

/// What every executor of a run shares.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The process that cleans up.
    pub(crate) supervisor: &'a Supervisor,
    /// The server.
    pub(crate) server: &'a Server,
    /// What carries the pool's sessions.
    pub(crate) transport: Transport,
    /// The name of the run's ledger on it.
    pub(crate) ledger: &'a str,
    /// The next run's number.
    pub(crate) runs: &'a std::sync::atomic::AtomicU32,
    /// Set by Ctrl-C.
    pub(crate) stop: &'a AtomicBool,
    /// For tests.
    pub(crate) weakness: Weakness,
}

impl<'a> Executor<'a> {
    /// Starts the agent of `target` and everything between it and the server.
    ///
    /// # Errors
    /// What the environment refuses.
    pub(crate) fn start(target: &Target, around: Surroundings<'a>) -> Result<Self, Trouble> {
        let number = around.runs.fetch_add(1, Ordering::Relaxed);
        let directory = around.supervisor.run_dir().join(format!("w{number}"));
        std::fs::create_dir(&directory).map_err(|error| Trouble::directory(&directory, error))?;
        let database = target.database();
        let socket = directory.join(socket_name(database));
        let transport = around.transport;
        let administered = around.server.administered();
        let administrator = administrator_socket(&upstream(&administered, Transport::Unix)?)?;
        let administrator = (administrator, Admin::new(&administered));
        let entrance = if transport.shows_writers() { Entrance::Socket(&socket) } else { Entrance::Loopback };
        let tap = Tap::listen(entrance, database, upstream(around.server, transport)?, around.weakness.tap)
            .map_err(|error| Trouble::system("listen for the pool", error))?;
        let tapped = config(around.server, transport, socket.clone(), &tap)?;
        let control = directory.join("control");
        let output = directory.join("output");
        let mut reactor = Reactor::new(&control, &output, tap, administrator)?;
        reactor.control_first = around.weakness.control_first;
        reactor.successor = around.supervisor.program();
        if !transport.shows_frames() {
            reactor.log = Log::of(around.server.log.as_deref());
        }
        let dialect = Dialect::new(database, around.ledger.to_owned());
        let inside = around.server.address == Address::Inside;
        if inside {
            dialect.prepare_ledger().iter().try_for_each(|sql| reactor.ask_now(sql).map(drop))?;
        }
        let seat = Seat::take(number as usize);
        let files = lay_out(target, &directory)?;
        let agent = around.supervisor.spawn(&launch(target, &files, (&control, output), seat.processor))?;
        let config = if around.weakness.untapped { around.server.direct_config() } else { tapped };
        let mut executor = Self {
            reactor,
            supervisor: around.supervisor,
            agent,
            config,
            dialect,
            weakness: around.weakness,
            runs: around.runs,
            stop: around.stop,
            directory,
            inside,
            pooling: around.server.pooler.as_ref().map(|pooler| pooler.pooling),
            seat,
        };
        executor.await_zygote()?;
        Ok(executor)
    }

    /// Brings the calling thread to the agent's processor until the guard is dropped.
    pub(crate) fn beside_agent(&self) -> Beside {
        Beside::on(self.seat.processor, None)
    }

    /// The same for the main thread of this process, where another one calls the executor and waits for it by turns.
    #[cfg(feature = "fuzz")]
    pub(crate) fn main_thread_beside_agent(&self) -> Beside {
        Beside::on(self.seat.processor, Some(rustix::process::getpid()))
    }

    fn await_zygote(&mut self) -> Result<(), Trouble> {
        let until = Instant::now() + START;
        let (mut history, mut notices) = (History::default(), Vec::new());
        while !notices.iter().any(|notice| matches!(notice, Notice::Zygote)) {
            self.check_stop()?;
            if let Some(exit) = self.supervisor.has_exited(self.agent) {
                return Err(Trouble::Agent(format!("it ended at its start ({exit}){}", self.reactor.last_words())));
            }
            if Instant::now() > until {
                return Err(Trouble::Agent(format!("it did not say hello within {START:?}{}", self.reactor.last_words())));
            }
            self.reactor.turn(LOOK, &mut history, &mut notices)?;
        }
        Ok(())
    }

    fn check_stop(&self) -> Result<(), Trouble> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Trouble::Interrupted),
            false => Ok(()),
        }
    }

    /// Carries an interleaving out.
    ///
    /// # Errors
    /// What ends the whole run: an agent that dies, a server that goes away, a driver that goes around the tap, Ctrl-C.
    pub(crate) fn execute(&mut self, interleaving: &Interleaving, effort: Effort) -> Result<History, Trouble> {
        self.execute_until(interleaving, effort, |_| false)
    }

    /// Carries an interleaving out; where it would have to wait, `enough` is asked whether what has happened so far will do. If so,
    /// its processes are ended, and the history is that much.
    ///
    /// # Errors
    /// As [`Executor::execute`].
    pub(crate) fn execute_until(
        &mut self,
        interleaving: &Interleaving,
        effort: Effort,
        mut enough: impl FnMut(&History) -> bool,
    ) -> Result<History, Trouble> {
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        self.reactor.reset();
        let config = Config { max_size: interleaving.max_size, ..self.config.clone() };
        self.reactor.order(None, &Order { id: BIRTH, task: Task::Case { case: number, config } })?;
        let bounds = Bounds::of(effort, self.inside);
        let dialect = self.dialect.clone();
        let mut case = Case::new(number, interleaving, &dialect, bounds, self.weakness, self.config.transport);
        case.stands_before(self.pooling);
        let born_until = Instant::now() + START;
        let mut quiet = limits::QUIET;
        let mut notices = Vec::new();
        let mut asked = 0;
        let mut cut = None;
        while !case.is_over() {
            self.check_stop()?;
            let pause = if case.is_settling() { SETTLE } else { quiet };
            let patience = case.next_look().saturating_duration_since(Instant::now()).min(pause);
            let nothing = self.reactor.turn(patience, &mut case.history, &mut notices)?;
            for notice in notices.drain(..) {
                case.notice(notice, &mut self.reactor)?;
            }
            if self.weakness.control_first {
                self.reactor.drain_late(&mut case.history)?;
            }
            case.settle_waiters(&self.reactor);
            quiet = match nothing {
                true if case.is_settling() => quiet,
                true => {
                    let events = case.history.events().len();
                    let news = events > std::mem::replace(&mut asked, events);
                    if cut.is_none() && news && case.can_be_cut() && enough(&case.history) {
                        cut = Some(case.cut(&mut self.reactor));
                    } else {
                        case.look(&mut self.reactor);
                    }
                    (quiet * 2).min(LOOK)
                }
                false => {
                    case.look_away();
                    limits::QUIET
                }
            };
            case.expire(&mut self.reactor)?;
            case.advance(&mut self.reactor)?;
            if case.history.events().is_empty() && Instant::now() > born_until {
                let message = "the first process of a case did not say hello within";
                return Err(Trouble::Agent(format!("{message} {START:?}{}", self.reactor.last_words())));
            }
        }
        let history = cut.unwrap_or(case.history);
        let inserts = interleaving.steps.iter().any(|step| matches!(step.op, Op::Insert(_)));
        if self.inside && inserts {
            self.reactor.ask_now(&dialect.clear_ledger(number))?;
        }
        Ok(history)
    }

    /// The last of what the pool printed.
    pub(crate) fn printed(&self) -> String {
        self.reactor.printed()
    }
}

impl Drop for Executor<'_> {
    fn drop(&mut self) {
        self.supervisor.end(self.agent);
        // What cannot be removed now goes with the run directory.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Between two looks at somebody who must come to wait.
const SETTLE: Duration = Duration::from_micros(200);
/// The longest wait before Ctrl-C is looked for again.
const LOOK: Duration = Duration::from_millis(200);
/// How long an agent or a case may take to start.
const START: Duration = Duration::from_secs(30);

/// Writes the files that a program needs, and gives their paths by their names.
fn lay_out(target: &Target, directory: &Path) -> Result<Vec<(&'static str, PathBuf)>, Trouble> {
    let files = target.program().map_or(&[][..], |program| &program.files);
    let place = |(name, text): &'static (String, String)| {
        let path = directory.join(name);
        std::fs::write(&path, text).map_err(|error| Trouble::directory(&path, error))?;
        Ok((name.as_str(), path))
    };
    files.iter().map(place).collect()
}

fn launch(target: &Target, files: &[(&str, PathBuf)], (control, output): (&Path, PathBuf), processor: Option<usize>) -> Launch {
    let mut env = crate::role::agent_environment(target.name(), control);
    let argv = match target.program() {
        Some(program) => {
            env.extend(program.environment.iter().cloned());
            let path = |word: &String| files.iter().find(|(name, _)| name == word).map(|(_, path)| path.display().to_string());
            program.argv.iter().map(|word| path(word).unwrap_or_else(|| word.clone())).collect()
        }
        None => vec!["/proc/self/exe".to_owned()],
    };
    // What depends on addresses, or on which of two threads runs first, is as far as possible the same in every replay.
    Launch { argv, env, output: Some(output), fixed_layout: true, processor, adopts: true, ..Launch::default() }
}
