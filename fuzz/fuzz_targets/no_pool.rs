//! A connection for each checkout.
#![no_main]

poolproof_fuzz::family!("no-pool", "no-pool-mysql");
