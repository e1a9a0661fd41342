//! The words of the command line.

mod ci;
mod documents;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use poolproof::choice::ServerChoice;
use poolproof::generate::{Shard, Source};
use poolproof::words::duration;
use poolproof::{Database, Promise};

pub(crate) use ci::Ci;
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

/// What to certify, and how.
#[derive(Args, Debug)]
pub(crate) struct Certify {
    /// Pools by name, or `all`; without one, every pool that does not run the code of another one
    #[arg(value_name = "POOL")]
    pub(crate) pools: Vec<String>,
    /// Pools that belong together, with the promises that tell them apart
    #[arg(long, value_name = "GROUP", conflicts_with_all = ["pools", "agent"])]
    pub(crate) group: Option<Group>,
    #[command(flatten)]
    pub(crate) foreign: Foreign,
    #[command(flatten)]
    pub(crate) servers: Servers,
    /// What the application promises; may be repeated or separated by commas [default: child-uses-pool, child-drops, child-leaks,
    /// dispose-before-fork and threads-only; for a group its own]
    #[arg(long = "promise", value_name = "PROMISE", value_delimiter = ',')]
    promises: Vec<Promise>,
    /// Interleavings for each pool and promise [default: 200; without random ones all that there are]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "budget")]
    pub(crate) cases: Option<u64>,
    /// Where interleavings come from: scenarios, sweep, exhaustive, random; may be repeated or separated by commas [default: all]
    #[arg(long = "source", value_name = "SOURCE", value_delimiter = ',')]
    pub(crate) sources: Vec<Source>,
    /// Steps that an interleaving has at the most in `exhaustive` [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=12))]
    pub(crate) depth: Option<u8>,
    /// Time for each pool and promise in place of a number: 500ms, 30s, 5m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) budget: Option<Duration>,
    /// What the random interleavings are made from
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Interleavings that run at once [default: the processors of this machine, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: Option<u16>,
    /// Look at one part of several, such as 2/8, which `poolproof merge` puts together
    #[arg(long, value_name = "PART/PARTS", value_parser = shard, default_value_t = Shard::WHOLE)]
    pub(crate) shard: Shard,
    /// Where failures and certificates are saved
    #[arg(long, value_name = "DIR", default_value = "poolproof-out")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) ci: Ci,
    /// Also print the verdict on each rule
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Also print what was exercised: each operation in each condition of the pool
    #[arg(long)]
    pub(crate) situations: bool,
}

/// Pools that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Group {
    /// What people do with SQLAlchemy, with each driver.
    Sqlalchemy,
}

impl Group {
    /// The names of its pools.
    fn pools(self) -> Vec<String> {
        match self {
            Self::Sqlalchemy => poolproof_targets::python::known().into_iter().map(|known| known.name).collect(),
        }
    }

    /// The promises under which they differ: the cures that the documentation names speak of a fork with nothing checked out, of a hook in
    /// the child, and of neither.
    fn promises(self) -> Vec<Promise> {
        match self {
            Self::Sqlalchemy => {
                vec![
                    Promise::ChildUsesPool,
                    Promise::ForkWhenIdle,
                    Promise::HookInChild,
                    Promise::DisposeBeforeFork,
                    Promise::ThreadsOnly,
                ]
            }
        }
    }
}

impl Certify {
    /// The names of the pools, none where all are meant.
    pub(crate) fn names(&self) -> Vec<String> {
        self.group.map_or_else(|| self.pools.clone(), Group::pools)
    }

    /// Each promise once.
    pub(crate) fn promises(&self) -> Vec<Promise> {
        match self.promises.as_slice() {
            [] => self.group.map_or_else(|| PROMISES.to_vec(), Group::promises),
            named => once(named),
        }
    }
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
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
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
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) cases: u64,
    /// What the random interleavings are made from
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Interleavings that run at once [default: the processors of this machine, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
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
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) cases: u64,
    /// What the random interleavings are made from
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Hunt from so many seeds, this one and the next; the median and the worst are shown
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// Switch one rule off, or `each` in turn, and hunt what was planted for it: something must survive
    #[arg(long, value_name = "RULE")]
    pub(crate) without: Option<String>,
    /// Mutants that are hunted at once [default: three for each of at most 4 processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
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

