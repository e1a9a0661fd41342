//! Which processes belong to a run, and waiting for their end, for the tests of what a run leaves behind.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigHandler, Signal, kill, killpg, signal};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Everything must be gone this long after the coordinator is.
pub(crate) const GONE: Duration = Duration::from_secs(2);

pub(crate) const NOBODY: [i32; 0] = [];

/// The processes that have `mark` in their command line, their environment or their working directory.
pub(crate) fn processes(mark: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let has = |name: &str| fs::read(format!("/proc/{pid}/{name}")).is_ok_and(|text| contains(&text, mark));
        let stays = fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|dir| dir.to_string_lossy().contains(mark));
        has("cmdline") || has("environ") || stays
    })
    .collect()
}

fn contains(text: &[u8], mark: &str) -> bool {
    text.windows(mark.len()).any(|window| window == mark.as_bytes())
}

/// The children of a process.
pub(crate) fn children(parent: u32) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let parent_of = |pid: i32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    pids.filter(|&pid| parent_of(pid) == Some(parent)).collect()
}

/// A piece of shared memory, which outlives processes that are killed.
#[derive(Debug)]
pub(crate) enum Memory {
    SystemV(String),
    Posix(PathBuf),
}

impl Memory {
    /// What these processes have made or have in their address spaces.
    pub(crate) fn of(pids: &[i32]) -> Vec<Self> {
        let table = segments().into_iter();
        let made =
            table.filter(|(_, creator)| pids.iter().any(|pid| pid.to_string() == *creator)).map(|(id, _)| Self::SystemV(id));
        let maps = pids.iter().map(|pid| fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default());
        let files = maps.flat_map(|maps| {
            maps.lines().filter_map(|line| Some(line[line.find("/dev/shm/")?..].to_owned())).collect::<Vec<_>>()
        });
        made.chain(files.filter(|name| !name.ends_with(" (deleted)")).map(|name| Self::Posix(name.into()))).collect()
    }

    pub(crate) fn exists(&self) -> bool {
        match self {
            Self::SystemV(id) => segments().iter().any(|(found, _)| found == id),
            Self::Posix(path) => path.exists(),
        }
    }
}

/// Ids and creators of System V segments.
fn segments() -> Vec<(String, String)> {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let fields = table.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    fields.map(|fields| (fields[1].clone(), fields[4].clone())).collect()
}

/// A handle that shows when the process has ended.
pub(crate) fn watch(pid: i32) -> Option<OwnedFd> {
    rustix::process::pidfd_open(rustix::process::Pid::from_raw(pid)?, rustix::process::PidfdFlags::empty()).ok()
}

/// Waits for the end of all of them; says whether they ended in time.
pub(crate) fn all_end(watched: &[OwnedFd], within: Duration) -> bool {
    let deadline = Instant::now() + within;
    watched.iter().all(|process| {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout)) == Ok(1)
    })
}

/// A directory that a sweep has come to is gone, or goes: the run of another test may be removing it at this moment.
pub(crate) fn is_swept(run_dir: &Path) -> bool {
    let deadline = Instant::now() + GONE;
    while run_dir.exists() && Instant::now() < deadline {
        std::thread::yield_now();
    }
    !run_dir.exists()
}

/// This test's binary, started anew as a coordinator that keeps a run going until it is ended.
pub(crate) struct Coordinator {
    process: Child,
    pub(crate) run_dir: PathBuf,
}

impl Coordinator {
    /// It plays the role, and says where its run directory is when everything runs.
    pub(crate) fn start(role: &str) -> Self {
        let mut command = Command::new("/proc/self/exe");
        // Whoever runs the tests in the background has told them to ignore Ctrl-C.
        let heed = || {
            // SAFETY: the default action is no handler.
            unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) }?;
            Ok(())
        };
        // SAFETY: the closure makes one system call and allocates nothing.
        unsafe { command.pre_exec(heed) };
        let mut process = command.arg(role).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(process.stdout.as_mut().unwrap()), &mut line).unwrap();
        Self { process, run_dir: PathBuf::from(line.trim()) }
    }

    /// The processes of its run.
    pub(crate) fn processes(&self) -> Vec<i32> {
        processes(&self.run_dir.display().to_string())
    }

    /// Sends a signal, to its whole group as a terminal does, and asserts that nothing of the run is left two seconds later.
    /// Gives the shared memory that was used and is gone.
    pub(crate) fn leaves_nothing_after(mut self, signal: Signal, to_group: bool) -> Vec<Memory> {
        let mark = self.run_dir.display().to_string();
        assert!(!mark.is_empty() && self.run_dir.exists());
        let belonging = self.processes();
        let memory = Memory::of(&belonging);
        assert!(!belonging.is_empty(), "the run has processes: {belonging:?}");
        let supervisor = children(self.process.id());
        let watched: Vec<OwnedFd> = belonging.iter().chain(&supervisor).filter_map(|&pid| watch(pid)).collect();
        let pid = Pid::from_raw(self.process.id().cast_signed());
        if to_group {
            killpg(pid, signal).unwrap()
        } else {
            kill(pid, signal).unwrap()
        }
        let _ = self.process.wait();
        assert!(all_end(&watched, GONE), "still there {GONE:?} after {signal}: {:?}", processes(&mark));
        assert_eq!(processes(&mark), NOBODY, "started during the end");
        assert!(!self.run_dir.exists(), "{mark} is still there");
        assert!(!memory.iter().any(Memory::exists), "{memory:?}");
        memory
    }

    /// Kills the supervisor, and asserts that all it started ends, and leaves nothing but the run directory for the next
    /// to sweep.
    pub(crate) fn leaves_nothing_without_its_supervisor(self) -> PathBuf {
        let belonging = self.processes();
        let memory = Memory::of(&belonging);
        let watched: Vec<OwnedFd> = belonging.iter().filter_map(|&pid| watch(pid)).collect();
        assert!(!watched.is_empty() && !memory.is_empty());
        for supervisor in children(self.process.id()) {
            kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
        }
        assert!(all_end(&watched, GONE), "still there: {:?}", self.processes());
        assert!(!memory.iter().any(Memory::exists), "{memory:?}");
        self.run_dir.clone()
    }
}

/// For the tests that fail.
impl Drop for Coordinator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Blocks for ever; the role of a coordinator in the middle of its run.
pub(crate) fn announce_and_stay(run_dir: &Path) -> ! {
    println!("{}", run_dir.display());
    loop {
        std::thread::park();
    }
}

/// Runs the tests; this is `main`'s last line.
pub(crate) fn run(tests: Vec<(&'static str, fn())>) -> ! {
    let tests = tests.into_iter().map(|(name, test)| {
        libtest_mimic::Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), tests.collect()).exit()
}
