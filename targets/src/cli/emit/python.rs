//! The program in Python, for the pools of SQLAlchemy that are one engine: it needs nothing but SQLAlchemy and the driver.

use std::fmt::Write;

use poolproof::interleaving::{Actor, ExitKind, Op, Process, Thread};

use super::plan::{Act, Body, Plan, Step, told};

const PROGRAM: &str = include_str!("program.py.txt");

/// A pool's kind: the arguments of its engine, and the call that is documented for a child.
const KINDS: &[(&str, &str, Option<&str>)] = &[
    ("queuepool", QUEUE, Some("dispose(close=False)")),
    ("nullpool", "poolclass=sqlalchemy.pool.NullPool", Some("dispose(close=False)")),
    ("staticpool", "poolclass=sqlalchemy.pool.StaticPool", Some("dispose(close=False)")),
    ("singletonthreadpool", "poolclass=sqlalchemy.pool.SingletonThreadPool", Some("dispose(close=False)")),
    ("preping", "pool_size=SIZE, max_overflow=0, pool_timeout=5, pool_pre_ping=True", Some("dispose(close=False)")),
    ("noreset", "pool_size=SIZE, max_overflow=0, pool_timeout=5, pool_reset_on_return=None", Some("dispose(close=False)")),
    ("dispose-in-child", QUEUE, Some("dispose()")),
    ("guard", QUEUE, None),
    ("guard-of-then", QUEUE, None),
    ("guard-preping", "pool_size=SIZE, max_overflow=0, pool_timeout=5, pool_pre_ping=True", None),
];

const QUEUE: &str = "pool_size=SIZE, max_overflow=0, pool_timeout=5";

/// The guard on the pid, as SQLAlchemy's documentation has it; `ATTRIBUTE` was renamed in version 1.4.24.
const GUARD: &str = r#"
    def compare(_connection, record, proxy):
        if record.info["pid"] != os.getpid():
            record.ATTRIBUTE = proxy.ATTRIBUTE = None
            raise sqlalchemy.exc.DisconnectionError("the connection belongs to another process")

    sqlalchemy.event.listen(made, "connect", lambda _connection, record: record.info.update(pid=os.getpid()))
    sqlalchemy.event.listen(made, "checkout", compare)"#;

/// A driver: its dialect, and how the server is asked for the number of the session.
const DRIVERS: &[(&str, &str, &str)] = &[
    ("psycopg2", "postgresql+psycopg2", "pg_backend_pid()"),
    ("psycopg", "postgresql+psycopg", "pg_backend_pid()"),
    ("pymysql", "mysql+pymysql", "CONNECTION_ID()"),
    ("mysqlclient", "mysql+mysqldb", "CONNECTION_ID()"),
    ("mysqlconnector", "mysql+mysqlconnector", "CONNECTION_ID()"),
];

/// A process uses a session that another one has opened.
const MAKERS: &str = r#"    maker = makers.setdefault(session, os.getpid())
    assert maker == os.getpid(), f"process {os.getpid()} uses session {session} of process {maker}"
"#;

/// The program; `about` is what it shows, in lines.
pub(super) fn program(pool: &str, max_size: u32, about: &[String], plan: &Plan) -> Result<String, String> {
    let (kind, driver) = known(pool).ok_or_else(|| {
        let kinds: Vec<_> = KINDS.iter().map(|(kind, ..)| *kind).collect();
        format!("the pools with a program in Python are sqlalchemy-KIND-DRIVER, where KIND is one of {}", kinds.join(", "))
    })?;
    let (_, options, hook) = KINDS[kind];
    let (_, dialect, session) = DRIVERS[driver];
    let mut writer = Writer { text: String::new(), scope: Vec::new(), told: Vec::new(), hook };
    writer.body(&plan.body, 1, End::Process)?;
    let mut engine = format!("sqlalchemy.create_engine(URL, future=True, {})", options.replace("SIZE", &max_size.to_string()));
    if pool.contains("-guard") {
        let attribute = if pool.contains("-guard-of-then-") { "connection" } else { "dbapi_connection" };
        engine = format!("made = {engine}\n{}\n    return made", GUARD.replace("ATTRIBUTE", attribute));
    } else {
        engine = format!("return {engine}");
    }
    let steps = writer.text;
    // Memory that all processes share.
    let turns = if steps.contains("turn[0]") { "turn = mmap.mmap(-1, 1)\n" } else { "" };
    let uses = |module: &str| steps.contains(&format!("{module}.")) || PROGRAM.contains(&format!("{module}."));
    let modules = ["ctypes", "gc", "mmap", "os", "signal", "sys", "threading", "time"];
    let modules: Vec<&str> =
        modules.into_iter().filter(|module| uses(module) || (*module == "mmap" && !turns.is_empty())).collect();
    let fill = [
        ("ABOUT", about.join("\n")),
        ("import IMPORTS", format!("import {}", modules.join(", "))),
        ("DIALECT", dialect.to_owned()),
        ("SESSION", session.to_owned()),
        ("# MAKERS\n", if plan.notes { MAKERS } else { "" }.to_owned()),
        ("# ENGINE", engine),
        ("# TURNS\n", turns.to_owned()),
        ("    # STEPS\n", steps.clone()),
    ];
    Ok(fill.into_iter().fold(PROGRAM.to_owned(), |text, (from, to)| text.replacen(from, &to, 1)))
}

