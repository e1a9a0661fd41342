//! The program in Rust, for the pools that are asked without a runtime: it needs `libc` and the pool's crates.

use std::fmt::Write;

use poolproof::interleaving::{Actor, ExitKind, Op, Process, Thread};
use poolproof_targets::versions;

use super::plan::{Act, Body, Plan, Step, told};

const PROGRAM: &str = include_str!("program.rs.txt");
const QUERY: &str = include_str!("query.rs.txt");
const REAP: &str = include_str!("reap.rs.txt");
const TURNS: &str = include_str!("turns.rs.txt");

/// What is written for a pool.
struct Crate {
    pool: &'static str,
    driver: &'static str,
    /// How the server is asked for the number of the session.
    session: &'static str,
}

const CRATES: &[Crate] = &[
    Crate { pool: "mysql", driver: include_str!("mysql.rs.txt"), session: "CONNECTION_ID()" },
    Crate { pool: "r2d2-mysql", driver: include_str!("r2d2_mysql.rs.txt"), session: "CONNECTION_ID()" },
    Crate { pool: "r2d2-postgres", driver: include_str!("r2d2_postgres.rs.txt"), session: "pg_backend_pid()" },
];

/// The pools that have a program.
pub(super) fn pools() -> impl Iterator<Item = &'static str> {
    CRATES.iter().map(|known| known.pool)
}

/// The program; `about` is what it shows, in lines.
pub(super) fn program(pool: &str, max_size: u32, about: &[String], plan: &Plan) -> Result<String, String> {
    let known = CRATES.iter().find(|known| known.pool == pool);
    let known =
        known.ok_or_else(|| format!("the pools with a program in Rust are {}", pools().collect::<Vec<_>>().join(", ")))?;
    let mut writer = Writer { session: known.session, notes: plan.notes, ..Writer::default() };
    writer.body(&plan.body, 1, None)?;
    let steps = writer.text;
    let needs = versions::of(pool).into_iter().map(|(name, version)| match name {
        "mysql" => format!("mysql = {{ version = \"={version}\", default-features = false, features = [\"minimal-rust\"] }}"),
        "r2d2_mysql" => format!("r2d2_mysql = {{ version = \"={version}\", default-features = false }}"),
        name => format!("{name} = \"={version}\""),
    });
    let needs: Vec<String> = needs.chain(["libc = \"0.2\"".to_owned()]).collect();
    let mut about: String = about.iter().map(|line| format!("//! {line}\n")).collect();
    let _ = writeln!(about, "//! Cargo.toml: {}", needs.join("; "));
    let driver = known.driver.replace("MAX_SIZE", &max_size.to_string());
    // What is not used is left out.
    let (turns, first) = if steps.contains("TURN") { (TURNS, "    TURN.store(0, SeqCst);\n") } else { ("", "") };
    let reap = if steps.contains("reap(") { REAP } else { "" };
    let query = if plan.notes { QUERY } else { "" };
    let fill = [
        ("// ABOUT\n", about.as_str()),
        ("// DRIVER\n", &driver),
        ("// TURNS\n", turns),
        ("// REAP\n", reap),
        ("// QUERY\n", query),
    ];
    let text = fill.into_iter().fold(PROGRAM.to_owned(), |text, (place, words)| text.replace(place, words));
    Ok(text.replace("    // STEPS\n", &format!("{first}{steps}")))
}

#[derive(Default)]
struct Writer {
    text: String,
    /// The variables that are known where it writes, and whether each is a pool.
    scope: Vec<(bool, String)>,
    /// How each child was told to end, as the system says it.
    told: Vec<(Process, i32)>,
    session: &'static str,
    notes: bool,
}

impl Writer {
    fn line(&mut self, depth: usize, line: &str) {
        let _ = writeln!(self.text, "{}{line}", "    ".repeat(depth));
    }

    /// What an actor does. A process that is not told to end ends here, without a destructor.
    fn body(&mut self, body: &Body, depth: usize, joined: Option<bool>) -> Result<(), String> {
        for act in body {
            self.act(act, body, depth)?;
        }
        let ends = matches!(body.last(), Some(Act::Step(Step { op: Op::Exit(_), .. })));
        match joined {
            _ if ends => {}
            // What it held is dropped with it.
            Some(true) => {}
            Some(false) => self.line(depth, "loop { std::thread::park() }"),
            None => self.line(depth, "unsafe { libc::_exit(BROKEN.load(SeqCst)) }"),
        }
        Ok(())
    }

    fn act(&mut self, act: &Act, body: &Body, depth: usize) -> Result<(), String> {
        match act {
            Act::Step(step) => return self.step(step, depth),
            Act::Fork(child, inner) => {
                self.line(depth, &format!("let {child} = unsafe {{ libc::fork() }};"));
                self.line(depth, &format!("if {child} == 0 {{"));
                self.line(depth + 1, "unsafe { libc::alarm(15) };");
                let outer = self.scope.clone();
                self.body(inner, depth + 1, None)?;
                self.scope = outer;
                self.told.push((*child, told(inner)));
                self.line(depth, "}");
            }
            Act::Spawn(thread, inner) => self.spawn(*thread, inner, body, depth)?,
            Act::Reap(child) => {
                let told = self.told.iter().find(|(other, _)| other == child).map_or(0, |(_, status)| *status);
                self.line(depth, &format!("step(\"the end of {child}\", true, || reap({child}, {told}));"));
            }
            Act::Wait(turn) => self.line(depth, &format!("while TURN.load(SeqCst) < {turn} {{ std::thread::yield_now() }}")),
            Act::Pass(turn) => self.line(depth, &format!("TURN.store({turn}, SeqCst);")),
        }
        Ok(())
    }

