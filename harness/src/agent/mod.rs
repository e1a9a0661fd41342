//! The process under test. It does what it is told, with the pool that it was built with, and judges nothing.
//!
//! It is the supervisor's own program, executed again: [`crate::role`] decides that before anything else runs. The zygote is
//! single-threaded and has opened no pool; it forks a fresh process for each case.

mod actor;
mod birth;
mod control;
pub(crate) mod protocol;
mod shared;
pub(crate) mod successor;
mod zygote;

pub(crate) use zygote::main;
