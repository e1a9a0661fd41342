//! Findings on disk: `DIR/POOL/PROMISE.RULE.WAY.interleaving`, whole or not at all.
//!
//! What fails is first laid down as it is, in a directory of this run below `DIR/POOL/pending`, before it is shrunk or told. A run that
//! was killed leaves it there, and the next one takes it up. Several runs may share one directory: who finds the same first has found it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::corpus;
use crate::interleaving::Interleaving;
use crate::promise::Terms;
use crate::rules::Rule;
use crate::supervisor::random_name;
use crate::trouble::Trouble;

const EXTENSION: &str = "interleaving";
const LOCK: &str = "lock";

/// The findings of one pool, as one run sees them.
pub(super) struct Findings {
    folder: PathBuf,
    /// By name.
    known: BTreeSet<String>,
    /// This run's own, with the lock that says that it lives; made for the first.
    pending: Option<(PathBuf, File)>,
    laid_down: u64,
    /// In bytes: what there is, and what there may be.
    taken: u64,
    quota: u64,
}

/// What became of a shrunk finding.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Saved {
    /// Nobody had it.
    New,
    /// It was there already.
    Known,
    /// There is no room for it.
    BeyondQuota,
}

impl Findings {
    /// Opens the directory, and gives what killed runs left unfinished.
    ///
    /// # Errors
    /// A directory that cannot be made or read.
    pub(super) fn open(out: &Path, pool: &str, quota: u64) -> Result<(Self, Vec<(PathBuf, Interleaving)>), Trouble> {
        let folder = out.join(pool);
        fs::create_dir_all(&folder).map_err(|error| Trouble::directory(&folder, error))?;
        let mut findings = Self { folder, known: BTreeSet::new(), pending: None, laid_down: 0, taken: 0, quota };
        for (name, bytes) in files(&findings.folder)? {
            findings.taken += bytes;
            findings.known.insert(name);
        }
        let left = findings.adopt()?;
        Ok((findings, left))
    }

    /// What a finding is called: whatever breaks the same rule by the same way under the same promise is one finding.
    pub(super) fn name(terms: Terms, rule: &Rule, way: &str) -> String {
        format!("{terms}.{}.{way}", rule.id)
    }

    /// Whether this run or another one has it.
    pub(super) fn is_known(&self, name: &str) -> bool {
        self.known.contains(name) || self.path(name).exists()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{EXTENSION}"))
    }

    /// Lays down what has just failed.
    ///
    /// # Errors
    /// A disk that is full, a directory that is gone.
    pub(super) fn lay_down(&mut self, why: &str, failing: &Interleaving) -> Result<PathBuf, Trouble> {
        self.laid_down += 1;
        let path = self.own()?.join(format!("{}.{EXTENSION}", self.laid_down));
        write(&path, &format!("# {why}; not shrunk yet\n{failing}")).map_err(|error| Trouble::file(&path, error))?;
        Ok(path)
    }

    /// It is settled what that is.
    pub(super) fn take_away(&self, path: &Path) {
        // What cannot be removed is met again by the next run.
        let _ = fs::remove_file(path);
    }

    /// Keeps a finding.
    ///
    /// # Errors
    /// As [`Findings::lay_down`].
    pub(super) fn save(&mut self, name: &str, text: &str) -> Result<Saved, Trouble> {
        let size = text.len() as u64;
        // Without room for it, it is still not to be shrunk each time that it is met.
        self.known.insert(name.to_owned());
        if self.taken + size > self.quota {
            return Ok(Saved::BeyondQuota);
        }
        let path = self.path(name);
        let kept = self.keep(&path, text)?;
        if kept {
            self.taken += size;
        }
        Ok(if kept { Saved::New } else { Saved::Known })
    }

    /// Keeps what failed once and not again, apart from the findings.
    ///
    /// # Errors
    /// As [`Findings::lay_down`].
    pub(super) fn keep_unsteady(&mut self, rule: &Rule, failing: &Interleaving) -> Result<(), Trouble> {
        let folder = self.folder.join("unsteady");
        fs::create_dir_all(&folder).map_err(|error| Trouble::directory(&folder, error))?;
        let text = failing.to_string();
        let path = folder.join(format!("{}.{}.{:016x}.{EXTENSION}", failing.terms(), rule.id, hash(&text)));
        if self.taken + text.len() as u64 <= self.quota && self.keep(&path, &text)? {
            self.taken += text.len() as u64;
        }
        Ok(())
    }

