//! Every interleaving of an enumeration, by number: whoever wants the last one does not make all those before it.

use super::exhaustive::{Exhaustive, Place};
use crate::interleaving::Interleaving;

/// From one remembered place to the next there are so many interleavings.
const STRIDE: u64 = 64;

/// An enumeration with places remembered in it. It has been counted.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    start: Exhaustive,
    places: Vec<Place>,
    total: u64,
}

impl Numbered {
    /// Goes through the whole enumeration once.
    pub(super) fn new(start: Exhaustive) -> Self {
        let (mut walk, mut places, mut total) = (start.clone(), Vec::new(), 0);
        loop {
            if total % STRIDE == 0 {
                places.push(walk.place());
            }
            match walk.pass((STRIDE - total % STRIDE) as usize) {
                0 => return Self { start, places, total },
                passed => total += passed as u64,
            }
        }
    }

    /// How many there are.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The interleaving of a number.
    pub(super) fn nth(&self, number: u64) -> Option<Interleaving> {
        let place = self.places.get(usize::try_from(number / STRIDE).ok()?)?;
        self.start.at(place).nth((number % STRIDE) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::exhaustive::Menu;
    use super::*;
    use crate::promise::Promise;

    /// A case that is confirmed must be the one that was searched.
    #[test]
    fn a_number_gives_what_the_enumeration_gives_there() {
        let all = Exhaustive::new(Promise::ChildUsesPool, 1, 4, Menu::usual(Promise::ChildUsesPool));
        let numbered = Numbered::new(all.clone());
        let mut count = 0;
        for (number, interleaving) in (0..).zip(all) {
            assert_eq!(numbered.nth(number), Some(interleaving));
            count += 1;
        }
        assert_eq!((numbered.total(), numbered.nth(count)), (count, None));
    }
}