    /// A thread has the pools of its process, and checkouts of its own.
    fn spawn(&mut self, thread: Actor, inner: &Body, body: &Body, depth: usize) -> Result<(), String> {
        let Thread(number) = thread.thread;
        let pools: Vec<_> = self.scope.iter().filter(|(is_pool, _)| *is_pool).cloned().collect();
        self.line(depth, &format!("let t{number} = std::thread::spawn({{"));
        for (_, pool) in &pools {
            self.line(depth + 1, &format!("let mut {pool} = {pool}.clone();"));
        }
        self.line(depth + 1, "move || {");
        let outer = std::mem::replace(&mut self.scope, pools);
        let joins = |act: &Act| matches!(act, Act::Step(Step { op: Op::Join(other), .. }) if *other == thread.thread);
        self.body(inner, depth + 2, Some(body.iter().any(joins)))?;
        self.scope = outer;
        self.line(depth + 1, "}");
        self.line(depth, "});");
        Ok(())
    }

    fn step(&mut self, step: &Step, depth: usize) -> Result<(), String> {
        let Step { actor, op, number, must, .. } = step;
        let pool =
            step.pool.map_or_else(String::new, |pool| if pool.0 == 0 { "pool".to_owned() } else { format!("pool{}", pool.0) });
        let known = |names: &[(bool, String)], name: &str| names.iter().any(|(_, other)| other == name);
        let (made, work) = match op {
            Op::Open(_) => (Some((true, pool)), "open(&std::env::args().nth(1).expect(\"the URL of a server\"))".to_owned()),
            Op::Checkout(handle, _) if known(&self.scope, &pool) => {
                let patience = if *must { 5000 } else { 10 };
                (Some((false, handle.to_string())), format!("checkout(&{pool}, {patience})"))
            }
            Op::DropPool(_) if known(&self.scope, &pool) => (None, format!("Ok(drop({pool}.take()))")),
            Op::LeakPool(_) if known(&self.scope, &pool) => (None, format!("Ok(std::mem::forget({pool}.take()))")),
            Op::Return(handle) => (None, format!("Ok(drop({handle}.take()))")),
            Op::Leak(handle) => (None, format!("Ok(std::mem::forget({handle}.take()))")),
            Op::Query(handle) => {
                let asks = format!("sql(&mut {handle}, \"SELECT {number}, {}\")", self.session);
                (None, if self.notes { format!("query({asks}?, {number})") } else { asks })
            }
            Op::Begin(handle) => (None, format!("sql(&mut {handle}, \"BEGIN\")")),
            Op::Commit(handle) => (None, format!("sql(&mut {handle}, \"COMMIT\")")),
            Op::Rollback(handle) => (None, format!("sql(&mut {handle}, \"ROLLBACK\")")),
            Op::Join(Thread(thread)) => (None, format!("t{thread}.join().map_err(|_| \"it panicked\".into())")),
            Op::Exit(kind) => {
                self.exit(*actor, *kind, depth);
                return Ok(());
            }
            other => return Err(format!("it has a step that no program in Rust is written for here: {other}")),
        };
        let name = made.as_ref().map_or_else(String::new, |(_, name)| format!("let mut {name} = "));
        self.line(depth, &format!("{name}step(\"{actor} {op}\", {must}, || {work});"));
        if let Some(made) = made {
            self.scope.retain(|other| *other != made);
            self.scope.push(made);
        }
        Ok(())
    }

    fn exit(&mut self, Actor { process: Process(process), .. }: Actor, kind: ExitKind, depth: usize) {
        self.line(depth, &format!("println!(\"p{process} exit {}\");", kind.word()));
        let names = |wanted: bool| {
            let names = self.scope.iter().filter(move |(is_pool, _)| *is_pool == wanted);
            names.map(|(_, name)| name.clone()).collect::<Vec<_>>()
        };
        let (checkouts, pools) = (names(false), names(true));
        match kind {
            ExitKind::Main => checkouts.iter().chain(&pools).for_each(|name| self.line(depth, &format!("drop({name}.take());"))),
            ExitKind::Panic => pools.iter().for_each(|name| self.line(depth, &format!("std::mem::forget({name}.take());"))),
            ExitKind::Now | ExitKind::AtExit | ExitKind::Signal => {}
        }
        self.line(
            depth,
            match kind {
                ExitKind::Main | ExitKind::AtExit => "std::process::exit(BROKEN.load(SeqCst))",
                ExitKind::Now => "unsafe { libc::_exit(BROKEN.load(SeqCst)) }",
                ExitKind::Panic => "panic!(\"it was told to panic\")",
                ExitKind::Signal => "loop { unsafe { libc::raise(libc::SIGKILL) }; }",
            },
        );
    }
}
