//! The text form: replay token, corpus, scenario, and the thing that a person reads.

#[cfg(test)]
mod tests;

use super::{Actor, ExitKind, ForkKind, Handle, Interleaving, Op, PoolName, Process, Refusal, Step, Thread};
use crate::limits;
use crate::promise::{Promise, Terms};

/// Where and why a text is not an interleaving.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What was expected there.
    pub message: String,
}

/// Reads the text form.
///
/// # Errors
/// The first mistake, with line and column.
pub fn parse(text: &str) -> Result<Interleaving, ParseError> {
    let mut read = Interleaving::new(1, Promise::Anything, Vec::new());
    let mut headers = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        Line { number: number + 1, code, rest: code }.read_into(&mut read, &mut headers)?;
    }
    Ok(read)
}

/// One line, with what of it is still to be read.
struct Line<'a> {
    number: usize,
    code: &'a str,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn read_into(&mut self, read: &mut Interleaving, headers: &mut Vec<(&'a str, usize)>) -> Result<(), ParseError> {
        let Some(first) = self.word() else { return Ok(()) };
        if HEADERS.contains(&first) {
            if let Some((_, line)) = headers.iter().find(|(header, _)| *header == first) {
                return Err(self.wrong(first, format!("'{first}' stands in line {line} already")));
            }
            if !read.steps.is_empty() {
                return Err(self.wrong(first, format!("'{first}' holds for every step: it stands before them")));
            }
            headers.push((first, self.number));
        }
        match first {
            "pool" => {
                let size = self.expect("'max_size=N'")?;
                read.max_size = size
                    .strip_prefix("max_size=")
                    .and_then(|n| n.parse().ok())
                    .filter(|n| (1..=limits::MAX_SIZE).contains(n))
                    .ok_or_else(|| {
                        self.wrong(size, format!("expected 'max_size=N', N from 1 to {}, found '{size}'", limits::MAX_SIZE))
                    })?;
            }
            "promise" => {
                let name = self.expect("a promise")?;
                let terms: Terms = name.parse().map_err(|error| self.wrong(name, format!("{error}")))?;
                (read.promise, read.dirty) = (terms.promise, terms.dirty);
            }
            "order" => {
                let word = self.expect("'ancestor-first'")?;
                read.ancestor_first = word == "ancestor-first";
                if !read.ancestor_first {
                    return Err(self.wrong(word, format!("expected 'ancestor-first', found '{word}'")));
                }
            }
            actor => {
                let actor = parse_actor(actor).ok_or_else(|| {
                    self.wrong(
                        actor,
                        format!("expected 'pool', 'promise', 'order' or an actor such as p0 or p0.t1, found '{actor}'"),
                    )
                })?;
                let op = self.op()?;
                let stall = self.stall(op)?;
                let cut = self.cut(op)?;
                read.steps.push(Step { actor, op, stall, cut });
                if read.steps.len() > limits::STEPS {
                    return Err(self.wrong(self.code, format!("more than {} steps", limits::STEPS)));
                }
            }
        }
        match self.word() {
            None => Ok(()),
            Some(extra) => Err(self.wrong(extra, format!("nothing more was expected here, found '{extra}'"))),
        }
    }

    fn op(&mut self) -> Result<Op, ParseError> {
        let word = self.expect("an operation")?;
        Ok(match word {
            "open" => Op::Open(self.pool()?),
            "dispose" => Op::Dispose(self.pool()?),
            "drop-pool" => Op::DropPool(self.pool()?),
            "leak-pool" => Op::LeakPool(self.pool()?),
            "after-fork" => Op::AfterFork(self.pool()?),
            "drop-runtime" => Op::DropRuntime(self.pool()?),
            "checkout" => Op::Checkout(self.handle()?, self.pool()?),
            "return" => Op::Return(self.handle()?),
            "leak" => Op::Leak(self.handle()?),
            "query" => Op::Query(self.handle()?),
            "prepared" => Op::Prepared(self.handle()?),
            "insert" => Op::Insert(self.handle()?),
            "begin" => Op::Begin(self.handle()?),
            "commit" => Op::Commit(self.handle()?),
            "rollback" => Op::Rollback(self.handle()?),
            "mark" => Op::Mark(self.handle()?),
            "lock" => Op::Lock(self.handle()?),
            "cancel" => Op::Cancel(self.handle()?),
            "end-session" => Op::EndSession(self.handle()?),
            "refuse" => Op::Refuse(self.refusal()?),
            "accept" => Op::Accept,
            "restart" => Op::Restart,
            "fork" => Op::Fork(self.process()?, self.fork_kind()?),
            "wait" => Op::Wait(self.process()?),
            "exec" => Op::Exec,
            "exit" => Op::Exit(self.exit_kind()?),
            "spawn" => Op::Spawn(self.thread()?),
            "join" => Op::Join(self.thread()?),
            "send" => Op::Send(self.handle()?, self.thread()?),
            "collect" => Op::Collect,
            "release" => Op::Release,
            _ => return Err(self.wrong(word, unknown_operation(word))),
        })
    }

    fn handle(&mut self) -> Result<Handle, ParseError> {
        let word = self.expect("a checkout's name such as a")?;
        named(word, b'a')
            .map(Handle)
            .ok_or_else(|| self.wrong(word, format!("expected a checkout's name such as a or b1, found '{word}'")))
    }

    fn pool(&mut self) -> Result<Option<PoolName>, ParseError> {
        let Some(word) = self.optional_word() else { return Ok(None) };
        let name = named(word, b'A').map(PoolName);
        name.map(Some).ok_or_else(|| self.wrong(word, format!("expected a pool's name such as A or B1, found '{word}'")))
    }

    fn process(&mut self) -> Result<Process, ParseError> {
        let word = self.expect("a process such as p1")?;
        parse_process(word).ok_or_else(|| self.wrong(word, format!("expected a process such as p1, found '{word}'")))
    }

    fn thread(&mut self) -> Result<Thread, ParseError> {
        let word = self.expect("a thread such as t1")?;
        parse_thread(word).ok_or_else(|| self.wrong(word, format!("expected a thread such as t1, found '{word}'")))
    }

    fn exit_kind(&mut self) -> Result<ExitKind, ParseError> {
        let kinds = ExitKind::ALL.map(ExitKind::word).join(", ");
        let word = self.expect(&format!("one of {kinds}"))?;
        let kind = ExitKind::ALL.into_iter().find(|kind| kind.word() == word);
        kind.ok_or_else(|| self.wrong(word, format!("expected one of {kinds}, found '{word}'")))
    }

    fn fork_kind(&mut self) -> Result<ForkKind, ParseError> {
        let Some(word) = self.optional_word() else { return Ok(ForkKind::Fork) };
        let [_, others @ ..] = ForkKind::ALL;
        let kind = others.into_iter().find(|kind| kind.word() == word);
        let words = others.map(ForkKind::word).join(" or ");
        kind.ok_or_else(|| self.wrong(word, format!("expected {words} or nothing, found '{word}'")))
    }

    fn refusal(&mut self) -> Result<Refusal, ParseError> {
        let Some(word) = self.word() else { return Ok(Refusal::Closed) };
        let full = Some(Refusal::Full).filter(|full| full.word() == word);
        full.ok_or_else(|| self.wrong(word, format!("expected {} or nothing, found '{word}'", Refusal::Full.word())))
    }

    fn stall(&mut self, op: Op) -> Result<Option<u8>, ParseError> {
        let Some((word, number)) = self.setting(STALL) else { return Ok(None) };
        self.check_wire(word, op, "stalled")?;
        let reply = small(number).filter(|reply| (1..=limits::STALL).contains(reply));
        let expected = || format!("expected 'stall=N', N from 1 to {}, found '{word}'", limits::STALL);
        reply.map(Some).ok_or_else(|| self.wrong(word, expected()))
    }

    fn cut(&mut self, op: Op) -> Result<Option<u8>, ParseError> {
        let Some((word, number)) = self.setting(CUT) else { return Ok(None) };
        self.check_wire(word, op, "cut")?;
        let expected = || format!("expected 'cut=N', N from 0 to {}, found '{word}'", u8::MAX);
        small(number).map(Some).ok_or_else(|| self.wrong(word, expected()))
    }

    /// Without an answer of the server there is nothing to be done to it.
    fn check_wire(&self, word: &str, op: Op, what: &str) -> Result<(), ParseError> {
        match op.reaches_the_wire() {
            true => Ok(()),
            false => Err(self.wrong(word, format!("'{}' asks the server nothing, so that it cannot be {what}", op.word()))),
        }
    }

    /// The next word if it begins so, and what stands behind that.
    fn setting(&mut self, begin: &str) -> Option<(&'a str, &'a str)> {
        let word = if self.rest.trim_start().starts_with(begin) { self.word()? } else { return None };
        Some((word, word.strip_prefix(begin)?))
    }

    /// The next word, unless it says what the tap does to the step.
    fn optional_word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        if [STALL, CUT].iter().any(|setting| rest.starts_with(setting)) { None } else { self.word() }
    }

    fn word(&mut self) -> Option<&'a str> {
        let start = self.rest.trim_start();
        let end = start.find(char::is_whitespace).unwrap_or(start.len());
        let (word, rest) = start.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn expect(&mut self, what: &str) -> Result<&'a str, ParseError> {
        self.word().ok_or_else(|| ParseError {
            line: self.number,
            column: self.code.trim_end().chars().count() + 1,
            message: format!("expected {what}, found the end of the line"),
        })
    }

    fn wrong(&self, word: &str, message: String) -> ParseError {
        // `word` is a slice of this line: its distance from the start is its place.
        let offset = (word.as_ptr() as usize).saturating_sub(self.code.as_ptr() as usize).min(self.code.len());
        let column = self.code.get(..offset).map_or(1, |before| before.chars().count() + 1);
        ParseError { line: self.number, column, message }
    }
}

