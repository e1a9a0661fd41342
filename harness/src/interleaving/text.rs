//! The text form: replay token, corpus, scenario, and the thing that a person reads.

use super::{Actor, ExitKind, Handle, Interleaving, Op, PoolName, Process, Step, Thread};
use crate::limits;
use crate::promise::Promise;

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
    let mut read = Interleaving { max_size: 1, promise: Promise::Anything, steps: Vec::new() };
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
        if let "pool" | "promise" = first {
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
                read.promise = name.parse().map_err(|error| self.wrong(name, format!("{error}")))?;
            }
            actor => {
                let actor = parse_actor(actor).ok_or_else(|| {
                    self.wrong(actor, format!("expected 'pool', 'promise' or an actor such as p0 or p0.t1, found '{actor}'"))
                })?;
                let op = self.op()?;
                read.steps.push(Step { actor, op });
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
            "checkout" => Op::Checkout(self.handle()?, self.pool()?),
            "return" => Op::Return(self.handle()?),
            "leak" => Op::Leak(self.handle()?),
            "query" => Op::Query(self.handle()?),
            "insert" => Op::Insert(self.handle()?),
            "begin" => Op::Begin(self.handle()?),
            "commit" => Op::Commit(self.handle()?),
            "rollback" => Op::Rollback(self.handle()?),
            "fork" => Op::Fork(self.process()?),
            "wait" => Op::Wait(self.process()?),
            "exit" => Op::Exit(self.exit_kind()?),
            "spawn" => Op::Spawn(self.thread()?),
            "join" => Op::Join(self.thread()?),
            "send" => Op::Send(self.handle()?, self.thread()?),
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
        let Some(word) = self.word() else { return Ok(None) };
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

const OPERATIONS: &[&str] = &[
    "open",
    "dispose",
    "drop-pool",
    "leak-pool",
    "checkout",
    "return",
    "leak",
    "query",
    "insert",
    "begin",
    "commit",
    "rollback",
    "fork",
    "wait",
    "exit",
    "spawn",
    "join",
    "send",
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_op() -> impl Strategy<Value = Op> {
        let pool = || prop::option::of(any::<u8>().prop_map(PoolName));
        let handle = || any::<u8>().prop_map(Handle);
        prop_oneof![
            pool().prop_map(Op::Open),
            pool().prop_map(Op::Dispose),
            pool().prop_map(Op::DropPool),
            pool().prop_map(Op::LeakPool),
            (handle(), pool()).prop_map(|(h, p)| Op::Checkout(h, p)),
            handle().prop_map(Op::Return),
            handle().prop_map(Op::Leak),
            handle().prop_map(Op::Query),
            handle().prop_map(Op::Insert),
            handle().prop_map(Op::Begin),
            handle().prop_map(Op::Commit),
            handle().prop_map(Op::Rollback),
            any::<u8>().prop_map(|p| Op::Fork(Process(p))),
            any::<u8>().prop_map(|p| Op::Wait(Process(p))),
            prop::sample::select(ExitKind::ALL.to_vec()).prop_map(Op::Exit),
            any::<u8>().prop_map(|t| Op::Spawn(Thread(t))),
            any::<u8>().prop_map(|t| Op::Join(Thread(t))),
            (handle(), any::<u8>()).prop_map(|(h, t)| Op::Send(h, Thread(t))),
        ]
    }

    proptest! {
        /// The text form is the replay token: nothing of an interleaving may get lost in it.
        #[test]
        fn what_is_printed_reads_back(
            max_size in 1..=limits::MAX_SIZE,
            promise in prop::sample::select(Promise::ALL.to_vec()),
            steps in prop::collection::vec((any::<u8>(), any::<u8>(), any_op()), 0..20),
        ) {
            let steps = steps.into_iter().map(|(process, thread, op)| {
                Step { actor: Actor { process: Process(process), thread: Thread(thread) }, op }
            }).collect();
            let written = Interleaving { max_size, promise, steps };
            prop_assert_eq!(parse(&written.to_string()), Ok(written));
        }

        /// Whatever a file holds, the parser answers.
        #[test]
        fn no_text_makes_the_parser_panic(text in "(pool|promise|p0|p1.t1|open|checkout|send|a|B|t1|max_size=|exit|[ -~é\n])*") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_column() {
        let place = |text: &str| parse(text).map_err(|error| (error.line, error.column)).err();
        assert_eq!(place("p0 open\np0  chekout a"), Some((2, 5)));
        assert_eq!(place("pool max_size=0"), Some((1, 6)));
        assert_eq!(place("promise nothing"), Some((1, 9)));
        assert_eq!(place("p0 checkout"), Some((1, 12)));
        assert_eq!(place("p0 query a b"), Some((1, 12)));
        assert_eq!(place("é0 open"), Some((1, 1)));
        assert_eq!(place("p0 exit é later"), Some((1, 9)));
        assert_eq!(place("p0 query A # a comment"), Some((1, 10)));
        assert_eq!(place("pool max_size=1\npromise child-drops\npromise threads-only"), Some((3, 1)));
        assert_eq!(place("p0 open\n pool max_size=2"), Some((2, 2)), "it holds for every step");
        assert_eq!(place("p0 query \u{fffd}"), Some((1, 10)), "what was no text");
    }

    #[test]
    fn comments_and_empty_lines_say_nothing() {
        let read = parse("# why\n\npool max_size=2 # two\npromise child-drops\np0  fork p1\n").expect("valid");
        assert_eq!((read.max_size, read.promise, read.steps.len()), (2, Promise::ChildDrops, 1));
    }
}
