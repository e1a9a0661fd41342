//! What a long run says while it runs: one line that is rewritten on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use poolproof::Promise;
use poolproof::certify::Progress;

use super::screen;

/// A terminal is rewritten no more often than this.
const REDRAWN: Duration = Duration::from_millis(100);
/// Elsewhere a line is written no more often than this, but for the start of a promise.
const PLAIN: Duration = Duration::from_secs(5);

/// Tells of progress on the standard error.
pub(crate) struct Teller {
    terminal: bool,
    last: Option<Instant>,
    /// The pool and the promise that are being told of.
    subject: Option<(String, Promise)>,
    /// There is a line on the terminal that is to be wiped.
    drawn: bool,
}

impl Teller {
    /// Nothing is told yet.
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: None, subject: None, drawn: false }
    }

    /// Something that takes a while begins.
    pub(crate) fn begins(&mut self, what: &str) {
        self.subject = None;
        self.write(what);
    }

    /// The next news of a pool.
    pub(crate) fn news(&mut self, pool: &str, news: Progress) {
        let promise = promise(news);
        let pause = if self.terminal { REDRAWN } else { PLAIN };
        let new = self.subject.as_ref().is_none_or(|(of, under)| of != pool || *under != promise);
        if new || self.last.is_none_or(|last| last.elapsed() >= pause) {
            let words = if new && !self.terminal { beginning(news).to_owned() } else { words(news) };
            self.subject = Some((pool.to_owned(), promise));
            self.write(&format!("{pool}, {promise}: {words}"));
        }
    }

    /// The next news of one of many things that are done at once.
    pub(crate) fn counted(&mut self, done: usize, all: usize, what: &str, news: Progress) {
        let pause = if self.terminal { REDRAWN } else { PLAIN };
        if self.last.is_none_or(|last| last.elapsed() >= pause) {
            self.write(&format!("{done} of {all} mutants, {what}: {}", words(news)));
        }
    }

    /// Wipes the line before results are written.
    pub(crate) fn clear(&mut self) {
        if self.drawn {
            self.put("\r\x1b[2K");
            self.drawn = false;
        }
    }

    fn write(&mut self, text: &str) {
        self.last = Some(Instant::now());
        if self.terminal {
            // A line that wraps could not be rewritten.
            let width = screen::columns(&std::io::stderr()).unwrap_or(80).saturating_sub(1);
            let text: String = text.chars().take(width).collect();
            self.put(&format!("\r\x1b[2K{text}"));
            self.drawn = true;
        } else {
            self.put(&format!("{text}\n"));
        }
    }

    fn put(&self, text: &str) {
        // Nobody has to read it.
        let mut out = std::io::stderr();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.clear();
    }
}

fn promise(news: Progress) -> Promise {
    match news {
        Progress::Searched(promise, ..) | Progress::Confirming(promise, _) => promise,
        Progress::Shrinking(promise, ..) | Progress::Replaying(promise, _) | Progress::Compared(promise, ..) => promise,
    }
}

fn beginning(news: Progress) -> &'static str {
    if matches!(news, Progress::Compared(..)) { "comparing" } else { "searching" }
}

fn words(news: Progress) -> String {
    match news {
        Progress::Searched(_, done, Some(all)) | Progress::Compared(_, done, all) => format!("{done} of {all} interleavings"),
        Progress::Searched(_, done, None) => format!("{done} interleavings"),
        Progress::Confirming(_, rule) => format!("{} seems to be broken, confirming", rule.id),
        Progress::Shrinking(_, rule, 1) => format!("shrinking what breaks {}: 1 step", rule.id),
        Progress::Shrinking(_, rule, steps) => format!("shrinking what breaks {}: {steps} steps", rule.id),
        Progress::Replaying(_, rule) => format!("replaying what breaks {}", rule.id),
    }
}
