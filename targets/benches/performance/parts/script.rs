//! What a history cost in forks, round trips and connections, without what they meant: what the bare loop does again.

use std::collections::HashMap;

use poolproof::history::{Event, History, InvocationId, SessionId, Witness};
use poolproof::interleaving::{Op, Process};

/// An actor, by the numbers of its process and its thread.
pub(crate) type Name = (u8, u8);

/// One order of the coordinator and what it led to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    pub(crate) actor: Name,
    pub(crate) act: Act,
    pub(crate) wire: Wire,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Work,
    Fork(u8),
    Spawn(u8),
    Join(u8),
    Wait(u8),
    Exit,
}

/// What happened on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wire {
    pub(crate) connects: u8,
    pub(crate) trips: u8,
    pub(crate) closes: u8,
}

/// The beats of a history.
pub(crate) fn script(history: &History) -> Vec<Beat> {
    let mut beats: Vec<(InvocationId, Beat)> = Vec::new();
    let mut owners: HashMap<SessionId, Process> = HashMap::new();
    for event in history.events() {
        let (session, count): (SessionId, fn(&mut Wire) -> &mut u8) = match event {
            Event::Invoked(invocation) => {
                let act = match invocation.op {
                    Op::Fork(child, _) => Act::Fork(child.0),
                    Op::Spawn(thread) => Act::Spawn(thread.0),
                    Op::Join(thread) => Act::Join(thread.0),
                    Op::Wait(child) => Act::Wait(child.0),
                    Op::Exit(_) => Act::Exit,
                    _ => Act::Work,
                };
                let actor = (invocation.actor.process.0, invocation.actor.thread.0);
                beats.push((invocation.id, Beat { actor, act, wire: Wire::default() }));
                continue;
            }
            Event::Opened { session, owner: Witness::Process(owner) } => {
                owners.insert(*session, *owner);
                (*session, |wire| &mut wire.connects)
            }
            Event::Answered { session, .. } => (*session, |wire| &mut wire.trips),
            Event::ClientClosed { session, .. } => (*session, |wire| &mut wire.closes),
            _ => continue,
        };
        let owner = owners.get(&session);
        if let Some((_, beat)) = beats.iter_mut().rev().find(|(_, beat)| owner.is_some_and(|owner| owner.0 == beat.actor.0)) {
            *count(&mut beat.wire) += 1;
        }
    }
    beats.into_iter().map(|(_, beat)| beat).collect()
}
