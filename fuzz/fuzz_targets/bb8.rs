//! Bb8.
#![no_main]

poolproof_fuzz::family!("bb8-postgres", "bb8-*");
