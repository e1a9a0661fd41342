//! What a pool's cells come to: a word for the table, an exit code, and the promises under which the pool is safe.

use std::collections::BTreeSet;
use std::time::Duration;

use poolproof::Promise;
use poolproof::certify::Cell;
use poolproof::generate::Source;
use poolproof::report::wrapped;
use poolproof::rules::{Level, Rule};
use poolproof::verdict::Verdict;

use super::exit::Code;

/// What was found of one pool.
pub(crate) struct Certified {
    /// Its name.
    pub(crate) pool: &'static str,
    /// The server's name and version.
    pub(crate) server: String,
    /// The server is embedded.
    pub(crate) embedded: bool,
    /// What it did under each promise.
    pub(crate) cells: Vec<Cell>,
}

/// What a pool did under one promise, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// Every MUST held.
    Passed,
    /// These rules were broken; whether a MUST is among them.
    Broken(Vec<&'static str>, bool),
    /// The evidence does not decide on these rules.
    NoVerdict(Vec<&'static str>),
    /// The pool has nothing with which this promise could be kept.
    NotOffered,
    /// Nothing could be broken.
    NothingExercised,
    /// These MUST had no opportunity to be broken.
    NotExercised(Vec<&'static str>),
}

impl Short {
    /// The shorter form of a cell.
    pub(crate) fn of(cell: &Cell) -> Self {
        let certain = cell.failures.iter().filter(|failure| failure.is_certain());
        Self::from(certain.map(|failure| failure.rule), &cell.verdicts)
    }

    fn from(broken: impl Iterator<Item = &'static Rule>, verdicts: &[(&'static Rule, Verdict)]) -> Self {
        let broken: Vec<&Rule> = broken.collect();
        let is_must = |rule: &Rule| rule.level == Level::Must;
        if broken.iter().any(|rule| is_must(rule)) {
            return Self::Broken(broken.iter().map(|rule| rule.id).collect(), true);
        }
        let musts = || verdicts.iter().filter(|(rule, _)| is_must(rule));
        let that = |kind: fn(&Verdict) -> bool| {
            musts().filter(|(_, verdict)| kind(verdict)).map(|(rule, _)| rule.id).collect::<Vec<_>>()
        };
        let undecided = that(|verdict| matches!(verdict, Verdict::NoVerdict(_)));
        let idle = that(|verdict| matches!(verdict, Verdict::NotExercised));
        let busy = that(|verdict| matches!(verdict, Verdict::Passed { .. } | Verdict::Refused));
        if musts().all(|(_, verdict)| *verdict == Verdict::NotOffered) {
            return Self::NotOffered;
        }
        match (undecided.is_empty(), idle.is_empty(), busy.is_empty()) {
            (false, ..) => Self::NoVerdict(undecided),
            (true, _, true) => Self::NothingExercised,
            (true, false, false) => Self::NotExercised(idle),
            (true, true, false) if broken.is_empty() => Self::Passed,
            (true, true, false) => Self::Broken(broken.iter().map(|rule| rule.id).collect(), false),
        }
    }

    /// What stands in the table.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Passed => "ok".to_owned(),
            Self::Broken(rules, true) => rules.join(" "),
            Self::Broken(rules, false) => format!("ok, but {}", rules.join(" ")),
            Self::NoVerdict(_) => "no verdict".to_owned(),
            Self::NotOffered => "not offered".to_owned(),
            Self::NothingExercised => "nothing exercised".to_owned(),
            Self::NotExercised(rules) => format!("not exercised: {}", rules.join(" ")),
        }
    }

    /// What the command ends with, if there is nothing graver.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Passed | Self::Broken(_, false) | Self::NotOffered => Code::Passed,
            Self::Broken(_, true) => Code::Broken,
            Self::NoVerdict(_) => Code::NoVerdict,
            Self::NothingExercised | Self::NotExercised(_) => Code::NotExercised,
        }
    }
}

impl Certified {
    /// The lines below the table.
    pub(crate) fn lines(&self, width: usize) -> String {
        let mut lines = vec![self.speed()];
        lines.extend(self.sources());
        let (safe, unsafe_under) = self.promises();
        let list = |promises: &[Promise]| promises.iter().map(|promise| promise.name()).collect::<Vec<_>>().join(", ");
        if !safe.is_empty() {
            lines.push(format!("safe under: {}", list(&safe)));
        }
        if !unsafe_under.is_empty() {
            lines.push(format!("not safe under: {}", list(&unsafe_under)));
        }
        lines.extend(self.cells.iter().filter_map(undecided));
        let mut text = format!("{} on {}\n", self.pool, self.server);
        for line in lines {
            for (nth, line) in wrapped(&line, width.saturating_sub(4)).iter().enumerate() {
                text.push_str(&format!("  {}{line}\n", if nth == 0 { "" } else { "  " }));
            }
        }
        text
    }

