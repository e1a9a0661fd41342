//! What the tests of a suite share: servers that are started when they are needed, and what is told at the end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::known::Known;
use super::settings::Settings;
use super::signals;
use crate::bench::Bench;
use crate::certify::{self, Cases, Cell, Plan};
use crate::choice::ServerChoice;
use crate::corpus;
use crate::promise::Promise;
use crate::target::Target;
use crate::trouble::Trouble;

/// What the tests of a suite share.
pub(super) struct Stage {
    pub(super) target: Target,
    pub(super) settings: Settings,
    pub(super) known: Known,
    /// Each server, or why there is none.
    benches: Mutex<Vec<(ServerChoice, Result<Bench, Trouble>)>>,
    notes: Mutex<Vec<String>>,
}

/// What a pool did under one promise, and where.
pub(super) struct Searched {
    pub(super) cell: Cell,
    /// The server's name and version.
    pub(super) server: String,
    pub(super) embedded: bool,
}

impl Stage {
    pub(super) fn new(target: Target, settings: Settings, known: Known) -> Self {
        Self { target, settings, known, benches: Mutex::default(), notes: Mutex::default() }
    }

    /// Searches for what breaks a rule under a promise.
    pub(super) fn search(&self, promise: Promise, choice: &ServerChoice) -> Result<Searched, Trouble> {
        let mut searched = self.on(choice, |bench| {
            let known = |promise| corpus::known(&self.settings.directory, self.target.name(), promise);
            let mut cells = certify::certify(bench, &self.target, &[promise], &self.plan(), &known, &mut |_| {})?;
            let cell = cells.pop().ok_or_else(|| Trouble::Bug("a promise was lost".to_owned()))?;
            Ok(Searched { cell, server: self.product(bench), embedded: bench.is_embedded(self.target.database()) })
        })?;
        if searched.embedded {
            self.ask_second_server(&mut searched.cell)?;
        }
        Ok(searched)
    }

    /// Effects that an embedded server showed are looked for on a real one, if one can be started.
    fn ask_second_server(&self, cell: &mut Cell) -> Result<(), Trouble> {
        let expected = |rule: &str| self.known.reason(cell.promise, rule).is_some();
        if !cell.failures.iter().any(|failure| failure.is_provisional() && !expected(failure.rule.id)) {
            return Ok(());
        }
        match self.on(&ServerChoice::Local, |bench| certify::ask_second_server(bench, &self.target, cell)) {
            Err(Trouble::Interrupted) => Err(Trouble::Interrupted),
            // It stays provisional.
            _ => Ok(()),
        }
    }

    fn plan(&self) -> Plan {
        let Settings { seed, cases, .. } = self.settings;
        Plan { seed, cases: Cases::Within(cases, self.settings.share()), ..Plan::default() }
    }

    /// Name and version of the server.
    pub(super) fn product(&self, bench: &Bench) -> String {
        bench.product(self.target.database()).unwrap_or("an unknown server").to_owned()
    }

    /// Does something on a server, and starts it before if nobody has.
    pub(super) fn on<T>(&self, choice: &ServerChoice, act: impl FnOnce(&Bench) -> Result<T, Trouble>) -> Result<T, Trouble> {
        if signals::came() {
            return Err(Trouble::Interrupted);
        }
        let mut benches = locked(&self.benches);
        let place = match benches.iter().position(|(known, _)| known == choice) {
            Some(place) => place,
            None => {
                benches.push((choice.clone(), self.bench(choice)));
                benches.len() - 1
            }
        };
        benches[place].1.as_ref().map_err(Trouble::clone).and_then(act)
    }

    fn bench(&self, choice: &ServerChoice) -> Result<Bench, Trouble> {
        let mut bench = Bench::start(signals::stop_flag()?)?;
        bench.add_server(choice, self.target.database())?;
        Ok(bench)
    }

    /// Keeps something that is to be told at the end.
    pub(super) fn note(&self, note: String) {
        locked(&self.notes).push(note);
    }

    /// Tells what was kept, and ends what was started.
    ///
    /// # Errors
    /// What could not be removed.
    pub(super) fn close(&self) -> Result<(), Trouble> {
        for note in locked(&self.notes).drain(..) {
            eprintln!("{note}");
        }
        let benches = std::mem::take(&mut *locked(&self.benches));
        benches.into_iter().filter_map(|(_, bench)| bench.ok()).try_for_each(Bench::finish)
    }
}

/// What a test that panicked held is as good as before.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
