//! What the targets share.

pub use poolproof;

/// The target of a family of pools. The first is judged unless `POOLPROOF_FUZZ_POOL` names another one; one that ends in `*` stands for
/// all that begin so.
#[macro_export]
macro_rules! family {
    ($($pool:literal),+) => {
        use $crate::poolproof::fuzz;

        libfuzzer_sys::fuzz_target!(
            init: fuzz::begin(&[$($pool),+], env!("CARGO_MANIFEST_DIR")),
            |input: fuzz::Input| fuzz::execute(&input)
        );

        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::put(&fuzz::next(&data[..size], seed, max_size), data)
        });

        libfuzzer_sys::fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
            $crate::put(&fuzz::joined(one, other, seed, out.len()), out)
        });
    };
}

/// Copies what was made to where libFuzzer wants it, and gives its length.
pub fn put(made: &[u8], to: &mut [u8]) -> usize {
    let length = made.len().min(to.len());
    to[..length].copy_from_slice(&made[..length]);
    length
}
