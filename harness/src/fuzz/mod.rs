//! The search that libFuzzer guides: bytes as interleavings, a mutator of whole steps, what guides it, and findings on disk.
//!
//! The process that libFuzzer runs in is the coordinator and nothing else: supervisor and agents are another program, the ordinary
//! `poolproof`, so that no hook, signal setting or thread of the fuzzer reaches a pool. This knows no target by type, only by name.

pub mod bytes;
mod counters;
mod findings;
pub mod inside;
mod mutate;
mod session;
mod settings;
mod signals;
mod tally;
mod way;
mod worker;

pub use bytes::{decode, encode};
pub use session::{Input, begin, execute, joined, next};
pub use settings::database_of;
