//! From results to text: pure functions that give a `String`. Nothing here prints, and nothing knows a terminal.
//!
//! | file | what |
//! | --- | --- |
//! | `rows.rs`, `wire.rs` | what of a history is shown, as rows |
//! | `draw.rs` | rows as lines: a lane for each actor and one for the wire |
//! | `lanes.rs` | one execution: which rows, and the evidence below them |
//! | `timeline.rs` | the same rows as data, for other pictures |
//! | `text.rs` | a whole failure, the verdicts of a promise, a rule |
//! | `plan.rs` | an interleaving that nobody has executed |
//! | `book.rs` | all promises and rules: `RULES.md` |
//! | `situations.rs` | what was exercised |
//! | `words.rs` | the words that several of them use |
//! | `clean.rs` | quoted words without what differs from run to run |
//!
//! The text of a failure depends on the interleaving alone: no pid, no time, no run number gets into it. What pools and servers
//! say is therefore cleaned of these before it is quoted.

mod book;
pub(crate) mod clean;
mod draw;
mod lanes;
mod plan;
mod rows;
mod situations;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod wire;
mod words;

pub use book::book;
pub use draw::wrapped;
pub use lanes::{Told, lanes, told};
pub use plan::plan;
pub use situations::{reached, situations};
pub use text::{Finding, Ground, failure, rule, rules, verdict_table};
pub use timeline::{Beat, Broken, Passed, Timeline, timeline};
pub use words::{ending, signal, skip, verdict};

/// How a text is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// With the colours of a terminal.
    pub colour: bool,
    /// The most columns that a line may have; less than 60 is taken as 60.
    pub width: usize,
}

impl Default for Style {
    /// No colours, 100 columns: what a file or a mail wants.
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

impl Style {
    /// What matters most: the violating event.
    pub fn alarm(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// A heading.
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What may be passed over.
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What is well.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Paints text that is already as wide as it shall be: the codes would be counted.
    fn paint(self, code: &str, text: &str) -> String {
        match self.colour && !text.trim().is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    fn columns(self) -> usize {
        self.width.max(60)
    }
}
