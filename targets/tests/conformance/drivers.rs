//! Drivers of other languages connect to the embedded servers as they are.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;
use poolproof::Database;
use poolproof::server::serve::Served;

use crate::lab::{Outcome, ensure, is_required, run, scratch};
use crate::python::PYTHON;

/// A client: its name, the database, how it is started, and how one finds out that it is there.
struct Driver {
    name: &'static str,
    database: Database,
    command: fn(&Path) -> Command,
    probe: &'static [&'static str],
}

const DRIVERS: [Driver; 7] = [
    python(Database::Postgres, "psycopg2", |_| script("psycopg2_driver.py", &[]), &[PYTHON, "-c", "import psycopg2"]),
    python(Database::Postgres, "psycopg", |_| script("psycopg_driver.py", &[]), &[PYTHON, "-c", "import psycopg"]),
    python(Database::Postgres, "asyncpg", |_| script("asyncpg_driver.py", &[]), &[PYTHON, "-c", "import asyncpg"]),
    python(Database::MySql, "pymysql", |_| script("mysql_drivers.py", &["pymysql"]), &[PYTHON, "-c", "import pymysql"]),
    python(Database::MySql, "mysqlclient", |_| script("mysql_drivers.py", &["MySQLdb"]), &[PYTHON, "-c", "import MySQLdb"]),
    Driver { name: "psql", database: Database::Postgres, command: psql, probe: &["psql", "--version"] },
    Driver { name: "mariadb", database: Database::MySql, command: mariadb, probe: &["mariadb", "--version"] },
];

pub(crate) fn trials() -> Vec<Trial> {
    DRIVERS
        .into_iter()
        .map(|driver| {
            let [program, arguments @ ..] = driver.probe else { unreachable!("a probe is a command") };
            let there = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
            let ignored = !there && !is_required(driver.database);
            let name = format!("{} talks to the embedded server", driver.name);
            Trial::test(name, move || talks(&driver)).with_ignored_flag(ignored)
        })
        .collect()
}

const fn python(database: Database, name: &'static str, command: fn(&Path) -> Command, probe: &'static [&'static str]) -> Driver {
    Driver { name, database, command, probe }
}

fn script(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(PYTHON);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/drivers").join(name)).args(arguments);
    command
}

fn psql(directory: &Path) -> Command {
    let mut command = Command::new("psql");
    command.args(["-X", "-v", "ON_ERROR_STOP=1", "-h"]).arg(directory);
    command.args(["-c", "BEGIN", "-c", "SELECT 1 AS one", "-c", "ROLLBACK", "-c", "SELECT version()"]);
    command
}

fn mariadb(directory: &Path) -> Command {
    let mut command = Command::new("mariadb");
    command.arg("--no-defaults").arg("--socket").arg(directory.join("mysql.sock"));
    command.args(["--user", "poolproof", "--execute", "START TRANSACTION; SELECT 1 AS one; ROLLBACK; SELECT VERSION()"]);
    command
}

fn talks(driver: &Driver) -> Outcome {
    let (_directory, path) = scratch();
    let served = Served::start(driver.database, &path)?;
    let config = served.config();
    let mut command = (driver.command)(&path);
    command.env("DIRECTORY", &path).env("DBUSER", &config.user).env("PASSWORD", &config.password);
    command.env("DATABASE", &config.database).env("MYSQL_PWD", &config.password);
    command.env("PGUSER", &config.user).env("PGPASSWORD", &config.password).env("PGDATABASE", &config.database);
    let output = run(&mut command);
    ensure(output.status.success(), || {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}
