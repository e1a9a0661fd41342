//! Who holds which checkout, as several rules follow it.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Call, Facts};
use crate::history::{CheckoutId, Event};
use crate::interleaving::{Actor, Handle, Op};

/// Who holds which checkout, from its success to the start of its return. A forked child's copy of a checkout is held by nobody:
/// the holder is the process that checked it out.
#[derive(Default)]
pub(super) struct Holders<'a> {
    pub(super) held: BTreeMap<CheckoutId, (Actor, &'a Call<'a>)>,
    /// Those of them that nobody can return any more.
    leaked: BTreeSet<CheckoutId>,
}

impl<'a> Holders<'a> {
    pub(super) fn follow(&mut self, facts: &'a Facts<'a>, event: &Event) {
        match event {
            Event::Invoked(invocation) => {
                let actor = invocation.actor;
                match (invocation.op, invocation.checkout) {
                    (Op::Return(_), Some(checkout)) => {
                        self.release(|held, holder| held == checkout && holder.process == actor.process)
                    }
                    (Op::Join(thread), _) => {
                        let joined = Actor { thread, ..actor };
                        self.held.retain(|held, (holder, _)| *holder != joined || self.leaked.contains(held));
                    }
                    _ => {}
                }
            }
            Event::Finished { id, .. } => {
                let Some(call) = facts.call(*id).filter(|call| call.succeeded()) else { return };
                if call.invocation.op == Op::Exec {
                    // The program that held them is gone.
                    self.release(|_, holder| holder.process == call.process());
                }
                let Some(checkout) = call.invocation.checkout else { return };
                match (call.invocation.op, self.held.get_mut(&checkout)) {
                    (Op::Checkout(handle, _), _) => {
                        self.rebind(call.invocation.actor, handle);
                        self.held.insert(checkout, (call.invocation.actor, call));
                    }
                    (Op::Leak(_), Some((holder, _))) if holder.process == call.process() => drop(self.leaked.insert(checkout)),
                    (Op::Send(_, thread), Some((holder, _))) if holder.process == call.process() => holder.thread = thread,
                    _ => {}
                }
            }
            Event::Ended { process, .. } => self.release(|_, holder| holder.process == *process),
            _ => {}
        }
    }

    /// Somebody else holds a connection of the pool, or the very checkout: the statement can disturb them.
    pub(super) fn others(&self, call: &Call, checkout: CheckoutId) -> bool {
        let same_pool = |taken: &Call| taken.invocation.pool == call.invocation.pool;
        let differs = |held: CheckoutId, holder: Actor| held != checkout || holder != call.invocation.actor;
        self.held.iter().any(|(held, (holder, taken))| same_pool(taken) && differs(*held, *holder))
    }

    /// Who gives the name of a checkout to another one leaks the first.
    fn rebind(&mut self, actor: Actor, handle: Handle) {
        let same = |taken: &Call| matches!(taken.invocation.op, Op::Checkout(name, _) if name == handle);
        let lost = self.held.iter().filter(|(_, (holder, taken))| *holder == actor && same(taken)).map(|(held, _)| *held);
        self.leaked.extend(lost);
    }

    fn release(&mut self, ends: impl Fn(CheckoutId, Actor) -> bool) {
        self.held.retain(|checkout, (holder, _)| !ends(*checkout, *holder));
    }
}
