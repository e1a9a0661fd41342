//! Hostile bytes: recorded sessions, changed and mixed, for the decoders, the embedded servers and the tap between two sockets;
//! and what the tap does there with ends, floods and replies that it withholds.

mod aims;
mod bounds;
mod chance;
mod ends;
mod faults;
mod floods;
mod heap;
mod held;
mod mutated;
mod mutation;
mod recording;
mod sockets;
mod stalls;
mod through;
mod two_writers;

/// How much is looked at: for every change, or in the night (`POOLPROOF_NIGHTLY=1`).
fn scaled(every_change: usize, nightly: usize) -> usize {
    if std::env::var_os("POOLPROOF_NIGHTLY").is_some_and(|value| value == "1") { nightly } else { every_change }
}

/// Says which attempt it was if the test ends in it, so that it can be made again.
struct Attempt<'a>(&'a str, usize);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was attempt {} of '{}', with the seed {:#x}", self.1, self.0, chance::SEED);
        }
    }
}
