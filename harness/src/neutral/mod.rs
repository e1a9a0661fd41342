//! The neutral drivers: for pool crates that bring no driver of their own, and for finding out who is to blame.
//!
//! A neutral driver does what any driver does in the process that opened the connection. In any other process it says
//! nothing: it closes its descriptor and writes no byte. A pool that fails with it fails by its own fault; a failure that
//! disappears with it was the driver's.
//!
//! There are two, [`Postgres`] and [`MySql`], and what a pool is given of either is a [`Connection`]. What they do about fork is in two
//! places for both: [`Connection`] asks before it speaks, and the login draws fresh random numbers.
//!
//! [`Generation`] is how they notice a fork, and is public because a pool that is to survive one needs the same.

mod connection;
mod driver;
mod generation;
mod line;
pub mod mysql;
pub mod postgres;
#[cfg(feature = "tls")]
mod tls;

pub use connection::Connection;
pub use driver::{Driver, Status};
pub use generation::Generation;
pub use mysql::MySql;
pub use postgres::Postgres;
