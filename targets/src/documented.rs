//! What the documentation of pools, drivers and runtimes says about fork, word by word, for certificates.

use poolproof::certificate::{Documented, Standing};

/// What somebody wrote of some pools under some promises.
struct Statement {
    /// How the names of the pools begin.
    pools: &'static [&'static str],
    promises: &'static [&'static str],
    standing: Standing,
    words: &'static str,
    source: &'static str,
}

/// A child does more than `exec`, after its parent has used the pool.
const CHILDREN: &[&str] =
    &["anything", "child-uses-pool", "fork-when-idle", "hook-in-child", "child-drops", "child-leaks", "dispose-before-fork"];
/// A child has connections that its parent opened.
const HEIRS: &[&str] = &["anything", "child-uses-pool", "fork-when-idle", "hook-in-child", "child-drops", "child-leaks"];

const STATEMENTS: &[Statement] = &[
    Statement {
        pools: &["deadpool-", "bb8-", "mobc-", "sqlx-", "mysql-async", "diesel-bb8-", "diesel-deadpool-"],
        promises: CHILDREN,
        standing: Standing::Unsupported,
        words: "User code that calls `fork(2)` without immediately calling `exec` must not reuse Tokio in the child process. […] Creating or \
                using a Tokio runtime in a child process after the parent has used Tokio is not supported, even if the runtime in the \
                child is newly created.",
        source: "tokio 1.54, src/runtime/mod.rs:243",
    },
    Statement {
        pools: &["diesel-postgres"],
        promises: HEIRS,
        standing: Standing::Unsupported,
        words: "On Unix, forking a process with open libpq connections can lead to unpredictable results because the parent and child \
                processes share the same sockets and operating system resources. For this reason, such usage is not recommended, though \
                doing an exec from the child process to load a new executable is safe.",
        source: "PostgreSQL 15, section 34.1, on libpq",
    },
];

/// What is known to be written of a pool.
pub fn of(pool: &str) -> Vec<Documented> {
    let is_of = |statement: &&Statement| statement.pools.iter().any(|start| pool.starts_with(start));
    let documented = |statement: &Statement| Documented {
        promises: statement.promises.iter().map(|promise| (*promise).to_owned()).collect(),
        standing: statement.standing,
        words: statement.words.to_owned(),
        source: statement.source.to_owned(),
    };
    STATEMENTS.iter().filter(is_of).map(documented).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_about_promises_and_pools_that_there_are() {
        for statement in STATEMENTS {
            for promise in statement.promises {
                assert!(promise.parse::<poolproof::Promise>().is_ok(), "{promise}");
            }
        }
        assert_eq!(of("mysql-async-mt").len(), 1);
        assert_eq!(of("r2d2-postgres"), []);
    }
}
