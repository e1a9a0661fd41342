//! What ends a run, and what to do about it: mostly something that is wrong with the environment.
//!
//! A pool's error is an outcome of a step, and never trouble.

use std::path::PathBuf;

use crate::interleaving::ParseError;
use crate::pool::Database;
use crate::transport::Transport;

/// Why poolproof cannot work here. Each message ends with what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No server program is installed.
    #[error("{}", no_server(*database, looked))]
    NoServer {
        /// Which kind was wanted.
        database: Database,
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// No PgBouncer is installed.
    #[error(
        "no PgBouncer is installed (looked in {}); install it, on Debian and Ubuntu by `apt-get install pgbouncer`, or take \
         `--server local`",
        looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoPooler {
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// PgBouncer was asked for, and a database that it does not know.
    #[error("PgBouncer speaks PostgreSQL's protocol alone; name another server for this database")]
    OnlyPostgres,
    /// The run directory could not be made, or could not be removed.
    #[error("{cause}; set TMPDIR to a directory with free space that this user can write to")]
    RunDirectory {
        /// What was tried, and the system's words.
        cause: String,
    },
    /// The supervisor could not be started, or it is gone.
    #[error("the supervisor process {cause}")]
    Supervisor {
        /// What it did, and what to do.
        cause: String,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {cause}; check that it is installed and that this user may run it")]
    Program {
        /// Its path.
        program: String,
        /// The system's words.
        cause: String,
    },
    /// A server's program ended or did not become ready.
    #[error("{program} {cause}{}", quoted(log))]
    Server {
        /// Its path.
        program: String,
        /// What happened.
        cause: String,
        /// The last lines that it wrote.
        log: String,
    },
    /// No container engine answers.
    #[error(
        "no container engine answers: {cause}; start one: `sudo systemctl start docker`, or `sudo dockerd` where there is no systemd. \
         DOCKER_HOST names the socket of one that listens elsewhere (Podman's: unix:///run/user/UID/podman/podman.sock). \
         `--server local` needs none"
    )]
    Engine {
        /// The engine's address, and the system's words.
        cause: String,
    },
    /// An image is not there and cannot be had.
    #[error(
        "the image {image} is not here and cannot be pulled: {cause}; name another one in {variable}, or build it: docker/README.md \
         of poolproof says how"
    )]
    Image {
        /// Its name.
        image: String,
        /// The variable that names another one.
        variable: &'static str,
        /// The engine's words.
        cause: String,
    },
    /// The library was built without what starts containers.
    #[error("this program was built without containers: switch on the feature `containers` of the crate `poolproof`")]
    WithoutContainers,
    /// The URL of a server cannot be understood.
    #[error("{url}: {cause}; the form is {form}")]
    Url {
        /// The URL, its password left out.
        url: String,
        /// What is wrong.
        cause: String,
        /// What a right one looks like.
        form: &'static str,
    },
    /// A server does not answer as it should.
    #[error("the server at {address}: {cause}; check that it runs, and the user, the password and the database")]
    Connect {
        /// Where it is.
        address: String,
        /// The system's or the server's words.
        cause: String,
    },
    /// A server answered a question of the harness with an error.
    #[error("the server at {address} refuses `{sql}`: {cause}; give poolproof's user the right to do that")]
    Refused {
        /// Where it is.
        address: String,
        /// The question.
        sql: String,
        /// The server's words.
        cause: String,
    },
    /// A server offers too few connections.
    #[error(
        "{product} at {address} has room for {free} more connections, and poolproof needs {needed}: raise `max_connections`, \
         the limits of the user and of the database, or close other clients"
    )]
    Headroom {
        /// What it is.
        product: String,
        /// Where it is.
        address: String,
        /// How many more it allows.
        free: u32,
        /// How many one worker needs.
        needed: u32,
    },
    /// A pool or a server cannot take the transport that was asked for.
    #[error("`--transport {transport}`: {cause}")]
    Transport {
        /// Which.
        transport: Transport,
        /// Why, and what to do.
        cause: String,
    },
    /// A system call failed that should not.
    #[error("cannot {doing}: {cause}; run `poolproof doctor` to see what this machine allows")]
    System {
        /// What was tried.
        doing: String,
        /// The system's words.
        cause: String,
    },
    /// A file or directory that the user named cannot be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        cause: String,
        /// It is not there at all.
        missing: bool,
    },
    /// A file holds no interleaving.
    #[error("{}: {error}", path.display())]
    Interleaving {
        /// Which.
        path: PathBuf,
        /// Where and why.
        error: ParseError,
    },
    /// A file holds no certificate.
    #[error("{}: {error}", path.display())]
    Certificate {
        /// Which.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// The agent does not keep to its protocol, or has died.
    #[error("the agent, the program that runs the pool, failed: {0}")]
    Agent(String),
    /// The server went away while it was in use.
    #[error("the server went away: {0}; check its log")]
    ServerGone(String),
    /// An answer reached the pool that never passed the tap, or the pool waits for one from somebody to whom the tap does not lead.
    #[error(
        "cannot attribute writers here: the pool is answered, or waits to be, without passing the tap, so its driver has a way of its \
         own to the server; give it the socket of its configuration, and switch off what prefers another (for MySQL: `prefer_socket`)"
    )]
    AroundTheTap,
    /// The canary's violation was not seen.
    #[error(
        "cannot attribute writers here: the canary, a pool that certainly breaks OWN-1, was not caught; run `poolproof doctor` to \
         see what this machine lacks"
    )]
    CannotAttribute,
    /// The canary's violation was not seen by its effect.
    #[error(
        "cannot see effects over `--transport {transport}`: the canary, a pool of which a child certainly ends its parent's session, was \
         not caught; run `poolproof doctor` to see what this machine lacks"
    )]
    CannotSee {
        /// Over which.
        transport: Transport,
    },
    /// No server was made ready for a database.
    #[error("no server for {} was made ready", database.name())]
    NotAdded {
        /// Which.
        database: Database,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The harness is wrong.
    #[error("a bug of poolproof: {0}; please report it with the interleaving and the seed")]
    Bug(String),
}

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
impl Trouble {
    pub(crate) fn system(doing: &str, cause: impl std::fmt::Display) -> Self {
        Self::System { doing: doing.to_owned(), cause: cause.to_string() }
    }

