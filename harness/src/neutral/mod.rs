//! The neutral drivers: for pool crates that bring no driver of their own, and for finding out who is to blame.
//!
//! A neutral driver does what any driver does in the process that opened the connection. In any other process it says
//! nothing: it closes its descriptor and writes no byte. A pool that fails with it fails by its own fault; a failure that
//! disappears with it was the driver's.
//!
//! [`Generation`] is how it notices a fork, and is public because a pool that is to survive one needs the same.

mod generation;
pub mod postgres;

pub use generation::Generation;
