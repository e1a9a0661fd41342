//! Did the answer reach the step that asked? Nonces tell: each question carries one, and each row of its answer repeats it.

use super::facts::{Call, Facts};
use super::{Level, Rule, api};
use crate::history::Outcome;
use crate::interleaving::Op;
use crate::nonce::Nonce;
use crate::pool::Rows;
use crate::promise::Promise;
use crate::verdict::{Evidence, Verdict};

pub(super) const REP_1: Rule = Rule {
    id: "REP-1",
    level: Level::Must,
    harm: "a reply reaches somebody who did not ask",
    sentence: "A reply reaches the step that asked, whole: its nonce is the asker's.",
    reason: "A row of somebody else's question is wrong data without any error (field report F4: NoSuchColumnError, \
             commands out of sync; field report F7; failures: wrong reply, query given up).",
    remedy: "Never share a connection between processes or threads, and discard a connection whose reply was not read to its end.",
    remedies: &[
        (Promise::ThreadsOnly, "Give each thread a connection of its own, and discard one whose reply was not read to its end."),
        (
            Promise::DisposeBeforeFork,
            "Give each thread a connection of its own, and discard one whose reply was not read to its end.",
        ),
    ],
    evidence: "the nonce in each row, compared with that of the step that asked; the rows of a pool that was disposed are API-1's",
    smallest: "pool max_size=1\npromise threads-only\np0 open\np0 checkout a\np0 query a\np0 query a",
    mutant: "mutant-reply-unread",
    kernel: false,
    dirty: false,
    check: the_asker_gets_the_answer,
};

fn the_asker_gets_the_answer(facts: &Facts) -> Verdict {
    let (mut broken, mut answered) = (Vec::new(), 0);
    for call in facts.calls.iter().filter(|call| !api::is_over(facts, call, call.end())) {
        answered += u32::from(answer(call).is_some());
        broken.extend(wrong_answer(facts, call));
    }
    Verdict::on(broken, answered)
}

/// The answer of this call, if it is not its own.
pub(super) fn wrong_answer(facts: &Facts, call: &Call) -> Option<Evidence> {
    let (at, rows, nonce) = answer(call).filter(|(_, rows, nonce)| !is_whole(rows, *nonce))?;
    let details = vec![format!("asked {nonce} and got {}", table(rows))];
    Some(Evidence { at, sentence: what_came(facts, call, rows), details })
}

/// The answer of a statement that asks for a row: where it came, its rows, and the nonce that it should carry.
fn answer<'a>(call: &Call<'a>) -> Option<(usize, &'a Rows, Nonce)> {
    match (call.invocation.op, call.finished, call.invocation.nonce) {
        (Op::Query(_) | Op::Prepared(_) | Op::Lock(_), Some((at, Outcome::Rows(rows))), Some(nonce)) => Some((at, rows, nonce)),
        _ => None,
    }
}

fn is_whole(rows: &Rows, nonce: Nonce) -> bool {
    rows.len() == 1 && first_column(rows).next() == Some(nonce)
}

fn first_column(rows: &Rows) -> impl Iterator<Item = Nonce> {
    rows.iter().filter_map(|row| Nonce::parse(row.first()?.as_deref()?))
}

fn what_came(facts: &Facts, call: &Call, rows: &Rows) -> String {
    let foreign = first_column(rows).filter(|nonce| call.invocation.nonce != Some(*nonce)).find_map(|nonce| facts.asker(nonce));
    match (foreign, rows.len()) {
        (Some(asker), _) => format!("{} got the answer to {asker} in place of {call}", call.invocation.actor),
        (None, 1) => format!("{call} got a row that nobody asked for"),
        (None, rows) => format!("{call} got {rows} rows, where it asked for one"),
    }
}

fn table(rows: &Rows) -> String {
    let value = |value: &Option<String>| value.as_deref().unwrap_or("NULL").to_owned();
    let lines: Vec<_> = rows.iter().map(|row| format!("({})", row.iter().map(value).collect::<Vec<_>>().join(", "))).collect();
    if lines.is_empty() { "no row".to_owned() } else { lines.join(" ") }
}
