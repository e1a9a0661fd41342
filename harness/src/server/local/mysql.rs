//! A private MariaDB or MySQL server, without anything that makes data survive a crash.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::tls::{self, KeyPair};
use super::{PORT_TAKEN, PORTS, Running, account, directories, find, free_port, home, launch, no_server, private_file};
use crate::pool::Database;
use crate::server::{Address, Origin, Server, probe};
use crate::supervisor::{Supervisor, random_name};
use crate::trouble::Trouble;

/// Where distributions put the servers, which are seldom on `PATH`.
const KNOWN: &[&str] =
    &["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin", "/usr/local/mariadb/bin", "/opt/mysql/bin"];
const NAME: &str = "poolproof";

/// Nothing is flushed, nothing runs in the background, and memory is small. All of them are given as `loose`: not every version
/// knows each.
const SETTINGS: &[&str] = &[
    "skip-log-bin",
    "performance-schema=OFF",
    "innodb-flush-log-at-trx-commit=0",
    "innodb-doublewrite=OFF",
    "innodb-buffer-pool-size=16M",
    "innodb-buffer-pool-dump-at-shutdown=OFF",
    "innodb-buffer-pool-load-at-startup=OFF",
    "innodb-purge-threads=1",
    "innodb-read-io-threads=2",
    "innodb-write-io-threads=2",
    "key-buffer-size=8K",
    "table-open-cache=200",
];

const MARIADB: &[&str] = &[
    "innodb-log-file-size=4M",
    "innodb-temp-data-file-path=ibtmp1:1M:autoextend",
    "aria-pagecache-buffer-size=1M",
    "aria-log-file-size=8M",
    "debug-no-sync",
    "sync-frm=OFF",
];

/// The X protocol has a port and a socket of its own, in `/tmp`; the directory of `secure-file-priv` need not be there.
const MYSQL: &[&str] = &[
    "innodb-flush-method=nosync",
    "innodb-buffer-pool-chunk-size=1M",
    "event-scheduler=OFF",
    "mysqlx=OFF",
    "secure-file-priv=NULL",
];

/// A server's program, and what is known about it.
struct Program {
    path: PathBuf,
    mariadb: bool,
    /// The directory that it is installed below, where its messages are.
    base: PathBuf,
}

/// Who and where: what every program of one server is started with.
struct Place<'a> {
    supervisor: &'a Supervisor,
    home: PathBuf,
    log: PathBuf,
    user: Option<(u32, u32)>,
}

/// Starts one.
pub(in crate::server) fn start(supervisor: &Supervisor, encrypted: bool) -> Result<Server, Trouble> {
    let user = account(&["mysql", "nobody"])?;
    let home = home(supervisor, "my", user)?;
    let place = Place { supervisor, log: home.with_extension("log"), home, user };
    let program = place.find_program()?.ok_or_else(|| no_server(Database::MySql, KNOWN))?;
    let program = place.initialise(program)?;
    let password = random_name(26);
    let setup = place.home.join("setup.sql");
    private_file(&setup, &setup_sql(program.mariadb, &password), user)?;
    let pair = encrypted.then(|| tls::make(supervisor, &place.home, user, &place.log)).transpose()?;
    for _ in 0..PORTS {
        let port = free_port()?;
        let _ = fs::remove_file(&place.log);
        let running = place.run(&program, port, &setup, pair.as_ref())?;
        // The socket is no sign: it appears before the server listens on it.
        match running.wait_until(supervisor.run_dir(), || running.has_said(": ready for connections")) {
            Err(Trouble::Server { .. }) if running.has_said(PORT_TAKEN) => continue,
            Err(trouble) => return Err(trouble),
            Ok(()) => {}
        }
        let mut server = Server {
            database: Database::MySql,
            product: String::new(),
            origin: Origin::Local,
            address: Address::Unix(place.home.join("sock")),
            tcp: Some(("127.0.0.1".to_owned(), port)),
            user: NAME.to_owned(),
            password,
            name: NAME.to_owned(),
            headroom: 0,
            certificate: pair.map(|pair| pair.certificate),
            log: Some(place.log.clone()),
            pooler: None,
        };
        return match probe::probe(&mut server, supervisor.stop_flag()) {
            Ok(()) => Ok(server),
            Err(Trouble::Connect { cause, .. }) => Err(running.trouble(&format!("does not answer: {cause}"))),
            Err(trouble) => Err(trouble),
        };
    }
    let cause = format!("found its port taken {PORTS} times");
    Err(Trouble::Server { program: program.path.display().to_string(), cause, log: String::new() })
}

