//! Servers in containers: the verdicts of private servers, and nothing is left of them.
//!
//! They need an engine and images, so they run where `POOLPROOF_REQUIRE` names `containers`; elsewhere they are listed as ignored.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use poolproof::corpus;

use crate::cleanup::{Run, random};
use crate::lab::{Outcome, ensure, is_nightly, is_required_by_name, run, says, scaled, scratch, tool};

/// Pools of both databases, and promises under which some break and some do not. What they break depends on no luck; where a fork meets
/// the threads below r2d2-postgres does, so that one run sees more of its failures than another on any server.
const POOLS: [&str; 4] = ["mutant-goodbye", "reference-mysql", "reference", "mysql"];
const PROMISES: &str = "child-uses-pool,child-drops,child-leaks,dispose-before-fork,threads-only";

/// The engine removes a container in a second or two; a busy machine may take longer.
const REMOVED: Duration = Duration::from_secs(20);

pub(crate) fn trials() -> Vec<Trial> {
    // One of each database on every change.
    let pools = if is_nightly() { &POOLS[..] } else { &POOLS[..2] };
    let judged = pools
        .iter()
        .map(|pool| Trial::test(format!("{pool} is judged in a container as on a private server"), move || judged_alike(pool)));
    let with_engine = [
        Trial::test("an orderly end leaves no container", || ended(None)),
        Trial::test("Ctrl-C leaves no container", || ended(Some(Signal::SIGINT))),
        Trial::test("kill -9 at any moment leaves no container", killed),
        Trial::test("a container whose whole run was killed is removed by the next", swept),
        Trial::test("an image that is nowhere is an error that names the variable", no_image),
    ];
    let missing = !is_required_by_name("containers");
    let with_engine = judged.chain(with_engine).map(|trial| trial.with_ignored_flag(missing));
    with_engine.chain([Trial::test("without an engine the tool says what to start", no_engine)]).collect()
}

fn certify(pool: &str, more: &[&str]) -> Command {
    let mut command = tool();
    command.args(["certify", pool, "--server", "container"]).args(more);
    command
}

