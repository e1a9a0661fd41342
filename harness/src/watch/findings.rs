//! Who wrote on a session that somebody else had opened: a table of limited length, and its words.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use super::people::Person;
use super::time::stamp;
use crate::history::{Frame, SessionId};

/// Pairs of session and writer that are kept; further ones are counted.
const MOST: usize = 1000;

/// Everything that was found.
#[derive(Default)]
pub(super) struct Findings {
    table: Vec<Finding>,
    places: HashMap<(SessionId, i32, Option<u64>), usize>,
    sessions: u64,
    writes: u64,
    left_out: u64,
}

/// One process that wrote on one session.
struct Finding {
    session: SessionId,
    owner: String,
    writer: String,
    first: SystemTime,
    writes: u64,
    bytes: u64,
    frames: BTreeMap<&'static str, u64>,
}

/// Bytes of somebody who did not open the session.
pub(super) struct Writing<'a> {
    pub(super) session: SessionId,
    pub(super) owner: &'a Person,
    pub(super) writer: &'a Person,
    pub(super) bytes: u32,
    /// The frames that they completed.
    pub(super) frames: &'a [Frame],
}

impl Findings {
    /// A client connected.
    pub(super) fn opened(&mut self) {
        self.sessions += 1;
    }

    /// Takes it into the table. Gives the line for it if it is the writer's first on this session.
    pub(super) fn wrote(&mut self, writing: &Writing<'_>) -> Option<String> {
        self.writes += 1;
        let (pid, started) = writing.writer.id();
        let key = (writing.session, pid, started);
        if let Some(finding) = self.places.get(&key).and_then(|place| self.table.get_mut(*place)) {
            finding.add(writing);
            return None;
        }
        if self.table.len() >= MOST {
            self.left_out += 1;
            let first = self.left_out == 1;
            return first.then(|| format!("there are {MOST} reports: what others write from now on is only counted"));
        }
        let mut finding = Finding::new(writing);
        finding.add(writing);
        let line = finding.line(writing);
        self.places.insert(key, self.table.len());
        self.table.push(finding);
        Some(line)
    }

    /// How often somebody wrote on a session that somebody else had opened.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// All that was found so far: a heading, and the lines below it.
    pub(super) fn summary(&self) -> (String, Vec<String>) {
        let (sessions, writes) = (counted(self.sessions, "session"), counted(self.writes, "write"));
        let heading = match (self.sessions, self.writes) {
            (0, _) => "no session was opened: the program has not asked for the server where poolproof listens; \
                       `poolproof watch --help` says which variables drivers read"
                .to_owned(),
            (_, 0) => format!("{sessions}; every byte was written by the process that had opened its session"),
            _ => format!("{sessions}; {writes} by a process that had not opened the session:"),
        };
        let mut lines: Vec<String> = self.table.iter().map(Finding::summary).collect();
        if self.left_out > 0 {
            lines.push(format!("  and {} that are not listed", counted(self.left_out, "write")));
        }
        if self.writes > 0 {
            lines.push("  `poolproof rules OWN-1` says what that does and what to do about it".to_owned());
        }
        (heading, lines)
    }
}

impl Finding {
    fn new(writing: &Writing<'_>) -> Self {
        Self {
            session: writing.session,
            owner: writing.owner.to_string(),
            writer: writing.writer.to_string(),
            first: SystemTime::now(),
            writes: 0,
            bytes: 0,
            frames: BTreeMap::new(),
        }
    }

    fn add(&mut self, writing: &Writing<'_>) {
        self.writes += 1;
        self.bytes += u64::from(writing.bytes);
        for frame in writing.frames {
            *self.frames.entry(frame.name).or_default() += 1;
        }
    }

    /// What is said at once.
    fn line(&self, writing: &Writing<'_>) -> String {
        let Self { session, owner, writer, .. } = self;
        let names: Vec<&str> = writing.frames.iter().map(|frame| frame.name).collect();
        let bytes = counted(u64::from(writing.bytes), "byte");
        let what = if names.is_empty() { "part of a frame".to_owned() } else { names.join(", ") };
        format!("{session}: {writer} wrote {what} ({bytes}) on the session that {owner} had opened")
    }

    fn summary(&self) -> String {
        let Self { session, owner, writer, .. } = self;
        let frames: Vec<String> = self.frames.iter().map(|(name, times)| format!("{name} {times}")).collect();
        let frames = if frames.is_empty() { "no whole frame".to_owned() } else { frames.join(", ") };
        let (writes, bytes) = (counted(self.writes, "write"), counted(self.bytes, "byte"));
        format!("  {session}, opened by {owner}: {writer}, {writes} from {}, {bytes}: {frames}", stamp(self.first))
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::super::people::People;
    use super::*;

    /// Above the highest pid that the kernel gives.
    const NOBODY: i32 = 1_000_000_000;
    const TERMINATE: Frame = Frame { name: "Terminate", bytes: 5, nonce: None, goodbye: true };

    fn wrote(findings: &mut Findings, session: u32, frames: &[Frame]) -> Option<String> {
        let mut people = People::default();
        let (owner, writer) = (people.who(NOBODY), people.who(NOBODY + 1));
        findings.opened();
        findings.wrote(&Writing { session: SessionId(session), owner: &owner, writer: &writer, bytes: 5, frames })
    }

    #[test]
    fn the_first_write_is_told_and_the_next_ones_are_counted() {
        let mut findings = Findings::default();
        let line = wrote(&mut findings, 0, &[TERMINATE]).expect("the first");
        assert!(line.contains("c0: pid 1000000001 (gone") && line.contains("wrote Terminate (5 bytes)"), "{line}");
        assert_eq!(wrote(&mut findings, 0, &[]), None);
        let other = wrote(&mut findings, 1, &[]).expect("another session");
        assert!(other.contains("wrote part of a frame"), "{other}");
        let (heading, lines) = findings.summary();
        assert!(heading.starts_with("3 sessions; 3 writes by a process"), "{heading}");
        let summary = lines.join("\n");
        assert!(summary.contains("2 writes from ") && summary.contains(", 10 bytes: Terminate 1"), "{summary}");
    }

    #[test]
    fn the_table_has_an_end() {
        let mut findings = Findings::default();
        let told = (0..3000).filter_map(|session| wrote(&mut findings, session, &[])).count();
        assert_eq!((told, findings.table.len(), findings.places.len()), (MOST + 1, MOST, MOST));
        assert_eq!(findings.writes(), 3000);
        assert!(findings.summary().1.join("\n").contains("and 2000 writes that are not listed"));
    }

    #[test]
    fn a_run_without_findings_says_what_it_looked_at() {
        let mut findings = Findings::default();
        assert!(findings.summary().0.starts_with("no session was opened"));
        findings.opened();
        let heading = "1 session; every byte was written by the process that had opened its session";
        assert_eq!(findings.summary(), (heading.to_owned(), Vec::new()));
    }
}
