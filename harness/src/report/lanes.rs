//! One execution as a picture: who did what, what passed the wire, and what of it broke a rule.

use serde::{Deserialize, Serialize};

use super::clean::cleaned;
use super::draw::{Line, draw, wrapped};
use super::rows::{Row, rows};
use super::{Style, words};
use crate::history::{Event, History};
use crate::interleaving::Interleaving;
use crate::rules::Judgement;
use crate::verdict::Evidence;

/// So many rows of the final check are shown before a marked one.
const BEFORE: usize = 3;
/// Fewer rows than this are not worth leaving out.
const WORTH: usize = 3;
/// So many lines of a consequence's details are shown.
const DETAILS: usize = 4;

/// The execution in lanes: a column for each actor and one for the wire. Steps carry the numbers by which evidence calls them.
/// Below stands what was broken first, marked `▶`, and its consequences, marked `▷`.
///
/// No line is longer than the style's width.
pub fn lanes(interleaving: &Interleaving, history: &History, judgement: &Judgement, style: Style) -> String {
    let rows = rows(interleaving, history, judgement);
    let mut text = draw(&chosen(&rows), style);
    let evidence = evidence(history, judgement, style);
    if !evidence.is_empty() {
        text.push('\n');
        text.push_str(&evidence);
    }
    text
}

/// The rows without the parts of the final check that tell nothing. Where nothing was broken all of it is shown.
pub(super) fn chosen(rows: &[Row]) -> Vec<Line<'_>> {
    let Some(last) = rows.iter().rposition(Row::is_marked) else { return rows.iter().map(Line::Row).collect() };
    let tells = |at: usize| {
        let row = &rows[at];
        let soon = rows[at..].iter().take(1 + BEFORE).any(Row::is_marked);
        !row.final_check || (at <= last && (row.across.is_some() || soon))
    };
    let mut lines = Vec::new();
    let mut at = 0;
    while at < rows.len() {
        let hidden = (at..rows.len()).take_while(|at| !tells(*at)).count();
        let goes_on = at + hidden == rows.len();
        if hidden >= WORTH {
            lines.push(Line::Instead(if goes_on { words::FINAL_CHECK_WENT_ON } else { "…" }));
        } else {
            lines.extend(rows[at..at + hidden].iter().map(Line::Row));
        }
        at += hidden;
        if let Some(row) = rows.get(at) {
            lines.push(Line::Row(row));
            at += 1;
        }
    }
    lines
}

/// What was broken, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Told {
    /// The rule.
    pub rule: String,
    /// What happened, and then what helps to understand it.
    pub lines: Vec<String>,
}

/// The first cause, and then its consequences, if anything was broken.
pub fn told(history: &History, judgement: &Judgement) -> Vec<Told> {
    let lengths = lengths(history);
    let clean = |words: &str| lengths.iter().fold(cleaned(words), |words, (with, without)| words.replace(with, without));
    let first = judgement.first_cause().map(|(rule, evidence)| (rule, evidence, usize::MAX));
    let then = judgement.consequences().map(|(rule, evidence)| (rule, evidence, DETAILS));
    let all = first.into_iter().chain(then);
    all.map(|(rule, evidence, details)| Told { rule: rule.id.to_owned(), lines: lines(evidence, details, &clean) }).collect()
}

fn evidence(history: &History, judgement: &Judgement, style: Style) -> String {
    let mut text = String::new();
    let is_first = judgement.first_cause().map(|(rule, _)| rule.id);
    for Told { rule, lines } in told(history, judgement) {
        if is_first == Some(rule.as_str()) {
            let head = format!("{} {rule}  ", words::FIRST);
            tell(&head, &style.alarm(&head), &lines, style, &mut text);
        } else {
            let head = format!("{} and so {rule}  ", words::THEN);
            tell(&head, &style.strong(&head), &lines, style, &mut text);
        }
    }
    text
}

/// The length of a statement with a nonce has the digits of the run's number in it: with what it is written, and without.
fn lengths(history: &History) -> Vec<(String, String)> {
    let with_nonce = history.events().iter().filter_map(|event| match event {
        Event::Wrote { session, bytes, frames, .. } if frames.iter().any(|frame| frame.nonce.is_some()) => {
            let names: Vec<_> = frames.iter().map(|frame| frame.name).collect();
            Some((names.join(", "), session, bytes))
        }
        _ => None,
    });
    with_nonce
        .map(|(names, session, bytes)| (format!("{names}, {bytes} bytes, on {session}"), format!("{names} on {session}")))
        .collect()
}

fn lines(evidence: &Evidence, details: usize, clean: &dyn Fn(&str) -> String) -> Vec<String> {
    let details = evidence.details.iter().take(details);
    std::iter::once(&evidence.sentence).chain(details).map(|line| clean(line)).collect()
}

fn tell(head: &str, painted: &str, lines: &[String], style: Style, text: &mut String) {
    let indent = head.chars().count();
    let lines = lines.iter().flat_map(|line| wrapped(line, style.columns() - indent));
    for (nth, line) in lines.enumerate() {
        match nth {
            0 => text.push_str(painted),
            _ => text.push_str(&" ".repeat(indent)),
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
