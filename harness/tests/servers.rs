//! Real servers: started from the installed programs, asked over both protocols, and gone when the run is.
//!
//! Not the ordinary test harness: the supervisor is this same binary, started anew, and `main` decides which one it is.

#![cfg_attr(
    all(target_os = "linux", not(poolproof_elsewhere)),
    allow(dead_code, unused_imports, unreachable_pub, clippy::unwrap_used)
)]

#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn main() {}

// The modules under test are not public; they are compiled here once more, with a stand-in for what only their errors mention.
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/choice.rs"]
mod choice;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod interleaving {
    pub(crate) type ParseError = String;
}
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/limits.rs"]
mod limits;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/mysql/mod.rs"]
mod mysql;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/pool.rs"]
mod pool;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/proc.rs"]
mod proc;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/server/mod.rs"]
mod server;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/supervisor/mod.rs"]
mod supervisor;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod support;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/transport.rs"]
mod transport;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
#[path = "../src/trouble.rs"]
mod trouble;

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn main() {
    if std::env::var("POOLPROOF_ROLE").as_deref() == Ok("supervisor") {
        supervisor::main();
    }
    tests::main()
}

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod tests {
    use std::sync::atomic::AtomicBool;

    /// Nobody presses Ctrl-C here.
    static NEVER: AtomicBool = AtomicBool::new(false);

    use std::fs;
    use std::time::{Duration, Instant};

    use nix::sys::signal::Signal;

    use crate::pool::{Database, Rows};
    use crate::server::admin::blocking;
    use crate::server::{Address, Origin, Server, from_url, local};
    use crate::supervisor::Supervisor;
    use crate::support::{self, Coordinator, Memory, NOBODY, announce_and_stay, is_swept, processes};
    use crate::trouble::Trouble;

    const BOTH: [Database; 2] = [Database::Postgres, Database::MySql];

    pub(crate) fn main() {
        match std::env::args().nth(1).as_deref() {
            Some("coordinate") => coordinate(),
            Some("start") => start(),
            Some("measure") => measure(),
            _ => support::run(vec![
                ("postgres_starts_answers_and_leaves_nothing", || starts_and_stops(Database::Postgres)),
                ("mysql_starts_answers_and_leaves_nothing", || starts_and_stops(Database::MySql)),
                ("kill_9_of_the_coordinator_leaves_no_server", kill_9_leaves_no_server),
                ("kill_9_of_the_supervisor_leaves_no_server", kill_9_of_the_supervisor_leaves_no_server),
                ("kill_9_during_a_start_leaves_nothing", kill_9_during_a_start_leaves_nothing),
                ("a_url_finds_a_server_on_tcp_and_on_its_socket", a_url_finds_a_server),
                ("what_is_wrong_with_a_server_is_said", what_is_wrong_is_said),
                ("every_login_of_postgres_is_understood", every_login_of_postgres),
                ("answers_of_all_shapes_are_read", answers_of_all_shapes),
            ]),
        }
    }

    fn coordinate() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let _servers = BOTH.map(|database| local(&supervisor, database, false).unwrap());
        announce_and_stay(supervisor.run_dir())
    }

    /// Says where before anything runs, for a test that ends it in the middle.
    fn start() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        println!("{}", supervisor.run_dir().display());
        let _servers = BOTH.map(|database| local(&supervisor, database, false).unwrap());
        loop {
            std::thread::park();
        }
    }

    /// For people: how long the starts and the end take.
    fn measure() {
        for database in BOTH {
            let begun = Instant::now();
            let supervisor = Supervisor::start(&NEVER).unwrap();
            let supervised = begun.elapsed();
            let server = local(&supervisor, database, false).unwrap();
            let started = begun.elapsed() - supervised;
            supervisor.finish().unwrap();
            let ended = begun.elapsed() - supervised - started;
            println!("{server:?}: supervisor {supervised:?}, server {started:?}, end {ended:?}, headroom {}", server.headroom);
        }
    }

    fn one(value: &str) -> Rows {
        vec![vec![Some(value.to_owned())]]
    }

    fn over_tcp(server: &Server) -> Server {
        let (host, port) = server.tcp.clone().unwrap();
        Server { address: Address::Tcp(host, port), ..server.clone() }
    }

    fn as_url(server: &Server) -> String {
        let (scheme, (host, port)) = (server.database.name(), server.tcp.clone().unwrap());
        format!("{scheme}://{}:{}@{host}:{port}/{}", server.user, server.password, server.name)
    }

    fn as_socket_url(server: &Server) -> String {
        let Address::Unix(path) = &server.address else { panic!("a local server has a socket") };
        let (scheme, user, password, name) = (server.database.name(), &server.user, &server.password, &server.name);
        match server.database {
            Database::Postgres => {
                let (dir, port) = (path.parent().unwrap().display(), server.tcp.as_ref().unwrap().1);
                format!("{scheme}://{user}:{password}@/{name}?host={dir}&port={port}")
            }
            Database::MySql => format!("{scheme}://{user}:{password}@/{name}?socket={}", path.display()),
        }
    }

    fn starts_and_stops(database: Database) {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let run_dir = supervisor.run_dir().to_owned();
        let server = local(&supervisor, database, false).unwrap();
        assert_eq!(server.origin, Origin::Local);
        let products: &[&str] = if database == Database::Postgres { &["PostgreSQL "] } else { &["MariaDB ", "MySQL "] };
        assert!(products.iter().any(|product| server.product.starts_with(product)), "{}", server.product);
        assert!(server.headroom > 100);
        assert!(server.address.to_string().len() < 60, "{}", server.address);
        assert!(server.log.as_ref().unwrap().exists());
        assert_eq!(blocking(&server, "SELECT 1 + 1", &NEVER).unwrap(), one("2"));
        assert_eq!(blocking(&over_tcp(&server), "SELECT 1 + 1", &NEVER).unwrap(), one("2"));
        blocking(&server, "CREATE TABLE t (a VARCHAR(9))", &NEVER).unwrap();
        blocking(&server, "INSERT INTO t VALUES ('x')", &NEVER).unwrap();
        assert_eq!(blocking(&server, "SELECT a FROM t", &NEVER).unwrap(), one("x"));
        let stranger = Server { user: "root".to_owned(), password: String::new(), ..over_tcp(&server) };
        assert!(blocking(&stranger, "SELECT 1", &NEVER).is_err(), "nobody gets in without a password");
        assert!(!format!("{server:?}").contains(&server.password));

        let second = local(&supervisor, database, false).unwrap();
        assert_ne!(second.address, server.address, "a run may have two");
        let memory = Memory::of(&processes(&run_dir.display().to_string()));
        supervisor.finish().unwrap();
        assert_eq!(processes(&run_dir.display().to_string()), NOBODY);
        assert!(!run_dir.exists());
        assert!(!memory.iter().any(Memory::exists), "{memory:?}");
    }

    fn kill_9_leaves_no_server() {
        let memory = Coordinator::start("coordinate").leaves_nothing_after(Signal::SIGKILL, false);
        assert!(!memory.is_empty(), "PostgreSQL has a segment, which it cannot remove when it is killed");
    }

    /// Servers end by themselves then, and PostgreSQL in good order: nobody else would remove its segment.
    fn kill_9_of_the_supervisor_leaves_no_server() {
        let run_dir = Coordinator::start("coordinate").leaves_nothing_without_its_supervisor();
        drop(Supervisor::start(&NEVER).unwrap());
        assert!(is_swept(&run_dir), "the next run sweeps it");
    }

    /// While `initdb` runs, its servers have memory of the other kind.
    fn kill_9_during_a_start_leaves_nothing() {
        let coordinator = Coordinator::start("start");
        let is_file = |memory: &Memory| matches!(memory, Memory::Posix(_));
        let begun = Instant::now();
        // The test is about the middle of the start, whenever that is; looking for it must not outlast it.
        while !Memory::of(&coordinator.processes()).iter().any(is_file) && begun.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        coordinator.leaves_nothing_after(Signal::SIGKILL, false);
    }

    fn a_url_finds_a_server() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        for database in BOTH {
            let server = local(&supervisor, database, false).unwrap();
            let found = from_url(&as_url(&server), &NEVER).unwrap();
            assert_eq!((found.origin, &found.product), (Origin::Url, &server.product));
            assert_eq!(blocking(&found, "SELECT 7", &NEVER).unwrap(), one("7"));
            let found = from_url(&as_socket_url(&server), &NEVER).unwrap();
            assert_eq!((&found.address, &found.product), (&server.address, &server.product));
        }
    }

    fn what_is_wrong_is_said() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let servers = BOTH.map(|database| local(&supervisor, database, false).unwrap());
        let words = |url: &str| from_url(url, &NEVER).expect_err(url).to_string();
        for server in &servers {
            let url = as_url(server);
            let denied = words(&url.replace(&server.password, "wrong"));
            assert!(denied.contains("password") && !denied.contains("wrong"), "{denied}");
            let lost = words(&format!("{}/nowhere", url.rsplit_once('/').unwrap().0));
            assert!(lost.contains("nowhere"), "{lost}");
            let port = server.tcp.as_ref().unwrap().1.to_string();
            let closed = words(&url.replace(&port, "1"));
            assert!(closed.contains("refused") && closed.contains("127.0.0.1:1"), "{closed}");
            let sql = blocking(server, "SELECT nonsense", &NEVER).unwrap_err();
            assert!(matches!(&sql, Trouble::Refused { cause, .. } if cause.contains("nonsense")), "{sql}");
        }
        let [postgres, mysql] = &servers;
        let other = words(&as_url(mysql).replace("mysql://", "postgres://"));
        assert!(other.contains("PostgreSQL"), "{other}"); // what it is not, whether its greeting was read or it hung up first

        blocking(postgres, "CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 3", &NEVER).unwrap();
        let few = words(&as_url(postgres).replace(&format!("poolproof:{}", postgres.password), "few:few"));
        assert!(few.contains("has room for 3 more connections") && few.contains("needs 65"), "{few}");
        blocking(mysql, "SET GLOBAL max_connections = 20", &NEVER).unwrap();
        let few = words(&as_url(mysql));
        assert!(few.contains("more connections"), "{few}");
    }

    fn every_login_of_postgres() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        let server = local(&supervisor, Database::Postgres, false).unwrap();
        let hba = server.address.to_string().rsplit_once('/').unwrap().0.to_owned() + "/data/pg_hba.conf";
        let lines = "VALUES ('local all md md5'), ('local all clear password'), ('local all free trust'), \
                     ('local all all scram-sha-256')";
        for sql in [
            "SET password_encryption = 'md5'; CREATE ROLE md LOGIN PASSWORD 'sesame'",
            "CREATE ROLE clear LOGIN PASSWORD 'sesame'",
            "CREATE ROLE usual LOGIN PASSWORD 'sesame'",
            "CREATE ROLE free LOGIN",
            &format!("COPY ({lines}) TO '{hba}'"),
        ] {
            blocking(&server, sql, &NEVER).unwrap();
        }
        // Each session reads the new rules when it starts: by then the server has its signal.
        blocking(&server, "SELECT pg_reload_conf()", &NEVER).unwrap();
        blocking(&server, "SELECT count(*) FROM pg_hba_file_rules", &NEVER).unwrap();
        for user in ["md", "clear", "usual", "free"] {
            let login = |password: &str| {
                let server = Server { user: user.to_owned(), password: password.to_owned(), ..server.clone() };
                blocking(&server, "SELECT current_user", &NEVER)
            };
            assert_eq!(login("sesame").unwrap(), one(user));
            assert_eq!(login("wrong").is_ok(), user == "free", "{user}");
        }
    }

    fn answers_of_all_shapes() {
        let supervisor = Supervisor::start(&NEVER).unwrap();
        for database in BOTH {
            let server = local(&supervisor, database, false).unwrap();
            let ask = |sql: &str| blocking(&server, sql, &NEVER).unwrap();
            assert_eq!(
                ask("SELECT 1 AS a, NULL AS b, '' AS c, 'é' AS d")[0],
                [Some("1"), None, Some(""), Some("é")].map(|v| v.map(str::to_owned))
            );
            assert_eq!(ask("CREATE TABLE nothing (a INT)"), Rows::new());
            assert_eq!(ask("SELECT a FROM nothing"), Rows::new());
            assert_eq!(
                ask("SELECT 1; INSERT INTO nothing VALUES (3); SELECT a FROM nothing").concat(),
                [Some("1".to_owned()), Some("3".to_owned())]
            );
            let long = ask("SELECT repeat('x', 300), repeat('y', 70000), 'z'");
            assert_eq!(long[0].iter().map(|value| value.as_ref().unwrap().len()).collect::<Vec<_>>(), [300, 70000, 1]);
            if database == Database::MySql {
                ask("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024");
            }
            // More than fits into one packet of MySQL's protocol; and exactly one, which an empty one follows.
            for length in [0x00ff_ffff - 4, 20_000_000] {
                let huge = ask(&format!("SELECT repeat('x', {length}), 'end'"));
                assert_eq!(huge[0][0].as_ref().unwrap().len(), length);
                assert_eq!(huge[0][1].as_deref(), Some("end"));
            }
        }
    }
}
