//! Many small choices out of one number.

/// Gives the same numbers whenever it starts from the same one.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(choice: u64) -> Self {
        Self(choice)
    }

    /// A number below `sides`; 0 if there are none.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        // SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % (sides.max(1) as u64)) as usize
    }

    /// One time of so many.
    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    /// One of them; `None` if there are none.
    pub(crate) fn pick<T: Copy>(&mut self, things: &[T]) -> Option<T> {
        things.get(self.below(things.len())).copied()
    }
}
