//! The kill matrix as text: a row for each mutant, and what survived.

use std::collections::BTreeSet;
use std::time::Duration;

use poolproof::certify::Bag;
use poolproof::report::{Style, wrapped};

use super::super::args::Mutants;
use super::super::exit::Code;
use super::Hunted;

/// Blanks between columns.
const GAP: &str = "  ";

/// The matrix, and what was not killed.
pub(super) fn killed(hunted: &[Hunted], wanted: &Mutants, style: Style) -> String {
    let mut text = table(hunted, wanted.seeds > 1, style);
    let survivors: Vec<&Hunted> = hunted.iter().filter(|hunted| !hunted.is_dead()).collect();
    let dead = hunted.len() - survivors.len();
    text.push_str(&format!("\n{dead} of {} mutants were killed by the rule that they were planted for\n", hunted.len()));
    for survivor in survivors {
        text.push_str(&indented(&fate(survivor, wanted), style));
    }
    text + &closing(wanted)
}

/// Passed, if every mutant was killed from every seed.
pub(super) fn code(hunted: &[Hunted]) -> Code {
    if hunted.iter().all(Hunted::is_dead) { Code::Passed } else { Code::Broken }
}

/// For each rule that was switched off, what only it kills. A rule that kills nothing alone might as well be off.
pub(super) fn without(hunted: &[Hunted], off: &[&str], wanted: &Mutants, style: Style) -> (String, Code) {
    let mut text = String::new();
    let mut code = Code::Passed;
    for rule in off {
        let of: Vec<&Hunted> = hunted.iter().filter(|hunted| hunted.without == Some(rule)).collect();
        let alone: Vec<&str> = of.iter().filter(|hunted| hunted.is_unhurt()).map(|hunted| hunted.name()).collect();
        let others = of.iter().filter(|hunted| !hunted.is_unhurt()).map(|hunted| {
            let by: BTreeSet<&str> = hunted.bags.values().filter_map(|bag| Some(bag.kill.as_ref()?.rule.id)).collect();
            format!("{} (by {})", hunted.name(), Vec::from_iter(by).join(", "))
        });
        let others: Vec<String> = others.collect();
        text.push_str(&style.strong(&format!("without {rule}")));
        text.push('\n');
        if alone.is_empty() {
            code = Code::Broken;
            text.push_str(&indented("nothing survives: no mutant shows what only this rule finds", style));
        } else {
            text.push_str(&indented(&format!("survive: {}", alone.join(", ")), style));
        }
        if !others.is_empty() {
            text.push_str(&indented(&format!("are killed all the same: {}", others.join(", ")), style));
        }
    }
    (text + &closing(wanted), code)
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

/// How many interleavings it took, at the worst, how long, and the length of the shortest that was left.
fn found(hunted: &Hunted) -> [String; 4] {
    let bags: Vec<&Bag> = hunted.bags.values().collect();
    let mut cases: Vec<u64> = bags.iter().map(|bag| bag.cases).collect();
    let mut times: Vec<Duration> = bags.iter().map(|bag| bag.took).collect();
    cases.sort_unstable();
    times.sort_unstable();
    let steps = bags.iter().filter_map(|bag| Some(bag.kill.as_ref()?.interleaving.steps.len())).min();
    let middle = cases.len() / 2;
    let time = times.get(middle).map_or_else(String::new, |time| format!("{:.2} s", time.as_secs_f64()));
    let survived = || "survived".to_owned();
    let (median, worst) = match hunted.is_dead() {
        true => {
            (cases.get(middle).map_or_else(String::new, u64::to_string), cases.last().map_or_else(String::new, u64::to_string))
        }
        false => (survived(), String::new()),
    };
    [median, worst, time, steps.map_or_else(String::new, |steps| steps.to_string())]
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

fn closing(wanted: &Mutants) -> String {
    let Mutants { seed, seeds, cases, .. } = wanted;
    let seeds = if *seeds == 1 { format!("seed {seed}") } else { format!("seeds {seed} to {}", seed + seeds - 1) };
    format!("\nrules of edition {}, {seeds}, at most {cases} interleavings for each mutant\n", poolproof::rules::EDITION)
}

fn indented(text: &str, style: Style) -> String {
    wrapped(text, style.width.saturating_sub(2)).iter().map(|line| format!("  {line}\n")).collect()
}
