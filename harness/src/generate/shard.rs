//! A part of all interleavings, for one of several machines.

use std::fmt;

/// One of several parts of a search, which together are the whole: of so many interleavings in a row one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub(crate) at: u64,
    pub(crate) of: u64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { at: 1, of: 1 };

    /// Part `at` of `of`, counted from one; `None` if there is no such part.
    pub fn new(at: u64, of: u64) -> Option<Self> {
        (1..=of).contains(&at).then_some(Self { at, of })
    }

    /// The number in the whole of the interleaving with this number in the part.
    pub fn number(self, nth: u64) -> u64 {
        nth * self.of + self.at - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.at, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_and_together_the_whole() {
        let numbers = |at| (0..4).map(move |nth| Shard::new(at, 3).expect("a part").number(nth));
        let mut all: Vec<u64> = (1..=3).flat_map(numbers).collect();
        all.sort_unstable();
        assert_eq!(all, (0..12).collect::<Vec<_>>());
        assert_eq!(Shard::WHOLE.number(7), 7);
        assert!(Shard::new(0, 3).is_none() && Shard::new(4, 3).is_none());
    }
}
