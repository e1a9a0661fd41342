//! What a suite is to do: the author's words, then the environment's.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::choice::ServerChoice;
use crate::pool::Database;
use crate::promise::Promise;
use crate::rules;
use crate::words::duration;

/// The editions that can be asked for.
const EDITIONS: [&str; 1] = [rules::EDITION];
const BUDGET: Duration = Duration::from_secs(20);
const CASES: u64 = 200;

/// What a suite is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// What may fail, each once.
    pub(super) promised: Vec<Promise>,
    /// Where it is judged.
    pub(super) servers: Vec<ServerChoice>,
    /// The seed of the random interleavings.
    pub(super) seed: u64,
    /// How many interleavings for each promise.
    pub(super) cases: u64,
    /// How long all promised tests may search.
    pub(super) budget: Duration,
    /// The edition of the rules.
    pub(super) edition: String,
    /// Where failures are saved.
    pub(super) directory: PathBuf,
    /// A file that is replayed in place of all tests.
    pub(super) replay: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            promised: Vec::new(),
            servers: vec![ServerChoice::Embedded],
            seed: 1,
            cases: CASES,
            budget: BUDGET,
            edition: rules::EDITION.to_owned(),
            directory: PathBuf::from("tests/poolproof"),
            replay: None,
        }
    }
}

/// A variable's value, if it has one.
type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Settings {
    /// Promises more.
    pub(super) fn promise(&mut self, promises: impl IntoIterator<Item = Promise>) {
        for promise in promises {
            if !self.promised.contains(&promise) {
                self.promised.push(promise);
            }
        }
    }

    /// The same with what the environment says, which is read from `variables`.
    ///
    /// # Errors
    /// A variable or an edition that cannot be understood.
    pub(super) fn in_environment(mut self, database: Database, variables: Variables) -> Result<Self, String> {
        if !EDITIONS.contains(&self.edition.as_str()) {
            return Err(format!("unknown edition '{}' of the rules; the editions are {}", self.edition, EDITIONS.join(", ")));
        }
        if let Some(servers) = servers(database, variables)? {
            self.servers = servers;
        }
        self.seed = number("POOLPROOF_SEED", variables)?.unwrap_or(self.seed);
        self.cases = number("POOLPROOF_CASES", variables)?.unwrap_or(self.cases);
        if let Some(word) = text("POOLPROOF_BUDGET", variables)? {
            self.budget = duration(&word).map_err(|wrong| format!("POOLPROOF_BUDGET is '{word}': {wrong}"))?;
        }
        self.replay = variables("POOLPROOF_REPLAY").filter(|file| !file.is_empty()).map(PathBuf::from);
        // Cargo runs tests in the package's directory and says which it is; a program that is run by hand is where it is.
        let package = variables("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let directory = package.unwrap_or_default().join(&self.directory);
        // A command that names a file in it works everywhere.
        self.directory = std::path::absolute(&directory).unwrap_or(directory);
        Ok(self)
    }

    /// The part of the budget that each promised test has.
    #[cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]
    pub(super) fn share(&self) -> Duration {
        let tests = self.promised.len() * self.servers.len();
        self.budget / u32::try_from(tests).unwrap_or(u32::MAX).max(1)
    }
}

/// The servers for a database. A URL of another database is meant for another suite of the same run.
fn servers(database: Database, variables: Variables) -> Result<Option<Vec<ServerChoice>>, String> {
    let Some(words) = text("POOLPROOF_SERVER", variables)? else { return Ok(None) };
    let mut servers = Vec::new();
    for word in words.split_whitespace() {
        let choice = ServerChoice::from_str(word).map_err(|wrong| format!("POOLPROOF_SERVER is not understood: {wrong}"))?;
        if choice.database().is_none_or(|of| of == database) && !servers.contains(&choice) {
            servers.push(choice);
        }
    }
    Ok(Some(servers).filter(|servers| !servers.is_empty()))
}

fn number(name: &str, variables: Variables) -> Result<Option<u64>, String> {
    let wrong = |word: &str| format!("{name} is '{word}': expected a number");
    text(name, variables)?.map(|word| word.parse().map_err(|_| wrong(&word))).transpose()
}

fn text(name: &str, variables: Variables) -> Result<Option<String>, String> {
    let value = variables(name).filter(|value| !value.is_empty());
    value.map(|value| value.into_string().map_err(|_| format!("{name} is no text"))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        Settings::default().in_environment(Database::Postgres, &value)
    }

    #[test]
    fn the_environment_has_the_last_word() {
        let variables = [
            ("POOLPROOF_SEED", "7"),
            ("POOLPROOF_CASES", "9"),
            ("POOLPROOF_BUDGET", "3s"),
            ("POOLPROOF_REPLAY", "a b"),
            ("CARGO_MANIFEST_DIR", "/here"),
        ];
        let settings = read(&variables).expect("valid");
        assert_eq!((settings.seed, settings.cases, settings.budget), (7, 9, Duration::from_secs(3)));
        assert_eq!(settings.replay, Some(PathBuf::from("a b")));
        assert_eq!(settings.directory, PathBuf::from("/here/tests/poolproof"));
        assert_eq!(read(&[("POOLPROOF_SEED", "")]), read(&[]));
    }

    /// A URL of the other database leaves this suite as it was.
    #[test]
    fn the_servers_are_those_of_this_database() {
        let servers = |words: &str| read(&[("POOLPROOF_SERVER", words)]).expect("valid").servers;
        let url = "postgres://me@here/db";
        assert_eq!(
            servers(&format!("embedded local {url} mysql://me@here/db local")),
            [ServerChoice::Embedded, ServerChoice::Local, ServerChoice::Url(url.to_owned())]
        );
        assert_eq!(servers("mysql://me@here/db"), [ServerChoice::Embedded]);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (name, value, word) in [
            ("POOLPROOF_SERVER", "remote", "`embedded`"),
            ("POOLPROOF_SEED", "one", "'one'"),
            ("POOLPROOF_CASES", "-1", "'-1'"),
            ("POOLPROOF_BUDGET", "20", "500ms"),
        ] {
            let error = read(&[(name, value)]).expect_err(name);
            assert!(error.contains(name) && error.contains(word), "{error}");
        }
    }

    #[test]
    fn an_edition_that_nobody_knows_is_an_error_that_names_those_that_are_known() {
        let old = Settings { edition: "2025.1".to_owned(), ..Settings::default() };
        let error = old.in_environment(Database::Postgres, &|_| None).expect_err("unknown");
        assert!(error.contains("'2025.1'") && error.contains(rules::EDITION), "{error}");
    }

    #[test]
    fn the_budget_is_shared_by_what_can_fail() {
        let mut settings = read(&[("POOLPROOF_SERVER", "embedded local")]).expect("valid");
        settings.promise([Promise::ThreadsOnly, Promise::ExecOnly, Promise::ThreadsOnly]);
        assert_eq!(settings.share(), Duration::from_secs(5));
        assert_eq!(Settings::default().share(), BUDGET);
    }
}
