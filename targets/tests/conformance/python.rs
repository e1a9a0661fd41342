//! Pools in Python, run by the system's Python: what the field reported of them is found, and its cures pass.

use std::process::Command;

use libtest_mimic::Trial;
use poolproof::Database;

use crate::lab::{Outcome, ensure, is_required, run, says, scratch, tool};

/// The system's own, with what `.ci/debian-packages` names.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

pub(crate) fn trials() -> Vec<Trial> {
    let with = |name: &'static str, driver: &'static str, test: fn() -> Outcome| {
        let there = imports(&format!("sqlalchemy, {driver}"));
        let database = if driver == "psycopg2" { Database::Postgres } else { Database::MySql };
        Trial::test(name, test).with_ignored_flag(!there && !is_required(database))
    };
    vec![
        with("the agent in Python keeps to the protocol", "psycopg2", || checked("sqlalchemy-queuepool-psycopg2", "postgres")),
        with("so it does with MySQL", "pymysql", || checked("sqlalchemy-session-pymysql", "mysql")),
        with("SQLAlchemy's QueuePool breaks OWN-1 in a child that uses or drops it", "psycopg2", || {
            let words = ["OWN-1", "not safe under: child-uses-pool, child-drops", "--python /usr/bin/python3"];
            certify("sqlalchemy-queuepool-psycopg2", "child-uses-pool,child-drops", 1, &words)
        }),
        with("SQLAlchemy's QueuePool breaks OWN-1 with MySQL, too", "pymysql", || {
            certify("sqlalchemy-queuepool-pymysql", "child-uses-pool", 1, &["OWN-1"])
        }),
        with("an engine that is disposed before the fork is safe", "psycopg2", || {
            certify("sqlalchemy-queuepool-psycopg2", "dispose-before-fork", 0, &["safe under: dispose-before-fork"])
        }),
        with("SQLAlchemy's NullPool leaves a child nothing where nothing is checked out", "psycopg2", || {
            // No session crosses a fork: OWN-1 has no opportunity, and everything else passes.
            certify("sqlalchemy-nullpool-psycopg2", "fork-when-idle", 4, &["under fork-when-idle nothing could break OWN-1"])
        }),
        with("an engine in a file is led to the server of the run", "psycopg2", own_engine),
        with("a class of one's own in a file is judged", "psycopg2", own_class),
        with("every pool in Python is listed", "psycopg2", listed),
        Trial::test("without python3 it is said what to install", no_python),
        Trial::test("a driver that cannot be built is named", no_driver),
    ]
}

/// The system has a Python, with these modules.
pub(crate) fn imports(modules: &str) -> bool {
    Command::new(PYTHON).args(["-c", &format!("import {modules}")]).output().is_ok_and(|output| output.status.success())
}

/// A test that needs a module of the system's Python.
pub(crate) fn with_module(module: &str, name: impl Into<String>, test: impl FnOnce() -> Outcome + Send + 'static) -> Trial {
    let there = imports(module);
    Trial::test(name, test).with_ignored_flag(!there && !is_required(Database::Postgres))
}

fn checked(pool: &str, database: &str) -> Outcome {
    let agent = format!("{PYTHON} '{DIRECTORY}/agent.py'");
    says(tool().args(["check-agent", &agent, "--database", database, "--pool", pool]), 0, &["keeps to the protocol"])
}

fn certify(pool: &str, promises: &str, code: i32, words: &[&str]) -> Outcome {
    let (_directory, path) = scratch();
    let mut command = tool();
    command.args(["certify", pool, "--promise", promises, "--cases", "60", "--workers", "1", "--python", PYTHON]);
    says(command.arg("--out").arg(&path), code, words)
}

