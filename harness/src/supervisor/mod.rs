//! The small process that is the parent of everything a run starts, and ends all of it when the run ends, however that happens.
//!
//! The coordinator starts it first, from its own binary, and talks to it in JSON lines over a pair of sockets: the supervisor's
//! end is its standard input. When the coordinator's end is closed (by an orderly end, a panic, Ctrl-C or `kill -9`) it ends by
//! id every process that is left, and removes the run directory. It must not know what the programs are that it starts.

mod client;
mod leftovers;
mod process;
mod reaper;
mod run_dir;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use client::Supervisor;
pub(crate) use process::main;
pub(crate) use reaper::children;
#[cfg(feature = "containers")]
pub(crate) use run_dir::is_over;
pub(crate) use run_dir::random_name;

/// Names the role of a process that the coordinator started; see `role.rs`.
pub(crate) const ROLE: &str = "POOLPROOF_ROLE";

/// How long a program may take to undo what it made elsewhere.
const FAREWELL: Duration = Duration::from_secs(30);

/// A program to be started as a child of the supervisor. It ends with the supervisor: by `SIGKILL`, unless told otherwise.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Launch {
    /// The program, by its path, and its arguments. `/proc/self/exe` is the supervisor's own binary, which is the coordinator's
    /// unless that named another one.
    pub(crate) argv: Vec<String>,
    /// Environment variables, added to those of the coordinator.
    pub(crate) env: Vec<(String, String)>,
    /// Give it only the variables named in `env`.
    pub(crate) clean: bool,
    /// Its working directory; the coordinator's, if there is none.
    pub(crate) dir: Option<PathBuf>,
    /// User and group that it runs as, without further groups; the coordinator's, if there is none.
    pub(crate) user: Option<(u32, u32)>,
    /// The file that is its standard input; `/dev/null`, if there is none.
    pub(crate) input: Option<PathBuf>,
    /// The file to which its standard output and standard error are appended; `/dev/null`, if there is none.
    pub(crate) output: Option<PathBuf>,
    /// The signal that it gets if the supervisor itself is killed. For programs that leave something behind outside of the
    /// run directory when they are killed.
    pub(crate) orphaned: Option<i32>,
    /// It has made something that is no process below the supervisor: at the end of the run, too, it gets `SIGTERM` first, and time
    /// to undo that (`FAREWELL`).
    pub(crate) undoes: bool,
    /// Give it the same addresses at every start, where the system allows that.
    pub(crate) fixed_layout: bool,
    /// Run it on this processor alone, so that the order in which its threads run depends less on the machine.
    pub(crate) processor: Option<usize>,
    /// Make it the parent of those among its descendants whose parents end.
    pub(crate) adopts: bool,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Exit {
    /// With an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

/// What the coordinator asks for. It says that it is done by closing its end.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Spawn(Launch),
    End(u32),
}

/// What the supervisor says. Each `Spawn` is answered by `Spawned` or `NotSpawned`, in order.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Report {
    /// The first line: the run directory is there.
    Ready(PathBuf),
    Spawned(u32),
    NotSpawned(String),
    Exited(u32, Exit),
    /// The run directory could not be made, or not removed; the last line.
    NoDirectory(String),
}