/// The places of a pool's kind and driver.
fn known(pool: &str) -> Option<(usize, usize)> {
    let (kind, driver) = pool.strip_prefix("sqlalchemy-")?.rsplit_once('-')?;
    let kind = KINDS.iter().position(|(name, ..)| *name == kind)?;
    Some((kind, DRIVERS.iter().position(|(name, ..)| *name == driver)?))
}

/// How the steps of an actor end that is not told to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Process,
    Joined,
    Thread,
}

struct Writer {
    text: String,
    /// The variables that are known where it writes, and whether each is a pool.
    scope: Vec<(bool, String)>,
    /// How each child was told to end, as the system says it.
    told: Vec<(Process, i32)>,
    hook: Option<&'static str>,
}

impl Writer {
    fn line(&mut self, depth: usize, line: &str) {
        let _ = writeln!(self.text, "{}{line}", "    ".repeat(depth));
    }

    fn body(&mut self, body: &Body, depth: usize, end: End) -> Result<(), String> {
        for act in body {
            self.act(act, body, depth)?;
        }
        let ends = matches!(body.last(), Some(Act::Step(Step { op: Op::Exit(_), .. })));
        match end {
            _ if ends => {}
            End::Process => self.line(depth, "os._exit(len(broken) > 0)"),
            End::Thread => self.line(depth, "threading.Event().wait()"),
            End::Joined => {
                let held: Vec<String> = self.scope.iter().filter(|(is_pool, _)| !is_pool).map(|(_, name)| name.clone()).collect();
                held.iter().for_each(|name| self.line(depth, &format!("{name}.close()")));
            }
        }
        Ok(())
    }

    fn act(&mut self, act: &Act, body: &Body, depth: usize) -> Result<(), String> {
        match act {
            Act::Step(step) => return self.step(step, depth),
            Act::Fork(child, inner) => {
                self.line(depth, &format!("{child} = os.fork()"));
                self.line(depth, &format!("if {child} == 0:"));
                self.line(depth + 1, "signal.alarm(15)");
                let outer = self.scope.clone();
                self.body(inner, depth + 1, End::Process)?;
                self.scope = outer;
                self.told.push((*child, told(inner)));
            }
            Act::Spawn(thread, inner) => self.spawn(*thread, inner, body, depth)?,
            Act::Reap(child) => {
                let told = self.told.iter().find(|(other, _)| other == child).map_or(0, |(_, status)| *status);
                self.line(depth, &format!("step(\"the end of {child}\", lambda: reap({child}, {told}))"));
            }
            Act::Wait(turn) => {
                self.line(depth, &format!("while turn[0] < {turn}:"));
                self.line(depth + 1, "time.sleep(0.001)");
            }
            Act::Pass(turn) => self.line(depth, &format!("turn[0] = {turn}")),
        }
        Ok(())
    }

    /// A thread has the pools of its process, and checkouts of its own.
    fn spawn(&mut self, thread: Actor, inner: &Body, body: &Body, depth: usize) -> Result<(), String> {
        let Thread(number) = thread.thread;
        self.line(depth, &format!("def steps_of_t{number}():"));
        let pools: Vec<_> = self.scope.iter().filter(|(is_pool, _)| *is_pool).cloned().collect();
        if !pools.is_empty() {
            let names: Vec<&str> = pools.iter().map(|(_, name)| name.as_str()).collect();
            self.line(depth + 1, &format!("nonlocal {}", names.join(", ")));
        }
        let outer = std::mem::replace(&mut self.scope, pools);
        let joins = |act: &Act| matches!(act, Act::Step(Step { op: Op::Join(other), .. }) if *other == thread.thread);
        self.body(inner, depth + 1, if body.iter().any(joins) { End::Joined } else { End::Thread })?;
        self.scope = outer;
        self.line(depth, &format!("t{number} = threading.Thread(target=steps_of_t{number}, daemon=True)"));
        self.line(depth, &format!("t{number}.start()"));
        Ok(())
    }

