//! Pools that are no pools, each for one test.

use std::time::Duration;

use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Target};

pub(crate) fn targets() -> [Target; 2] {
    [Target::of::<Hangs>("hangs-in-child", "waits for ever in a forked child"), Target::of::<Moody>("moody", "panics by luck")]
}

/// It hangs in a forked child, as one does that waits for a thread which the child lacks.
struct Hangs {
    opener: u32,
}

struct Nothing;

impl Pool for Hangs {
    type Connection = Nothing;
    const DATABASE: Database = Database::Postgres;

    fn open(_config: &Config) -> Result<Self, Error> {
        Ok(Self { opener: std::process::id() })
    }

    fn checkout(&self, _patience: Duration) -> Result<Nothing, Error> {
        while self.opener != std::process::id() {
            std::thread::park();
        }
        Ok(Nothing)
    }
}

impl Connection for Nothing {
    fn query(&mut self, _sql: &str) -> Result<Rows, Error> {
        Err(Error::new(ErrorKind::Other, "nothing to ask"))
    }
}

/// It breaks a rule by luck: no replay of the same interleaving can be relied on.
struct Moody;

impl Pool for Moody {
    type Connection = Nothing;
    const DATABASE: Database = Database::Postgres;

    fn open(_config: &Config) -> Result<Self, Error> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        assert!(now.subsec_micros().is_multiple_of(2), "not now");
        Ok(Self)
    }

    fn checkout(&self, _patience: Duration) -> Result<Nothing, Error> {
        Ok(Nothing)
    }
}
