//! What of the wire is shown in the rows.
//!
//! Chatter is left out: handshakes, replies, and closings that somebody announced. What broke a rule is always shown.

use super::rows::{Mark, MinSome, Reader};
use super::words;
use crate::history::{Event, SessionId, Witness};

/// One line of the wire's column.
#[derive(Clone, Debug)]
pub(super) struct Note {
    what: What,
    /// It was a goodbye, and the server took it for one.
    ends_session: bool,
    pub(super) mark: Option<Mark>,
}

/// What a line says.
#[derive(Clone, Debug)]
enum What {
    Said(String),
    Wrote { writer: Witness, session: SessionId, frames: Vec<&'static str> },
}

impl Note {
    pub(super) fn text(&self) -> String {
        match &self.what {
            What::Said(text) => text.clone(),
            What::Wrote { writer, session, frames } => {
                let end = if self.ends_session { words::ENDS_SESSION } else { "" };
                words::wrote(*writer, frames, session) + end
            }
        }
    }
}

/// What is known of a session.
pub(super) struct Session {
    owner: Witness,
    ready: bool,
    encrypted: bool,
    goodbye: bool,
    /// Where somebody else said goodbye on it: the row, and the line of its wire column.
    foreign_goodbye: Option<(usize, usize)>,
}

impl Reader<'_> {
    pub(super) fn wire(&mut self, event: &Event) {
        match event {
            Event::Opened { session, owner } => {
                let row = self.wire_row();
                let opened = Session { owner: *owner, ready: false, encrypted: false, goodbye: false, foreign_goodbye: None };
                self.sessions.insert(*session, opened);
                self.note(row, What::Said(format!("{session} opened by {owner}")));
            }
            Event::CancelRequested { session, target: None, .. } => self.say(format!("{session} is a request to cancel")),
            Event::CancelRequested { session, target: Some(target), .. } => {
                self.say(format!("{session} is a request to cancel on {target}"));
            }
            Event::KillRequested { session, target: Some(target), ends, .. } => {
                let what = if *ends { "end" } else { "cancel on" };
                self.say(format!("{session} asks to {what} {target}"));
            }
            Event::Ready { session } => self.with(*session, |known| known.ready = true),
            Event::Wrote { session, writer, frames, .. } => {
                let names = frames.iter().map(|frame| frame.name).collect();
                let goodbye = frames.iter().any(|frame| frame.goodbye);
                self.wrote(*session, *writer, names, goodbye);
            }
            Event::Withheld { session } => self.say(format!("reply withheld on {session}")),
            Event::Resumed { session } => self.say(format!("reply released on {session}")),
            Event::Encrypted { session } => self.with(*session, |known| known.encrypted = true),
            Event::Undecipherable { session, .. } => self.say(format!("{session}: the server cannot decrypt what was written")),
            Event::Cut { session, given, .. } => self.say(format!("{session} cut after {given} bytes of the reply")),
            Event::Refused { session } => self.say(format!("{session} refused by the server")),
            Event::Desynchronised { session } => self.say(format!("{session} can no longer be read")),
            Event::ClientClosed { session, .. } if self.sessions.get(session).is_some_and(|known| !known.goodbye) => {
                self.say(format!("{session} closed without a goodbye"));
            }
            Event::ServerClosed { session } => {
                // The server's EOF comes when it comes: it is shown with its cause, or not at all.
                if let Some((row, line)) = self.sessions.get(session).and_then(|known| known.foreign_goodbye)
                    && let Some(note) = self.rows[row].wire.get_mut(line)
                {
                    note.ends_session = true;
                }
            }
            _ => {}
        }
    }

    fn wrote(&mut self, session: SessionId, writer: Witness, mut names: Vec<&'static str>, goodbye: bool) {
        let Some(known) = self.sessions.get_mut(&session) else { return };
        known.goodbye |= goodbye;
        let handshake = !known.ready && !known.encrypted && (known.owner == writer || writer == Witness::Unseen);
        let encrypted = known.encrypted && names.is_empty();
        if handshake && self.mark.is_none() {
            return;
        }
        let row = self.wire_row();
        let mark = self.mark.take();
        let wire = &mut self.rows[row].wire;
        match wire.last_mut().map(|note| (&mut note.what, &mut note.mark)) {
            // How writes are cut depends on the moment: neighbours of one writer are one.
            Some((What::Wrote { writer: before, session: on, frames }, marked)) if (*before, *on) == (writer, session) => {
                // What cannot be read is not counted either.
                names.extend((encrypted && frames.last() != Some(&words::ENCRYPTED)).then_some(words::ENCRYPTED));
                frames.extend(names);
                *marked = (*marked).min_some(mark);
            }
            _ => {
                names.extend(encrypted.then_some(words::ENCRYPTED));
                wire.push(Note { what: What::Wrote { writer, session, frames: names }, ends_session: false, mark });
            }
        }
        let line = wire.len() - 1;
        self.with(session, |known| {
            if goodbye && known.owner != writer && writer != Witness::Unseen {
                known.foreign_goodbye = Some((row, line));
            }
        });
    }

    /// The row that takes the next line of the wire: the last one, if its wire column is free.
    fn wire_row(&mut self) -> usize {
        match self.rows.last() {
            Some(row) if row.across.is_none() && !row.wide => self.rows.len() - 1,
            _ => self.new_row(),
        }
    }

    pub(super) fn say(&mut self, text: String) {
        let row = self.wire_row();
        self.note(row, What::Said(text));
    }

    fn note(&mut self, row: usize, what: What) {
        let mark = self.mark.take();
        self.rows[row].wire.push(Note { what, ends_session: false, mark });
    }

    fn with(&mut self, session: SessionId, change: impl FnOnce(&mut Session)) {
        if let Some(session) = self.sessions.get_mut(&session) {
            change(session);
        }
    }
}
