//! The pools in Python, which `targets/python/agent.py` runs: their names, and what starts them.
//!
//! The files are part of the program, so that it has them wherever it is installed; which Python runs them is said from outside.

use poolproof::{Database, Program, Target};

/// A kind of pool: the middle of its name, and what it is.
const KINDS: &[(&str, &str)] = &[
    ("queuepool", "QueuePool; the hook is dispose(close=False)"),
    ("nullpool", "NullPool"),
    ("staticpool", "StaticPool"),
    ("singletonthreadpool", "SingletonThreadPool"),
    ("preping", "QueuePool with pool_pre_ping"),
    ("noreset", "QueuePool with pool_reset_on_return=None"),
    ("dispose-in-child", "QueuePool; the hook is dispose()"),
    ("invalidate-in-child", "QueuePool; the hook invalidates what is checked out"),
    ("multiprocessing", "QueuePool, with children of multiprocessing, by fork"),
    ("spawn", "QueuePool, with children of multiprocessing, by spawn"),
    ("guard", "QueuePool with the documented guard on the pid"),
    ("guard-of-then", "QueuePool with that guard as it was once documented"),
    ("guard-preping", "QueuePool with that guard and pool_pre_ping"),
    ("engine-per-call", "an engine for each checkout"),
    ("session", "a Session for each checkout, from a sessionmaker"),
    ("rebound-session", "a Session for each checkout, which is rebound and never closed"),
    ("lent-session", "a Session for each checkout; who hands one to another thread goes on with it"),
    ("scoped-session", "the Session of the thread, from a scoped_session"),
    ("shared-session", "one Session for all checkouts"),
];

/// A driver: the end of a pool's name, what it speaks, and the package that it is in.
const DRIVERS: &[(&str, Database, &str)] = &[
    ("psycopg2", Database::Postgres, "psycopg2"),
    ("psycopg", Database::Postgres, "psycopg"),
    ("pymysql", Database::MySql, "PyMySQL"),
    ("mysqlclient", Database::MySql, "mysqlclient"),
    ("mysqlconnector", Database::MySql, "mysql-connector-python"),
];

/// The packages that the pools need, each with its version.
pub const REQUIREMENTS: &str = include_str!("../python/requirements.txt");

const FILES: &[(&str, &str)] = &[
    (AGENT, include_str!("../python/agent.py")),
    ("agent_children.py", include_str!("../python/agent_children.py")),
    ("pools.py", include_str!("../python/pools.py")),
    ("pools_psycopg.py", include_str!("../python/pools_psycopg.py")),
    ("pools_checkouts.py", include_str!("../python/pools_checkouts.py")),
    ("pools_drivers.py", include_str!("../python/pools_drivers.py")),
];

const AGENT: &str = "agent.py";

/// A pool in Python that is known by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name: `sqlalchemy-queuepool-psycopg2`.
    pub name: String,
    /// What it is.
    pub about: String,
    /// What its driver speaks.
    pub database: Database,
    /// The packages that it needs.
    pub packages: Vec<&'static str>,
}

/// Every pool in Python that is known by name.
pub fn known() -> Vec<Known> {
    let with = |(kind, about): &(&str, &str), (driver, database, package): &(&str, Database, &'static str)| Known {
        name: format!("sqlalchemy-{kind}-{driver}"),
        about: format!("SQLAlchemy and {driver}: {about}"),
        database: *database,
        packages: vec![SQLALCHEMY, *package],
    };
    let psycopg_pool = Known {
        name: "psycopg-pool".to_owned(),
        about: "psycopg_pool's ConnectionPool".to_owned(),
        database: Database::Postgres,
        packages: vec![SQLALCHEMY, "psycopg", "psycopg-pool"],
    };
    DRIVERS.iter().flat_map(|driver| KINDS.iter().map(move |kind| with(kind, driver))).chain([psycopg_pool]).collect()
}

/// Those that are compared with one another: every cure with every driver, and what the cures do not differ in with one driver for each
/// database.
pub fn compared() -> Vec<Known> {
    let is_compared = |known: &Known| match known.name.strip_prefix("sqlalchemy-").and_then(|name| name.rsplit_once('-')) {
        None => true,
        // Each of its children is an interpreter of its own, which takes a second to start, and inherits nothing.
        Some(("spawn", driver)) => driver == "psycopg2",
        Some((kind, driver)) if WITHOUT_CURE.contains(&kind) => ["psycopg2", "mysqlclient"].contains(&driver),
        Some(_) => true,
    };
    known().into_iter().filter(is_compared).collect()
}

/// Kinds that tell something of sessions and engines, and nothing of a cure.
const WITHOUT_CURE: &[&str] =
    &["engine-per-call", "session", "rebound-session", "lent-session", "scoped-session", "shared-session"];

/// The agent has it loaded, whatever the pool.
pub const SQLALCHEMY: &str = "SQLAlchemy";

/// The target of one of them, run by that interpreter.
pub fn target(known: &Known, python: &str) -> Target {
    Target::of_program(&known.name, &known.about, known.database, program(python, &[]))
}

/// The target of a pool of somebody's own: a class or an engine that has a name in a file. `place` is `FILE:NAME`.
pub fn own_target(name: &str, place: &str, database: Database, python: &str) -> Target {
    Target::of_program(name, place, database, program(python, &[place]))
}

fn program(python: &str, words: &[&str]) -> Program {
    let argv = [python, AGENT].iter().chain(words).map(|word| (*word).to_owned()).collect();
    let files = FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    // The order of a set of words is the same in every replay.
    let environment = vec![("PYTHONHASHSEED".to_owned(), "0".to_owned())];
    Program { argv, environment, files }
}
