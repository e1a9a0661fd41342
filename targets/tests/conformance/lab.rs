//! The servers that all tests share, and the few things that tests do with them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify::{self, Cell};
use poolproof::execute::Weakness;
use poolproof::history::History;
use poolproof::interleaving::{Interleaving, parse};
use poolproof::{Config, Database, Promise, Target};

/// Nothing stops these runs.
pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

pub(crate) type Outcome = Result<(), Failed>;

/// One bench with a server for each database that has one.
pub(crate) struct Lab {
    bench: Mutex<Option<Bench>>,
    urls: Vec<(Database, String)>,
    missing: Vec<(Database, String)>,
}

/// How much is looked at: for every change, or in the night (`POOLPROOF_NIGHTLY=1`).
pub(crate) fn scaled(every_change: u64, nightly: u64) -> u64 {
    if is_nightly() { nightly } else { every_change }
}

pub(crate) fn is_nightly() -> bool {
    std::env::var_os("POOLPROOF_NIGHTLY").is_some_and(|value| value == "1")
}

/// What a database's tests need must be there (`POOLPROOF_REQUIRE=postgres,mysql`).
pub(crate) fn is_required(database: Database) -> bool {
    is_required_by_name(database.name())
}

/// The same of what is no database: `containers`, `fuzz`.
pub(crate) fn is_required_by_name(wanted: &str) -> bool {
    let required = std::env::var("POOLPROOF_REQUIRE").unwrap_or_default();
    required.split(',').any(|name| name == wanted)
}

/// Every target that these tests name.
pub(crate) fn targets() -> Vec<Target> {
    let mut targets = poolproof_targets::all();
    targets.extend(crate::misfits::targets());
    targets
}

pub(crate) fn target(name: &str) -> Target {
    targets().into_iter().find(|target| target.name() == name).expect("a target of these tests")
}

impl Lab {
    /// Starts the servers, or only looks at what is required.
    pub(crate) fn build(start: bool) -> &'static Self {
        let mut lab = Self { bench: Mutex::new(None), urls: Vec::new(), missing: Vec::new() };
        if start {
            let mut bench = Bench::start(&NEVER).expect("a supervisor");
            for database in [Database::Postgres, Database::MySql] {
                match bench.add_server(&ServerChoice::Local, database) {
                    Ok(()) => lab.urls.push((database, bench.url(database).expect("a server that was just added"))),
                    Err(trouble) => lab.missing.push((database, trouble.to_string())),
                }
            }
            lab.bench = Mutex::new(Some(bench));
        }
        Box::leak(Box::new(lab))
    }

    /// Ends the servers; a leaked bench would leave that to the end of the process.
    pub(crate) fn close(&self) {
        let bench = self.bench.lock().ok().and_then(|mut bench| bench.take());
        if let Some(bench) = bench {
            bench.finish().expect("everything can be removed");
        }
    }

    /// A test that needs a server for `database`.
    pub(crate) fn trial(
        &'static self,
        database: Database,
        name: impl Into<String>,
        test: impl FnOnce(&'static Self) -> Outcome + Send + 'static,
    ) -> Trial {
        let missing = self.missing.iter().find(|(missing, _)| *missing == database).map(|(_, why)| why.clone());
        let ignored = missing.is_some() && !is_required(database);
        Trial::test(name, move || match missing {
            Some(why) => Err(why.into()),
            None => test(self),
        })
        .with_ignored_flag(ignored)
    }

    /// The URL of the private server.
    pub(crate) fn url(&self, database: Database) -> &str {
        &self.urls.iter().find(|(known, _)| *known == database).expect("a server").1
    }

    /// How to connect to the private server.
    pub(crate) fn config(&self, database: Database) -> Result<Config, Failed> {
        let bench = self.bench.lock().map_err(|_| "the lab is broken")?;
        Ok(bench.as_ref().and_then(|bench| bench.direct_config(database)).ok_or("the lab is closed")?)
    }

    /// Asks the private PostgreSQL server.
    pub(crate) fn ask(&self, sql: &str) -> Result<poolproof::Rows, Failed> {
        let bench = self.bench.lock().map_err(|_| "the lab is broken")?;
        Ok(bench.as_ref().ok_or("the lab is closed")?.ask(Database::Postgres, sql)?)
    }

    /// A bench of its own on the shared server, so that tests do not disturb one another.
    pub(crate) fn bench(&self, database: Database, weakness: Weakness) -> Bench {
        let mut bench = Bench::start(&NEVER).expect("a supervisor");
        bench.add_server(&ServerChoice::Url(self.url(database).to_owned()), database).expect("the shared server");
        // The canary is caught first: a weakness that would blind it is no business of these tests.
        bench.weaken(weakness);
        bench
    }

    /// Executes interleavings and gives their histories.
    pub(crate) fn histories(&self, pool: &str, weakness: Weakness, interleavings: &[Interleaving]) -> Vec<History> {
        let target = target(pool);
        let bench = self.bench(target.database(), weakness);
        certify::execute(&bench, &target, interleavings).expect("an execution")
    }

    /// Certifies a pool under a promise.
    pub(crate) fn certify(&self, pool: &str, promise: Promise, seed: u64, cases: u64) -> Cell {
        let bench = self.bench(target(pool).database(), Weakness::default());
        crate::pools::certify(&bench, pool, promise, seed, cases)
    }

    /// The tool, with the shared PostgreSQL server.
    pub(crate) fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = tool();
        command.args(arguments).args(["--server", self.url(Database::Postgres)]);
        command
    }
}

