//! The fuzzer as `cargo fuzz` builds it: what it finds is kept, once, whatever ends it.
//!
//! The targets are built by `cargo fuzz build`, so these tests run where `POOLPROOF_REQUIRE` names `fuzz`, as `.ci/fuzz` does; elsewhere
//! they are listed as ignored.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use nix::sys::signal::Signal;
use poolproof::corpus;
use poolproof::fuzz::{database_of, decode, encode};
use poolproof_targets::Mutant;

use crate::cleanup::{Run, random};
use crate::lab::{Outcome, ensure, is_required_by_name, run, says, scaled, scratch, text, tool};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// A defect that shows soon, and what it is found as.
const POOL: &str = "mutant-goodbye";
const PROMISE: &str = "child-drops";
const FOUND: &str = "child-drops.OWN-1.goodbye";
/// What an empty corpus must lead to within the bound, some of each kind.
const SOON: [&str; 5] = ["one-too-many", "commit-unsent", "no-guard", "counters-copied-mysql", "aborts"];
const BOUND: Duration = Duration::from_secs(120);
/// libFuzzer's own exit codes.
const CRASHED: i32 = 77;
const INTERRUPTED: i32 = 72;

pub(crate) fn trials() -> Vec<Trial> {
    let built = [
        Trial::test("fuzz: one defect is one file, which replays and which the next run knows", one_file),
        Trial::test("fuzz: two jobs that find the same have one file together", two_jobs),
        Trial::test("fuzz: mutants fall from an empty corpus within two minutes", mutants_fall),
        Trial::test("fuzz: kill -9 loses no finding and leaves nothing", killed),
        Trial::test("fuzz: what a killed run left unsettled is found by the next", taken_up),
        Trial::test("fuzz: a signal ends the run with the summary", interrupted),
        Trial::test("fuzz: a panic of poolproof ends the run with the summary", panicked),
        Trial::test("fuzz: an input is printed as the text that `corpus text` writes", printed),
        Trial::test("fuzz: ClusterFuzzLite gets targets that run with a temporary directory alone", taken_along),
    ];
    let missing = !is_required_by_name("fuzz");
    let built = built.map(|trial| trial.with_ignored_flag(missing));
    let always = [
        Trial::test("a pool's name tells its database", named),
        Trial::test("each family of the fuzz targets names pools that exist", families),
        Trial::test("the image of ClusterFuzzLite has what its script expects", image),
        Trial::test("each scenario is a seed for the fuzzer", seeds),
    ];
    built.into_iter().chain(always).collect()
}

/// The target as it was built last.
fn built(target: &str) -> Result<PathBuf, Failed> {
    let folder = Path::new(ROOT).join("fuzz/target");
    let triples = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let places = triples.flat_map(|triple| ["release", "debug"].map(|profile| triple.join(profile).join(target)));
    let built = places.filter(|path| path.is_file()).max_by_key(|path| path.metadata().and_then(|found| found.modified()).ok());
    Ok(built.ok_or_else(|| format!("there is no fuzz target {target}: `cargo fuzz build --dev -s none` builds it"))?)
}

/// A target with nothing of the caller's environment that is about fuzzing. What it makes is below a directory.
fn fuzzer(target: &str, place: &Path) -> Result<Command, Failed> {
    let mut command = Command::new(built(target)?);
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POOLPROOF_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.env("POOLPROOF_FUZZ_AGENT", env!("CARGO_BIN_EXE_poolproof")).env("POOLPROOF_FUZZ_OUT", place.join("findings"));
    command.arg(format!("-artifact_prefix={}/", place.display())).arg("-seed=1");
    Ok(command)
}

fn goodbye(place: &Path, more: &[&str]) -> Result<Command, Failed> {
    let mut command = fuzzer("mutants", place)?;
    command.env("POOLPROOF_FUZZ_POOL", POOL).env("POOLPROOF_FUZZ_PROMISE", PROMISE).args(more);
    Ok(command)
}

/// The names of the findings of a pool; each can be read.
fn found(place: &Path, pool: &str) -> Result<BTreeSet<String>, Failed> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(place.join("findings").join(pool))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            let name = name.strip_suffix(".interleaving").ok_or_else(|| format!("{name} is no finding"))?;
            corpus::read(&path)?;
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

