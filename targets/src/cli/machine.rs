//! What this machine's kernel and directories allow, found by trying.

use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::{Pid, PidfdFlags};

/// One thing that poolproof needs, or works better with.
pub(crate) struct Check {
    /// Its name.
    pub(crate) name: &'static str,
    /// What was found; or what is wrong.
    pub(crate) found: Result<String, String>,
    /// What it costs if it is missing.
    pub(crate) cost: &'static str,
}

/// Everything but the servers.
pub(crate) fn checks() -> Vec<Check> {
    vec![
        Check { name: "Linux", found: kernel(), cost: "writers of bytes can be told apart on Linux only" },
        Check {
            name: "pidfd",
            found: pidfd(),
            cost: "no process can be watched and ended without fear of a reused pid: nothing runs",
        },
        Check {
            name: "system calls",
            found: system_calls(),
            cost: "what is stuck is not proved by its system calls, but found when the clock runs out: slower, same verdicts",
        },
        Check { name: "subreaper", found: subreaper(), cost: "processes that a pool starts by itself may be left behind" },
        Check { name: "run directory", found: directory(), cost: "nothing runs: sockets and private servers live there" },
    ]
}

fn kernel() -> Result<String, String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").map_err(|error| format!("/proc: {error}"))?;
    Ok(release.trim().to_owned())
}

fn pidfd() -> Result<String, String> {
    let own = rustix::process::getpid();
    rustix::process::pidfd_open(own, PidfdFlags::empty()).map_err(|error| error.to_string())?;
    Ok("processes are watched by descriptor".to_owned())
}

/// Whether the system call of a child's thread can be read: in some containers and under some security modules it cannot.
fn system_calls() -> Result<String, String> {
    let mut child = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot try it, as `cat` cannot be started: {error}"))?;
    let path = format!("/proc/{0}/task/{0}/syscall", child.id());
    let read = std::fs::read_to_string(&path);
    // Its input is closed, and so it ends.
    drop(child.stdin.take());
    let ended = child.wait();
    read.map_err(|error| format!("/proc/PID/task/T/syscall of a child: {error}"))?;
    ended.map_err(|error| error.to_string())?;
    Ok("those of child processes can be read".to_owned())
}

fn subreaper() -> Result<String, String> {
    let before: Option<Pid> = rustix::process::child_subreaper().map_err(|error| error.to_string())?;
    // Asked and taken back: this process is not to be one.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(|error| error.to_string())?;
    rustix::process::set_child_subreaper(before).map_err(|error| error.to_string())?;
    Ok("orphans of a pool can be adopted and ended".to_owned())
}

/// Where the run directory will be is the library's decision; that it can be made is proved when a server is tried.
fn directory() -> Result<String, String> {
    let wanted = std::env::temp_dir();
    let place = if wanted.as_os_str().len() <= LONGEST { wanted } else { "/tmp".into() };
    let probe = place.join(format!("poolproof-doctor-{}", std::process::id()));
    let written = std::fs::File::create_new(&probe).and_then(|mut file| file.write_all(b"can this be written?"));
    let _ = std::fs::remove_file(&probe);
    written.map_err(|error| format!("{}: {error}; set TMPDIR to a directory that this user can write to", place.display()))?;
    Ok(format!("{} can be written, and is short enough for the paths of sockets", place.display()))
}

/// A socket's path has at most 107 bytes; longer temporary directories leave no room for the rest of it.
const LONGEST: usize = 40;
