//! The tap as a lever: withholding a reply of the server, so that whoever waits for it is inside his operation until it is released;
//! cutting a session inside a reply; taking no new sessions.

use super::link::Link;
use super::refusal::Refusing;
use super::stall::{After, Armed};
use super::{Tap, Upstream, settle};
use crate::history::{History, SessionId};
use crate::interleaving::{Process, Refusal};

impl Tap {
    /// Of the session on which this process connects or writes next, the server's reply of this number from there (the first is 1) and
    /// all that follows it is withheld; and it is cut when the client has been given so many bytes. What was armed for the process
    /// before is forgotten.
    pub(crate) fn arm(&mut self, process: Process, stall: Option<u8>, cut: Option<u8>) {
        self.disarm(process);
        let cut = cut.map(|bytes| After { bytes, said: 0 });
        self.armed.push(Armed { process, stall: stall.map(|nth| nth.max(1)), cut });
    }

    /// No new sessions are taken until what this gives is dropped.
    pub(crate) fn refuse(&self, how: Refusal) -> Refusing {
        self.door.close(how)
    }

    /// New sessions are not taken.
    pub(crate) fn is_refusing(&self) -> bool {
        self.door.refusal().is_some()
    }

    /// Ends a session on both sides.
    pub(crate) fn cut(&mut self, session: SessionId) {
        let Some(index) = self.links.iter().position(|link| link.as_ref().is_some_and(|link| link.session() == session)) else {
            return;
        };
        let Some(link) = &mut self.links[index] else { return };
        link.cut();
        if let Upstream::Embedded(embedded) = &mut self.upstream {
            link.hand_over(embedded);
        }
        settle(&mut self.links, &self.epoll, index);
    }

    /// The process's step has ended: replies are counted for it no longer. What is withheld already stays so.
    pub(crate) fn disarm(&mut self, process: Process) {
        self.armed.retain(|armed| armed.process != process);
        for link in self.links.iter_mut().flatten() {
            link.disarm(process);
        }
    }

    /// The sessions of which replies are withheld, each with the process for whose step that was armed.
    pub(crate) fn withheld(&self) -> Vec<(SessionId, Process)> {
        self.links.iter().flatten().filter_map(|link| Some((link.session(), link.withheld_from()?))).collect()
    }

    /// Gives the client what was withheld on this session, and lets the rest pass.
    pub(crate) fn release(&mut self, session: SessionId, history: &mut History) {
        let withheld = |link: &Link| link.session() == session && link.withheld_from().is_some();
        let Some(index) = self.links.iter().position(|link| link.as_ref().is_some_and(withheld)) else { return };
        let Some(link) = &mut self.links[index] else { return };
        link.release(history);
        if let Upstream::Embedded(embedded) = &mut self.upstream {
            link.hand_over(embedded);
        }
        settle(&mut self.links, &self.epoll, index);
    }
}
