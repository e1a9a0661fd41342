//! A pool's own tests: one for each promise and server, under plain `cargo test` and under `cargo nextest run`.
//!
//! The target of the tests has a `main` of its own (`harness = false` in its `[[test]]`), and this is all of it:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use poolproof::{Config, Connection, Database, Error, Pool, Rows};
//! # struct MyPool;
//! # struct MyConnection;
//! # impl Connection for MyConnection {
//! #     fn query(&mut self, _sql: &str) -> Result<Rows, Error> { Ok(Vec::new()) }
//! # }
//! # impl Pool for MyPool {
//! #     type Connection = MyConnection;
//! #     const DATABASE: Database = Database::Postgres;
//! #     fn open(_config: &Config) -> Result<Self, Error> { Ok(Self) }
//! #     fn checkout(&self, _patience: Duration) -> Result<MyConnection, Error> { Ok(MyConnection) }
//! # }
//! use poolproof::Promise::{DisposeBeforeFork, ThreadsOnly};
//!
//! fn main() -> std::process::ExitCode {
//!     poolproof::suite::<MyPool>("my-pool").promises([ThreadsOnly, DisposeBeforeFork]).run()
//! }
//! ```
//!
//! Only what is promised can fail. Every other promise is listed as ignored, with what a glance shows of it today; run by name with
//! `--ignored` or `--include-ignored` it is searched in full and reports what it found, and still passes. A run that exercised too
//! little, or has no verdict, says so on the standard error and passes too.
//!
//! Failures are saved below `tests/poolproof/failures/` of the package and run first the next time. What is known to fail stands in
//! `tests/poolproof/known-failures.json`, each with its reason: it does not fail its test, but once it passes it has to be removed.
//!
//! The environment has the last word: see [`Suite`].

mod settings;

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod again;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod judge;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod known;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod signals;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod stage;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod trials;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Trial};

use crate::pool::Pool;
use crate::promise::Promise;
use crate::target::Target;
use settings::Settings;

/// libtest's exit code where something failed.
const FAILED: u8 = 101;

/// The tests of one pool. The name, without blanks, is that of the tests and of the directory of its failures.
///
/// It promises nothing at first: see [`Suite::promises`].
pub fn suite<P: Pool>(name: &'static str) -> Suite {
    of(Target::of::<P>(name, "the pool under test"))
}

/// The tests of a target. For poolproof's own tests.
#[doc(hidden)]
pub fn of(target: Target) -> Suite {
    Suite { target, settings: Settings::default() }
}

/// The tests of one pool, see [`suite`].
///
/// | in the environment | what it does |
/// | --- | --- |
/// | `POOLPROOF_SERVER` | servers to judge on, with blanks between them: `embedded`, `local`, `container` (feature `containers`), or a URL; `embedded` if none is named |
/// | `POOLPROOF_SEED`, `POOLPROOF_CASES`, `POOLPROOF_BUDGET` | in place of [`Suite::seed`], [`Suite::cases`] and [`Suite::budget`] |
/// | `POOLPROOF_REPLAY` | a saved failure that is replayed in place of all tests |
#[derive(Debug)]
#[must_use = "nothing happens before `run`"]
pub struct Suite {
    target: Target,
    settings: Settings,
}

impl Suite {
    /// What the pool's documentation allows an application to do around a fork. Whatever breaks a MUST under one of these promises
    /// fails its test.
    pub fn promises(mut self, promises: impl IntoIterator<Item = Promise>) -> Self {
        self.settings.promise(promises);
        self
    }

    /// What the random interleavings are made from. Without it 1, so that each run does the same.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// How many interleavings for each promise. Without it 200.
    pub fn cases(mut self, cases: u64) -> Self {
        self.settings.cases = cases;
        self
    }

    /// How long all promised tests may search together. Without it 20 seconds; each test has an equal part of them, and says so if it
    /// was cut short. Confirming and shrinking what was found takes what it takes.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.settings.budget = budget;
        self
    }

    /// The edition of the rules that the pool is held to: a rule that is new among the MUST enters only a new one. Without it the
    /// newest.
    pub fn edition(mut self, edition: &str) -> Self {
        self.settings.edition = edition.to_owned();
        self
    }

    /// Where failures are saved and what is known of them stands. Without it `tests/poolproof` of the package.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.settings.directory = directory.into();
        self
    }

    /// Runs what the command line asks for, as libtest would, and gives libtest's exit codes.
    ///
    /// Call it first in `main`, before threads are started: the same program is its own agent and supervisor.
    pub fn run(self) -> ExitCode {
        crate::assume_role(&[self.target]);
        let arguments = Arguments::from_args();
        match self.settings.in_environment(self.target.database(), &|name| std::env::var_os(name)) {
            Ok(settings) if can_run() => begin(arguments, self.target, settings),
            Ok(_) => libtest_mimic::run(&arguments, vec![needs_linux()]).exit_code(),
            Err(message) => refuse(&message),
        }
    }
}

/// Miri executes no system call that poolproof rests on.
fn can_run() -> bool {
    cfg!(all(target_os = "linux", not(poolproof_elsewhere), not(miri)))
}

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn begin(arguments: Arguments, target: Target, settings: Settings) -> ExitCode {
    match known::Known::read(&settings.directory, target.name()) {
        Ok(known) => trials::run(arguments, stage::Stage::new(target, settings, known)),
        Err(message) => refuse(&message),
    }
}

#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn begin(_arguments: Arguments, _target: Target, _settings: Settings) -> ExitCode {
    refuse("needs Linux")
}

/// Only Linux says which process wrote which bytes.
fn needs_linux() -> Trial {
    Trial::test("needs Linux", || Ok(())).with_ignored_flag(true)
}

/// The tests themselves are wrong, or their environment is.
fn refuse(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    FAILED.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_can_be_run_there_is_one_ignored_test() {
        assert_eq!(can_run(), cfg!(all(target_os = "linux", not(poolproof_elsewhere), not(miri))));
        let arguments = Arguments::default();
        let conclusion = libtest_mimic::run(&arguments, vec![needs_linux()]);
        assert_eq!((conclusion.num_ignored, conclusion.num_passed, conclusion.num_failed), (1, 0, 0));
    }
}
