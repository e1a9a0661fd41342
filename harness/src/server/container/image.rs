//! Images: their names, and what they want to be told.
//!
//! Every image that understands the variables and arguments of the official one will do; those of `docker/` do.

use testcontainers::core::ContainerPort;

use crate::pool::Database;

/// The database, and PostgreSQL's user.
pub(super) const NAME: &str = "poolproof";

/// What is known about the images of one database.
pub(super) struct Image {
    /// The environment variable that names one.
    pub(super) variable: &'static str,
    usual: &'static str,
    /// The user that poolproof logs in as.
    pub(super) user: &'static str,
    /// Where the server listens.
    pub(super) port: ContainerPort,
    /// The variables for user and database.
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// The variable for the password.
    pub(super) password: &'static str,
    /// The arguments of the server.
    pub(super) arguments: &'static [&'static str],
    /// What the server says, one after the other, before it lets anybody in by TCP. While the image sets it up it may say the last of
    /// them without the first.
    pub(super) ready: &'static [&'static str],
}

const POSTGRES: Image = Image {
    variable: "POOLPROOF_POSTGRES_IMAGE",
    usual: "postgres:17.6-bookworm",
    user: NAME,
    port: ContainerPort::Tcp(5432),
    environment: &[("POSTGRES_USER", NAME), ("POSTGRES_DB", NAME)],
    password: "POSTGRES_PASSWORD",
    // What the run makes is thrown away: nothing has to survive a crash. All the rest is as people run it.
    arguments: &["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=200"],
    // https://github.com/docker-library/postgres: the server that sets up the data listens on no address.
    ready: &["listening on IPv", "database system is ready to accept connections"],
};

const MYSQL: Image = Image {
    variable: "POOLPROOF_MYSQL_IMAGE",
    usual: "mysql:8.4.6",
    user: "root",
    port: ContainerPort::Tcp(3306),
    environment: &[("MYSQL_DATABASE", NAME)],
    password: "MYSQL_ROOT_PASSWORD",
    arguments: &[
        "--loose-skip-log-bin",
        "--loose-innodb-flush-log-at-trx-commit=0",
        "--loose-innodb-doublewrite=OFF",
        "--max-connections=200",
        // Cases break connections off; a server that shuts out a host for that would be of no use.
        "--max-connect-errors=1000000",
    ],
    // The server that sets up the data says `port: 0`; MySQL's X protocol has port 33060 and other words.
    ready: &["sock'  port: 3306"],
};

impl Image {
    pub(super) fn of(database: Database) -> Self {
        match database {
            Database::Postgres => POSTGRES,
            Database::MySql => MYSQL,
        }
    }

    /// The name that the environment says, or the official image.
    pub(super) fn name(&self) -> String {
        let named = std::env::var(self.variable).ok().filter(|name| !name.is_empty());
        named.unwrap_or_else(|| self.usual.to_owned())
    }
}

/// Name and tag: `postgres` is `postgres:latest`; the colon of a registry's port begins no tag.
pub(super) fn name_and_tag(name: &str) -> (&str, &str) {
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).unwrap_or((name, "latest"))
}

/// Looks for words that stand one after the other in a text that comes in pieces.
pub(super) struct Awaited {
    words: &'static [&'static str],
    line: Vec<u8>,
}

impl Awaited {
    pub(super) fn new(words: &'static [&'static str]) -> Self {
        Self { words, line: Vec::new() }
    }

    /// Says whether the last of the words has come, in a line that is complete.
    pub(super) fn came(&mut self, piece: &[u8]) -> bool {
        for &byte in piece {
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = String::from_utf8_lossy(&self.line);
            if let [first, rest @ ..] = self.words
                && line.contains(first)
            {
                self.words = rest;
            }
            self.line.clear();
        }
        self.words.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_tag() {
        assert_eq!(name_and_tag("postgres:17.6"), ("postgres", "17.6"));
        assert_eq!(name_and_tag("poolproof-postgres"), ("poolproof-postgres", "latest"));
        assert_eq!(name_and_tag("here:5000/mysql"), ("here:5000/mysql", "latest"));
        assert_eq!(name_and_tag("here:5000/mysql:8"), ("here:5000/mysql", "8"));
        assert_eq!(name_and_tag("postgres@sha256:abc"), ("postgres@sha256", "abc"));
    }

    /// The official images start a server for themselves first, which listens on a socket only.
    #[test]
    fn the_server_that_sets_up_the_data_is_not_taken_for_ready() {
        let mut postgres = Awaited::new(POSTGRES.ready);
        let ready = b"LOG:  database system is ready to accept connections\n";
        assert!(!postgres.came(ready));
        assert!(!postgres.came(b"LOG:  listening on IPv4 address \"0.0.0.0\", port 5432\nLOG:  database system is"));
        assert!(postgres.came(b" ready to accept connections\n"));

        let mut mysql = Awaited::new(MYSQL.ready);
        assert!(!mysql.came(b"mysqld: ready for connections. Version: '8.4.6'  socket: '/run/mysqld.sock'  port: 0  MySQL\n"));
        assert!(!mysql.came(b"X Plugin ready for connections. Bind-address: '::' port: 33060, socket: /run/mysqlx.sock\n"));
        assert!(mysql.came(b"Version: '10.11.14-MariaDB'  socket: '/run/mysqld.sock'  port: 3306  Debian 12\n"));
    }
}
