//! The tests of a suite: which there are, and what each of them does.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use super::stage::{Searched, Stage};
use super::{FAILED, again, judge, known, signals};
use crate::certify::{self, Cases, Failure, Glance, Plan};
use crate::choice::ServerChoice;
use crate::corpus;
use crate::promise::Promise;
use crate::report::{self, Style};
use crate::trouble::Trouble;

/// So many interleavings make a glance, in so much time.
const GLANCE: Cases = Cases::Within(40, Duration::from_secs(2));

/// Runs what the command line asks for.
pub(super) fn run(mut arguments: Arguments, stage: Stage) -> ExitCode {
    // They share the servers, and each uses every processor.
    arguments.test_threads = Some(1);
    let stage = Arc::new(stage);
    let conclusion = libtest_mimic::run(&arguments, trials(&stage, &arguments));
    let closed = stage.close();
    if let Err(trouble) = &closed {
        eprintln!("error: {trouble}");
    }
    signals::obey();
    if closed.is_err() { FAILED.into() } else { conclusion.exit_code() }
}

fn trials(stage: &Arc<Stage>, arguments: &Arguments) -> Vec<Trial> {
    let style = style();
    let on_each = |name: &str, test: &dyn Fn(&ServerChoice, String) -> Trial| -> Vec<Trial> {
        stage.settings.servers.iter().map(|choice| test(choice, format!("{name}::{}", choice.word()))).collect()
    };
    if let Some(file) = &stage.settings.replay {
        return on_each("replay", &|choice, name| replay(stage, file.clone(), choice.clone(), name, style));
    }
    // What is flagged is not even looked at, unless it is asked for; so where tests are only listed, or asked for.
    let flagged = arguments.list || arguments.ignored || arguments.include_ignored;
    let promised = stage.settings.promised.iter().copied();
    let others = Promise::ALL.into_iter().filter(|promise| !stage.settings.promised.contains(promise));
    let promised = promised.flat_map(|promise| {
        on_each(promise.name(), &|choice, name| {
            let (stage, choice) = (Arc::clone(stage), choice.clone());
            Trial::test(name, move || hold(&stage, promise, &choice, style))
        })
    });
    let others = others.flat_map(|promise| {
        on_each(promise.name(), &|choice, name| {
            let (stage, choice) = (Arc::clone(stage), choice.clone());
            match flagged {
                true => Trial::test(name, move || show(&stage, promise, &choice, style)).with_ignored_flag(true),
                false => Trial::ignorable_test(name, move || look(&stage, promise, &choice)),
            }
        })
    });
    promised.chain(others).collect()
}

fn style() -> Style {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Style { colour, ..Style::default() }
}

fn replay(stage: &Arc<Stage>, file: PathBuf, choice: ServerChoice, name: String, style: Style) -> Trial {
    let stage = Arc::clone(stage);
    Trial::test(name, move || again::replay(&stage, &file, &choice, style))
}

/// The test of a promise that was made.
fn hold(stage: &Stage, promise: Promise, choice: &ServerChoice, style: Style) -> Result<(), Failed> {
    // Before anything is saved by this run.
    let directory = &stage.settings.directory;
    let path = |rule: &str| corpus::path(directory, stage.target.name(), promise, rule);
    let saved: Vec<&str> = stage.known.rules(promise).filter(|rule| path(rule).exists()).collect();
    let searched = stage.search(promise, choice)?;
    let judged = judge::judge(&searched.cell, &stage.known, &|rule| saved.contains(&rule));
    let heading = heading(stage, promise, choice);
    judged.notes.iter().for_each(|note| stage.note(format!("{heading}: {note}")));
    for (rule, reason) in &judged.expected {
        stage.note(format!("{heading}: breaks {rule}, as is known: {reason}"));
    }
    // A test that passes leaves nothing in its author's sources, unless he knows of it.
    let known = searched.cell.failures.iter().filter(|failure| stage.known.reason(promise, failure.rule.id).is_some());
    known.chain(judged.broken.iter().copied()).for_each(|failure| save(stage, &searched, failure, &heading));
    let broken = judged.broken.iter().map(|failure| told(stage, &searched, failure, choice, style));
    let mended = judged.mended.iter().map(|rule| {
        let file = stage.known.path().display();
        format!("{heading}: {rule} is among the known failures and was not broken: remove its entry from {file}")
    });
    let texts: Vec<String> = broken.chain(mended).collect();
    if texts.is_empty() { Ok(()) } else { Err(format!("\n{}", texts.join("\n")).into()) }
}

/// The same for one that nobody made: it tells, and passes.
fn show(stage: &Stage, promise: Promise, choice: &ServerChoice, style: Style) -> Result<(), Failed> {
    let searched = stage.search(promise, choice)?;
    let heading = heading(stage, promise, choice);
    let certain = || searched.cell.failures.iter().filter(|failure| failure.is_certain());
    for failure in certain() {
        save(stage, &searched, failure, &heading);
        stage.note(format!("\n{}", told(stage, &searched, failure, choice, style)));
    }
    let rules: Vec<&str> = certain().map(|failure| failure.rule.id).collect();
    let found = if rules.is_empty() { "breaks no rule".to_owned() } else { format!("breaks {}", rules.join(" ")) };
    let cases = searched.cell.cases;
    stage.note(format!("{heading}: {found}, in {cases} interleavings; it is not promised, and fails no test"));
    Ok(())
}

/// What a pool does today under a promise that nobody made.
fn look(stage: &Stage, promise: Promise, choice: &ServerChoice) -> Result<Completion, Failed> {
    let plan = Plan { seed: stage.settings.seed, cases: GLANCE, ..Plan::default() };
    let seen = stage.on(choice, |bench| certify::glance(bench, &stage.target, promise, &plan));
    Ok(Completion::ignored_with(match seen {
        Ok(Glance::Broken(rule)) => format!("not promised; today it breaks {}", rule.id),
        Ok(Glance::Held(cases)) => format!("not promised; today nothing breaks it in {cases} interleavings"),
        Ok(Glance::NotOffered) => "not promised; the pool has no hook for a child".to_owned(),
        Err(Trouble::Interrupted) => return Err(Trouble::Interrupted.into()),
        Err(trouble) => format!("not promised; {trouble}"),
    }))
}

fn heading(stage: &Stage, promise: Promise, choice: &ServerChoice) -> String {
    format!("{} under {promise}, {}", stage.target.name(), choice.word())
}

/// What cannot be saved takes nothing away from what was found.
fn save(stage: &Stage, searched: &Searched, failure: &Failure, heading: &str) {
    let saved = corpus::save(&stage.settings.directory, stage.target.name(), searched.cell.promise, failure);
    if let Err(trouble) = saved {
        stage.note(format!("{heading}: {} was not saved: {trouble}", failure.rule.id));
    }
}

/// A failure as `poolproof certify` tells it, and what to do where it has to stay.
fn told(stage: &Stage, searched: &Searched, failure: &Failure, choice: &ServerChoice, style: Style) -> String {
    let (pool, promise, rule) = (stage.target.name(), searched.cell.promise, failure.rule.id);
    let file = corpus::path(&stage.settings.directory, pool, promise, rule);
    let command = again::command(&file, choice);
    let finding = failure.finding(pool, &searched.server, searched.embedded, &command);
    let known = stage.known.path().display();
    let entry = known::entry(pool, promise, rule);
    format!("{}  if it has to stay: {entry} in the list of {known}\n", report::failure(&finding, style))
}
