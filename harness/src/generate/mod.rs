//! Where interleavings come from. Generators resolve numbers to names with the help of the model; they know no pool and no server.

mod exhaustive;
mod follow;
mod mix;
mod numbered;
mod random;
pub mod scenarios;
pub mod sweep;

use crate::interleaving::{Actor, Op, Step};

use exhaustive::fresh;
pub use exhaustive::{Exhaustive, Menu};
pub use mix::{Amount, DEPTH, Mix, Selection, Source, UnknownSource};
pub use random::{interleavings, nth};

/// A step as generators make it.
fn step(actor: Actor, op: Op) -> Step {
    Step { actor, op }
}
