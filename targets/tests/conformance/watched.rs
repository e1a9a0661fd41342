//! `poolproof watch`: unmodified programs under the tap. What they write where they should not is told, and nothing is left of it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use poolproof::Database;

use crate::cleanup::Run;
use crate::lab::{Lab, Outcome, ensure, is_nightly, is_required, run, says, scaled, scratch, tool};
use crate::python::{PYTHON, imports};

pub(crate) fn trials(lab: &'static Lab) -> Vec<Trial> {
    let (postgres, mysql) = (Database::Postgres, Database::MySql);
    // Two busy processors say nothing of what a query costs: it is looked at when nothing else runs.
    let cost = lab.trial(postgres, "a query through the watch takes at most 100 µs more", cost);
    vec![
        if is_nightly() { cost } else { cost.with_ignored_flag(true) },
        needs(postgres, "sqlalchemy, psycopg2", "watch names the child that writes, where the program shows no error", leaky),
        needs(postgres, "sqlalchemy, psycopg2", "watch finds nothing where all is disposed of before the fork", cured),
        needs(mysql, "MySQLdb", "watch names a child that pings its parent's session on MySQL", mysql_child),
        needs(postgres, "sys", "watch holds no more memory after many sessions", many_sessions),
        needs(postgres, "sys", "watch goes on while a child of the program has its session", outlived),
        Trial::test("watch gives the code of a program without a database", codes),
        Trial::test("watch says why a program cannot be started", not_started),
        Trial::test("watch tells a file instead of the standard error", log),
        Trial::test("watch sums up when SIGUSR1 comes, and goes on", summary),
        Trial::test("watch passes on what is sent to it alone", passed_on),
        Trial::test("drivers find the socket by what watch gives them", found),
        lab.trial(postgres, "Ctrl-C ends a watched program and leaves nothing", |_| interrupted("local", Signal::SIGINT)),
        lab.trial(postgres, "kill -9 of watch ends its program and leaves nothing", |_| interrupted("local", Signal::SIGKILL)),
    ]
}

/// A test for which Python has to know some modules.
fn needs(database: Database, modules: &str, name: &str, test: fn() -> Outcome) -> Trial {
    Trial::test(name, test).with_ignored_flag(!imports(modules) && !is_required(database))
}

fn watch(arguments: &[&str], program: &[&str]) -> Command {
    let mut command = tool();
    command.arg("watch").args(arguments).arg("--").args(program);
    command
}

fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/watched").join(name).display().to_string()
}

/// F1: by the server's and the program's word nothing has happened.
fn leaky() -> Outcome {
    let f1 = script("f1.py");
    let output = run(&mut watch(&[], &[PYTHON, &f1, "leaky", "20"]));
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure(output.status.code() == Some(1), || format!("{}: {said}{told}", output.status))?;
    ensure(said == "20 iterations, no error\n", || format!("the program shows what it should not know: {said}"))?;
    let line = told.lines().find(|line| line.contains(" wrote Query ")).ok_or_else(|| format!("no report: {told}"))?;
    let pids: Vec<&str> = line.split("pid ").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    ensure(pids.len() == 2 && pids[0] != pids[1], || format!("two processes are named: {line}"))?;
    ensure(line.matches(&f1).count() == 2, || format!("both by their command lines: {line}"))?;
    ensure(told.contains("by a process that had not opened the session:"), || format!("no summary: {told}"))
}

/// F3.
fn cured() -> Outcome {
    let words = ["20 iterations, no error", "60 sessions; every byte was written by the process that had opened its session"];
    says(&mut watch(&[], &[PYTHON, &script("f1.py"), "cured", "20"]), 0, &words)
}

fn mysql_child() -> Outcome {
    let mut command = watch(&["--server", "embedded", "--database", "mysql"], &[PYTHON, &script("mysql_fork.py")]);
    says(&mut command, 1, &["wrote COM_PING (5 bytes)", "1 session; 1 write by a process that had not opened the session"])
}

fn many_sessions() -> Outcome {
    let sessions = scaled(3000, 20_000);
    let program = [PYTHON, &script("sessions.py"), &sessions.to_string()];
    let output = run(&mut watch(&["--server", "embedded"], &program));
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let seen = format!("{sessions} sessions; {} writes by a process", sessions / 10);
    ensure(output.status.code() == Some(1) && told.contains(&seen), || format!("{}: {said}{told}", output.status))?;
    let [early, late] = said.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(format!("two numbers: {said}").into());
    };
    let (early, late): (u64, u64) = (early.parse()?, late.parse()?);
    eprintln!("{sessions} sessions: {early} kB after a third, {late} kB at the end");
    ensure(late <= early + 1024, || format!("{early} kB after a third of {sessions} sessions, {late} kB at their end"))
}

/// The child writes when the program has ended.
fn outlived() -> Outcome {
    let mut command = watch(&["--server", "embedded"], &[PYTHON, &script("outlived.py")]);
    says(&mut command, 1, &["somebody has a session open", "wrote part of a frame (1 byte)", "1 session; 1 write by a process"])
}

