//! Reads a history into rows: what each actor did, what passed the wire meanwhile, and which of it broke a rule.
//!
//! `wire.rs` says what of the wire is shown. Columns and widths are not known here.

use std::collections::{BTreeMap, BTreeSet};

use super::clean::cleaned;
use super::wire::{Note, Session};
use super::words;
use crate::history::{Ending, Event, Expectation, History, Invocation, InvocationId, Outcome, SessionId};
use crate::interleaving::{Actor, ExitKind, Interleaving, Op, Process, Step};
use crate::pool::ErrorKind;
use crate::rules::Judgement;

/// What a place of the history has to do with broken rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// The first cause.
    First,
    /// A consequence.
    Then,
}

/// One row: at most one thing in a lane, and what passed the wire until the next row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// The number by which evidence calls the step.
    pub(super) number: Option<u32>,
    /// Who, and what stands in the lane.
    pub(super) lane: Option<(Actor, String)>,
    /// The lane's text may run over the lanes to the right of it.
    pub(super) wide: bool,
    /// It tells of something that did not happen.
    pub(super) faint: bool,
    /// A line across all lanes, in place of everything else.
    pub(super) across: Option<String>,
    /// What passed the wire.
    pub(super) wire: Vec<Note>,
    /// What is in the lane broke a rule.
    pub(super) mark: Option<Mark>,
    /// It belongs to the epilogue.
    pub(super) final_check: bool,
    /// Who is alive.
    pub(super) alive: BTreeSet<Actor>,
}

impl Row {
    /// Something in it broke a rule.
    pub(super) fn is_marked(&self) -> bool {
        self.mark.is_some() || self.wire.iter().any(|note| note.mark.is_some())
    }
}

/// The rows of a history.
pub(super) fn rows(interleaving: &Interleaving, history: &History, judgement: &Judgement) -> Vec<Row> {
    let mut reader = Reader::new(interleaving, marks(judgement));
    for (at, event) in history.events().iter().enumerate() {
        reader.mark = reader.marks.get(&at).copied();
        reader.read(event);
        reader.mark_left_over();
    }
    reader.rows
}

fn marks(judgement: &Judgement) -> BTreeMap<usize, Mark> {
    let mut marks: BTreeMap<usize, Mark> = judgement.consequences().map(|(_, evidence)| (evidence.at, Mark::Then)).collect();
    marks.extend(judgement.first_cause().map(|(_, evidence)| (evidence.at, Mark::First)));
    marks
}

pub(super) struct Reader<'a> {
    interleaving: &'a Interleaving,
    marks: BTreeMap<usize, Mark>,
    /// The mark of the event that is being read, until something shown takes it.
    pub(super) mark: Option<Mark>,
    pub(super) rows: Vec<Row>,
    alive: BTreeSet<Actor>,
    final_check: bool,
    in_flight: BTreeMap<InvocationId, Flight>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    exits: BTreeMap<Process, Ending>,
    killed: BTreeSet<Process>,
}

/// An invocation that has not finished.
struct Flight {
    invocation: Invocation,
    row: usize,
    /// Another one was started meanwhile, so that its outcome needs a row of its own.
    waited: bool,
}

impl<'a> Reader<'a> {
    fn new(interleaving: &'a Interleaving, marks: BTreeMap<usize, Mark>) -> Self {
        Self {
            interleaving,
            marks,
            mark: None,
            rows: Vec::new(),
            alive: BTreeSet::new(),
            final_check: false,
            in_flight: BTreeMap::new(),
            sessions: BTreeMap::new(),
            exits: BTreeMap::new(),
            killed: BTreeSet::new(),
        }
    }

    fn read(&mut self, event: &Event) {
        match event {
            Event::Born { process, .. } => drop(self.alive.insert(process.main())),
            Event::Skipped { step, why } => self.skipped(*step, words::skip(*why)),
            Event::Invoked(invocation) => self.invoked(invocation),
            Event::Finished { id, outcome } => self.finished(*id, outcome),
            Event::Stuck { process, id, .. } | Event::Spinning { process, id, .. } => {
                self.endless(*process, *id, words::NEVER_ENDS)
            }
            Event::Overdue { process, id, .. } => self.endless(*process, *id, words::LATE),
            Event::Killed { process } => drop(self.killed.insert(*process)),
            Event::Ended { process, ending } => self.ended(*process, *ending),
            Event::SessionsLeft { sessions } => {
                self.new_row();
                self.say(format!("the server still has {}", words::names(sessions)));
            }
            Event::Carried { process, sessions } => {
                self.new_row();
                self.say(format!("the program that {process} executed has kept {}", words::names(sessions)));
            }
            Event::Ledger { rows } => {
                let unit = if rows.len() == 1 { "row" } else { "rows" };
                self.across(format!("{}: {} {unit}", words::ROW_CHECK, rows.len()));
            }
            Event::Abandoned { why } => self.across(format!("poolproof gave up: {}", cleaned(why))),
            Event::Shared | Event::Answered { .. } | Event::Released { .. } | Event::Drew { .. } => {}
            Event::NeverStalled { .. } | Event::NeverCut { .. } | Event::KeptTooLong { .. } => {}
            Event::Accepting => self.across(words::ACCEPTING.to_owned()),
            Event::Opened { .. }
            | Event::CancelRequested { .. }
            | Event::KillRequested { .. }
            | Event::Ready { .. }
            | Event::Wrote { .. }
            | Event::Withheld { .. }
            | Event::Cut { .. }
            | Event::Refused { .. }
            | Event::Resumed { .. }
            | Event::Encrypted { .. }
            | Event::Undecipherable { .. }
            | Event::Desynchronised { .. }
            | Event::ClientClosed { .. }
            | Event::ServerClosed { .. } => self.wire(event),
        }
    }

