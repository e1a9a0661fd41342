//! The kill matrix as text: a row for each mutant, and what survived.

use std::collections::BTreeSet;
use std::time::Duration;

use poolproof::certify::Bag;
use poolproof::report::{Style, wrapped};

use super::super::args::Mutants;
use super::super::exit::Code;
use super::length::{Length, PROVABLE};
use super::{Harvest, Hunted};

/// Blanks between columns.
const GAP: &str = "  ";

/// The matrix, and what was not killed.
pub(super) fn killed(harvest: &Harvest, wanted: &Mutants, style: Style) -> String {
    let hunted = &harvest.hunted;
    let mut text = table(hunted, wanted.seeds > 1, style);
    let survivors: Vec<&Hunted> = hunted.iter().filter(|hunted| !hunted.is_dead()).collect();
    let dead = hunted.len() - survivors.len();
    text.push_str(&format!("\n{dead} of {} mutants were killed by the rule that they were planted for\n", hunted.len()));
    for survivor in survivors {
        text.push_str(&indented(&fate(survivor, wanted), style));
    }
    text + &lengths(hunted, style) + &closing(harvest, wanted)
}

/// Passed, if every mutant was killed from every seed, and nothing is known to be longer than it need be.
pub(super) fn code(hunted: &[Hunted]) -> Code {
    let sound = |hunted: &Hunted| hunted.is_dead() && !matches!(hunted.length, Some(Length::Beaten(_)));
    if hunted.iter().all(sound) { Code::Passed } else { Code::Broken }
}

/// Whose failures are as short as can be, if that was asked for.
fn lengths(hunted: &[Hunted], style: Style) -> String {
    let (mut proved, mut executed, mut as_known, mut text) = (0, 0, 0, String::new());
    for hunted in hunted {
        match &hunted.length {
            None => {}
            Some(Length::Proved(cases)) => (proved, executed) = (proved + 1, executed + cases),
            Some(Length::AsKnown) => as_known += 1,
            Some(Length::Beaten(shorter)) => {
                let steps: Vec<String> = shorter.steps.iter().map(|step| spaced(&step.to_string())).collect();
                let (name, rule, many) = (hunted.name(), hunted.mutant.rule, shorter.steps.len());
                let manner =
                    format!("max_size={}{}", shorter.max_size, if shorter.ancestor_first { ", ancestor first" } else { "" });
                let told = format!("{name} breaks {rule} in {many} steps too ({manner}): {}", steps.join("; "));
                text.push_str(&indented(&told, style));
            }
        }
    }
    if proved + as_known == 0 && text.is_empty() {
        return text;
    }
    let known = format!("{as_known} have more than {PROVABLE} steps, and no more than the shortest that is known");
    format!(
        "the failures of {proved} mutants are the shortest: {executed} interleavings with fewer steps do nothing; {known}\n{text}"
    )
}

fn spaced(step: &str) -> String {
    step.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// For each rule that was switched off, what only it kills. A rule that kills nothing alone might as well be off.
pub(super) fn without(harvest: &Harvest, off: &[&str], wanted: &Mutants, style: Style) -> (String, Code) {
    let mut text = String::new();
    let mut code = Code::Passed;
    for rule in off {
        let [hunted, unfinished] = [&harvest.hunted, &harvest.unfinished]
            .map(|all| all.iter().filter(|hunted| hunted.without == Some(rule)).collect::<Vec<&Hunted>>());
        if hunted.is_empty() && !unfinished.is_empty() {
            continue;
        }
        text.push_str(&(style.strong(&format!("without {rule}")) + "\n"));
        let alone = names(hunted.iter().filter(|hunted| hunted.is_unhurt()));
        if alone.is_empty() && unfinished.is_empty() {
            code = Code::Broken;
            text.push_str(&indented("nothing survives: no mutant shows what only this rule finds", style));
        }
        let others: Vec<String> = hunted.iter().filter(|hunted| !hunted.is_unhurt()).map(|hunted| killers(hunted)).collect();
        let lists = [
            ("survive", alone),
            ("are killed all the same", others.join(", ")),
            ("not hunted to the end", names(unfinished.iter())),
        ];
        for (what, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            text.push_str(&indented(&format!("{what}: {list}"), style));
        }
    }
    (text + &closing(harvest, wanted), code)
}

fn names<'a>(hunted: impl Iterator<Item = &'a &'a Hunted>) -> String {
    hunted.map(|hunted| hunted.name()).collect::<Vec<_>>().join(", ")
}

/// A mutant with the rules that killed it.
fn killers(hunted: &Hunted) -> String {
    let by: BTreeSet<&str> = hunted.bags.values().filter_map(|bag| Some(bag.kill.as_ref()?.rule.id)).collect();
    format!("{} (by {})", hunted.name(), Vec::from_iter(by).join(", "))
}

