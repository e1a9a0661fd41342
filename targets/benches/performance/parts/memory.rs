//! (d) Private memory of coordinator and zygote, as a run goes on.

use std::error::Error;

use poolproof::Promise;
use poolproof::bench::ServerChoice;
use poolproof::certify::{self, Cases, Plan, Progress};
use poolproof::generate::{Selection, Shard};

use super::measure;
use super::paper::{Finding, Section};
use super::processes::{private_memory, zygote_of};

/// When it is looked at.
const LOOKS: [u64; 4] = [1, 1_000, 10_000, 100_000];

pub(super) fn section() -> Result<Section, Box<dyn Error>> {
    let reference = measure::target("reference");
    let bench = measure::bench_with(&ServerChoice::Embedded, &reference)?;
    let cases = Cases::Number(LOOKS[LOOKS.len() - 1]);
    let plan = Plan { seed: 1, cases, selection: Selection::default(), workers: 1, replays: 1, shard: Shard::WHOLE };
    let mut seen: Vec<(u64, u64, u64)> = Vec::new();
    let mut trouble = None;
    let mut look = |news: Progress| {
        let Progress::Searched(_, done, _) = news else { return };
        if !LOOKS.contains(&done) || seen.last().is_some_and(|(last, _, _)| *last == done) {
            return;
        }
        let own = std::process::id();
        let sizes = zygote_of(own)
            .ok_or_else(|| std::io::Error::other("no zygote"))
            .and_then(|zygote| Ok((private_memory(own)?, private_memory(zygote)?)));
        match sizes {
            Ok((coordinator, zygote)) => seen.push((done, coordinator, zygote)),
            Err(error) => trouble = Some(error),
        }
        eprintln!("  {done} interleavings");
    };
    certify::certify(&bench, &reference, &[Promise::ChildUsesPool], &plan, &|_| Ok(Vec::new()), &mut look)?;
    trouble.map_or(Ok(()), Err)?;
    let rows = seen
        .iter()
        .map(|(done, coordinator, zygote)| vec![done.to_string(), format!("{coordinator} kB"), format!("{zygote} kB")]);
    let growth = |of: fn(&(u64, u64, u64)) -> u64| {
        let early = seen.iter().find(|(done, _, _)| *done == LOOKS[1]).map_or(0, of);
        seen.last().map_or(0, of).saturating_sub(early) as f64
    };
    let findings = vec![
        Finding::at_most("zygote, kB private", seen.iter().map(|(_, _, zygote)| *zygote).max().unwrap_or(0) as f64, 10240.0),
        Finding::at_most("growth of the coordinator after 1,000, kB", growth(|seen| seen.1), 1024.0),
        Finding::at_most("growth of the zygote after 1,000, kB", growth(|seen| seen.2), 1024.0),
    ];
    let about =
        "Pool `reference`, embedded PostgreSQL, one worker, generated interleavings under `child-uses-pool`. The coordinator is \
                 the\nbench itself, with what its other parts left in the allocator."
            .to_owned();
    let header = vec!["after interleavings", "coordinator", "zygote"];
    Ok(Section { title: "(d) Private memory", about, header, rows: rows.collect(), findings })
}
