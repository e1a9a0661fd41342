//! Which server to judge on, as a word of the command line or of the environment.

use std::str::FromStr;

use crate::pool::Database;

/// Which server to judge on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerChoice {
    /// The one inside poolproof: `embedded`.
    Embedded,
    /// A private one, from installed binaries: `local`.
    Local,
    /// One in a container, from an image: `container`.
    Container,
    /// A private PgBouncer before a private PostgreSQL: `pgbouncer`, or `pgbouncer-transaction`.
    PgBouncer(Pooling),
    /// One that is already there, by its URL.
    Url(String),
}

/// For how long a client of PgBouncer has a session of the server to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// As long as its own.
    Session,
    /// For one transaction.
    Transaction,
}

impl Pooling {
    /// As PgBouncer's settings call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
        }
    }
}

impl ServerChoice {
    /// The forms of a real server.
    pub const REAL: &'static str = "`local`, `container`, `pgbouncer`, `pgbouncer-transaction`, postgres://USER:PASSWORD@HOST:5432/DATABASE or \
         mysql://USER:PASSWORD@HOST:3306/DATABASE";

    /// The database that a URL names, or that is behind a pooler; the others serve any.
    pub fn database(&self) -> Option<Database> {
        match self {
            Self::Url(url) => scheme(url),
            Self::PgBouncer(_) => Some(Database::Postgres),
            Self::Embedded | Self::Local | Self::Container => None,
        }
    }

    /// The word that chooses it, without a password.
    pub fn word(&self) -> String {
        match self {
            Self::Embedded => "embedded".to_owned(),
            Self::Local => "local".to_owned(),
            Self::Container => "container".to_owned(),
            Self::PgBouncer(Pooling::Session) => PGBOUNCER.to_owned(),
            Self::PgBouncer(Pooling::Transaction) => PGBOUNCER_TRANSACTION.to_owned(),
            Self::Url(url) => without_password(url),
        }
    }
}

impl FromStr for ServerChoice {
    type Err = UnknownServer;

    fn from_str(word: &str) -> Result<Self, UnknownServer> {
        match word {
            "embedded" => Ok(Self::Embedded),
            "local" => Ok(Self::Local),
            "container" => Ok(Self::Container),
            PGBOUNCER => Ok(Self::PgBouncer(Pooling::Session)),
            PGBOUNCER_TRANSACTION => Ok(Self::PgBouncer(Pooling::Transaction)),
            url if scheme(url).is_some() => Ok(Self::Url(url.to_owned())),
            _ => Err(UnknownServer),
        }
    }
}

const PGBOUNCER: &str = "pgbouncer";
const PGBOUNCER_TRANSACTION: &str = "pgbouncer-transaction";

/// A word that names no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `embedded`, {}", ServerChoice::REAL)]
pub struct UnknownServer;

fn scheme(url: &str) -> Option<Database> {
    match url.split_once("://")?.0 {
        "postgres" | "postgresql" => Some(Database::Postgres),
        "mysql" | "mariadb" => Some(Database::MySql),
        _ => None,
    }
}

fn without_password(url: &str) -> String {
    let hidden = url.split_once("://").and_then(|(scheme, rest)| {
        let (login, place) = rest.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:PASSWORD@{place}"))
    });
    let hidden = hidden.unwrap_or_else(|| url.to_owned());
    // It may also stand among the parameters.
    match hidden.split_once("password=") {
        Some((before, after)) => format!("{before}password=PASSWORD{}", after.find('&').map_or("", |end| &after[end..])),
        None => hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_database_and_a_password_is_not_repeated() {
        let read = |word: &str| word.parse::<ServerChoice>().expect("valid");
        let database = |word: &str| read(word).database();
        for choice in [ServerChoice::Embedded, ServerChoice::Local, ServerChoice::Container] {
            assert_eq!((read(&choice.word()), choice.database()), (choice.clone(), None));
        }
        for choice in [Pooling::Session, Pooling::Transaction].map(ServerChoice::PgBouncer) {
            assert_eq!((read(&choice.word()), choice.database()), (choice.clone(), Some(Database::Postgres)));
        }
        assert_eq!(
            (database("postgresql://a@b/c"), database("mariadb://a@b/c")),
            (Some(Database::Postgres), Some(Database::MySql))
        );
        assert_eq!(read("postgres://me:secret@here:5432/db").word(), "postgres://me:PASSWORD@here:5432/db");
        assert_eq!(read("mysql://me@here/db?password=secret&port=1").word(), "mysql://me@here/db?password=PASSWORD&port=1");
        for wrong in ["oracle://here", "postgers://x", "remote", ""] {
            let error = wrong.parse::<ServerChoice>().expect_err(wrong);
            assert!(error.to_string().contains("postgres://"), "{error}");
        }
    }
}
