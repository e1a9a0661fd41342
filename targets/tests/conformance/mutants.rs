//! The rules are tested by what is planted for them: each mutant falls, and the reference does not.

use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::Trial;
use poolproof::bench::Bench;
use poolproof::certify::{self, Hunt};
use poolproof::{Database, rules};
use poolproof_targets::Mutant;

use crate::embedded::bench;
use crate::lab::{Lab, Outcome, ensure, run, says, scratch, target, tool};

/// The embedded server and the real one see the same of these.
const ON_REAL_SERVERS: [&str; 6] = ["no-guard", "goodbye", "counters-copied", "commit-unsent", "idle-early", "lock-at-statement"];

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let mut trials = Vec::new();
    for database in [Database::Postgres, Database::MySql] {
        let name = database.name();
        trials.push(Trial::test(format!("every mutant for {name} falls in its own story"), move || {
            fall_in_their_stories(database)
        }));
        trials.push(Trial::test(format!("the reference for {name} passes in every story"), move || reference_passes(database)));
        trials.push(Trial::test(format!("mutants for {name} are found by a search"), move || are_found(database)));
        trials.push(
            lab.trial(database, format!("mutants for {name} fall on a real server"), move |lab| fall_for_real(lab, database)),
        );
    }
    trials.push(Trial::test("the kill matrix is told as text and as JSON", told));
    trials.push(Trial::test("a mutant that survives is named, and is an exit code", survivor));
    trials.push(Trial::test("without its rule a mutant survives, or falls by another", without));
    trials.push(Trial::test("an unknown mutant or rule is a usage error", || {
        says(tool().args(["mutants", "goodby"]), 2, &["goodby", "mutant-goodbye"])?;
        says(tool().args(["mutants", "rule:OWN-8"]), 2, &["OWN-8"])?;
        says(tool().args(["mutants", "--without", "every"]), 2, &["every"])
    }));
    trials
}

/// The mutants of a database.
fn mutants(database: Database) -> impl Iterator<Item = Mutant> {
    poolproof_targets::mutants().into_iter().filter(move |mutant| mutant.target.database() == database)
}

/// All complaints together, so that one run shows every mutant that is not found.
fn together(complaints: Vec<String>) -> Outcome {
    ensure(complaints.is_empty(), || complaints.join("\n"))
}

/// What is wrong with a mutant's fall in its story, if anything is.
fn complaint(bench: &Bench, mutant: &Mutant) -> Option<String> {
    let (name, wanted) = (mutant.target.name(), mutant.rule);
    let story = mutant.story().expect("a story without typos");
    match certify::replay(bench, &mutant.target, &story, 1) {
        Err(trouble) => Some(format!("{name}: {trouble}")),
        Ok(replay) => match replay.judgement.first_cause() {
            Some((rule, _)) if rule.id == wanted => None,
            Some((rule, evidence)) => {
                Some(format!("{name} was planted for {wanted} and breaks {}: {}", rule.id, evidence.sentence))
            }
            None => Some(format!("{name} was planted for {wanted} and breaks nothing")),
        },
    }
}

/// No search, no luck: the defect is there, and its rule sees it first.
fn fall_in_their_stories(database: Database) -> Outcome {
    let mutants: Vec<Mutant> = mutants(database).collect();
    let bench = bench(&mutants.first().ok_or("no mutants")?.target)?;
    together(complaints(&bench, &mutants))
}

fn fall_for_real(lab: &Lab, database: Database) -> Outcome {
    let bench = lab.bench(database, poolproof::execute::Weakness::default());
    let wanted = |mutant: &Mutant| ON_REAL_SERVERS.iter().any(|name| is_called(mutant, name));
    let mutants: Vec<Mutant> = mutants(database).filter(wanted).collect();
    ensure(mutants.len() == ON_REAL_SERVERS.len(), || "a name has changed".to_owned())?;
    together(complaints(&bench, &mutants))
}

/// Several at once: a mutant that hangs mostly waits.
fn complaints(bench: &Bench, mutants: &[Mutant]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let look = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let mine = numbers.map_while(|number| mutants.get(number));
        mine.filter_map(|mutant| complaint(bench, mutant)).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(look)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a complaint or none")).collect()
    })
}

const AT_ONCE: usize = 6;

fn is_called(mutant: &Mutant, name: &str) -> bool {
    let whole = mutant.target.name();
    whole.strip_prefix("mutant-").is_some_and(|rest| rest.strip_suffix("-mysql").unwrap_or(rest) == name)
}