    pub(crate) fn file(path: &std::path::Path, error: std::io::Error) -> Self {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        Self::File { path: path.to_owned(), cause: error.to_string(), missing }
    }

    pub(crate) fn directory(path: &std::path::Path, error: std::io::Error) -> Self {
        let cause = format!("{error}; name a directory that this user can write to, on a disk with free space");
        Self::File { path: path.to_owned(), cause, missing: false }
    }
}

fn no_server(database: Database, looked: &[PathBuf]) -> String {
    let (product, debian, fedora, url) = match database {
        Database::Postgres => ("PostgreSQL", "postgresql", "postgresql-server", "postgres://USER:PASSWORD@HOST:5432/DATABASE"),
        Database::MySql => ("MySQL or MariaDB", "mariadb-server", "mariadb-server", "mysql://USER:PASSWORD@HOST:3306/DATABASE"),
    };
    let looked: Vec<String> = looked.iter().map(|path| path.display().to_string()).collect();
    format!(
        "no {product} server is installed; looked in {}. On Debian and Ubuntu `apt-get install {debian}` installs one, on Fedora \
         `dnf install {fedora}`; or name a server that is already running: {url}. poolproof needs Linux: on macOS run it in a \
         Linux container",
        looked.join(", "),
    )
}

fn quoted(log: &str) -> String {
    if log.is_empty() { String::new() } else { format!("; its last words:\n{}", log.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_server_says_where_it_was_sought_and_what_to_install() {
        let words =
            Trouble::NoServer { database: Database::MySql, looked: vec!["/usr/sbin".into(), "/opt/bin".into()] }.to_string();
        for part in ["MySQL or MariaDB", "/usr/sbin, /opt/bin", "apt-get install mariadb-server", "dnf install", "macOS", "Linux"]
        {
            assert!(words.contains(part), "{part} is missing in: {words}");
        }
    }

    #[test]
    fn a_server_that_ended_is_quoted() {
        let trouble =
            Trouble::Server { program: "postgres".into(), cause: "exited with code 1".into(), log: "FATAL: no\n".into() };
        assert_eq!(trouble.to_string(), "postgres exited with code 1; its last words:\nFATAL: no");
    }
}
