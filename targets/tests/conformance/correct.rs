//! The correct pools, where interleavings do not reach: threads that give up at the very moment of a return, and what is asked of a
//! checkout beside statements.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use libtest_mimic::Trial;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use poolproof::neutral::{MySql, Postgres};
use poolproof::server::serve::Served;
use poolproof::{Config, Connection, Error, ErrorKind, Pool};
use poolproof_targets::reference::ReferencePool;
use poolproof_targets::refusing::RefusingPool;

use crate::lab::{Outcome, ensure, scratch};

pub(crate) fn trials() -> Vec<Trial> {
    [
        of::<ReferencePool<Postgres>>("reference"),
        of::<ReferencePool<MySql>>("reference-mysql"),
        of::<RefusingPool<Postgres>>("refusing"),
        of::<RefusingPool<MySql>>("refusing-mysql"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Who needs no patience has it all the same.
const PATIENCE: Duration = Duration::from_secs(5);

fn of<P: Pool>(name: &str) -> [Trial; 2] {
    let trial = |title: &str, test: fn(&Config) -> Outcome| {
        Trial::test(format!("{name} {title}"), move || {
            let (_directory, path) = scratch();
            test(Served::start(P::DATABASE, &path)?.config())
        })
    };
    [
        trial("loses no place to a thread that gives up", loses_no_place::<P>),
        trial("prepares and cancels for the process that checked out, and refuses another", serves_its_own::<P>),
    ]
}

/// A place that was on its way to somebody who had just gone would be missing in the end.
fn loses_no_place<P: Pool>(config: &Config) -> Outcome {
    const THREADS: usize = 4;
    let pool = P::open(&Config { max_size: 2, ..config.clone() })?;
    let start = Barrier::new(THREADS);
    // On a busy machine they may take turns for long: they go on until somebody has given up.
    let somebody_gave_up = AtomicBool::new(false);
    let timed_out = thread::scope(|scope| {
        let hurried = || {
            start.wait();
            let goes_on = |nth: &u64| *nth < 3000 || (*nth < 3_000_000 && !somebody_gave_up.load(Ordering::Relaxed));
            let tries = (0..).take_while(goes_on).map(|nth| pool.checkout(Duration::from_micros(nth % 20)).err());
            tries.flatten().try_fold(0, |times, error| {
                somebody_gave_up.store(true, Ordering::Relaxed);
                (error.kind == ErrorKind::TimedOut).then_some(times + 1).ok_or(error)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(hurried)).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a panic")).collect::<Result<Vec<Result<u32, Error>>, _>>()
    })?;
    let timed_out: u32 = timed_out.into_iter().sum::<Result<u32, Error>>()?;
    ensure(timed_out > 0, || "nobody ever gave up".to_owned())?;
    let _all = [pool.checkout(PATIENCE)?, pool.checkout(PATIENCE)?];
    let more = pool.checkout(Duration::ZERO).err().map(|error| error.kind);
    ensure(more == Some(ErrorKind::TimedOut), || format!("there is one place too many: {more:?}"))
}

fn serves_its_own<P: Pool>(config: &Config) -> Outcome {
    let pool = P::open(config)?;
    let mut checkout = pool.checkout(PATIENCE)?;
    let sql = if P::DATABASE == poolproof::Database::Postgres { "SELECT $1" } else { "SELECT ?" };
    let prepared = |checkout: &mut P::Connection| checkout.prepared(sql, "x").unwrap_or_else(|| Ok(Vec::new()));
    let rows = prepared(&mut checkout)?;
    ensure(rows == [[Some("x".to_owned())]], || format!("{rows:?}"))?;
    checkout.cancel().ok_or("it cannot cancel")??;
    let mut checkout = Some(checkout);
    // SAFETY: the child makes system calls and uses the allocator, which glibc makes usable, and leaves by `_exit`.
    if let ForkResult::Parent { child } = unsafe { fork() }? {
        let ended = waitpid(child, None)?;
        ensure(ended == WaitStatus::Exited(child, 0), || format!("the child was not refused: {ended:?}"))?;
        let rows = prepared(&mut checkout.take().ok_or("it was just checked out")?)?;
        return ensure(rows == [[Some("x".to_owned())]], || format!("{rows:?}"));
    }
    let refused = checkout.take().is_some_and(|mut checkout| {
        let answers = [prepared(&mut checkout).err(), checkout.cancel().and_then(Result::err)];
        answers.into_iter().all(|error| error.is_some_and(|error| error.kind == ErrorKind::Refused))
    });
    // SAFETY: `_exit` takes no pointer and runs nothing of this process.
    unsafe { nix::libc::_exit(i32::from(!refused)) }
}
