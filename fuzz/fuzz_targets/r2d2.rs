//! R2d2.
#![no_main]

poolproof_fuzz::family!("r2d2-postgres", "r2d2-mysql", "r2d2-neutral", "r2d2-neutral-mysql");