fn exactly(place: &Path, wanted: &str) -> Outcome {
    let found = found(place, POOL)?;
    ensure(found.iter().eq([wanted]), || format!("found: {found:?}"))
}

/// It is met in many forms, and shrunk to several.
fn one_file() -> Outcome {
    let (_directory, place) = scratch();
    let first = run(goodbye(&place, &["-runs=150"])?.env("POOLPROOF_FUZZ_KEEP_GOING", "1"));
    let said = text(&first);
    ensure(first.status.code() == Some(0), || said.clone())?;
    let times = said.split(&format!("{FOUND} × ")).nth(1).and_then(|rest| rest.lines().next()?.parse::<u32>().ok());
    ensure(times.is_some_and(|times| times > 5) && said.contains("new findings        1"), || said.clone())?;
    exactly(&place, FOUND)?;
    let file = place.join("findings").join(POOL).join(format!("{FOUND}.interleaving"));
    says(tool().arg("replay").arg(&file).args(["--pool", POOL]), 1, &["OWN-1"])?;
    // It is no reason to stop any more.
    says(
        &mut goodbye(&place, &["-runs=40"])?,
        0,
        &["new findings        0", &format!("{FOUND} × "), "leftovers           none"],
    )?;
    exactly(&place, FOUND)
}

fn two_jobs() -> Outcome {
    let (_directory, place) = scratch();
    let start = |seed: &str| -> Result<Run, Failed> {
        let mut command = goodbye(&place, &["-runs=60", seed])?;
        command.env("POOLPROOF_FUZZ_KEEP_GOING", "1");
        Ok(Run::start(command))
    };
    let mut jobs = [start("-seed=3")?, start("-seed=4")?];
    let mut announced = 0;
    for job in &mut jobs {
        let said = job.errors()?;
        ensure(job.wait()? == Some(0), || said.clone())?;
        announced += said.matches("new finding ").count();
        job.becomes_clean()?;
    }
    ensure(announced == 1, || format!("it was announced {announced} times"))?;
    exactly(&place, FOUND)
}

fn mutants_fall() -> Outcome {
    let mutants = poolproof_targets::mutants();
    for name in SOON {
        let pool = format!("mutant-{name}");
        let is_it = |mutant: &&Mutant| mutant.target.name() == pool;
        let mutant = mutants.iter().find(is_it).ok_or_else(|| format!("no {pool}"))?;
        let (_directory, place) = scratch();
        let mut command = fuzzer("mutants", &place)?;
        command.env("POOLPROOF_FUZZ_POOL", &pool).env("POOLPROOF_FUZZ_PROMISE", mutant.terms.to_string());
        let output = run(command.arg(format!("-max_total_time={}", BOUND.as_secs())));
        let found = found(&place, &pool)?;
        let wanted = format!("{}.{}.", mutant.terms, mutant.rule);
        ensure(output.status.code() == Some(CRASHED) && found.iter().any(|name| name.starts_with(&wanted)), || {
            format!("{pool}: {}, found {found:?}", output.status)
        })?;
    }
    Ok(())
}

/// Once at the very moment of the announcement, then at any.
fn killed() -> Outcome {
    for round in 0..scaled(3, 50) {
        let (_directory, place) = scratch();
        let mut command = goodbye(&place, &["-runs=1000000", &format!("-seed={}", round + 1)])?;
        command.env("POOLPROOF_FUZZ_KEEP_GOING", "1");
        let mut fuzzer = Run::start(command);
        let mut errors = BufReader::new(fuzzer.tool.stderr.take().ok_or("a pipe")?);
        let mut said = Vec::new();
        if round == 0 {
            while !String::from_utf8_lossy(&said).contains("new finding ") {
                ensure(errors.read_until(b'\n', &mut said)? > 0, || String::from_utf8_lossy(&said).into_owned())?;
            }
        } else {
            // Any moment must do: this waits for nothing, it chooses one.
            std::thread::sleep(Duration::from_millis(random() % 4000));
        }
        fuzzer.signal(Signal::SIGKILL);
        fuzzer.wait()?;
        fuzzer.becomes_clean()?;
        errors.read_to_end(&mut said)?;
        let announced = String::from_utf8_lossy(&said).contains(&format!("new finding {FOUND}"));
        ensure(announced || round > 0, || "nothing was announced".to_owned())?;
        let on_disk = place.join("findings").is_dir() && found(&place, POOL)?.contains(FOUND);
        ensure(on_disk || !announced, || "a finding that was announced is not on disk".to_owned())?;
    }
    Ok(())
}

