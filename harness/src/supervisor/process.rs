//! The supervisor itself: it starts what it is told to start, reports who exited, and cleans up when the coordinator is gone.
//!
//! One thread, and every signal blocked: nothing but `SIGKILL` keeps it from cleaning up. It must not know who its children are.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::personality::{self, Persona};
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process as kernel;
use rustix::thread::{CpuSet, sched_setaffinity};

use super::leftovers::Leftovers;
use super::run_dir::RunDir;
use super::{Launch, Order, ROLE, Report, reaper};

/// The supervisor's main function; standard input is its end of the pair of sockets.
pub(crate) fn main() -> ! {
    let done = isolate().and_then(|signals| serve(&signals));
    if let Err(error) = &done {
        eprintln!("poolproof: the supervisor: {error}");
    }
    std::process::exit(if done.is_ok() { 0 } else { 3 })
}

/// Out of reach of the terminal, of signals and of what the coordinator had open; the parent of every orphan below it.
fn isolate() -> io::Result<SignalFd> {
    close_inherited();
    // It fails only for the leader of a group, which a child that was just forked is not.
    let _ = kernel::setsid();
    kernel::set_child_subreaper(Some(kernel::getpid()))?;
    let chld = SigSet::from(Signal::SIGCHLD);
    // An inherited `SIG_IGN` would make the kernel reap our children without a word.
    default_action(Signal::SIGCHLD);
    SigSet::all().thread_block()?;
    Ok(SignalFd::with_flags(&chld, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// Whoever reads the other end of a pipe that the coordinator inherited would wait for the supervisor and its children too.
fn close_inherited() {
    // SAFETY: it runs first in the process, when nothing has opened a descriptor that could be closed under its owner. A kernel
    // before 5.9 answers with an error, and the descriptors stay open.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

fn serve(signals: &SignalFd) -> io::Result<()> {
    let leftovers = Leftovers::new();
    let run_dir = match RunDir::make() {
        Ok(run_dir) => run_dir,
        Err(error) => {
            report(&Report::NoDirectory(error.to_string()));
            return Ok(());
        }
    };
    report(&Report::Ready(run_dir.path().to_owned()));
    let mut service = Service { leftovers, launched: HashSet::new(), undoing: HashSet::new(), incoming: Vec::new() };
    // Whatever happens in there, what was started is ended.
    let served = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| service.run(signals)));
    reaper::end_everything(&mut service.leftovers, service.undoing, signals);
    service.leftovers.remove();
    if let Err(error) = run_dir.remove() {
        report(&Report::NoDirectory(error.to_string()));
    }
    served.unwrap_or_else(|_| Err(io::Error::other("it panicked")))
}

struct Service {
    leftovers: Leftovers,
    /// The children that the coordinator asked for and that are not reaped, so that their ids are certainly theirs.
    launched: HashSet<u32>,
    /// Those among them that have something to undo.
    undoing: HashSet<u32>,
    incoming: Vec<u8>,
}

impl Service {
    /// Returns when the coordinator has closed its end.
    fn run(&mut self, signals: &SignalFd) -> io::Result<()> {
        let stdin = io::stdin();
        loop {
            let mut ready = [PollFd::new(&stdin, PollFlags::IN), PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let ordered = !ready[0].revents().is_empty();
            // Exits first: an order to end a child must not meet an id that is free again.
            reaper::drain(signals);
            reaper::reap(|pid, exit| {
                if self.launched.remove(&pid) {
                    self.undoing.remove(&pid);
                    self.leftovers.note_death(pid);
                    report(&Report::Exited(pid, exit));
                }
            });
            if ordered && !self.take_orders(&stdin)? {
                return Ok(());
            }
        }
    }

    fn take_orders(&mut self, stdin: &io::Stdin) -> io::Result<bool> {
        let mut bytes = [0; 16 * 1024];
        match rustix::io::read(stdin, &mut bytes) {
            Ok(0) | Err(rustix::io::Errno::CONNRESET) => return Ok(false),
            Ok(count) => self.incoming.extend_from_slice(&bytes[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some(end) = self.incoming.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.incoming.drain(..=end).collect();
            self.obey(serde_json::from_slice(&line)?);
        }
        Ok(true)
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Spawn(launch) => match spawn(&launch) {
                Ok(pid) => {
                    self.launched.insert(pid);
                    if launch.undoes {
                        self.undoing.insert(pid);
                    }
                    report(&Report::Spawned(pid));
                }
                Err(error) => report(&Report::NotSpawned(error.to_string())),
            },
            Order::End(pid) => {
                if self.undoing.contains(&pid) {
                    reaper::ask_to_end(pid);
                } else if self.launched.contains(&pid) {
                    reaper::kill(pid);
                }
            }
        }
    }
}

fn spawn(launch: &Launch) -> io::Result<u32> {
    let Some((program, arguments)) = launch.argv.split_first() else { return Err(io::Error::other("no program is named")) };
    let mut command = Command::new(program);
    if launch.clean {
        command.env_clear();
    }
    command.args(arguments).env_remove(ROLE).envs(launch.env.iter().map(|(name, value)| (name, value)));
    if let Some(dir) = &launch.dir {
        command.current_dir(dir);
    }
    if let Some((uid, gid)) = launch.user {
        // As root this also gives up every further group.
        command.uid(uid).gid(gid);
    }
    let (output, errors) = match &launch.output {
        Some(path) => {
            let file = named(path, open_output(path))?;
            (Stdio::from(file.try_clone()?), Stdio::from(file))
        }
        None => (Stdio::null(), Stdio::null()),
    };
    let input = match &launch.input {
        Some(path) => Stdio::from(named(path, File::open(path))?),
        None => Stdio::null(),
    };
    command.stdin(input).stdout(output).stderr(errors).process_group(0);
    let usual = if launch.undoes { kernel::Signal::TERM } else { kernel::Signal::KILL };
    let orphaned = launch.orphaned.and_then(kernel::Signal::from_named_raw).unwrap_or(usual);
    let supervisor = kernel::getpid();
    let (fixed_layout, processor, adopts) = (launch.fixed_layout, launch.processor, launch.adopts);
    // SAFETY: between fork and exec the closure only makes system calls that are async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(move || begin(supervisor, orphaned, fixed_layout, processor, adopts)) };
    // Dropping the handle neither ends nor reaps the child: the reaper does.
    Ok(command.spawn()?.id())
}

/// A named pipe of which the reader has just been killed must not be waited for: then nobody would clean up.
fn open_output(path: &Path) -> io::Result<File> {
    let file = File::options().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - rustix::fs::OFlags::NONBLOCK)?;
    Ok(file)
}

/// In the child: signals as a program expects them, and an end that follows the supervisor's.
fn begin(
    supervisor: kernel::Pid,
    orphaned: kernel::Signal,
    fixed_layout: bool,
    processor: Option<usize>,
    adopts: bool,
) -> io::Result<()> {
    Signal::iterator().for_each(default_action);
    SigSet::empty().thread_set_mask()?;
    // After the change of user, which would clear it.
    kernel::set_parent_process_death_signal(Some(orphaned))?;
    if fixed_layout {
        // Some containers forbid it: then a replay may depend on addresses, and its rate says so.
        let _ = personality::set(personality::get()? | Persona::ADDR_NO_RANDOMIZE);
    }
    if let Some(processor) = processor {
        let mut set = CpuSet::new();
        set.set(processor);
        // Where the system forbids it, the same holds.
        let _ = sched_setaffinity(None, &set);
    }
    if adopts {
        kernel::set_child_subreaper(Some(kernel::getpid()))?;
    }
    if kernel::getppid() != Some(supervisor) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}

fn default_action(signal: Signal) {
    // SAFETY: the default action is no handler, so none can run at a bad moment. SIGKILL and SIGSTOP refuse, which is fine.
    let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) };
}

fn named<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn report(report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        // A coordinator that is gone shows as the end of its orders.
        let _ = send(io::stdin(), &line);
    }
}

