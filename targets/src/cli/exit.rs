//! How a command ends: its exit code, and the words for an end before the end.

use std::fmt::Display;
use std::process::ExitCode;

use poolproof::trouble::Trouble;

/// What a command's exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Everything that was asked is well.
    Passed,
    /// A promised MUST was broken, or servers that should agree do not.
    Broken,
    /// The command line or a file that it names is wrong.
    Usage,
    /// The machine, a server or a directory does not allow it.
    Environment,
    /// A promised MUST had no opportunity to be broken.
    NotExercised,
    /// The evidence does not decide.
    NoVerdict,
    /// poolproof is wrong.
    Bug,
    /// Ctrl-C.
    Interrupted,
    /// That of a program that was watched.
    Program(u8),
}

impl Code {
    /// The number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Broken => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::NotExercised => 4,
            Self::NoVerdict => 5,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::Program(code) => code,
        }
    }

    /// Of several results the one that a run ends with.
    pub(crate) fn graver(self, other: Self) -> Self {
        let rank = |code: Self| match code {
            Self::Bug => 0,
            Self::Interrupted => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Broken => 4,
            Self::NoVerdict => 5,
            Self::NotExercised => 6,
            Self::Passed | Self::Program(_) => 7,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.number())
    }
}

/// Why a command ends before it is done.
#[derive(Debug)]
pub(crate) struct Stop {
    code: Code,
    message: String,
    hint: Option<String>,
}

impl Stop {
    fn new(code: Code, message: impl Display) -> Self {
        Self { code, message: message.to_string(), hint: None }
    }

    /// What the user said makes no sense.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Code::Usage, message)
    }

    /// What was asked for cannot be done here.
    pub(crate) fn environment(message: impl Display) -> Self {
        Self::new(Code::Environment, message)
    }

    /// A program cannot be started: with the code that shells have for that.
    pub(crate) fn program(missing: bool, message: impl Display) -> Self {
        Self::new(Code::Program(if missing { 127 } else { 126 }), message)
    }

    /// poolproof is wrong.
    pub(crate) fn bug(message: impl Display) -> Self {
        Self::new(Code::Bug, format!("a bug of poolproof: {message}; please report it with the command and its seed"))
    }

    /// This system is not Linux.
    #[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
    pub(crate) fn needs_linux() -> Self {
        let message = "needs Linux: only its kernel says which process wrote which bytes";
        Self::new(Code::Environment, message)
            .hint("run it in a Linux container or virtual machine; `pools`, `rules` and `explain` work here")
    }

    /// Results cannot be written to the standard output.
    pub(crate) fn output(error: &std::io::Error) -> Self {
        // Whoever reads has seen enough (`poolproof rules | head`): there is nobody to tell.
        let quiet = error.kind() == std::io::ErrorKind::BrokenPipe;
        let message = if quiet { String::new() } else { format!("cannot write the results: {error}") };
        Self::new(Code::Environment, message)
    }

    /// A file cannot be written.
    pub(crate) fn unwritable(file: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Code::Environment, format!("cannot write {}: {error}", file.display()))
    }

    /// With what to do next.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Says it on the standard error, and gives the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("error: {}", harmless(&self.message));
        }
        if let Some(hint) = &self.hint {
            eprintln!("hint: {hint}");
        }
        self.code.into()
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        let code = match &trouble {
            Trouble::Interrupted => Code::Interrupted,
            Trouble::Bug(_) => Code::Bug,
            Trouble::Interleaving { .. }
            | Trouble::Certificate { .. }
            | Trouble::Url { .. }
            | Trouble::File { missing: true, .. } => Code::Usage,
            _ => Code::Environment,
        };
        let stop = Self::new(code, &trouble);
        match trouble {
            Trouble::NoServer { .. } => {
                stop.hint("`poolproof pools` says which pool needs which server; `poolproof certify POOL` judges one pool")
            }
            Trouble::Agent(_) => stop.hint(
                "docs/agent-protocol.md says what an agent says and when; `poolproof check-agent COMMAND` says what one does wrong",
            ),
            Trouble::Interleaving { .. } => {
                stop.hint("a file has one step a line, such as `p1 checkout a`; see `poolproof replay --help`")
            }
            _ => stop,
        }
    }
}

/// What others have printed may be quoted in a message, and does nothing to a terminal.
fn harmless(message: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' | '\t' => letter.to_string(),
        letter if letter.is_control() => letter.escape_default().to_string(),
        letter => letter.to_string(),
    };
    message.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_does_nothing_to_a_terminal() {
        let said = harmless("it said \u{1b}[31mred\u{7}\n\tand\0");
        assert_eq!(said, "it said \\u{1b}[31mred\\u{7}\n\tand\\u{0}");
    }

    /// The numbers are a promise to scripts.
    #[test]
    fn the_numbers_are_those_of_the_help() {
        for (code, number) in [
            (Code::Passed, "0  "),
            (Code::Broken, "1  "),
            (Code::Usage, "2  "),
            (Code::Environment, "3  "),
            (Code::NotExercised, "4  "),
            (Code::NoVerdict, "5  "),
            (Code::Bug, "70 "),
            (Code::Interrupted, "130"),
        ] {
            assert_eq!(code.number().to_string(), number.trim());
            assert!(super::super::help::EXIT_CODES.contains(&format!("\n  {number}")), "{number} is not in the help");
        }
    }

    #[test]
    fn a_broken_must_is_never_hidden_by_a_pool_that_passes() {
        assert_eq!(Code::Passed.graver(Code::Broken), Code::Broken);
        assert_eq!(Code::Broken.graver(Code::NoVerdict), Code::Broken);
        assert_eq!(Code::NotExercised.graver(Code::NoVerdict), Code::NoVerdict);
        assert_eq!(Code::NotExercised.graver(Code::Passed), Code::NotExercised);
    }

    #[test]
    fn trouble_is_told_by_whose_fault_it_is() {
        let code = |trouble: Trouble| Stop::from(trouble).code;
        assert_eq!(code(Trouble::Interrupted), Code::Interrupted);
        assert_eq!(code(Trouble::Bug("x".into())), Code::Bug);
        assert_eq!(code(Trouble::CannotAttribute), Code::Environment);
        let file = |missing| Trouble::File { path: "x".into(), cause: "y".into(), missing };
        assert_eq!((code(file(true)), code(file(false))), (Code::Usage, Code::Environment));
        let error = poolproof::interleaving::parse("p0 opn").expect_err("a typo");
        assert_eq!(code(Trouble::Interleaving { path: "x".into(), error }), Code::Usage);
    }
}
