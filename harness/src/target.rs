//! A pool by name, with its type erased: what the command line and the suite choose from.

use std::path::Path;

use crate::pool::{Database, Pool};

/// A kind of pool that can be judged. It is copied freely, and what is known of it only at run time is leaked: there are few.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    name: &'static str,
    about: &'static str,
    database: Database,
    #[cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]
    agent: Agent,
}

/// What plays the agent.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]
enum Agent {
    /// This binary.
    Inside(fn(&Path) -> Never),
    /// Another program.
    Program(&'static Program),
}

/// A program that speaks the agent protocol, in whatever language; see `docs/agent-protocol.md`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The program, and its arguments.
    pub argv: Vec<String>,
    /// What its environment has beside this process's.
    pub environment: Vec<(String, String)>,
    /// Files that it needs, by name, which lie in one directory while it runs. An argument that is such a name becomes its path.
    pub files: Vec<(String, String)>,
}

impl Program {
    /// The program that a shell would run for that command; the shell makes way for it.
    pub fn of_command(command: &str) -> Self {
        let argv = ["/bin/sh", "-c", &format!("exec {command}")].map(str::to_owned).into();
        Self { argv, ..Self::default() }
    }
}

/// The agent's main function does not return.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Never {}

impl Target {
    /// The target of one kind of pool, under a name without blanks, with a few words on what it is.
    pub const fn of<P: Pool>(name: &'static str, about: &'static str) -> Self {
        Self { name, about, database: P::DATABASE, agent: Agent::Inside(agent::<P>) }
    }

    /// A pool that another program runs. It finds the name as `POOLPROOF_POOL` in its environment.
    pub fn of_program(name: &str, about: &str, database: Database, program: Program) -> Self {
        let leak = |words: &str| -> &'static str { Box::leak(words.into()) };
        Self { name: leak(name), about: leak(about), database, agent: Agent::Program(Box::leak(Box::new(program))) }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it is.
    pub const fn about(&self) -> &'static str {
        self.about
    }

    /// The protocol that it speaks.
    pub const fn database(&self) -> Database {
        self.database
    }

    #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
    /// The agent's main function, if it is in this program.
    pub(crate) fn main(&self) -> Option<fn(&Path) -> Never> {
        match self.agent {
            Agent::Inside(main) => Some(main),
            Agent::Program(_) => None,
        }
    }

    /// The program that runs it, if that is not this one.
    #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
    pub(crate) fn program(&self) -> Option<&'static Program> {
        match self.agent {
            Agent::Inside(_) => None,
            Agent::Program(program) => Some(program),
        }
    }
}

#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
fn agent<P: Pool>(control: &Path) -> Never {
    crate::agent::main::<P>(control)
}

#[cfg(not(all(target_os = "linux", not(poolproof_elsewhere))))]
fn agent<P: Pool>(_control: &Path) -> Never {
    std::process::exit(3)
}
