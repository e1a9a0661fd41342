//! `poolproof agree`.

use poolproof::Target;
use poolproof::bench::Bench;
use poolproof::certify::{self, Difference, Sample};
use poolproof::report::Style;
use poolproof_targets::agreement::Agreement;

use super::args::{self, Agree};
use super::benches::{prepare, workers};
use super::exit::{Code, Stop};
use super::names;
use super::progress::Teller;
use super::screen::Screen;
use super::servers::Servers;

/// How often one pool's servers agreed.
struct Tally {
    pool: &'static str,
    /// The real server's name and version.
    server: String,
    interleavings: u64,
    accepted: u64,
    others: u64,
}

/// Executes the same interleavings on both kinds of server, prints what differs, and a table at the end.
pub(crate) fn run(wanted: &Agree, screen: &mut Screen) -> Result<Code, Stop> {
    let targets = wanted.servers.real().reachable(names::pools(&wanted.pools)?, !wanted.pools.is_empty())?;
    let accepted = Agreement::built_in()?;
    let mut teller = Teller::new();
    let real = prepare(&targets, &wanted.servers.real(), &mut teller)?;
    let embedded = prepare(&targets, &wanted.servers.embedded(), &mut teller)?;
    let mut tallies = Vec::new();
    for target in &targets {
        tallies.push(one([&embedded, &real], target, wanted, &accepted, &mut teller, screen)?);
    }
    embedded.finish()?;
    real.finish()?;
    screen.say(&closing(&tallies, wanted, screen.style))?;
    Ok(code(&tallies))
}

fn one(
    benches: [&Bench; 2],
    target: &Target,
    wanted: &Agree,
    accepted: &Agreement,
    teller: &mut Teller,
    screen: &mut Screen,
) -> Result<Tally, Stop> {
    let pool = target.name();
    let server = benches[1].product(target.database()).unwrap_or("an unknown server").to_owned();
    let mut tally = Tally { pool, server, interleavings: 0, accepted: 0, others: 0 };
    for promise in args::once(&wanted.promises) {
        let sample = Sample { promise, seed: wanted.seed, numbers: 0..wanted.cases };
        let mut news = |news| teller.news(pool, news);
        let differences = certify::compare(benches, target, &sample, workers(wanted.workers), &mut news)?;
        teller.clear();
        tally.interleavings += wanted.cases;
        for difference in differences {
            if accepted.accepts(pool, &tally.server, &difference.causes) {
                tally.accepted += 1;
            } else {
                tally.others += 1;
                screen.say(&shown(&difference, target, &tally.server, &wanted.servers.real(), screen.style))?;
            }
        }
    }
    Ok(tally)
}

/// A difference that nobody has accepted.
fn shown(difference: &Difference, target: &Target, server: &str, servers: &Servers, style: Style) -> String {
    let Difference { number, interleaving, causes } = difference;
    let pool = target.name();
    let heading = format!("{pool} under {}: embedded and real server differ, interleaving {number}", interleaving.promise);
    let steps: String = interleaving.to_string().lines().map(|line| format!("  {line}\n")).collect();
    let seen = causes.each_ref().map(|causes| {
        let words: Vec<&str> = causes.iter().map(|cause| cause.unwrap_or("no rule was broken")).collect();
        words.join(", or ")
    });
    let replay = format!("poolproof replay FILE --pool {pool}");
    format!(
        "{}\n\n{steps}\n  embedded: {}\n  {server}: {}\n  see it again, with these lines in FILE: {replay}\n  \
         and on the other server: {replay}{}\n\n",
        style.strong(&heading),
        seen[0],
        seen[1],
        servers.again(target.database()),
    )
}

/// The table, and what was compared.
fn closing(tallies: &[Tally], wanted: &Agree, style: Style) -> String {
    let widest = |head: &str, of: fn(&Tally) -> &str| {
        tallies.iter().map(|tally| of(tally).chars().count()).max().unwrap_or(0).max(head.len())
    };
    let (pool, server) = (widest("pool", |tally| tally.pool), widest("server", |tally| &tally.server));
    let row = |words: [&str; 6]| {
        let [name, product, all, agreed, accepted, others] = words;
        format!("{name:<pool$}  {product:<server$}  {all:>13}  {agreed:>8}  {accepted:>11}  {others:>11}")
    };
    let heads = row(["pool", "server", "interleavings", "agreed", "accepted", "other"]);
    let mut text = format!("{}\n", style.strong(&heads));
    text.push_str(&format!("{}\n", style.strong(&row(["", "", "", "", "differences", "differences"]))));
    text.push_str(&format!("{}\n", style.faint(&"─".repeat(heads.chars().count()))));
    for Tally { pool, server, interleavings, accepted, others } in tallies {
        let agreed = interleavings.saturating_sub(accepted + others);
        let numbers = [*interleavings, agreed, *accepted, *others].map(|number| number.to_string());
        let line = row([pool, server, &numbers[0], &numbers[1], &numbers[2], &numbers[3]]);
        text.push_str(&format!("{}\n", if *others == 0 { line } else { style.alarm(&line) }));
    }
    let unit = if wanted.cases == 1 { "interleaving" } else { "interleavings" };
    let edition = poolproof::rules::EDITION;
    text + &format!("\nrules of edition {edition}, seed {}, {} {unit} for each promise\n", wanted.seed, wanted.cases)
}

fn code(tallies: &[Tally]) -> Code {
    if tallies.iter().all(|tally| tally.others == 0) { Code::Passed } else { Code::Broken }
}

#[cfg(test)]
mod tests {
    use super::super::args::{Arguments, Command};
    use super::*;
    use clap::Parser;

    fn wanted() -> Agree {
        match Arguments::try_parse_from(["poolproof", "agree"]).expect("valid").command {
            Command::Agree(agree) => agree,
            _ => unreachable!("agree was asked for"),
        }
    }

    fn tallies(others: u64) -> [Tally; 2] {
        let mysql = Tally { pool: "mysql", server: "MariaDB 10.11.14".into(), interleavings: 1000, accepted: 0, others };
        [Tally { pool: "r2d2-postgres", server: "PostgreSQL 15.18".into(), interleavings: 1000, accepted: 3, others: 0 }, mysql]
    }

    #[test]
    fn what_is_accepted_is_told_from_what_is_not() {
        let expected = "
pool           server            interleavings    agreed     accepted        other
                                                          differences  differences
──────────────────────────────────────────────────────────────────────────────────
r2d2-postgres  PostgreSQL 15.18           1000       997            3            0
mysql          MariaDB 10.11.14           1000       999            0            1

rules of edition 2026.1, seed 1, 200 interleavings for each promise
";
        let text = format!("\n{}", closing(&tallies(1), &wanted(), Style::default()));
        assert!(text == expected, "got:{text}\nexpected:{expected}");
    }

    #[test]
    fn only_what_nobody_accepted_fails() {
        assert_eq!(code(&tallies(0)), Code::Passed);
        assert_eq!(code(&tallies(1)), Code::Broken);
    }
}
