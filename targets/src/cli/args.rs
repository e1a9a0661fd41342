//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use poolproof::{Database, Promise};

use super::exit::Stop;
use super::help;

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
    /// List the pools that can be judged
    Pools,
    /// List the rules, or tell all about one
    Rules(Rules),
    /// Say what this machine allows, and what each missing thing costs
    Doctor(Doctor),
}

/// What to certify, and how.
#[derive(Args, Debug)]
pub(crate) struct Certify {
    /// Pools by name; without one, every pool that `poolproof pools` lists first
    #[arg(value_name = "POOL")]
    pub(crate) pools: Vec<String>,
    #[command(flatten)]
    pub(crate) servers: Servers,
    /// What the application promises; may be repeated or separated by commas
    #[arg(long = "promise", value_name = "PROMISE", value_delimiter = ',', default_values_t = PROMISES)]
    pub(crate) promises: Vec<Promise>,
    /// Interleavings for each pool and promise
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(conflicts_with = "budget")]
    pub(crate) cases: u64,
    /// Time for each pool and promise in place of a number: 500ms, 30s, 5m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) budget: Option<Duration>,
    /// What the random interleavings are made from
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Interleavings that run at once [default: the processors of this machine, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: Option<u16>,
    /// Where failures are saved
    #[arg(long, value_name = "DIR", default_value = "poolproof-out")]
    pub(crate) out: PathBuf,
    /// Also print the verdict on each rule
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// What to replay.
#[derive(Args, Debug)]
pub(crate) struct Replay {
    /// The file with the interleaving
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The pool, by name
    #[arg(long, value_name = "POOL")]
    pub(crate) pool: String,
    /// How often it is run; the first run is shown
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) times: u32,
    #[command(flatten)]
    pub(crate) servers: Servers,
}

/// Which rule to tell about.
#[derive(Args, Debug)]
pub(crate) struct Rules {
    /// A rule, such as OWN-1
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
}

/// Which servers to look at.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) servers: Servers,
}

/// Where the servers are.
#[derive(Args, Debug)]
pub(crate) struct Servers {
    /// `embedded`, the one inside poolproof; `local`, a private one from installed programs; or a URL: postgres://… or mysql://…
    #[arg(long = "server", value_name = "SERVER", value_parser = place, default_value = "embedded")]
    places: Vec<Place>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The one inside poolproof.
    Embedded,
    /// A private one from installed programs.
    Local,
    /// One that runs.
    Url(Database, String),
}

/// The usual promises: one for each way in which applications fork, and none at all.
const PROMISES: [Promise; 5] =
    [Promise::ChildUsesPool, Promise::ChildDrops, Promise::ChildLeaks, Promise::DisposeBeforeFork, Promise::ThreadsOnly];

impl Certify {
    /// The promises, each once.
    #[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
    pub(crate) fn promises(&self) -> Vec<Promise> {
        let mut once: Vec<Promise> = Vec::new();
        self.promises.iter().for_each(|promise| {
            if !once.contains(promise) {
                once.push(*promise)
            }
        });
        once
    }
}

impl Servers {
    /// The server for each of these databases.
    ///
    /// # Errors
    /// Two servers for one database; one for a database that nobody asks for.
    pub(crate) fn of(&self, databases: &[Database]) -> Result<Vec<(Database, Place)>, Stop> {
        let urls =
            |database: Database| self.places.iter().filter(move |place| matches!(place, Place::Url(of, _) if *of == database));
        for database in [Database::Postgres, Database::MySql] {
            if urls(database).count() > 1 {
                return Err(Stop::usage(format!("--server names two servers for {}; a run has one", database.name())));
            }
            if urls(database).next().is_some() && !databases.contains(&database) {
                let message = format!("--server names a server for {}, and none of the pools speaks to one", database.name());
                return Err(Stop::usage(message).hint("`poolproof pools` says which pool needs which server"));
            }
        }
        let other = if self.places.contains(&Place::Local) { Place::Local } else { Place::Embedded };
        Ok(databases.iter().map(|database| (*database, urls(*database).next().unwrap_or(&other).clone())).collect())
    }

    /// The words that ask for the same server again; a password is not repeated.
    pub(crate) fn again(&self, database: Database) -> String {
        let url = self.places.iter().find_map(|place| match place {
            Place::Url(of, url) if *of == database => Some(without_password(url)),
            _ => None,
        });
        let local = self.places.contains(&Place::Local).then(|| "local".to_owned());
        url.or(local).map_or_else(String::new, |place| format!(" --server {}", quoted(&place)))
    }
}