    // What actors do.

    fn skipped(&mut self, step: usize, why: &str) {
        let Some(Step { actor, op, .. }) = self.interleaving.steps.get(step) else { return };
        let row = self.new_row();
        self.rows[row].lane = Some((*actor, format!("({op}) skipped: {why}")));
        self.rows[row].wide = true;
        self.rows[row].faint = true;
    }

    fn invoked(&mut self, invocation: &Invocation) {
        if invocation.step.is_none() && !self.final_check {
            self.final_check = true;
            self.across(words::FINAL_CHECK.to_owned());
        }
        for flight in self.in_flight.values_mut().filter(|flight| !flight.waited) {
            flight.waited = true;
            self.rows[flight.row].lane.iter_mut().for_each(|(_, text)| text.push_str(words::WAITS));
        }
        let row = self.new_row();
        self.rows[row].number = Some(invocation.id.0);
        let stall = invocation.stall.map_or_else(String::new, |reply| format!(" stall={reply}"));
        let cut = invocation.cut.map_or_else(String::new, |bytes| format!(" cut={bytes}"));
        self.rows[row].lane = Some((invocation.actor, format!("{}{stall}{cut}", invocation.op)));
        self.in_flight.insert(invocation.id, Flight { invocation: invocation.clone(), row, waited: false });
        if let Op::Exit(kind) = invocation.op {
            self.exits.insert(invocation.actor.process, asked(kind));
        }
        self.take_mark(row);
    }

    fn finished(&mut self, id: InvocationId, outcome: &Outcome) {
        let Some(flight) = self.in_flight.remove(&id) else { return };
        let (invocation, actor) = (&flight.invocation, flight.invocation.actor);
        match (invocation.op, outcome) {
            (Op::Spawn(thread), Outcome::Done) => drop(self.alive.insert(Actor { thread, ..actor })),
            (Op::Join(thread), Outcome::Done) => drop(self.alive.remove(&Actor { thread, ..actor })),
            _ => {}
        }
        let said = match outcome {
            // It was expected to wait in vain, and the words are the same each time.
            Outcome::Error { kind: ErrorKind::TimedOut, .. } if invocation.expected == Expectation::Block => {
                Some(words::TIMED_OUT_AS_EXPECTED.to_owned())
            }
            other => words::outcome(other),
        };
        match (said, flight.waited) {
            (None, false) => self.take_mark(flight.row),
            (said, _) => self.comes(&flight, said.as_deref().unwrap_or(words::DONE)),
        }
    }

    fn endless(&mut self, process: Process, id: InvocationId, how: &str) {
        let words = format!("{how}; {process} is killed");
        match self.in_flight.remove(&id) {
            Some(flight) => self.comes(&flight, &words),
            None => self.wide(process.main(), words, Some(id)),
        }
    }

    /// What came of a step: beside it where there is room, else below; with its name again if others stepped meanwhile.
    fn comes(&mut self, flight: &Flight, words: &str) {
        let Flight { invocation, row, waited } = flight;
        let free = row + 1 == self.rows.len() && self.rows[*row].wire.is_empty();
        match &mut self.rows[*row].lane {
            Some((_, text)) if free && !waited => {
                text.push(' ');
                text.push_str(words);
                self.rows[*row].wide = true;
                self.take_mark(*row);
            }
            _ if *waited => self.wide(invocation.actor, format!("{} {words}", invocation.op), Some(invocation.id)),
            _ => self.wide(invocation.actor, words.to_owned(), None),
        }
    }

    fn ended(&mut self, process: Process, ending: Ending) {
        let expected = self.killed.contains(&process) || self.exits.get(&process) == Some(&ending);
        let own = |flight: &Flight| flight.invocation.actor.process == process;
        let exit = self.in_flight.values().find(|flight| own(flight)).map(|flight| flight.row);
        self.in_flight.retain(|_, flight| !own(flight));
        if !expected {
            self.wide(process.main(), format!("{process} {}", words::ending(ending)), None);
        } else if let Some(row) = exit {
            self.take_mark(row);
        }
        self.alive.retain(|actor| actor.process != process);
    }

    // Rows.

    pub(super) fn new_row(&mut self) -> usize {
        self.rows.push(Row { final_check: self.final_check, alive: self.alive.clone(), ..Row::default() });
        self.rows.len() - 1
    }

    fn wide(&mut self, actor: Actor, text: String, id: Option<InvocationId>) {
        let row = self.new_row();
        self.rows[row].number = id.map(|id| id.0);
        self.rows[row].lane = Some((actor, text));
        self.rows[row].wide = true;
        self.take_mark(row);
    }

    fn across(&mut self, text: String) {
        let row = self.new_row();
        self.rows[row].across = Some(text);
        self.take_mark(row);
    }

    fn take_mark(&mut self, row: usize) {
        if let Some(mark) = self.mark.take() {
            self.rows[row].mark = self.rows[row].mark.min_some(Some(mark));
        }
    }

    /// What broke a rule is never left out: if its event is not shown, the row before it carries the mark.
    fn mark_left_over(&mut self) {
        if self.mark.is_some() {
            let row = self.rows.len().checked_sub(1).unwrap_or_else(|| self.new_row());
            self.take_mark(row);
        }
    }
}

/// The graver of two marks.
pub(super) trait MinSome {
    fn min_some(self, other: Self) -> Self;
}

impl MinSome for Option<Mark> {
    fn min_some(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        }
    }
}

/// The ending that an exit asks for.
fn asked(kind: ExitKind) -> Ending {
    match kind {
        ExitKind::Now | ExitKind::AtExit | ExitKind::Main => Ending::Code(0),
        ExitKind::Panic => Ending::Code(101),
        ExitKind::Signal => Ending::Signal(9),
    }
}
