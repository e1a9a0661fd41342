//! Where interleavings come from. Generators resolve numbers to names with the help of the model; they know no pool and no server.

mod random;

pub use random::{interleavings, nth};
