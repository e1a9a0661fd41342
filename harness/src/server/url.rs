//! A server that is already there, named by a URL.
//!
//! It starts nothing and changes nothing on the server.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use percent_encoding::percent_decode_str;

use super::{Address, Origin, Server, probe};
use crate::pool::Database;
use crate::trouble::Trouble;

const POSTGRES: &str =
    "postgres://USER:PASSWORD@HOST:5432/DATABASE, or postgres://USER:PASSWORD@/DATABASE?host=/SOCKET/DIRECTORY&port=5432";
const MYSQL: &str = "mysql://USER:PASSWORD@HOST:3306/DATABASE, or mysql://USER:PASSWORD@/DATABASE?socket=/PATH/OF/SOCKET";
const EITHER: &str = "postgres://USER:PASSWORD@HOST:5432/DATABASE or mysql://USER:PASSWORD@HOST:3306/DATABASE";

/// The server that a URL names: `postgres://`, `postgresql://`, `mysql://` or `mariadb://`. It is asked what it is.
///
/// # Errors
/// [`Trouble::Url`] for a URL that cannot be understood, [`Trouble::Connect`] and [`Trouble::Refused`] for a server that does not
/// answer, [`Trouble::Headroom`] for one with too few sessions left.
pub(crate) fn from_url(url: &str, stop: &AtomicBool) -> Result<Server, Trouble> {
    let mut server = parse(url)?;
    probe::probe(&mut server, stop)?;
    Ok(server)
}

fn parse(url: &str) -> Result<Server, Trouble> {
    let shown = without_password(url);
    let wrong = |form| {
        let url = shown.clone();
        move |cause: String| Trouble::Url { url, cause, form }
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong(EITHER)("this is no URL".to_owned()))?;
    match scheme {
        "postgres" | "postgresql" => Parts::split(rest).and_then(Parts::postgres).map_err(wrong(POSTGRES)),
        "mysql" | "mariadb" => Parts::split(rest).and_then(Parts::mysql).map_err(wrong(MYSQL)),
        _ => Err(wrong(EITHER)(format!("'{scheme}' is no database that poolproof speaks"))),
    }
}

/// The decoded parts of a URL after its scheme.
#[derive(Default)]
struct Parts {
    user: Option<String>,
    password: String,
    host: Option<String>,
    port: Option<u16>,
    name: Option<String>,
    socket: Option<String>,
}

impl Parts {
    fn split(rest: &str) -> Result<Self, String> {
        let mut parts = Self::default();
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold a '/' or '@' that nobody encoded; what follows the last '@' cannot.
        let (login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (host, name) = place.split_once('/').unwrap_or((place, ""));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        parts.user = Some(decode(user)?).filter(|user| !user.is_empty());
        parts.password = decode(password)?;
        parts.name = Some(decode(name)?).filter(|name| !name.is_empty());
        parts.set_host(host)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            parts.set(key, decode(value)?)?;
        }
        Ok(parts)
    }

    fn set_host(&mut self, host: &str) -> Result<(), String> {
        if host.contains(',') {
            return Err("it names several hosts; name one".to_owned());
        }
        let (host, port) = match host.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']').ok_or("the bracket around its host is not closed")?;
                (host, after.strip_prefix(':'))
            }
            None => host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))),
        };
        self.host = Some(decode(host)?).filter(|host| !host.is_empty());
        self.port = port.filter(|port| !port.is_empty()).map(decode_port).transpose()?;
        Ok(())
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), String> {
        match key {
            "host" => self.host = Some(value),
            "port" => self.port = Some(decode_port(&value)?),
            "user" => self.user = Some(value),
            "password" => self.password = value,
            "dbname" => self.name = Some(value),
            "socket" | "unix_socket" => self.socket = Some(value),
            "sslmode" | "ssl-mode"
                if ["disable", "disabled", "allow", "prefer", "preferred"].contains(&&*value.to_lowercase()) => {}
            "sslmode" | "ssl-mode" => return Err(format!("{key}={value}: poolproof's own session speaks no TLS")),
            // They mean nothing to the harness, and are common in URLs that are pasted.
            "application_name" | "connect_timeout" | "charset" | "client_encoding" => {}
            _ => return Err(format!("poolproof does not know the parameter '{key}'")),
        }
        Ok(())
    }

    fn postgres(self) -> Result<Server, String> {
        if self.socket.is_some() {
            return Err("a PostgreSQL socket is named by its directory: ?host=/DIRECTORY".to_owned());
        }
        let port = self.port.unwrap_or(5432);
        let address = match &self.host {
            Some(host) if host.starts_with('/') => Address::Unix(PathBuf::from(host).join(format!(".s.PGSQL.{port}"))),
            _ => Address::Tcp(self.host.clone().unwrap_or_else(|| "localhost".to_owned()), port),
        };
        self.server(Database::Postgres, address)
    }

    fn mysql(self) -> Result<Server, String> {
        let socket = self.socket.clone().or_else(|| self.host.clone().filter(|host| host.starts_with('/')));
        let address = match socket {
            Some(path) => Address::Unix(path.into()),
            None => Address::Tcp(self.host.clone().unwrap_or_else(|| "localhost".to_owned()), self.port.unwrap_or(3306)),
        };
        if self.name.is_none() {
            return Err("it names no database; poolproof needs one, for a table of its own".to_owned());
        }
        self.server(Database::MySql, address)
    }

    fn server(self, database: Database, address: Address) -> Result<Server, String> {
        // As the databases' own clients do: the system's user, and for PostgreSQL a database of that name.
        let user = self.user.or_else(system_user).ok_or("it names no user, and this process has no user name")?;
        let tcp = match &address {
            Address::Tcp(host, port) => Some((host.clone(), *port)),
            Address::Unix(_) | Address::Inside => None,
        };
        Ok(Server {
            database,
            product: String::new(),
            origin: Origin::Url,
            address,
            tcp,
            name: self.name.unwrap_or_else(|| user.clone()),
            user,
            password: self.password,
            headroom: 0,
            certificate: None,
            log: None,
            pooler: None,
        })
    }
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| format!("'{text}' is not text when it is decoded"))
}

