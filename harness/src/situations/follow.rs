//! A history followed in the model, from one invocation to the next.

use super::{Relation, Situation, Situations, operation};
use crate::history::{CheckoutId, Event, History, Invocation, InvocationId, Outcome, PoolId, SessionId, Witness};
use crate::interleaving::{Actor, ForkKind, Interleaving, Op, Process};
use crate::model::{Condition, State};

impl Situations {
    /// What occurred in one execution.
    pub fn of(interleaving: &Interleaving, history: &History) -> Self {
        let mut follower = Follower {
            state: State::new(interleaving.max_size),
            open: Vec::new(),
            pools: Vec::new(),
            checkouts: Vec::new(),
            writers: Vec::new(),
            seen: Self::default(),
        };
        history.events().iter().for_each(|event| follower.take(event));
        let open = std::mem::take(&mut follower.open);
        open.into_iter().for_each(|call| follower.seen.add(call.situation));
        follower.seen
    }
}

/// An invocation that has not finished.
struct Call {
    id: InvocationId,
    actor: Actor,
    op: Op,
    pool: Option<PoolId>,
    checkout: Option<CheckoutId>,
    situation: Situation,
    /// A reply to it is to be withheld.
    armed: bool,
    /// It is, on this session.
    held: Option<SessionId>,
}

struct Follower {
    state: State,
    open: Vec<Call>,
    /// Who opened each pool, and who checked out each checkout.
    pools: Vec<(PoolId, Actor)>,
    checkouts: Vec<(CheckoutId, Actor)>,
    /// Who wrote on each session last.
    writers: Vec<(SessionId, Process)>,
    seen: Situations,
}

impl Follower {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Invoked(invocation) => self.invoked(invocation),
            Event::Finished { id, outcome } => self.finished(*id, outcome),
            Event::NeverStalled { id } => {
                self.open.iter_mut().filter(|call| call.id == *id).for_each(|call| call.armed = false);
            }
            Event::Opened { session, owner: Witness::Process(process) }
            | Event::Wrote { session, writer: Witness::Process(process), .. } => self.wrote(*session, *process),
            Event::Withheld { session } => self.withheld(*session),
            Event::Resumed { session } => self.resumed(*session),
            Event::Ended { process, .. } => self.ended(*process),
            _ => {}
        }
    }

    fn invoked(&mut self, invocation: &Invocation) {
        let Invocation { id, actor, op, pool, checkout, stall, .. } = invocation;
        let situation = self.situation(*actor, op, *pool, *checkout);
        if *op == Op::Release {
            self.seen.add(situation);
            return;
        }
        self.state.start(*actor, op);
        let (pool, checkout) = (*pool, *checkout);
        self.open.push(Call { id: *id, actor: *actor, op: *op, pool, checkout, situation, armed: stall.is_some(), held: None });
    }

    fn situation(&self, actor: Actor, op: &Op, pool: Option<PoolId>, checkout: Option<CheckoutId>) -> Situation {
        let newest = self.state.pools(actor.process).last().map(|slot| slot.id);
        let pool = pool.filter(|_| !matches!(op, Op::Open(_))).or(newest);
        let condition = pool.map_or(Condition::NoPool, |pool| self.state.condition(actor, op, pool));
        let used = checkout.filter(|_| !matches!(op, Op::Checkout(..)));
        let relation = match (used, pool) {
            (Some(checkout), Some(pool)) => self.relation(actor, pool, maker(&self.checkouts, checkout)),
            (None, Some(pool)) if self.state.has_orphans(actor.process, pool) => Relation::Orphaned,
            (None, Some(pool)) => self.relation(actor, pool, maker(&self.pools, pool)),
            (_, None) => Relation::Own,
        };
        Situation { operation: operation(op), relation, condition }
    }

    fn relation(&self, actor: Actor, pool: PoolId, maker: Option<Actor>) -> Relation {
        match maker {
            None => Relation::Own,
            Some(maker) if maker == actor => Relation::Own,
            Some(maker) if maker.process == actor.process => Relation::OtherThread,
            Some(_) if self.state.has_sibling(actor.process, pool) => Relation::Sibling,
            Some(_) => Relation::Inherited,
        }
    }

    fn finished(&mut self, id: InvocationId, outcome: &Outcome) {
        let Some(place) = self.open.iter().position(|call| call.id == id) else { return };
        let call = self.open.swap_remove(place);
        let succeeded = matches!(outcome, Outcome::Done | Outcome::Rows(_));
        match (outcome, call.op) {
            (Outcome::NotOffered, _) => drop(self.seen.not_offered.insert(call.situation.operation)),
            (_, Op::Fork(_, ForkKind::ReusedPid)) if !succeeded => {
                self.seen.not_permitted.insert(call.situation.operation);
            }
            _ => self.seen.add(call.situation),
        }
        let not_offered = *outcome == Outcome::NotOffered;
        let done = match call.op {
            // As the executor has it: a dispose was tried, and what is not offered breaks nothing.
            Op::Dispose(_) => !not_offered,
            op => succeeded || not_offered && op.statement().is_some(),
        };
        self.state.apply(call.actor, &call.op, done);
        match call.op {
            Op::Open(_) => self.pools.extend(call.pool.filter(|_| done).map(|pool| (pool, call.actor))),
            Op::Checkout(..) => self.checkouts.extend(call.checkout.filter(|_| done).map(|made| (made, call.actor))),
            _ => {}
        }
    }

    fn wrote(&mut self, session: SessionId, process: Process) {
        match self.writers.iter_mut().find(|(known, _)| *known == session) {
            Some(writer) => writer.1 = process,
            None => self.writers.push((session, process)),
        }
    }

    fn withheld(&mut self, session: SessionId) {
        let Some((_, writer)) = self.writers.iter().find(|(known, _)| *known == session) else { return };
        let stalled = |call: &&mut Call| call.armed && call.held.is_none() && call.actor.process == *writer;
        if let Some(call) = self.open.iter_mut().find(stalled) {
            call.held = Some(session);
            self.state.stall(call.actor);
        }
    }

    fn resumed(&mut self, session: SessionId) {
        let held = |call: &&mut Call| call.held == Some(session);
        for call in self.open.iter_mut().filter(held) {
            (call.held, call.armed) = (None, false);
            self.state.resume(call.actor);
        }
    }

    fn ended(&mut self, process: Process) {
        let seen = &mut self.seen;
        self.open.retain(|call| {
            let own = call.actor.process == process;
            if own {
                seen.add(call.situation);
            }
            !own
        });
        self.state.end(process);
    }
}

fn maker<T: Copy + PartialEq>(makers: &[(T, Actor)], made: T) -> Option<Actor> {
    makers.iter().find(|(known, _)| *known == made).map(|(_, maker)| *maker)
}
