//! What PostgreSQL says when something is wrong.

use std::borrow::Cow;

/// An error, or a mere notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) severity: &'static str,
    /// SQLSTATE.
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The byte in the statement that it is about.
    pub(super) offset: Option<usize>,
    pub(super) detail: Option<Cow<'static, str>>,
}

impl Problem {
    /// The statement failed.
    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: "ERROR", code, message: message.into(), offset: None, detail: None }
    }

    /// The session ends.
    pub(super) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: "FATAL", ..Self::error(code, message) }
    }

    /// Something odd that does no harm.
    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: "WARNING", ..Self::error(code, message) }
    }

    /// With the byte in the statement that it is about.
    pub(super) fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// With a second sentence.
    pub(super) fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Why a statement did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Problem(Problem),
    /// It waits for a lock; it begins again once it has it.
    Wait,
    /// It has ended its own session.
    End,
    /// This server does not know what it asks for. With the error that is due; the message gets the statement added.
    Unknown(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
