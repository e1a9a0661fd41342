//! What a run comes to: the morning summary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::situations::Situation;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) pool: String,
    /// Interleavings that libFuzzer asked for; those of confirming and shrinking are not among them.
    pub(super) executions: u64,
    /// How long these took.
    pub(super) executing: Duration,
    /// Interleavings of which some rule had no verdict.
    pub(super) undecided: u64,
    /// The names of new findings, with the number of the execution that showed each.
    pub(super) new: Vec<(String, u64)>,
    /// How often each known one was seen, the new ones included.
    pub(super) known: BTreeMap<String, u64>,
    /// What failed once and not again.
    pub(super) unsteady: u64,
    /// Findings for which the quota left no room.
    pub(super) beyond_quota: u64,
    pub(super) situations: BTreeSet<Situation>,
    /// A panic of poolproof itself ended it.
    pub(super) panicked: bool,
    /// What could not be removed at the end; `None` while the run goes on.
    pub(super) left: Option<Result<(), String>>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.executing.as_secs_f64();
        let rate = if seconds > 0.0 { self.executions as f64 / seconds } else { 0.0 };
        writeln!(f, "poolproof: {} after {} executions, {rate:.0} a second", self.pool, self.executions)?;
        writeln!(f, "  new findings        {}", self.new.len())?;
        for (name, execution) in &self.new {
            writeln!(f, "    {name}, in execution {execution}")?;
        }
        writeln!(f, "  known findings      {}", self.known.len())?;
        for (name, count) in &self.known {
            writeln!(f, "    {name} × {count}")?;
        }
        writeln!(f, "  not steady          {}", self.unsteady)?;
        writeln!(f, "  no verdict          {}", self.undecided)?;
        if self.beyond_quota > 0 {
            writeln!(f, "  not saved, quota    {}", self.beyond_quota)?;
        }
        writeln!(f, "  situations gained   {}", self.situations.len())?;
        if self.panicked {
            writeln!(f, "  ended by a panic of poolproof itself, which is told above: please report it")?;
        }
        match &self.left {
            None => writeln!(f, "  leftovers           not known: the run did not end in order"),
            Some(Ok(())) => writeln!(f, "  leftovers           none"),
            Some(Err(what)) => writeln!(f, "  leftovers           {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_is_new_and_what_was_known() {
        let mut tally = Tally { pool: "some-pool".to_owned(), executions: 500, ..Tally::default() };
        tally.executing = Duration::from_secs(2);
        tally.new.push(("anything.OWN-1.goodbye".to_owned(), 7));
        tally.known.insert("anything.OWN-1.goodbye".to_owned(), 41);
        tally.left = Some(Ok(()));
        let text = tally.to_string();
        for part in ["500 executions, 250 a second", "in execution 7", "OWN-1.goodbye × 41", "leftovers           none"] {
            assert!(text.contains(part), "'{part}' is missing in:\n{text}");
        }
    }
}
