//! The standard output: how wide it is, whether it has colours, and what to do when nobody reads it.

use std::io::{IsTerminal, Write};

use poolproof::report::Style;

use super::exit::Stop;

/// Lines are never longer than this.
const WIDEST: usize = 100;

/// Where results go.
pub(crate) struct Screen {
    /// How they are to look.
    pub(crate) style: Style,
    out: std::io::Stdout,
}

impl Screen {
    /// The standard output. Colours are for terminals, and for those who have not set `NO_COLOR` (see no-color.org).
    pub(crate) fn of_stdout() -> Self {
        let out = std::io::stdout();
        let terminal = out.is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = if terminal { columns(&out).unwrap_or(WIDEST).min(WIDEST) } else { WIDEST };
        Self { style: Style { colour, width }, out }
    }

    /// Writes a text that brings its own line ends.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Stop> {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|error| Stop::output(&error))
    }
}

/// The width of a terminal.
#[cfg(unix)]
pub(crate) fn columns(terminal: &impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// The width of a terminal; it is not asked for here.
#[cfg(not(unix))]
pub(crate) fn columns<T>(_terminal: &T) -> Option<usize> {
    None
}