/// A word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn without_password(url: &str) -> String {
    let hidden = url.split_once("://").and_then(|(scheme, rest)| {
        let (login, place) = rest.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:PASSWORD@{place}"))
    });
    let hidden = hidden.unwrap_or_else(|| url.to_owned());
    // It may also stand among the parameters.
    match hidden.split_once("password=") {
        Some((before, after)) => format!("{before}password=PASSWORD{}", after.find('&').map_or("", |end| &after[end..])),
        None => hidden,
    }
}

fn place(word: &str) -> Result<Place, String> {
    match word.split_once("://").map(|(scheme, _)| scheme) {
        None if word == "embedded" => Ok(Place::Embedded),
        None if word == "local" => Ok(Place::Local),
        Some("postgres" | "postgresql") => Ok(Place::Url(Database::Postgres, word.to_owned())),
        Some("mysql" | "mariadb") => Ok(Place::Url(Database::MySql, word.to_owned())),
        _ => Err("expected `embedded`, `local`, postgres://USER:PASSWORD@HOST:5432/DATABASE or mysql://USER:PASSWORD@HOST:3306/DATABASE"
            .to_owned()),
    }
}

fn duration(word: &str) -> Result<Duration, String> {
    let wrong = || "expected a number and a unit: 500ms, 30s, 5m or 1h".to_owned();
    let end = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (number, unit) = word.split_at(end);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    let length = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)?;
    if length.is_zero() { Err("nothing can be run in no time".to_owned()) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

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
        let promises = |words: &[&str]| certify(words).map(|certify| certify.promises);
        let both = vec![Promise::ChildDrops, Promise::Anything];
        assert_eq!(promises(&["--promise", "child-drops,anything"]).expect("valid"), both);
        assert_eq!(promises(&["--promise", "child-drops", "--promise", "anything"]).expect("valid"), both);
        assert_eq!(promises(&[]).expect("valid"), PROMISES);
        assert!(promises(&["--promise", "child-drop"]).is_err());
    }

    #[test]
    fn a_budget_takes_the_place_of_a_number() {
        assert_eq!(certify(&["--budget", "5m"]).expect("valid").budget, Some(Duration::from_secs(300)));
        assert_eq!(certify(&["--budget", "500ms"]).expect("valid").budget, Some(Duration::from_millis(500)));
        for words in [["--budget", "5"], ["--budget", "0s"], ["--budget", "s"], ["--cases", "0"], ["--workers", "0"]] {
            assert!(certify(&words).is_err(), "{words:?}");
        }
        assert!(certify(&["--budget", "5s", "--cases", "3"]).is_err());
    }

    #[test]
    fn a_url_names_its_database_and_the_other_one_is_as_before() {
        let both = [Database::Postgres, Database::MySql];
        let servers = |words: &[&str]| certify(words).expect("valid").servers;
        let url = "postgres://me:secret@here:5432/db";
        let chosen = servers(&["--server", "local", "--server", url]);
        let expected = vec![(both[0], Place::Url(both[0], url.to_owned())), (both[1], Place::Local)];
        assert_eq!(chosen.of(&both).expect("valid"), expected);
        assert_eq!(chosen.again(both[0]), " --server postgres://me:PASSWORD@here:5432/db");
        assert_eq!(chosen.again(both[1]), " --server local");
        assert_eq!(servers(&[]).of(&both).expect("valid"), both.map(|database| (database, Place::Embedded)));
        assert_eq!(servers(&[]).again(both[0]), "");
        let other = servers(&["--server", "mysql://me@here/db?password=secret&port=1"]);
        assert_eq!(other.again(both[1]), " --server 'mysql://me@here/db?password=PASSWORD&port=1'");
        assert!(servers(&["--server", url, "--server", url]).of(&both).is_err());
        assert!(servers(&["--server", url]).of(&[Database::MySql]).is_err());
        assert!(certify(&["--server", "oracle://here"]).is_err());
    }

    #[test]
    fn a_path_with_blanks_can_be_pasted() {
        assert_eq!(quoted("out/a.b"), "out/a.b");
        assert_eq!(quoted("my out/it's"), r"'my out/it'\''s'");
    }
}
