//! What is too long for every change: run by `.ci/nightly`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use libtest_mimic::Trial;
use poolproof::Database;

use crate::lab::{Lab, Outcome, ensure, is_nightly, says, scratch, tool};
use crate::outside;
use crate::processes::{private_memory, zygote_of};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    if !is_nightly() {
        return Vec::new();
    }
    vec![
        Trial::test("a crate of the README's lines is green at once, and red where it promises too much", outside::stands_alone),
        lab.trial(Database::Postgres, "ten thousand interleavings take no more memory than one thousand", flat_memory),
        Trial::test("every mutant is killed by its rule from ten seeds", || {
            says(tool().args(["mutants", "--seeds", "10"]), 0, &["mutants were killed"])
        }),
        Trial::test("without any one rule a mutant survives", || {
            says(tool().args(["mutants", "--without", "each"]), 0, &["survive: "])
        }),
        lab.trial(Database::MySql, "three pools, three thousand interleavings: one worker and two print the same", three_pools),
    ]
}

/// Coordinator and zygote, after a tenth of the work and at its end.
fn flat_memory(lab: &Lab) -> Outcome {
    let (_directory, path) = scratch();
    let arguments = ["certify", "reference", "--promise", "child-uses-pool", "--cases", "10000", "--workers", "1"];
    let mut command = lab.tool(&arguments);
    let mut run = command.arg("--out").arg(&path).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let lines = BufReader::new(run.stderr.take().ok_or("a pipe")?).lines().map_while(Result::ok);
    let (mut early, mut late) = (None, None);
    for line in lines {
        let Some(done) = line.split_once(" of 10000").and_then(|(before, _)| before.rsplit(' ').next()?.parse::<u64>().ok())
        else {
            continue;
        };
        let agent = zygote_of(run.id()).ok_or("an agent")?;
        let now = (done, private_memory(run.id())?, private_memory(agent)?);
        if done >= 1000 {
            early.get_or_insert(now);
            late = Some(now);
        }
    }
    run.wait()?;
    let (Some(early), Some(late)) = (early, late) else { return Err("no progress was seen".into()) };
    eprintln!("interleavings, coordinator kB, zygote kB: {early:?} {late:?}");
    ensure(late.0 >= 9000, || format!("the last look was after {} interleavings", late.0))?;
    let flat = |early: u64, late: u64| late <= early + 1024;
    ensure(flat(early.1, late.1) && flat(early.2, late.2), || format!("{early:?} {late:?}"))
}

fn three_pools(_lab: &Lab) -> Outcome {
    let failures = |workers: &str| -> Result<BTreeMap<String, String>, libtest_mimic::Failed> {
        let (_directory, path) = scratch();
        let mut command = tool();
        command.args(["certify", "r2d2-postgres", "r2d2-mysql", "mysql", "--cases", "3000", "--seed", "1", "--workers", workers]);
        // All promises would take hours: a child of r2d2 hangs in a third of the interleavings.
        let output = command.args(["--promise", "child-uses-pool"]).arg("--out").arg(&path).output()?;
        ensure(output.status.code() == Some(1), || format!("{}", output.status))?;
        let text = String::from_utf8_lossy(&output.stdout).replace(&*path.to_string_lossy(), "OUT");
        eprintln!("--- {workers} worker(s) ---\n{text}");
        Ok(by_heading(&text))
    };
    let (one, two) = (failures("1")?, failures("2")?);
    for pool in ["r2d2-postgres", "r2d2-mysql", "mysql"] {
        let found = one.keys().any(|heading| heading.starts_with(&format!("{pool} breaks OWN-1 under child-uses-pool")));
        ensure(found, || format!("{pool}: {:?}", one.keys()))?;
    }
    // Whether a child of r2d2 hangs depends on the order in which its threads start: which interleaving shows it first is luck.
    let certain = |failures: BTreeMap<String, String>| -> BTreeMap<String, String> {
        failures.into_iter().filter(|(heading, _)| heading.contains(" OWN-1 ") || heading.starts_with("mysql ")).collect()
    };
    ensure(certain(one) == certain(two), || "the texts differ".to_owned())
}

/// The failures in a text, each under its heading.
fn by_heading(text: &str) -> BTreeMap<String, String> {
    let mut failures = BTreeMap::new();
    let mut heading = None;
    for line in text.lines() {
        if line.contains("break") && !line.starts_with([' ', '▶', '▷']) {
            heading = Some(line.to_owned());
        } else if line.starts_with("pool ") {
            heading = None;
        }
        if let Some(heading) = &heading {
            failures.entry(heading.clone()).or_insert_with(String::new).push_str(&format!("{line}\n"));
        }
    }
    failures
}
