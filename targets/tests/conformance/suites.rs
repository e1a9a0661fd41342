//! The suite of a pool's author, run as he runs it: as a program with libtest's words, here this one under another name.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use libtest_mimic::Trial;

use crate::lab::{Outcome, ensure, run, scratch, target};

/// What makes this program a suite: a pool, and what is promised of it with commas.
const SUITE: &str = "POOLPROOF_TEST_SUITE";
/// The edition that it asks for.
const EDITION: &str = "POOLPROOF_TEST_EDITION";

/// Runs a suite in place of the tests, if that is what was asked for.
pub(crate) fn instead() -> Option<ExitCode> {
    let words = std::env::var(SUITE).ok()?;
    let (pool, promises) = words.split_once(' ').unwrap_or((&words, ""));
    let promises = promises.split(',').filter_map(|promise| promise.parse().ok());
    let suite = poolproof::suite::of(target(pool)).promises(promises).cases(40);
    Some(match std::env::var(EDITION) {
        Ok(edition) => suite.edition(&edition).run(),
        Err(_) => suite.run(),
    })
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("a suite fails what is promised and broken, and nothing else", only_promised),
        Trial::test("a failure of a suite is saved beside it and replayed by it", replayed),
        Trial::test("what is known to fail passes, and what has been mended has to be said", known),
        Trial::test("a suite keeps to libtest's words", words),
        Trial::test("a promise that nobody made is searched when it is asked for, and passes", asked_for),
        Trial::test("a suite that was cut short says so and passes", cut_short),
        Trial::test("what a suite cannot understand is named", not_understood),
    ]
}

/// A suite in a package's directory of its own.
pub(crate) struct Package {
    _directory: tempfile::TempDir,
    pub(crate) path: PathBuf,
    words: String,
}

impl Package {
    /// Of a pool, with what is promised of it.
    pub(crate) fn of(pool: &str, promises: &str) -> Self {
        let (directory, path) = scratch();
        Self { _directory: directory, path, words: format!("{pool} {promises}") }
    }

    /// The suite, as Cargo starts it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        for variable in ["POOLPROOF_SERVER", "POOLPROOF_SEED", "POOLPROOF_CASES", "POOLPROOF_BUDGET", "POOLPROOF_REPLAY"] {
            command.env_remove(variable);
        }
        command.env(SUITE, &self.words).env("CARGO_MANIFEST_DIR", &self.path).current_dir(&self.path).args(arguments);
        command
    }

    fn says(&self, arguments: &[&str], code: i32, words: &[&str]) -> Result<String, libtest_mimic::Failed> {
        said(&run(&mut self.command(arguments)), code, words)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join("tests/poolproof").join(name)
    }
}

/// What it said, on either way; it ended with this code and said these words.
pub(crate) fn said(output: &Output, code: i32, words: &[&str]) -> Result<String, libtest_mimic::Failed> {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure(output.status.code() == Some(code), || format!("exit {:?}, not {code}: {text}", output.status))?;
    words.iter().try_for_each(|word| ensure(text.contains(word), || format!("'{word}' is missing in: {text}")))?;
    Ok(text)
}

/// Each line of a listing without what fills it up to a column.
fn outcome<'a>(text: &'a str, promise: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(&format!("test {promise}::embedded ")))?;
    line.split_once("... ").map(|(_, outcome)| outcome)
}

fn only_promised() -> Outcome {
    let package = Package::of("mutant-no-guard", "threads-only,child-uses-pool");
    let text = package.says(&[], 101, &["breaks OWN-1 under child-uses-pool", "what to do: ", "POOLPROOF_REPLAY="])?;
    let outcome = |promise| outcome(&text, promise).unwrap_or_default();
    ensure(outcome("threads-only") == "ok", || text.clone())?;
    ensure(outcome("child-uses-pool") == "FAILED", || text.clone())?;
    ensure(outcome("anything").starts_with("ignored (not promised; today it breaks "), || text.clone())?;
    ensure(outcome("exec-only").starts_with("ignored (not promised; today nothing breaks it "), || text.clone())?;
    ensure(outcome("hook-in-child").contains("no hook") || outcome("hook-in-child").contains("today"), || text.clone())
}

fn replayed() -> Outcome {
    let package = Package::of("mutant-no-guard", "child-uses-pool");
    package.says(&["child-uses-pool"], 101, &["OWN-1"])?;
    let file = package.file("failures/mutant-no-guard/child-uses-pool.OWN-1.interleaving");
    let replay = |pool: &str, code, words: &[&str]| {
        let other = Package::of(pool, "");
        let mut command = other.command(&[]);
        said(&run(command.env("POOLPROOF_REPLAY", &file)), code, words)
    };
    replay("mutant-no-guard", 101, &["test replay::embedded ... FAILED", "OWN-1  p1 wrote ", "20 of 20"])?;
    replay("reference", 0, &["no rule was broken"])?;
    // It is run first the next time, and would be enough.
    let mut command = package.command(&["child-uses-pool"]);
    said(&run(command.env("POOLPROOF_CASES", "1")), 101, &["OWN-1"])?;
    std::fs::write(&file, "p0 opn\n")?;
    package.says(&["child-uses-pool"], 101, &["line 1, column 4", "child-uses-pool.OWN-1.interleaving"]).map(drop)
}

