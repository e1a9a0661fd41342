//! Longer texts: a failure, the verdicts of a promise, a rule.

use super::clean::cleaned;
use super::draw::wrapped;
use super::{Style, lanes, plan, words};
use crate::history::History;
use crate::interleaving::{Interleaving, parse};
use crate::rules::{self, Judgement, Level, Rule};
use crate::verdict::Verdict;

/// A broken rule with everything that a stranger needs to understand it and to see it again.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// The pool's name.
    pub pool: &'a str,
    /// The server's name and version.
    pub server: &'a str,
    /// The rule.
    pub rule: &'a Rule,
    /// The interleaving that breaks it.
    pub interleaving: &'a Interleaving,
    /// What happened.
    pub history: &'a History,
    /// What the rules say of that.
    pub judgement: &'a Judgement,
    /// In how many replays the rule was the first cause again, and of how many.
    pub replayed: (u32, u32),
    /// It fails often enough to be blamed on the pool.
    pub steady: bool,
    /// Where it was seen.
    pub ground: Ground<'a>,
    /// The last that the pool printed.
    pub printed: &'a str,
    /// The command that replays it.
    pub command: &'a str,
}

/// Where an effect was seen. What the kernel witnesses is as good on one server as on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground<'a> {
    /// On a real server.
    Real,
    /// On an embedded server; no real one was asked.
    Embedded,
    /// On an embedded server, and then this real one was asked: it showed the same so often, of so many.
    Asked(&'a str, u32, u32),
}

/// So many lines of what the pool printed are quoted.
const PRINTED: usize = 8;
/// Before everything that belongs to a heading.
const INDENT: &str = "  ";

/// A failure as a text of its own. It depends on the interleaving and on what happened, not on the moment or the machine.
pub fn failure(finding: &Finding, style: Style) -> String {
    let Finding { pool, server, rule, interleaving, history, judgement, .. } = finding;
    let promise = interleaving.promise;
    let effect = !rule.is_witnessed();
    let denied = effect && matches!(finding.ground, Ground::Asked(_, 0, _));
    let verb = match (rule.level, finding.steady && !denied) {
        (_, false) => "seems to break",
        (Level::Must, true) => "breaks",
        (Level::Should, true) => "should not break",
    };
    let heading = format!("{pool} {verb} {} under {promise}, on {server}", rule.id);
    let mut text = format!("{}\n", style.alarm(&heading));
    paragraph("", rule.sentence, style, &mut text);
    paragraph("promised: ", promise.sentence(), style, &mut text);
    text.push('\n');
    indented(&interleaving.to_string(), &mut text);
    text.push('\n');
    text.push_str(&lanes(interleaving, history, judgement, style));
    text.push('\n');
    let shown = judgement.first_cause().is_some_and(|(first, _)| first.id == rule.id);
    if !shown {
        paragraph("", "It was broken and confirmed, but not in the run shown above: it depends on the moment.", style, &mut text);
    }
    let (again, times) = finding.replayed;
    paragraph("replayed: ", &format!("{again} of {times}"), style, &mut text);
    if !finding.steady {
        paragraph("", "That is too seldom to blame the pool for it: no verdict.", style, &mut text);
    }
    let ground = match finding.ground {
        Ground::Embedded if effect => {
            Some("Provisional: an effect, seen on an embedded server. See it on a real one with --server local.".to_owned())
        }
        Ground::Asked(product, 0, times) if effect => Some(format!("Not seen on {product}, in {times} executions: no verdict.")),
        Ground::Asked(product, seen, times) if effect => Some(format!("Seen on {product} too: in {seen} of {times} executions.")),
        _ => None,
    };
    if let Some(ground) = ground {
        paragraph("", &ground, style, &mut text);
    }
    paragraph("what to do: ", rule.remedy_of(promise, history), style, &mut text);
    // A command is pasted: it is never broken into lines.
    indented(&format!("see it again: {}", finding.command), &mut text);
    if rule.id == "ISO-2" {
        last_words(finding.printed, &mut text);
    }
    text
}

