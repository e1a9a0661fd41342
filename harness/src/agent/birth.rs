//! The ways in which a child is made.

use std::ptr;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid, fork as fork_with_handlers};

use super::protocol::Birth;

/// Makes a child in one of the ways.
///
/// # Safety
/// As for `fork`: in the child only the calling thread exists, and without the C library's handlers also its locks are as they were.
pub(super) unsafe fn fork(kind: Birth) -> nix::Result<ForkResult> {
    match kind {
        // SAFETY: the caller's business.
        Birth::Fork => unsafe { fork_with_handlers() },
        Birth::Clone => {
            // SAFETY: without flags but the signal, `clone` copies the process, stack included.
            born(unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) })
        }
        Birth::WithPid(pid) => {
            let wanted = libc::pid_t::try_from(pid).map_err(|_| Errno::EINVAL)?;
            // SAFETY: plain numbers, of which zero is the neutral value.
            let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
            arguments.exit_signal = libc::SIGCHLD as u64;
            arguments.set_tid = ptr::from_ref(&wanted) as u64;
            arguments.set_tid_size = 1;
            // SAFETY: the kernel reads both structures during the call.
            born(unsafe { libc::syscall(libc::SYS_clone3, ptr::from_ref(&arguments), size_of::<libc::clone_args>()) })
        }
    }
}

fn born(result: libc::c_long) -> nix::Result<ForkResult> {
    match Errno::result(result)? {
        0 => Ok(ForkResult::Child),
        child => Ok(ForkResult::Parent { child: Pid::from_raw(libc::pid_t::try_from(child).map_err(|_| Errno::EINVAL)?) }),
    }
}
