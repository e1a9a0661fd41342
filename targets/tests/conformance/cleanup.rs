//! Nothing is left behind: no process, no directory, no session on the server; also after Ctrl-C and after `kill -9`.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use poolproof::Database;

use crate::lab::{Lab, Outcome, OwnDatabase, ensure, scaled, scratch, tool};
use crate::processes::{all_processes, zygote};
use crate::suites::Package;

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    vec![
        lab.trial(Database::Postgres, "an orderly end leaves nothing", |lab| ended(lab, None)),
        lab.trial(Database::Postgres, "Ctrl-C leaves nothing and exits with 130", |lab| ended(lab, Some(Signal::SIGINT))),
        lab.trial(Database::Postgres, "kill -9 leaves nothing", |lab| ended(lab, Some(Signal::SIGKILL))),
        lab.trial(Database::Postgres, "kill -9 with private servers leaves nothing", private_servers),
        Trial::test("Ctrl-C leaves nothing of a suite, which ends as by the signal", suite),
        Trial::test("Ctrl-C is heard while a server's program hangs", || interrupted(Waits::ForProgram)),
        Trial::test("Ctrl-C is heard while a server is silent", || interrupted(Waits::ForAnswer)),
        Trial::test("Ctrl-C leaves the rows of the mutants that were hunted", mutants),
        Trial::test("Ctrl-C leaves what was found without a rule", mutants_without),
        lab.trial(Database::Postgres, "an agent that dies is an error of the environment", dead_agent),
        lab.trial(Database::Postgres, "a stale run directory is swept", stale_directory),
    ]
}

/// Everything that a run makes is below its own temporary directory, or carries that in its environment.
pub(crate) struct Run {
    pub(crate) tool: Child,
    temporary: PathBuf,
    _directory: tempfile::TempDir,
}

impl Run {
    pub(crate) fn start(mut command: std::process::Command) -> Self {
        // Short: socket paths are limited.
        let directory = tempfile::Builder::new().prefix("t").tempdir_in("/tmp").expect("a temporary directory");
        let temporary = directory.path().to_owned();
        make_reachable(&temporary);
        command.env("TMPDIR", &temporary).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { tool: command.spawn().expect("the tool starts"), temporary, _directory: directory }
    }

    /// Every process whose environment names this run's directory.
    pub(crate) fn processes(&self) -> Vec<u32> {
        // A server's programs have no TMPDIR, but a home below it.
        let mark = format!("={}", self.temporary.display());
        let pids = all_processes();
        let ours = |pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|part| part == mark.as_bytes())
        };
        pids.filter(|pid| *pid != self.tool.id()).filter(ours).collect()
    }

    fn is_clean(&self) -> bool {
        let left = std::fs::read_dir(&self.temporary).is_ok_and(|mut entries| entries.next().is_some());
        self.processes().is_empty() && !left
    }

    /// The bound that is promised: two seconds.
    pub(crate) fn becomes_clean(&self) -> Outcome {
        self.becomes_clean_within(Duration::from_secs(2))
    }

    pub(crate) fn becomes_clean_within(&self, bound: Duration) -> Outcome {
        let until = Instant::now() + bound;
        while !self.is_clean() {
            if Instant::now() > until {
                let files: Vec<_> = std::fs::read_dir(&self.temporary)?.flatten().map(|entry| entry.path()).collect();
                return Err(format!("left after {bound:?}: processes {:?}, files {files:?}", self.processes()).into());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Everything that the tool says on its standard error, until its end.
    pub(crate) fn errors(&mut self) -> Result<String, libtest_mimic::Failed> {
        let mut said = String::new();
        self.tool.stderr.take().ok_or("a pipe")?.read_to_string(&mut said)?;
        Ok(said)
    }

    /// Its exit code.
    pub(crate) fn wait(&mut self) -> std::io::Result<Option<i32>> {
        Ok(self.tool.wait()?.code())
    }

    /// Supervisor, agent and at least one actor are there: the run is in the middle of its work.
    fn wait_for_work(&self) -> Outcome {
        let until = Instant::now() + Duration::from_secs(60);
        while self.processes().len() < 3 {
            ensure(Instant::now() < until, || "it never began".to_owned())?;
        }
        Ok(())
    }

    /// The directory below which all of its own are.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.tool.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("the tool still runs");
    }
}

fn make_reachable(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).expect("our own directory");
}

