//! Where the servers of a run are, and how they are reached: `--server`, `--transport`.

use clap::Args;
use poolproof::choice::ServerChoice;
use poolproof::words::quoted;
use poolproof::{Database, Target, Transport};

use super::exit::Stop;

/// Where the servers are.
#[derive(Args, Debug)]
pub(crate) struct Servers {
    /// `embedded`, the one inside poolproof; `local`, a private one from installed programs; `container`, one from an image;
    /// `pgbouncer` or `pgbouncer-transaction`, a private PostgreSQL behind PgBouncer; or a URL: postgres://… or mysql://…
    /// [default: embedded]
    #[arg(long = "server", value_name = "SERVER", value_parser = str::parse::<ServerChoice>)]
    places: Vec<ServerChoice>,
    /// How pools reach their server: `unix`, a Unix socket; `tcp`; `tls`, which is TCP; or `unix+tls`, for MySQL and MariaDB
    #[arg(long, value_name = "TRANSPORT", default_value_t)]
    transport: Transport,
}

/// Where the servers are that the embedded ones are compared with.
#[derive(Args, Debug)]
pub(crate) struct RealServers {
    /// `local`, a private one from installed programs; `container`, one from an image; `pgbouncer` or `pgbouncer-transaction`, a
    /// private PostgreSQL behind PgBouncer; or a URL: postgres://… or mysql://…
    #[arg(long = "server", value_name = "SERVER", value_parser = real_place, default_value = "local")]
    places: Vec<ServerChoice>,
    /// How pools reach either server: `unix`, a Unix socket; or `tcp`. The embedded one speaks no TLS
    #[arg(long, value_name = "TRANSPORT", default_value_t)]
    transport: Transport,
}

impl Servers {
    /// The same servers over that transport.
    pub(crate) fn over(&self, transport: Transport) -> Self {
        Self { places: self.places.clone(), transport }
    }

    /// How pools reach them.
    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }

    /// Those of the pools that can take the transport; where they were named, all must.
    ///
    /// # Errors
    /// A named pool that cannot, or none that can.
    pub(crate) fn reachable(&self, pools: Vec<Target>, named: bool) -> Result<Vec<Target>, Stop> {
        let (able, unable): (Vec<Target>, Vec<Target>) =
            pools.into_iter().partition(|pool| pool.transports().contains(&self.transport));
        match unable.first() {
            Some(first) if named || able.is_empty() => {
                let words: Vec<&str> = first.transports().iter().map(|transport| transport.word()).collect();
                let message = format!("{} cannot take --transport {}", first.name(), self.transport);
                Err(Stop::usage(message).hint(format!("it can take {}", words.join(", "))))
            }
            _ => Ok(able),
        }
    }

    /// The server for each of these databases.
    ///
    /// # Errors
    /// Two servers for one database; one for a database that nobody asks for.
    pub(crate) fn of(&self, databases: &[Database]) -> Result<Vec<(Database, ServerChoice)>, Stop> {
        let urls = |database: Database| self.places.iter().filter(move |place| place.database() == Some(database));
        for database in [Database::Postgres, Database::MySql] {
            if urls(database).count() > 1 {
                return Err(Stop::usage(format!("--server names two servers for {}; a run has one", database.name())));
            }
            if urls(database).next().is_some() && !databases.contains(&database) {
                let message = format!("--server names a server for {}, and none of the pools speaks to one", database.name());
                return Err(Stop::usage(message).hint("`poolproof pools` says which pool needs which server"));
            }
        }
        if self.places.contains(&ServerChoice::Local) && self.places.contains(&ServerChoice::Container) {
            return Err(Stop::usage("--server names two kinds of servers, `local` and `container`; a run has one"));
        }
        let other = self.started().unwrap_or(&ServerChoice::Embedded);
        Ok(databases.iter().map(|database| (*database, urls(*database).next().unwrap_or(other).clone())).collect())
    }

    /// Takes private servers, if none was named.
    pub(crate) fn become_local(&mut self) {
        if self.places.is_empty() {
            self.places.push(ServerChoice::Local);
        }
    }

    /// What is started for every database that has no URL, if anything is.
    fn started(&self) -> Option<&ServerChoice> {
        self.places.iter().find(|place| matches!(place, ServerChoice::Local | ServerChoice::Container))
    }

    /// The word for the kind of server that a database has: `embedded`, `local`, `container`, `pgbouncer` or `url`.
    pub(crate) fn word(&self, database: Database) -> &'static str {
        match self.started() {
            _ if database == Database::Postgres
                && self.places.iter().any(|place| matches!(place, ServerChoice::PgBouncer(_))) =>
            {
                "pgbouncer"
            }
            _ if self.places.iter().any(|place| place.database() == Some(database)) => "url",
            Some(ServerChoice::Container) => "container",
            Some(_) => "local",
            None => "embedded",
        }
    }

    /// The words that ask for the same server again; a password is not repeated.
    pub(crate) fn again(&self, database: Database) -> String {
        let url = self.places.iter().find(|place| place.database() == Some(database));
        let real = url.or_else(|| self.started());
        let mut words = real.map_or_else(String::new, |place| format!(" --server {}", quoted(&place.word())));
        if self.transport != Transport::default() {
            words.push_str(&format!(" --transport {}", self.transport));
        }
        words
    }
}

