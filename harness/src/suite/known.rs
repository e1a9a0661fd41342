//! What is known to fail, and why: `known-failures.json`. An entry does not outlive what it speaks of.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::promise::Promise;
use crate::rules;

const FILE: &str = "known-failures.json";

/// The known failures of one pool.
#[derive(Debug)]
pub(super) struct Known {
    path: PathBuf,
    entries: Vec<Entry>,
}

/// A rule that a pool breaks although it was promised that it holds.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    pool: String,
    promise: String,
    rule: String,
    /// Why it is left so for now.
    reason: String,
}

impl Known {
    /// The entries of a pool in the file of a directory. Where there is no file nothing is known.
    ///
    /// # Errors
    /// A file that cannot be read, or speaks of what does not exist.
    pub(super) fn read(directory: &Path, pool: &str) -> Result<Self, String> {
        let path = directory.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => "[]".to_owned(),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let mut entries = parse(&text).map_err(|cause| format!("{}: {cause}", path.display()))?;
        entries.retain(|entry| entry.pool == pool);
        Ok(Self { path, entries })
    }

    /// The entries of a text. For tests.
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self { path: PathBuf::from(FILE), entries: parse(text).expect("valid") }
    }

    /// Where they stand.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Why a rule is broken under a promise, if that is known.
    pub(super) fn reason(&self, promise: Promise, rule: &str) -> Option<&str> {
        let entry = self.under(promise).find(|entry| entry.rule == rule);
        entry.map(|entry| entry.reason.as_str())
    }

    /// The rules that are known to be broken under a promise.
    pub(super) fn rules(&self, promise: Promise) -> impl Iterator<Item = &str> {
        self.under(promise).map(|entry| entry.rule.as_str())
    }

    fn under(&self, promise: Promise) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.promise == promise.name())
    }
}

/// The entry that makes a failure a known one.
pub(super) fn entry(pool: &str, promise: Promise, rule: &str) -> String {
    let [pool, promise, rule] = [pool, promise.name(), rule].map(str::to_owned);
    serde_json::to_string(&Entry { pool, promise, rule, reason: "…".to_owned() }).unwrap_or_default()
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (nth, entry) in entries.iter().enumerate() {
        entry.check().map_err(|cause| format!("entry {}: {cause}", nth + 1))?;
    }
    Ok(entries)
}

impl Entry {
    fn check(&self) -> Result<(), String> {
        let Self { promise, rule, reason, .. } = self;
        promise.parse::<Promise>().map_err(|error| error.to_string())?;
        rules::find(rule).ok_or_else(|| format!("there is no rule '{rule}'"))?;
        if reason.trim().is_empty() { Err("there is no reason".to_owned()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_entries_of_several_pools_and_each_its_own_reason() {
        let text = entry("mine", Promise::ChildDrops, "OWN-1").replace('…', "issue 7");
        let other = entry("other", Promise::ChildDrops, "LIV-2");
        let directory = std::env::temp_dir().join(format!("poolproof-known-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join(FILE), format!("[{text}, {other}]")).expect("a file");
        let known = Known::read(&directory, "mine");
        std::fs::remove_dir_all(&directory).expect("our own directory");
        let known = known.expect("valid");
        assert_eq!(known.reason(Promise::ChildDrops, "OWN-1"), Some("issue 7"));
        assert_eq!((known.reason(Promise::ChildDrops, "LIV-2"), known.reason(Promise::ChildLeaks, "OWN-1")), (None, None));
        assert_eq!(known.rules(Promise::ChildDrops).collect::<Vec<_>>(), ["OWN-1"]);
        assert_eq!(Known::read(&directory, "mine").expect("no file is no error").entries.len(), 0);
    }

    #[test]
    fn an_entry_speaks_of_what_exists() {
        let right = entry("mine", Promise::ChildDrops, "OWN-1");
        for (from, to, said) in [
            ("OWN-1", "OWN-9", "OWN-9"),
            ("child-drops", "child-drop", "the promises are"),
            ("…", " ", "no reason"),
            ("reason", "because", "because"),
        ] {
            let error = parse(&format!("[{right}, {}]", right.replace(from, to))).expect_err(to);
            assert!(error.contains(said), "{error}");
        }
    }
}
