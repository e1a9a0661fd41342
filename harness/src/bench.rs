//! What every run stands on: the supervisor, the servers with their ledgers, the run numbers, and the canary.

use std::sync::atomic::{AtomicBool, AtomicU32};

use crate::canary;
pub use crate::choice::ServerChoice;
use crate::execute::{Effort, Executor, Surroundings, Weakness};
use crate::pool::{Config, Database, Rows};
use crate::rules;
use crate::server::admin::blocking;
use crate::server::{self, Address, Server};
use crate::sql::Dialect;
use crate::supervisor::Supervisor;
use crate::transport::Transport;
use crate::trouble::Trouble;

/// The supervisor and the servers of one run. Dropping it removes everything that the run made.
pub struct Bench {
    supervisor: Supervisor,
    places: Vec<Place>,
    runs: AtomicU32,
    weakness: Weakness,
    transport: Transport,
    stop: &'static AtomicBool,
}

struct Place {
    server: Server,
    dialect: Dialect,
    ledger: String,
    /// Its product, and the transport where that is not the usual one.
    name: String,
}

impl Bench {
    /// Starts the supervisor. `stop` ends every run on this bench when it is set.
    ///
    /// # Errors
    /// A directory that cannot be made, a process that cannot be started.
    pub fn start(stop: &'static AtomicBool) -> Result<Self, Trouble> {
        Ok(Self::over(Supervisor::start(stop)?, stop))
    }

    /// The same, with another program as supervisor and agents: one that calls [`crate::assume_role`] with the same targets. A fuzzer
    /// names it, of which nothing but the coordinator must reach a pool.
    ///
    /// # Errors
    /// As [`Bench::start`].
    pub fn start_as(program: &std::path::Path, stop: &'static AtomicBool) -> Result<Self, Trouble> {
        Ok(Self::over(Supervisor::start_as(program, stop)?, stop))
    }

    fn over(supervisor: Supervisor, stop: &'static AtomicBool) -> Self {
        let (places, runs, weakness) = (Vec::new(), AtomicU32::new(1), Weakness::default());
        Self { supervisor, places, runs, weakness, transport: Transport::default(), stop }
    }

    /// Lets every pool of this bench take that transport to its server. To be said before a server is added.
    pub fn take(&mut self, transport: Transport) {
        self.transport = transport;
    }

    /// What carries the pools' sessions.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Gives every executor of this bench a weakness. For tests.
    #[doc(hidden)]
    pub fn weaken(&mut self, weakness: Weakness) {
        self.weakness = weakness;
    }

    /// Makes a server for `database` ready, and proves that what goes wrong on it is seen: by the word of the kernel, or where the
    /// transport takes that away by its effect.
    ///
    /// # Errors
    /// No server, one that cannot be reached, or a machine on which nothing can be attributed.
    pub fn add_server(&mut self, choice: &ServerChoice, database: Database) -> Result<(), Trouble> {
        let server = make_ready(choice, (database, self.transport), &self.supervisor, self.stop)?;
        let ledger = ledger_name();
        let dialect = Dialect::new(server.database, ledger.clone());
        let inside = server.address == Address::Inside;
        let name = self.transport.after(&server.product);
        let hides = !rules::ALL.iter().all(|rule| rule.is_visible(self.transport));
        self.places.push(Place { server, dialect, ledger, name });
        let place = &self.places[self.places.len() - 1];
        // An embedded server lives with its worker, which makes its ledger.
        if !inside {
            place.dialect.prepare_ledger().iter().try_for_each(|sql| blocking(&place.server, sql, self.stop).map(drop))?;
        }
        self.sing(place, self.transport)?;
        // What the transport hides is judged on Unix sockets.
        if hides { self.sing(place, Transport::Unix) } else { Ok(()) }
    }

    /// Runs the canary: what it breaks must be seen.
    fn sing(&self, place: &Place, transport: Transport) -> Result<(), Trouble> {
        let canary = canary::target(place.server.database);
        let interleaving = canary::interleaving(transport);
        let history =
            Executor::start(&canary, Surroundings { transport, ..self.around(place) })?.execute(&interleaving, Effort::Full)?;
        let judgement = rules::judge(&interleaving, &history);
        match judgement.first_cause() {
            Some((rule, _)) if rule.id == canary::rule(transport) => Ok(()),
            _ if transport.shows_writers() => Err(Trouble::CannotAttribute),
            _ => Err(Trouble::CannotSee { transport }),
        }
    }

    /// Name and version of the server for a database, and the transport to it.
    pub fn product(&self, database: Database) -> Option<&str> {
        self.place(database).map(|place| place.name.as_str())
    }

