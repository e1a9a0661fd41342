//! Bad input gets a clear error that says what to do next, and the documented exit code.

use libtest_mimic::Trial;
use poolproof::Database;

use crate::lab::{Lab, Outcome, ensure, run, says, scratch, tool};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let postgres = |name: &'static str, test: fn(&Lab) -> Outcome| lab.trial(Database::Postgres, name, test);
    vec![
        Trial::test("an unknown pool is a usage error that names the pools", || {
            says(tool().args(["certify", "r2d2-postgras"]), 2, &["r2d2-postgras", "r2d2-postgres"])
        }),
        Trial::test("an unknown rule is a usage error that names the rules", || {
            says(tool().args(["rules", "OWN-7"]), 2, &["OWN-7", "OWN-1"])
        }),
        Trial::test("an unknown promise is a usage error that names the promises", || {
            says(tool().args(["certify", "reference", "--promise", "nothing"]), 2, &["nothing", "child-uses-pool"])
        }),
        Trial::test("an unknown source is a usage error that names the sources", || {
            says(tool().args(["certify", "reference", "--source", "luck"]), 2, &["luck", "scenarios"])
        }),
        Trial::test("a depth without an enumeration is a usage error", || {
            says(tool().args(["certify", "reference", "--source", "random", "--depth", "6"]), 2, &["--depth", "exhaustive"])
        }),
        Trial::test("a typo in an interleaving is named with line and column", typo),
        Trial::test("an interleaving that is not there is a usage error", || {
            says(tool().args(["replay", "/nowhere/x.interleaving", "--pool", "reference"]), 2, &["/nowhere/x.interleaving"])
        }),
        Trial::test("a server that is not there is an error of the environment", || {
            let url = "postgres://nobody:nothing@127.0.0.1:1/none";
            says(tool().args(["certify", "reference", "--server", url]), 3, &["127.0.0.1:1"])
        }),
        Trial::test("a URL that is none says what one looks like", || {
            says(tool().args(["certify", "reference", "--server", "postgers://x"]), 2, &["postgres://"])
        }),
        Trial::test("a named server that the doctor does not reach is an error of the environment", || {
            says(tool().args(["doctor", "--server", "postgres://nobody:nothing@127.0.0.1:1/none"]), 3, &["127.0.0.1:1"])
        }),
        Trial::test("a number below zero is no value", || {
            says(tool().args(["certify", "reference", "--cases", "-5"]), 2, &["invalid value '-5' for '--cases <N>'"])
        }),
        Trial::test("a file without end is no interleaving", || {
            says(tool().args(["replay", "/dev/zero", "--pool", "reference"]), 2, &["no interleaving has more than 1048576 bytes"])
        }),
        Trial::test("a file for results that cannot be written is found before anything runs", || {
            let (_directory, path) = scratch();
            let mut command = tool();
            command.args(["certify", "reference", "--junit", "/proc/nowhere.xml", "--out"]).arg(&path);
            says(&mut command, 3, &["/proc/nowhere.xml", "name a file in a directory that exists"])?;
            ensure(!path.join("reference").exists(), || "there is a certificate".to_owned())
        }),
        postgres("a directory that cannot be written is found before anything runs", unwritable),
        postgres("a disk that is full is an error that loses nothing", full_disk),
        postgres("a replay of nothing exercises nothing", nothing_exercised),
        postgres("a failure of a must exits with 1 and saves what it found", saves),
        postgres("one worker and two print the same failures", same_text),
    ]
}

fn typo() -> Outcome {
    let (_directory, path) = scratch();
    let file = path.join("typo.interleaving");
    std::fs::write(&file, "pool max_size=1\np0  chekout a\n")?;
    says(tool().arg("replay").arg(&file).args(["--pool", "reference"]), 2, &["line 2, column 5", "chekout", "checkout"])
}

fn unwritable(lab: &Lab) -> Outcome {
    says(lab.tool(&["certify", "reference", "--cases", "1"]).args(["--out", "/proc/nowhere"]), 3, &["/proc/nowhere"])
}

/// `/dev/full` answers every write as a full disk does.
fn full_disk(lab: &Lab) -> Outcome {
    let (_directory, path) = scratch();
    let folder = path.join("failures").join("mutant-no-guard");
    std::fs::create_dir_all(&folder)?;
    std::os::unix::fs::symlink("/dev/full", folder.join("child-uses-pool.OWN-1.unfinished"))?;
    let mut command = lab.tool(&["certify", "mutant-no-guard", "--promise", "child-uses-pool", "--cases", "40"]);
    // What was found is printed before it is saved, and so is the table below it.
    says(command.arg("--out").arg(&path), 3, &["OWN-1", "space", "not safe under: child-uses-pool"])
}

fn nothing_exercised(lab: &Lab) -> Outcome {
    let (_directory, path) = scratch();
    let file = path.join("empty.interleaving");
    std::fs::write(&file, "pool max_size=1\npromise threads-only\np5 open\n")?;
    says(lab.tool(&["replay"]).arg(&file).args(["--pool", "reference"]), 4, &["nothing"])
}

fn saves(lab: &Lab) -> Outcome {
    let (_directory, path) = scratch();
    let certify = |words: &[&str]| {
        let mut command = lab.tool(&["certify", "mutant-goodbye", "--promise", "child-uses-pool", "--cases", "40"]);
        says(command.arg("--out").arg(&path), 1, words)
    };
    certify(&["OWN-1", "p1 wrote Terminate, 5 bytes, on c0, opened by p0", "20 of 20", "poolproof replay"])?;
    let file = path.join("failures").join("mutant-goodbye").join("child-uses-pool.OWN-1.interleaving");
    says(lab.tool(&["replay"]).arg(&file).args(["--pool", "mutant-goodbye"]), 1, &["OWN-1"])?;
    // Next time it is run first.
    certify(&["of them saved ones"])
}

fn same_text(lab: &Lab) -> Outcome {
    let failures = |workers: &str| {
        let (_directory, path) = scratch();
        let mut command = lab.tool(&["certify", "mutant-no-guard", "--promise", "child-uses-pool", "--cases", "60"]);
        let output = run(command.args(["--workers", workers, "--out"]).arg(&path));
        let text = String::from_utf8_lossy(&output.stdout).replace(&*path.to_string_lossy(), "OUT");
        // The summary says how fast it was.
        let is_timed = |line: &&str| ["a second", "/s", "first seen after"].iter().any(|words| line.contains(words));
        text.lines().filter(|line| !is_timed(line)).collect::<Vec<_>>().join("\n")
    };
    let (one, two) = (failures("1"), failures("2"));
    ensure(one.contains("OWN-1"), || one.clone())?;
    ensure(one == two, || format!("{one}\n--- with two workers ---\n{two}"))
}
