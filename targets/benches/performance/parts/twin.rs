//! (a) A fixed interleaving on real servers, against its twin: the same acts of the same pool in the same processes, straight on the
//! server, with no tap, coordinator, model or rule.

use std::collections::HashMap;
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use poolproof::bench::ServerChoice;
use poolproof::interleaving::{ExitKind, Handle, Interleaving, Op, Process, parse};
use poolproof::{Config, Connection, Database, Pool, Target, certify};
use poolproof_targets::{mysql_pool::MysqlPool, reference::ReferencePool};

use super::measure::{self, Processors, busy, median, ratio};
use super::paper::{Finding, Section};

/// Thirteen steps, two processes, two connections, one row.
const FIXED: &str = "
pool max_size=1
promise child-leaks
p0 open
p0 checkout a
p0 begin a
p0 insert a
p0 commit a
p0 return a
p0 fork p1
p1 leak-pool
p1 open
p1 checkout b
p1 query b
p0 checkout c
p0 query c
";
/// How often it is executed in one run.
const TIMES: usize = 100;
/// How many pairs of runs.
const ROUNDS: usize = 9;
/// The twin's table.
const TABLE: &str = "poolproof_twin";
/// Patience that nobody needs.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn section() -> Result<Section, Box<dyn Error>> {
    let fixed = parse(FIXED)?;
    let mut rows = Vec::new();
    let mut findings = Vec::new();
    let mut pair = |name: &str, twin: Twin| -> Result<(), Box<dyn Error>> {
        let Pair { product, ours, twins } = compare(&measure::target(name), &fixed, twin)?;
        let wall = ratio(&ours.wall, &twins.wall);
        let cpu = ratio(&ours.cpu, &twins.cpu);
        let each = |figures: &[f64]| format!("{:.2} ms", median(figures));
        rows.push(vec![
            product.clone(),
            name.to_owned(),
            each(&ours.wall),
            each(&twins.wall),
            format!("{wall:.2}"),
            each(&ours.cpu),
            each(&twins.cpu),
            format!("{cpu:.2}"),
        ]);
        findings.push(Finding::at_most(&format!("wall time, {product}, over its twin"), wall, 1.4));
        findings.push(Finding::at_most(&format!("processor time, {product}, over its twin"), cpu, 1.4));
        Ok(())
    };
    pair("reference", twin::<ReferencePool>)?;
    pair("mysql", twin::<MysqlPool>)?;
    let about = format!(
        "An interleaving of 13 steps, two processes, two connections and one row, with its epilogue. The twin does the same acts with \
         the\nsame pool and driver, straight on the server. Processor time is that of the whole machine, the server's included, in \
         ticks of\n10 ms over {TIMES} executions. {ROUNDS} runs of each, in turns."
    );
    let header = vec!["server", "pool", "wall", "twin's", "ratio", "processor", "twin's", "ratio"];
    Ok(Section { title: "(a) One interleaving, against its twin", about, header, rows, findings })
}

/// Milliseconds for one execution, a figure for each run.
#[derive(Default)]
struct Costs {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Costs {
    fn add(&mut self, wall: Duration, cpu: Duration) {
        let each = |duration: Duration| duration.as_secs_f64() * 1000.0 / TIMES as f64;
        self.wall.push(each(wall));
        self.cpu.push(each(cpu));
    }
}

struct Pair {
    product: String,
    ours: Costs,
    twins: Costs,
}

type Twin = fn(&Config, &[Deed]) -> Result<(), Box<dyn Error>>;

/// One act of one process, with its statement if it has one.
struct Deed {
    process: Process,
    op: Op,
    sql: String,
}

fn compare(target: &Target, fixed: &Interleaving, twin: Twin) -> Result<Pair, Box<dyn Error>> {
    let database = target.database();
    // The servers have every processor; the two that are compared have the same one.
    let bench = measure::bench_with(&ServerChoice::Local, target)?;
    let _processor = Processors::only(1)?;
    let direct = bench.direct_config(database).ok_or("no server")?;
    bench.ask(database, &format!("CREATE TABLE {TABLE} (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL)"))?;
    let history = certify::execute(&bench, target, std::slice::from_ref(fixed))?.pop().ok_or("no history")?;
    let deeds: Vec<Deed> = history
        .invocations()
        .map(|(_, invocation)| Deed {
            process: invocation.actor.process,
            op: invocation.op,
            sql: sql(database, &invocation.op, invocation.id.0),
        })
        .collect();
    let many = vec![fixed.clone(); TIMES];
    let (mut ours, mut twins) = (Costs::default(), Costs::default());
    for _ in 0..ROUNDS {
        let before = busy()?;
        let cell = measure::search(&bench, target, &many, 1)?;
        ours.add(cell.searched, busy()? - before);
        let (before, started) = (busy()?, Instant::now());
        twin(&direct, &deeds)?;
        twins.add(started.elapsed(), busy()? - before);
    }
    let product = bench.product(database).unwrap_or("a server").to_owned();
    bench.finish()?;
    Ok(Pair { product, ours, twins })
}

/// Statements of the form that the steps have.
fn sql(database: Database, op: &Op, number: u32) -> String {
    match (op, database) {
        (Op::Insert(_), _) => format!("INSERT INTO {TABLE} (run, nonce) VALUES (1, 'pp-1-{number}')"),
        (_, Database::Postgres) => format!(
            "SELECT 'pp-1-{number}' AS nonce, pg_backend_pid()::text AS session, current_setting('poolproof.mark', true) AS mark"
        ),
        (_, Database::MySql) => format!(
            "SELECT 'pp-1-{number}' AS nonce, CAST(CONNECTION_ID() AS CHAR) AS session, CAST(@poolproof_mark AS CHAR) AS mark"
        ),
    }
}

/// Plays the deeds in processes of its own, as often as one run wants it.
fn twin<P: Pool>(config: &Config, deeds: &[Deed]) -> Result<(), Box<dyn Error>> {
    let administrator = P::open(config)?;
    let mut ledger = administrator.checkout(PATIENCE)?;
    for _ in 0..TIMES {
        // SAFETY: the bench has no other thread here, and the child never comes back.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => drop(waitpid(child, None)?),
            ForkResult::Child => leave(i32::from(Player::<P>::new(config).play(deeds).is_err())),
        }
        ledger.query(&format!("SELECT nonce FROM {TABLE} WHERE run = 0"))?;
    }
    Ok(())
}