/// A database of a test's own on the shared server, so that its sessions can be told from those of other tests.
pub(crate) struct OwnDatabase<'a> {
    lab: &'a Lab,
    name: String,
}

impl<'a> OwnDatabase<'a> {
    pub(crate) fn create(lab: &'a Lab, name: &str) -> Result<Self, Failed> {
        lab.ask(&format!("CREATE DATABASE {name}"))?;
        Ok(Self { lab, name: name.to_owned() })
    }

    pub(crate) fn url(&self) -> String {
        let url = self.lab.url(Database::Postgres);
        let (front, back) = url.split_once('?').expect("a URL with a socket");
        let (server, _) = front.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{}?{back}", self.name)
    }

    fn is_left(&self) -> Result<bool, Failed> {
        Ok(!self.lab.ask(&format!("SELECT pid FROM pg_stat_activity WHERE datname = '{}'", self.name))?.is_empty())
    }

    /// The bound that is promised: two seconds.
    pub(crate) fn becomes_free(&self) -> Outcome {
        let until = Instant::now() + Duration::from_secs(2);
        while self.is_left()? {
            ensure(Instant::now() < until, || "a session of the run is left after two seconds".to_owned())?;
        }
        Ok(())
    }
}

/// The tool as built for these tests.
pub(crate) fn tool() -> Command {
    Command::new(Path::new(env!("CARGO_BIN_EXE_poolproof")))
}

/// Runs a command that reads nothing.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdin(std::process::Stdio::null()).output().expect("the tool starts")
}

/// What it said, on either way.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// It ends with this code, and says these words.
pub(crate) fn says(command: &mut Command, code: i32, words: &[&str]) -> Outcome {
    let output = run(command);
    let text = text(&output);
    ensure(output.status.code() == Some(code), || format!("exit {:?}, not {code}: {text}", output.status))?;
    words.iter().try_for_each(|word| ensure(text.contains(word), || format!("'{word}' is missing in: {text}")))
}

pub(crate) fn interleaving(text: &str) -> Interleaving {
    parse(text).expect("a valid interleaving")
}

/// A directory that goes with the test.
pub(crate) fn scratch() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().to_owned();
    (directory, path)
}

/// Fails the test with a message unless a condition holds.
pub(crate) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(message().into()) }
}
