//! Follows steps in the model, as they go if every pool does what it should: what applies next, and who waits.

use crate::history::{Expectation, PoolId, Skip};
use crate::interleaving::{Actor, Interleaving, Op, Process, Step};
use crate::model::State;
use crate::promise::Terms;

/// The state after some steps. A checkout that must wait for another actor is taken to wait until it is served.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    terms: Terms,
    state: State,
    waiting: Vec<(Actor, Op, PoolId)>,
    /// Steps that are stalled until their actors are released.
    stalled: Vec<(Actor, Op)>,
    born: u8,
}

impl Follower {
    /// Before the first step.
    pub(crate) fn new(terms: impl Into<Terms>, max_size: u32) -> Self {
        let state = State::new(max_size);
        Self { terms: terms.into(), state, waiting: Vec::new(), stalled: Vec::new(), born: 1 }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The name of the next process.
    pub(crate) fn next_process(&self) -> Process {
        Process(self.born)
    }

    /// The actors that are not inside an operation, in the order of their birth.
    pub(crate) fn idle(&self) -> Vec<Actor> {
        self.able().into_iter().filter(|actor| !self.state.is_busy(*actor)).collect()
    }

    /// The actors that can take a step, in the order of their birth: who is not inside an operation, or can be released.
    pub(crate) fn able(&self) -> Vec<Actor> {
        let actors = self.state.running_processes().flat_map(|process| self.state.actors(process));
        actors.filter(|actor| !self.state.is_busy(*actor) || self.state.is_stalled(*actor)).collect()
    }

    /// Why the step would be skipped now.
    pub(crate) fn skips(&self, actor: Actor, op: &Op) -> Option<Skip> {
        self.state.skips(self.terms, actor, op)
    }

    /// Takes a step, unless it is one that is skipped; true if it is not.
    pub(crate) fn take(&mut self, Step { actor, op, stall, cut }: Step) -> bool {
        if self.skips(actor, &op).is_some() {
            return false;
        }
        if op == Op::Release {
            self.release(actor);
            return true;
        }
        let expected = self.state.expects(actor, &op);
        self.state.start(actor, &op);
        if cut.is_some() && stall.is_none() && expected != Expectation::Block {
            self.cut(actor, op);
            self.serve_waiters();
            return true;
        }
        if stall.is_some() && expected != Expectation::Block {
            self.state.stall(actor);
            self.stalled.push((actor, op));
            return true;
        }
        let refused = self.state.is_refusing() && matches!(op, Op::Checkout(..));
        match self.state.pool_in(actor, &op) {
            Some(pool) if expected == Expectation::Block && self.state.releasable(actor, pool) => {
                self.waiting.push((actor, op, pool))
            }
            // A pool may have something idle; more often it has not.
            _ => self.state.apply(actor, &op, expected != Expectation::Block && !refused),
        }
        if let Op::Fork(..) = op {
            self.born = self.born.saturating_add(1);
        }
        self.serve_waiters();
        true
    }

    /// The session of a step is cut before it has its answer.
    fn cut(&mut self, actor: Actor, op: Op) {
        let (pool, checkout) = (self.state.pool_in(actor, &op), self.state.checkout_in(actor, &op));
        self.state.apply(actor, &op, false);
        self.state.lose(pool, checkout);
    }

    fn release(&mut self, actor: Actor) {
        self.state.resume(actor);
        if let Some(place) = self.stalled.iter().position(|(stalled, _)| *stalled == actor) {
            let (_, op) = self.stalled.swap_remove(place);
            self.state.apply(actor, &op, true);
            self.serve_waiters();
        }
    }

    fn serve_waiters(&mut self) {
        let state = &mut self.state;
        self.waiting.retain(|(actor, op, pool)| {
            let served = state.has_room(actor.process, *pool);
            if served {
                state.apply(*actor, op, true);
            }
            !served
        });
    }
}

/// Of each step whether it is carried out under the interleaving's promise.
pub(crate) fn carried_out(interleaving: &Interleaving) -> Vec<bool> {
    let mut follower = Follower::new(interleaving.terms(), interleaving.max_size);
    interleaving.steps.iter().map(|step| follower.take(*step)).collect()
}
