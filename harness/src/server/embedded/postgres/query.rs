//! Simple queries: a text with any number of statements, which are one transaction unless they say otherwise.

use super::catalogue::Question;
use super::error::{Problem, Stop};
use super::frame::Body;
use super::plan::Plan;
use super::run::{Answer, in_failed_transaction, run};
use super::statement::Statement;
use super::transaction::Block;
use super::write::{self, Field};
use super::{Postgres, Work, parse};
use crate::pool::Database;
use crate::server::embedded::World;
use crate::server::embedded::sql::{Reader, Token, Unreadable};

/// A text that is being worked through.
pub(super) struct Query {
    text: String,
    /// Where the next statement begins.
    at: usize,
    /// The next statement, where it was read already, and where the one after it begins.
    next: Option<(Statement, usize)>,
    /// The statement that waits; its rows are described already.
    waiting: Option<Plan>,
}

impl Query {
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// A text, read as far as to know that all of it can be read.
pub(super) struct Text {
    /// The first statement, and where the one after it begins.
    pub(super) first: Option<(Statement, usize)>,
    pub(super) statements: usize,
}

/// Reads a text of statements.
pub(super) fn read(text: &str) -> Result<Text, Stop> {
    let mut reader = Reader::new(Database::Postgres, text);
    let mut read = Text { first: None, statements: 0 };
    while reader.symbol(";") {}
    while !matches!(reader.peek(), Token::End) {
        let statement = statement(&mut reader)?;
        let more = reader.next_statement();
        read.statements += 1;
        if read.first.is_none() {
            read.first = Some((statement, if more { reader.offset() } else { text.len() }));
        }
    }
    Ok(read)
}

/// Reads one statement. One that this server does not read may be one that it knows as a whole.
fn statement(reader: &mut Reader<'_>) -> Result<Statement, Stop> {
    let mut whole = reader.clone();
    let start = reader.offset();
    let result = parse::statement(reader);
    if result.as_ref().is_ok_and(|statement| !asks_the_catalogue(statement)) {
        return result.map_err(|Unreadable| unreadable(reader));
    }
    while !whole.is_at_end() && !matches!(whole.peek(), Token::Bad(_)) {
        whole.take();
    }
    let known = Question::of_text(whole.text(start, whole.taken()));
    match (known, result) {
        (Some(question), _) => {
            *reader = whole;
            Ok(Statement::Catalogue(question))
        }
        (None, Ok(statement)) => Ok(statement),
        (None, Err(Unreadable)) => Err(unreadable(reader)),
    }
}

fn asks_the_catalogue(statement: &Statement) -> bool {
    let Statement::Select(select) = statement else { return false };
    select.from.as_ref().is_some_and(|table| ["pg_", "information_schema."].iter().any(|start| table.name.starts_with(start)))
}

/// PostgreSQL would take some of what this server cannot read; the words are those of what nobody can read.
fn unreadable(reader: &Reader<'_>) -> Stop {
    let message = match (reader.peek(), reader.near()) {
        (Token::End, _) => "syntax error at end of input".to_owned(),
        (Token::Bad(why), near) => format!("{why} at or near \"{near}\""),
        (_, near) => format!("syntax error at or near \"{near}\""),
    };
    Stop::Unknown(Problem::error("42601", message).at(reader.offset()))
}

impl Postgres {
    /// Takes a `Query`.
    pub(super) fn query(&mut self, body: &[u8], world: &mut World) {
        self.state.statements.remove("");
        self.state.portals.remove("");
        let mut body = Body(body);
        let text = match body.text().and_then(|text| body.end().map(|()| text)) {
            Ok(text) => text,
            Err(problem) => return self.query_failed(Stop::Problem(problem), "", world),
        };
        let read = match read(text) {
            Ok(read) => read,
            Err(stop) => return self.query_failed(stop, text, world),
        };
        if read.statements == 0 {
            write::bare(&mut self.writing, b'I');
        }
        self.state.phase.several = read.statements > 1;
        let query = Query { text: text.to_owned(), at: text.len(), next: read.first, waiting: None };
        self.carry_on_query(query, world);
    }

    /// Works through the statements of a query, up to its end or to a wait.
    pub(super) fn carry_on_query(&mut self, mut query: Query, world: &mut World) {
        loop {
            let waited = query.waiting.is_some();
            let plan = match query.waiting.take() {
                Some(plan) => Ok(plan),
                None => match self.next_plan(&mut query, world) {
                    Ok(Some(plan)) => Ok(plan),
                    Ok(None) => break,
                    Err(stop) => Err(stop),
                },
            };
            let result = plan.and_then(|plan| match self.run_for_query(&plan, waited, world) {
                Err(Stop::Wait) => Ok(Some(plan)),
                result => result.map(|()| None),
            });
            match result {
                Ok(None) => self.relieve(world),
                Ok(Some(plan)) => {
                    query.waiting = Some(plan);
                    self.waiting = true;
                    self.work = Some(Work::Query(Box::new(query)));
                    return;
                }
                Err(stop) => return self.query_failed(stop, &query.text, world),
            }
            if self.over {
                return;
            }
        }
        self.context(&[], world).end_implicit();
        self.ready();
    }

    /// The query has failed, and with it what it did: the statements that are left are passed over.
    pub(super) fn query_failed(&mut self, stop: Stop, text: &str, world: &mut World) {
        self.tell(stop, text, world);
        if !self.over {
            let mut context = self.context(&[], world);
            context.fail();
            context.end_implicit();
            self.ready();
        }
    }

    fn next_plan(&mut self, query: &mut Query, world: &World) -> Result<Option<Plan>, Stop> {
        let (statement, after) = match query.next.take() {
            Some(next) => next,
            None => {
                let mut reader = Reader::from(Database::Postgres, &query.text, query.at);
                while reader.symbol(";") {}
                if matches!(reader.peek(), Token::End) {
                    return Ok(None);
                }
                let statement = statement(&mut reader)?;
                (statement, if reader.next_statement() { reader.offset() } else { query.text.len() })
            }
        };
        query.at = after;
        let ends_failure = matches!(&statement, Statement::Transaction(control) if control.ends_failure());
        if self.state.phase.block == Block::Failed && !ends_failure {
            return Err(in_failed_transaction().into());
        }
        Plan::new(Some(statement), "", None, &world.tables, &self.state.settings).map(Some)
    }

    fn run_for_query(&mut self, plan: &Plan, described: bool, world: &mut World) -> Result<(), Stop> {
        let mut context = self.context(&[], world);
        let result = run(plan, &mut context);
        let notices = std::mem::take(&mut context.notices);
        // The server describes rows before it computes them, but what is constant it computes before.
        if let Some(fields) = plan.fields.as_ref().filter(|_| !described && (result.is_ok() || plan.calls())) {
            write::row_description(&mut self.writing, fields, &[]);
        }
        self.notify(&notices);
        let answer = result?;
        for row in &answer.rows {
            write::row(&mut self.writing, row, fields(plan), &[])?;
        }
        if let Some(stop) = answer.interrupt {
            return Err(stop);
        }
        write::complete(&mut self.writing, &tag(&answer));
        Ok(())
    }
}

/// What `CommandComplete` says of an answer all rows of which were sent.
fn tag(answer: &Answer) -> String {
    if answer.tag == "SELECT" { format!("SELECT {}", answer.rows.len()) } else { answer.tag.clone() }
}

/// The fields of a plan that gives rows.
pub(super) fn fields(plan: &Plan) -> &[Field] {
    plan.fields.as_deref().unwrap_or_default()
}
