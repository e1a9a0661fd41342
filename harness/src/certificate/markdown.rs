//! The document as a page for a repository, and what every page in Markdown does with text that came from anywhere.

use super::front::{Front, front};
use super::{Certificate, Chapter, Counterexample, Documented};
use crate::report::Broken;
use crate::rules;

pub(super) fn page(certificate: &Certificate) -> String {
    let front = front(certificate);
    let mut page = first_screen(&front);
    page.push_str(&verdicts(certificate));
    page.push_str(&situations(certificate));
    for chapter in &certificate.promises {
        for failure in &chapter.failures {
            page.push_str(&counterexample(chapter, failure));
        }
    }
    page
}

fn first_screen(front: &Front) -> String {
    let mut page = format!("# {}\n\n", escaped(&front.title));
    for said in &front.verdict {
        page.push_str(&format!("**{} {}**\n\n", said.mood.sign(), said.sentence()));
    }
    page.push_str("| may it be deployed like this? | name of the promise | answer |\n| --- | --- | --- |\n");
    for row in &front.deployments {
        page.push_str(&format!("| {} | `{}` | {} {} |\n", row.what, row.promise, row.mood.sign(), cell(&row.answer)));
    }
    page.push_str(
        "\nThe pool was connected through a Unix socket, and what is said holds for that. OWN-1 and the like are rules; they stand below.\n\n## What was not looked at\n\n",
    );
    front.unseen.iter().for_each(|line| page.push_str(&format!("- {}\n", escaped(line))));
    page.push_str("\n## How strong this is\n\n");
    front.strength.iter().for_each(|line| page.push_str(&format!("- {}\n", escaped(line))));
    page.push_str("\n## Where it comes from\n\n");
    for (what, words) in &front.origin {
        let words = if *what == "again" { format!("`{}`", words.replace('`', "'")) } else { escaped(words) };
        page.push_str(&format!("- {what}: {words}\n"));
    }
    page
}

/// Rules and promises.
fn verdicts(certificate: &Certificate) -> String {
    let names: Vec<&str> = certificate.promises.iter().map(|chapter| chapter.promise.as_str()).collect();
    let mut page = format!("\n## Rules\n\n| rule | {} |\n| --- |{}\n", names.join(" | "), " --- |".repeat(names.len()));
    let documented: Vec<&str> = names.iter().map(|name| certificate.pool.documented_of(name)).collect();
    page.push_str(&format!("| what is documented | {} |\n", documented.join(" | ")));
    for rule in rules::ALL.iter() {
        let cells = certificate.promises.iter().map(|chapter| {
            chapter.verdicts.iter().find(|line| line.rule == rule.id).map_or_else(String::new, |line| cell(&line.words()))
        });
        page.push_str(&format!("| {} {} | {} |\n", rule.id, cell(rule.sentence), cells.collect::<Vec<_>>().join(" | ")));
    }
    for Documented { words, source, .. } in &certificate.pool.documented {
        page.push_str(&format!("\n> {}\n\n{}\n", escaped(words), escaped(source)));
    }
    page
}

fn situations(certificate: &Certificate) -> String {
    let mut page = "\n## What was exercised\n\n".to_owned();
    for chapter in &certificate.promises {
        page.push_str(&format!(
            "- `{}`: {} interleavings, {} steps, {} of them skipped; {}; {} of {} required situations\n",
            chapter.promise,
            chapter.interleavings,
            chapter.steps,
            chapter.skipped,
            chapter.shares(),
            chapter.situations.reached(),
            chapter.situations.required.len()
        ));
    }
    page
}

fn counterexample(chapter: &Chapter, failure: &Counterexample) -> String {
    let mut page = format!("\n## {} under {}\n\n", failure.rule, chapter.promise);
    if let Some(rule) = rules::find(&failure.rule) {
        page.push_str(&format!("{}\n\n", escaped(rule.sentence)));
    }
    page.push_str(&fenced(&failure.interleaving));
    page.push_str(&fenced(&drawn(failure)));
    for told in &failure.evidence {
        page.push_str(&format!("- **{}** {}\n", told.rule, escaped(&told.lines.join("; "))));
    }
    page.push_str(&format!("\n{} {}\n", escaped(&failure.standing()), escaped(&failure.origin())));
    if let Some(blame) = &failure.blame {
        page.push_str(&format!("\nPool or driver? {}\n", escaped(blame)));
    }
    page.push_str(&format!("\nWhat to do: {}\n", escaped(&failure.remedy)));
    page
}

/// The timeline, a line for each beat.
fn drawn(failure: &Counterexample) -> String {
    let mut text = String::new();
    let width = |words: fn(&crate::report::Beat) -> usize| failure.timeline.beats.iter().map(words).max().unwrap_or(0);
    let actor = width(|beat| beat.actor.as_deref().unwrap_or_default().len());
    let step = width(|beat| if beat.wire.is_empty() { 0 } else { beat.text.chars().count() });
    for beat in &failure.timeline.beats {
        let wire: Vec<String> = beat.wire.iter().map(|passed| format!("{}{}", sign(passed.mark), passed.text)).collect();
        let number = beat.number.map_or_else(String::new, |number| number.to_string());
        let who = beat.actor.as_deref().unwrap_or_default();
        let line = format!("{:<2}{number:>3}  {who:<actor$}  {:<step$}  {}", sign(beat.mark), beat.text, wire.join("; "));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn sign(mark: Option<Broken>) -> String {
    mark.map_or_else(String::new, |mark| format!("{} ", mark.sign()))
}

/// Text that came from anywhere, between fences that it cannot end.
pub fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n\n", text.trim_end())
}

/// Text in which nothing is markup.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' => out.extend(['\\', c]),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The same in a cell of a table.
pub fn cell(text: &str) -> String {
    escaped(text).replace('`', "'")
}
