//! What drivers read: the variables that lead a program to the tap.

use std::path::Path;
use std::process::Command;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::pool::Database;
use crate::server::PORT;
use crate::server::Server;

/// What would lead libpq past the tap, or make demands that nobody can meet on a Unix socket.
const AGAINST_POSTGRES: [&str; 6] =
    ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGREQUIREPEER", "PGSSLMODE", "PGSSLNEGOTIATION"];
/// The same for MySQL's clients.
const AGAINST_MYSQL: [&str; 1] = ["MYSQL_TCP_PORT"];

/// What a URL may not hold as it is. Not every driver decodes the name of the database.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Leads a program to the tap.
pub(super) fn prepare(command: &mut Command, server: &Server, socket: &Path) {
    command.env("POOLPROOF_WATCH_SOCKET", socket);
    match server.database {
        Database::Postgres => postgres(command, server, socket),
        Database::MySql => mysql(command, server, socket),
    }
}

fn postgres(command: &mut Command, server: &Server, socket: &Path) {
    let directory = socket.parent().unwrap_or(socket);
    for variable in AGAINST_POSTGRES {
        command.env_remove(variable);
    }
    command.env("PGHOST", directory).env("PGPORT", PORT.to_string());
    command.env("PGUSER", &server.user).env("PGPASSWORD", &server.password).env("PGDATABASE", &server.name);
    let url = format!("postgresql://{}?host={}&port={PORT}", place("", server), directory.display());
    command.env("DATABASE_URL", url);
}

fn mysql(command: &mut Command, server: &Server, socket: &Path) {
    for variable in AGAINST_MYSQL {
        command.env_remove(variable);
    }
    // A client that is told no host, or this one, takes the socket.
    command.env("MYSQL_UNIX_PORT", socket).env("MYSQL_HOST", "localhost");
    command.env("MYSQL_USER", &server.user).env("MYSQL_PWD", &server.password).env("MYSQL_PASSWORD", &server.password);
    command.env("MYSQL_DATABASE", &server.name);
    let url = format!("mysql://{}?unix_socket={}", place("localhost", server), socket.display());
    command.env("DATABASE_URL", url);
}

/// User, password, host and database as they stand in a URL.
fn place(host: &str, server: &Server) -> String {
    let [user, password, name] = [&server.user, &server.password, &server.name].map(|part| utf8_percent_encode(part, ENCODED));
    format!("{user}:{password}@{host}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::embedded;
    use std::ffi::OsStr;

    fn prepared(database: Database) -> Command {
        let mut command = Command::new("true");
        let server = Server { password: "s@c/ret".to_owned(), ..embedded(database) };
        prepare(
            &mut command,
            &server,
            Path::new(match database {
                Database::Postgres => "/run/x/.s.PGSQL.5432",
                Database::MySql => "/run/x/mysql.sock",
            }),
        );
        command
    }

    fn value(command: &Command, name: &str) -> Option<String> {
        let (_, value) = command.get_envs().find(|(known, _)| *known == OsStr::new(name))?;
        Some(value?.to_string_lossy().into_owned())
    }

    #[test]
    fn a_url_leads_to_the_socket_with_an_encoded_password() {
        let postgres = prepared(Database::Postgres);
        let url = "postgresql://poolproof:s%40c%2Fret@/poolproof?host=/run/x&port=5432";
        assert_eq!(value(&postgres, "DATABASE_URL").as_deref(), Some(url));
        assert_eq!(value(&postgres, "PGHOST").as_deref(), Some("/run/x"));
        assert_eq!(value(&postgres, "PGPASSWORD").as_deref(), Some("s@c/ret"));
        let mysql = prepared(Database::MySql);
        let url = "mysql://poolproof:s%40c%2Fret@localhost/poolproof?unix_socket=/run/x/mysql.sock";
        assert_eq!(value(&mysql, "DATABASE_URL").as_deref(), Some(url));
        assert_eq!(value(&mysql, "MYSQL_UNIX_PORT").as_deref(), Some("/run/x/mysql.sock"));
    }

    #[test]
    fn what_would_lead_past_the_socket_is_taken_away() {
        let removed = |command: &Command, name: &str| command.get_envs().any(|(known, value)| known == name && value.is_none());
        assert!(AGAINST_POSTGRES.iter().all(|name| removed(&prepared(Database::Postgres), name)));
        assert!(AGAINST_MYSQL.iter().all(|name| removed(&prepared(Database::MySql), name)));
    }
}
