//! `poolproof corpus`: a fuzzer's inputs as texts and back, what they cover, and the fewest that cover the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use poolproof::Promise;
use poolproof::certify;
use poolproof::corpus;
use poolproof::fuzz::{decode, encode};
use poolproof::interleaving::Interleaving;
use poolproof::situations::{Situation, Situations, required};

use super::args::corpus::{Corpus, CorpusTask, Covered};
use super::benches::prepare;
use super::exit::{Code, Stop};
use super::progress::Teller;
use super::screen::Screen;

const EXTENSION: &str = "interleaving";

/// Does it.
pub(crate) fn run(wanted: &Corpus, screen: &mut Screen) -> Result<Code, Stop> {
    match &wanted.task {
        CorpusTask::Text { from, to } => {
            convert(from, to, screen, |path, read| (named(path, EXTENSION), read.to_string().into_bytes()))
        }
        CorpusTask::Bytes { from, to } => convert(from, to, screen, |path, read| (stem(path), encode(read))),
        CorpusTask::Cover(wanted) => cover(wanted, screen),
        CorpusTask::Minimise { covered, to } => minimise(covered, to, screen),
    }
}

/// Writes each input of a directory into another one, in another form.
fn convert(
    from: &Path,
    to: &Path,
    screen: &mut Screen,
    form: impl Fn(&Path, &Interleaving) -> (String, Vec<u8>),
) -> Result<Code, Stop> {
    let inputs = inputs(from)?;
    for (path, read) in &inputs {
        let (name, bytes) = form(path, read);
        write(&to.join(name), &bytes)?;
    }
    screen.say(&format!("{} inputs written to {}\n", inputs.len(), to.display()))?;
    Ok(if inputs.is_empty() { Code::NotExercised } else { Code::Passed })
}

/// Shows what the inputs of a directory exercise in a pool, and what they lack of what a certificate must have.
fn cover(wanted: &Covered, screen: &mut Screen) -> Result<Code, Stop> {
    let executed = execute(wanted)?;
    let mut all = Situations::default();
    let mut by_promise: Vec<(Promise, Situations)> =
        Promise::ALL.into_iter().map(|promise| (promise, Situations::default())).collect();
    for (_, read, situations) in &executed {
        all.merge(situations.clone());
        by_promise.iter_mut().filter(|(promise, _)| *promise == read.promise).for_each(|(_, of)| of.merge(situations.clone()));
    }
    let mut text = format!("{} inputs, {} situations\n", executed.len(), all.counts().count());
    for (situation, count) in all.counts() {
        text.push_str(&format!("{count:>8}  {situation}\n"));
    }
    for (promise, situations) in by_promise.iter().filter(|(_, situations)| situations.counts().next().is_some()) {
        text.push_str(&compared(*promise, situations));
    }
    screen.say(&text)?;
    Ok(Code::Passed)
}

/// What was exercised under a promise, beside what `certify` demands of a run.
fn compared(promise: Promise, situations: &Situations) -> String {
    let demanded = required(promise);
    let missing = situations.missing(demanded);
    let mut text =
        format!("{promise}: {} of {} situations that certify demands\n", demanded.len() - missing.len(), demanded.len());
    for situation in missing {
        text.push_str(&format!(" missing  {situation}\n"));
    }
    text
}

/// Keeps the shortest inputs that exercise together what all do, under each promise.
fn minimise(wanted: &Covered, to: &Path, screen: &mut Screen) -> Result<Code, Stop> {
    if holds_something(to) {
        let message =
            format!("{} has files already, which would be taken for inputs that were kept; name a new directory", to.display());
        return Err(Stop::usage(message));
    }
    let mut executed = execute(wanted)?;
    executed.sort_by_key(|(_, read, _)| read.steps.len());
    let mut reached: BTreeSet<(String, Situation)> = BTreeSet::new();
    let (all, mut kept) = (executed.len(), 0);
    for (path, read, situations) in executed {
        let before = reached.len();
        reached.extend(situations.counts().map(|(situation, _)| (read.terms().to_string(), situation)));
        if reached.len() > before {
            write(&to.join(stem(&path)), &encode(&read))?;
            kept += 1;
        }
    }
    let situations = reached.iter().map(|(_, situation)| situation).collect::<BTreeSet<_>>().len();
    screen.say(&format!("{kept} of {all} inputs kept in {}: {situations} situations\n", to.display()))?;
    Ok(Code::Passed)
}