/// Laid down, and killed while it is shrunk.
fn taken_up() -> Outcome {
    let (_directory, place) = scratch();
    let mut fuzzer = Run::start(goodbye(&place, &["-runs=1000000"])?);
    let pending = place.join("findings").join(POOL).join("pending");
    let laid_down = || walk(&pending).iter().any(|path| path.extension().is_some_and(|extension| extension == "interleaving"));
    let until = Instant::now() + BOUND;
    while !laid_down() {
        ensure(Instant::now() < until, || "nothing was laid down".to_owned())?;
    }
    fuzzer.signal(Signal::SIGKILL);
    fuzzer.wait()?;
    fuzzer.becomes_clean()?;
    // Without a random input of its own: what it finds was left to it.
    let mut next = goodbye(&place, &["-runs=0"])?;
    next.env("POOLPROOF_FUZZ_KEEP_GOING", "1");
    let said = text(&run(&mut next));
    ensure(found(&place, POOL)?.contains(FOUND), || said)?;
    ensure(!pending.exists(), || format!("left: {:?}", walk(&pending)))
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

fn interrupted() -> Outcome {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (_directory, place) = scratch();
        let mut fuzzer = Run::start(self::fuzzer("reference", &place)?);
        // libFuzzer says so when it has executed something and listens for signals.
        let mut errors = BufReader::new(fuzzer.tool.stderr.take().ok_or("a pipe")?);
        let mut said = String::new();
        while !said.contains("INITED") {
            ensure(errors.read_line(&mut said)? > 0, || said.clone())?;
        }
        fuzzer.signal(signal);
        errors.read_to_string(&mut said)?;
        ensure(fuzzer.wait()? == Some(INTERRUPTED), || said.clone())?;
        ensure(said.contains("new findings        0") && said.contains("leftovers           none"), || said.clone())?;
        fuzzer.becomes_clean()?;
    }
    Ok(())
}

fn panicked() -> Outcome {
    let (_directory, place) = scratch();
    let mut command = fuzzer("reference", &place)?;
    command.env("POOLPROOF_TEST_FUZZ_PANIC", "5").arg("-runs=1000");
    let mut fuzzer = Run::start(command);
    let said = fuzzer.errors()?;
    ensure(fuzzer.wait()? == Some(CRASHED), || said.clone())?;
    for words in ["reference after 5 executions", "worker.rs", "a panic of poolproof itself", "leftovers           none"] {
        ensure(said.contains(words), || format!("'{words}' is missing in: {said}"))?;
    }
    fuzzer.becomes_clean()?;
    let kept = std::fs::read_dir(&place)?.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("crash-"));
    ensure(kept, || "libFuzzer kept no input of it".to_owned())
}

/// That is what `cargo fuzz fmt` asks a target for.
fn printed() -> Outcome {
    let (_directory, place) = scratch();
    let [inputs, texts] = ["inputs", "texts"].map(|name| place.join(name));
    std::fs::create_dir(&inputs)?;
    std::fs::write(inputs.join("any"), [7, 0xa5, 3, 1, 40, 9, 2, 77, 0, 0, 6, 1, 1, 0])?;
    says(tool().args(["corpus", "text"]).args([&inputs, &texts]), 0, &["1 inputs written"])?;
    let shown = place.join("shown");
    let output = run(fuzzer("r2d2", &place)?.env("RUST_LIBFUZZER_DEBUG_PATH", &shown).arg(inputs.join("any")));
    let (shown, written) = (std::fs::read_to_string(&shown), std::fs::read_to_string(texts.join("any.interleaving"))?);
    let shown = shown.map_err(|error| format!("{error}: {}", text(&output)))?;
    ensure(!written.is_empty() && shown.trim() == written.trim(), || format!("{shown}\nis not\n{written}"))
}

