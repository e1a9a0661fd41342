//! The words of the command line.

mod certify;
mod ci;
pub(crate) mod corpus;
mod documents;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use poolproof::choice::ServerChoice;
use poolproof::{Database, Promise};

pub(crate) use certify::Certify;
pub(crate) use ci::Ci;
use corpus::Corpus;
pub(crate) use documents::{Matrix, Merge, Verify, Which};

use super::help;
use super::servers::{RealServers, Servers};

/// Proves that connection pools are fork-proof, or shows the smallest interleaving in which they are not.
#[derive(Debug, Parser)]
#[command(name = "poolproof", version, max_term_width = 100, after_help = help::EXAMPLES, after_long_help = help::below())]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Search for interleavings that break a rule
    #[command(long_about = help::certify(), after_long_help = help::EXIT_CODES)]
    Certify(Certify),
    /// Run one interleaving and show what happens
    #[command(long_about = help::replay(), after_long_help = help::EXIT_CODES)]
    Replay(Replay),
    /// Search again as a certificate says, and tell whether it holds
    #[command(long_about = help::VERIFY, after_long_help = help::VERIFY_EXIT_CODES)]
    Verify(Verify),
    /// Make one certificate of those that `certify --shard` has made
    #[command(long_about = help::MERGE)]
    Merge(Merge),
    /// Print what certificates say of many pools, side by side, as a page in Markdown
    Matrix(Matrix),
    /// Find out by at most four questions what your program promises, and which pools keep it
    WhichPromise(Which),
    /// Compare what pools do on the embedded servers and on real ones
    #[command(long_about = help::AGREE, after_long_help = help::AGREE_EXIT_CODES)]
    Agree(Agree),
    /// Hunt the mutants, each with one planted defect, and show what kills them
    #[command(long_about = help::MUTANTS, after_long_help = help::MUTANTS_EXIT_CODES)]
    Mutants(Mutants),
    /// Run an unmodified program, and tell which process writes on a session that another one has opened
    #[command(long_about = help::WATCH, after_long_help = help::WATCH_EXIT_CODES)]
    Watch(Watch),
    /// Take an agent, a program that runs a pool, through a course of orders, and say what it does wrong
    #[command(long_about = help::CHECK_AGENT, after_long_help = help::CHECK_AGENT_EXIT_CODES)]
    CheckAgent(CheckAgent),
    /// Turn a fuzzer's inputs into texts and back, and show or keep what they cover
    Corpus(Corpus),
    /// List the pools that can be judged
    Pools,
    /// List the rules, or tell all about one
    Rules(Rules),
    /// Say what an error message or another symptom means, why it comes about, and what to do
    #[command(long_about = help::EXPLAIN, after_long_help = help::EXPLAIN_EXIT_CODES)]
    Explain(Explain),
    /// Say what this machine allows, and what each missing thing costs
    Doctor(Doctor),
}

/// Which other program runs the pools.
#[derive(Args, Debug, Default)]
pub(crate) struct Foreign {
    /// A program that runs the pools, in any language, as one would type it: see docs/agent-protocol.md
    #[arg(long, value_name = "COMMAND", requires = "database", conflicts_with = "python")]
    pub(crate) agent: Option<String>,
    /// What the pools of an agent, or of a file in Python, speak: postgres or mysql
    #[arg(long, value_name = "DATABASE")]
    pub(crate) database: Option<Database>,
    /// The interpreter for pools in Python [default: one of poolproof's own, with what these pools need]
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<String>,
}

/// What to replay.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The file with the interleaving
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The pool, by name
    #[arg(long, value_name = "POOL", required_unless_present = "agent")]
    pub(crate) pool: Option<String>,
    #[command(flatten)]
    pub(crate) foreign: Foreign,
    /// How often it is run; the first run is shown
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) times: u32,
    /// In place of what happened print a program that shows it without poolproof, for a report to the pool's authors
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) emit: Option<Language>,
    #[command(flatten)]
    pub(crate) servers: Servers,
}

/// What a program can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// For pools that are crates.
    Rust,
    /// For pools of SQLAlchemy.
    Python,
}

