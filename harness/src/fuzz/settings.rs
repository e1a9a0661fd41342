//! What the environment and libFuzzer's own words say of a run.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::choice::ServerChoice;
use crate::pool::Database;
use crate::promise::Terms;

/// The pool; without it the first of the target's.
const POOL: &str = "POOLPROOF_FUZZ_POOL";
/// What the application promises; without it each input says it.
const PROMISE: &str = "POOLPROOF_FUZZ_PROMISE";
/// The server.
const SERVER: &str = "POOLPROOF_SERVER";
/// The program that supervisor and agents run.
const AGENT: &str = "POOLPROOF_FUZZ_AGENT";
/// Where findings go.
const OUT: &str = "POOLPROOF_FUZZ_OUT";
/// The run goes on after a new finding.
const KEEP_GOING: &str = "POOLPROOF_FUZZ_KEEP_GOING";
/// The most bytes that findings may take on the disk.
const QUOTA: &str = "POOLPROOF_FUZZ_QUOTA";
/// Nothing but chance: each input is a random interleaving. For comparison.
const UNGUIDED: &str = "POOLPROOF_FUZZ_UNGUIDED";
/// For a test: after so many executions the worker panics.
const PANIC: &str = "POOLPROOF_TEST_FUZZ_PANIC";

const USUAL_QUOTA: u64 = 64 << 20;

/// What libFuzzer was called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To search.
    Search,
    /// To show what certain inputs do, or to make one of them smaller: what fails is a crash, known or not.
    Reproduce,
    /// To look which inputs reach what (`cmin`): what fails is no matter.
    Survey,
}

/// One run's settings.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) pool: String,
    pub(super) terms: Option<Terms>,
    pub(super) server: ServerChoice,
    pub(super) agent: PathBuf,
    pub(super) out: PathBuf,
    pub(super) keep_going: bool,
    /// In bytes.
    pub(super) quota: u64,
    pub(super) guided: bool,
    pub(super) purpose: Purpose,
    /// For a test: the worker panics after so many executions.
    pub(super) panics_after: Option<u64>,
}

impl Settings {
    /// Reads them. `pools` are those of the target, by name; one that ends in `*` stands for all that begin so. `home` is the directory
    /// of the fuzz workspace.
    ///
    /// # Errors
    /// A word that makes no sense, an agent that was not built; in words for the user.
    pub(super) fn read(pools: &[&str], home: &Path, arguments: &[String]) -> Result<Self, String> {
        let pool = text(POOL)?.unwrap_or_else(|| pools.first().copied().unwrap_or_default().to_owned());
        let is = |known: &&str| known.strip_suffix('*').map_or(*known == pool, |start| pool.starts_with(start));
        if !pools.iter().any(is) {
            return Err(format!("{POOL}: '{pool}' is none of this target's pools: {}", pools.join(", ")));
        }
        Ok(Self {
            pool: pool.trim_end_matches('*').to_owned(),
            terms: parsed(PROMISE)?,
            server: parsed(SERVER)?.unwrap_or(ServerChoice::Embedded),
            agent: agent(home)?,
            out: std::env::var_os(OUT).map_or_else(|| usual_out(home), PathBuf::from),
            keep_going: flag(KEEP_GOING)?,
            quota: parsed(QUOTA)?.unwrap_or(USUAL_QUOTA),
            guided: !flag(UNGUIDED)?,
            purpose: purpose(arguments),
            panics_after: parsed(PANIC)?,
        })
    }

    /// What the pool speaks: its name says so, as a test of the targets holds.
    pub(super) fn database(&self) -> Database {
        database_of(&self.pool)
    }
}

/// The database of a pool, by its name: those for MySQL have it in theirs.
pub fn database_of(pool: &str) -> Database {
    if pool.contains("mysql") { Database::MySql } else { Database::Postgres }
}

fn text(variable: &str) -> Result<Option<String>, String> {
    match std::env::var(variable) {
        Ok(word) if word.is_empty() => Ok(None),
        Ok(word) => Ok(Some(word)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{variable}: {error}")),
    }
}

fn parsed<T: FromStr>(variable: &str) -> Result<Option<T>, String>
where
    T::Err: std::fmt::Display,
{
    text(variable)?.map(|word| word.parse().map_err(|error| format!("{variable}='{word}': {error}"))).transpose()
}

fn flag(variable: &str) -> Result<bool, String> {
    match text(variable)?.as_deref() {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(word) => Err(format!("{variable}='{word}': expected 1 or 0")),
    }
}

fn agent(home: &Path) -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(AGENT) {
        let named = PathBuf::from(named);
        return if named.is_file() { Ok(named) } else { Err(format!("{AGENT}: there is no program {}", named.display())) };
    }
    let built = ["release", "debug"].map(|profile| home.join("../target").join(profile).join("poolproof"));
    let found = beside().into_iter().chain(built).find(|path| path.is_file());
    found.ok_or_else(|| format!("no agent: build it with `cargo build --release`, or name the program poolproof in {AGENT}"))
}

/// The agent where it was taken to another machine together with the fuzzer.
fn beside() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok()?.with_file_name("poolproof");
    beside.is_file().then_some(beside)
}

/// Where findings go if nobody says it. What was taken to another machine has no workspace there, only a directory for what is temporary.
fn usual_out(home: &Path) -> PathBuf {
    if beside().is_some() { std::env::temp_dir().join("poolproof-findings") } else { home.join("findings") }
}

fn purpose(arguments: &[String]) -> Purpose {
    let (words, places): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| word.starts_with('-'));
    let has = |start: &str| words.iter().any(|word| word.starts_with(start) && !word.ends_with("=0"));
    let files = !places.is_empty() && places.iter().all(|place| Path::new(place).is_file());
    if has("-merge") {
        Purpose::Survey
    } else if has("-minimize_crash") || files {
        Purpose::Reproduce
    } else {
        Purpose::Search
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libfuzzers_words_say_what_it_was_called_for() {
        let of = |words: &[&str]| purpose(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let folder = env!("CARGO_MANIFEST_DIR");
        assert_eq!(of(&["-runs=5"]), Purpose::Search);
        assert_eq!(of(&["-merge=0", folder]), Purpose::Search);
        assert_eq!(of(&["-merge=1", folder]), Purpose::Survey);
        assert_eq!(of(&["-runs=1", file]), Purpose::Reproduce);
        assert_eq!(of(&["-minimize_crash_internal_step=1", folder]), Purpose::Reproduce);
    }
}
