//! Agents that are not this program: the one in Python, and such as break the protocol.

use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::cleanup::Run;
use crate::lab::{Outcome, ensure, is_nightly, says, scratch, tool};
use crate::python::{PYTHON, with_module};

pub(crate) fn trials() -> Vec<Trial> {
    let breaches = BREACHES
        .iter()
        .map(|&(way, words)| with_module("json", format!("an agent breaks the protocol: {way}"), move || breach(way, words)));
    let checked = WRONG
        .iter()
        .map(|&(way, words)| with_module("json", format!("check-agent sees what is wrong: {way}"), move || checked(way, words)));
    let others = [
        Trial::test("check-agent finds nothing wrong with this program", || {
            let this = env!("CARGO_BIN_EXE_poolproof");
            says(check(this).args(["--database", "mysql", "--pool", "reference-mysql"]), 0, &["keeps to the protocol"])
        }),
        Trial::test("an agent that says nothing is given up", silence).with_ignored_flag(!is_nightly()),
    ];
    breaches.chain(checked).chain(others).collect()
}

/// Ways in which an agent breaks the protocol, and the words for them.
const BREACHES: &[(&str, &str)] = &[
    ("early exit", "it ended at its start (exited with code 1); the last that it printed: no driver is installed here"),
    ("version", "speaks version 2 of the protocol, not 1"),
    ("two zygotes", "said hello as the zygote, and there is one already"),
    ("the zygote ends", "the zygote closed its connection; the last that it printed: cannot fork"),
    ("no case", "the zygote could not start a case: the error 'too many processes'"),
    ("another case", "p0 said hello for case"),
    ("a stranger", "'p9' said hello, and nobody expected it"),
    ("no thread", "p0 said hello as thread 1, and process"),
    ("two hellos", "p0 said hello a second time on one connection, as 'p0'"),
    ("garbage", "p0 sent a line that is no message (expected value at line 1 column 1): certainly!"),
    ("a long line", "p0 sent a line of more than 1048576 bytes"),
    ("wrong number", "p0 answered order 1, and was given order 0"),
    ("two answers", "p0 answered order 0, and "),
    ("unknown reply", "unknown variant `perhaps`"),
    ("rejected", "p0 answered 'open' with 'rejected': not today"),
    ("not offered", "p0 answered 'open' with 'not-offered'"),
    ("rows for nothing", "p0 answered 'open' with 1 rows"),
];

/// What `check-agent` says of some of them.
const WRONG: &[(&str, &[&str])] = &[
    ("version", &["wrong says hello", "speaks version 2", "the rest cannot be checked"]),
    ("garbage", &["ok    says hello", "wrong opens a pool", "certainly!"]),
    ("nothing", &["ok    opens a pool", "wrong checks out", "answered 'query a' with 'done'"]),
];

fn agent(way: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/agents/broken.py");
    format!("{PYTHON} '{}' '{way}'", script.display())
}

fn check(agent: &str) -> Command {
    let mut command = tool();
    command.args(["check-agent", agent]);
    command
}

/// The message names the breach, the exit code is that of the environment, and nothing is left.
fn breach(way: &str, words: &str) -> Outcome {
    let (_directory, path) = scratch();
    let file = path.join("open.interleaving");
    std::fs::write(&file, "p0 open\n")?;
    let mut command = tool();
    command.arg("replay").arg(&file).args(["--agent", &agent(way), "--database", "postgres"]);
    let mut run = Run::start(command);
    let said = run.errors()?;
    ensure(said.contains(words) && said.contains("check-agent"), || format!("'{words}' is missing in: {said}"))?;
    let code = run.wait()?;
    ensure(code == Some(3), || format!("exit code {code:?}"))?;
    run.becomes_clean()
}

fn checked(way: &str, words: &[&str]) -> Outcome {
    says(check(&agent(way)).args(["--database", "postgres"]).stdin(Stdio::null()), 1, words)
}

fn silence() -> Outcome {
    breach("silence", "it did not say hello within 30s")?;
    breach("no first process", "the first process of a case did not say hello within 30s")
}