/// The rules of which a failure is certain, for each promise.
fn broken(pool: &str, server: &str) -> Result<BTreeMap<String, Vec<String>>, Failed> {
    let (_directory, path) = scratch();
    let mut command = tool();
    let cases = scaled(25, 60).to_string();
    command.args(["certify", pool, "--promise", PROMISES, "--cases", &cases, "--seed", "5", "--server", server]);
    let output = run(command.arg("--out").arg(&path));
    let certificate = corpus::certificate(&path.join(pool).join("certificate.json"))
        .map_err(|trouble| format!("{trouble}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let rules = |chapter: &poolproof::certificate::Chapter| {
        let certain = chapter.failures.iter().filter(|failure| failure.certain);
        let mut rules: Vec<String> = certain.map(|failure| failure.rule.clone()).collect();
        rules.sort();
        rules
    };
    Ok(certificate.promises.iter().map(|chapter| (chapter.promise.clone(), rules(chapter))).collect())
}

fn judged_alike(pool: &str) -> Outcome {
    let (contained, private) = (broken(pool, "container")?, broken(pool, "local")?);
    ensure(contained.len() == PROMISES.split(',').count() && contained == private, || {
        format!("in a container {contained:?}, on a private server {private:?}")
    })
}

/// The containers of the runs below a directory.
fn containers(below: &Path) -> Result<Vec<String>, Failed> {
    let format = "{{.ID}} {{.State}} {{.Label \"poolproof.run\"}}";
    let output = run(Command::new("docker").args(["ps", "--all", "--filter", "label=poolproof.run", "--format", format]));
    ensure(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())?;
    let listed = String::from_utf8(output.stdout)?;
    let below = below.display().to_string();
    Ok(listed.lines().filter(|line| line.contains(&below)).map(ToOwned::to_owned).collect())
}

/// Until the server is there and an interleaving runs: supervisor, keeper, agent, and a process under test.
fn wait_for_work(run: &Run) -> Outcome {
    let until = Instant::now() + Duration::from_secs(120);
    while run.processes().len() < 4 || containers(run.temporary())?.is_empty() {
        ensure(Instant::now() < until, || "it never began".to_owned())?;
    }
    Ok(())
}

fn nothing_is_left(run: &Run) -> Outcome {
    run.becomes_clean_within(REMOVED)?;
    // The keeper is gone, and it went after its container.
    let left = containers(run.temporary())?;
    ensure(left.is_empty(), || format!("left: {left:?}"))
}

fn ended(signal: Option<Signal>) -> Outcome {
    let (_out, out) = scratch();
    let cases = if signal.is_some() { "1000000" } else { "20" };
    let mut command = certify("reference", &["--promise", "threads-only", "--cases", cases]);
    command.arg("--out").arg(&out);
    let mut run = Run::start(command);
    if let Some(signal) = signal {
        wait_for_work(&run)?;
        run.signal(signal);
    }
    let code = run.wait()?;
    ensure(if signal.is_some() { code == Some(130) } else { matches!(code, Some(0 | 4)) }, || format!("exit {code:?}"))?;
    nothing_is_left(&run)
}

/// From the first millisecond, when the engine is being asked for a container, to the middle of the search.
fn killed() -> Outcome {
    for _ in 0..scaled(3, 40) {
        let (_out, out) = scratch();
        let mut command = certify("reference", &["--promise", "threads-only", "--cases", "1000000"]);
        command.arg("--out").arg(&out);
        let mut run = Run::start(command);
        // Any moment must do: this waits for nothing, it chooses one.
        let moment = Duration::from_millis(random() % 6000);
        std::thread::sleep(moment);
        run.signal(Signal::SIGKILL);
        run.wait()?;
        nothing_is_left(&run).map_err(|failed| format!("killed after {moment:?}: {}", failed.message().unwrap_or_default()))?;
    }
    Ok(())
}

/// Everybody who could remove it is killed, so it stays until another run begins.
fn swept() -> Outcome {
    let (_out, out) = scratch();
    let mut command = certify("reference", &["--promise", "threads-only", "--cases", "1000000"]);
    command.arg("--out").arg(&out);
    let mut run = Run::start(command);
    wait_for_work(&run)?;
    let keepers: Vec<u32> = run.processes().into_iter().filter(|pid| is_keeper(*pid)).collect();
    ensure(keepers.len() == 1, || format!("keepers {keepers:?}"))?;
    kill(Pid::from_raw(i32::try_from(keepers[0])?), Signal::SIGKILL)?;
    run.signal(Signal::SIGKILL);
    run.wait()?;
    run.becomes_clean_within(REMOVED)?;
    ensure(containers(run.temporary())?.len() == 1, || "nobody was there to remove it".to_owned())?;
    let mut next = certify("reference", &["--promise", "threads-only", "--cases", "20"]);
    let output = crate::lab::run(next.arg("--out").arg(&out));
    ensure(matches!(output.status.code(), Some(0 | 4)), || format!("{output:?}"))?;
    let left = containers(run.temporary())?;
    ensure(left.is_empty(), || format!("left: {left:?}"))
}

fn is_keeper(pid: u32) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == b"POOLPROOF_ROLE=keeper")
}

/// Nobody listens on that port, so that nothing can be pulled from it.
fn no_image() -> Outcome {
    let mut command = certify("reference", &["--cases", "20"]);
    command.env("POOLPROOF_POSTGRES_IMAGE", "localhost:1/nothing:7");
    says(&mut command, 3, &["the image localhost:1/nothing:7 is not here", "POOLPROOF_POSTGRES_IMAGE", "docker/README.md"])
}

fn no_engine() -> Outcome {
    let mut command = certify("reference", &["--cases", "20"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    says(&mut command, 3, &["no container engine answers", "/nowhere/docker.sock", "sudo dockerd", "--server local"])
}
