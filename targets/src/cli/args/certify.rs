//! The words of `poolproof certify`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use poolproof::Promise;
use poolproof::generate::{Shard, Source};
use poolproof::words::duration;

use super::super::servers::Servers;
use super::{Ci, Foreign, PROMISES, once};

/// What to certify, and how.
#[derive(Args, Debug)]
pub(crate) struct Certify {
    /// Pools by name, or `all`; without one, every pool that does not run the code of another one
    #[arg(value_name = "POOL")]
    pub(crate) pools: Vec<String>,
    /// Pools that belong together, with the promises that tell them apart; searched by sweep and chance, on private servers, 60
    /// interleavings each, unless something else is said; the tables are saved in DIR/GROUP.md
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
    /// Interleavings for each pool and promise [default: 200; without random ones and faults all that there are]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "budget")]
    pub(crate) cases: Option<u64>,
    /// Where interleavings come from: scenarios, sweep, exhaustive, random, and faults of the server; may be repeated or separated by
    /// commas [default: all but faults]
    #[arg(long = "source", value_name = "SOURCE", value_delimiter = ',')]
    pub(crate) sources: Vec<Source>,
    /// Steps that an interleaving has at the most in `exhaustive` [default: 4]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u8).range(1..=12))]
    pub(crate) depth: Option<u8>,
    /// Time for each pool and promise in place of a number: 500ms, 30s, 5m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) budget: Option<Duration>,
    /// What the random interleavings are made from
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Interleavings that run at once [default: the processors of this machine, at most 4]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=64))]
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
            Self::Sqlalchemy => poolproof_targets::python::compared().into_iter().map(|known| known.name).collect(),
        }
    }

    /// Its word on the command line, and the name of its file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlalchemy => "sqlalchemy",
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

    /// Fills in what goes with a group, where nothing else was asked for.
    pub(crate) fn complete(&mut self) {
        if self.group.is_none() {
            return;
        }
        self.servers.become_local();
        if self.sources.is_empty() && self.depth.is_none() {
            self.sources = vec![Source::Sweep, Source::Random];
        }
        if self.budget.is_none() && self.cases.is_none() {
            self.cases = Some(GROUP_CASES);
        }
    }
}

/// Interleavings for each pool and promise of a group: all of them are to be done within an hour.
const GROUP_CASES: u64 = 60;

fn shard(word: &str) -> Result<Shard, String> {
    let (at, of) = word.split_once('/').unwrap_or((word, ""));
    let shard = at.parse().ok().zip(of.parse().ok()).and_then(|(at, of)| Shard::new(at, of));
    shard.ok_or_else(|| "expected a part and the number of parts, such as 2/8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{Arguments, Command};
    use super::*;
    use clap::Parser;
    use poolproof::certify::Cases;

    fn certify(words: &[&str]) -> Result<Certify, clap::Error> {
        let words = ["poolproof", "certify"].iter().chain(words);
        Arguments::try_parse_from(words).map(|arguments| match arguments.command {
            Command::Certify(certify) => certify,
            _ => unreachable!("certify was asked for"),
        })
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
        assert_eq!(group.names().len(), poolproof_targets::python::compared().len());
        assert!(group.promises().contains(&Promise::HookInChild));
        let one = certify(&["--group", "sqlalchemy", "--promise", "child-drops"]).expect("valid");
        assert_eq!(one.promises(), [Promise::ChildDrops]);
        assert!(certify(&["mysql", "--group", "sqlalchemy"]).is_err());
        assert!(certify(&["mysql"]).expect("valid").names() == ["mysql"]);
    }

    #[test]
    fn a_group_is_searched_on_real_servers_unless_something_else_is_said() {
        let complete = |words: &[&str]| {
            let mut certify = certify(&[&["--group", "sqlalchemy"], words].concat()).expect("valid");
            certify.complete();
            certify
        };
        let usual = complete(&[]);
        assert_eq!(usual.amount(), Cases::Number(GROUP_CASES));
        assert_eq!(usual.selection().map(|selection| selection.sources).ok(), Some(vec![Source::Sweep, Source::Random]));
        assert_eq!(usual.servers.again(poolproof::Database::MySql), " --server local");
        let other = complete(&["--server", "embedded", "--cases", "3", "--source", "random"]);
        assert_eq!(other.amount(), Cases::Number(3));
        assert_eq!(other.selection().map(|selection| selection.sources).ok(), Some(vec![Source::Random]));
        assert_eq!(other.servers.again(poolproof::Database::MySql), "");
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
        assert_eq!(sources(&[]), Some(Source::USUAL.to_vec()));
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
