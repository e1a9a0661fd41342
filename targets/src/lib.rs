//! The pools that poolproof judges.
//!
//! | module | what |
//! | --- | --- |
//! | [`r2d2_postgres`] | the crate r2d2 with the driver postgres |
//! | [`r2d2_mysql`] | the crate r2d2 with the driver mysql |
//! | [`mysql_pool`] | the pool of the crate mysql |
//! | [`no_pool`] | a connection for each checkout, with postgres or mysql |
//! | [`r2d2_neutral`], [`bb8_neutral`], [`deadpool_neutral`], [`mobc_neutral`] | pools without their drivers, to tell who is to blame |
//! | [`deadpool_postgres`], [`bb8_postgres`], [`mobc_postgres`] | three pools over the driver tokio_postgres |
//! | [`sqlx_postgres`], [`sqlx_mysql`] | the pools of the crate sqlx |
//! | [`mod@mysql_async`] | the pool of the crate mysql_async |
//! | `diesel_r2d2` | diesel over r2d2 and C clients (feature `diesel`) |
//! | `diesel_bb8`, `diesel_deadpool` | diesel-async over two pools (feature `diesel-async`) |
//! | `around_the_tap` | a pool that cannot be judged, to prove that this is noticed |
//! | `agreement` | what may differ between embedded and real servers |
//! | [`documented`] | what is written about fork, word by word |
//! | [`findings`] | the lines of the pools' sources that are known to break a rule |
//! | [`python`] | pools in Python, which an agent in Python runs |
//! | [`mod@reference`] | a pool that is correct, and mutants of it with one defect each: the harness's own controls |
//! | [`symptoms`] | what people see, and what is behind it |
//! | [`mod@refusing`] | a pool that is correct in another way: it serves no child |
//! | [`versions`] | which version of which crate each pool runs |
//!
//! An adapter knows its crate and the two traits of the library, and nothing of how it will be judged.

use poolproof::Target;
use poolproof::interleaving::{Interleaving, ParseError, parse};
use poolproof::promise::Terms;

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod agreement;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod around_the_tap;
#[cfg(all(feature = "pools", target_os = "linux", not(poolproof_elsewhere)))]
pub mod bb8_neutral;
#[cfg(feature = "pools")]
pub mod bb8_postgres;
#[cfg(all(feature = "pools", target_os = "linux", not(poolproof_elsewhere)))]
pub mod deadpool_neutral;
#[cfg(feature = "pools")]
pub mod deadpool_postgres;
#[cfg(feature = "diesel-async")]
pub mod diesel_bb8;
#[cfg(feature = "diesel-async")]
pub mod diesel_deadpool;
#[cfg(feature = "diesel")]
pub mod diesel_r2d2;
pub mod documented;
pub mod findings;
#[cfg(all(feature = "pools", target_os = "linux", not(poolproof_elsewhere)))]
pub mod mobc_neutral;
#[cfg(feature = "pools")]
pub mod mobc_postgres;
#[cfg(feature = "pools")]
pub mod mysql_async;
pub mod mysql_pool;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod neutral_session;
pub mod no_pool;
#[cfg(feature = "pools")]
mod on_runtimes;
#[cfg(any(feature = "diesel", feature = "diesel-async"))]
mod over_diesel;
#[cfg(feature = "diesel-async")]
mod over_diesel_async;
#[cfg(feature = "pools")]
mod over_tokio_postgres;
pub mod python;
pub mod r2d2_mysql;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod r2d2_neutral;
pub mod r2d2_postgres;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod reference;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub mod refusing;
#[cfg(feature = "pools")]
pub mod sqlx_mysql;
#[cfg(feature = "pools")]
pub mod sqlx_postgres;
pub mod symptoms;
pub mod versions;

/// A pool with a planted defect, and what must find it.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The pool.
    pub target: Target,
    /// The rule that it breaks first.
    pub rule: &'static str,
    /// A smallest promise under which it does, and whether connections must be returned dirty for it.
    pub terms: Terms,
    /// It shows only where something happens while another is inside an operation.
    pub inside: bool,
    /// It shows only where the server refuses or breaks off sessions.
    pub faulty: bool,
    /// The size of the pool and the steps of a shortest interleaving in which it shows.
    steps: (u32, &'static str),
}

