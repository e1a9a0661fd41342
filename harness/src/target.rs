//! A pool by name, with its type erased: what the command line and the suite choose from.

use std::path::Path;

use crate::pool::{Database, Pool};

/// A kind of pool that can be judged.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    name: &'static str,
    about: &'static str,
    database: Database,
    shared: Option<&'static str>,
    #[cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]
    agent: fn(&Path) -> Never,
    /// What makes the kind of pool the variant that is meant.
    #[cfg_attr(not(all(target_os = "linux", not(poolproof_elsewhere))), allow(dead_code))]
    variant: Option<(fn(u16), u16)>,
}

/// The agent's main function does not return.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Never {}

impl Target {
    /// The target of one kind of pool, under a name without blanks, with a few words on what it is.
    pub const fn of<P: Pool>(name: &'static str, about: &'static str) -> Self {
        Self { name, about, database: P::DATABASE, shared: None, agent: agent::<P>, variant: None }
    }

    /// The same for one of many variants of a kind of pool, which differ at run time only: `choose` is called with its number, in the
    /// process under test, before anything else is done there.
    pub const fn variant<P: Pool>(name: &'static str, about: &'static str, choose: fn(u16), number: u16) -> Self {
        Self { variant: Some((choose, number)), ..Self::of::<P>(name, about) }
    }

    /// The same, said to run the code of the pool of another target: with another driver, another database, another runtime or other
    /// settings. Who counts pools counts such targets once.
    #[must_use]
    pub const fn sharing(self, other: &'static str) -> Self {
        Self { shared: Some(other), ..self }
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

    #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
    pub(crate) fn run_agent(&self, control: &Path) -> ! {
        if let Some((choose, number)) = self.variant {
            choose(number);
        }
        match (self.agent)(control) {}
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
