//! Follows steps in the model, as they go if every pool does what it should: what applies next, and who waits.

use crate::history::{Expectation, PoolId, Skip};
use crate::interleaving::{Actor, Interleaving, Op, Process};
use crate::model::State;
use crate::promise::Promise;

/// The state after some steps. A checkout that must wait for another actor is taken to wait until it is served.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    promise: Promise,
    state: State,
    waiting: Vec<(Actor, Op, PoolId)>,
    born: u8,
}

impl Follower {
    /// Before the first step.
    pub(super) fn new(promise: Promise, max_size: u32) -> Self {
        Self { promise, state: State::new(max_size), waiting: Vec::new(), born: 1 }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The name of the next process.
    pub(super) fn next_process(&self) -> Process {
        Process(self.born)
    }

    /// The actors that are not inside an operation, in the order of their birth.
    pub(super) fn idle(&self) -> Vec<Actor> {
        let actors = self.state.running_processes().flat_map(|process| self.state.actors(process));
        actors.filter(|actor| !self.state.is_busy(*actor)).collect()
    }

    /// Why the step would be skipped now.
    pub(super) fn skips(&self, actor: Actor, op: &Op) -> Option<Skip> {
        self.state.skips(self.promise, actor, op)
    }

    /// Takes a step, unless it is one that is skipped; true if it is not.
    pub(super) fn take(&mut self, actor: Actor, op: Op) -> bool {
        if self.skips(actor, &op).is_some() {
            return false;
        }
        let expected = self.state.expects(actor, &op);
        self.state.start(actor, &op);
        match self.state.pool_in(actor, &op) {
            Some(pool) if expected == Expectation::Block && self.state.releasable(actor, pool) => {
                self.waiting.push((actor, op, pool))
            }
            _ => self.state.apply(actor, &op, expected != Expectation::Block),
        }
        if let Op::Fork(_) = op {
            self.born = self.born.saturating_add(1);
        }
        self.serve_waiters();
        true
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
pub(super) fn carried_out(interleaving: &Interleaving) -> Vec<bool> {
    let mut follower = Follower::new(interleaving.promise, interleaving.max_size);
    interleaving.steps.iter().map(|step| follower.take(step.actor, step.op)).collect()
}
