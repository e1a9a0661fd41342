//! Pools that another program runs: `--agent COMMAND --database DATABASE`.

use clap::Args;
use poolproof::words::quoted;
use poolproof::{Database, Program, Target};

use super::exit::Stop;
use super::names;

/// Which other program runs the pools.
#[derive(Args, Debug, Default)]
pub(crate) struct Foreign {
    /// A program that runs the pools, in any language, as one would type it: see docs/agent-protocol.md
    #[arg(long, value_name = "COMMAND", requires = "database")]
    agent: Option<String>,
    /// What the agent's pools speak: postgres or mysql
    #[arg(long, value_name = "DATABASE", requires = "agent")]
    database: Option<Database>,
}

/// An agent's only pool, if it is not given a name.
const UNNAMED: &str = "agent";

impl Foreign {
    /// That one.
    pub(crate) fn of_agent(command: &str, database: Database) -> Self {
        Self { agent: Some(command.to_owned()), database: Some(database) }
    }

    /// The pools of these names: the agent's, if there is one, and else those that are built in.
    pub(crate) fn pools(&self, names: &[String]) -> Result<Vec<Target>, Stop> {
        match self.program() {
            Some(_) if names.is_empty() => self.pool(None).map(|target| vec![target]),
            Some(_) => names.iter().map(|name| self.pool(Some(name))).collect(),
            None => names::pools(names),
        }
    }

    /// One pool.
    pub(crate) fn pool(&self, name: Option<&str>) -> Result<Target, Stop> {
        let name = name.unwrap_or(UNNAMED);
        let Some((command, database)) = self.program() else { return names::pool(name) };
        // It names a directory, too.
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '/') || name.starts_with('.') {
            return Err(Stop::usage(format!("'{name}' is no name for a pool: it has no blanks and no slashes")));
        }
        Ok(Target::of_program(name, command, database, Program::of_command(command)))
    }

    fn program(&self) -> Option<(&str, Database)> {
        Some((self.agent.as_deref()?, self.database?))
    }

    /// The words that name the same pool again.
    pub(crate) fn again(&self, target: &Target) -> String {
        let pool = format!(" --pool {}", target.name());
        match self.program() {
            Some((command, database)) => format!("{pool} --agent {} --database {}", quoted(command), database.name()),
            None => pool,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign() -> Foreign {
        Foreign { agent: Some("python3 'my agent.py'".to_owned()), database: Some(Database::MySql) }
    }

    #[test]
    fn an_agent_is_named_again_with_its_pool() {
        let target = foreign().pool(Some("queue")).expect("a name");
        assert_eq!((target.name(), target.database()), ("queue", Database::MySql));
        assert_eq!(foreign().again(&target), r" --pool queue --agent 'python3 '\''my agent.py'\''' --database mysql");
        assert_eq!(Foreign::default().again(&target), " --pool queue");
    }

    #[test]
    fn a_pool_of_an_agent_has_a_name_that_a_directory_can_have() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            foreign().pools(&names).map(|targets| targets.iter().map(Target::name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).expect("one"), ["agent"]);
        assert_eq!(names(&["a", "b"]).expect("both"), ["a", "b"]);
        for wrong in ["../x", "a b", "", ".."] {
            assert!(names(&[wrong]).is_err(), "{wrong}");
        }
    }
}
