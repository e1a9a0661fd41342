//! MySQL's frames, as the tap reads them, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolproof::Database;
use poolproof::fuzz::inside;

fuzz_target!(|bytes: &[u8]| inside::wire(Database::MySql, bytes));
