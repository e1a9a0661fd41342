//! `poolproof mutants`: proves that the rules find what they were written for.

use std::collections::BTreeMap;

use poolproof::bench::Bench;
use poolproof::certify::{Bag, Hunt, Progress, hunt};
use poolproof::rules::{self, Rule};
use poolproof::trouble::Trouble;
use poolproof_targets::Mutant;

use super::args::Mutants;
use super::benches::prepare;
use super::exit::{Code, Stop};
use super::names;
use super::progress::Teller;
use super::screen::Screen;
use super::servers::Servers;

mod crew;
mod json;
mod length;
mod matrix;

use crew::several_at_once;
use length::Length;

/// What all mutants' names begin with; a user may leave it out.
const PREFIX: &str = "mutant-";
/// What stands before a rule in the place of a name.
const RULE: &str = "rule:";

/// A mutant, hunted from several seeds.
struct Hunted {
    mutant: Mutant,
    /// The rule that was switched off.
    without: Option<&'static str>,
    /// Where it was hunted: `embedded`, `local` or `url`.
    server: &'static str,
    /// For each seed what came of it, in their order.
    bags: BTreeMap<u64, Bag>,
    /// What is known of the length of its failures, if that was asked for.
    length: Option<Length>,
}

/// What was hunted, and what was left of it at Ctrl-C.
struct Harvest {
    /// From every seed that was asked for.
    hunted: Vec<Hunted>,
    /// From fewer.
    unfinished: Vec<Hunted>,
}

/// One hunt of many.
#[derive(Clone, Copy)]
struct Job {
    mutant: Mutant,
    without: Option<&'static str>,
    seed: u64,
}

/// Hunts mutants, and prints what killed them.
pub(crate) fn run(wanted: &Mutants, screen: &mut Screen) -> Result<Code, Stop> {
    let mutants = chosen(&wanted.mutants)?;
    let off = switched_off(wanted.without.as_deref())?;
    let mut teller = Teller::new();
    let targets: Vec<_> = mutants.iter().map(|mutant| mutant.target).collect();
    let bench = prepare(&targets, &wanted.servers, &mut teller)?;
    let mut harvest = hunt_all(&bench, &jobs(&mutants, &off, wanted)?, wanted, &mut teller)?;
    if wanted.shortest && harvest.unfinished.is_empty() {
        length::prove(&bench, &mut harvest.hunted, wanted, &mut teller)?;
    }
    teller.clear();
    bench.finish()?;
    if let Some(file) = &wanted.json {
        json::save(file, &harvest, wanted)?;
    }
    let (text, code) = match off.as_slice() {
        [] => (matrix::killed(&harvest, wanted, screen.style), matrix::code(&harvest.hunted)),
        off => matrix::without(&harvest, off, wanted, screen.style),
    };
    screen.say(&text)?;
    // What is there is shown; it is not what was asked for.
    if harvest.unfinished.is_empty() { Ok(code) } else { Err(Trouble::Interrupted.into()) }
}

/// The mutants of these names, or planted for these rules; all, if there are none.
fn chosen(names: &[String]) -> Result<Vec<Mutant>, Stop> {
    let all = poolproof_targets::mutants();
    let mut wanted = Vec::new();
    for name in names {
        match name.strip_prefix(RULE) {
            Some(id) => {
                let rule = rule(id)?;
                wanted.extend(all.iter().filter(|mutant| mutant.rule == rule.id).map(|mutant| mutant.target.name()));
            }
            None => {
                let whole = format!("{PREFIX}{}", name.strip_prefix(PREFIX).unwrap_or(name));
                let known: Vec<&str> = all.iter().map(|mutant| mutant.target.name()).collect();
                let found = known.iter().find(|known| **known == whole);
                wanted.push(*found.ok_or_else(|| names::unknown("mutant", name, &known, "`poolproof pools` lists them"))?);
            }
        }
    }
    Ok(all.into_iter().filter(|mutant| names.is_empty() || wanted.contains(&mutant.target.name())).collect())
}

fn rule(id: &str) -> Result<&'static Rule, Stop> {
    let known: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    rules::find(id).ok_or_else(|| names::unknown("rule", id, &known, "`poolproof rules` lists them"))
}

/// The rules that are switched off, one after the other.
fn switched_off(without: Option<&str>) -> Result<Vec<&'static str>, Stop> {
    match without {
        None => Ok(Vec::new()),
        Some("each") => Ok(rules::ALL.iter().map(|rule| rule.id).collect()),
        Some(id) => rule(id).map(|rule| vec![rule.id]),
    }
}