/// A story in which the reference falls would prove nothing of the mutant.
fn reference_passes(database: Database) -> Outcome {
    let target = target(if database == Database::Postgres { "reference" } else { "reference-mysql" });
    let bench = bench(&target)?;
    let stories: Vec<_> = mutants(database).map(|mutant| mutant.story()).collect::<Result<_, _>>()?;
    let histories = certify::execute(&bench, &target, &stories)?;
    let causes = stories.iter().zip(&histories).filter_map(|(story, history)| {
        let judgement = rules::judge(story, history);
        judgement.first_cause().map(|(rule, evidence)| format!("{}: {}\n{story}", rule.id, evidence.sentence))
    });
    together(causes.collect())
}

/// Those that chance finds soon; the rest is hunted in the night.
fn are_found(database: Database) -> Outcome {
    let wanted: Vec<Mutant> = mutants(database).filter(|mutant| SOON.iter().any(|name| is_called(mutant, name))).collect();
    ensure(wanted.len() == SOON.len(), || "a name has changed".to_owned())?;
    let bench = bench(&wanted[0].target)?;
    let mut complaints = Vec::new();
    for mutant in &wanted {
        let hunt = Hunt {
            target: &mutant.target,
            promise: mutant.terms.promise,
            seed: 1,
            cases: 200,
            by: Some(mutant.rule),
            without: None,
            faulty: mutant.faulty,
        };
        let bag = certify::hunt(&bench, hunt, &mut |_| {})?;
        match bag.kill {
            None => complaints.push(format!("{} survived {} interleavings", mutant.target.name(), bag.cases)),
            // What was thought out is short; what is shrunk must be no longer.
            Some(kill) if kill.interleaving.steps.len() > mutant.story()?.steps.len() + 1 => {
                complaints.push(format!("{} is not shrunk well:\n{}", mutant.target.name(), kill.interleaving));
            }
            Some(_) => {}
        }
    }
    together(complaints)
}

const SOON: [&str; 8] =
    ["goodbye", "no-guard", "guard-at-checkout", "counters-copied", "one-too-many", "returned-twice", "reply-unread", "aborts"];

fn told() -> Outcome {
    let (_directory, path) = scratch();
    let file = path.join("matrix.json");
    let mut command = tool();
    command.args(["mutants", "goodbye", "mutant-one-too-many-mysql", "--cases", "60", "--seeds", "2", "--json"]).arg(&file);
    let output = run(&mut command);
    let text = String::from_utf8_lossy(&output.stdout);
    ensure(output.status.code() == Some(0), || format!("{}: {text}", output.status))?;
    for word in ["median", "worst", "child-drops", "embedded", "2 of 2 mutants were killed", "seeds 1 to 2"] {
        ensure(text.contains(word), || format!("'{word}' is missing in: {text}"))?;
    }
    ensure(text.lines().all(|line| line.chars().count() <= 100), || text.clone().into_owned())?;
    let matrix: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    let row = &matrix["mutants"][1];
    let wanted = (&row["mutant"], &row["rule"], &row["killed"], &row["runs"][1]["by"], &row["runs"][1]["seed"]);
    ensure(
        *wanted.0 == "mutant-one-too-many-mysql"
            && *wanted.1 == "CAP-1"
            && *wanted.2 == true
            && *wanted.3 == "CAP-1"
            && *wanted.4 == 2,
        || format!("{row:#}"),
    )?;
    let shrunk = row["runs"][0]["interleaving"].as_str().ok_or("an interleaving")?;
    let steps = crate::lab::interleaving(shrunk).steps.len();
    ensure(row["runs"][0]["steps"] == steps, || format!("{row:#}"))
}

/// Nothing finds a pid that comes back in one interleaving.
fn survivor() -> Outcome {
    let words = ["survived", "0 of 1 mutants", "pid-guard survived 1 interleaving of seed 1", "OWN-1 was never the"];
    says(tool().args(["mutants", "pid-guard", "--cases", "1"]), 1, &words)
}

fn without() -> Outcome {
    let alone = ["mutants", "pings-first", "goodbye", "--without", "OWN-1", "--cases", "30"];
    says(tool().args(alone), 0, &["without OWN-1", "survive: pings-first", "goodbye (by ISO-1)"])?;
    for (rule, name) in [("OWN-2", "reads-shared"), ("API-1", "disposed-hangs"), ("API-1", "disposed-panics")] {
        let mysql = format!("{name}-mysql");
        let both = format!("survive: {name}, {mysql}");
        says(tool().args(["mutants", name, &mysql, "--without", rule, "--cases", "60"]), 0, &[&both])?;
    }
    says(tool().args(["mutants", "goodbye", "--without", "OWN-1", "--cases", "30"]), 1, &["nothing survives"])?;
    says(tool().args(["mutants", "goodbye", "--without", "OWN-2"]), 2, &["none of these mutants"])
}