/// In turn on two sessions of one server, so that both meet the same machine.
fn cost(lab: &Lab) -> Outcome {
    let url = lab.url(Database::Postgres);
    let mut command = watch(&["--server", url], &[PYTHON, &script("pace.py"), "3000"]);
    let output = run(command.env("DIRECT_URL", url));
    let said = String::from_utf8_lossy(&output.stdout);
    let more: i64 = said.trim().parse().map_err(|_| format!("{said}{}", String::from_utf8_lossy(&output.stderr)))?;
    eprintln!("a query through the watch takes {more} µs more");
    ensure(more <= 100, || format!("a query through the watch takes {more} µs more"))
}

/// Nothing is seen, and the code is the program's own.
fn codes() -> Outcome {
    for (script, code) in [("true", 0), ("exit 7", 7), ("kill -9 $$", 137)] {
        says(&mut watch(&["--server", "embedded"], &["sh", "-c", script]), code, &["no session was opened"])?;
    }
    Ok(())
}

fn not_started() -> Outcome {
    let mut missing = watch(&["--server", "embedded"], &["/no/such/program", "--help"]);
    says(&mut missing, 127, &["error: cannot start /no/such/program", "hint: "])?;
    says(&mut watch(&["--server", "embedded"], &["/dev/null"]), 126, &["error: cannot start /dev/null"])?;
    says(&mut watch(&["--server", "embedded"], &[]), 2, &["COMMAND"])?;
    let elsewhere = ["--server", "postgres://me@localhost/db", "--database", "mysql"];
    says(&mut watch(&elsewhere, &["true"]), 2, &["--server names a server for postgres, and --database mysql"])
}

/// What is there already stays.
fn log() -> Outcome {
    let (_directory, path) = scratch();
    let log = path.join("watch.log");
    std::fs::write(&log, "before\n")?;
    let file = log.display().to_string();
    let output = run(&mut watch(&["--server", "embedded", "--log", &file], &["sh", "-c", "echo said; echo told >&2"]));
    ensure(output.stdout == b"said\n" && output.stderr == b"told\n", || format!("{output:?}"))?;
    let text = std::fs::read_to_string(&log)?;
    ensure(text.starts_with("before\npoolproof watch: ") && text.contains("no session was opened"), || text.clone())?;
    says(&mut watch(&["--server", "embedded", "--log", "/no/such/log"], &["true"]), 3, &["error: /no/such/log: "])
}

/// The program waits for a word that it gets when the summary was read.
fn summary() -> Outcome {
    let mut command = watch(&["--server", "embedded"], &["sh", "-c", "kill -USR1 $PPID; read word; exit 5"]);
    let mut watch = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(watch.stderr.take().ok_or("a pipe")?).lines().map_while(Result::ok);
    let mut summed_up = || lines.by_ref().any(|line| line.contains("no session was opened"));
    let asked = summed_up();
    writeln!(watch.stdin.take().ok_or("a pipe")?, "go on")?;
    let at_the_end = summed_up();
    let status = watch.wait()?;
    ensure(asked && at_the_end && status.code() == Some(5), || format!("{asked} {at_the_end} {status}"))
}

/// By the program itself, as by whoever stops a service.
fn passed_on() -> Outcome {
    let script = "trap 'exit 9' TERM; kill -TERM $PPID; while :; do :; done";
    says(&mut watch(&["--server", "embedded"], &["sh", "-c", script]), 9, &["no session was opened"])
}

/// Programs that are told nothing but by the environment.
fn found() -> Outcome {
    let seen = ["1 session; every byte was written by the process that had opened its session"];
    let mut tried = 0;
    for (database, program, words) in [
        ("postgres", "psql", &["psql", "-X", "-c", "SELECT 1 AS one"][..]),
        ("postgres", "psql", &["sh", "-c", "psql -X -c 'SELECT 1 AS one' \"$DATABASE_URL\""]),
        ("mysql", "mariadb", &["sh", "-c", "mariadb --no-defaults -u $MYSQL_USER -e 'SELECT 1 AS one'"]),
    ] {
        if Command::new(program).arg("--version").output().is_ok() {
            tried += 1;
            // What leads past the socket is taken away.
            let mut command = watch(&["--server", "embedded", "--database", database], words);
            command.env("PGHOSTADDR", "127.0.0.1").env("PGSSLMODE", "verify-full").env("MYSQL_TCP_PORT", "1");
            says(&mut command, 0, &seen)?;
        }
    }
    ensure(tried == 3 || !is_required(Database::Postgres), || "psql or mariadb is missing".to_owned())
}

/// The terminal gives Ctrl-C to the whole group; a `kill -9` comes to one process.
pub(crate) fn interrupted(server: &str, signal: Signal) -> Outcome {
    let mut command = watch(&["--server", server], &["sleep", "300"]);
    command.process_group(0);
    let mut run = Run::start(command);
    let until = Instant::now() + Duration::from_secs(60);
    let sleeps = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n");
    while !run.processes().iter().any(sleeps) {
        ensure(Instant::now() < until, || "the program was not started".to_owned())?;
    }
    let pid = Pid::from_raw(i32::try_from(run.tool.id())?);
    match signal {
        Signal::SIGINT => killpg(pid, signal)?,
        _ => kill(pid, signal)?,
    }
    let status = run.tool.wait()?;
    match signal {
        Signal::SIGINT => ensure(status.code() == Some(128 + Signal::SIGINT as i32), || format!("{status}"))?,
        _ => ensure(status.signal() == Some(Signal::SIGKILL as i32), || format!("{status}"))?,
    }
    run.becomes_clean()
}