fn known() -> Outcome {
    let package = Package::of("mutant-no-guard", "child-uses-pool,threads-only");
    let list = |entries: &[(&str, &str)]| {
        let entry = |(promise, rule): &(&str, &str)| serde_json::json!({ "pool": "mutant-no-guard", "promise": promise, "rule": rule, "reason": "issue 7" });
        let entries: Vec<_> = entries.iter().map(entry).collect();
        std::fs::create_dir_all(package.file(""))?;
        std::fs::write(package.file("known-failures.json"), serde_json::to_string(&entries)?)
    };
    let all = broken_rules(&package)?;
    let mut entries: Vec<(&str, &str)> = all.iter().map(|rule| ("child-uses-pool", rule.as_str())).collect();
    list(&entries)?;
    package.says(&["::embedded", "--skip", "any"], 0, &["breaks OWN-1, as is known: issue 7"])?;
    entries.push(("threads-only", "OWN-2"));
    list(&entries)?;
    package.says(&["threads-only"], 101, &["OWN-2", "was not broken: remove its entry from", "known-failures.json"])?;
    list(&[("child-uses-pool", "OWN-9")])?;
    package.says(&["threads-only"], 101, &["known-failures.json: entry 1", "OWN-9"]).map(drop)
}

/// What a first run saves.
fn broken_rules(package: &Package) -> Result<Vec<String>, libtest_mimic::Failed> {
    package.says(&["child-uses-pool"], 101, &["if it has to stay: {\"pool\":\"mutant-no-guard\""])?;
    let mut rules = Vec::new();
    for entry in std::fs::read_dir(package.file("failures/mutant-no-guard"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        rules.extend(name.split('.').nth(1).map(str::to_owned));
    }
    Ok(rules)
}

/// What nextest asks is among them: a list, a list of what is ignored, and one test at a time.
fn words() -> Outcome {
    let package = Package::of("mutant-no-guard", "threads-only,child-uses-pool");
    package.says(&["no_such_name"], 0, &["running 0 tests"])?;
    let listed =
        |arguments: &[&str]| package.says(arguments, 0, &[]).map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    let all = listed(&["--list", "--format", "terse"])?;
    let ignored = listed(&["--list", "--format", "terse", "--ignored"])?;
    ensure(all.len() == poolproof::Promise::ALL.len() && ignored.len() == all.len() - 2, || format!("{all:?} {ignored:?}"))?;
    ensure(all.contains(&"threads-only::embedded: test".to_owned()), || format!("{all:?}"))?;
    ensure(!ignored.contains(&"threads-only::embedded: test".to_owned()), || format!("{ignored:?}"))?;
    package.says(&["threads-only::embedded", "--exact", "--nocapture"], 0, &["running 1 test", "1 passed"])?;
    package.says(&["child-uses-pool::embedded", "--exact", "--nocapture"], 101, &["running 1 test", "1 failed"]).map(drop)
}

fn asked_for() -> Outcome {
    let package = Package::of("mutant-no-guard", "threads-only");
    let words = ["1 passed", "breaks OWN-1", "it is not promised, and fails no test"];
    package.says(&["child-uses-pool::embedded", "--exact", "--ignored"], 0, &words).map(drop)
}

fn cut_short() -> Outcome {
    let package = Package::of("reference", "threads-only");
    let mut command = package.command(&["threads-only"]);
    command.env("POOLPROOF_BUDGET", "1ms").env("POOLPROOF_CASES", "100000");
    said(&run(&mut command), 0, &["1 passed", "the budget was over after", "of 100000 interleavings"]).map(drop)
}

fn not_understood() -> Outcome {
    let package = Package::of("reference", "threads-only");
    let with = |name: &str, value: &str, words: &[&str]| {
        said(&run(package.command(&["no_such_name"]).env(name, value)), 101, words).map(drop)
    };
    with(EDITION, "2025.1", &["unknown edition '2025.1'", poolproof::rules::EDITION])?;
    with("POOLPROOF_SERVER", "remote", &["POOLPROOF_SERVER", "`embedded`"])?;
    with("POOLPROOF_BUDGET", "20", &["POOLPROOF_BUDGET", "500ms"])?;
    let missing = Path::new("/nowhere/x.interleaving");
    said(&run(package.command(&[]).env("POOLPROOF_REPLAY", missing)), 101, &["/nowhere/x.interleaving"]).map(drop)
}
