//! The tap in front of a program that may run for days: it must not remember what is over.

use std::collections::HashSet;
use std::os::fd::OwnedFd;

use super::Tap;
use super::link::Link;
use super::side::Side;
use crate::history::SessionId;

impl Tap {
    /// So many sessions may be open at once; further clients are turned away.
    pub(crate) fn allow(&mut self, sessions: usize) {
        self.most = sessions;
    }

    /// Forgets what servers called sessions that are over, and which nonces have passed. Gives the sessions that are not over.
    pub(crate) fn forget_what_is_over(&mut self) -> HashSet<SessionId> {
        let known: HashSet<SessionId> = self.links.iter().flatten().map(Link::session).collect();
        self.numbers.keep(&known);
        self.ports.retain(|(session, _)| known.contains(session));
        self.passed.clear();
        known
    }

    /// Some client has not closed its side yet, or has said something that the server has not been given.
    pub(crate) fn has_clients(&self) -> bool {
        self.links.iter().flatten().any(Link::has_client)
    }
}

/// Who wrote the next bytes on a connection, by the kernel's word; `None` if nobody did.
pub(crate) fn writer_of(socket: impl Into<OwnedFd>) -> Option<i32> {
    let mut scratch = [0; 64];
    let read = Side::new(socket.into(), false).receive(&mut scratch).ok()?;
    (read.0 > 0).then_some(read.1)
}
