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
    ("guard", "QueuePool with the documented guard on the pid"),
    ("guard-of-then", "QueuePool with that guard as it was once documented"),
    ("guard-preping", "QueuePool with that guard and pool_pre_ping"),
    ("engine-per-call", "an engine for each checkout"),
    ("session", "a Session for each checkout, from a sessionmaker"),
    ("scoped-session", "the Session of the thread, from a scoped_session"),
    ("shared-session", "one Session for all checkouts"),
];

/// A driver: the end of a pool's name, and what it speaks.
const DRIVERS: &[(&str, Database)] = &[
    ("psycopg2", Database::Postgres),
    ("psycopg", Database::Postgres),
    ("pymysql", Database::MySql),
    ("mysqlclient", Database::MySql),
];

/// The packages that the pools need, each with its version.
pub const REQUIREMENTS: &str = include_str!("../python/requirements.txt");

const FILES: &[(&str, &str)] = &[
    (AGENT, include_str!("../python/agent.py")),
    ("pools.py", include_str!("../python/pools.py")),
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
}

/// Every pool in Python that is known by name.
pub fn known() -> Vec<Known> {
    let with = |(kind, about): &(&str, &str), (driver, database): &(&str, Database)| Known {
        name: format!("sqlalchemy-{kind}-{driver}"),
        about: format!("SQLAlchemy and {driver}: {about}"),
        database: *database,
    };
    DRIVERS.iter().flat_map(|driver| KINDS.iter().map(move |kind| with(kind, driver))).collect()
}

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
