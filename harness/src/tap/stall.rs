//! What the client is not given: from a chosen reply on everything that the server says on a session, until it is released; and what
//! comes behind a chosen byte, for good.
//!
//! It counts replies and bytes and knows no frame. A reply is what the server says after the client has written, or before anybody has:
//! MySQL's greeting.

use crate::history::{Event, Witness};
use crate::interleaving::Process;

/// What is to become of the server's replies to a step, on a session that the step's process has yet to use.
#[derive(Clone, Copy)]
pub(super) struct Armed {
    pub(super) process: Process,
    /// The reply that is to be withheld: how many there are until it, itself included.
    pub(super) stall: Option<u8>,
    /// The session is to be cut.
    pub(super) cut: Option<After>,
}

/// A place in what the server says.
#[derive(Clone, Copy)]
pub(super) struct After {
    /// Behind so many bytes.
    pub(super) bytes: u8,
    /// Of which so many were said.
    pub(super) said: usize,
}

/// The server's replies on one session.
#[derive(Default)]
pub(super) struct Replies {
    /// The server has said something since the client last wrote: what comes now belongs to the same reply.
    answering: bool,
    /// What is counted for, if it is for somebody.
    armed: Option<Armed>,
    /// They are kept, for the sake of this process's step.
    withheld: Option<Process>,
    /// What the server has said and the client has not been given.
    held: Vec<u8>,
    /// The client has been given the last.
    cut: bool,
}

/// What the client is given of some bytes.
pub(super) enum Share {
    /// All.
    All,
    /// So many of them, and then nothing any more: the session is cut, for the sake of this process's step.
    Last { bytes: usize, process: Process, given: u8 },
    /// Nothing: it was cut before.
    Nothing,
}

impl Replies {
    /// What somebody did here may make this the session that his step uses. A session serves one step at a time, and a connection
    /// for a cancel request serves none.
    pub(super) fn concern(&mut self, armed: &mut Vec<Armed>, events: &[Event], cancel: bool) {
        if cancel {
            armed.extend(self.let_go());
            return;
        }
        for event in events {
            let (Event::Opened { owner: who, .. } | Event::Wrote { writer: who, .. }) = event else { continue };
            let whose = |armed: &Armed| match *who {
                Witness::Process(process) => armed.process == process,
                // Whose step it is, is then the one that is at work: steps go one after the other.
                Witness::Unseen => true,
                Witness::Stranger | Witness::Pid(_) => false,
            };
            if self.armed.is_none()
                && !self.is_withheld()
                && let Some(place) = armed.iter().position(whose)
            {
                self.armed = Some(armed.swap_remove(place));
            }
        }
    }

    /// Counts no further; gives what was counted for.
    pub(super) fn let_go(&mut self) -> Option<Armed> {
        self.armed.take()
    }

    /// Whose step it is that counts the replies here.
    pub(super) fn counted_by(&self) -> Option<Process> {
        self.armed.map(|armed| armed.process)
    }

    /// The client has written.
    pub(super) fn asked(&mut self) {
        self.answering = false;
    }

    /// The server says something. True if it is the first of what is to be withheld.
    pub(super) fn answered(&mut self) -> bool {
        let goes_on = std::mem::replace(&mut self.answering, true);
        let Some(armed) = self.armed.as_mut().filter(|_| !goes_on) else { return false };
        armed.stall = armed.stall.map(|nth| nth.saturating_sub(1));
        if armed.stall != Some(0) {
            return false;
        }
        armed.stall = None;
        self.withheld = Some(armed.process);
        self.armed = self.armed.filter(|armed| armed.cut.is_some());
        true
    }

    /// For the sake of whose step the replies are withheld.
    pub(super) fn withheld_from(&self) -> Option<Process> {
        self.withheld
    }

    pub(super) fn is_withheld(&self) -> bool {
        self.withheld.is_some()
    }

    pub(super) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Withholds no longer; gives what was held.
    pub(super) fn release(&mut self) -> Vec<u8> {
        self.withheld = None;
        std::mem::take(&mut self.held)
    }

    /// The client is about to be given so many bytes.
    pub(super) fn share(&mut self, bytes: usize) -> Share {
        if self.cut {
            return Share::Nothing;
        }
        let Some((armed, after)) = self.armed.as_mut().and_then(|armed| Some((armed.process, armed.cut.as_mut()?))) else {
            return Share::All;
        };
        let left = usize::from(after.bytes).saturating_sub(after.said);
        after.said += bytes;
        if after.said < usize::from(after.bytes) {
            return Share::All;
        }
        let given = after.bytes;
        (self.armed, self.cut) = (None, true);
        Share::Last { bytes: left, process: armed, given }
    }

    /// Neither side hears the other any more.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }
}
