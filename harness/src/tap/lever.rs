//! The tap as a lever: withholding a reply of the server, so that whoever waits for it is inside his operation until it is released.

use super::link::Link;
use super::stall::Armed;
use super::{Tap, settle};
use crate::history::{History, SessionId};
use crate::interleaving::Process;

impl Tap {
    /// Of the session on which this process connects or writes next, the server's `nth` reply from there (the first is 1) and all
    /// that follows it is withheld. What was armed for the process before is forgotten.
    pub(crate) fn arm(&mut self, process: Process, nth: u8) {
        self.disarm(process);
        self.armed.push(Armed { process, nth: nth.max(1) });
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
        settle(&mut self.links, &self.epoll, index);
    }
}
