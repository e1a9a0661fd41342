//! The interleavings of one promise by number, from several sources: scenarios first; then the sweep, the enumeration, random ones and
//! those with faults take turns, so that none of them has to wait for the end of another.
//!
//! Which one a number stands for depends on the promise, the seed, the sources and how many are wanted, and on nothing else.

use super::exhaustive::{Exhaustive, Menu};
use super::numbered::Numbered;
use super::source::{Amount, Selection, Source};
use super::{random, scenarios, sweep};
use crate::interleaving::Interleaving;
use crate::promise::Promise;

/// For each source a number.
type Shares = [u64; Source::ALL.len()];

/// The interleavings of one promise. They come in rounds: one round of the number that is wanted, or if nobody knows it rounds that
/// grow. In each round every source has its share, and goes on where it was.
#[derive(Debug)]
pub struct Mix {
    promise: Promise,
    seed: u64,
    chosen: [bool; Source::ALL.len()],
    scenarios: Vec<Interleaving>,
    /// Scenarios of a server that fails.
    faults: Vec<Interleaving>,
    sweep: Vec<Interleaving>,
    exhaustive: Option<Numbered>,
    /// How many interleavings the first round has.
    round: u64,
    total: Option<u64>,
}

/// The first round where the number is not known; each round has twice as many as the one before.
const ROUND: u64 = 200;

impl Mix {
    /// What `amount` of interleavings there are under a promise.
    pub fn new(promise: Promise, seed: u64, selection: &Selection, amount: Amount) -> Self {
        let mut chosen = Source::ALL.map(|source| selection.sources.contains(&source));
        if amount == Amount::Everything {
            Source::ENDLESS.iter().for_each(|source| chosen[*source as usize] = false);
        }
        let wants = |source: Source| chosen[source as usize] && amount != Amount::Number(0);
        let scenarios = if wants(Source::Scenarios) { scenarios::fitting(promise).collect() } else { Vec::new() };
        let faults = if wants(Source::Faults) { scenarios::faulty(promise).collect() } else { Vec::new() };
        let sweep = if wants(Source::Sweep) { sweep::usual(promise).collect() } else { Vec::new() };
        let every = || Numbered::new(Exhaustive::new(promise, 1, selection.depth, Menu::usual(promise)));
        let exhaustive = wants(Source::Exhaustive).then(every);
        let mut mix = Self { promise, seed, chosen, scenarios, faults, sweep, exhaustive, round: 0, total: None };
        let finite = (!mix.is_endless()).then(|| mix.lengths().iter().sum::<u64>());
        mix.total = match amount {
            Amount::Number(number) => Some(finite.map_or(number, |finite| finite.min(number))),
            Amount::Unknown | Amount::Everything => finite,
        };
        mix.round = mix.total.unwrap_or(ROUND);
        mix
    }

    /// How many there are, if that is known.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The interleaving of a number below the total.
    pub fn nth(&self, number: u64) -> Interleaving {
        let (source, place) = self.place(number);
        let from = |list: &[Interleaving], at: u64| usize::try_from(at).ok().and_then(|at| list.get(at).cloned());
        let found = match source {
            Source::Scenarios => from(&self.scenarios, place),
            Source::Sweep => from(&self.sweep, spread(place, self.sweep.len() as u64)),
            Source::Exhaustive => self.exhaustive.as_ref().and_then(|all| all.nth(spread(place, all.total()))),
            Source::Random => None,
            Source::Faults => from(&self.faults, place).or_else(|| {
                let place = place - self.faults.len() as u64;
                Some(random::nth_faulty(self.promise, self.seed, place))
            }),
        };
        found.unwrap_or_else(|| random::nth(self.promise, self.seed, place))
    }

    /// From which source the interleaving of a number comes.
    pub fn source(&self, number: u64) -> Source {
        self.place(number).0
    }

    fn has(&self, source: Source) -> bool {
        self.chosen[source as usize]
    }

    fn is_endless(&self) -> bool {
        Source::ENDLESS.iter().any(|source| self.has(*source))
    }