    fn speed(&self) -> String {
        let cases: u64 = self.cells.iter().map(|cell| cell.cases).sum();
        let known: u64 = self.cells.iter().map(|cell| cell.known).sum();
        let searched: Duration = self.cells.iter().map(|cell| cell.searched).sum();
        let (steps, skipped) = self.cells.iter().fold((0, 0), |sum, cell| (sum.0 + cell.steps.0, sum.1 + cell.steps.1));
        let saved = if known > 0 { format!(" ({known} of them saved ones)") } else { String::new() };
        let rate = cases as f64 / searched.as_secs_f64().max(0.001);
        let share = 100 * skipped / u64::max(steps, 1);
        let own =
            self.cells.iter().flat_map(|cell| &cell.first_seen).filter(|(rule, _)| *rule == "OWN-1").map(|(_, when)| *when).min();
        let own = own.map_or_else(String::new, |when| format!("; OWN-1 first seen after {:.2} s", when.as_secs_f64()));
        let unit = if cases == 1 { "interleaving" } else { "interleavings" };
        format!("{cases} {unit}{saved}, {rate:.0} a second, {share} % of their steps skipped{own}")
    }

    /// What each source gave and found, over all promises.
    fn sources(&self) -> Option<String> {
        let shares = || self.cells.iter().flat_map(|cell| &cell.sources);
        let mut words = Vec::new();
        for source in Source::ALL.into_iter().filter(|source| shares().any(|share| share.source == *source)) {
            let of = shares().filter(|share| share.source == source);
            let (cases, broken) = of.fold((0, 0), |sum, share| (sum.0 + share.cases, sum.1 + share.broken));
            words.push(match words.is_empty() {
                true => format!("{source} {}, {}", counted(cases, "case"), counted(broken, "failure")),
                false => format!("{source} {cases}, {broken}"),
            });
        }
        (!words.is_empty()).then(|| words.join(" · "))
    }

    /// The weakest promises under which every MUST held, and those under which one was broken.
    fn promises(&self) -> (Vec<Promise>, Vec<Promise>) {
        let under = |wanted: fn(&Short) -> bool| {
            self.cells.iter().filter(|cell| wanted(&Short::of(cell))).map(|cell| cell.promise).collect::<Vec<_>>()
        };
        (
            weakest(&under(|short| short.code() == Code::Passed && *short != Short::NotOffered)),
            under(|short| short.code() == Code::Broken),
        )
    }
}

fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Why there is no verdict, or too little was exercised.
fn undecided(cell: &Cell) -> Option<String> {
    match Short::of(cell) {
        Short::NoVerdict(rules) => {
            let why = cell.verdicts.iter().find_map(|(rule, verdict)| match verdict {
                Verdict::NoVerdict(why) if rules.contains(&rule.id) => Some(why.as_str()),
                _ => None,
            });
            Some(format!("no verdict under {} on {}: {}", cell.promise, rules.join(", "), why.unwrap_or("no reason is known")))
        }
        Short::NotExercised(rules) => {
            Some(format!("under {} nothing could break {}: run more cases", cell.promise, rules.join(", ")))
        }
        Short::NothingExercised => Some(format!("under {} nothing could break any rule: run more cases", cell.promise)),
        Short::Passed | Short::Broken(..) | Short::NotOffered => None,
    }
}

/// Those promises that are not included in another one of them.
fn weakest(promises: &[Promise]) -> Vec<Promise> {
    let included: BTreeSet<Promise> = promises.iter().flat_map(|promise| below(*promise)).collect();
    promises.iter().copied().filter(|promise| !included.contains(promise)).collect()
}

fn below(promise: Promise) -> BTreeSet<Promise> {
    promise.includes().iter().flat_map(|included| below(*included).into_iter().chain([*included])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolproof::rules::ALL;

    fn verdicts(kinds: &[Verdict]) -> Vec<(&'static Rule, Verdict)> {
        ALL.iter().zip(kinds.iter().cloned()).collect()
    }

    #[test]
    fn a_cell_is_green_only_if_every_must_was_exercised_and_held() {
        let passed = || Verdict::Passed { exercised: 3 };
        let short = |broken: &[&'static Rule], kinds: &[Verdict]| Short::from(broken.iter().copied(), &verdicts(kinds));
        assert_eq!(short(&[], &[passed(), Verdict::NotApplicable]), Short::Passed);
        assert_eq!(short(&[], &[passed(), Verdict::NotExercised]), Short::NotExercised(vec![ALL[1].id]));
        assert_eq!(short(&[], &[Verdict::NotExercised, Verdict::NotApplicable]), Short::NothingExercised);
        assert_eq!(
            short(&[], &[Verdict::NotExercised, passed(), Verdict::NoVerdict("why".into())]),
            Short::NoVerdict(vec![ALL[2].id])
        );
        assert_eq!(short(&[&ALL[0]], &[passed(), Verdict::NoVerdict("why".into())]), Short::Broken(vec![ALL[0].id], true));
        assert_eq!(short(&[], &[Verdict::NotOffered, Verdict::NotOffered]), Short::NotOffered);
        assert_eq!(short(&[], &[passed(), Verdict::NotOffered]), Short::Passed);
        assert_eq!(short(&[&ALL[0]], &[passed()]).code(), Code::Broken);
        assert_eq!(short(&[], &[passed()]).code(), Code::Passed);
    }

    #[test]
    fn only_the_weakest_promises_are_named() {
        use Promise::{ChildDrops, ChildLeaks, ChildUsesPool, DisposeBeforeFork, ThreadsOnly};
        assert_eq!(weakest(&[ChildUsesPool, ChildDrops, ChildLeaks, DisposeBeforeFork, ThreadsOnly]), [ChildUsesPool]);
        assert_eq!(weakest(&[ChildLeaks, DisposeBeforeFork, ThreadsOnly]), [ChildLeaks, DisposeBeforeFork]);
        assert_eq!(weakest(&[ThreadsOnly]), [ThreadsOnly]);
    }
}
