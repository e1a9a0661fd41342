//! A private PostgreSQL server: `initdb`, then `postgres`, without anything that makes data survive a crash.

use std::fs;
use std::path::{Path, PathBuf};

use super::tls::{self, KeyPair};
use super::{PORT_TAKEN, PORTS, Running, account, directories, find, free_port, home, launch, no_server, private_file, scram};
use crate::pool::Database;
use crate::server::{Address, Origin, Server, probe};
use crate::supervisor::{Supervisor, random_name};
use crate::trouble::Trouble;

/// Where distributions put `initdb` and `postgres`, which are seldom on `PATH`.
const KNOWN: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/libexec/postgresql*",
    "/usr/local/pgsql/bin",
    "/usr/lib/postgresql/bin",
];
const USER: &str = "poolproof";

/// Nothing is flushed, nothing runs in the background that a case could meet, and nothing is left outside of the run directory.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "wal_init_zero=off",
    "min_wal_size=32MB",
    "max_wal_size=128MB",
    "checkpoint_timeout=1h",
    "log_checkpoints=off",
    "shared_buffers=16MB",
    "dynamic_shared_memory_type=mmap",
    "max_connections=200",
    "autovacuum=off",
    "max_logical_replication_workers=0",
    "max_parallel_workers_per_gather=0",
    "jit=off",
    "listen_addresses=127.0.0.1",
    // The port by which a line of the log is known to be about a session.
    "log_line_prefix=%m [%p] %r ",
];

/// Starts one.
pub(in crate::server) fn start(supervisor: &Supervisor, encrypted: bool) -> Result<Server, Trouble> {
    let bin = find_programs(&directories(KNOWN)).ok_or_else(|| no_server(Database::Postgres, KNOWN))?;
    // `initdb` wants a user that has a name.
    let user = account(&["postgres", "nobody"])?;
    let home = home(supervisor, "pg", user)?;
    let log = log_beside(&home);
    let password = random_name(26);
    initialise(supervisor, &bin, &home, user, &log, &password)?;
    let pair = encrypted.then(|| tls::make(supervisor, &home, user, &log)).transpose()?;
    for _ in 0..PORTS {
        let port = free_port()?;
        let mut argv = vec![text(&bin.join("postgres")), "-D".to_owned(), text(&home.join("data"))];
        for setting in SETTINGS {
            argv.extend(["-c".to_owned(), (*setting).to_owned()]);
        }
        argv.extend(tls_settings(pair.as_ref()).into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        argv.extend(["-c".to_owned(), format!("port={port}")]);
        argv.extend(["-c".to_owned(), format!("unix_socket_directories={}", home.display())]);
        let _ = fs::remove_file(&log);
        let mut program = launch(argv, &home, user, &log);
        // Killed, it would leave a segment of shared memory; without a supervisor nobody is there to remove that.
        program.orphaned = Some(libc::SIGQUIT);
        let running = Running::start(supervisor, &program)?;
        match running.wait_until(&home.join("data"), || is_ready(&home)) {
            Err(Trouble::Server { .. }) if running.has_said(PORT_TAKEN) => continue,
            Err(trouble) => return Err(trouble),
            Ok(()) => {}
        }
        let mut server = Server {
            database: Database::Postgres,
            product: String::new(),
            origin: Origin::Local,
            address: Address::Unix(home.join(format!(".s.PGSQL.{port}"))),
            tcp: Some(("127.0.0.1".to_owned(), port)),
            user: USER.to_owned(),
            password,
            name: "postgres".to_owned(),
            headroom: 0,
            certificate: pair.map(|pair| pair.certificate),
            log: Some(log),
            pooler: None,
        };
        probe::probe(&mut server, supervisor.stop_flag())?;
        return Ok(server);
    }
    let cause = format!("found its port taken {PORTS} times");
    Err(Trouble::Server { program: text(&bin.join("postgres")), cause, log: String::new() })
}

fn tls_settings(pair: Option<&KeyPair>) -> Vec<String> {
    match pair {
        None => vec!["ssl=off".to_owned()],
        Some(KeyPair { key, certificate }) => vec![
            "ssl=on".to_owned(),
            format!("ssl_key_file={}", key.display()),
            format!("ssl_cert_file={}", certificate.display()),
        ],
    }
}

/// Both programs, from one directory.
fn find_programs(looked: &[PathBuf]) -> Option<PathBuf> {
    looked.iter().find_map(|dir| {
        let bin = find("initdb", std::slice::from_ref(dir))?.parent()?.to_owned();
        find("postgres", std::slice::from_ref(&bin)).map(|_| bin)
    })
}

fn initialise(
    supervisor: &Supervisor,
    bin: &Path,
    home: &Path,
    user: Option<(u32, u32)>,
    log: &Path,
    password: &str,
) -> Result<(), Trouble> {
    let secret = home.join("secret");
    private_file(&secret, &scram::stored(password, random_name(16).as_bytes()), user)?;
    let argv = [
        &text(&bin.join("initdb")),
        &format!("--pgdata={}", home.join("data").display()),
        &format!("--username={USER}"),
        &format!("--pwfile={}", secret.display()),
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        // Small files of the log: there is little to log, and less to write and to remove.
        "--wal-segsize=1",
    ];
    let argv = argv.map(ToOwned::to_owned).to_vec();
    Running::start(supervisor, &launch(argv, home, user, log))?.completed()?;
    let _ = fs::remove_file(&secret);
    Ok(())
}

/// The eighth line of `postmaster.pid` is the server's state, since PostgreSQL 10.
fn is_ready(home: &Path) -> bool {
    fs::read_to_string(home.join("data/postmaster.pid"))
        .is_ok_and(|state| state.lines().nth(7).is_some_and(|line| line.trim_end() == "ready"))
}

/// Beside the server's directory, which is not ours to write to.
fn log_beside(home: &Path) -> PathBuf {
    home.with_extension("log")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