impl Mutant {
    /// A shortest interleaving in which its defect shows, as it was thought out.
    ///
    /// # Errors
    /// A typo; a test finds it.
    pub fn story(&self) -> Result<Interleaving, ParseError> {
        let (max_size, steps) = self.steps;
        parse(&format!("pool max_size={max_size}\npromise {}\n{}\n", self.terms, steps.replace("; ", "\n")))
    }
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
    let sync = Vec::from([
        Target::of::<r2d2_postgres::R2d2Postgres>("r2d2-postgres", "r2d2 0.8 with r2d2_postgres 0.18"),
        Target::of::<r2d2_mysql::R2d2Mysql>("r2d2-mysql", "r2d2 0.8 with r2d2_mysql 28")
            .sharing("r2d2-postgres")
            .prepared_by(mysql_pool::compile_patterns),
        Target::of::<mysql_pool::MysqlPool>("mysql", "mysql::Pool 28").prepared_by(mysql_pool::compile_patterns),
        Target::of::<no_pool::NoPool<postgres::Client>>("no-pool", "no pool, a connection of postgres 0.19 for each checkout"),
        Target::of::<no_pool::NoPool<::mysql::Conn>>("no-pool-mysql", "no pool, a connection of mysql 28 for each checkout")
            .sharing("no-pool")
            .prepared_by(mysql_pool::compile_patterns),
    ]);
    sync.into_iter().chain(diesel()).chain(neutral()).chain(asynchronous()).chain(correct()).collect()
}

/// The pools over C clients.
#[cfg(feature = "diesel")]
fn diesel() -> Vec<Target> {
    use ::diesel::{MysqlConnection, PgConnection};
    use diesel_r2d2::DieselR2d2;

    Vec::from([
        Target::of::<DieselR2d2<PgConnection>>("diesel-postgres", "diesel 2.3 with r2d2 0.8, over libpq"),
        Target::of::<DieselR2d2<MysqlConnection>>("diesel-mysql", "diesel 2.3 with r2d2 0.8, over libmariadb or libmysqlclient"),
    ])
    .into_iter()
    .map(|target| target.sharing("r2d2-postgres"))
    .collect()
}

/// None: this build is without them.
#[cfg(not(feature = "diesel"))]
fn diesel() -> Vec<Target> {
    Vec::new()
}

/// The same pools without their drivers.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn neutral() -> Vec<Target> {
    use poolproof::neutral::{MySql, Postgres};
    use r2d2_neutral::R2d2Neutral;

    Vec::from([
        Target::of::<R2d2Neutral<Postgres>>("r2d2-neutral", "r2d2 0.8 with the neutral driver").sharing("r2d2-postgres"),
        Target::of::<R2d2Neutral<MySql>>("r2d2-neutral-mysql", "r2d2 0.8 with the neutral driver").sharing("r2d2-postgres"),
    ])
}

/// The same pool over the neutral driver, where poolproof has it: what it breaks too is not its driver's.
pub fn without_its_driver(pool: &str) -> Option<Target> {
    let (name, threads) = pool.strip_suffix("-mt").map_or((pool, ""), |name| (name, "-mt"));
    let other = match name {
        "r2d2-postgres" | "diesel-postgres" => "r2d2-neutral",
        "r2d2-mysql" | "diesel-mysql" => "r2d2-neutral-mysql",
        "deadpool-postgres" | "deadpool-verified" | "deadpool-clean" | "diesel-deadpool-postgres" => "deadpool-neutral",
        "diesel-deadpool-mysql" => "deadpool-neutral-mysql",
        "bb8-postgres" | "diesel-bb8-postgres" => "bb8-neutral",
        "diesel-bb8-mysql" => "bb8-neutral-mysql",
        "mobc-postgres" => "mobc-neutral",
        _ => return None,
    };
    pools().into_iter().find(|target| target.name() == format!("{other}{threads}"))
}

