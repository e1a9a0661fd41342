//! The pool of the crate mysql_async.
#![no_main]

poolproof_fuzz::family!("mysql-async", "mysql-async-mt");