/// The signal comes in the middle of the work.
fn ended(lab: &Lab, signal: Option<Signal>) -> Outcome {
    let name = signal.map_or("left_by_none".to_owned(), |signal| format!("left_by_{}", signal.as_str().to_lowercase()));
    let database = OwnDatabase::create(lab, &name)?;
    let (_out, out) = scratch();
    let cases = if signal.is_some() { "1000000" } else { "40" };
    let mut command = tool();
    command.args(["certify", "reference", "--promise", "child-uses-pool", "--cases", cases, "--server", &database.url()]);
    command.arg("--out").arg(&out);
    let mut run = Run::start(command);
    if let Some(signal) = signal {
        run.wait_for_work()?;
        run.signal(signal);
    }
    let status = run.tool.wait()?;
    match signal {
        None => ensure(status.code().is_some_and(|code| code == 0 || code == 4), || format!("{status}"))?,
        Some(Signal::SIGINT) => ensure(status.code() == Some(130), || format!("{status}"))?,
        Some(_) => ensure(status.signal() == Some(9), || format!("{status}"))?,
    }
    run.becomes_clean()?;
    database.becomes_free()
}

/// Whoever waits for the suite sees the signal, as of any other test.
fn suite() -> Outcome {
    let package = Package::of("reference", "threads-only");
    let mut command = package.command(&["threads-only"]);
    command.env("POOLPROOF_CASES", "1000000").env("POOLPROOF_BUDGET", "1h");
    let mut run = Run::start(command);
    run.wait_for_work()?;
    run.signal(Signal::SIGINT);
    let status = run.tool.wait()?;
    ensure(status.signal() == Some(Signal::SIGINT as i32), || format!("{status}"))?;
    run.becomes_clean()
}

fn mutants() -> Outcome {
    let text = hunt_until_some_are_done(&["mutants", "--workers", "1"])?;
    let row = |line: &str| line.starts_with("goodbye ") && line.contains("child-drops");
    ensure(text.lines().any(row) && text.contains(" mutants were killed by the rule"), || text.clone())?;
    ensure(text.lines().last().is_some_and(|line| line.starts_with("interrupted: ")), || text.clone())
}

/// What is not known yet is not told: the second mutant may survive.
fn mutants_without() -> Outcome {
    let hunt = ["mutants", "returned-twice", "reads-shared", "--without", "OWN-2", "--seed", "2"];
    let text = hunt_until_some_are_done(&[&hunt[..], &["--cases", "1000000", "--workers", "1"]].concat())?;
    let wanted =
        ["are killed all the same: returned-twice (by ", "not hunted to the end: reads-shared", "interrupted: 1 of 2 hunts"];
    ensure(wanted.iter().all(|wanted| text.contains(wanted)) && !text.contains("nothing survives"), || text.clone())
}

/// Ctrl-C comes when the tool has said that some mutants are done; its exit code is that of Ctrl-C. What it prints.
fn hunt_until_some_are_done(words: &[&str]) -> Result<String, libtest_mimic::Failed> {
    let mut command = tool();
    command.args(words);
    let mut run = Run::start(command);
    let mut told = BufReader::new(run.tool.stderr.take().ok_or("a pipe")?).lines();
    let is_news = |line: &str| line.split_once(" of ").is_some_and(|(done, _)| done.parse().is_ok_and(|done: u32| done > 0));
    while !is_news(&told.next().ok_or("no mutant was done")??) {}
    run.signal(Signal::SIGINT);
    let rest = told.collect::<Result<Vec<_>, _>>()?.join("\n");
    let mut text = String::new();
    run.tool.stdout.take().ok_or("a pipe")?.read_to_string(&mut text)?;
    let code = run.wait()?;
    ensure(code == Some(130) && rest.contains("interrupted"), || format!("{code:?}: {rest}\n{text}"))?;
    run.becomes_clean()?;
    Ok(text)
}

