//! Pool or driver? What a pool breaks with its own driver is executed with one that does nothing of its own accord.

use poolproof::bench::{Bench, ServerChoice};
use poolproof::certificate::{Certificate, Counterexample};
use poolproof::certify;
use poolproof::interleaving::parse;
use poolproof::{Database, Target};
use poolproof_targets::without_its_driver;

use super::benches::bench;
use super::exit::Stop;
use super::progress::Teller;

/// The embedded servers on which that is found out, started when they are needed.
#[derive(Default)]
pub(super) struct Blame {
    benches: Vec<(Database, Bench)>,
}

/// So often each failure is executed.
const TIMES: u32 = 3;

impl Blame {
    /// Says of each failure of a pool whether it is its driver's.
    pub(super) fn find(&mut self, target: &Target, certificate: &mut Certificate, teller: &mut Teller) -> Result<(), Stop> {
        let Some(other) = without_its_driver(target.name()) else { return Ok(()) };
        let failures = certificate.promises.iter_mut().flat_map(|chapter| &mut chapter.failures);
        for failure in failures.filter(|failure| failure.certain) {
            teller.begins(&format!("{}: looking whether {} is the driver's", target.name(), failure.rule));
            failure.blame = Some(blame(self.bench(other.database())?, &other, failure)?);
        }
        teller.clear();
        Ok(())
    }

    fn bench(&mut self, database: Database) -> Result<&Bench, Stop> {
        if !self.benches.iter().any(|(known, _)| *known == database) {
            let mut started = bench()?;
            started.add_server(&ServerChoice::Embedded, database)?;
            self.benches.push((database, started));
        }
        let found = self.benches.iter().find(|(known, _)| *known == database);
        found.map(|(_, bench)| bench).ok_or_else(|| Stop::usage("there is no embedded server for this database"))
    }

    pub(super) fn finish(self) -> Result<(), Stop> {
        Ok(self.benches.into_iter().try_for_each(|(_, bench)| bench.finish())?)
    }
}

fn blame(bench: &Bench, other: &Target, failure: &Counterexample) -> Result<String, Stop> {
    let interleaving = parse(&failure.interleaving).map_err(|typo| Stop::usage(typo.to_string()))?;
    let replay = certify::replay(bench, other, &interleaving, TIMES)?;
    let cause = replay.judgement.first_cause().map(|(rule, _)| rule.id);
    let name = other.name();
    Ok(match cause {
        Some(rule) if rule == failure.rule => {
            format!("The pool: with a driver that does nothing of its own accord ({name}) it is broken, too.")
        }
        Some(rule) => {
            format!("Not decided: with a driver that does nothing of its own accord ({name}) {rule} is broken in its place.")
        }
        None => format!(
            "The driver, or what the pool asks of it: with one that does nothing of its own accord ({name}) nothing is broken, in {TIMES} \
             executions."
        ),
    })
}
