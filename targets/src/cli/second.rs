//! A second opinion: effects that were seen on an embedded server are looked for on a real one.

use poolproof::bench::{Bench, ServerChoice};
use poolproof::certify::{self, Cell, Failure};
use poolproof::trouble::Trouble;
use poolproof::{Database, Target, Transport};

use super::benches::bench;
use super::exit::Stop;
use super::pools;
use super::progress::Teller;

/// The real servers that are asked for a second opinion, started when they are needed.
#[derive(Default)]
pub(super) struct Real {
    benches: Vec<(Database, Option<Bench>)>,
}

impl Real {
    /// Asks whether effects show on a real server too. Where none can be started they stay provisional.
    pub(super) fn ask(
        &mut self,
        target: &Target,
        transport: Transport,
        cells: &mut [Cell],
        teller: &mut Teller,
    ) -> Result<(), Stop> {
        if !cells.iter().flat_map(|cell| &cell.failures).any(Failure::is_provisional) {
            return Ok(());
        }
        let database = target.database();
        if !self.benches.iter().any(|(known, _)| *known == database) {
            teller.begins(&format!("starting {} for a second opinion", pools::protocol(database)));
            let mut started = bench()?;
            started.take(transport);
            let found = match started.add_server(&ServerChoice::Local, database) {
                Ok(()) => Some(started),
                Err(Trouble::Interrupted) => return Err(Trouble::Interrupted.into()),
                Err(_) => None,
            };
            self.benches.push((database, found));
        }
        let Some((_, Some(bench))) = self.benches.iter().find(|(known, _)| *known == database) else { return Ok(()) };
        for cell in cells {
            teller.begins(&format!("{}, {}: looking for effects on a real server", target.name(), cell.promise));
            certify::ask_second_server(bench, target, cell)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), Stop> {
        Ok(self.benches.into_iter().filter_map(|(_, bench)| bench).try_for_each(Bench::finish)?)
    }
}
