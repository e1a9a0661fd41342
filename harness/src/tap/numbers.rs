//! What servers call their sessions, and which session a request is aimed at.

use std::collections::HashSet;

use super::wire::{Aim, Name};
use crate::history::SessionId;

/// The sessions of which the server has said a number, in that order. They stay known when they are over.
#[derive(Default)]
pub(super) struct Numbers(Vec<(SessionId, Name)>);

impl Numbers {
    pub(super) fn note(&mut self, session: SessionId, name: Option<Name>) {
        self.0.extend(name.map(|name| (session, name)));
    }

    pub(super) fn of(&self, session: SessionId) -> Option<u32> {
        self.0.iter().rfind(|(known, _)| *known == session).map(|(_, name)| name.number)
    }

    /// The session that a request is aimed at. A server gives a number again when its session is over: the latest counts.
    pub(super) fn aimed_at(&self, aim: Aim) -> Option<SessionId> {
        let fits = |name: &Name| name.number == aim.name.number && (aim.name.secret.is_none() || name.secret == aim.name.secret);
        self.0.iter().rfind(|(_, name)| fits(name)).map(|(session, _)| *session)
    }

    /// Only these sessions are still asked for.
    pub(super) fn keep(&mut self, sessions: &HashSet<SessionId>) {
        self.0.retain(|(session, _)| sessions.contains(session));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