/// None: the neutral driver needs Linux.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn neutral() -> Vec<Target> {
    Vec::new()
}

/// The pools that need a runtime.
#[cfg(feature = "pools")]
fn asynchronous() -> Vec<Target> {
    on_runtimes::pools()
}

/// None: this build is without them.
#[cfg(not(feature = "pools"))]
fn asynchronous() -> Vec<Target> {
    Vec::new()
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
    .into_iter()
    .map(Target::that_repeats)
    .collect()
}

/// None: they need Linux.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
pub fn correct() -> Vec<Target> {
    Vec::new()
}

/// The reference pool with one defect each, on either database.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
pub fn mutants() -> Vec<Mutant> {
    use poolproof::neutral::{MySql, Postgres};
    use reference::defect::{self, Note, Plant};
    use reference::{Mutant as Planted, ReferencePool, story};

    let mutant = |plant: &Plant, target| Mutant {
        target,
        rule: plant.rule,
        terms: plant.terms(),
        inside: plant.has(Note::Inside),
        faulty: plant.has(Note::Fault),
        steps: story::steps(plant.defect),
    };
    let of = |(number, plant): (u16, &Plant)| {
        let [name, name_on_mysql] = plant.names;
        let on_postgres = Target::variant::<ReferencePool<Postgres, Planted>>(name, plant.about, defect::choose, number);
        let on_mysql = Target::variant::<ReferencePool<MySql, Planted>>(name_on_mysql, plant.about, defect::choose, number);
        let on_mysql = (!plant.has(Note::PostgresOnly)).then_some(on_mysql);
        [Some(on_postgres), on_mysql].into_iter().flatten().map(|target| mutant(plant, target)).collect::<Vec<_>>()
    };
    (0..).zip(defect::ALL).flat_map(of).collect()
}

/// None: the reference pool needs Linux.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
pub fn mutants() -> Vec<Mutant> {
    Vec::new()
}

#[cfg(all(test, target_os = "linux", not(poolproof_elsewhere)))]
mod tests {
    use poolproof::interleaving::Op;

    /// `RULES.md` names a mutant for each rule.
    #[test]
    fn the_mutant_that_a_rule_names_was_planted_for_it() {
        let mutants = super::mutants();
        for rule in poolproof::rules::ALL {
            let named = mutants.iter().find(|mutant| mutant.target.name() == rule.mutant);
            assert_eq!(named.map(|mutant| mutant.rule), Some(rule.id), "{} names {}", rule.id, rule.mutant);
        }
    }

    #[test]
    fn whoever_shares_the_code_of_a_pool_names_the_first_of_its_kind() {
        let pools = super::pools();
        for pool in &pools {
            let Some(shared) = pool.shared() else { continue };
            let first = pools.iter().find(|other| other.name() == shared);
            assert!(first.is_some_and(|first| first.shared().is_none()), "{pool:?}");
        }
    }

    #[test]
    fn who_is_to_blame_is_found_out_with_a_pool_of_the_same_kind() {
        for pool in super::pools() {
            let Some(other) = super::without_its_driver(pool.name()) else { continue };
            let kind = |target: &poolproof::Target| target.shared().unwrap_or(target.name()).split('-').next().map(str::to_owned);
            assert_eq!((kind(&other), other.database()), (kind(&pool), pool.database()), "{pool:?}");
        }
        assert!(super::without_its_driver("r2d2-postgres").is_some() && super::without_its_driver("mysql").is_none());
        assert_eq!(super::without_its_driver("bb8-postgres-mt").map(|other| other.name()), Some("bb8-neutral-mt"));
    }

    #[test]
    fn every_mutant_has_a_story_and_only_those_inside_an_operation_stall() {
        for mutant in super::mutants() {
            let story = mutant.story().unwrap_or_else(|typo| panic!("{mutant:?}: {typo}"));
            let stalls = story.steps.iter().any(|step| step.stall.is_some());
            assert_eq!(stalls, mutant.inside, "{mutant:?}");
            assert!(matches!(story.steps[0].op, Op::Open(_)), "{mutant:?}");
        }
    }
}