impl Place<'_> {
    fn launch(&self, program: &Program, options: &[String]) -> crate::supervisor::Launch {
        let mut argv = vec![program.path.display().to_string(), "--no-defaults".to_owned()];
        argv.push(format!("--basedir={}", program.base.display()));
        argv.push(format!("--datadir={}", self.home.join("data").display()));
        argv.push(format!("--tmpdir={}", self.home.display()));
        let own = if program.mariadb { MARIADB } else { MYSQL };
        argv.extend(SETTINGS.iter().chain(own).map(|setting| format!("--loose-{setting}")));
        argv.extend_from_slice(options);
        launch(argv, &self.home, self.user, &self.log)
    }

    fn run(&self, program: &Program, port: u16, setup: &Path, pair: Option<&KeyPair>) -> Result<Running<'_>, Trouble> {
        let mut options = vec![
            format!("--socket={}", self.home.join("sock").display()),
            format!("--pid-file={}", self.home.join("pid").display()),
            format!("--init-file={}", setup.display()),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--max-connections=200".to_owned(),
            // Cases break connections off; a server that shuts out a host for that would be of no use.
            "--max-connect-errors=1000000".to_owned(),
            "--character-set-server=utf8mb4".to_owned(),
        ];
        options.extend(pair.into_iter().flat_map(|KeyPair { key, certificate }| {
            [format!("--ssl-key={}", key.display()), format!("--ssl-cert={}", certificate.display())]
        }));
        Running::start(self.supervisor, &self.launch(program, &options))
    }

    fn find_program(&self) -> Result<Option<Program>, Trouble> {
        let found = directories(KNOWN).iter().find_map(|dir| {
            let dir = std::slice::from_ref(dir);
            find("mariadbd", dir).or_else(|| find("mysqld", dir))
        });
        let Some(path) = found else { return Ok(None) };
        let base = path.parent().and_then(Path::parent).unwrap_or(Path::new("/usr")).to_owned();
        // `mysqld` may be a link to `mariadbd`, which was followed, and may be MariaDB under its old name.
        let mariadb = path.ends_with("mariadbd") || self.version(&path)?.contains("MariaDB");
        Ok(Some(Program { path, mariadb, base }))
    }

    fn version(&self, path: &Path) -> Result<String, Trouble> {
        let answer = self.home.with_extension("version");
        let argv = vec![path.display().to_string(), "--version".to_owned()];
        Running::start(self.supervisor, &launch(argv, &self.home, self.user, &answer))?.completed()?;
        Ok(fs::read_to_string(answer).unwrap_or_default())
    }

    /// Makes the data directory; gives the program that can use it.
    fn initialise(&self, program: Program) -> Result<Program, Trouble> {
        if program.mariadb {
            return match self.bootstrap(&program) {
                Err(Trouble::Server { .. }) | Ok(false) => self.install(&program),
                done => done.map(drop),
            }
            .map(|()| program);
        }
        let Err(refused) = self.initialise_mysql(&program) else { return Ok(program) };
        // On Ubuntu AppArmor lets the installed program use its usual directories only. A copy has another name, and may.
        let copy = self.home.join("mysqld");
        if !matches!(refused, Trouble::Server { .. }) || fs::copy(&program.path, &copy).is_err() {
            return Err(refused);
        }
        let copied = Program { path: copy, ..program };
        self.initialise_mysql(&copied).map_err(|_| refused)?;
        Ok(copied)
    }

    fn initialise_mysql(&self, program: &Program) -> Result<(), Trouble> {
        self.fresh_data()?;
        Running::start(self.supervisor, &self.launch(program, &["--initialize-insecure".to_owned()]))?.completed()
    }

    /// What `mariadb-install-db` does, without help texts and the sys schema: half of the time. `false`: its parts are not where
    /// they used to be.
    fn bootstrap(&self, program: &Program) -> Result<bool, Trouble> {
        let mut sql = "CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n".to_owned();
        for name in ["system_tables.sql", "system_tables_data.sql"] {
            let places =
                ["share/mysql/mysql_", "share/mariadb/mysql_", "share/mysql/mariadb_", "share/mariadb/mariadb_", "share/mysql_"];
            let found = places.iter().find_map(|place| fs::read_to_string(program.base.join(format!("{place}{name}"))).ok());
            let Some(found) = found else { return Ok(false) };
            let _ = writeln!(sql, "{found}");
        }
        self.fresh_data()?;
        let input = self.home.join("bootstrap.sql");
        private_file(&input, &sql, self.user)?;
        // As the script does it: long statements, and no engine enforced by the build.
        let options = ["--bootstrap", "--silent-startup", "--enforce-storage-engine=", "--max-allowed-packet=8M"];
        let mut launch = self.launch(program, &options.map(ToOwned::to_owned));
        launch.input = Some(input);
        Running::start(self.supervisor, &launch)?.completed()?;
        Ok(true)
    }

    /// By MariaDB's own script.
    fn install(&self, program: &Program) -> Result<(), Trouble> {
        let beside = [program.base.join("bin"), program.base.join("scripts")];
        let script = ["mariadb-install-db", "mysql_install_db"].iter().find_map(|name| {
            let companions = find(name, &beside);
            companions.or_else(|| find(name, &directories(KNOWN)))
        });
        let script = script.ok_or_else(|| Trouble::Program {
            program: "mariadb-install-db".to_owned(),
            cause: format!("it is not installed beside {}", program.path.display()),
        })?;
        self.fresh_data()?;
        let mut launch = self.launch(program, &[]);
        launch.argv[0] = script.display().to_string();
        let options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force"];
        launch.argv.extend(options.map(ToOwned::to_owned));
        // The script looks for everything below its base, and knows by itself where the distribution put it.
        launch.argv.retain(|argument| !argument.starts_with("--basedir=") || program.base != Path::new("/usr"));
        Running::start(self.supervisor, &launch)?.completed()
    }

    fn fresh_data(&self) -> Result<(), Trouble> {
        let data = self.home.join("data");
        let _ = fs::remove_dir_all(&data);
        let made = fs::create_dir(&data).and_then(|()| super::give(&data, self.user));
        made.map_err(|error| Trouble::RunDirectory { cause: format!("cannot make {}: {error}", data.display()) })
    }
}

/// Run by the server before it lets anybody in: a statement a line. The passwordless root that the installation made must go: the
/// server's port is open to every user of the machine.
fn setup_sql(mariadb: bool, password: &str) -> String {
    let (identified, no_root) = if mariadb {
        (
            format!("IDENTIFIED VIA mysql_native_password USING PASSWORD('{password}')"),
            "DELETE FROM mysql.global_priv WHERE User = 'root';\nFLUSH PRIVILEGES;",
        )
    } else {
        (format!("IDENTIFIED BY '{password}'"), "DROP USER IF EXISTS 'root'@'localhost';")
    };
    format!(
        "CREATE DATABASE {NAME} CHARACTER SET utf8mb4;\n\
         CREATE USER '{NAME}'@'%' {identified};\n\
         GRANT ALL PRIVILEGES ON *.* TO '{NAME}'@'%' WITH GRANT OPTION;\n\
         {no_root}\n"
    )
}
