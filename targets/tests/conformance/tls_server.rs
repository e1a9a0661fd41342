//! A PostgreSQL with TLS, and a key pair that is made for it: for what only TLS shows, and only the server's log tells.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use libtest_mimic::Failed;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};

const READY: &str = "database system is ready to accept connections";
/// Nobody else has this server, and nobody needs it tomorrow.
const SETTINGS: [&str; 6] =
    ["ssl=on", "fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories=", "autovacuum=off", "max_connections=50"];

/// It ends when it is dropped.
pub(crate) struct TlsServer {
    server: Child,
    log: BufReader<ChildStderr>,
    port: u16,
    _directory: tempfile::TempDir,
}

impl TlsServer {
    pub(crate) fn start() -> Result<Self, Failed> {
        let directory = tempfile::tempdir()?;
        let user = owner(directory.path())?;
        let bin = programs().ok_or("no PostgreSQL is installed")?;
        let data = directory.path().join("data");
        let run = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(directory.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            if let Some(user) = &user {
                command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
            }
            command
        };
        let mut initdb = run(&bin.join("initdb"));
        done(initdb.arg("-D").arg(&data).args(["-U", "poolproof", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C"]))?;
        let mut pair = run(Path::new("openssl"));
        pair.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
        pair.args(["-subj", "/CN=localhost", "-keyout", "data/server.key", "-out", "data/server.crt"]);
        done(&mut pair)?;
        // Somebody may take the port before the server does: then it does not start, and says so.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut server = run(&bin.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        // SAFETY: between fork and exec one system call is made, which is safe there.
        unsafe { server.pre_exec(|| set_pdeathsig(Signal::SIGQUIT).map_err(Into::into)) };
        let mut server = server.spawn()?;
        let mut log = BufReader::new(server.stderr.take().ok_or("a pipe")?);
        let (mut said, mut line) = (String::new(), String::new());
        while !line.contains(READY) {
            line.clear();
            if log.read_line(&mut line)? == 0 {
                return Err(format!("PostgreSQL did not start: {said}").into());
            }
            said.push_str(&line);
        }
        Ok(Self { server, log, port, _directory: directory })
    }

    /// As SQLAlchemy and libpq read it.
    pub(crate) fn url(&self) -> String {
        format!("postgresql://poolproof@127.0.0.1:{}/postgres?sslmode=require", self.port)
    }

    /// Ends it, and gives what it has logged.
    pub(crate) fn finish(mut self) -> Result<String, Failed> {
        self.end();
        let lines: Result<Vec<String>, _> = self.log.by_ref().lines().collect();
        Ok(lines?.join("\n"))
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = i32::try_from(self.server.id()).map(|pid| kill(Pid::from_raw(pid), Signal::SIGINT));
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.end();
        let _ = self.server.wait();
    }
}

/// PostgreSQL does not run as root: then it has a user of its own, who owns the directory.
fn owner(directory: &Path) -> Result<Option<User>, Failed> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = User::from_name("postgres")?.ok_or("there is no user postgres")?;
    chown(directory, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    Ok(Some(user))
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut there: Vec<PathBuf> =
        versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists()).collect();
    there.sort();
    there.pop()
}

fn done(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    let said = || format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(said().into()) }
}
