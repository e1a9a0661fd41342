//! The failures from the field, on pools that do not have them: nobody may be accused, and each story must be told to its end.

use libtest_mimic::Trial;
use poolproof::certify;
use poolproof::generate::scenarios;
use poolproof::history::{Event, History};
use poolproof::interleaving::Interleaving;
use poolproof::rules;
use poolproof::verdict::Verdict;

use crate::embedded::bench;
use crate::lab::{Lab, Outcome, ensure, target};

pub(crate) fn trials(_lab: &'static Lab) -> Vec<Trial> {
    let trial = |pool: &'static str| Trial::test(format!("no scenario breaks a rule on {pool}"), move || told(pool));
    ["reference", "reference-mysql"].map(trial).into()
}

fn told(pool: &str) -> Outcome {
    let target = target(pool);
    let stories: Vec<Interleaving> = scenarios::all().iter().map(|scenario| scenario.interleaving.clone()).collect();
    let histories = certify::execute(&bench(&target)?, &target, &stories)?;
    for (scenario, history) in scenarios::all().iter().zip(&histories) {
        let file = scenario.file;
        for (rule, verdict) in rules::judge(&scenario.interleaving, history).verdicts {
            let fine = !matches!(verdict, Verdict::Failed(_) | Verdict::Consequence { .. } | Verdict::NoVerdict(_));
            ensure(fine, || format!("{file}: {}: {verdict:?}", rule.id))?;
        }
        let skipped = skipped(&scenario.interleaving, history);
        ensure(skipped.is_empty() || scenario.may_skip, || format!("{file}: skipped {skipped:?}"))?;
    }
    Ok(())
}

fn skipped(story: &Interleaving, history: &History) -> Vec<String> {
    let steps = history.events().iter().filter_map(|event| match event {
        Event::Skipped { step, why } => Some(format!("{} ({why:?})", story.steps[*step])),
        _ => None,
    });
    steps.collect()
}
