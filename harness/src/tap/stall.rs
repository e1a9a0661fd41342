//! What is withheld: from a chosen reply on, everything that the server says on a session, until it is released.
//!
//! It counts replies and knows no frame. A reply is what the server says after the client has written, or before anybody has: MySQL's
//! greeting.

use crate::history::{Event, Witness};
use crate::interleaving::Process;

/// A reply that is to be withheld from a process, on a session that the process has yet to use.
pub(super) struct Armed {
    pub(super) process: Process,
    /// Which reply, from one.
    pub(super) nth: u8,
}

/// The server's replies on one session.
#[derive(Default)]
pub(super) struct Replies {
    /// The server has said something since the client last wrote: what comes now belongs to the same reply.
    answering: bool,
    stall: Stall,
    /// What the server has said and the client has not been given.
    held: Vec<u8>,
}

/// What is to become of the replies.
#[derive(Default)]
enum Stall {
    /// They pass.
    #[default]
    None,
    /// They pass until the count is down.
    Counting(Armed),
    /// They are kept, for the sake of this process's step.
    Withheld(Process),
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
            if matches!(self.stall, Stall::None)
                && let Some(place) = armed.iter().position(whose)
            {
                self.stall = Stall::Counting(armed.swap_remove(place));
            }
        }
    }

    /// Counts no further; gives what was counted for.
    pub(super) fn let_go(&mut self) -> Option<Armed> {
        match std::mem::take(&mut self.stall) {
            Stall::Counting(armed) => Some(armed),
            other => {
                self.stall = other;
                None
            }
        }
    }

    /// Whose step it is that counts the replies here.
    pub(super) fn counted_by(&self) -> Option<Process> {
        match &self.stall {
            Stall::Counting(armed) => Some(armed.process),
            Stall::None | Stall::Withheld(_) => None,
        }
    }

    /// The client has written.
    pub(super) fn asked(&mut self) {
        self.answering = false;
    }

    /// The server says something. True if it is the first of what is to be withheld.
    pub(super) fn answered(&mut self) -> bool {
        let goes_on = std::mem::replace(&mut self.answering, true);
        match &mut self.stall {
            Stall::Counting(armed) if !goes_on => {
                armed.nth -= 1;
                let (process, comes_now) = (armed.process, armed.nth == 0);
                if comes_now {
                    self.stall = Stall::Withheld(process);
                }
                comes_now
            }
            _ => false,
        }
    }

    /// For the sake of whose step the replies are withheld.
    pub(super) fn withheld_from(&self) -> Option<Process> {
        match self.stall {
            Stall::Withheld(process) => Some(process),
            Stall::None | Stall::Counting(_) => None,
        }
    }

    pub(super) fn is_withheld(&self) -> bool {
        self.withheld_from().is_some()
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
        self.stall = Stall::None;
        std::mem::take(&mut self.held)
    }
}