impl RealServers {
    /// The same, for the real half of a comparison: a database without a URL has a private server.
    pub(crate) fn real(&self) -> Servers {
        let local = (!self.places.contains(&ServerChoice::Container)).then_some(ServerChoice::Local);
        Servers { places: self.places.iter().cloned().chain(local).collect(), transport: self.transport }
    }

    /// The embedded half of it.
    pub(crate) fn embedded(&self) -> Servers {
        Servers { places: vec![ServerChoice::Embedded], transport: self.transport }
    }
}

fn real_place(word: &str) -> Result<ServerChoice, String> {
    let real = ServerChoice::REAL;
    match word.parse() {
        Ok(ServerChoice::Embedded) => Err(format!("the embedded server is always one of the two; name a real one: {real}")),
        Ok(choice) => Ok(choice),
        Err(_) => Err(format!("expected {real}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Command, FromArgMatches};

    fn parsed<T: Args + FromArgMatches>(words: &[&str]) -> Result<T, clap::Error> {
        let matches = T::augment_args(Command::new("x")).try_get_matches_from([&["x"], words].concat())?;
        T::from_arg_matches(&matches)
    }

    #[test]
    fn a_url_names_its_database_and_the_other_one_is_as_before() {
        let both = [Database::Postgres, Database::MySql];
        let servers = |words: &[&str]| parsed::<Servers>(words).expect("valid");
        let url = "postgres://me:secret@here:5432/db";
        let chosen = servers(&["--server", "local", "--server", url]);
        let expected = vec![(both[0], ServerChoice::Url(url.to_owned())), (both[1], ServerChoice::Local)];
        assert_eq!(chosen.of(&both).expect("valid"), expected);
        assert_eq!(chosen.again(both[0]), " --server postgres://me:PASSWORD@here:5432/db");
        assert_eq!(chosen.again(both[1]), " --server local");
        assert_eq!(servers(&[]).of(&both).expect("valid"), both.map(|database| (database, ServerChoice::Embedded)));
        assert_eq!(servers(&[]).again(both[0]), "");
        let other = servers(&["--server", "mysql://me@here/db?password=secret&port=1"]);
        assert_eq!(other.again(both[1]), " --server 'mysql://me@here/db?password=PASSWORD&port=1'");
        assert!(servers(&["--server", url, "--server", url]).of(&both).is_err());
        assert!(servers(&["--server", url]).of(&[Database::MySql]).is_err());
        let contained = servers(&["--server", "container", "--server", url]);
        assert_eq!((contained.word(both[0]), contained.word(both[1])), ("url", "container"));
        assert_eq!(contained.again(both[1]), " --server container");
        assert!(servers(&["--server", "container", "--server", "local"]).of(&both).is_err());
        assert_eq!(servers(&["--server", "local", "--transport", "tls"]).again(both[1]), " --server local --transport tls");
        assert!(parsed::<Servers>(&["--transport", "udp"]).is_err());
        assert!(parsed::<Servers>(&["--server", "oracle://here"]).is_err());
    }

    /// A pool that would fall back to another way is not asked.
    #[test]
    fn a_pool_that_cannot_take_a_transport_is_left_out_or_refused_by_its_name() {
        let pools = poolproof_targets::pools;
        let reached = |transport: &str, pools: Vec<Target>, named| {
            parsed::<Servers>(&["--transport", transport]).expect("valid").reachable(pools, named).map(|able| able.len())
        };
        assert_eq!(reached("unix", pools(), true).ok(), Some(pools().len()));
        let all = reached("unix+tls", pools(), false).expect("some can");
        assert!(all < pools().len());
        let unable: Vec<Target> = pools().into_iter().filter(|pool| !pool.transports().contains(&Transport::UnixTls)).collect();
        assert!(reached("unix+tls", unable.clone(), false).is_err() && reached("unix+tls", pools(), true).is_err());
    }

    #[test]
    fn the_embedded_server_is_compared_with_real_ones_only() {
        let both = [Database::Postgres, Database::MySql];
        let real = |words: &[&str]| parsed::<RealServers>(words).map(|servers| servers.real().of(&both).expect("valid"));
        assert_eq!(real(&[]).expect("valid"), both.map(|database| (database, ServerChoice::Local)));
        let url = "mysql://me@here/db";
        let mixed = vec![(both[0], ServerChoice::Local), (both[1], ServerChoice::Url(url.to_owned()))];
        assert_eq!(real(&["--server", url]).expect("valid"), mixed);
        let contained = both.map(|database| (database, ServerChoice::Container));
        assert_eq!(real(&["--server", "container"]).expect("valid"), contained);
        let error = real(&["--server", "embedded"]).expect_err("it is compared with itself");
        assert!(error.to_string().contains("name a real one"), "{error}");
    }
}
