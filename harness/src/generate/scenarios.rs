//! One interleaving for each failure that is known from the field and that today's steps can express: see `docs/scenarios.md`.

use std::sync::LazyLock;

use super::follow;
use crate::interleaving::{Interleaving, Op, parse};
use crate::promise::Promise;

/// A failure from the field as an interleaving.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of its file, without the ending.
    pub file: &'static str,
    /// What happens: the first line of the file.
    pub name: &'static str,
    /// What one sees: the second line.
    pub seen: &'static str,
    /// A third line says where steps of it are skipped.
    pub may_skip: bool,
    /// The interleaving, under a promise that allows each of its steps.
    pub interleaving: Interleaving,
}

macro_rules! texts {
    ($($file:literal),* $(,)?) => { &[$(($file, include_str!(concat!("../../scenarios/", $file, ".interleaving")))),*] };
}

/// Every file of `harness/scenarios`, in the order in which they are run.
const TEXTS: &[(&str, &str)] = texts![
    "finaliser-says-goodbye",
    "broken-connection-kept",
    "dispose-says-goodbye",
    "guard-then-collected",
    "exit-handlers",
    "idle-connection-inherited",
    "rolled-back-by-the-child",
    "committed-by-the-child",
    "joined",
    "aborted-by-the-childs-exit",
    "lock-held-at-fork",
    "worker-missing",
    "waiters-copied",
    "counters-copied",
    "runtime-workers-gone",
    "shared-epoll",
    "only-at-checkout",
    "health-check-first",
    "double-fork",
    "health-check-and-guard",
    "reopened-in-the-window",
    "fd-kept-by-a-child",
    "orphan-after-dispose",
    "returned-twice",
    "two-threads-one-session",
    "disposed-under-a-user",
    "generator-copied",
    "lock-held-while-connecting",
    "discard-then-collected",
    "statement-finaliser",
    "statement-names-clash",
    "frames-interleave",
    "wrong-reply",
    "read-stolen",
    "session-state-leaks",
    "cancel-inherited",
    "returned-dirty",
    "two-threads-reset",
    "runtime-dropped-in-the-child",
    "pid-reused",
    "hook-not-run",
    "daemon",
    "exec-keeps-it",
    "lost-wake-up",
    "shutdown",
    "commit-in-doubt",
    "commit-before-its-reply",
    "insert-sent-again",
    "transaction-goes-on-elsewhere",
    "half-a-reply",
    "connect-broken-off",
    "server-restarted",
    "server-refuses",
    "server-is-full",
    "broken-while-somebody-waits",
];

static ALL: LazyLock<Vec<Scenario>> = LazyLock::new(|| TEXTS.iter().filter_map(|(file, text)| read(file, text)).collect());

/// Every scenario.
pub fn all() -> &'static [Scenario] {
    &ALL
}

fn read(file: &'static str, text: &'static str) -> Option<Scenario> {
    let mut comments = text.lines().map_while(|line| line.strip_prefix("# "));
    let (name, seen) = (comments.next()?, comments.next()?);
    let may_skip = comments.any(|line| line.starts_with("Where "));
    Some(Scenario { file, name, seen, may_skip, interleaving: parse(text).ok()? })
}

/// The scenarios under another promise, without those that it does not fit: a promise that forbids a fork, or more than a quarter of
/// the steps, leaves another story. Those in which the server fails are [`faulty`].
pub fn fitting(promise: Promise) -> impl Iterator<Item = Interleaving> {
    under(promise).filter(|interleaving| !is_faulty(interleaving))
}

/// The scenarios in which the server does more than to end a session.
pub fn faulty(promise: Promise) -> impl Iterator<Item = Interleaving> {
    under(promise).filter(is_faulty)
}

fn under(promise: Promise) -> impl Iterator<Item = Interleaving> {
    all().iter().map(move |scenario| Interleaving { promise, ..scenario.interleaving.clone() }).filter(fits)
}

fn is_faulty(interleaving: &Interleaving) -> bool {
    interleaving.steps.iter().any(|step| step.is_fault() && !matches!(step.op, Op::EndSession(_)))
}

fn fits(interleaving: &Interleaving) -> bool {
    let done = follow::carried_out(interleaving);
    let skipped = || interleaving.steps.iter().zip(&done).filter(|(_, done)| !**done).map(|(step, _)| step);
    skipped().count() * 4 <= done.len() && !skipped().any(|step| matches!(step.op, Op::Fork(..)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn directory() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"))
    }

    fn files() -> BTreeSet<String> {
        let entries = std::fs::read_dir(directory()).expect("the directory of scenarios");
        let name =
            |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name().to_string_lossy().into_owned();
        entries.map(name).collect()
    }

    /// A file that is not in the list would never be run.
    #[test]
    fn the_list_and_the_directory_agree() {
        let listed: Vec<String> = TEXTS.iter().map(|(file, _)| format!("{file}.interleaving")).collect();
        assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), files());
        assert_eq!(listed.len(), files().len(), "a file is listed twice");
        assert_eq!(all().len(), TEXTS.len(), "a file has no name, no line on what is seen, or a typo");
    }

    /// The table tells what there is, and there is what it tells.
    #[test]
    fn the_table_and_the_directory_agree() {
        let table = std::fs::read_to_string(directory().join("../../docs/scenarios.md")).expect("the table");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| ")).map(|row| row.split(" | ").collect::<Vec<_>>());
        let linked = |cell: &str| cell.strip_prefix('`').and_then(|cell| cell.strip_suffix(".interleaving`")).map(str::to_owned);
        let rows: Vec<(String, String)> =
            rows.filter_map(|row| Some(((*row.first()?).to_owned(), linked(row.get(1)?)?))).collect();
        let wanted: Vec<(String, String)> =
            all().iter().map(|scenario| (scenario.name.to_owned(), scenario.file.to_owned())).collect();
        assert_eq!(rows, wanted);
        let later = table.lines().find_map(|line| line.strip_prefix("Rules that are not checked yet: ")).unwrap_or_default();
        for row in table.lines().filter(|line| line.contains(".interleaving` | ")) {
            let rules = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
            assert!(rules.split(", ").all(|rule| crate::rules::find(rule).is_some() || later.contains(rule)), "{row}");
        }
    }

    /// A scenario of which a step is skipped tells another story.
    #[test]
    fn every_step_of_a_scenario_applies_under_its_promise() {
        for Scenario { file, interleaving, .. } in all() {
            assert!(follow::carried_out(interleaving).iter().all(|done| *done), "{file}: {interleaving}");
        }
    }

    #[test]
    fn a_larger_promise_has_more_scenarios_and_no_forks_none_of_them() {
        let count = |promise| fitting(promise).count();
        assert_eq!(count(Promise::Anything) + faulty(Promise::Anything).count(), all().len());
        assert!(count(Promise::ChildUsesPool) > count(Promise::ChildDrops));
        assert!(count(Promise::ThreadsOnly) > 0);
        let forks = |interleaving: Interleaving| interleaving.steps.iter().any(|step| matches!(step.op, Op::Fork(..)));
        assert!(!fitting(Promise::ThreadsOnly).any(forks));
    }
}