fn table(hunted: &[Hunted], many: bool, style: Style) -> String {
    let widest =
        |cell: &dyn Fn(&Hunted) -> String, head: &str| hunted.iter().map(|h| cell(h).len()).max().unwrap_or(0).max(head.len());
    let name = widest(&|hunted| hunted.name().to_owned(), "mutant");
    let promise = widest(&|hunted| hunted.mutant.terms.to_string(), "promise");
    let row = |cells: [&str; 8]| {
        let [mutant, rule, terms, server, cases, worst, time, steps] = cells;
        let worst = if many { format!("{GAP}{worst:>6}") } else { String::new() };
        let line = format!(
            "{mutant:<name$}{GAP}{rule:<5}{GAP}{terms:<promise$}{GAP}{server:<8}{GAP}{cases:>8}{worst}{GAP}{time:>7}{GAP}{steps:>5}"
        );
        line.trim_end().to_owned() + "\n"
    };
    let head = if many { "median" } else { "cases" };
    let mut text = style.strong(row(["mutant", "rule", "promise", "server", head, "worst", "time", "steps"]).trim_end()) + "\n";
    let width = row(["", "", "", "", "", "", "", "steps"]).trim_end().chars().count();
    text.push_str(&(style.faint(&"─".repeat(width)) + "\n"));
    for hunted in hunted {
        let terms = hunted.mutant.terms.to_string();
        let [cases, worst, time, steps] = found(hunted);
        text.push_str(&row([hunted.name(), hunted.mutant.rule, &terms, hunted.server, &cases, &worst, &time, &steps]));
    }
    text
}

/// How many interleavings it took, at the worst, how long, and the length of what was left, from the shortest to the longest.
fn found(hunted: &Hunted) -> [String; 4] {
    let bags: Vec<&Bag> = hunted.bags.values().collect();
    let mut cases: Vec<u64> = bags.iter().map(|bag| bag.cases).collect();
    let mut times: Vec<Duration> = bags.iter().map(|bag| bag.took).collect();
    cases.sort_unstable();
    times.sort_unstable();
    let steps = || bags.iter().filter_map(|bag| Some(bag.kill.as_ref()?.interleaving.steps.len()));
    let steps = steps().min().zip(steps().max()).map(|(shortest, longest)| match shortest == longest {
        true => shortest.to_string(),
        false => format!("{shortest} to {longest}"),
    });
    let middle = cases.len() / 2;
    let time = times.get(middle).map_or_else(String::new, |time| format!("{:.2} s", time.as_secs_f64()));
    let survived = || "survived".to_owned();
    let (median, worst) = match hunted.is_dead() {
        true => {
            (cases.get(middle).map_or_else(String::new, u64::to_string), cases.last().map_or_else(String::new, u64::to_string))
        }
        false => (survived(), String::new()),
    };
    [median, worst, time, steps.unwrap_or_default()]
}

/// What became of a mutant that was not killed.
fn fate(hunted: &Hunted, wanted: &Mutants) -> String {
    let (rule, terms) = (hunted.mutant.rule, hunted.mutant.terms);
    let seeds: Vec<String> = hunted.bags.iter().filter(|(_, bag)| bag.kill.is_none()).map(|(seed, _)| seed.to_string()).collect();
    let others = match hunted.others() {
        others if others.is_empty() => "no other rule was either".to_owned(),
        others => format!("others were: {}", others.join(", ")),
    };
    let unit = if seeds.len() == 1 { "seed" } else { "seeds" };
    let cases = if wanted.cases == 1 { "1 interleaving".to_owned() } else { format!("{} interleavings", wanted.cases) };
    format!(
        "{} survived {cases} of {unit} {} under {terms}: {rule} was never the first cause, {others}",
        hunted.name(),
        seeds.join(", ")
    )
}

fn closing(harvest: &Harvest, wanted: &Mutants) -> String {
    let Mutants { seed, seeds, cases, .. } = wanted;
    let seeds = if *seeds == 1 { format!("seed {seed}") } else { format!("seeds {seed} to {}", seed + seeds - 1) };
    let edition = poolproof::rules::EDITION;
    let (done, left) = (harvest.hunted.len(), harvest.unfinished.len());
    let cut = if left == 0 { String::new() } else { format!("interrupted: {done} of {} hunts came to their end\n", done + left) };
    format!("\nrules of edition {edition}, {seeds}, at most {cases} interleavings for each mutant\n{cut}")
}

fn indented(text: &str, style: Style) -> String {
    wrapped(text, style.width.saturating_sub(2)).iter().map(|line| format!("  {line}\n")).collect()
}
