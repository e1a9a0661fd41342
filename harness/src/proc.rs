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
}
