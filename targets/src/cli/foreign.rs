//! Pools that another program runs: an agent that somebody names, `--agent COMMAND --database DATABASE`, or the one for Python.

use poolproof::words::quoted;
use poolproof::{Database, Program, Target};
use poolproof_targets::{python, versions};

use super::args::Foreign;
use super::exit::Stop;
use super::names;
use super::progress::Teller;
use super::python::{installed, interpreter};

/// An agent's only pool, if it is not given a name.
const UNNAMED: &str = "agent";

impl Foreign {
    /// That agent.
    pub(crate) fn of_agent(command: &str, database: Database) -> Self {
        Self { agent: Some(command.to_owned()), database: Some(database), python: None }
    }

    /// The pools of these names: the agent's, if there is one, and else those that are built in, or in Python.
    pub(crate) fn pools(&self, names: &[String], teller: &mut Teller) -> Result<Vec<Target>, Stop> {
        match names {
            [] if self.agent.is_some() => self.pool(None, teller).map(|target| vec![target]),
            [] => names::pools(&[]),
            names => {
                let mut targets: Vec<Target> = Vec::new();
                for name in names {
                    let target = self.pool(Some(name), teller)?;
                    if targets.iter().all(|other| other.name() != target.name()) {
                        targets.push(target);
                    }
                }
                Ok(targets)
            }
        }
    }

    /// One pool.
    pub(crate) fn pool(&self, name: Option<&str>, teller: &mut Teller) -> Result<Target, Stop> {
        let name = name.unwrap_or(UNNAMED);
        if let (Some(command), Some(database)) = (&self.agent, self.database) {
            check_name(name)?;
            return Ok(Target::of_program(name, command, database, Program::of_command(command)));
        }
        if let Some((file, own)) = name.split_once(IN_FILE) {
            let database = self.database.ok_or_else(|| {
                Stop::usage(format!("{name} is in a file: say with --database what it speaks, postgres or mysql"))
            })?;
            let stem = file.rsplit('/').next().unwrap_or(file);
            let short = format!("{stem}-{own}");
            check_name(&short)?;
            let python = interpreter(self.python.as_deref(), &[python::SQLALCHEMY, driver_of(database)], teller)?;
            return Ok(python::own_target(&short, name, database, &python));
        }
        match python::known().into_iter().find(|known| known.name == name) {
            Some(known) => {
                let python = interpreter(self.python.as_deref(), &known.packages, teller)?;
                Ok(python::target(&known, &python))
            }
            None => names::pool(name),
        }
    }

    /// The crates or packages whose code a pool runs, each with its version, where that is known.
    pub(crate) fn versions(&self, target: &Target, teller: &mut Teller) -> Result<Vec<String>, Stop> {
        if self.agent.is_some() {
            return Ok(Vec::new());
        }
        let name = self.name(target);
        let packages = match python::known().into_iter().find(|known| known.name == name) {
            Some(known) => known.packages,
            None if name.contains(IN_FILE) => vec![python::SQLALCHEMY],
            None => {
                let versions = versions::of(target.name());
                return Ok(versions.into_iter().map(|(name, version)| format!("{name} {version}")).collect());
            }
        };
        let python = interpreter(self.python.as_deref(), &packages, teller)?;
        installed(&python, &packages)
    }

    /// The words that name the same pool again.
    pub(crate) fn again(&self, target: &Target) -> String {
        format!(" --pool {}{}", self.name(target), self.options())
    }

    /// The name by which a pool is found again.
    pub(crate) fn name(&self, target: &Target) -> String {
        let in_file = self.agent.is_none() && target.about().contains(IN_FILE);
        quoted(if in_file { target.about() } else { target.name() })
    }

    /// The words that name the program that runs the pools, if it is not this one.
    pub(crate) fn options(&self) -> String {
        let mut words = String::new();
        if let Some(command) = &self.agent {
            words.push_str(&format!(" --agent {}", quoted(command)));
        }
        if let Some(database) = self.database {
            words.push_str(&format!(" --database {}", database.name()));
        }
        if let Some(python) = &self.python {
            words.push_str(&format!(" --python {}", quoted(python)));
        }
        words
    }
}

/// Between a file and what has a name in it: `app.py:engine`.
const IN_FILE: &str = ".py:";

/// The driver that a file is given, if poolproof chooses the interpreter.
fn driver_of(database: Database) -> &'static str {
    match database {
        Database::Postgres => "psycopg2",
        Database::MySql => "pymysql",
    }
}

/// It names a directory, too.
fn check_name(name: &str) -> Result<(), Stop> {
    match name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '/') || name.starts_with('.') {
        true => Err(Stop::usage(format!("'{name}' is no name for a pool: it has no blanks and no slashes"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign() -> Foreign {
        Foreign::of_agent("python3 'my agent.py'", Database::MySql)
    }

    #[test]
    fn an_agent_is_named_again_with_its_pool() {
        let target = foreign().pool(Some("queue"), &mut Teller::new()).expect("a name");
        assert_eq!((target.name(), target.database()), ("queue", Database::MySql));
        assert_eq!(foreign().again(&target), r" --pool queue --agent 'python3 '\''my agent.py'\''' --database mysql");
        assert_eq!(Foreign::default().again(&target), " --pool queue");
    }

    #[test]
    fn a_pool_in_a_file_is_named_by_its_file() {
        let foreign = |database| Foreign { database, python: Some("/usr/bin/python3".to_owned()), agent: None };
        let known = foreign(Some(Database::Postgres));
        let target = known.pool(Some("some/app.py:engine"), &mut Teller::new()).expect("a place");
        assert_eq!((target.name(), target.database()), ("app-engine", Database::Postgres));
        assert_eq!(known.again(&target), " --pool some/app.py:engine --database postgres --python /usr/bin/python3");
        assert!(foreign(None).pool(Some("app.py:engine"), &mut Teller::new()).is_err(), "what does it speak?");
        let target = foreign(None).pool(Some("sqlalchemy-nullpool-pymysql"), &mut Teller::new()).expect("it is known");
        assert_eq!(foreign(None).again(&target), " --pool sqlalchemy-nullpool-pymysql --python /usr/bin/python3");
    }

    #[test]
    fn a_pool_of_an_agent_has_a_name_that_a_directory_can_have() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            foreign().pools(&names, &mut Teller::new()).map(|targets| targets.iter().map(Target::name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).expect("one"), ["agent"]);
        assert_eq!(names(&["a", "b"]).expect("both"), ["a", "b"]);
        for wrong in ["../x", "a b", "", ".."] {
            assert!(names(&[wrong]).is_err(), "{wrong}");
        }
    }
}
