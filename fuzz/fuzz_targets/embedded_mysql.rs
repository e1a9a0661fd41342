//! The embedded MySQL server, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolproof::Database;
use poolproof::fuzz::inside;

fuzz_target!(|bytes: &[u8]| inside::embedded(Database::MySql, bytes));
