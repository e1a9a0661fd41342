//! A pool by name, with its type erased: what the command line and the suite choose from.

use std::path::Path;

use crate::pool::{Database, Pool};
use crate::transport::Transport;

/// A kind of pool that can be judged. It is copied freely, and what is known of it only at run time is leaked: there are few.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    name: &'static str,
    about: &'static str,
    database: Database,
    transports: &'static [Transport],
    repeats: bool,
    shared: Option<&'static str>,
    #[cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]
    prepare: Option<fn()>,
    #[cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]
    agent: Agent,
}

/// What plays the agent.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]
enum Agent {
    /// This binary.
    Inside {
        main: fn(&Path) -> Never,
        /// What makes the kind of pool the variant that is meant.
        variant: Option<(fn(u16), u16)>,
    },
    /// The program that is supervisor and agents, which is not this one.
    #[cfg(feature = "fuzz")]
    Beside,
    /// Another program.
    Program(&'static Program),
}

/// All that another program is asked for.
const UNIX: &[Transport] = &[Transport::Unix];

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
        let agent = Agent::Inside { main: agent::<P>, variant: None };
        Self { name, about, database: P::DATABASE, transports: P::TRANSPORTS, repeats: false, shared: None, prepare: None, agent }
    }

    /// The same for one of many variants of a kind of pool, which differ at run time only: `choose` is called with its number, in the
    /// process under test, before anything else is done there.
    pub const fn variant<P: Pool>(name: &'static str, about: &'static str, choose: fn(u16), number: u16) -> Self {
        Self { agent: Agent::Inside { main: agent::<P>, variant: Some((choose, number)) }, ..Self::of::<P>(name, about) }
    }

    /// A pool that this program does not know, but the one that [`crate::bench::Bench::start_as`] was given.
    #[cfg(all(feature = "fuzz", target_os = "linux", not(poolproof_elsewhere)))]
    pub(crate) fn beside(name: &str, database: Database) -> Self {
        let name = Box::leak(name.into());
        Self { name, about: "", database, transports: UNIX, repeats: false, shared: None, prepare: None, agent: Agent::Beside }
    }

    /// A pool that another program runs. It finds the name as `POOLPROOF_POOL` in its environment.
    pub fn of_program(name: &str, about: &str, database: Database, program: Program) -> Self {
        let leak = |words: &str| -> &'static str { Box::leak(words.into()) };
        let agent = Agent::Program(Box::leak(Box::new(program)));
        Self {
            name: leak(name),
            about: leak(about),
            database,
            transports: UNIX,
            repeats: false,
            shared: None,
            prepare: None,
            agent,
        }
    }

    /// The same, of a pool that has no threads, no clock and no chance of its own: it goes the same way whenever the same is done with
    /// it. Where it does not, the harness is at fault.
    pub const fn that_repeats(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// It was declared to go the same way each time.
    pub const fn repeats(&self) -> bool {
        self.repeats
    }

    /// The same, said to run the code of the pool of another target: with another driver, another database, another runtime or other
    /// settings. Who counts pools counts such targets once.
    #[must_use]
    pub const fn sharing(self, other: &'static str) -> Self {
        Self { shared: Some(other), ..self }
    }

    /// The same, with what every process of it would do at the first use of its driver, done once and inherited by all: patterns that
    /// are compiled, tables that are computed. It must open nothing and start no thread. A target that another program runs does not
    /// do it.
    #[must_use]
    pub const fn prepared_by(self, prepare: fn()) -> Self {
        Self { prepare: Some(prepare), ..self }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it is.
    pub const fn about(&self) -> &'static str {
        self.about
    }

    /// The name of the target whose pool's code this one runs, if it is not the first of its kind.
    pub const fn shared(&self) -> Option<&'static str> {
        self.shared
    }

    /// The protocol that it speaks.
    pub const fn database(&self) -> Database {
        self.database
    }

    /// The transports that it can take to its server.
    pub const fn transports(&self) -> &'static [Transport] {
        self.transports
    }

    #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
    /// Runs the agent and does not return, if it is in this program.
    pub(crate) fn run_agent(&self, control: &Path) {
        let Agent::Inside { main, variant } = self.agent else { return };
        if let Some((choose, number)) = variant {
            choose(number);
        }
        if let Some(prepare) = self.prepare {
            prepare();
        }
        main(control);
    }

    /// The program that runs it, if that is not this one.
    #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
    pub(crate) fn program(&self) -> Option<&'static Program> {
        match self.agent {
            Agent::Inside { .. } => None,
            #[cfg(feature = "fuzz")]
            Agent::Beside => None,
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
