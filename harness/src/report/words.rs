//! The words that several texts use.

use crate::history::{Ending, Outcome, SessionId, Skip, Witness};
use crate::pool::ErrorKind;
use crate::verdict::Verdict;

use super::clean::cleaned;

/// Stands before the epilogue.
pub(super) const FINAL_CHECK: &str = "final check";
/// Stands where the rest of the epilogue tells nothing more.
pub(super) const FINAL_CHECK_WENT_ON: &str = "… final check went on";
/// Stands where the ledger was read.
pub(super) const ROW_CHECK: &str = "row check";
/// Heads the column of what passed the tap.
pub(super) const WIRE: &str = "wire";
/// Stands after a step that is still waiting while another one starts.
pub(super) const WAITS: &str = " … waits";
/// Stands where a step succeeded after it had waited.
pub(super) const DONE: &str = "→ done";
/// Stands where a checkout waited in vain, and nothing else was possible.
pub(super) const TIMED_OUT_AS_EXPECTED: &str = "→ timed out, as it must";
/// Stands at a step of a process that is stuck.
pub(super) const NEVER_ENDS: &str = "→ never ends";
/// Stands at a step for which the clock ran out.
pub(super) const LATE: &str = "→ does not end in time";
/// A fault is undone before the final check.
pub(super) const ACCEPTING: &str = "the server takes new sessions again";
/// Stands behind a goodbye that ended the session of another process.
pub(super) const ENDS_SESSION: &str = ", which ends it";
/// Stands for bytes of which nobody can tell what they say.
pub(super) const ENCRYPTED: &str = "encrypted bytes";
/// Stands before what was broken first.
pub(super) const FIRST: &str = "▶";
/// Stands before what was broken after it.
pub(super) const THEN: &str = "▷";

/// A verdict in a few words.
pub fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed { exercised: 1 } => "passed, 1 opportunity".to_owned(),
        Verdict::Passed { exercised } => format!("passed, {exercised} opportunities"),
        Verdict::Failed(evidence) => format!("broken: {}", cleaned(&evidence.sentence)),
        Verdict::Consequence { of, evidence } => format!("broken after {of}: {}", cleaned(&evidence.sentence)),
        Verdict::Refused => "the pool refused in the child, which is safe".to_owned(),
        Verdict::NotExercised => "not exercised".to_owned(),
        Verdict::NoVerdict(why) => format!("no verdict: {}", cleaned(why)),
        Verdict::NotVisible => "cannot be seen on this server or transport".to_owned(),
        Verdict::NotOffered => "not offered by the pool".to_owned(),
        Verdict::NotApplicable => "the promise excludes it".to_owned(),
    }
}

/// Sessions by name.
pub(super) fn names(sessions: &[SessionId]) -> String {
    sessions.iter().map(SessionId::to_string).collect::<Vec<_>>().join(", ")
}

/// Why a step was skipped.
pub fn skip(why: Skip) -> &'static str {
    match why {
        Skip::NoSuchName => "a name in it stands for nothing here",
        Skip::Promise => "the promise forbids it",
        Skip::DoesNotApply => "it does not fit what was before",
        Skip::Limit => "a limit of poolproof was reached",
    }
}

/// How a process ended.
pub fn ending(ending: Ending) -> String {
    match ending {
        Ending::Code(code) => format!("ended with exit code {code}"),
        Ending::Signal(number) => format!("died of {}", signal(number)),
    }
}

/// A signal's name, by the numbers of signal(7) on Linux, where every history is made.
pub fn signal(number: i32) -> String {
    let name = match number {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}

/// What came of a step, where that is not plain success.
pub(super) fn outcome(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done | Outcome::Rows(_) => None,
        Outcome::Error { kind, message } => {
            let what = match kind {
                ErrorKind::TimedOut => "timed out",
                ErrorKind::Refused => "refused",
                ErrorKind::Closed => "closed",
                ErrorKind::Database | ErrorKind::Other => "error",
            };
            Some(format!("→ {what}: {}", cleaned(message)).trim_end_matches([':', ' ']).to_owned())
        }
        Outcome::Panicked(words) => Some(format!("→ panicked: {}", cleaned(words)).trim_end_matches([':', ' ']).to_owned()),
        Outcome::NotOffered => Some("→ not offered".to_owned()),
    }
}

/// Who wrote what on which session: `p0 ▸ Query on c0`.
pub(super) fn wrote(writer: Witness, frames: &[&str], session: impl std::fmt::Display) -> String {
    let what = match frames {
        [] => "part of a message".to_owned(),
        [first, .., last] if frames.len() > 3 => format!("{first} … {last}, {} messages,", frames.len()),
        few => few.join(", "),
    };
    format!("{writer} ▸ {what} on {session}")
}
