//! Transactions: blocks, savepoints, failure, and the implicit transaction of a query or of what stands before a Sync.
//!
//! Source: `access/transam/xact.c`.

use super::context::Context;
use super::error::{Problem, Stop};
use super::settings::Snapshot;
use super::statement::{Modes, Transaction};
use crate::server::embedded::tables::Mark;

/// As many savepoints a transaction may have.
const MOST_SAVEPOINTS: usize = 10_000;

/// Where the session stands.
#[derive(Default)]
pub(super) struct Phase {
    pub(super) block: Block,
    /// Several statements came in one query: until its end they are one transaction.
    pub(super) several: bool,
    /// The settings when the transaction began; `None`: nothing was done in it.
    begun: Option<Snapshot>,
    savepoints: Vec<Savepoint>,
}

/// A transaction block, which BEGIN begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Block {
    #[default]
    None,
    Open,
    /// It can only be rolled back.
    Failed,
}

struct Savepoint {
    name: String,
    mark: Mark,
    settings: Snapshot,
}

impl Phase {
    /// A transaction has begun, a block or an implicit one.
    pub(super) fn is_begun(&self) -> bool {
        self.begun.is_some()
    }
}

impl Block {
    /// As `ReadyForQuery` says it.
    pub(super) fn letter(self) -> u8 {
        match self {
            Self::None => b'I',
            Self::Open => b'T',
            Self::Failed => b'E',
        }
    }
}

impl Context<'_> {
    /// A statement is about to do something: without a transaction, one begins.
    pub(super) fn begin_statement(&mut self) {
        if self.state.phase.begun.is_none() {
            self.state.phase.begun = Some(self.state.settings.snapshot());
        }
    }

    /// The implicit transaction ends well, if there is no block.
    pub(super) fn end_implicit(&mut self) {
        if self.state.phase.block == Block::None {
            self.commit();
        }
        self.state.phase.several = false;
    }

    /// A statement has failed: so has its transaction.
    pub(super) fn fail(&mut self) {
        if self.state.phase.block == Block::None {
            self.roll_back();
        } else {
            self.state.phase.block = Block::Failed;
        }
    }

    /// Ends the transaction, if there is one; what it did is undone.
    pub(super) fn roll_back(&mut self) {
        self.world.tables.roll_back(self.number);
        if let Some(begun) = self.state.phase.begun.take() {
            self.state.settings.restore(&begun);
        }
        self.end();
    }

    /// Carries out a statement that controls the transaction; what is to be said of it.
    pub(super) fn control(&mut self, statement: &Transaction) -> Result<&'static str, Stop> {
        match statement {
            Transaction::Begin { modes, tag } => self.begin(modes, tag),
            Transaction::Commit => {
                let failed = self.state.phase.block == Block::Failed;
                self.warn_without_block();
                if failed {
                    self.roll_back()
                } else {
                    self.commit()
                }
                Ok(if failed { "ROLLBACK" } else { "COMMIT" })
            }
            Transaction::Rollback => {
                self.warn_without_block();
                self.roll_back();
                Ok("ROLLBACK")
            }
            Transaction::Savepoint(name) => {
                self.need_block("SAVEPOINT")?;
                if self.state.phase.savepoints.len() >= MOST_SAVEPOINTS {
                    return Err(Problem::error("53200", "out of shared memory").into());
                }
                let (mark, settings) = (self.world.tables.mark(self.number), self.state.settings.snapshot());
                self.state.phase.savepoints.push(Savepoint { name: name.clone(), mark, settings });
                Ok("SAVEPOINT")
            }
            Transaction::Release(name) => {
                self.need_block("RELEASE SAVEPOINT")?;
                let index = self.savepoint(name)?;
                self.state.phase.savepoints.truncate(index);
                Ok("RELEASE")
            }
            Transaction::RollbackTo(name) => {
                self.need_block("ROLLBACK TO SAVEPOINT")?;
                let index = self.savepoint(name)?;
                self.state.phase.savepoints.truncate(index + 1);
                if let Some(savepoint) = self.state.phase.savepoints.last() {
                    self.world.tables.roll_back_to(self.number, savepoint.mark);
                    self.state.settings.restore(&savepoint.settings);
                }
                self.state.phase.block = Block::Open;
                Ok("ROLLBACK")
            }
        }
    }

    /// Warns if what follows has no effect because there is no block.
    pub(super) fn warn_unless_in_block(&mut self, what: &str) {
        if self.state.phase.block == Block::None && !self.state.phase.several {
            self.notices.push(Problem::warning("25P01", format!("{what} can only be used in transaction blocks")));
        }
    }

    fn begin(&mut self, modes: &Modes, tag: &'static str) -> Result<&'static str, Stop> {
        if self.state.phase.block == Block::Open {
            self.notices.push(Problem::warning("25001", "there is already a transaction in progress"));
        }
        self.state.phase.block = Block::Open;
        for (name, value) in modes {
            self.state.settings.set(name, value, true)?;
        }
        Ok(tag)
    }

    fn commit(&mut self) {
        self.world.tables.commit(self.number);
        self.state.settings.end_transaction();
        self.end();
    }

    fn end(&mut self) {
        let phase = &mut self.state.phase;
        (phase.block, phase.begun) = (Block::None, None);
        phase.savepoints.clear();
        self.state.locks.release_transaction(self.number, &mut self.world.locks);
        self.state.portals.clear();
    }

    fn warn_without_block(&mut self) {
        if self.state.phase.block == Block::None {
            self.notices.push(Problem::warning("25P01", "there is no transaction in progress"));
        }
    }

    fn need_block(&self, what: &str) -> Result<(), Problem> {
        if self.state.phase.block == Block::None {
            return Err(Problem::error("25P01", format!("{what} can only be used in transaction blocks")));
        }
        Ok(())
    }

    fn savepoint(&self, name: &str) -> Result<usize, Problem> {
        let index = self.state.phase.savepoints.iter().rposition(|savepoint| savepoint.name == name);
        index.ok_or_else(|| Problem::error("3B001", format!("savepoint \"{name}\" does not exist")))
    }
}