    /// The same where something was seen on another transport than that of the bench.
    pub fn product_over(&self, database: Database, transport: Transport) -> Option<String> {
        self.place(database).map(|place| transport.after(&place.server.product))
    }

    /// The server for a database is the one inside poolproof.
    pub fn is_embedded(&self, database: Database) -> bool {
        self.place(database).is_some_and(|place| place.server.address == Address::Inside)
    }

    /// The URL of the server for a database, password included; the embedded one has none.
    pub fn url(&self, database: Database) -> Option<String> {
        self.place(database).and_then(|place| url(&place.server))
    }

    /// Asks the server for rows, on a session of its own. For tests.
    #[doc(hidden)]
    pub fn ask(&self, database: Database, sql: &str) -> Result<Rows, Trouble> {
        let place = self.place(database).ok_or(Trouble::NotAdded { database })?;
        blocking(&place.server, sql, self.stop)
    }

    /// What a pool would need to connect to the server itself. For tests.
    #[doc(hidden)]
    pub fn direct_config(&self, database: Database) -> Option<Config> {
        self.place(database).map(|place| place.server.direct_config())
    }

    fn place(&self, database: Database) -> Option<&Place> {
        self.places.iter().find(|place| place.server.database == database)
    }

    /// What an executor for that database needs.
    ///
    /// # Errors
    /// No server was added for it.
    pub(crate) fn surroundings(&self, database: Database) -> Result<Surroundings<'_>, Trouble> {
        self.place(database).map(|place| self.around(place)).ok_or(Trouble::NotAdded { database })
    }

    fn around<'a>(&'a self, place: &'a Place) -> Surroundings<'a> {
        Surroundings {
            supervisor: &self.supervisor,
            server: &place.server,
            transport: self.transport,
            ledger: &place.ledger,
            runs: &self.runs,
            stop: self.stop,
            weakness: self.weakness,
        }
    }

    /// Ends the run in order: ledgers on servers that stay are dropped, then everything that was started is ended.
    ///
    /// # Errors
    /// What could not be removed.
    pub fn finish(self) -> Result<(), Trouble> {
        let Self { supervisor, places, .. } = self;
        drop(places);
        supervisor.finish()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A server of the run's own goes with everything that is in it.
        if matches!(self.server.origin, server::Origin::Url) {
            // Also after Ctrl-C: nothing is left behind.
            let _ = blocking(&self.server, &self.dialect.drop_ledger(), &AtomicBool::new(false));
        }
    }
}

/// Makes the chosen server ready. What is started for it ends with the supervisor.
///
/// # Errors
/// What hinders a server of that kind from being used: none is installed, an image is not to be had, it does not answer.
pub(crate) fn make_ready(
    choice: &ServerChoice,
    (database, transport): (Database, Transport),
    supervisor: &Supervisor,
    stop: &AtomicBool,
) -> Result<Server, Trouble> {
    if !transport.is_offered_by(database) {
        let cause = "PostgreSQL offers TLS over TCP only; take `--transport tls`".to_owned();
        return Err(Trouble::Transport { transport, cause });
    }
    let encrypted = !transport.shows_frames();
    match choice {
        ServerChoice::Embedded if encrypted => {
            let cause = "the embedded server speaks no TLS; take a real one: `--server local`".to_owned();
            Err(Trouble::Transport { transport, cause })
        }
        ServerChoice::Embedded => Ok(server::embedded(database)),
        ServerChoice::Local => server::local(supervisor, database, encrypted),
        ServerChoice::Container => server::in_container(supervisor, database),
        ServerChoice::PgBouncer(_) if database == Database::MySql => Err(Trouble::OnlyPostgres),
        ServerChoice::PgBouncer(pooling) => server::pgbouncer(supervisor, *pooling),
        ServerChoice::Url(url) => server::from_url(url, stop),
    }
}

/// A name that no other run has, also on a server that several runs share.
fn ledger_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("poolproof_ledger_{random:016x}")
}

/// The form that [`server::from_url`] reads. The users and passwords of private servers need no escapes.
fn url(server: &Server) -> Option<String> {
    let Server { user, password, name, .. } = server;
    Some(match (&server.address, server.database) {
        (Address::Unix(socket), Database::Postgres) => {
            let directory = socket.parent().unwrap_or(socket).display();
            let port = socket.extension().unwrap_or_default().to_string_lossy();
            format!("postgres://{user}:{password}@localhost/{name}?host={directory}&port={port}")
        }
        (Address::Unix(socket), Database::MySql) => {
            format!("mysql://{user}:{password}@localhost/{name}?socket={}", socket.display())
        }
        (address @ Address::Tcp(..), database) => format!("{}://{user}:{password}@{address}/{name}", database.name()),
        (Address::Inside, _) => return None,
    })
}
