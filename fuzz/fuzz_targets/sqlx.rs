//! The pools of sqlx.
#![no_main]

poolproof_fuzz::family!("sqlx-postgres", "sqlx-*");
