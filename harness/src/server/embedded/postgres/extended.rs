//! The extended protocol: Parse, Bind, Describe, Execute, Close, Flush, Sync.

use std::sync::Arc;

use super::context::Portal;
use super::error::{Problem, Stop};
use super::frame::Body;
use super::plan::Plan;
use super::query::{fields, read};
use super::run::{in_failed_transaction, no_statement, run};
use super::transaction::Block;
use super::types::{Datum, Type};
use super::write;
use super::{Postgres, Work};
use crate::server::embedded::World;

/// An `Execute` that is being carried out.
pub(super) struct Execution {
    name: String,
    portal: Portal,
    /// The most rows to send now.
    most: usize,
}

impl Postgres {
    /// Takes one of these messages, but for Sync. After an error the others are passed over up to the next Sync.
    pub(super) fn extended(&mut self, tag: u8, mut body: Body<'_>, world: &mut World) {
        let mut text = String::new();
        let result = match tag {
            b'P' => self.parse(&mut body, &mut text, world),
            b'B' => self.bind(&mut body, &mut text, world),
            b'D' => self.describe(&mut body),
            b'E' => self.execute(&mut body, world),
            b'C' => self.close_one(&mut body),
            _ => body.end().map_err(Stop::from).map(|()| self.flush()),
        };
        if let Err(stop) = result {
            self.message_failed(stop, &text, world);
        }
    }

    /// Takes a `Sync`.
    pub(super) fn sync(&mut self, body: &[u8], world: &mut World) {
        match Body(body).end() {
            Ok(()) => {
                self.context(&[], world).end_implicit();
                self.ready();
            }
            Err(problem) => self.query_failed(Stop::Problem(problem), "", world),
        }
    }

    /// A message has failed.
    pub(super) fn message_failed(&mut self, stop: Stop, text: &str, world: &mut World) {
        self.tell(stop, text, world);
        if !self.over {
            self.context(&[], world).fail();
            self.skipping = true;
        }
    }

    fn parse(&mut self, body: &mut Body<'_>, text: &mut String, world: &mut World) -> Result<(), Stop> {
        let name = body.text()?;
        body.text()?.clone_into(text);
        let given = body.list(Body::u32)?;
        body.end()?;
        if name.is_empty() {
            self.state.statements.remove("");
        }
        self.context(&[], world).begin_statement();
        let read = read(text)?;
        if read.statements > 1 {
            return Err(Problem::error("42601", "cannot insert multiple commands into a prepared statement").into());
        }
        let statement = read.first.map(|(statement, _)| statement);
        let ends_failure = Plan::may_end_failure(statement.as_ref());
        self.need_sound_transaction(ends_failure)?;
        let given = given.into_iter().map(known_type).collect::<Result<_, _>>()?;
        let plan = Plan::new(statement, text, Some(given), &world.tables, &self.state.settings)?;
        if !name.is_empty() && self.state.statements.get(name).is_some() {
            return Err(Problem::error("42P05", format!("prepared statement \"{name}\" already exists")).into());
        }
        let cost = plan.cost();
        self.state.statements.insert(name, Arc::new(plan), cost)?;
        write::bare(&mut self.writing, b'1');
        Ok(())
    }

    fn bind(&mut self, body: &mut Body<'_>, text: &mut String, world: &mut World) -> Result<(), Stop> {
        let (name, statement) = (body.text()?, body.text()?);
        let plan = Arc::clone(self.state.statements.get(statement).ok_or_else(|| no_statement(statement))?);
        self.context(&[], world).begin_statement();
        let formats = body.list(Body::u16)?;
        let given = body.u16()?;
        if formats.len() > 1 && formats.len() != usize::from(given) {
            let message = format!("bind message has {} parameter formats but {given} parameters", formats.len());
            return Err(Problem::error("08P01", message).into());
        }
        if usize::from(given) != plan.parameters.len() {
            let wanted = plan.parameters.len();
            let message =
                format!("bind message supplies {given} parameters, but prepared statement \"{statement}\" requires {wanted}");
            return Err(Problem::error("08P01", message).into());
        }
        self.need_sound_transaction(plan.ends_failure())?;
        if !name.is_empty() && self.state.portals.get(name).is_some() {
            return Err(Problem::error("42P03", format!("cursor \"{name}\" already exists")).into());
        }
        let mut cost = 1024;
        let mut parameters = Vec::with_capacity(plan.parameters.len());
        for (index, kind) in plan.parameters.iter().enumerate() {
            let value = match usize::try_from(body.i32()?) {
                Err(_) => Datum::Null,
                Ok(length) => {
                    cost += length;
                    let format = known_format(write::format_of(&formats, index))?;
                    Datum::read(body.bytes(length)?, *kind, format, index).inspect_err(|_| text.clone_from(&plan.text))?
                }
            };
            parameters.push(value);
        }
        let formats = body.list(Body::u16)?;
        body.end()?;
        let columns = fields(&plan).len();
        if formats.len() > 1 && formats.len() != columns {
            let message = format!("bind message has {} result formats but query has {columns} columns", formats.len());
            return Err(Problem::error("08P01", message).into());
        }
        formats.iter().try_for_each(|format| known_format(*format).map(drop))?;
        self.state.portals.insert(name, Portal { plan, parameters, formats, answer: None }, cost)?;
        write::bare(&mut self.writing, b'2');
        Ok(())
    }

