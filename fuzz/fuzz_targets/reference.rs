//! The correct pools: whatever is found is a defect of the harness.
#![no_main]

poolproof_fuzz::family!("reference", "reference-mysql", "refusing", "refusing-mysql");
