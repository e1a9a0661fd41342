//! Where interleavings come from. Generators resolve numbers to names with the help of the model; they know no pool and no server.

mod exhaustive;
mod follow;
mod mix;
mod numbered;
mod random;
pub mod scenarios;
pub mod sweep;

use exhaustive::fresh;
pub use exhaustive::{Exhaustive, Menu};
pub use mix::{Amount, DEPTH, Mix, Selection, Source, UnknownSource};
pub use random::{interleavings, nth};
