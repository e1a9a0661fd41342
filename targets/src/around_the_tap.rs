//! A pool that cannot be judged: its driver knows a way to the server of its own. Every command that meets it must refuse.

use std::path::PathBuf;
use std::time::Duration;

use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, neutral::postgres};

/// Its name.
pub const NAME: &str = "around-the-tap";
/// The variable that says where its server's socket is; a real driver might learn that from the server itself.
pub const DIRECT: &str = "POOLPROOF_TEST_DIRECT_SOCKET";

/// The pool.
pub struct AroundTheTap {
    config: Config,
}

/// Its connection.
pub struct Direct(postgres::Connection);

impl Pool for AroundTheTap {
    type Connection = Direct;
    const DATABASE: Database = Database::Postgres;

    fn open(config: &Config) -> Result<Self, Error> {
        let socket = std::env::var_os(DIRECT).map(PathBuf::from);
        let socket = socket.ok_or_else(|| Error::new(ErrorKind::Other, format!("{DIRECT} is not set")))?;
        Ok(Self { config: Config { socket, ..config.clone() } })
    }

    fn checkout(&self, _patience: Duration) -> Result<Direct, Error> {
        postgres::Connection::connect(&self.config).map(Direct)
    }
}

impl Connection for Direct {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.0.query(sql)
    }
}
