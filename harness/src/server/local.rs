//! What starting any private server takes: finding its programs, a user to run as, a port, and waiting without sleeping.
//!
//! It must not know one server from another.

pub(super) mod mysql;
pub(super) mod pgbouncer;
pub(super) mod postgres;
mod scram;
mod tls;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::unistd::User;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::process::{Pid, PidfdFlags, geteuid, pidfd_open};

use crate::pool::Database;
use crate::supervisor::{Exit, Launch, Supervisor};
use crate::trouble::Trouble;

/// How long one program may take to do its part; it takes well below a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest wait before Ctrl-C is looked for again.
const LOOK: Duration = Duration::from_millis(200);
/// How often another port is tried when somebody took the one that was free.
const PORTS: usize = 5;
/// The C library's words for it, in every server's log.
const PORT_TAKEN: &str = "Address already in use";
/// How much of a log is shown.
const LAST_LINES: usize = 12;

/// The directories in which programs are looked for, in order: those of `PATH`, then the given ones. `*` stands for the rest of a
/// component, the highest version first.
fn directories(known: &[&str]) -> Vec<PathBuf> {
    let mut found = on_path();
    for pattern in known {
        match pattern.split_once('*') {
            Some((start, end)) => found.extend(expand(Path::new(start), end.trim_start_matches('/'))),
            None => found.push(PathBuf::from(pattern)),
        }
    }
    found
}

fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|dir| dir.is_absolute()).collect()
}

/// Nothing was found in all these places.
fn no_server(database: Database, known: &[&str]) -> Trouble {
    Trouble::NoServer { database, looked: looked_in(known) }
}

/// On `PATH`, and where distributions put it.
fn looked_in(known: &[&str]) -> Vec<PathBuf> {
    on_path().into_iter().chain(known.iter().map(PathBuf::from)).collect()
}

fn expand(start: &Path, end: &str) -> Vec<PathBuf> {
    let slash = start.as_os_str().as_bytes().ends_with(b"/");
    let (dir, prefix) =
        if slash { (start, OsStr::new("")) } else { (start.parent().unwrap_or(start), start.file_name().unwrap_or_default()) };
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<_> = entries.filter(|name| name.as_bytes().starts_with(prefix.as_bytes())).collect();
    names.sort_by_key(|name| std::cmp::Reverse(version(name)));
    names.into_iter().map(|name| dir.join(name).join(end)).collect()
}

/// The number in `15`, `pgsql-16` or `postgresql17`.
fn version(name: &OsStr) -> u32 {
    let digits: String = name.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}

/// The first directory that has the program, with the program's true path: a link is followed to where its companions are.
fn find(name: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    let runs = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    directories.iter().filter_map(|dir| dir.join(name).canonicalize().ok()).find(runs)
}

/// Servers refuse to run as root. They then run as the first of these users that exists; otherwise as whoever runs poolproof.
fn account(names: &[&str]) -> Result<Option<(u32, u32)>, Trouble> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = names.iter().find_map(|name| User::from_name(name).ok().flatten());
    let user = user.ok_or_else(|| Trouble::Program {
        program: "a database server as root".to_owned(),
        cause: format!("it must run as another user, and none of {} exists", names.join(", ")),
    })?;
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}

/// A directory for one server below the run directory, which only its user enters.
pub(super) fn home(supervisor: &Supervisor, name: &str, user: Option<(u32, u32)>) -> Result<PathBuf, Trouble> {
    let tried =
        |path: &Path, error: io::Error| Trouble::RunDirectory { cause: format!("cannot make {}: {error}", path.display()) };
    for number in 1.. {
        let path = supervisor.run_dir().join(if number == 1 { name.to_owned() } else { format!("{name}{number}") });
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            made => made.and_then(|()| give(&path, user)).map_err(|error| tried(&path, error))?,
        }
        return Ok(path);
    }
    unreachable!("the numbers do not end")
}

/// A file that only the server's user reads.
pub(super) fn private_file(path: &Path, text: &str, user: Option<(u32, u32)>) -> Result<(), Trouble> {
    let write = || {
        fs::write(path, "")?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        fs::write(path, text)?;
        give(path, user)
    };
    write().map_err(|error| Trouble::RunDirectory { cause: format!("cannot write {}: {error}", path.display()) })
}

