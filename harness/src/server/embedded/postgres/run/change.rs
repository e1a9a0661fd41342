//! Statements that change what is there beside rows: tables, settings, and what the session has prepared.

use super::{Answer, columns_of, no_statement, writable};
use crate::server::embedded::postgres::context::Context;
use crate::server::embedded::postgres::error::{Problem, Stop};
use crate::server::embedded::postgres::statement::{Name, Statement};
use crate::server::embedded::postgres::transaction::Block;
use crate::server::embedded::tables::Refusal;

/// Tables come and go.
pub(super) fn define(statement: &Statement, context: &mut Context<'_>) -> Result<Answer, Stop> {
    match statement {
        Statement::CreateTable { table, columns, if_not_exists } => {
            writable("CREATE TABLE", context)?;
            let name = Name { name: table.clone(), offset: 0 };
            match context.world.tables.create(context.number, table, columns.clone()) {
                Err(Refusal::TableExists) if *if_not_exists => {
                    let message = format!("relation \"{table}\" already exists, skipping");
                    context.notices.push(Problem { severity: "NOTICE", ..Problem::warning("42P07", message) });
                }
                result => result.map_err(|refusal| refused(refusal, &name))?,
            }
            Ok(Answer::done("CREATE TABLE"))
        }
        Statement::CreateIndex { table } => {
            columns_of(table, &context.world.tables)?;
            writable("CREATE INDEX", context)?;
            Ok(Answer::done("CREATE INDEX"))
        }
        Statement::DropTable { tables, if_exists } => {
            writable("DROP TABLE", context)?;
            for table in tables {
                let missing = format!("table \"{}\" does not exist", table.name);
                match context.world.tables.drop(context.number, &table.name) {
                    Ok(()) => {}
                    Err(_) if *if_exists => {
                        let message = missing + ", skipping";
                        context.notices.push(Problem { severity: "NOTICE", ..Problem::warning("00000", message) });
                    }
                    Err(_) => return Err(Problem::error("42P01", missing).into()),
                }
            }
            Ok(Answer::done("DROP TABLE"))
        }
        _ => Ok(Answer::default()),
    }
}

/// What is said of a change to the tables that was refused.
pub(super) fn refused(refusal: Refusal, table: &Name) -> Problem {
    match refusal {
        Refusal::NoSuchTable => Problem::error("42P01", format!("relation \"{}\" does not exist", table.name)),
        Refusal::TableExists => Problem::error("42P07", format!("relation \"{}\" already exists", table.name)),
        Refusal::Full => Problem::error("53100", "out of memory").detail("The tables of this server are full."),
    }
}

/// What changes the session: settings, and what it has prepared.
pub(super) fn configure(statement: &Statement, context: &mut Context<'_>) -> Result<Answer, Stop> {
    let state = &mut *context.state;
    Ok(Answer::done(match statement {
        Statement::Set { name, value, local } => {
            if *local {
                context.warn_unless_in_block("SET LOCAL");
            }
            let settings = &mut context.state.settings;
            match value {
                Some(value) => drop(settings.set(name, value, *local)?),
                None => settings.reset(name)?,
            }
            "SET"
        }
        Statement::SetTransaction { modes, session } => {
            if !session {
                context.warn_unless_in_block("SET TRANSACTION");
            }
            for (name, value) in modes {
                let name = if *session { format!("default_{name}") } else { (*name).to_owned() };
                context.state.settings.set(&name, value, !session)?;
            }
            "SET"
        }
        Statement::Reset(name) => {
            match name {
                Some(name) => state.settings.reset(name)?,
                None => state.settings.reset_all(),
            }
            "RESET"
        }
        Statement::Discard("all") => {
            if state.phase.block != Block::None || state.phase.several {
                return Err(Problem::error("25001", "DISCARD ALL cannot run inside a transaction block").into());
            }
            state.portals.clear();
            state.statements.clear();
            state.settings.reset_all();
            state.locks.release_session(context.number, &mut context.world.locks);
            "DISCARD ALL"
        }
        Statement::Discard(what) => return Ok(Answer::done(format!("DISCARD {}", what.to_ascii_uppercase()))),
        Statement::Deallocate(None) => {
            state.statements.clear();
            "DEALLOCATE ALL"
        }
        Statement::Deallocate(Some(name)) => {
            state.statements.remove(name).ok_or_else(|| no_statement(name))?;
            "DEALLOCATE"
        }
        Statement::Close(None) => {
            state.portals.clear();
            "CLOSE CURSOR ALL"
        }
        Statement::Close(Some(name)) => {
            state.portals.remove(name).ok_or_else(|| Problem::error("34000", format!("cursor \"{name}\" does not exist")))?;
            "CLOSE CURSOR"
        }
        Statement::Unlisten => "UNLISTEN",
        _ => "",
    }))
}
