//! Shared memory that outlives whoever made it and was killed. PostgreSQL uses both kinds, and removes them only when it may.
//!
//! Nothing is removed that is older than the run, or that a living process uses.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, test_kill_process};

/// Where the C library keeps POSIX shared memory.
const POSIX: &str = "/dev/shm/";

/// What may have to be removed at the end.
pub(super) struct Leftovers {
    since: SystemTime,
    dead: HashSet<u32>,
    used: HashSet<PathBuf>,
}

impl Leftovers {
    pub(super) fn new() -> Self {
        Self { since: SystemTime::now(), dead: HashSet::new(), used: HashSet::new() }
    }

    /// A process is about to be killed.
    pub(super) fn note_use(&mut self, pid: u32) {
        self.used.extend(mapped(pid));
    }

    /// A process has been reaped.
    pub(super) fn note_death(&mut self, pid: u32) {
        self.dead.insert(pid);
    }

    /// Removes what is left, when all of the run's processes are gone.
    pub(super) fn remove(self) {
        self.remove_system_v();
        self.remove_posix();
    }

    fn remove_system_v(&self) {
        let Ok(table) = fs::read_to_string("/proc/sysvipc/shm") else { return };
        let since = self.since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        for segment in table.lines().skip(1).filter_map(Segment::parse) {
            let ours = self.dead.contains(&segment.creator) && segment.created >= since && segment.attached == 0;
            // A creator that is alive is a stranger to whom the id has passed.
            if ours && !lives(segment.creator) {
                // SAFETY: removing a segment to which nobody is attached touches no memory; the pointer is not used for it.
                unsafe { libc::shmctl(segment.id, libc::IPC_RMID, std::ptr::null_mut()) };
            }
        }
    }

    fn remove_posix(self) {
        let mut left: HashSet<PathBuf> = self.used.into_iter().filter(|path| is_new(path, self.since)).collect();
        if !left.is_empty() {
            for pid in super::reaper::all_processes() {
                for path in mapped(pid) {
                    left.remove(&path);
                }
            }
        }
        for path in left {
            let _ = fs::remove_file(path);
        }
    }
}

/// The files of POSIX shared memory that a process has in its address space.
fn mapped(pid: u32) -> Vec<PathBuf> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let names = maps.lines().filter_map(|line| line.find(POSIX).map(|at| &line[at..]));
    names.filter(|name| !name.ends_with(" (deleted)")).map(PathBuf::from).collect()
}

fn is_new(path: &Path, since: SystemTime) -> bool {
    fs::metadata(path).is_ok_and(|found| found.created().or(found.modified()).is_ok_and(|at| at >= since))
}

fn lives(pid: u32) -> bool {
    Pid::from_raw(pid.cast_signed()).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// A line of `/proc/sysvipc/shm`.
struct Segment {
    id: i32,
    creator: u32,
    attached: u32,
    created: u64,
}

impl Segment {
    fn parse(line: &str) -> Option<Self> {
        // key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        Some(Self {
            id: fields.get(1)?.parse().ok()?,
            creator: fields.get(4)?.parse().ok()?,
            attached: fields.get(6)?.parse().ok()?,
            created: fields.get(13)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_read_from_the_kernels_table() {
        let line = "  10027018         33   600                    56 11759 11765      0   101   104   101   104 1795323783 \
                    1795323783 1795323768                  4096                     0";
        let segment = Segment::parse(line).unwrap();
        assert_eq!((segment.id, segment.creator, segment.attached, segment.created), (33, 11759, 0, 1795323768));
    }

    #[test]
    fn only_new_files_that_nobody_uses_are_removed() {
        let name = |what: &str| PathBuf::from(format!("{POSIX}poolproof-{what}-{}", super::super::random_name(8)));
        let [before, unknown, left] = ["before", "unknown", "left"].map(name);
        fs::write(&before, "").unwrap();
        let mut leftovers = Leftovers::new();
        // The clock of files ticks more slowly than the other one.
        while !is_new(&left, leftovers.since) {
            let _ = fs::remove_file(&left);
            fs::write(&left, "").unwrap();
        }
        fs::write(&unknown, "").unwrap();
        leftovers.used.extend([before.clone(), left.clone()]);
        leftovers.remove();
        assert_eq!([before.exists(), unknown.exists(), left.exists()], [true, true, false]);
        fs::remove_file(before).unwrap();
        fs::remove_file(unknown).unwrap();
    }
}
