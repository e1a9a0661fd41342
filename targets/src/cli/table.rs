//! The table of pools and promises.

use std::ops::Range;

use poolproof::Promise;
use poolproof::certificate::Conclusion;
use poolproof::report::{Style, wrapped};

use super::exit::Code;
use super::summary::{Certified, code};

/// Blanks between columns.
const GAP: usize = 2;
/// A column is at least so wide: the longest word of a cell fits in.
const NARROWEST: usize = 9;
/// The longest part of a promise's name and two rules side by side fit in.
const BROAD: usize = 12;

/// A row for each pool, a column for each promise; in several parts, one below the other, where the columns do not fit beside one
/// another.
pub(crate) fn table(pools: &[Certified], promises: &[Promise], style: Style) -> String {
    let name = pools.iter().map(|certified| certified.pool.len()).max().unwrap_or(0).max("pool".len());
    let fit = (style.width.saturating_sub(name) / (NARROWEST + GAP)).max(1);
    let parts = promises.len().div_ceil(fit).max(1);
    let starts = (0..promises.len()).step_by(promises.len().div_ceil(parts).max(1));
    let columns = |start: usize| start..promises.len().min(start + promises.len().div_ceil(parts));
    let parts: Vec<String> = starts.map(|start| part(pools, promises, columns(start), name, style)).collect();
    parts.join("\n")
}

/// Some columns of it.
fn part(pools: &[Certified], promises: &[Promise], columns: Range<usize>, name: usize, style: Style) -> String {
    let promises = &promises[columns.clone()];
    let room = style.width.saturating_sub(name + GAP) / promises.len().max(1);
    let longest = promises.iter().map(|promise| promise.name().len()).max().unwrap_or(0);
    let width = room.saturating_sub(GAP).clamp(NARROWEST, longest.max(BROAD));
    let heads: Vec<Cell> =
        promises.iter().map(|promise| Cell { lines: broken(promise.name(), width), paint: Paint::Strong }).collect();
    let grid = Grid { name, width, style };
    let mut text = grid.row("pool", Paint::Strong, &heads);
    text.push_str(&style.faint(&"─".repeat(name + (width + GAP) * promises.len())));
    text.push('\n');
    for certified in pools {
        let cells = certified.cells.get(columns.clone()).unwrap_or_default();
        let cells: Vec<Cell> = cells.iter().map(|cell| Cell::of(&Conclusion::of(cell), width)).collect();
        text.push_str(&grid.row(certified.pool, Paint::Plain, &cells));
    }
    text
}

struct Grid {
    name: usize,
    width: usize,
    style: Style,
}

struct Cell {
    lines: Vec<String>,
    paint: Paint,
}

#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Strong,
    Good,
    Alarm,
}

impl Cell {
    fn of(conclusion: &Conclusion, width: usize) -> Self {
        let paint = match code(conclusion) {
            Code::Passed => Paint::Good,
            Code::Broken => Paint::Alarm,
            _ => Paint::Strong,
        };
        Self { lines: wrapped(&conclusion.words(), width), paint }
    }
}

