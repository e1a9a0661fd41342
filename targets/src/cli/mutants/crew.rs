//! Many hunts, several at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use poolproof::certify::Progress;
use poolproof::trouble::Trouble;

use super::super::benches::workers;
use super::super::exit::Stop;
use super::super::progress::Teller;

/// How one job is done.
type Doing<'a, J, D> = &'a (dyn Fn(&J, &mut dyn FnMut(Progress)) -> Result<D, Trouble> + Sync);

/// Does all jobs, and gives what came of each by its number. Ctrl-C ends them, and nothing that was done is lost.
pub(super) fn several_at_once<J: Sync, D: Send>(
    jobs: &[J],
    wanted: Option<u16>,
    name: fn(&J) -> &'static str,
    teller: &mut Teller,
    one: Doing<J, D>,
) -> Result<BTreeMap<usize, D>, Stop> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (news, received) = mpsc::channel();
    let mut all = BTreeMap::new();
    let mut trouble = None;
    std::thread::scope(|scope| {
        for _ in 0..at_once(wanted).min(jobs.len()) {
            let (news, next, failed) = (news.clone(), &next, &failed);
            scope.spawn(move || {
                while !failed.load(Ordering::Relaxed)
                    && let Some((number, job)) = take(jobs, next)
                {
                    let done = one(job, &mut |progress| drop(news.send(News::Of(number, progress))));
                    failed.fetch_or(done.is_err(), Ordering::Relaxed);
                    drop(news.send(News::Done(number, done)));
                }
            });
        }
        drop(news);
        for news in received {
            match news {
                News::Of(number, progress) => teller.counted(all.len(), jobs.len(), name(&jobs[number]), progress),
                News::Done(number, Ok(done)) => drop(all.insert(number, done)),
                News::Done(_, Err(error)) => trouble = trouble.take().or(Some(error)),
            }
        }
    });
    match trouble {
        Some(trouble) if !matches!(trouble, Trouble::Interrupted) => Err(trouble.into()),
        _ => Ok(all),
    }
}

/// Many mutants hang, and who hunts them mostly waits: more of them than processors.
fn at_once(wanted: Option<u16>) -> usize {
    if wanted.is_some() { workers(wanted) } else { PER_PROCESSOR * workers(None) }
}

/// So many hunts for each processor.
const PER_PROCESSOR: usize = 3;

fn take<'a, J>(jobs: &'a [J], next: &AtomicUsize) -> Option<(usize, &'a J)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(number).map(|job| (number, job))
}

/// What a worker tells.
enum News<D> {
    Of(usize, Progress),
    Done(usize, Result<D, Trouble>),
}
