//! The SQL of the steps, in one place per dialect. Every column is text; the first names the step that asked.

use crate::nonce::Nonce;
use crate::pool::{Database, Error};

/// The statements for one database, with the name of this run's ledger.
#[derive(Clone, Debug)]
pub(crate) struct Dialect {
    database: Database,
    ledger: String,
}

impl Dialect {
    pub(crate) fn new(database: Database, ledger: String) -> Self {
        Self { database, ledger }
    }

    /// A row: nonce, the server's name for the session, the session's mark.
    pub(crate) fn query(&self, nonce: Nonce) -> String {
        match self.database {
            Database::Postgres => {
                format!(
                    "SELECT '{nonce}' AS nonce, pg_backend_pid()::text AS session, current_setting('poolproof.mark', true) AS mark"
                )
            }
            Database::MySql => {
                format!(
                    "SELECT '{nonce}' AS nonce, CAST(CONNECTION_ID() AS CHAR) AS session, CAST(@poolproof_mark AS CHAR) AS mark"
                )
            }
        }
    }

    /// The same row, with the nonce as the argument of a prepared statement.
    pub(crate) fn prepared(&self) -> String {
        match self.database {
            Database::Postgres => {
                "SELECT $1::text AS nonce, pg_backend_pid()::text AS session, current_setting('poolproof.mark', true) AS mark"
                    .to_owned()
            }
            Database::MySql => {
                "SELECT ? AS nonce, CAST(CONNECTION_ID() AS CHAR) AS session, CAST(@poolproof_mark AS CHAR) AS mark".to_owned()
            }
        }
    }

    /// Changes a setting of the session, to the nonce.
    pub(crate) fn mark(&self, nonce: Nonce) -> String {
        match self.database {
            Database::Postgres => format!("SET poolproof.mark = '{nonce}'"),
            Database::MySql => format!("SET @poolproof_mark = '{nonce}'"),
        }
    }

    /// Takes the run's named lock if it is free. A row: nonce, and whether the session has the lock now.
    pub(crate) fn lock(&self, nonce: Nonce) -> String {
        match self.database {
            Database::Postgres => format!("SELECT '{nonce}' AS nonce, pg_try_advisory_lock({})::text AS locked", nonce.run),
            Database::MySql => {
                format!("SELECT '{nonce}' AS nonce, CAST(GET_LOCK('poolproof-{}', 0) AS CHAR) AS locked", nonce.run)
            }
        }
    }

    /// Ends the session that has this number on the server.
    pub(crate) fn end_session(&self, number: u32) -> String {
        match self.database {
            Database::Postgres => format!("SELECT pg_terminate_backend({number})"),
            Database::MySql => format!("KILL {number}"),
        }
    }

    /// The same of a session by the port from which its client has connected. `None`: it is known by its number.
    pub(crate) fn end_session_from(&self, port: u16) -> Option<String> {
        let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = {port}");
        (self.database == Database::Postgres).then_some(sql)
    }

    /// The answer to that is that there is no such session: PostgreSQL says so by a row, MySQL by ER_NO_SUCH_THREAD.
    pub(crate) fn says_no_session(&self, error: &Error) -> bool {
        self.database == Database::MySql && error.message.ends_with("(1094)")
    }

    pub(crate) fn insert(&self, nonce: Nonce) -> String {
        format!("INSERT INTO {} (run, nonce) VALUES ({}, '{nonce}')", self.ledger, nonce.run)
    }

    /// What makes the ledger, and makes reading one run cheap.
    pub(crate) fn prepare_ledger(&self) -> Vec<String> {
        std::iter::once(self.create_ledger()).chain(self.index_ledger()).collect()
    }

    /// The ledger has no unique key, so that a row written twice is seen twice.
    fn create_ledger(&self) -> String {
        let (kind, end) = match self.database {
            Database::Postgres => ("UNLOGGED TABLE", ""),
            Database::MySql => ("TABLE", ", INDEX (run)) ENGINE=InnoDB"),
        };
        let end = if end.is_empty() { ")" } else { end };
        format!("CREATE {kind} {} (run BIGINT NOT NULL, nonce VARCHAR(64) NOT NULL{end}", self.ledger)
    }

    /// Where an index is a statement of its own.
    fn index_ledger(&self) -> Option<String> {
        (self.database == Database::Postgres).then(|| format!("CREATE INDEX ON {} (run)", self.ledger))
    }

    pub(crate) fn read_ledger(&self, run: u32) -> String {
        format!("SELECT nonce FROM {} WHERE run = {run}", self.ledger)
    }

    /// Removes the rows of one run, from a ledger that is kept in memory.
    pub(crate) fn clear_ledger(&self, run: u32) -> String {
        format!("DELETE FROM {} WHERE run = {run}", self.ledger)
    }

    pub(crate) fn drop_ledger(&self) -> String {
        format!("DROP TABLE IF EXISTS {}", self.ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::ErrorKind;

    #[test]
    fn a_session_that_is_gone_is_told_from_other_errors() {
        let says = |database, words: &str| {
            Dialect::new(database, "ledger".to_owned()).says_no_session(&Error::new(ErrorKind::Database, words))
        };
        assert!(says(Database::MySql, "Unknown thread id: 14 (1094)"));
        assert!(!says(Database::MySql, "You are not owner of thread 14 (1095)"));
        assert!(!says(Database::Postgres, "(1094)"));
    }
}
