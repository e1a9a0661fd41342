//! Whose session is it?

mod bytes;
mod descriptors;
mod meddling;
mod randomness;
mod statements;

pub(super) use bytes::{OWN_1, foreign_writes, inherits};
pub(super) use descriptors::OWN_5;
pub(super) use meddling::OWN_3;
pub(super) use randomness::OWN_4;
pub(super) use statements::OWN_2;
