//! Several workers that take one number after another.

use std::ops::RangeFrom;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use crate::trouble::Trouble;

/// Lets every worker look at the next number, from the first one on, until it meets one that is not wanted or somebody is in trouble.
/// `note` is told what was seen, in the order in which it was finished. What `settle` gives lives as long as its worker works.
pub(super) fn look_at_all<W: Send, S: Send, G>(
    workers: impl IntoIterator<Item = W>,
    numbers: RangeFrom<u64>,
    wanted: impl Fn(u64) -> bool + Sync,
    settle: impl Fn(&W) -> G + Sync,
    look: impl Fn(&mut W, u64) -> Result<S, Trouble> + Sync,
    mut note: impl FnMut(S),
) -> Result<(), Trouble> {
    let (next, failed) = (AtomicU64::new(numbers.start), AtomicBool::new(false));
    let (results, received) = mpsc::channel();
    std::thread::scope(|scope| {
        for mut worker in workers {
            let (results, next, failed) = (results.clone(), &next, &failed);
            let (wanted, settle, look) = (&wanted, &settle, &look);
            scope.spawn(move || {
                let _settled = settle(&worker);
                while !failed.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if !wanted(number) {
                        break;
                    }
                    let seen = look(&mut worker, number);
                    failed.fetch_or(seen.is_err(), Ordering::Relaxed);
                    if results.send(seen).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        let mut trouble = None;
        for seen in received {
            match seen {
                Ok(seen) => note(seen),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        trouble.map_or(Ok(()), Err)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_looked_at_once_whatever_the_number_of_workers() {
        for workers in [1, 3] {
            let mut seen = Vec::new();
            let look = |_: &mut usize, number: u64| Ok(number);
            look_at_all(0..workers, 5.., |number| number < 50, |_| (), look, |number| seen.push(number)).expect("no trouble");
            seen.sort_unstable();
            assert_eq!(seen, (5..50).collect::<Vec<_>>());
        }
    }

    /// A search that goes on without end would hide it.
    #[test]
    fn trouble_ends_it_for_all() {
        let look = |_: &mut usize, number: u64| if number == 7 { Err(Trouble::CannotAttribute) } else { Ok(number) };
        let ended = look_at_all(0..3, 0.., |_| true, |_| (), look, |_| ());
        assert!(matches!(ended, Err(Trouble::CannotAttribute)), "{ended:?}");
    }
}
