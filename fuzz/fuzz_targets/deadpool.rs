//! Deadpool.
#![no_main]

poolproof_fuzz::family!("deadpool-postgres", "deadpool-*");
