//! `poolproof pools`: the pools that can be judged, and the mutants.

use poolproof::{Database, Target};

use super::exit::{Code, Stop};
use super::screen::Screen;

/// Lists them.
pub(crate) fn run(screen: &mut Screen) -> Result<Code, Stop> {
    let everything = poolproof_targets::all();
    let width = everything.iter().map(|target| target.name().len()).max().unwrap_or(0);
    let line = |target: &Target, more: &str| {
        format!("  {:<width$}  {:<16}  {}{more}\n", target.name(), protocol(target.database()), target.about())
    };
    let mut text = screen.style.strong("Pools; where none is named, `certify` takes those with code of their own:") + "\n";
    let same = |target: &Target| target.shared().map(|other| format!("; the pool of {other}")).unwrap_or_default();
    let ways = |target: &Target| target.transports().iter().map(|way| way.word()).collect::<Vec<_>>().join(", ");
    let more = |target: &Target| format!("{}; over {}", same(target), ways(target));
    text.extend(poolproof_targets::pools().iter().map(|target| line(target, &more(target))));
    let mutants = poolproof_targets::mutants();
    if !mutants.is_empty() {
        text.push('\n');
        text.push_str(&screen.style.strong("Mutants, each with one planted defect; they prove that poolproof finds it:"));
        text.push('\n');
        text.extend(
            mutants.iter().map(|mutant| line(&mutant.target, &format!("; breaks {} under {}", mutant.rule, mutant.terms))),
        );
    }
    text.push('\n');
    text.push_str(&screen.style.strong("Pools in Python, which need python3; the first use fetches the packages:"));
    text.push('\n');
    let python = poolproof_targets::python::known();
    let width = python.iter().map(|known| known.name.len()).max().unwrap_or(0);
    text.extend(
        python.iter().map(|known| format!("  {:<width$}  {:<16}  {}\n", known.name, protocol(known.database), known.about)),
    );
    screen.say(&text)?;
    Ok(Code::Passed)
}

/// The servers that a pool can be judged on.
pub(crate) fn protocol(database: Database) -> &'static str {
    match database {
        Database::Postgres => "PostgreSQL",
        Database::MySql => "MySQL or MariaDB",
    }
}