impl Grid {
    fn row(&self, name: &str, paint: Paint, cells: &[Cell]) -> String {
        let height = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0).max(1);
        let mut text = String::new();
        for nth in 0..height {
            let name = if nth == 0 { name } else { "" };
            let mut line = self.painted(name, self.name, paint);
            for cell in cells {
                line.push_str(&" ".repeat(GAP));
                line.push_str(&self.painted(cell.lines.get(nth).map_or("", String::as_str), self.width, cell.paint));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn painted(&self, text: &str, width: usize, paint: Paint) -> String {
        let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
        let painted = match paint {
            Paint::Plain => text.to_owned(),
            Paint::Strong => self.style.strong(text),
            Paint::Good => self.style.good(text),
            Paint::Alarm => self.style.alarm(text),
        };
        painted + &blanks
    }
}

/// A name in lines, broken after its hyphens.
fn broken(name: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in name.split_inclusive('-') {
        match lines.last_mut().filter(|line| line.is_empty() || line.len() + part.len() <= width) {
            Some(line) => line.push_str(part),
            None => lines.push(part.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolproof::certify::Share;
    use poolproof::generate::Source;
    use poolproof::rules::ALL;
    use poolproof::verdict::Verdict;
    use std::time::Duration;

    fn cell(promise: Promise, verdict: &Verdict) -> poolproof::certify::Cell {
        let verdicts = ALL.iter().map(|rule| (rule, verdict.clone())).collect();
        poolproof::certify::Cell {
            promise,
            verdicts,
            failures: Vec::new(),
            cases: 200,
            wanted: Some(200),
            known: 0,
            sources: vec![
                Share { source: Source::Scenarios, cases: 50, broken: 1 },
                Share { source: Source::Random, cases: 150, broken: 0 },
            ],
            steps: (1000, 250),
            stalled: 30,
            situations: poolproof::situations::Situations::default(),
            whole: false,
            unlike: Vec::new(),
            searched: Duration::from_secs(2),
            first_seen: Vec::new(),
        }
    }

    fn certified(pool: &'static str, promises: &[Promise], verdict: &Verdict) -> Certified {
        let cells = promises.iter().map(|promise| cell(*promise, verdict)).collect();
        Certified {
            pool,
            server: "PostgreSQL 15.18".into(),
            product: "PostgreSQL 15.18".into(),
            embedded: false,
            repeats: true,
            cells,
        }
    }

    #[test]
    fn names_are_broken_and_words_wrapped() {
        let promises = [Promise::ChildUsesPool, Promise::DisposeBeforeFork, Promise::ThreadsOnly];
        let pools = [
            certified("r2d2-postgres", &promises, &Verdict::Passed { exercised: 1 }),
            certified("mysql", &promises, &Verdict::NotExercised),
        ];
        let expected = "
pool           child-uses-   dispose-      threads-only
               pool          before-fork
───────────────────────────────────────────────────────
r2d2-postgres  ok            ok            ok
mysql          nothing       nothing       nothing
               exercised     exercised     exercised
";
        let narrow = format!("\n{}", table(&pools, &promises, Style { width: 58, ..Style::default() }));
        assert!(narrow == expected, "got:{narrow}\nexpected:{expected}");
        let wide = table(&pools, &promises, Style::default());
        assert!(wide.starts_with("pool           child-uses-pool      dispose-before-fork  threads-only\n"), "{wide}");
    }

    /// With every promise and the longest name of a pool that exists.
    #[test]
    fn no_line_is_longer_than_the_screen() {
        let long = poolproof_targets::all().iter().map(poolproof::Target::name).max_by_key(|name| name.len());
        let idle = certified(long.expect("pools"), &Promise::ALL, &Verdict::NotExercised);
        let text = table(&[idle], &Promise::ALL, Style::default());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    /// What a whole run did not exercise makes it less than green; what was run shorter is only told.
    #[test]
    fn a_whole_run_that_exercised_too_little_is_not_green() {
        let mut pool = certified("mysql", &[Promise::ThreadsOnly], &Verdict::Passed { exercised: 1 });
        assert_eq!(Conclusion::of(&pool.cells[0]), Conclusion::Passed);
        pool.cells[0].whole = true;
        let short = Conclusion::of(&pool.cells[0]);
        assert!(matches!(short, Conclusion::Unreached(missing) if missing > 10), "{short:?}");
        assert_eq!(code(&short), Code::NotExercised);
        assert!(pool.lines(100).contains("under threads-only too little was exercised"));
    }

    /// It is said loudly, and only where the pool cannot be the cause.
    #[test]
    fn what_does_not_go_the_same_way_twice_is_a_defect_only_where_the_pool_repeats() {
        let mut pool = certified("mysql", &[Promise::ThreadsOnly], &Verdict::Passed { exercised: 1 });
        assert!(!pool.shows_a_defect() && !pool.lines(100).contains("twice"));
        let interleaving = poolproof::interleaving::Interleaving::new(1, Promise::ThreadsOnly, Vec::new());
        let unlike = poolproof::certify::Unlike { number: 50, interleaving, what: "p0: one, and the second time another".into() };
        pool.cells[0].unlike.push(unlike);
        assert!(pool.shows_a_defect() && pool.lines(100).contains("twice: A DEFECT OF POOLPROOF"));
        pool.repeats = false;
        assert!(!pool.shows_a_defect() && pool.lines(100).contains("twice: the pool has threads"));
    }

    #[test]
    fn what_was_measured_stands_below() {
        let pool = certified("mysql", &[Promise::ChildDrops, Promise::ThreadsOnly], &Verdict::Passed { exercised: 1 });
        let lines = pool.lines(100);
        let (measured, _) = lines.split_at(lines.find("  situations").expect("situations"));
        assert_eq!(
            measured,
            "mysql on PostgreSQL 15.18\n  400 interleavings, 100 a second, a reply withheld in 60 of them, 25 % of their steps skipped\n  \
             scenarios 100 cases, 2 failures · random 300, 0\n"
        );
        assert!(lines.contains("\n  situations reached: child-drops 0 of "), "{lines}");
        assert!(lines.contains("\n  situations under threads-only not reached: open (own, no-pool), "), "{lines}");
        assert!(lines.ends_with("\n  safe under: child-drops\n"), "{lines}");
    }
}