    /// Takes up what runs left that are over: it is laid down as this run's own before theirs is removed.
    fn adopt(&mut self) -> Result<Vec<(PathBuf, Interleaving)>, Trouble> {
        let mut left = Vec::new();
        let Ok(runs) = fs::read_dir(self.folder.join("pending")) else { return Ok(left) };
        for run in runs.flatten().map(|entry| entry.path()) {
            let Ok(lock) = File::open(run.join(LOCK)) else { continue };
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue; // it lives
            }
            for path in fs::read_dir(&run).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.extension().is_some_and(|extension| extension == EXTENSION) {
                    let failing = corpus::read(&path)?;
                    left.push((self.lay_down("left by a run that was killed", &failing)?, failing));
                }
            }
            fs::remove_dir_all(&run).map_err(|error| Trouble::directory(&run, error))?;
        }
        Ok(left)
    }

    /// This run's own directory, made when it is first needed.
    fn own(&mut self) -> Result<PathBuf, Trouble> {
        let folder = match &self.pending {
            Some((folder, _)) => folder.clone(),
            None => {
                let made = own_folder(&self.folder.join("pending"))?;
                self.pending.insert(made).0.clone()
            }
        };
        Ok(folder)
    }

    /// Writes a file that nobody has written before; false if somebody has.
    fn keep(&mut self, path: &Path, text: &str) -> Result<bool, Trouble> {
        let whole = self.own()?.join("whole");
        write(&whole, text).map_err(|error| Trouble::file(&whole, error))?;
        let linked = fs::hard_link(&whole, path);
        let _ = fs::remove_file(&whole);
        match linked {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(Trouble::file(path, error)),
        }
    }
}

impl Drop for Findings {
    fn drop(&mut self) {
        if let Some((folder, _lock)) = self.pending.take() {
            // Only an empty one goes: what is in it is not settled.
            let lock = folder.join(LOCK);
            if fs::read_dir(&folder).is_ok_and(|entries| entries.count() == 1) {
                let _ = fs::remove_file(lock).and_then(|()| fs::remove_dir(&folder));
                let _ = folder.parent().map(fs::remove_dir);
            }
        }
    }
}

/// Its keys are fixed, so that it is the same in every run.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The names of the findings in a directory, with their sizes in bytes.
fn files(folder: &Path) -> Result<Vec<(String, u64)>, Trouble> {
    let entries = fs::read_dir(folder).map_err(|error| Trouble::directory(folder, error))?;
    let named = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().to_str()?.strip_suffix(".interleaving")?.to_owned();
        Some((name, entry.metadata().map_or(0, |found| found.len())))
    });
    Ok(named.collect())
}

/// A directory that is this run's as long as the lock in it is held.
fn own_folder(pending: &Path) -> Result<(PathBuf, File), Trouble> {
    fs::create_dir_all(pending).map_err(|error| Trouble::directory(pending, error))?;
    let folder = pending.join(random_name(8));
    let made = || -> io::Result<File> {
        fs::create_dir(&folder)?;
        // The lock gets its name when it is held: a directory without that name is left alone.
        let unnamed = folder.join("lock.new");
        let lock = File::options().write(true).create_new(true).open(&unnamed)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(&unnamed, folder.join(LOCK))?;
        Ok(lock)
    };
    let lock = made().map_err(|error| Trouble::directory(&folder, error))?;
    Ok((folder, lock))
}

/// Whole or not at all, and there even if the machine stops.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::nth;
    use crate::promise::Promise;
    use crate::rules;

    fn interleaving(index: u64) -> Interleaving {
        nth(Promise::Anything, 1, index)
    }

    #[test]
    fn a_finding_is_new_once_for_all_runs_together() {
        let out = tempfile::tempdir().expect("a directory");
        let open = || Findings::open(out.path(), "pool", 1 << 20).expect("a directory").0;
        let (mut one, mut other) = (open(), open());
        let name = Findings::name(interleaving(1).terms(), &rules::ALL[0], "checkout");
        assert_eq!(one.save(&name, "text").expect("room"), Saved::New);
        assert_eq!(other.save(&name, "text").expect("room"), Saved::Known);
        assert!(open().is_known(&name) && !open().is_known("another"));
        drop((one, other));
        let left: Vec<_> = fs::read_dir(out.path().join("pool")).expect("a directory").flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    /// What was announced by a run that was killed is not lost, and nobody takes it from a run that lives.
    #[test]
    fn what_a_killed_run_left_is_taken_up_and_what_a_living_one_has_is_not() {
        let out = tempfile::tempdir().expect("a directory");
        let open = || Findings::open(out.path(), "pool", 1 << 20).expect("a directory");
        let mut killed = open().0;
        killed.lay_down("why", &interleaving(7)).expect("room");
        let (living, none) = open();
        assert!(none.is_empty());
        // The lock goes with its process; the directory stays.
        killed.pending = None;
        let (next, left) = open();
        assert_eq!(left.iter().map(|(_, failing)| failing.clone()).collect::<Vec<_>>(), [interleaving(7)]);
        assert!(left[0].0.is_file());
        next.take_away(&left[0].0);
        drop((living, next));
        assert!(!out.path().join("pool/pending").exists());
    }

    #[test]
    fn a_quota_is_kept() {
        let out = tempfile::tempdir().expect("a directory");
        let (mut findings, _) = Findings::open(out.path(), "pool", 10).expect("a directory");
        assert_eq!(findings.save("one", "12345678").expect("room"), Saved::New);
        assert_eq!(findings.save("two", "12345678").expect("room"), Saved::BeyondQuota);
        assert!(findings.is_known("two"), "it would be shrunk each time");
        assert!(!out.path().join("pool/two.interleaving").exists());
    }
}
