//! The smallest adapter, with the tests of its pool: `cargo run -p poolproof --example smallest`.
//!
//! In a crate of your own this is `tests/poolproof.rs`, with `harness = false` in its `[[test]]`.

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod pool;

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn main() -> std::process::ExitCode {
    use poolproof::Promise::{ExecOnly, ThreadsOnly};

    poolproof::suite::<pool::Smallest>("smallest").promises([ThreadsOnly, ExecOnly]).run()
}

/// The driver of this pool is poolproof's own, and that needs Linux. An adapter of another driver needs no such line.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn main() {}
