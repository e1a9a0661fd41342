//! What carries a session from a pool to its server, and what can be seen of it on the way.
//!
//! It knows no socket and no rule.

use std::fmt;
use std::str::FromStr;

use crate::pool::Database;

/// What carries a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Transport {
    /// A Unix socket, in the clear: the kernel says who wrote, and every frame can be read.
    #[default]
    #[serde(rename = "unix")]
    Unix,
    /// TCP, in the clear: nobody says who wrote.
    #[serde(rename = "tcp")]
    Tcp,
    /// TLS over TCP: nobody says who wrote, and no frame can be read.
    #[serde(rename = "tls")]
    Tls,
    /// TLS over a Unix socket: the kernel says who wrote, and no frame can be read. MySQL and MariaDB offer it, PostgreSQL does not.
    #[serde(rename = "unix+tls")]
    UnixTls,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unix, Self::Tcp, Self::Tls, Self::UnixTls];

    /// The word for it: `unix`, `tcp`, `tls` or `unix+tls`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::UnixTls => "unix+tls",
        }
    }

    /// It is a Unix socket, of which the kernel says who wrote.
    pub const fn shows_writers(self) -> bool {
        matches!(self, Self::Unix | Self::UnixTls)
    }

    /// Nothing is encrypted: frames can be read.
    pub const fn shows_frames(self) -> bool {
        matches!(self, Self::Unix | Self::Tcp)
    }

    /// Servers of that protocol offer it.
    pub const fn is_offered_by(self, database: Database) -> bool {
        !matches!((self, database), (Self::UnixTls, Database::Postgres))
    }

    /// The server's name with it, where it is not a Unix socket in the clear: `PostgreSQL 15.18 over TLS`.
    pub fn after(self, product: &str) -> String {
        match self {
            Self::Unix => product.to_owned(),
            Self::Tcp => format!("{product} over TCP"),
            Self::Tls => format!("{product} over TLS"),
            Self::UnixTls => format!("{product} over TLS on a Unix socket"),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Transport {
    type Err = UnknownTransport;

    fn from_str(word: &str) -> Result<Self, UnknownTransport> {
        Self::ALL.into_iter().find(|transport| transport.word() == word).ok_or(UnknownTransport)
    }
}

/// A word that names no transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected unix, tcp, tls or unix+tls")]
pub struct UnknownTransport;

#[cfg(test)]
mod tests {
    use super::*;

    /// In a configuration it is the word that the command line takes.
    #[test]
    fn a_transport_has_one_word_everywhere() {
        for transport in Transport::ALL {
            assert_eq!(transport.word().parse(), Ok(transport));
            assert_eq!(serde_json::to_value(transport).expect("a word"), transport.word());
        }
        assert_eq!("udp".parse::<Transport>(), Err(UnknownTransport));
        assert!(!Transport::UnixTls.is_offered_by(Database::Postgres) && Transport::UnixTls.is_offered_by(Database::MySql));
    }
}
