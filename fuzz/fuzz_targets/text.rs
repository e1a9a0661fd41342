//! The parser of the text form, on any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poolproof::fuzz::inside;

fuzz_target!(|bytes: &[u8]| inside::text(bytes));
