//! One process of a fuzzer, from its first input to the summary.
//!
//! A thread of its own owns bench and worker, so that each end of the process can end them in order: libFuzzer ends it by `exit`, from
//! inside a call, or by an abort.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use arbitrary::{Arbitrary, Unstructured};

use super::findings::Findings;
use super::mutate::{anew, crossover, mutate};
use super::settings::{Purpose, Settings};
use super::signals::{INTERRUPTED, STOP, end, listen};
use super::tally::Tally;
use super::worker::{Told, Worker};
use super::{bytes, counters};
use crate::bench::Bench;
use crate::execute::Executor;
use crate::interleaving::Interleaving;
use crate::promise::Promise;
use crate::target::Target;
use crate::trouble::Trouble;

/// An interleaving as an input of libFuzzer: what `cargo fuzz fmt` prints of it is its text form.
pub struct Input(pub Interleaving);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(unread: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let rest = unread.bytes(unread.len())?;
        Ok(Self(bytes::decode(rest)))
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// What the process was started for; read once.
static SETTINGS: OnceLock<Settings> = OnceLock::new();
/// The thread that executes; started with the first input.
static RUN: Mutex<Option<Run>> = Mutex::new(None);

/// The name of that thread.
const WORKER: &str = "worker";

struct Run {
    inputs: Sender<Interleaving>,
    told: Receiver<Result<Told, Trouble>>,
    thread: JoinHandle<Tally>,
}

/// Reads what the environment says of this run of a target, which has these pools; a wrong word ends the process with code 2. `home` is the
/// directory of the fuzz workspace.
pub fn begin(pools: &[&str], home: &str) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match Settings::read(pools, Path::new(home), &arguments) {
        Ok(settings) => {
            drop(SETTINGS.set(settings));
            let_the_worker_panic();
        }
        Err(message) => {
            eprintln!("error: {message}");
            end(2)
        }
    }
}

/// Executes one input. A new finding ends the process like a crash, unless the run is to go on; so does trouble.
pub fn execute(input: &Input) {
    let Some(settings) = SETTINGS.get() else { return };
    let mut interleaving = input.0.clone();
    if let Some(terms) = settings.terms {
        (interleaving.promise, interleaving.dirty) = (terms.promise, terms.dirty || interleaving.dirty);
    }
    let answered = {
        let mut run = run();
        let run = run.get_or_insert_with(|| start(settings));
        run.inputs.send(interleaving).ok().and_then(|()| run.told.recv().ok())
    };
    match answered {
        Some(Ok(Told { pairs, crash: None })) => counters::set(&pairs),
        Some(Ok(Told { crash: Some(what), .. })) => {
            close();
            if settings.purpose == Purpose::Reproduce {
                eprintln!("poolproof: {what}");
            }
            // libFuzzer keeps the input of whoever aborts.
            std::process::abort();
        }
        Some(Err(Trouble::Interrupted)) => {
            close();
            end(INTERRUPTED)
        }
        Some(Err(trouble)) => {
            close();
            eprintln!("error: {trouble}");
            end(3)
        }
        // It has panicked, and said so.
        None => {
            close();
            std::process::abort()
        }
    }
}

/// The input after this one: near to it, or anywhere if nothing is to guide the search.
pub fn next(bytes: &[u8], seed: u32, most: usize) -> Vec<u8> {
    match manner() {
        (promise, true) => mutate(bytes, promise, seed, most),
        (promise, false) => anew(promise, seed, most),
    }
}

/// The input that two make; any other if nothing is to guide the search.
pub fn joined(one: &[u8], other: &[u8], seed: u32, most: usize) -> Vec<u8> {
    match manner() {
        (promise, true) => crossover(one, other, promise, seed, most),
        (promise, false) => anew(promise, seed, most),
    }
}

/// The promise that inputs are made for, if it is not theirs to say; and whether the search is guided.
fn manner() -> (Option<Promise>, bool) {
    SETTINGS.get().map_or((None, true), |settings| (settings.terms.map(|terms| terms.promise), settings.guided))
}

/// The hook of libfuzzer-sys aborts on the spot. A panic of the thread that executes is to pass, so that it ends the run in order.
fn let_the_worker_panic() {
    let aborting = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match std::thread::current().name() {
        Some(WORKER) => eprintln!("poolproof: {panic}"),
        _ => aborting(panic),
    }));
}

fn run() -> MutexGuard<'static, Option<Run>> {
    RUN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(settings: &'static Settings) -> Run {
    listen(at_exit);
    let (inputs, received) = channel();
    let (tell, told) = channel();
    let work = move || work(settings, &received, &tell);
    let spawned = std::thread::Builder::new().name(WORKER.to_owned()).spawn(work);
    let thread = spawned.unwrap_or_else(|error| {
        eprintln!("error: cannot start a thread: {error}");
        end(3)
    });
    Run { inputs, told, thread }
}

/// Everything between the first input and the last. What goes wrong is the answer to the input that meets it.
fn work(settings: &'static Settings, inputs: &Receiver<Interleaving>, tell: &Sender<Result<Told, Trouble>>) -> Tally {
    let mut tally = Tally { pool: settings.pool.clone(), ..Tally::default() };
    let mut bench = match Bench::start_as(&settings.agent, &STOP) {
        Ok(bench) => bench,
        Err(trouble) => {
            drop(tell.send(Err(trouble)));
            return tally;
        }
    };
    let added = bench.add_server(&settings.server, settings.database());
    let worked = added.and_then(|()| serve(&bench, settings, inputs, tell, &mut tally));
    tally.left = Some(bench.finish().map_err(|trouble| trouble.to_string()));
    if let Err(trouble) = worked {
        drop(tell.send(Err(trouble)));
    }
    tally
}

fn serve(
    bench: &Bench,
    settings: &Settings,
    inputs: &Receiver<Interleaving>,
    tell: &Sender<Result<Told, Trouble>>,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let target = Target::beside(&settings.pool, settings.database());
    let executor = Executor::start(&target, bench.surroundings(settings.database())?)?;
    // libFuzzer's thread waits while this one works, and the other way round.
    let _beside = (executor.beside_agent(), executor.main_thread_beside_agent());
    let (findings, left) = Findings::open(&settings.out, &settings.pool, settings.quota)?;
    let mut worker = Worker::new(executor, settings, findings);
    let served = || -> Result<(), Trouble> {
        let mut crash = None;
        for (laid_down, failing) in left {
            crash = worker.take_up(&laid_down, &failing)?.or(crash);
        }
        while let Ok(interleaving) = inputs.recv() {
            let told = worker.take(&interleaving)?;
            let crash = told.crash.or(crash.take());
            if tell.send(Ok(Told { crash, ..told })).is_err() {
                break;
            }
        }
        Ok(())
    };
    let ended = catch_unwind(AssertUnwindSafe(served));
    *tally = std::mem::take(&mut worker.tally);
    tally.panicked = ended.is_err();
    ended.unwrap_or(Ok(()))
}

/// Ends the run in order, and says what it comes to.
fn close() {
    let Some(Run { inputs, told, thread }) = run().take() else { return };
    drop((inputs, told));
    let summary = thread.join().map_or_else(|_| "poolproof: the run panicked\n".to_owned(), |tally| tally.to_string());
    // One call, so that parallel jobs do not mix their lines. Nobody may be listening any more.
    let _ = std::io::stderr().write_all(summary.as_bytes());
}

extern "C" fn at_exit() {
    close();
}