/// Sends all of it. A peer that is gone is an error and never a `SIGPIPE`, which not every `main` ignores.
pub(super) fn send(socket: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::net::send(&socket, bytes, rustix::net::SendFlags::NOSIGNAL) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::time::Duration;

    fn pipe() -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("printed");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).expect("a named pipe");
        (directory, path)
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_an_error_and_not_waited_for() {
        let (_directory, path) = pipe();
        let (told, seen) = std::sync::mpsc::channel();
        std::thread::spawn(move || told.send(open_output(&path).map(drop)));
        let opened = seen.recv_timeout(Duration::from_secs(10)).expect("an answer");
        assert_eq!(opened.expect_err("nobody reads").raw_os_error(), Some(libc::ENXIO));
    }

    /// A program's standard output waits for room, as programs expect.
    #[test]
    fn a_pipe_that_is_read_blocks_its_writer() {
        let (_directory, path) = pipe();
        let mut reader = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&path).expect("a reader");
        let mut writer = open_output(&path).expect("somebody reads");
        assert!(!rustix::fs::fcntl_getfl(&writer).expect("flags").contains(rustix::fs::OFlags::NONBLOCK));
        io::Write::write_all(&mut writer, b"x").expect("room");
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("what was written");
        assert_eq!(text, "x");
    }
}
