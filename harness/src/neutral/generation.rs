//! Which process is this? An answer that a fork changes by itself, whoever forks and by whatever call.
//!
//! The kernel zeroes a page with `MADV_WIPEONFORK` in each new process, after `fork` and after a raw `clone`, where no
//! handler of `pthread_atfork` runs. No pid is involved, so a pid that comes back deceives nobody. A number on that page
//! is therefore this process's own, and a zero means that the process is new.
//!
//! Everything here is lock-free: a lock, a `Once` or a `OnceLock` that another thread is inside of at the moment of the fork
//! stays taken in the child for ever.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

/// A number that differs between a process and all its ancestors. What was made in one generation and is met in another
/// crossed a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(u64);

/// The page, once it is mapped. It is null before, and never changes after: a child has it at the same address.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// The last number that this process or an ancestor took. It is ordinary memory, so a child goes on counting where its
/// parent was at the fork and takes no number of an ancestor.
static LAST: AtomicU64 = AtomicU64::new(0);

/// More than the word that is used; `mmap` rounds it up to a page.
const LENGTH: usize = 4096;

impl Generation {
    /// The generation of this process.
    ///
    /// # Errors
    /// The page cannot be mapped, or the kernel cannot wipe it (Linux before 4.14). After the first success none.
    pub fn current() -> io::Result<Self> {
        let word = word()?;
        let taken = word.load(Ordering::Acquire);
        if taken != 0 {
            return Ok(Self(taken));
        }
        // Several threads may notice at once; the first to write decides for all of them.
        let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let winner = word.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire).err().unwrap_or(next);
        Ok(Self(winner))
    }

    /// Whether this process is the one that the generation was taken in.
    pub fn is_current(self) -> bool {
        // A generation exists, so the page does: no error can come of this. If one did, the answer would be the safe one.
        Self::current().is_ok_and(|now| now == self)
    }
}

fn word() -> io::Result<&'static AtomicU64> {
    loop {
        // SAFETY: `PAGE` is null or what `map` gave: aligned, zeroed, never unmapped and reached by atomics only.
        if let Some(word) = unsafe { PAGE.load(Ordering::Acquire).as_ref() } {
            return Ok(word);
        }
        let fresh = map()?;
        // Of several threads one wins. The page of another stays mapped without use, and so does one that a fork cuts off here.
        let _ = PAGE.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// Maps a page of zeroes that is wiped in every child.
fn map() -> io::Result<*mut AtomicU64> {
    // SAFETY: a new private mapping at an address of the kernel's choice touches no memory that anybody has.
    let page = unsafe { mmap_anonymous(ptr::null_mut(), LENGTH, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) }?;
    // SAFETY: the page was mapped above and nobody else knows it yet.
    unsafe { madvise(page, LENGTH, Advice::LinuxWipeOnFork) }?;
    Ok(page.cast())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use nix::libc;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::Pid;

    use super::Generation;

    /// Runs `child` in a new process and gives what it answered.
    fn in_a_child(start: impl Fn() -> libc::pid_t, child: impl Fn() -> bool) -> bool {
        match start() {
            // SAFETY: `_exit` ends the child without running anything of the parent's.
            0 => unsafe { libc::_exit(i32::from(child())) },
            pid => match waitpid(Pid::from_raw(pid), None).expect("the child is ours") {
                WaitStatus::Exited(_, code) => code == 1,
                other => panic!("the child ended otherwise: {other:?}"),
            },
        }
    }

    fn fork() -> libc::pid_t {
        // SAFETY: the child only reads and writes atomics, and leaves by `_exit`.
        unsafe { libc::fork() }
    }

    fn raw_clone() -> libc::pid_t {
        // SAFETY: as `fork`; without flags but the signal, `clone` copies the process.
        let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
        libc::pid_t::try_from(pid).expect("a pid is a pid_t")
    }

    #[test]
    fn a_process_keeps_its_generation_and_its_children_do_not() {
        let ours = Generation::current().expect("this kernel wipes pages");
        assert!(in_a_child(fork, || !ours.is_current()));
        assert!(in_a_child(raw_clone, || !ours.is_current()));
        assert!(ours.is_current());
    }

    #[test]
    fn a_grandchild_takes_no_number_of_its_ancestors() {
        let ours = Generation::current().expect("this kernel wipes pages");
        let differs = in_a_child(fork, || {
            let theirs = Generation::current();
            in_a_child(raw_clone, || !ours.is_current() && theirs.as_ref().is_ok_and(|theirs| !theirs.is_current()))
        });
        assert!(differs);
    }

    /// Runs a test of this module in a process of its own, on its only thread. The standard library locks a list while a thread starts; a
    /// child that was forked at that moment can start none.
    fn alone(test: &str, body: impl Fn()) {
        const ALONE: &str = "POOLPROOF_TEST_ALONE";
        if std::env::var_os(ALONE).is_some() {
            return body();
        }
        let name = format!("{}::{test}", module_path!().split_once("::").expect("a module of the crate").1);
        let mut command = std::process::Command::new(std::env::current_exe().expect("the tests"));
        let output = command.args(["--exact", &name, "--test-threads=1"]).env(ALONE, "1").output().expect("the tests start");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    fn threads_that_notice_at_once_agree() {
        alone("threads_that_notice_at_once_agree", threads_agree);
    }

    fn threads_agree() {
        // Once is not enough to catch them at it.
        for _ in 0..100 {
            let agree = in_a_child(fork, || {
                let start = Barrier::new(4);
                let ask = || {
                    start.wait();
                    Generation::current().ok()
                };
                let seen: Vec<_> = thread::scope(|scope| {
                    let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
                    asking.into_iter().map(|thread| thread.join().ok().flatten()).collect()
                });
                seen[0].is_some() && seen.iter().all(|generation| *generation == seen[0])
            });
            assert!(agree);
        }
    }
}
