//! `poolproof explain`, and whether what it says of each symptom is so.

use std::collections::BTreeSet;
use std::process::Stdio;

use libtest_mimic::Trial;
use poolproof_targets::symptoms::{self, Symptom};

use crate::lab::{Outcome, says, scratch, tool};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("explain knows a message, and says so where it knows none", explained),
        Trial::test("explain finds what a log shows", log),
        Trial::test("every symptom is seen by the command that is given for it", seen),
        Trial::test("every cure that was measured by a certificate passes", measured),
    ]
}

fn explained() -> Outcome {
    let explain = |words: &[&str], code, said: &[&str]| says(tool().arg("explain").args(words), code, said);
    let see = "see it: poolproof replay harness/scenarios/finaliser-says-goodbye.interleaving --pool mutant-goodbye";
    explain(&["server closed the connection unexpectedly"], 0, &["rules: OWN-1, ISO-1", "measured: ", see])?;
    explain(&["-ERR", "too", "many", "connections"], 0, &["the server's limit of connections", "not measured"])?;
    explain(&["all", "is", "well"], 5, &["No symptom is known", "poolproof watch -- COMMAND"])?;
    explain(&[], 2, &["TEXT"])
}

/// The clearest first.
fn log() -> Outcome {
    let (_directory, path) = scratch();
    let log = path.join("app.log");
    std::fs::write(
        &log,
        b"12:01 started\n12:07 [Errno 32] Broken pipe\n12:08 SSL error: decryption failed or bad record mac\n\xff\n",
    )?;
    let output = tool().args(["explain", "-"]).stdin(std::fs::File::open(&log)?).stderr(Stdio::inherit()).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (tls, goodbye) = (said.find("two processes on one tls connection"), said.find("a goodbye that somebody else said"));
    crate::lab::ensure(output.status.success() && tls < goodbye && tls.is_some(), || format!("{}: {said}", output.status))
}

/// The first rule of the symptom is the first that breaks.
fn seen() -> Outcome {
    let shown: BTreeSet<(String, &str)> = symptoms::all()
        .filter(|symptom| symptom.shown.pool.is_some())
        .map(|symptom| (symptom.shown.command(), symptom.rules[0]))
        .collect();
    for (command, rule) in shown {
        let words = command.split(' ').skip(1).map(|word| match word.ends_with(".interleaving") {
            true => format!("{}/../{word}", env!("CARGO_MANIFEST_DIR")),
            false => word.to_owned(),
        });
        says(tool().args(words), 1, &[&format!(" breaks {rule} under ")])?;
    }
    Ok(())
}

/// The commands that stand in the words of the measurement.
fn measured() -> Outcome {
    let of = |symptom: &'static Symptom| symptom.cures.iter().filter_map(|cure| cure.measured);
    let commands: BTreeSet<&str> = symptoms::all()
        .flat_map(of)
        .flat_map(|how| how.split('`'))
        .filter(|part| part.starts_with("poolproof certify "))
        .collect();
    let (_directory, path) = scratch();
    for command in commands {
        says(tool().args(command.split(' ').skip(1)).arg("--out").arg(&path), 0, &[])?;
    }
    Ok(())
}