    /// How many each source has; what has no end counts as none.
    fn lengths(&self) -> Shares {
        let exhaustive = self.exhaustive.as_ref().map_or(0, Numbered::total);
        [self.scenarios.len() as u64, self.sweep.len() as u64, exhaustive, 0, 0]
    }

    /// The source of a number, and which of that source's own numbers it is.
    fn place(&self, number: u64) -> (Source, u64) {
        let (mut left, mut size, mut done) = (number, self.round, Shares::default());
        loop {
            let shares = self.shares(size, done);
            let all: u64 = shares.iter().sum();
            if left < all {
                let (source, place) = turn(shares, left);
                return (source, done[source as usize] + place);
            }
            if all == 0 {
                // Beyond the total: nobody asks for it.
                return (Source::Random, left);
            }
            left -= all;
            done.iter_mut().zip(shares).for_each(|(done, share)| *done += share);
            size = size.saturating_mul(2);
        }
    }

    /// What each source has in a round of `size` after it gave `done`. Whoever ends has at most an equal share, a quarter if all are
    /// used; random ones take what is left. Where there are none, the others do, in their order.
    fn shares(&self, size: u64, done: Shares) -> Shares {
        let lengths = self.lengths();
        let parts = if self.is_endless() { Source::USUAL.len() } else { self.chosen.iter().filter(|chosen| **chosen).count() };
        let mut shares = Shares::default();
        let mut left = size;
        for most in [size / parts.max(1) as u64, size] {
            for source in Source::ALL.map(|source| source as usize) {
                let more = (lengths[source] - done[source].min(lengths[source]) - shares[source]).min(most).min(left);
                shares[source] += more;
                left -= more;
            }
            let endless: Vec<Source> = Source::ENDLESS.into_iter().filter(|source| self.has(*source)).collect();
            for (done, source) in endless.iter().enumerate() {
                shares[*source as usize] = left / (endless.len() - done) as u64;
                left -= shares[*source as usize];
            }
            if !endless.is_empty() {
                break;
            }
        }
        shares
    }
}

/// Whose turn a number of a round is, and how many turns of the same source come before it. The sources that take turns are spread
/// evenly over the round.
fn turn(shares: Shares, number: u64) -> (Source, u64) {
    let scenarios = shares[Source::Scenarios as usize];
    if number < scenarios {
        return (Source::Scenarios, number);
    }
    let (mut number, mut left) = (number - scenarios, shares.iter().sum::<u64>() - scenarios);
    for source in [Source::Sweep, Source::Exhaustive, Source::Random] {
        let share = shares[source as usize];
        let before = |number: u64| u64::try_from(u128::from(number) * u128::from(share) / u128::from(left)).unwrap_or(u64::MAX);
        let place = before(number);
        if before(number + 1) > place {
            return (source, place);
        }
        number -= place;
        left -= share;
    }
    (Source::Faults, number)
}

/// The numbers below `length` in an order in which the first few are spread over all of them; each comes once.
fn spread(number: u64, length: u64) -> u64 {
    // About the golden section, and without a common divisor.
    let step = (length * 618 / 1000..).find(|step| coprime(*step, length)).unwrap_or(1);
    let at = u128::from(number) * u128::from(step) % u128::from(length.max(1));
    u64::try_from(at).unwrap_or_default()
}