fn decode_port(port: &str) -> Result<u16, String> {
    port.parse().ok().filter(|&port| port > 0).ok_or_else(|| {
        format!("'{port}' is no port; a ':', '/', '@', '?' or '#' in the password is written %3A, %2F, %40, %3F or %23")
    })
}

fn system_user() -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name)
}

/// For messages, which may end up in the log of a build.
fn without_password(url: &str) -> String {
    let url = match url.split_once("password=") {
        Some((before, after)) => format!("{before}password=…{}", after.find('&').map_or("", |end| &after[end..])),
        None => url.to_owned(),
    };
    let (Some(start), Some(end)) = (url.find("://").map(|at| at + 3), url.rfind('@')) else { return url };
    match url.get(start..end).and_then(|login| login.split_once(':')) {
        Some((user, _)) => format!("{}{user}:…{}", &url[..start], &url[end..]),
        None => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Server {
        parse(url).unwrap_or_else(|trouble| panic!("{trouble}"))
    }

    fn wrong(url: &str) -> String {
        parse(url).expect_err(url).to_string()
    }

    #[test]
    fn urls_name_host_port_user_and_database() {
        let server = parsed("postgres://me:s%40cret@db.example:6000/orders");
        assert_eq!(server.address, Address::Tcp("db.example".into(), 6000));
        assert_eq!((&*server.user, &*server.password, &*server.name), ("me", "s@cret", "orders"));
        assert_eq!(server.tcp, Some(("db.example".into(), 6000)));

        assert_eq!(parsed("postgresql://me@h/d").address, Address::Tcp("h".into(), 5432));
        assert_eq!(parsed("mysql://me@h/d").address, Address::Tcp("h".into(), 3306));
        assert_eq!(parsed("mariadb://me@[::1]:33/d").address.to_string(), "[::1]:33");
        assert_eq!(parsed("postgres://me@h").name, "me", "PostgreSQL's clients take the user's name");
    }

    #[test]
    fn sockets_are_named_as_the_clients_name_them() {
        let socket = |url: &str| match parsed(url).address {
            Address::Unix(path) => path.display().to_string(),
            other => panic!("{url} names a socket, not {other}"),
        };
        assert_eq!(socket("postgres://me@/d?host=/run/pg"), "/run/pg/.s.PGSQL.5432");
        assert_eq!(socket("postgres://me@/d?host=/run/pg&port=7"), "/run/pg/.s.PGSQL.7");
        assert_eq!(socket("postgres://me@%2Frun%2Fpg:7/d"), "/run/pg/.s.PGSQL.7");
        assert_eq!(socket("mysql://me@localhost/d?socket=/run/my%20sql.sock"), "/run/my sql.sock");
        assert_eq!(socket("mysql://me@/d?unix_socket=/run/my.sock"), "/run/my.sock");
    }

    #[test]
    fn a_wrong_url_says_what_is_wrong_and_shows_the_right_form() {
        for (url, cause) in [
            ("localhost:5432", "this is no URL"),
            ("oracle://me@h/d", "'oracle' is no database"),
            ("postgres://me:pass@h:port/d", "'port' is no port"),
            ("postgres://me@h:0/d", "'0' is no port"),
            ("postgres://me@a,b/d", "several hosts"),
            ("postgres://me@h/d?sslmode=require", "speaks no TLS"),
            ("postgres://me@h/d?sslmod=disable", "parameter 'sslmod'"),
            ("postgres://me@/d?socket=/run/x", "?host=/DIRECTORY"),
            ("postgres://me@[::1/d", "bracket"),
            ("postgres://%ff@h/d", "not text"),
            ("mysql://me@h", "no database"),
        ] {
            let words = wrong(url);
            assert!(words.contains(cause), "{url}: {words}");
            assert!(words.contains("USER:PASSWORD@HOST"), "{url}: {words}");
        }
    }

    #[test]
    fn no_message_shows_the_password() {
        for url in ["postgres://me:sesame@h:x/d", "mysql://me:ses/ame@h", "mysql://h?password=sesame&user=me", "sesame@h"] {
            let words = wrong(url);
            assert!(url == "sesame@h" || !words.contains("same"), "{words}");
        }
        assert_eq!(without_password("mysql://h/d?password=x&user=me"), "mysql://h/d?password=…&user=me");
    }
}
