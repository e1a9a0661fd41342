//! The zygote: forks the first process of each case, and buries what the case before left.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::actor;
use super::control::Control;
use super::protocol::{Reply, Task};
use crate::pool::Pool;
use crate::supervisor::children;

/// Runs the agent of one kind of pool until the coordinator goes away.
pub(crate) fn main<P: Pool>(socket: &Path) -> ! {
    match serve::<P>(socket) {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("poolproof agent: {error}");
            std::process::exit(70)
        }
    }
}

fn serve<P: Pool>(socket: &Path) -> std::io::Result<()> {
    know_the_processor();
    let mut control = Control::connect(socket, 0, "zygote".to_owned())?;
    while let Some(order) = control.order()? {
        let (case, config) = match order.task {
            Task::Case { case, config } => (case, config),
            Task::Bury { pid } => {
                control.answer(order.id, actor::wait(pid))?;
                continue;
            }
            _ => return Err(std::io::Error::other("the zygote was told to do an actor's work")),
        };
        bury();
        // SAFETY: the zygote has one thread, so no lock of another thread can be held in the child.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(control);
                actor::first::<P>(socket, case, config)
            }
            ForkResult::Parent { .. } => control.answer(order.id, Reply::Done)?,
        }
    }
    Ok(())
}

/// Asks what the processor can do, as the first use of some libraries would in each process of each case: a virtual machine answers
/// slowly, and the answer is inherited.
fn know_the_processor() {
    use sha2::Digest;
    std::hint::black_box(sha2::Sha256::digest(b""));
    std::hint::black_box(memchr::memchr(0, b"\0"));
}

/// Reaps every process of the case before; one that still lives is of the pool's own making, and is ended by its id.
fn bury() {
    while let Ok(status) = waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT) {
        match status.pid() {
            Some(dead) => {
                let _ = waitpid(dead, None);
            }
            None => match children().as_slice() {
                [] => return,
                living => living.iter().filter_map(|pid| i32::try_from(*pid).ok()).map(Pid::from_raw).for_each(end),
            },
        }
    }
}

fn end(child: Pid) {
    let _ = kill(child, Signal::SIGKILL);
    let _ = waitpid(child, None);
}
