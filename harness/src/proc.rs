//! What the kernel says of a process in `/proc/PID/stat`.

/// The pid of its parent.
pub(crate) fn parent(pid: i32) -> Option<i32> {
    // The state comes first.
    stat(pid)?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// How it ended, as `wait` would give it; 0 while it lives, `None` when it has been reaped.
pub(crate) fn exit_status(pid: i32) -> Option<i32> {
    stat(pid)?.split_ascii_whitespace().next_back()?.parse().ok()
}

/// When it was started, in ticks since the system was: with its pid that means one process.
pub(crate) fn started(pid: i32) -> Option<u64> {
    stat(pid)?.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The words with which it was started; `None` if it has ended, or is about to execute a program.
pub(crate) fn command(pid: i32) -> Option<String> {
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = String::from_utf8_lossy(&words).trim_end_matches('\0').replace('\0', " ");
    (!words.is_empty()).then_some(words)
}

/// Its name, at most fifteen letters; `None` when it has been reaped.
pub(crate) fn name(pid: i32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|name| name.trim_end().to_owned())
}

/// What stands behind the name: that one is in parentheses, and may contain anything.
fn stat(pid: i32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')').map(|(_, rest)| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_this_process_is_read_from_proc() {
        let parent_id = std::os::unix::process::parent_id();
        assert_eq!(parent(std::process::id().cast_signed()), Some(parent_id.cast_signed()));
    }

    #[test]
    fn a_process_keeps_its_start_and_its_words() {
        let pid = std::process::id().cast_signed();
        let words: Vec<String> = std::env::args().collect();
        assert_eq!(command(pid), Some(words.join(" ")));
        let mut child = std::process::Command::new("true").spawn().expect("a child");
        let later = child.id().cast_signed();
        assert!(started(pid).is_some() && started(pid) <= started(later));
        let known = rustix::process::Pid::from_child(&child);
        let descriptor = rustix::process::pidfd_open(known, rustix::process::PidfdFlags::empty()).expect("a pidfd");
        let mut ended = [rustix::event::PollFd::new(&descriptor, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut ended, None).expect("a pidfd");
        assert_eq!((command(later), name(later).as_deref()), (None, Some("true")), "it is not reaped yet");
        child.wait().expect("a child");
        assert_eq!((started(later), name(later)), (None, None));
    }
}