/// What to compare, and how.
#[derive(Args, Debug)]
pub(crate) struct Agree {
    /// Pools by name, or `all`; without one, every pool that does not run the code of another one
    #[arg(value_name = "POOL")]
    pub(crate) pools: Vec<String>,
    #[command(flatten)]
    pub(crate) servers: RealServers,
    /// What the application promises; may be repeated or separated by commas
    #[arg(long = "promise", value_name = "PROMISE", value_delimiter = ',', default_values_t = PROMISES)]
    pub(crate) promises: Vec<Promise>,
    /// Interleavings for each pool and promise
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) cases: u64,
    /// What the random interleavings are made from
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Interleavings that run at once [default: the processors of this machine, at most 4]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: Option<u16>,
}

/// Which mutants to hunt, and how.
#[derive(Args, Debug)]
pub(crate) struct Mutants {
    /// Mutants by name, or all that were planted for a rule, such as rule:OWN-1 [default: all]
    #[arg(value_name = "MUTANT")]
    pub(crate) mutants: Vec<String>,
    #[command(flatten)]
    pub(crate) servers: Servers,
    /// The most interleavings for each mutant and seed
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) cases: u64,
    /// What the random interleavings are made from
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Hunt from so many seeds, this one and the next; the median and the worst are shown
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// Switch one rule off, or `each` in turn, and hunt what was planted for it: something must survive
    #[arg(long, value_name = "RULE")]
    pub(crate) without: Option<String>,
    /// Also prove that no interleaving with fewer steps would do, where at most 5 are left; it takes long
    #[arg(long, conflicts_with = "without")]
    pub(crate) shortest: bool,
    /// Mutants that are hunted at once [default: three for each of at most 4 processors]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: Option<u16>,
    /// Also write everything to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What to watch, and how.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// `local`, a private one from installed programs; `embedded`, the one inside poolproof, which knows few statements; or a URL:
    /// postgres://… or mysql://…
    #[arg(long = "server", value_name = "SERVER", value_parser = str::parse::<ServerChoice>, default_value = "local")]
    pub(crate) place: ServerChoice,
    /// The database that the program speaks to: postgres or mysql [default: that of the URL, else postgres]
    #[arg(long, value_name = "DATABASE", value_parser = database)]
    pub(crate) database: Option<Database>,
    /// Where to tell what is seen, in place of the standard error; lines are added to the file
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
}

/// Which agent to check.
#[derive(Args, Debug)]
pub(crate) struct CheckAgent {
    /// The program, as one would type it
    #[arg(value_name = "COMMAND")]
    pub(crate) command: String,
    /// What its pools speak: postgres or mysql
    #[arg(long, value_name = "DATABASE")]
    pub(crate) database: Database,
    /// Which of its pools
    #[arg(long, value_name = "POOL")]
    pub(crate) pool: Option<String>,
}

/// Which rule to tell about.
#[derive(Args, Debug)]
pub(crate) struct Rules {
    /// A rule, such as OWN-1
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Write all promises and rules as one page of Markdown: RULES.md
    #[arg(long, conflicts_with = "id")]
    pub(crate) markdown: bool,
}

/// What to explain.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The message; `-` reads the standard input
    #[arg(value_name = "TEXT", required_unless_present = "page", allow_hyphen_values = true)]
    pub(crate) text: Vec<String>,
    /// Print docs/symptoms.md: everything that is known
    #[arg(long, conflicts_with = "text")]
    pub(crate) page: bool,
}

/// Which servers to look at.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) servers: Servers,
}

/// The usual promises: one for each way in which applications fork, and none at all.
const PROMISES: [Promise; 5] =
    [Promise::ChildUsesPool, Promise::ChildDrops, Promise::ChildLeaks, Promise::DisposeBeforeFork, Promise::ThreadsOnly];

/// Each promise once.
pub(crate) fn once(promises: &[Promise]) -> Vec<Promise> {
    let mut once: Vec<Promise> = Vec::new();
    promises.iter().for_each(|promise| {
        if !once.contains(promise) {
            once.push(*promise)
        }
    });
    once
}

fn database(word: &str) -> Result<Database, String> {
    let known = [Database::Postgres, Database::MySql].into_iter().find(|database| database.name() == word);
    known.ok_or_else(|| "expected postgres or mysql".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }
}
