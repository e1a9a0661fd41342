//! The run directory: its name, its lock, and what becomes of it.
//!
//! A directory belongs to a run for as long as a supervisor holds the lock in it. One whose lock is free was left by a run whose
//! supervisor was killed, and the next run removes it. It must not know what is put into the directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// Room for `/pp-XXXXXX`, a subdirectory and a socket's name below the kernel's limit of 107 bytes.
const LONGEST_BASE: usize = 40;
const PREFIX: &str = "pp-";
const LOCK: &str = "lock";

pub(super) struct RunDir {
    path: PathBuf,
    /// Held until the process ends.
    _lock: File,
}

impl RunDir {
    /// Sweeps what killed runs left, and makes a new directory.
    pub(super) fn make() -> io::Result<Self> {
        let base = base(std::env::temp_dir());
        sweep(&base);
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot make a run directory in {}: {error}", base.display()))
        };
        Self::make_in(&base).map_err(named)
    }

    fn make_in(base: &Path) -> io::Result<Self> {
        let path = loop {
            let path = base.join(format!("{PREFIX}{}", random_name(6)));
            match fs::DirBuilder::new().mode(0o711).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => break made.map(|()| path)?,
            }
        };
        match fill(&path) {
            Ok(lock) => Ok(Self { path, _lock: lock }),
            Err(error) => {
                let _ = fs::remove_dir_all(&path);
                Err(error)
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the directory; the lock is held until then.
    pub(super) fn remove(self) -> io::Result<()> {
        match remove(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io::Error::new(error.kind(), format!("cannot remove {}: {error}", self.path.display())))
            }
            _ => Ok(()), // whoever removed it before us did what we want
        }
    }
}

/// The lock gets its name when it is held: a directory without that name is nobody's, and a sweep leaves it alone.
fn fill(path: &Path) -> io::Result<File> {
    // Another user must reach the sockets below; the umask is not asked.
    fs::set_permissions(path, fs::Permissions::from_mode(0o711))?;
    let unnamed = path.join("lock.new");
    let mut lock = File::options().write(true).create_new(true).mode(0o600).open(&unnamed)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
    // For people who wonder; and a full disk shows here and not in the middle of a run.
    writeln!(lock, "{}", std::process::id())?;
    fs::rename(&unnamed, path.join(LOCK))?;
    Ok(lock)
}

/// The directory for temporary files, unless socket paths would be too long, its name would have to be quoted in the settings of
/// a server, or servers that run as another user would be shut out.
fn base(wanted: PathBuf) -> PathBuf {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
    let name = wanted.as_os_str().as_bytes();
    let fits = wanted.is_absolute() && name.len() <= LONGEST_BASE && name.iter().all(plain);
    let open = |path: &Path| fs::metadata(path).map_or(true, |found| found.mode() & 0o001 != 0);
    let reachable = !rustix::process::geteuid().is_root() || wanted.ancestors().all(open);
    if fits && reachable { wanted } else { PathBuf::from("/tmp") }
}

fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            // What cannot be removed now is met again by the next run.
            let _ = sweep_one(&entry.path());
        }
    }
}

fn sweep_one(path: &Path) -> io::Result<()> {
    let me = rustix::process::geteuid().as_raw();
    let directory = fs::symlink_metadata(path)?;
    let lock = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path.join(LOCK))?;
    let found = lock.metadata()?;
    if directory.is_dir() && directory.uid() == me && found.is_file() && found.uid() == me {
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        remove(path)?;
    }
    Ok(())
}

/// The run of this directory is over: nobody holds its lock, or the directory is gone.
#[cfg(feature = "containers")]
pub(crate) fn is_over(path: &Path) -> bool {
    match File::open(path.join(LOCK)) {
        Ok(lock) => flock(&lock, FlockOperation::NonBlockingLockShared).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The lock goes last, so that whoever is interrupted leaves a directory that can be swept.
fn remove(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_file(path.join(LOCK))?;
    fs::remove_dir(path)
}

/// A random text of small letters and digits, five bits each; good for names and passwords.
pub(crate) fn random_name(length: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        // It fails only before the kernel's generator is seeded, early in the boot.
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()).unwrap_or_default();
    }
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> PathBuf {
        let path = std::env::temp_dir().join(format!("run-dir-{}", random_name(8)));
        fs::create_dir(&path).unwrap();
        path
    }

    #[test]
    fn a_held_directory_survives_a_sweep_and_a_free_one_does_not() {
        let base = scratch();
        let held = RunDir::make_in(&base).unwrap();
        let left = RunDir::make_in(&base).unwrap().path; // the lock is dropped here, as when the supervisor is killed
        fs::create_dir_all(left.join("deep/er")).unwrap();
        fs::create_dir(base.join("pp-notours")).unwrap();
        sweep(&base);
        assert!(held.path().exists());
        assert!(!left.exists());
        assert!(base.join("pp-notours").exists(), "a directory without a lock is nobody's");
        assert_eq!(fs::metadata(held.path()).unwrap().mode() & 0o777, 0o711);
        held.remove().unwrap();
        fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn a_base_that_servers_could_not_use_is_not_used() {
        assert_eq!(base(PathBuf::from(format!("/{}", "x".repeat(40)))), PathBuf::from("/tmp"));
        assert_eq!(base(PathBuf::from("/a,b")), PathBuf::from("/tmp"));
        assert_eq!(base(PathBuf::from("relative")), PathBuf::from("/tmp"));
        assert_eq!(base(PathBuf::from("/tmp")), PathBuf::from("/tmp"));
    }
}