    fn step(&mut self, step: &Step, depth: usize) -> Result<(), String> {
        let Step { actor, op, number, must, begun, .. } = step;
        let pool =
            step.pool.map_or_else(String::new, |pool| if pool.0 == 0 { "pool".to_owned() } else { format!("pool{}", pool.0) });
        let foreign = || format!("a pool that another thread has opened: {actor} {op}");
        let is_known = self.scope.iter().any(|(_, name)| *name == pool);
        let may = if *must { "" } else { ", must=False" };
        let begun = if *begun { ", begun=True" } else { "" };
        let (mut made, mut gone) = (None, None);
        let work = match op {
            Op::Open(_) => {
                made = Some((true, pool));
                "engine".to_owned()
            }
            Op::Dispose(_) | Op::DropPool(_) | Op::LeakPool(_) | Op::AfterFork(_) | Op::Checkout(..) if !is_known => {
                return Err(foreign());
            }
            Op::Checkout(handle, _) => {
                made = Some((false, handle.to_string()));
                format!("lambda: {pool}.connect()")
            }
            Op::Dispose(_) => format!("lambda: {pool}.dispose()"),
            Op::AfterFork(_) if self.hook.is_some() => format!("lambda: {pool}.{}", self.hook.unwrap_or_default()),
            Op::DropPool(_) | Op::LeakPool(_) => {
                let leaks = matches!(op, Op::LeakPool(_));
                gone = Some(pool.clone());
                if leaks { leak(&pool) } else { "lambda: None".to_owned() }
            }
            Op::Leak(handle) => {
                gone = Some(handle.to_string());
                leak(&handle.to_string())
            }
            Op::Return(handle) => {
                gone = Some(handle.to_string());
                format!("{handle}.close")
            }
            Op::Query(handle) => format!("lambda: query({handle}, \"{actor}.{number}\"{begun})"),
            Op::Begin(handle) | Op::Commit(handle) | Op::Rollback(handle) => format!("{handle}.{}", op.word()),
            Op::Collect => "gc.collect".to_owned(),
            Op::Join(Thread(thread)) => format!("t{thread}.join"),
            Op::Exit(kind) => {
                self.exit(*actor, *kind, depth);
                return Ok(());
            }
            other => return Err(format!("it has a step that no program in Python is written for here: {other}")),
        };
        let name = made.as_ref().map_or_else(String::new, |(_, name)| format!("{name} = "));
        self.line(depth, &format!("{name}step(\"{actor} {op}\", {work}{may})"));
        if let Some(name) = gone {
            self.line(depth, &format!("{name} = None"));
            self.scope.retain(|(_, other)| *other != name);
        }
        if let Some(made) = made {
            self.scope.retain(|other| *other != made);
            self.scope.push(made);
        }
        Ok(())
    }

    fn exit(&mut self, actor: Actor, kind: ExitKind, depth: usize) {
        self.line(depth, &format!("print(\"{} exit {}\", flush=True)", actor.process, kind.word()));
        if kind == ExitKind::Main {
            let of =
                |wanted: bool| self.scope.iter().filter(move |(is_pool, _)| *is_pool == wanted).map(|(_, name)| name.clone());
            let names: Vec<String> = of(false).chain(of(true)).collect();
            names.iter().for_each(|name| self.line(depth, &format!("{name} = None")));
        }
        self.line(
            depth,
            match kind {
                ExitKind::Main | ExitKind::AtExit => "sys.exit(len(broken) > 0)",
                ExitKind::Now => "os._exit(len(broken) > 0)",
                ExitKind::Panic => "sys.exit(101)",
                ExitKind::Signal => "os.kill(os.getpid(), 9)",
            },
        );
    }
}

/// Its finaliser never runs: it has a reference that nobody gives back.
fn leak(name: &str) -> String {
    format!("lambda: ctypes.pythonapi.Py_IncRef(ctypes.py_object({name}))")
}