/// Its URL leads nowhere, and its settings are its own.
fn own_engine() -> Outcome {
    let (_directory, path) = scratch();
    let (app, story) = (path.join("app.py"), path.join("story.interleaving"));
    std::fs::write(
        &app,
        "import sqlalchemy\nengine = sqlalchemy.create_engine('postgresql+psycopg2://me:x@nowhere.invalid/app')\n",
    )?;
    std::fs::write(
        &story,
        "promise child-uses-pool\np0 open\np0 checkout a\np0 query a\np0 return a\np0 fork p1\np1 checkout b\np1 query b\n",
    )?;
    let mut command = tool();
    command.arg("replay").arg(&story).args(["--pool", &format!("{}:engine", app.display())]);
    let words = ["app-engine breaks OWN-1", "p1 wrote Query", "app.py:engine --database postgres"];
    says(command.args(["--database", "postgres", "--python", PYTHON]), 1, &words)
}

/// One connection for whoever asks: a child has its parent's.
const OWN_CLASS: &str = "\
import psycopg2


class OneConnection:
    def __init__(self, config):
        host = config['socket'].rpartition('/')[0]
        login = {'user': config['user'], 'password': config['password'], 'dbname': config['database']}
        self.connection = psycopg2.connect(host=host, port=config['port'], **login)
        self.connection.autocommit = True

    def checkout(self, patience):
        return self

    def query(self, sql):
        cursor = self.connection.cursor()
        cursor.execute(sql)
        return [list(row) for row in cursor.fetchall()] if cursor.description else []

    def begin(self):
        self.query('BEGIN')

    def commit(self):
        self.query('COMMIT')

    def rollback(self):
        self.query('ROLLBACK')

    def give_back(self):
        pass
";

fn own_class() -> Outcome {
    let (_directory, path) = scratch();
    let (app, story) = (path.join("app.py"), path.join("story.interleaving"));
    std::fs::write(&app, OWN_CLASS)?;
    std::fs::write(&story, "promise child-uses-pool\np0 open\np0 fork p1\np1 checkout a\np1 query a\n")?;
    let mut command = tool();
    command.arg("replay").arg(&story).args(["--pool", &format!("{}:OneConnection", app.display())]);
    let words = ["app-OneConnection breaks OWN-1", "p1 wrote Query"];
    says(command.args(["--database", "postgres", "--python", PYTHON]), 1, &words)
}

/// The pool's interpreter would have to be made first.
fn first_use(path: &std::path::Path) -> Command {
    let mut command = tool();
    command.args(["certify", "sqlalchemy-queuepool-mysqlclient"]).arg("--out").arg(path);
    command.env("XDG_CACHE_HOME", path.join("cache")).env("PATH", path);
    command
}

fn no_python() -> Outcome {
    let (_directory, path) = scratch();
    says(&mut first_use(&path), 3, &["error: cannot run python3", "hint: install python3, or name an interpreter"])
}

/// An interpreter that makes environments, in which nothing can be installed.
fn no_driver() -> Outcome {
    let (_directory, path) = scratch();
    let script = "#!/bin/sh\ncase \"$*\" in\n  *'-m venv'*) for place; do :; done; /bin/mkdir -p \"$place/bin\"; /bin/cp \"$0\" \
                  \"$place/bin/python3\" ;;\n  *mysqlclient*) echo 'Failed building wheel for mysqlclient' >&2; exit 1 ;;\n  \
                  *pip*) ;;\n  *) echo 3.11 ;;\nesac\n";
    let program = path.join("python3");
    std::fs::write(&program, script)?;
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let words = ["Failed building wheel for mysqlclient", "the Python package mysqlclient==", "--python PATH"];
    says(&mut first_use(&path), 3, &words)
}

/// The names that the tool knows are those that the agent knows.
fn listed() -> Outcome {
    let script = "import pools; print(*(f'sqlalchemy-{k}-{d}' for d in pools.DRIVERS for k in pools.KINDS), 'psycopg-pool')";
    let output = run(Command::new(PYTHON).args(["-c", script]).current_dir(DIRECTORY).env("PYTHONDONTWRITEBYTECODE", "1"));
    let known: Vec<String> = poolproof_targets::python::known().into_iter().map(|known| known.name).collect();
    let there = String::from_utf8_lossy(&output.stdout);
    ensure(there.trim() == known.join(" "), || format!("{there}\n{known:?}"))
}