/// Its build script, as in its image; then a target where nothing but a directory for what is temporary can be written.
fn taken_along() -> Outcome {
    let (_directory, place) = scratch();
    let [sources, out] = ["src", "out"].map(|name| place.join(name));
    std::fs::create_dir(&sources)?;
    std::fs::create_dir(&out)?;
    std::os::unix::fs::symlink(std::fs::canonicalize(ROOT)?, sources.join("poolproof"))?;
    let script = Path::new(ROOT).join(".clusterfuzzlite/build.sh");
    let mut build = Command::new(script);
    build.arg("--dev").env("SRC", &sources).env("OUT", &out).env("SANITIZER", "none");
    says(&mut build, 0, &[])?;
    let targets = targets()?;
    ensure(targets.len() == 15, || format!("{targets:?}"))?;
    for target in targets.iter().map(String::as_str).chain(["poolproof"]) {
        ensure(out.join(target).is_file(), || format!("{target} is missing"))?;
    }
    for seeds in ["reference_seed_corpus.zip", "text_seed_corpus.zip"] {
        ensure(out.join(seeds).is_file(), || format!("{seeds} is missing"))?;
    }
    let mut command = Command::new(out.join("reference"));
    command.env_clear().current_dir("/").args(["-seed=1", "-runs=20"]);
    let mut run = Run::start(command);
    let said = run.errors()?;
    ensure(run.wait()? == Some(0) && said.contains("reference after "), || said.clone())?;
    // What it has found stays there, and it has found nothing.
    let left: Vec<PathBuf> = walk(run.temporary());
    ensure(left.is_empty(), || format!("{left:?}"))
}

/// The targets of cargo-fuzz, with their sources.
fn sources() -> Result<Vec<(String, String)>, Failed> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(Path::new(ROOT).join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        sources.push((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), std::fs::read_to_string(&path)?));
    }
    Ok(sources)
}

fn targets() -> Result<Vec<String>, Failed> {
    Ok(sources()?.into_iter().map(|(name, _)| name).collect())
}

/// A fuzzer has no pool in its process, only the name.
fn named() -> Outcome {
    let wrong: Vec<String> = poolproof_targets::all()
        .iter()
        .filter(|target| database_of(target.name()) != target.database())
        .map(|target| target.name().to_owned())
        .collect();
    ensure(wrong.is_empty(), || format!("{wrong:?}"))
}

fn families() -> Outcome {
    let all = poolproof_targets::all();
    let mut families = 0;
    for (target, source) in sources()? {
        let Some((_, pools)) = source.split_once("family!(") else { continue };
        families += 1;
        for pool in pools.split('"').skip(1).step_by(2) {
            let is = |known: &str| pool.strip_suffix('*').map_or(known == pool, |start| known.starts_with(start));
            ensure(all.iter().any(|known| is(known.name())), || format!("{target}: there is no pool {pool}"))?;
        }
    }
    ensure(families == 10, || format!("{families} families"))
}

/// The script is where the image runs it, and the image has the sources where the script looks for them.
fn image() -> Outcome {
    let folder = Path::new(ROOT).join(".clusterfuzzlite");
    let [image, script] = ["Dockerfile", "build.sh"].map(|name| std::fs::read_to_string(folder.join(name)));
    let (image, script) = (image?, script?);
    let copied: Vec<Vec<&str>> =
        image.lines().filter_map(|line| Some(line.strip_prefix("COPY ")?.split_whitespace().collect())).collect();
    ensure(copied.contains(&vec![".", "$SRC/poolproof"]) && script.contains("cd \"$SRC/poolproof\""), || image.clone())?;
    ensure(copied.contains(&vec![".clusterfuzzlite/build.sh", "$SRC/"]), || image.clone())?;
    for sources in copied.iter().filter_map(|words| words.first()) {
        ensure(Path::new(ROOT).join(sources).exists(), || format!("{sources} is not there"))?;
    }
    Ok(())
}

/// Bytes that mean another interleaving would be another seed.
fn seeds() -> Outcome {
    let scenarios = std::fs::read_dir(Path::new(ROOT).join("harness/scenarios"))?;
    for path in scenarios.flatten().map(|entry| entry.path()) {
        let read = corpus::read(&path)?;
        ensure(decode(&encode(&read)) == read, || format!("{} means something else as bytes", path.display()))?;
    }
    Ok(())
}