fn give(path: &Path, user: Option<(u32, u32)>) -> io::Result<()> {
    match user {
        Some((uid, gid)) => std::os::unix::fs::chown(path, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

/// A port on the loopback that is free now; somebody may take it before the server does.
fn free_port() -> Result<u16, Trouble> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let no_port = |error: io::Error| Trouble::Program { program: "a server on 127.0.0.1".to_owned(), cause: error.to_string() };
    Ok(bound.map_err(no_port)?.port())
}

/// What every program of a server is started with: nothing of the environment but where libraries are.
fn launch(argv: Vec<String>, home: &Path, user: Option<(u32, u32)>, log: &Path) -> Launch {
    let mut env = vec![
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("HOME".to_owned(), home.display().to_string()),
        ("LC_ALL".to_owned(), "C".to_owned()),
        // Without it initdb reads every file of the time zone database to find out which one is meant.
        ("TZ".to_owned(), "UTC".to_owned()),
    ];
    env.extend(std::env::var("LD_LIBRARY_PATH").ok().map(|value| ("LD_LIBRARY_PATH".to_owned(), value)));
    let (dir, output) = (Some(home.to_owned()), Some(log.to_owned()));
    Launch { argv, env, clean: true, dir, user, output, ..Launch::default() }
}

/// A program of a server that is running.
pub(super) struct Running<'a> {
    supervisor: &'a Supervisor,
    program: String,
    pid: u32,
    /// Readable when the process has exited; `None` if that was before anybody looked.
    exit: Option<OwnedFd>,
    log: PathBuf,
    deadline: Instant,
}

impl<'a> Running<'a> {
    pub(super) fn start(supervisor: &'a Supervisor, launch: &Launch) -> Result<Self, Trouble> {
        let program = launch.argv.first().cloned().unwrap_or_default();
        let log = launch.output.clone().unwrap_or_default();
        let pid = supervisor.spawn(launch)?;
        let exit = Pid::from_raw(pid.cast_signed()).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        Ok(Self { supervisor, program, pid, exit, log, deadline: Instant::now() + PATIENCE })
    }

    /// It may take longer than programs that are installed here.
    #[cfg(feature = "containers")]
    pub(super) fn within(mut self, patience: Duration) -> Self {
        self.deadline = Instant::now() + patience;
        self
    }

    /// Waits for the end of a program that ends by itself.
    fn completed(&self) -> Result<(), Trouble> {
        while !self.changed(None)? {}
        match self.supervisor.wait_exit(self.pid)? {
            Exit::Code(0) => Ok(()),
            exit => Err(self.trouble(&exit.to_string())),
        }
    }

    /// Waits until something that shows in `dir` is there.
    pub(super) fn wait_until(&self, dir: &Path, there: impl Fn() -> bool) -> Result<(), Trouble> {
        let watched = watch(dir).map_err(|error| self.trouble(&format!("cannot be watched: {error}")))?;
        // Looked at after the watch began, so that nothing falls between.
        while !there() {
            if self.changed(Some(&watched))? {
                return Err(self.trouble(&self.supervisor.wait_exit(self.pid)?.to_string()));
            }
        }
        Ok(())
    }

    /// Waits a while for something to change in the watched directory; says whether the process has exited.
    fn changed(&self, watched: Option<&OwnedFd>) -> Result<bool, Trouble> {
        if self.supervisor.is_stopped() {
            return Err(Trouble::Interrupted);
        }
        let Some(exit) = &self.exit else { return Ok(true) };
        let left = self.deadline.saturating_duration_since(Instant::now());
        let last = left <= LOOK;
        let left = left.min(LOOK);
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) };
        let mut ready = vec![PollFd::new(exit, PollFlags::IN)];
        ready.extend(watched.map(|watched| PollFd::new(watched, PollFlags::IN)));
        match poll(&mut ready, Some(&timeout)) {
            Ok(0) if !last => Ok(false),
            Ok(0) => {
                self.supervisor.end(self.pid);
                Err(self.trouble(&format!("did not get ready within {} seconds", PATIENCE.as_secs())))
            }
            Ok(_) => {
                let exited = !ready[0].revents().is_empty();
                watched.into_iter().for_each(forget_events);
                Ok(exited)
            }
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(self.trouble(&format!("cannot be waited for: {error}"))),
        }
    }

    pub(super) fn trouble(&self, cause: &str) -> Trouble {
        Trouble::Server { program: self.program.clone(), cause: cause.to_owned(), log: last_lines(&self.log) }
    }

    /// Its log has these words.
    fn has_said(&self, words: &str) -> bool {
        fs::read(&self.log).is_ok_and(|log| String::from_utf8_lossy(&log).contains(words))
    }
}

fn watch(dir: &Path) -> rustix::io::Result<OwnedFd> {
    let watched = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    let changes = inotify::WatchFlags::CREATE | inotify::WatchFlags::MODIFY | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&watched, dir, changes)?;
    Ok(watched)
}

fn forget_events(watched: &OwnedFd) {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(watched, &mut buffer);
    while events.next().is_ok() {}
}

fn last_lines(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
