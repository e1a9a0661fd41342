//! Random numbers that come back: each attempt has its own, from a fixed seed and its number.

/// What all numbers follow from.
pub(super) const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// splitmix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators".
pub(super) struct Chance(u64);

impl Chance {
    /// The numbers of one attempt.
    pub(super) fn of(attempt: usize) -> Self {
        let mut chance = Self(SEED ^ u64::try_from(attempt).unwrap());
        Self(chance.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    /// One of them.
    pub(super) fn of_these<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
