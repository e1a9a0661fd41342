//! A private PgBouncer before a private PostgreSQL.
//!
//! It listens on a Unix socket alone, and lets clients in by the same secret as the server behind it.

use std::fs;
use std::path::Path;

use super::{Running, account, directories, find, home, launch, looked_in, postgres, private_file};
use crate::choice::Pooling;
use crate::server::admin::blocking;
use crate::server::{Address, Pooler, Server};
use crate::supervisor::Supervisor;
use crate::trouble::Trouble;

const NAME: &str = "pgbouncer";
/// Where distributions put it, which is not on everybody's `PATH`.
const KNOWN: &[&str] = &["/usr/sbin", "/usr/local/sbin"];
/// The number in the name of its socket.
const PORT: u16 = 6432;
/// As many clients, and as many sessions behind them: nobody waits for a session of the server. The server allows more.
const CLIENTS: u32 = 150;
/// The word before its version, in the line that it logs when it serves.
const UP: &str = "process up: PgBouncer ";

/// Starts both.
pub(in crate::server) fn start(supervisor: &Supervisor, pooling: Pooling) -> Result<Server, Trouble> {
    let program = find(NAME, &directories(KNOWN)).ok_or_else(|| Trouble::NoPooler { looked: looked_in(KNOWN) })?;
    let server = postgres::start(supervisor, false)?;
    // Where servers may not run as root, neither does it.
    let user = account(&["postgres", "nobody"])?;
    let home = home(supervisor, NAME, user)?;
    let log = home.with_extension("log");
    let settings = home.join("pgbouncer.ini");
    private_file(&home.join("users"), &users(&server, supervisor)?, user)?;
    private_file(&settings, &ini(&server, &home, pooling), user)?;
    let argv = vec![program.display().to_string(), settings.display().to_string()];
    let running = Running::start(supervisor, &launch(argv, &home, user, &log))?;
    // The socket is no sign: it appears before anybody listens on it.
    running.wait_until(supervisor.run_dir(), || running.has_said(UP))?;
    let said = fs::read_to_string(&log).unwrap_or_default();
    let version = said.split_once(UP).and_then(|(_, rest)| rest.split([',', '\n']).next()).unwrap_or("of an unknown version");
    Ok(Server {
        product: format!("PgBouncer {version} by the {}, before {}", pooling.name(), server.product),
        pooler: Some(Pooler { behind: server.address.clone(), pooling }),
        address: Address::Unix(home.join(format!(".s.PGSQL.{PORT}"))),
        tcp: None,
        headroom: server.headroom.min(CLIENTS),
        log: Some(log),
        ..server
    })
}

/// The user and its secret as the server has it: with that one PgBouncer lets a client in, and logs in with what the client has proved.
fn users(server: &Server, supervisor: &Supervisor) -> Result<String, Trouble> {
    let rows = blocking(server, "SELECT rolpassword FROM pg_authid WHERE rolname = current_user", supervisor.stop_flag())?;
    let secret = rows.into_iter().flatten().flatten().next().unwrap_or_default();
    Ok(format!("\"{}\" \"{secret}\"\n", server.user))
}

fn ini(server: &Server, home: &Path, pooling: Pooling) -> String {
    let (directory, port) = match &server.address {
        Address::Unix(socket) => (socket.parent().unwrap_or(socket), socket.extension().unwrap_or_default().to_string_lossy()),
        Address::Tcp(..) | Address::Inside => unreachable!("a private server has a socket"),
    };
    format!(
        "[databases]\n\
         * = host={directory} port={port}\n\
         [pgbouncer]\n\
         listen_port = {PORT}\n\
         unix_socket_dir = {home}\n\
         auth_type = scram-sha-256\n\
         auth_file = {home}/users\n\
         pool_mode = {pooling}\n\
         max_client_conn = {CLIENTS}\n\
         default_pool_size = {CLIENTS}\n\
         # Settings that clients send when they log in, and that are not known here.\n\
         ignore_startup_parameters = extra_float_digits,options\n\
         log_connections = 0\n\
         log_disconnections = 0\n\
         log_stats = 0\n",
        directory = directory.display(),
        home = home.display(),
        pooling = pooling.name(),
    )
}
