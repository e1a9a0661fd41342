//! Draws rows: a margin with marks and numbers, a lane for each actor, and the wire on the right.
//!
//! It knows widths and colours, and nothing of what a row means.

use std::collections::BTreeSet;

use super::rows::{Mark, Row};
use super::{Style, words};
use crate::interleaving::Actor;

/// What is drawn: a row, or words in place of rows that were left out.
pub(super) enum Line<'a> {
    /// A row.
    Row(&'a Row),
    /// These words, faintly, where the numbers are.
    Instead(&'static str),
}

/// Blanks between columns.
const GAP: usize = 2;
/// As much is left for the wire; where the lanes would leave less, all actors share one.
const WIRE: usize = 34;
/// Quoted words are cut after so many lines.
const QUOTED_LINES: usize = 3;

/// The whole picture, each line with its end.
pub(super) fn draw(lines: &[Line], style: Style) -> String {
    let rows: Vec<&Row> = lines.iter().filter_map(|line| if let Line::Row(row) = line { Some(*row) } else { None }).collect();
    let sheet = Sheet::of(&rows, style);
    let mut out = sheet.heading();
    for line in lines {
        match line {
            Line::Row(row) => sheet.row(row, &mut out),
            Line::Instead(words) => sheet.across(words, None, &mut out),
        }
    }
    out
}

/// Where the columns are.
struct Sheet {
    style: Style,
    /// Digits of the widest number.
    digits: usize,
    /// Each lane with its width; none if all actors share one.
    lanes: Vec<(Actor, usize)>,
    /// Width of the lane that all share.
    shared: usize,
}

impl Sheet {
    fn of(rows: &[&Row], style: Style) -> Self {
        let numbers = rows.iter().filter_map(|row| row.number);
        let digits = numbers.map(|number| number.to_string().len()).max().unwrap_or(1).max(2);
        let narrow = || rows.iter().filter(|row| !row.wide).filter_map(|row| row.lane.as_ref());
        let width = |actor: Actor| {
            let texts = narrow().filter(|(of, _)| *of == actor).map(|(_, text)| length(text));
            texts.max().unwrap_or(0).max(length(&actor.to_string()))
        };
        let lanes: Vec<(Actor, usize)> = actors(rows).into_iter().map(|actor| (actor, width(actor))).collect();
        let shared = narrow().map(|(actor, text)| length(&named(*actor, text))).max().unwrap_or(0);
        let mut sheet = Self { style, digits, lanes, shared };
        if sheet.wire_at() + WIRE > style.columns() {
            sheet.lanes.clear();
        }
        sheet
    }

    fn margin(&self) -> usize {
        2 + self.digits + GAP
    }

    /// Where the wire's column begins.
    fn wire_at(&self) -> usize {
        match self.lanes.as_slice() {
            [] => self.margin() + self.shared + GAP,
            lanes => self.margin() + lanes.iter().map(|(_, width)| width + GAP).sum::<usize>(),
        }
    }

    fn heading(&self) -> String {
        let mut line = " ".repeat(self.margin());
        match self.lanes.as_slice() {
            [] => line.push_str(&padded("step", self.shared + GAP)),
            lanes => lanes.iter().for_each(|(actor, width)| line.push_str(&padded(&actor.to_string(), width + GAP))),
        }
        line.push_str(words::WIRE);
        format!("{}\n", self.style.strong(&line))
    }

    fn row(&self, row: &Row, out: &mut String) {
        if let Some(text) = &row.across {
            self.across(&format!("── {text} ──"), row.mark, out);
        } else if let Some((actor, text)) = row.lane.as_ref().filter(|_| row.wide) {
            self.wide(row, *actor, text, out);
        } else {
            self.plain(row, out);
        }
    }

    fn across(&self, text: &str, mark: Option<Mark>, out: &mut String) {
        for (nth, line) in wrapped(text, self.style.columns() - self.margin()).iter().enumerate() {
            let mark = mark.filter(|_| nth == 0);
            let painted = if mark.is_some() { self.paint(mark, line) } else { self.style.faint(line) };
            self.push(out, &format!("{}{painted}", self.left(mark, None)));
        }
    }

    /// A lane's text that runs over what is to the right of it.
    fn wide(&self, row: &Row, actor: Actor, text: &str, out: &mut String) {
        let place = self.lanes.iter().position(|(lane, _)| *lane == actor);
        let text = if self.lanes.is_empty() { named(actor, text) } else { text.to_owned() };
        let before: usize = self.lanes.iter().take(place.unwrap_or(0)).map(|(_, width)| width + GAP).sum();
        let room = self.style.columns() - self.margin() - before;
        for (nth, line) in cut(wrapped(&text, room), room).iter().enumerate() {
            let (mark, number) = if nth == 0 { (row.mark, row.number) } else { (None, None) };
            let painted = if row.faint { self.style.faint(line) } else { self.paint(row.mark, line) };
            let bars = self.bars(row, place.unwrap_or(0));
            self.push(out, &format!("{}{bars}{painted}", self.left(mark, number)));
        }
    }

    fn plain(&self, row: &Row, out: &mut String) {
        let room = self.style.columns() - self.wire_at();
        let wire = row.wire.iter().flat_map(|note| {
            let marks = std::iter::once(note.mark).chain(std::iter::repeat(None));
            wrapped(&note.text(), room).into_iter().map(|line| self.paint(note.mark, &line)).zip(marks).collect::<Vec<_>>()
        });
        let mut wire: Vec<(String, Option<Mark>)> = wire.collect();
        // A marked step and a marked note each need the margin: the note then begins a line of its own.
        if row.mark.is_some() && wire.first().is_some_and(|(_, mark)| mark.is_some()) {
            wire.insert(0, (String::new(), None));
        }
        for nth in 0..wire.len().max(1) {
            let (note, mark) = wire.get(nth).cloned().unwrap_or_default();
            let (number, mark) = if nth == 0 { (row.number, row.mark.or(mark)) } else { (None, mark) };
            self.push(out, &format!("{}{}{note}", self.left(mark, number), self.lanes_of(row, nth == 0)));
        }
    }

    fn lanes_of(&self, row: &Row, with_text: bool) -> String {
        let text = row.lane.as_ref().filter(|_| with_text);
        if self.lanes.is_empty() {
            let text = text.map(|(actor, text)| named(*actor, text)).unwrap_or_default();
            return format!("{}{}", self.paint(row.mark, &text), blanks(&text, self.shared + GAP));
        }
        let cells = self.lanes.iter().map(|(lane, width)| match text.filter(|(actor, _)| actor == lane) {
            Some((_, text)) => format!("{}{}", self.paint(row.mark, text), blanks(text, width + GAP)),
            None => self.bar(row, *lane, width + GAP),
        });
        cells.collect()
    }

    fn bars(&self, row: &Row, lanes: usize) -> String {
        self.lanes.iter().take(lanes).map(|(lane, width)| self.bar(row, *lane, width + GAP)).collect()
    }

    /// A lane in which nothing happens: a line where its actor is alive.
    fn bar(&self, row: &Row, lane: Actor, width: usize) -> String {
        match row.alive.contains(&lane) {
            true => format!("{}{}", self.style.faint("│"), " ".repeat(width - 1)),
            false => " ".repeat(width),
        }
    }

    fn left(&self, mark: Option<Mark>, number: Option<u32>) -> String {
        let sign = match mark {
            Some(Mark::First) => words::FIRST,
            Some(Mark::Then) => words::THEN,
            None => " ",
        };
        let number = number.map(|number| number.to_string()).unwrap_or_default();
        format!("{} {number:>digits$}{}", self.paint(mark, sign), " ".repeat(GAP), digits = self.digits)
    }

    fn paint(&self, mark: Option<Mark>, text: &str) -> String {
        match mark {
            Some(Mark::First) => self.style.alarm(text),
            Some(Mark::Then) => self.style.strong(text),
            None => text.to_owned(),
        }
    }

    fn push(&self, out: &mut String, line: &str) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// Who needs a lane: whoever does something, and every child that is born.
fn actors(rows: &[&Row]) -> BTreeSet<Actor> {
    let act = rows.iter().filter_map(|row| row.lane.as_ref()).map(|(actor, _)| *actor);
    let alive = rows.iter().flat_map(|row| row.alive.iter().copied()).filter(|actor| *actor == actor.process.main());
    act.chain(alive).collect()
}

fn named(actor: Actor, text: &str) -> String {
    format!("{:<6}{text}", actor.to_string())
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn blanks(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(length(text)))
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", blanks(text, width))
}

fn cut(mut lines: Vec<String>, width: usize) -> Vec<String> {
    if lines.len() > QUOTED_LINES {
        lines.truncate(QUOTED_LINES);
        if let Some(last) = lines.last_mut() {
            *last = last.chars().take(width.saturating_sub(2)).collect::<String>() + " …";
        }
    }
    lines
}

/// The words in lines of at most so many columns; a word that is longer is broken.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && length(&line) + 1 + length(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        while length(&line) > width {
            let rest = line.chars().skip(width).collect();
            lines.push(line.chars().take(width).collect());
            line = rest;
        }
    }
    lines.push(line);
    lines
}