/// Every mutant from every seed. Where a rule is switched off, those that were planted for it.
fn jobs(mutants: &[Mutant], off: &[&'static str], wanted: &Mutants) -> Result<Vec<Job>, Stop> {
    let seeds = || wanted.seed..wanted.seed.saturating_add(wanted.seeds);
    if off.is_empty() {
        return Ok(mutants.iter().flat_map(|mutant| seeds().map(|seed| Job { mutant: *mutant, without: None, seed })).collect());
    }
    let of = |rule: &'static str| {
        let planted = mutants.iter().filter(move |mutant| mutant.rule == rule);
        planted.flat_map(move |mutant| seeds().map(move |seed| Job { mutant: *mutant, without: Some(rule), seed }))
    };
    let jobs: Vec<Job> = off.iter().copied().flat_map(of).collect();
    match jobs.is_empty() {
        true => Err(Stop::usage("none of these mutants was planted for the rule that is switched off")),
        false => Ok(jobs),
    }
}

/// Carries all hunts out; the results are in the order of the jobs, whoever was first.
fn hunt_all(bench: &Bench, jobs: &[Job], wanted: &Mutants, teller: &mut Teller) -> Result<Harvest, Stop> {
    let name = |job: &Job| job.mutant.target.name();
    let bags = several_at_once(jobs, wanted.workers, name, teller, &|job, progress| one(bench, job, wanted, progress))?;
    Ok(gathered(jobs, bags, &wanted.servers))
}

fn one(bench: &Bench, job: &Job, wanted: &Mutants, progress: &mut dyn FnMut(Progress)) -> Result<Bag, Trouble> {
    let Mutant { target, rule, terms, faulty, .. } = &job.mutant;
    // With its rule switched off, whatever kills it will do.
    // So will it where its rule cannot be judged.
    let visible = rules::find(rule).is_some_and(|rule| rule.is_visible(bench.transport()));
    let by = if job.without.is_some() || !visible { None } else { Some(*rule) };
    let what =
        Hunt { target, promise: terms.promise, seed: job.seed, cases: wanted.cases, by, without: job.without, faulty: *faulty };
    hunt(bench, what, progress)
}

/// The bags of each mutant together.
fn gathered(jobs: &[Job], mut bags: BTreeMap<usize, Bag>, servers: &Servers) -> Harvest {
    let (mut hunted, mut unfinished) = (Vec::new(), Vec::new());
    let numbered: Vec<(usize, &Job)> = jobs.iter().enumerate().collect();
    let same = |one: &Job, other: &Job| one.mutant.target.name() == other.mutant.target.name() && one.without == other.without;
    for jobs in numbered.chunk_by(|(_, one), (_, other)| same(one, other)) {
        let Job { mutant, without, .. } = *jobs[0].1;
        let own = jobs.iter().filter_map(|(number, job)| Some((job.seed, bags.remove(number)?)));
        let one = Hunted { mutant, without, server: servers.word(mutant.target.database()), bags: own.collect(), length: None };
        if one.bags.len() == jobs.len() { hunted.push(one) } else { unfinished.push(one) }
    }
    Harvest { hunted, unfinished }
}

impl Hunted {
    /// Its name as a user types it.
    fn name(&self) -> &'static str {
        let name = self.mutant.target.name();
        name.strip_prefix(PREFIX).unwrap_or(name)
    }

    /// It was killed from every seed.
    fn is_dead(&self) -> bool {
        self.bags.values().all(|bag| bag.kill.is_some())
    }

    /// It was killed from no seed.
    fn is_unhurt(&self) -> bool {
        self.bags.values().all(|bag| bag.kill.is_none())
    }

    /// The rules that were a first cause, but those that were meant.
    fn others(&self) -> Vec<&'static str> {
        let mut others: Vec<_> = self.bags.values().flat_map(|bag| bag.others.iter().copied()).collect();
        others.sort_unstable();
        others.dedup();
        others
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn names(words: &[&str]) -> Result<Vec<&'static str>, Stop> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        chosen(&words).map(|mutants| mutants.iter().map(|mutant| mutant.target.name()).collect())
    }

    #[test]
    fn mutants_are_named_with_or_without_their_prefix_or_by_their_rule() {
        assert_eq!(names(&["goodbye", "mutant-no-guard-mysql"]).expect("known"), ["mutant-goodbye", "mutant-no-guard-mysql"]);
        let both = ["mutant-one-too-many", "mutant-one-too-many-mysql"];
        assert!(both.iter().all(|name| names(&["rule:CAP-1"]).expect("known").contains(name)));
        assert_eq!(names(&[]).expect("known").len(), poolproof_targets::mutants().len());
        assert!(names(&["reference"]).is_err() && names(&["rule:CAP-9"]).is_err());
    }

    #[test]
    fn only_what_was_planted_for_a_rule_is_hunted_without_it() {
        let mutants = chosen(&[]).expect("all");
        let wanted = Mutants::augment_args(clap::Command::new("x")).get_matches_from(["x"]);
        let wanted = Mutants::from_arg_matches(&wanted).expect("no word is needed");
        let jobs = jobs(&mutants, &["OWN-2"], &wanted).expect("some");
        assert!(jobs.iter().all(|job| job.mutant.rule == "OWN-2" && job.without == Some("OWN-2")));
        assert!(super::jobs(&mutants[..1], &["OWN-2"], &wanted).is_err());
        assert!(switched_off(Some("each")).expect("rules").len() == rules::ALL.len() && switched_off(Some("X")).is_err());
    }
}
