//! What was exercised, as a table.

use super::Style;
use crate::model::Condition;
use crate::promise::Promise;
use crate::situations::{OPERATIONS, Relation, Situation, Situations, Standing, required, word};

/// The columns before the first condition.
const FRONT: usize = 18;
/// Blanks between columns.
const GAP: usize = 2;

/// How often each operation was carried out: a part for each relation, a column for each condition of the pool. A required situation
/// that did not occur is marked with `-`, one that cannot be seen on this machine with `?`, one that is not offered with `/`.
pub fn situations(promise: Promise, seen: &Situations, style: Style) -> String {
    let mut text = row("", &Condition::ALL.map(|condition| word(condition).to_owned()));
    for relation in Relation::ALL {
        let rows: Vec<String> =
            OPERATIONS.into_iter().filter_map(|operation| counted(promise, seen, operation, relation)).collect();
        if !rows.is_empty() {
            text.push_str(&format!("  {}\n", style.strong(relation.word())));
            rows.iter().for_each(|row| text.push_str(row));
        }
    }
    text
}

/// One operation; nothing if it never occurred and need not.
fn counted(promise: Promise, seen: &Situations, operation: &'static str, relation: Relation) -> Option<String> {
    let cells = Condition::ALL.map(|condition| {
        let situation = Situation { operation, relation, condition };
        let wanted = required(promise).contains(&situation);
        match seen.standing(&situation) {
            Standing::Reached(count) => count.to_string(),
            Standing::Missing if wanted => "-".to_owned(),
            Standing::NotVisible if wanted => "?".to_owned(),
            Standing::NotOffered if wanted => "/".to_owned(),
            _ => String::new(),
        }
    });
    cells.iter().any(|cell| !cell.is_empty()).then(|| row(operation, &cells))
}

fn row(name: &str, cells: &[String; 7]) -> String {
    let mut line = format!("    {name:<width$}", width = FRONT - 4);
    for (cell, condition) in cells.iter().zip(Condition::ALL) {
        line.push_str(&format!("{}{cell:>width$}", " ".repeat(GAP), width = word(condition).len()));
    }
    format!("{}\n", line.trim_end())
}

/// How many of those that are required were reached, in a few words, and a line for those that were not.
pub fn reached(promise: Promise, seen: &Situations) -> (String, Option<String>) {
    let wanted = required(promise);
    let of = |kind: Standing| wanted.iter().filter(move |situation| seen.standing(situation) == kind).map(ToString::to_string);
    let there = wanted.iter().filter(|situation| matches!(seen.standing(situation), Standing::Reached(_))).count();
    let mut lacking = Vec::new();
    for (kind, why) in [
        (Standing::Missing, "not reached"),
        (Standing::NotVisible, "not possible on this machine"),
        (Standing::NotOffered, "not offered"),
    ] {
        let names: Vec<String> = of(kind).collect();
        lacking.extend((!names.is_empty()).then(|| format!("{why}: {}", names.join(", "))));
    }
    let line = (!lacking.is_empty()).then(|| format!("situations under {promise} {}", lacking.join("; ")));
    (format!("{promise} {there} of {}", wanted.len()), line)
}

#[cfg(test)]
mod tests {
    use super::super::wrapped;
    use super::*;
    use crate::history::{Event, Expectation, History, Invocation, InvocationId, Outcome, PoolId};
    use crate::interleaving::{Interleaving, Op, Process};

    fn opened() -> Situations {
        let actor = Process::FIRST.main();
        let id = InvocationId(0);
        let call = Invocation {
            id,
            actor,
            op: Op::Open(None),
            step: Some(0),
            pool: Some(PoolId(0)),
            checkout: None,
            inherited: false,
            nonce: None,
            expected: Expectation::Success,
            stall: None,
            cut: None,
        };
        let events = vec![Event::Invoked(call), Event::Finished { id, outcome: Outcome::Done }];
        Situations::of(&Interleaving::new(1, Promise::ThreadsOnly, Vec::new()), &History::from_events(events))
    }

    #[test]
    fn what_occurred_and_what_is_missing_stands_in_its_column() {
        let text = situations(Promise::ThreadsOnly, &opened(), Style::default());
        let line = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).map(str::to_owned);
        assert_eq!(line("open").as_deref(), Some("    open                  1     -"), "{text}");
        assert_eq!(line("exec"), None);
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.starts_with("                    no-pool  idle  checked-out  in-transaction  exhausted"), "{text}");
    }

    #[test]
    fn the_missing_ones_are_named() {
        let (short, missing) = reached(Promise::ThreadsOnly, &opened());
        assert!(short.starts_with("threads-only 1 of "), "{short}");
        let missing = missing.expect("nearly all are missing");
        assert!(
            missing.starts_with("situations under threads-only not reached: open (own, idle), checkout (own, idle)"),
            "{missing}"
        );
        assert!(wrapped(&missing, 96).len() > 1);
    }
}