/// The zygote is killed in the middle of a run.
fn dead_agent(lab: &Lab) -> Outcome {
    let (_out, out) = scratch();
    let mut command = lab.tool(&["certify", "reference", "--promise", "child-uses-pool", "--cases", "1000000", "--workers", "1"]);
    command.arg("--out").arg(&out);
    let mut run = Run::start(command);
    let until = Instant::now() + Duration::from_secs(60);
    let zygote = loop {
        if let Some(zygote) = zygote(&run.processes()) {
            break zygote;
        }
        ensure(Instant::now() < until, || "no agent was ever started".to_owned())?;
    };
    kill(Pid::from_raw(i32::try_from(zygote)?), Signal::SIGKILL)?;
    let said = run.errors()?;
    let code = run.wait()?;
    ensure(code == Some(3) && said.contains("agent"), || format!("{code:?}: {said}"))?;
    run.becomes_clean()
}

/// What the tool waits for when Ctrl-C comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    ForProgram,
    ForAnswer,
}

/// Nothing of what it waits for ever comes; the code is that of Ctrl-C, and what has been started is ended.
fn interrupted(waits: Waits) -> Outcome {
    let (_out, out) = scratch();
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let programs = tempfile::Builder::new().prefix("f").tempdir_in("/tmp")?;
    make_reachable(programs.path());
    for name in ["initdb", "postgres"] {
        let path = programs.path().join(name);
        std::fs::write(&path, "#!/bin/sh\nexec sleep 300\n")?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    }
    let url = format!("postgres://u:p@{}/x", silent.local_addr()?);
    let mut command = tool();
    command
        .args(["certify", "reference", "--server", if waits == Waits::ForProgram { "local" } else { &url }, "--out"])
        .arg(&out);
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.path().display()));
    let mut run = Run::start(command);
    match waits {
        // Kept open: whoever closed it would have answered.
        Waits::ForAnswer => std::mem::forget(silent.accept()?),
        Waits::ForProgram => {
            let until = Instant::now() + Duration::from_secs(60);
            let sleeps = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
            while !run.processes().iter().any(sleeps) {
                ensure(Instant::now() < until, || "the program was not started".to_owned())?;
            }
        }
    }
    run.signal(Signal::SIGINT);
    let pressed = Instant::now();
    let status = run.tool.wait()?;
    ensure(status.code() == Some(130) && pressed.elapsed() < Duration::from_secs(2), || {
        format!("{status} after {:?}", pressed.elapsed())
    })?;
    run.becomes_clean()
}

/// Killed at several random moments, from the first millisecond to the middle of the search: the supervisor always cleans up.
fn private_servers(_lab: &Lab) -> Outcome {
    for _ in 0..scaled(5, 20) {
        let (_out, out) = scratch();
        let mut command = tool();
        command.args([
            "certify",
            "reference",
            "--promise",
            "child-uses-pool",
            "--cases",
            "1000000",
            "--server",
            "local",
            "--out",
        ]);
        command.arg(&out);
        let mut run = Run::start(command);
        // Any moment must do: this waits for nothing, it chooses one.
        let moment = Duration::from_millis(random() % 3000);
        std::thread::sleep(moment);
        run.signal(Signal::SIGKILL);
        run.tool.wait()?;
        run.becomes_clean().map_err(|failed| format!("killed after {moment:?}: {}", failed.message().unwrap_or_default()))?;
    }
    Ok(())
}

pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

/// What a run left that was ended together with its supervisor is removed by the next one.
fn stale_directory(lab: &Lab) -> Outcome {
    let (_out, out) = scratch();
    let mut command = lab.tool(&["certify", "reference", "--promise", "threads-only", "--cases", "20"]);
    command.arg("--out").arg(&out);
    let directory = tempfile::Builder::new().prefix("t").tempdir_in("/tmp")?;
    let stale = directory.path().join("pp-stale0");
    std::fs::create_dir(&stale)?;
    std::fs::write(stale.join("lock"), b"")?;
    std::fs::write(stale.join("something"), b"left")?;
    let output = command.env("TMPDIR", directory.path()).output()?;
    ensure(output.status.code().is_some_and(|code| code == 0 || code == 4), || format!("{output:?}"))?;
    ensure(!stale.exists(), || "the stale directory is still there".to_owned())
}