    fn describe(&mut self, body: &mut Body<'_>) -> Result<(), Stop> {
        let (kind, name) = (body.byte()?, body.text()?);
        body.end()?;
        let (plan, formats) = match kind {
            b'S' => {
                let plan = self.state.statements.get(name).ok_or_else(|| no_statement(name))?;
                (Arc::clone(plan), Vec::new())
            }
            b'P' => {
                let portal = self.state.portals.get(name).ok_or_else(|| no_portal(name))?;
                (Arc::clone(&portal.plan), portal.formats.clone())
            }
            _ => return Err(Problem::error("08P01", format!("invalid DESCRIBE message subtype {kind}")).into()),
        };
        self.need_sound_transaction(plan.fields.is_none())?;
        if kind == b'S' {
            write::parameter_description(&mut self.writing, &plan.parameters);
        }
        match &plan.fields {
            Some(fields) => write::row_description(&mut self.writing, fields, &formats),
            None => write::bare(&mut self.writing, b'n'),
        }
        Ok(())
    }

    fn execute(&mut self, body: &mut Body<'_>, world: &mut World) -> Result<(), Stop> {
        let (name, most) = (body.text()?, body.i32()?);
        body.end()?;
        let most = usize::try_from(most).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
        let portal = self.state.portals.remove(name).ok_or_else(|| no_portal(name))?;
        self.carry_on_execution(Execution { name: name.to_owned(), portal, most }, world);
        Ok(())
    }

    /// Runs what a portal has, or goes on after a wait, and sends rows.
    pub(super) fn carry_on_execution(&mut self, mut execution: Execution, world: &mut World) {
        match self.run_portal(&mut execution, world) {
            Ok(()) => {}
            Err(Stop::Wait) => {
                self.waiting = true;
                self.work = Some(Work::Execute(execution));
            }
            Err(stop) => self.message_failed(stop, &execution.portal.plan.text, world),
        }
    }

    fn run_portal(&mut self, execution: &mut Execution, world: &mut World) -> Result<(), Stop> {
        let Execution { name, portal, most } = execution;
        let plan = Arc::clone(&portal.plan);
        if plan.statement.is_none() {
            write::bare(&mut self.writing, b'I');
            return self.put_back(execution);
        }
        let mut interrupt = None;
        if portal.answer.is_none() {
            let mut context = self.context(&portal.parameters, world);
            let result = run(&plan, &mut context);
            let notices = std::mem::take(&mut context.notices);
            self.notify(&notices);
            let answer = result?;
            (portal.answer, interrupt) = (Some((answer.rows.into_iter(), answer.tag)), answer.interrupt);
        } else if plan.fields.is_none() {
            return Err(Problem::error("55000", format!("portal \"{name}\" cannot be run")).into());
        }
        let Some((rows, tag)) = &mut portal.answer else { return Ok(()) };
        let mut sent = 0;
        while sent < *most
            && let Some(row) = rows.next()
        {
            write::row(&mut self.writing, &row, fields(&plan), &portal.formats)?;
            sent += 1;
        }
        interrupt.map_or(Ok(()), Err)?;
        // As in the server: a portal that gave as many rows as were wanted may have more.
        if sent == *most {
            write::bare(&mut self.writing, b's');
        } else if tag == "SELECT" {
            write::complete(&mut self.writing, &format!("SELECT {sent}"));
        } else {
            write::complete(&mut self.writing, tag);
        }
        self.put_back(execution)
    }

    /// A portal stays, unless its transaction is over.
    fn put_back(&mut self, execution: &mut Execution) -> Result<(), Stop> {
        if self.state.phase.is_begun() {
            let Portal { plan, parameters, formats, answer } = &mut execution.portal;
            let answer = answer.take();
            let bytes = |row: &Vec<Datum>| row.iter().map(|value| 32 + value.length()).sum::<usize>();
            let cost = 1024 + answer.as_ref().map_or(0, |(rows, _)| rows.as_slice().iter().map(bytes).sum());
            let portal = Portal {
                plan: Arc::clone(plan),
                parameters: std::mem::take(parameters),
                formats: std::mem::take(formats),
                answer,
            };
            self.state.portals.insert(&execution.name, portal, cost)?;
        }
        Ok(())
    }

    fn close_one(&mut self, body: &mut Body<'_>) -> Result<(), Stop> {
        let (kind, name) = (body.byte()?, body.text()?);
        body.end()?;
        match kind {
            b'S' => drop(self.state.statements.remove(name)),
            b'P' => drop(self.state.portals.remove(name)),
            _ => return Err(Problem::error("08P01", format!("invalid CLOSE message subtype {kind}")).into()),
        }
        write::bare(&mut self.writing, b'3');
        Ok(())
    }

    fn need_sound_transaction(&self, ends_failure: bool) -> Result<(), Problem> {
        if self.state.phase.block == Block::Failed && !ends_failure { Err(in_failed_transaction()) } else { Ok(()) }
    }
}

fn no_portal(name: &str) -> Problem {
    Problem::error("34000", format!("portal \"{name}\" does not exist"))
}

fn known_type(oid: u32) -> Result<Type, Stop> {
    let unknown =
        || Stop::Unknown(Problem::error("0A000", format!("a parameter's type has the number {oid}, which is not known here")));
    Type::of_oid(oid).ok_or_else(unknown)
}

fn known_format(format: u16) -> Result<u16, Problem> {
    if format > 1 { Err(Problem::error("22023", format!("unsupported format code: {format}"))) } else { Ok(format) }
}
