//! What the agent prints: its standard output and standard error are a pipe, of which the coordinator keeps the end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

/// The reading end.
pub(super) struct Output {
    pipe: OwnedFd,
    kept: Vec<u8>,
}

/// As much is kept.
const TAIL: usize = 4096;
/// As much is quoted.
const LINES: usize = 20;
const LETTERS: usize = 1500;

impl Output {
    /// Makes the pipe under a name, so that whoever starts the agent can open it.
    pub(super) fn listen(path: &Path) -> rustix::io::Result<Self> {
        rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(Self { pipe: rustix::fs::open(path, flags, Mode::empty())?, kept: Vec::new() })
    }

    /// Readable when something was printed.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Takes what is there. False when nobody can print any more.
    pub(super) fn read(&mut self) -> bool {
        let mut chunk = [0; 8192];
        loop {
            match rustix::io::read(&self.pipe, &mut chunk) {
                Ok(0) => return false,
                Ok(read) => self.keep(&chunk[..read]),
                Err(Errno::INTR) => {}
                Err(error) => return error == Errno::AGAIN,
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        if self.kept.len() > 2 * TAIL {
            self.kept.drain(..self.kept.len() - TAIL);
        }
    }

    /// Forgets what was printed so far.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// The last that was printed.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }

    /// The same as the end of a sentence.
    pub(super) fn quoted(&self) -> String {
        let text = self.text();
        let text = text.trim_end();
        let lines = text.rmatch_indices('\n').nth(LINES - 1).map_or(text, |(at, _)| &text[at + 1..]);
        let last = lines.char_indices().rev().nth(LETTERS - 1).map_or(lines, |(at, _)| &lines[at..]);
        match last.is_empty() {
            true => String::new(),
            false => format!("; the last that it printed: {last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    /// Also what was printed by a program that has ended meanwhile.
    #[test]
    fn the_end_of_what_was_printed_is_kept() {
        let directory = std::env::temp_dir().join(crate::supervisor::random_name(10));
        std::fs::create_dir(&directory).expect("a directory");
        let path = directory.join("output");
        let mut output = Output::listen(&path).expect("a pipe");
        let mut printer = std::fs::File::options().append(true).open(&path).expect("somebody reads");
        for line in 0..2000 {
            std::io::Write::write_all(&mut printer, format!("line {line}\n").as_bytes()).expect("room");
            assert!(output.read());
        }
        drop(printer);
        // A process that another test has just forked has the writing end until it executes its program.
        while output.read() {
            poll(&mut [PollFd::new(&output.pipe, PollFlags::IN)], None).expect("a pipe");
        }
        assert!(output.text().ends_with("line 1999\n") && output.text().len() <= 2 * TAIL);
        let quoted = output.quoted();
        assert!(quoted.starts_with("; the last that it printed: line 1980\n") && quoted.ends_with("line 1999"), "{quoted}");
        output.keep(&[b'x'; 2 * LETTERS]);
        assert!(output.quoted().ends_with(&format!(": {}", "x".repeat(LETTERS))), "no line is shown whole that is longer");
        output.clear();
        assert_eq!(output.quoted(), "");
        std::fs::remove_dir_all(directory).expect("it was there");
    }
}
