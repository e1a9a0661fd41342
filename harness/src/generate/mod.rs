//! Where interleavings come from. Generators resolve numbers to names with the help of the model; they know no pool and no server.

mod exhaustive;
pub(crate) mod follow;
mod mix;
mod numbered;
pub(crate) mod random;
pub mod scenarios;
mod shard;
mod source;
pub mod sweep;

use exhaustive::fresh;
pub use exhaustive::{Exhaustive, Menu};
pub use mix::Mix;
pub use random::{interleavings, nth, nth_faulty};
pub use shard::Shard;
pub use source::{Amount, DEPTH, Selection, Source, UnknownSource};
