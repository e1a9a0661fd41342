//! The pools that poolproof judges.
//!
//! | module | what |
//! | --- | --- |
//! | [`r2d2_postgres`] | the crate r2d2 with the driver postgres |
//! | [`r2d2_mysql`] | the crate r2d2 with the driver mysql |
//! | [`mysql_pool`] | the pool of the crate mysql |
//! | `around_the_tap` | a pool that cannot be judged, to prove that this is noticed |
//! | `agreement` | what may differ between embedded and real servers |
//! | [`python`] | pools in Python, which an agent in Python runs |
//! | [`mod@reference`] | a pool that is correct, and mutants of it with one defect each: the harness's own controls |
//! | [`mod@refusing`] | a pool that is correct in another way: it serves no child |
//!
//! An adapter knows its crate and the two traits of the library, and nothing of how it will be judged.

use poolproof::{Promise, Target};

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod agreement;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod around_the_tap;
pub mod mysql_pool;
pub mod python;
pub mod r2d2_mysql;
pub mod r2d2_postgres;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod reference;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod refusing;

/// A pool with a planted defect, and what must find it.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The pool.
    pub target: Target,
    /// The rule that it breaks first.
    pub rule: &'static str,
    /// A promise under which it does.
    pub promise: Promise,
}

/// Every pool that is known by name: [`pools`], then the targets of [`mutants`], then what nobody certifies.
pub fn all() -> Vec<Target> {
    let mutants = mutants().into_iter().map(|mutant| mutant.target);
    pools().into_iter().chain(mutants).chain(unjudged()).collect()
}

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn unjudged() -> Option<Target> {
    Some(Target::of::<around_the_tap::AroundTheTap>(around_the_tap::NAME, "connects to the server itself"))
}

#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn unjudged() -> Option<Target> {
    None
}

/// The pools that are certified when none is named.
pub fn pools() -> Vec<Target> {
    Vec::from([
        Target::of::<r2d2_postgres::R2d2Postgres>("r2d2-postgres", "r2d2 0.8 with r2d2_postgres 0.18"),
        Target::of::<r2d2_mysql::R2d2Mysql>("r2d2-mysql", "r2d2 0.8 with r2d2_mysql 28"),
        Target::of::<mysql_pool::MysqlPool>("mysql", "mysql::Pool 28"),
    ])
    .into_iter()
    .chain(correct())
    .collect()
}

/// The pools that pass every rule, whatever the application does.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub fn correct() -> Vec<Target> {
    use poolproof::neutral::{MySql, Postgres};
    use reference::ReferencePool;
    use refusing::RefusingPool;

    Vec::from([
        Target::of::<ReferencePool<Postgres>>("reference", "a correct pool, for PostgreSQL"),
        Target::of::<ReferencePool<MySql>>("reference-mysql", "a correct pool, for MySQL and MariaDB"),
        Target::of::<RefusingPool<Postgres>>("refusing", "a correct pool that serves no child, for PostgreSQL"),
        Target::of::<RefusingPool<MySql>>("refusing-mysql", "a correct pool that serves no child, for MySQL and MariaDB"),
    ])
}

/// None: they need Linux.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
pub fn correct() -> Vec<Target> {
    Vec::new()
}

/// The reference pool with one defect each, on either database.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub fn mutants() -> Vec<Mutant> {
    use poolproof::neutral::{Driver, MySql, Postgres};
    use reference::{CountersCopied, Goodbye, GuardOnlyAtCheckout, NoGuard, Planted, ReferencePool};

    fn mutant<D: Driver, P: Planted>(name: &'static str, about: &'static str, rule: &'static str) -> Mutant {
        Mutant { target: Target::of::<ReferencePool<D, P>>(name, about), rule, promise: Promise::ChildUsesPool }
    }
    macro_rules! mutants {
        ($($defect:ident: $name:literal, $about:literal, $rule:literal;)*) => {
            Vec::from([$(
                mutant::<Postgres, $defect>($name, $about, $rule),
                mutant::<MySql, $defect>(concat!($name, "-mysql"), $about, $rule),
            )*])
        };
    }
    mutants! {
        NoGuard: "mutant-no-guard", "the fork is never noticed", "OWN-1";
        GuardOnlyAtCheckout: "mutant-guard-at-checkout", "inherited checkouts are taken back in a child", "OWN-1";
        Goodbye: "mutant-goodbye", "a child says goodbye on what it inherited", "OWN-1";
        CountersCopied: "mutant-counters-copied", "a child inherits its parent's count of connections", "LIV-2";
    }
}

/// None: the reference pool needs Linux.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
pub fn mutants() -> Vec<Mutant> {
    Vec::new()
}