fn leave(code: i32) -> ! {
    // SAFETY: `_exit` takes no pointer and runs nothing of this process.
    unsafe { nix::libc::_exit(code) }
}

/// One process of the twin.
struct Player<'a, P: Pool> {
    config: &'a Config,
    me: Process,
    pool: Option<P>,
    held: HashMap<Handle, P::Connection>,
    /// To the process whose turn it is when this one has done its part, and back.
    other: Option<UnixStream>,
}

impl<'a, P: Pool> Player<'a, P> {
    fn new(config: &'a Config) -> Self {
        Self { config, me: Process::FIRST, pool: None, held: HashMap::new(), other: None }
    }

    fn play(&mut self, deeds: &[Deed]) -> Result<(), Box<dyn Error>> {
        let mut before: Option<&Deed> = None;
        for (place, deed) in deeds.iter().enumerate() {
            let previous = before.replace(deed);
            if deed.process != self.me {
                continue;
            }
            if previous.is_some_and(|previous| previous.process != self.me) {
                self.await_turn()?;
            }
            self.act(deed)?;
            if self.me == deed.process && deeds.get(place + 1).is_some_and(|next| next.process != self.me) {
                self.other.as_mut().map_or(Ok(()), |other| other.write_all(&[1]))?;
            }
        }
        Ok(())
    }

    /// The other's word, or its end.
    fn await_turn(&mut self) -> std::io::Result<()> {
        self.other.as_mut().map_or(Ok(0), |other| other.read(&mut [0])).map(drop)
    }

    fn act(&mut self, Deed { op, sql, .. }: &Deed) -> Result<(), Box<dyn Error>> {
        match *op {
            Op::Open(_) => self.pool = Some(P::open(self.config)?),
            Op::Dispose(_) => drop(self.pool.as_ref().and_then(P::dispose)),
            Op::DropPool(_) => drop(self.pool.take()),
            Op::LeakPool(_) => std::mem::forget(self.pool.take()),
            Op::Checkout(handle, _) => {
                let pool = self.pool.as_ref().ok_or("no pool")?;
                self.held.insert(handle, pool.checkout(PATIENCE)?);
            }
            Op::Return(handle) => self.held.remove(&handle).map_or(Ok(()), Connection::give_back)?,
            Op::Query(handle) | Op::Insert(handle) => drop(self.with(handle)?.query(sql)?),
            Op::Begin(handle) => self.with(handle)?.begin()?,
            Op::Commit(handle) => self.with(handle)?.commit()?,
            Op::Rollback(handle) => self.with(handle)?.rollback()?,
            Op::Fork(child, _) => self.fork(child)?,
            Op::Exit(ExitKind::Now) => leave(0),
            Op::Exit(_) => {
                self.held.clear();
                self.pool = None;
                std::process::exit(0)
            }
            _ => return Err(format!("the twin cannot '{op}'").into()),
        }
        Ok(())
    }

    fn with(&mut self, handle: Handle) -> Result<&mut P::Connection, Box<dyn Error>> {
        Ok(self.held.get_mut(&handle).ok_or("no checkout")?)
    }

    fn fork(&mut self, child: Process) -> Result<(), Box<dyn Error>> {
        let (mine, its) = UnixStream::pair()?;
        // SAFETY: this process has one thread: the pools of this part start none.
        match unsafe { fork() }? {
            ForkResult::Parent { .. } => self.other = Some(mine),
            ForkResult::Child => {
                self.other = Some(its);
                self.me = child;
            }
        }
        Ok(())
    }
}
