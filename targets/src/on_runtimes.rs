//! The pools that need a runtime, by name: each on one without threads, and (`-mt`) on one with threads.

use poolproof::Target;
use poolproof::asynchronous::{AsyncPool, CurrentThread, MultiThread, OnRuntime};

use crate::bb8_postgres::Bb8Postgres;
use crate::deadpool_postgres::{Clean, DeadpoolPostgres, Fast, Verified};
use crate::mobc_postgres::MobcPostgres;
use crate::mysql_async::MysqlAsync;
use crate::mysql_pool;
use crate::sqlx_mysql::SqlxMySql;
use crate::sqlx_postgres::SqlxPostgres;

/// A pool on either runtime.
type Pair = [Target; 2];

macro_rules! pair {
    ($pool:ty, $name:literal, $about:literal) => {
        pair::<$pool>($name, concat!($name, "-mt"), $about, concat!($about, ", with threads"))
    };
}

/// All of them.
pub(crate) fn pools() -> Vec<Target> {
    let deadpool = pair!(DeadpoolPostgres<Fast>, "deadpool-postgres", "deadpool-postgres 0.14, recycling fast");
    let verified = pair!(DeadpoolPostgres<Verified>, "deadpool-verified", "deadpool-postgres 0.14, recycling verified");
    let clean = pair!(DeadpoolPostgres<Clean>, "deadpool-clean", "deadpool-postgres 0.14, recycling clean");
    let bb8 = pair!(Bb8Postgres, "bb8-postgres", "bb8 0.9 with bb8-postgres 0.9");
    let mobc = pair!(MobcPostgres, "mobc-postgres", "mobc 0.9 with mobc-postgres 0.9");
    let sqlx = pair!(SqlxPostgres, "sqlx-postgres", "sqlx::PgPool 0.9");
    let sqlx_mysql = pair!(SqlxMySql, "sqlx-mysql", "sqlx::MySqlPool 0.9");
    let mysql_async = pair!(MysqlAsync, "mysql-async", "mysql_async::Pool 0.37");
    let mysql_async = mysql_async.map(|target| target.prepared_by(mysql_pool::compile_patterns));
    let driven = [
        deadpool,
        sharing("deadpool-postgres", verified),
        sharing("deadpool-postgres", clean),
        bb8,
        mobc,
        sqlx,
        sharing("sqlx-postgres", sqlx_mysql),
        mysql_async,
    ];
    driven.into_iter().chain(diesel()).chain(neutral()).flatten().collect()
}

/// Those over diesel-async.
#[cfg(feature = "diesel-async")]
fn diesel() -> Vec<Pair> {
    use diesel_async::{AsyncMysqlConnection, AsyncPgConnection};

    use crate::diesel_bb8::DieselBb8;
    use crate::diesel_deadpool::DieselDeadpool;

    let bb8 = pair!(DieselBb8<AsyncPgConnection>, "diesel-bb8-postgres", "diesel-async 0.9 over bb8 0.9");
    let bb8_mysql = pair!(DieselBb8<AsyncMysqlConnection>, "diesel-bb8-mysql", "diesel-async 0.9 over bb8 0.9");
    let deadpool = pair!(DieselDeadpool<AsyncPgConnection>, "diesel-deadpool-postgres", "diesel-async 0.9 over deadpool 0.13");
    let deadpool_mysql =
        pair!(DieselDeadpool<AsyncMysqlConnection>, "diesel-deadpool-mysql", "diesel-async 0.9 over deadpool 0.13");
    Vec::from([
        sharing("bb8-postgres", bb8),
        sharing("bb8-postgres", bb8_mysql),
        sharing("deadpool-postgres", deadpool),
        sharing("deadpool-postgres", deadpool_mysql),
    ])
}

/// None: this build is without them.
#[cfg(not(feature = "diesel-async"))]
fn diesel() -> Vec<Pair> {
    Vec::new()
}

/// Those that bring no driver, with the neutral one.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn neutral() -> Vec<Pair> {
    use poolproof::neutral::{MySql, Postgres};

    use crate::bb8_neutral::Bb8Neutral;
    use crate::deadpool_neutral::DeadpoolNeutral;
    use crate::mobc_neutral::MobcNeutral;

    let deadpool = pair!(DeadpoolNeutral<Postgres>, "deadpool-neutral", "deadpool 0.13 with the neutral driver");
    let deadpool_mysql = pair!(DeadpoolNeutral<MySql>, "deadpool-neutral-mysql", "deadpool 0.13 with the neutral driver");
    let bb8 = pair!(Bb8Neutral<Postgres>, "bb8-neutral", "bb8 0.9 with the neutral driver");
    let bb8_mysql = pair!(Bb8Neutral<MySql>, "bb8-neutral-mysql", "bb8 0.9 with the neutral driver");
    let mobc = pair!(MobcNeutral<Postgres>, "mobc-neutral", "mobc 0.9 with the neutral driver");
    let mobc_mysql = pair!(MobcNeutral<MySql>, "mobc-neutral-mysql", "mobc 0.9 with the neutral driver");
    Vec::from([
        sharing("deadpool-postgres", deadpool),
        sharing("deadpool-postgres", deadpool_mysql),
        sharing("bb8-postgres", bb8),
        sharing("bb8-postgres", bb8_mysql),
        sharing("mobc-postgres", mobc),
        sharing("mobc-postgres", mobc_mysql),
    ])
}

/// None: the neutral driver needs Linux.
#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn neutral() -> Vec<Pair> {
    Vec::new()
}

fn pair<P: AsyncPool>(name: &'static str, threaded: &'static str, about: &'static str, threads: &'static str) -> Pair {
    let plain = Target::of::<OnRuntime<P, CurrentThread>>(name, about);
    [plain, Target::of::<OnRuntime<P, MultiThread>>(threaded, threads).sharing(name)]
}

fn sharing(name: &'static str, pair: Pair) -> Pair {
    pair.map(|target| target.sharing(name))
}