/// What the pool printed last: from the last panic on, if there was one. What it printed before belongs to other executions.
fn last_words(printed: &str, text: &mut String) {
    let lines: Vec<&str> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
    let panic = lines.iter().rposition(|line| line.starts_with("thread '"));
    let start = panic.unwrap_or_else(|| lines.len().saturating_sub(PRINTED));
    let last: Vec<String> = lines[start..].iter().take(PRINTED).map(|line| cleaned(line)).collect();
    if !last.is_empty() {
        indented("the pool's last words:", text);
        indented(&last.iter().map(|line| format!("{INDENT}{line}")).collect::<Vec<_>>().join("\n"), text);
    }
}

/// The verdict on each rule, with the opportunities that there were to break it.
pub fn verdict_table<'a>(verdicts: impl IntoIterator<Item = (&'a Rule, &'a Verdict)>, style: Style) -> String {
    let mut text = String::new();
    for (rule, verdict) in verdicts {
        let lines = wrapped(&words::verdict(verdict), style.columns() - 16);
        for (nth, line) in lines.iter().enumerate() {
            let (id, level) = if nth == 0 { (rule.id, level(rule.level)) } else { ("", "") };
            let line = match verdict {
                Verdict::Failed(_) => style.alarm(line),
                Verdict::Passed { .. } | Verdict::Refused => style.good(line),
                _ => line.clone(),
            };
            text.push_str(format!("{INDENT}{id:<6} {level:<6} {line}").trim_end());
            text.push('\n');
        }
    }
    text
}

/// All that is known of a rule.
pub fn rule(rule: &Rule, style: Style) -> String {
    let mut text = format!("{} {}\n", style.strong(rule.id), level(rule.level));
    paragraph("", rule.sentence, style, &mut text);
    text.push('\n');
    paragraph("why: ", rule.reason, style, &mut text);
    text.push('\n');
    paragraph("it rests on: ", &format!("{}.", rule.evidence), style, &mut text);
    text.push('\n');
    paragraph("what to do: ", rule.usual_remedy(), style, &mut text);
    for (promise, remedy) in rule.special_remedies() {
        paragraph(&format!("under {promise}: "), remedy, style, &mut text);
    }
    // A rule's interleaving is checked by a test.
    if let Ok(smallest) = parse(rule.smallest) {
        text.push('\n');
        paragraph("", &format!("The smallest interleaving that breaks it, under {}:", smallest.terms()), style, &mut text);
        text.push('\n');
        text.push_str(&plan(&smallest, style));
    }
    text
}

/// Every rule in a line or two.
pub fn rules(style: Style) -> String {
    let mut text = format!("The rules, edition {}. MUST and SHOULD as in RFC 2119.\n\n", rules::EDITION);
    for rule in rules::ALL {
        let lines = wrapped(rule.sentence, style.columns() - 16);
        for (nth, line) in lines.iter().enumerate() {
            let id = if nth == 0 { format!("{INDENT}{:<6} {:<6} ", rule.id, level(rule.level)) } else { " ".repeat(16) };
            text.push_str(&format!("{id}{line}\n"));
        }
    }
    text
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
    }
}

/// Wrapped words, indented; the lines after the first hang below the words and not below the label.
fn paragraph(label: &str, words: &str, style: Style, text: &mut String) {
    let indent = INDENT.len() + label.chars().count();
    for (nth, line) in wrapped(words, style.columns() - indent).iter().enumerate() {
        match nth {
            0 => text.push_str(&format!("{INDENT}{label}{line}\n")),
            _ => text.push_str(&format!("{}{line}\n", " ".repeat(indent))),
        }
    }
}

fn indented(lines: &str, text: &mut String) {
    lines.lines().for_each(|line| text.push_str(format!("{INDENT}{line}\n").as_str()));
}
