//! The pool of the crate mysql.
#![no_main]

poolproof_fuzz::family!("mysql");