fn coprime(one: u64, other: u64) -> bool {
    if other == 0 { one == 1 } else { coprime(other, one % other) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn mix(sources: &[Source], amount: Amount) -> Mix {
        Mix::new(Promise::ChildUsesPool, 3, &Selection { sources: sources.to_vec(), depth: 3 }, amount)
    }

    fn counts(mix: &Mix, numbers: u64) -> Shares {
        let mut counts = Shares::default();
        (0..numbers).for_each(|number| counts[mix.source(number) as usize] += 1);
        counts
    }

    /// Whatever the number is, none of those that end has more than a quarter, and random ones have no less.
    #[test]
    fn each_source_has_its_share() {
        for number in [1, 3, 4, 12, 40, 200, 4000] {
            let all = mix(&Source::USUAL, Amount::Number(number));
            let [scenarios, sweep, exhaustive, random, _] = counts(&all, number);
            assert!(scenarios.max(sweep).max(exhaustive) <= number / 4 && random * 4 >= number, "{number}");
            assert!(number < 4 || scenarios.min(sweep).min(exhaustive) > 0, "{number}");
        }
        assert_eq!(counts(&mix(&Source::USUAL, Amount::Number(40)), 40), [10, 10, 10, 10, 0]);
    }

    /// Failures are told by the seed: the random ones are those that a seed always had.
    #[test]
    fn the_random_part_is_that_of_the_seed() {
        let all = mix(&Source::USUAL, Amount::Number(40));
        let random = (0..40).filter(|number| all.source(*number) == Source::Random);
        for (place, number) in (0..10).zip(random) {
            assert_eq!(all.nth(number), random::nth(Promise::ChildUsesPool, 3, place));
        }
        let only = mix(&[Source::Random], Amount::Unknown);
        assert_eq!(only.nth(777), random::nth(Promise::ChildUsesPool, 3, 777));
    }

    /// A whole enumeration leaves nothing out and takes nothing twice, in whatever order.
    #[test]
    fn without_chance_there_is_an_end_and_everything_comes_once() {
        let all = mix(&[Source::Scenarios, Source::Sweep, Source::Exhaustive], Amount::Everything);
        let total = all.total().expect("an end");
        assert_eq!(counts(&all, total), all.lengths());
        let lone = mix(&[Source::Exhaustive], Amount::Everything);
        let numbers = 0..lone.total().expect("an end");
        let given: HashSet<Interleaving> = numbers.map(|number| lone.nth(number)).collect();
        let every = Exhaustive::new(Promise::ChildUsesPool, 1, 3, Menu::usual(Promise::ChildUsesPool));
        assert_eq!(given, every.collect::<HashSet<_>>());
        assert_eq!(mix(&[Source::Exhaustive], Amount::Number(5)).total(), Some(5));
        assert_eq!(mix(&[Source::Scenarios], Amount::Number(100_000)).total(), Some(lone_scenarios()));
    }

    /// Whoever stops half-way has had half of each.
    #[test]
    fn after_the_scenarios_the_sources_take_turns() {
        for number in [40, 400, 4000] {
            let all = mix(&Source::USUAL, Amount::Number(number));
            let scenarios = counts(&all, number)[Source::Scenarios as usize];
            assert!((0..scenarios).all(|number| all.source(number) == Source::Scenarios));
            let (half, whole) = (counts(&all, scenarios + (number - scenarios) / 2), counts(&all, number));
            for source in [Source::Sweep, Source::Exhaustive, Source::Random].map(|source| source as usize) {
                assert!((2 * half[source]).abs_diff(whole[source]) <= 3, "{half:?} of {whole:?}");
            }
            let places: HashSet<(Source, u64)> = (0..number).map(|number| all.place(number)).collect();
            assert_eq!(places.len() as u64, number, "nothing comes twice");
        }
    }

    fn lone_scenarios() -> u64 {
        scenarios::fitting(Promise::ChildUsesPool).count() as u64
    }

    /// Where time decides, the shares hold in each round, and every source goes on where it was.
    #[test]
    fn a_source_goes_on_in_the_next_round() {
        let all = mix(&Source::USUAL, Amount::Unknown);
        let [scenarios, sweep, exhaustive, random, _] = counts(&all, ROUND + 2 * ROUND);
        assert_eq!((all.total(), scenarios), (None, lone_scenarios()));
        assert!(sweep <= 150 && exhaustive <= 150 && random >= 150, "{sweep} {exhaustive} {random}");
        let given: Vec<_> = (0..600).map(|number| all.place(number)).collect();
        assert_eq!(given.iter().collect::<HashSet<_>>().len(), given.len());
    }

    #[test]
    fn spread_numbers_come_once_each_and_the_first_few_lie_apart() {
        for length in [1, 2, 6, 100, 618, 5040] {
            let all: HashSet<u64> = (0..length).map(|number| spread(number, length)).collect();
            assert_eq!(all, (0..length).collect());
        }
        let mut first: Vec<u64> = (0..10).map(|number| spread(number, 1000)).collect();
        first.sort_unstable();
        assert!(first.windows(2).all(|pair| pair[1] - pair[0] > 40), "{first:?}");
    }
}
