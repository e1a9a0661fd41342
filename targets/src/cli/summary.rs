//! What a pool's cells come to: a word for the table, an exit code, and the promises under which the pool is safe.

use std::collections::BTreeSet;
use std::time::Duration;

use poolproof::certificate::Conclusion;
use poolproof::certify::Cell;
use poolproof::generate::Source;
use poolproof::report::{self, Style, wrapped};
use poolproof::verdict::Verdict;
use poolproof::{Promise, Transport};

use super::exit::Code;

/// What was found of one pool.
pub(crate) struct Certified {
    /// Its name.
    pub(crate) pool: &'static str,
    /// The server's name and version.
    pub(crate) server: String,
    /// The same, without the transport to it.
    pub(crate) product: String,
    /// The server is embedded.
    pub(crate) embedded: bool,
    /// The pool goes the same way each time.
    pub(crate) repeats: bool,
    /// What it did under each promise.
    pub(crate) cells: Vec<Cell>,
}

/// What the command ends with, if there is nothing graver.
pub(crate) fn code(conclusion: &Conclusion) -> Code {
    match conclusion {
        Conclusion::Passed | Conclusion::Broken(_, false) | Conclusion::NotOffered => Code::Passed,
        Conclusion::Broken(_, true) => Code::Broken,
        // What cannot be seen is no verdict either.
        Conclusion::NoVerdict(_) | Conclusion::Unseen(_) => Code::NoVerdict,
        Conclusion::NothingExercised | Conclusion::NotExercised(_) | Conclusion::Unreached(_) => Code::NotExercised,
    }
}

impl Certified {
    /// The server, as it was reached where something was seen.
    pub(crate) fn server_over(&self, transport: Transport) -> String {
        transport.after(&self.product)
    }

    /// The lines below the table.
    pub(crate) fn lines(&self, width: usize) -> String {
        let mut lines = vec![self.speed()];
        lines.extend(self.sources());
        lines.extend(self.situations());
        let (safe, unsafe_under) = self.promises();
        let list = |promises: &[Promise]| promises.iter().map(|promise| promise.name()).collect::<Vec<_>>().join(", ");
        if !safe.is_empty() {
            lines.push(format!("safe under: {}", list(&safe)));
        }
        if !unsafe_under.is_empty() {
            lines.push(format!("not safe under: {}", list(&unsafe_under)));
        }
        lines.extend(self.cells.iter().filter_map(undecided));
        lines.extend(self.twice());
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
        let stalled = match self.cells.iter().map(|cell| cell.stalled).sum::<u64>() {
            0 => String::new(),
            stalled => format!(", a reply withheld in {stalled} of them"),
        };
        format!("{cases} {unit}{saved}, {rate:.0} a second{stalled}, {share} % of their steps skipped{own}")
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

    /// How many of the required situations were reached under each promise, and which were not.
    fn situations(&self) -> Vec<String> {
        let (short, missing): (Vec<_>, Vec<_>) =
            self.cells.iter().map(|cell| report::reached(cell.promise, &cell.situations)).unzip();
        [format!("situations reached: {}", short.join(" · "))].into_iter().chain(missing.into_iter().flatten()).collect()
    }

    /// What did not go the same way twice.
    fn twice(&self) -> Option<String> {
        let unlike = self.cells.iter().map(|cell| cell.unlike.len()).sum::<usize>() as u64;
        let told = if self.repeats { "A DEFECT OF POOLPROOF" } else { "the pool has threads, a clock or chance of its own" };
        (unlike > 0).then(|| format!("{} did not go the same way twice: {told}", counted(unlike, "interleaving")))
    }

    /// A pool that goes the same way each time did not: the harness is at fault.
    pub(crate) fn shows_a_defect(&self) -> bool {
        self.repeats && self.cells.iter().any(|cell| !cell.unlike.is_empty())
    }

    /// The weakest promises under which every MUST held, and those under which one was broken.
    fn promises(&self) -> (Vec<Promise>, Vec<Promise>) {
        let under = |wanted: fn(&Conclusion) -> bool| {
            self.cells.iter().filter(|cell| wanted(&Conclusion::of(cell))).map(|cell| cell.promise).collect::<Vec<_>>()
        };
        (weakest(&under(Conclusion::is_safe)), under(Conclusion::is_unsafe))
    }
}

/// What did not go the same way twice, and how to look at it.
pub(crate) fn twice(certified: &Certified, promise: Promise, what: &str, command: &str, style: Style) -> String {
    let pool = certified.pool;
    let (heading, meaning) = if certified.repeats {
        let heading =
            style.alarm(&format!("A defect of poolproof: the same interleaving of {pool} went two ways under {promise}"));
        (heading, "nothing that this run says can be relied on; please report it with the saved interleaving")
    } else {
        let heading = style.strong(&format!("An interleaving of {pool} went two ways under {promise}"));
        (heading, "a pool with threads, a clock or chance of its own may do so")
    };
    let lines = wrapped(&format!("{what}; {meaning}"), style.width.saturating_sub(2)).join("\n  ");
    format!("{heading}\n  {lines}\n  {command}\n")
}

fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Why there is no verdict, or too little was exercised.
fn undecided(cell: &Cell) -> Option<String> {
    match Conclusion::of(cell) {
        Conclusion::NoVerdict(rules) => {
            let why = cell.verdicts.iter().find_map(|(rule, verdict)| match verdict {
                Verdict::NoVerdict(why) if rules.contains(&rule.id) => Some(why.as_str()),
                _ => None,
            });
            Some(format!("no verdict under {} on {}: {}", cell.promise, rules.join(", "), why.unwrap_or("no reason is known")))
        }
        Conclusion::NotExercised(rules) => {
            Some(format!("under {} nothing could break {}: run more cases", cell.promise, rules.join(", ")))
        }
        Conclusion::NothingExercised => Some(format!("under {} nothing could break any rule: run more cases", cell.promise)),
        Conclusion::Unseen(rules) => Some(format!(
            "under {} every effect is right; {} must be seen on a Unix socket: `--transport unix` shows them",
            cell.promise,
            rules.join(" and ")
        )),
        Conclusion::Unreached(_) => Some(format!("under {} too little was exercised: see the situations above", cell.promise)),
        Conclusion::Passed | Conclusion::Broken(..) | Conclusion::NotOffered => None,
    }
}

/// Those promises that are not included in another one of them.
fn weakest(promises: &[Promise]) -> Vec<Promise> {
    let included: BTreeSet<Promise> = promises.iter().flat_map(|promise| promise.below()).collect();
    promises.iter().copied().filter(|promise| !included.contains(promise)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_weakest_promises_are_named() {
        use Promise::{ChildDrops, ChildLeaks, ChildUsesPool, DisposeBeforeFork, ThreadsOnly};
        assert_eq!(weakest(&[ChildUsesPool, ChildDrops, ChildLeaks, DisposeBeforeFork, ThreadsOnly]), [ChildUsesPool]);
        assert_eq!(weakest(&[ChildLeaks, DisposeBeforeFork, ThreadsOnly]), [ChildLeaks, DisposeBeforeFork]);
        assert_eq!(weakest(&[ThreadsOnly]), [ThreadsOnly]);
    }
}
