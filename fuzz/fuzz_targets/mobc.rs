//! Mobc.
#![no_main]

poolproof_fuzz::family!("mobc-postgres", "mobc-*");