fn shard(word: &str) -> Result<Shard, String> {
    let (at, of) = word.split_once('/').unwrap_or((word, ""));
    let shard = at.parse().ok().zip(of.parse().ok()).and_then(|(at, of)| Shard::new(at, of));
    shard.ok_or_else(|| "expected a part and the number of parts, such as 2/8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use poolproof::certify::Cases;

    fn certify(words: &[&str]) -> Result<Certify, clap::Error> {
        let words = ["poolproof", "certify"].iter().chain(words);
        Arguments::try_parse_from(words).map(|arguments| match arguments.command {
            Command::Certify(certify) => certify,
            _ => unreachable!("certify was asked for"),
        })
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn promises_may_be_repeated_or_separated_by_commas() {
        let promises = |words: &[&str]| certify(words).map(|certify| certify.promises());
        let both = vec![Promise::ChildDrops, Promise::Anything];
        assert_eq!(promises(&["--promise", "child-drops,anything"]).expect("valid"), both);
        assert_eq!(promises(&["--promise", "child-drops", "--promise", "anything"]).expect("valid"), both);
        assert_eq!(promises(&[]).expect("valid"), PROMISES);
        assert!(promises(&["--promise", "child-drop"]).is_err());
    }

    #[test]
    fn a_group_brings_its_pools_and_promises() {
        let group = certify(&["--group", "sqlalchemy"]).expect("valid");
        assert_eq!(group.names().len(), poolproof_targets::python::known().len());
        assert!(group.promises().contains(&Promise::HookInChild));
        let one = certify(&["--group", "sqlalchemy", "--promise", "child-drops"]).expect("valid");
        assert_eq!(one.promises(), [Promise::ChildDrops]);
        assert!(certify(&["mysql", "--group", "sqlalchemy"]).is_err());
        assert!(certify(&["mysql"]).expect("valid").names() == ["mysql"]);
    }

    #[test]
    fn a_budget_takes_the_place_of_a_number() {
        let amount = |words: &[&str]| certify(words).expect("valid").amount();
        assert_eq!(amount(&["--budget", "5m"]), Cases::Budget(Duration::from_secs(300)));
        assert_eq!(amount(&["--budget", "500ms"]), Cases::Budget(Duration::from_millis(500)));
        assert_eq!((amount(&[]), amount(&["--cases", "3"])), (Cases::Number(200), Cases::Number(3)));
        for words in [["--budget", "5"], ["--budget", "0s"], ["--budget", "s"], ["--cases", "0"], ["--workers", "0"]] {
            assert!(certify(&words).is_err(), "{words:?}");
        }
        assert!(certify(&["--budget", "5s", "--cases", "3"]).is_err());
    }
    /// What has an end is run to its end; chance has none.
    #[test]
    fn sources_may_be_chosen_and_without_chance_everything_is_run() {
        let sources = |words: &[&str]| certify(words).expect("valid").selection().map(|selection| selection.sources).ok();
        assert_eq!(sources(&[]), Some(Source::ALL.to_vec()));
        let both = Some(vec![Source::Scenarios, Source::Sweep]);
        assert_eq!(sources(&["--source", "sweep,scenarios"]), both);
        assert_eq!(sources(&["--source", "scenarios", "--source", "sweep"]), both);
        assert!(certify(&["--source", "everything"]).is_err());
        let amount = |words: &[&str]| certify(words).expect("valid").amount();
        assert_eq!(amount(&["--source", "exhaustive", "--depth", "6"]), Cases::Everything);
        assert_eq!(amount(&["--source", "exhaustive", "--cases", "9"]), Cases::Number(9));
        assert_eq!(amount(&["--source", "exhaustive,random"]), Cases::Number(200));
        let depth = |words: &[&str]| certify(words).expect("valid").selection().map(|selection| selection.depth).ok();
        assert_eq!(
            (depth(&["--depth", "6"]), depth(&[]), depth(&["--depth", "6", "--source", "random"])),
            (Some(6), Some(4), None)
        );
    }
}
