//! Pools that are no pools, each for one test.

mod rough;

use std::sync::OnceLock;
use std::time::Duration;

use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Target};
use poolproof_targets::reference::ReferencePool;

pub(crate) fn targets() -> Vec<Target> {
    let mut targets = vec![
        Target::of::<Hangs>("hangs-in-child", "waits for ever in a forked child"),
        Target::of::<Spins>("spins-in-child", "computes for ever in a forked child"),
        Target::of::<Moody>("moody", "panics by luck"),
        Target::of::<Picky>("picky", "takes no embedded server"),
    ];
    targets.extend(rough::targets());
    targets
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

/// It computes for ever in a forked child, as one does that walks a list which the fork has tied into a ring.
struct Spins {
    opener: u32,
}

impl Pool for Spins {
    type Connection = Nothing;
    const DATABASE: Database = Database::Postgres;

    fn open(_config: &Config) -> Result<Self, Error> {
        Ok(Self { opener: std::process::id() })
    }

    fn checkout(&self, _patience: Duration) -> Result<Nothing, Error> {
        if self.opener == std::process::id() {
            return Ok(Nothing);
        }
        loop {
            std::hint::spin_loop();
        }
    }
}

impl Connection for Nothing {
    fn query(&mut self, _sql: &str) -> Result<Rows, Error> {
        Err(Error::new(ErrorKind::Other, "nothing to ask"))
    }
}

/// The reference, but in every third process or so it panics: no replay of the same interleaving can be relied on, and hardly ever will
/// eighteen of twenty fail.
struct Moody(ReferencePool);

/// The process's mood, from its first pool on.
static MOOD: OnceLock<bool> = OnceLock::new();

impl Pool for Moody {
    type Connection = <ReferencePool as Pool>::Connection;
    const DATABASE: Database = Database::Postgres;

    fn open(config: &Config) -> Result<Self, Error> {
        let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        assert!(!MOOD.get_or_init(|| now().subsec_micros().is_multiple_of(3)), "not now");
        ReferencePool::open(config).map(Self)
    }

    fn checkout(&self, patience: Duration) -> Result<Self::Connection, Error> {
        self.0.checkout(patience)
    }

    fn dispose(&self) -> Option<Result<(), Error>> {
        self.0.dispose()
    }
}

/// The reference, but it refuses a server that does not look like a real one: what is seen on such a one only.
struct Picky(ReferencePool);

impl Pool for Picky {
    type Connection = <ReferencePool as Pool>::Connection;
    const DATABASE: Database = Database::Postgres;

    fn open(config: &Config) -> Result<Self, Error> {
        ReferencePool::open(config).map(Self)
    }

    fn checkout(&self, patience: Duration) -> Result<Self::Connection, Error> {
        let mut checkout = self.0.checkout(patience)?;
        let version = checkout.query("SELECT version()")?.concat().into_iter().flatten().collect::<String>();
        match version.contains("poolproof") {
            true => Err(Error::new(ErrorKind::Database, "this is no real server")),
            false => Ok(checkout),
        }
    }

    fn dispose(&self) -> Option<Result<(), Error>> {
        self.0.dispose()
    }
}
