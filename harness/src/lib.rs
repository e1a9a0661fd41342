//! Conformance tests for database connection pools across fork.
//!
//! poolproof generates random interleavings of fork, thread spawn, checkout, query, commit, return, dispose and exit, runs each in
//! real processes against a database server, watches the wire with a tap whose evidence comes from the kernel, and judges the
//! finished history by written rules. The first rule: *no connection is ever used by two processes.*
//!
//! An adapter implements [`Pool`] and [`Connection`]; [`certify::certify`] searches, confirms, shrinks and replays.
//!
//! Data flows one way: [`generate`] → [`execute`] → [`rules`] → [`report`]. A stage may use the types of the stages to its left.

// What an adapter author sees.
#[cfg(feature = "tokio")]
pub mod asynchronous;
pub mod pool;
mod transport;

// Plain data, from left to right.
pub mod history;
pub mod interleaving;
pub mod limits;
pub mod model;
pub mod nonce;
pub mod promise;
pub mod verdict;

// The stages without effects.
pub mod generate;
pub mod report;
pub mod rules;
pub mod shrink;
pub mod situations;

// A pool by name, a server by a word, and what can go wrong around them.
pub mod choice;
mod target;
pub mod trouble;
pub mod words;

// What was found, as a document.
pub mod certificate;

// The stage with effects, and what it stands on. The rest compiles everywhere; this needs Linux.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod agent;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod bench;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod canary;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod certify;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod corpus;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod execute;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod mysql;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod neutral;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod proc;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod role;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod server;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod sql;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod supervisor;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod tap;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod watch;

// The same search, guided by a fuzzer.
#[cfg(all(feature = "fuzz", target_os = "linux", not(poolproof_elsewhere)))]
pub mod fuzz;

// All of it, as the tests of a pool want it.
#[cfg(feature = "suite")]
pub mod suite;

pub use pool::{Config, Connection, Database, Error, ErrorKind, Pool, Rows};
pub use promise::Promise;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub use role::assume as assume_role;
#[cfg(feature = "suite")]
pub use suite::suite;
pub use target::{Program, Target};
pub use transport::{Transport, UnknownTransport};

/// On other systems no process is ever started in a role: poolproof needs Linux.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
pub fn assume_role(_targets: &[Target]) {}