/// What holds for every step.
const HEADERS: [&str; 3] = ["pool", "promise", "order"];
/// The end of a step that is stalled.
const STALL: &str = "stall=";
/// The end of a step of which the session is cut.
const CUT: &str = "cut=";

const OPERATIONS: &[&str] = &[
    "open",
    "dispose",
    "drop-pool",
    "leak-pool",
    "after-fork",
    "drop-runtime",
    "checkout",
    "return",
    "leak",
    "query",
    "prepared",
    "insert",
    "begin",
    "commit",
    "rollback",
    "mark",
    "lock",
    "cancel",
    "end-session",
    "refuse",
    "accept",
    "restart",
    "fork",
    "wait",
    "exec",
    "exit",
    "spawn",
    "join",
    "send",
    "collect",
    "release",
];

fn unknown_operation(word: &str) -> String {
    format!("unknown operation '{word}'; the operations are {}", OPERATIONS.join(", "))
}

fn parse_actor(word: &str) -> Option<Actor> {
    match word.split_once('.') {
        None => parse_process(word).map(Process::main),
        Some((process, thread)) => Some(Actor { process: parse_process(process)?, thread: parse_thread(thread)? }),
    }
}

fn parse_process(word: &str) -> Option<Process> {
    small(word.strip_prefix('p')?).map(Process)
}

fn parse_thread(word: &str) -> Option<Thread> {
    small(word.strip_prefix('t')?).map(Thread)
}

/// A number without signs or leading zeros, so that every name has one spelling.
fn small(digits: &str) -> Option<u8> {
    let number: u8 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn named(word: &str, first: u8) -> Option<u8> {
    let (head, round) = word.split_at_checked(1)?;
    let letter = head.as_bytes()[0].checked_sub(first).filter(|letter| *letter < 26)?;
    let round = if round.is_empty() { 0 } else { small(round).filter(|round| *round > 0)? };
    round.checked_mul(26)?.checked_add(letter)
}
