//! The reference pool with one planted defect.
#![no_main]

poolproof_fuzz::family!("mutant-goodbye", "mutant-*");