fn holds_something(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

fn execute(wanted: &Covered) -> Result<Vec<(PathBuf, Interleaving, Situations)>, Stop> {
    let mut teller = Teller::new();
    let target = wanted.foreign.pool(Some(&wanted.pool), &mut teller)?;
    let inputs = inputs(&wanted.from)?;
    if inputs.is_empty() {
        return Err(Stop::usage(format!("{}: there are no inputs in it", wanted.from.display())));
    }
    let bench = prepare(&[target], &wanted.servers, &mut teller)?;
    teller.begins(&format!("{}: {} inputs", target.name(), inputs.len()));
    let interleavings: Vec<Interleaving> = inputs.iter().map(|(_, read)| read.clone()).collect();
    let histories = certify::execute(&bench, &target, &interleavings)?;
    teller.clear();
    bench.finish()?;
    let executed = inputs.into_iter().zip(histories).map(|((path, read), history)| {
        let situations = Situations::of(&read, &history);
        (path, read, situations)
    });
    Ok(executed.collect())
}

/// The inputs of a directory in the order of their names: texts where the name says so, else bytes.
fn inputs(from: &Path) -> Result<Vec<(PathBuf, Interleaving)>, Stop> {
    let unreadable = |error: std::io::Error| Stop::usage(format!("{}: {error}", from.display()));
    let entries = std::fs::read_dir(from).map_err(unreadable)?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.retain(|path| path.is_file());
    paths.sort();
    let read = |path: PathBuf| -> Result<(PathBuf, Interleaving), Stop> {
        let read = if path.extension().is_some_and(|extension| extension == EXTENSION) {
            corpus::read(&path)?
        } else {
            let bytes = std::fs::read(&path).map_err(|error| Stop::usage(format!("{}: {error}", path.display())))?;
            decode(&bytes)
        };
        Ok((path, read))
    };
    paths.into_iter().map(read).collect()
}

fn stem(path: &Path) -> String {
    let whole = path.file_name().unwrap_or_default().to_string_lossy();
    whole.strip_suffix(".interleaving").unwrap_or(&whole).to_owned()
}

fn named(path: &Path, extension: &str) -> String {
    format!("{}.{extension}", stem(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Stop> {
    let folder = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, bytes));
    written.map_err(|error| Stop::unwritable(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a fuzzer has is read by people, and what people write is taken in.
    #[test]
    fn a_corpus_goes_to_text_and_back_unchanged() {
        let place = tempfile::tempdir().expect("a directory");
        let [first, texts, last] = ["first", "texts", "last"].map(|name| place.path().join(name));
        let made = encode(&poolproof::generate::nth(poolproof::Promise::Anything, 1, 40));
        write(&first.join("0a1b"), &made).expect("room");
        let mut screen = Screen::of_stdout();
        let text = |from: &Path, to: &Path| Corpus { task: CorpusTask::Text { from: from.to_owned(), to: to.to_owned() } };
        let bytes = |from: &Path, to: &Path| Corpus { task: CorpusTask::Bytes { from: from.to_owned(), to: to.to_owned() } };
        assert_eq!(run(&text(&first, &texts), &mut screen).expect("converted"), Code::Passed);
        assert!(texts.join("0a1b.interleaving").is_file());
        assert_eq!(run(&bytes(&texts, &last), &mut screen).expect("converted"), Code::Passed);
        assert_eq!(std::fs::read(last.join("0a1b")).expect("a file"), made);
    }
}
