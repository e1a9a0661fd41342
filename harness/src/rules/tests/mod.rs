//! Each rule against histories that are written by hand: one that breaks it, the nearest one that does not, and one that does
//! not decide.

mod again;
mod api;
mod cap;
mod excuses;
mod faults;
mod iso;
mod judgement;
mod leftovers;
mod liv;
mod meddling;
mod own;
mod rep;
mod story;
mod txn;

use crate::verdict::Verdict;

fn passed(exercised: u32) -> Verdict {
    Verdict::Passed { exercised }
}

/// The evidence as `sentence`, with a line for each detail below it.
fn broken(verdict: Verdict) -> String {
    match verdict {
        Verdict::Failed(evidence) => [vec![evidence.sentence], evidence.details].concat().join("\n"),
        other => panic!("expected a failure, got {other:?}"),
    }
}

fn place(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Failed(evidence) => evidence.at,
        other => panic!("expected a failure, got {other:?}"),
    }
}
