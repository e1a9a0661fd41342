//! What happens after the last step, the same for every interleaving: youngest process first, each probes what it holds,
//! commits, returns, checks out afresh, probes, returns, disposes and exits; then the survivors probe once more.
//!
//! Every act is subject to the promise: what it forbids is left out.

use std::collections::HashSet;

use crate::interleaving::{Actor, ExitKind, Handle, Interleaving, Op, PoolName, Process};
use crate::model::State;
use crate::promise::{Promise, Terms};

/// Where the epilogue is.
pub(super) struct Epilogue {
    terms: Terms,
    oldest_first: bool,
    turn: Option<Process>,
    /// What was proposed in this turn, so that nothing is proposed twice.
    tried: HashSet<(Actor, Op)>,
    survivors_probed: HashSet<(Actor, Handle)>,
    /// How often a pool of which sessions were ended has been asked again.
    rounds: u32,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What the promise wants of a child before anything else.
    First,
    Holdings,
    Fresh,
    Dispose,
    Exit,
}

/// What the epilogue wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Act(Actor, Op),
    /// Somebody must finish first.
    Wait,
    Over,
}

impl Epilogue {
    pub(super) fn new(interleaving: &Interleaving, oldest_first: bool) -> Self {
        Self {
            terms: interleaving.terms(),
            oldest_first: oldest_first || interleaving.ancestor_first,
            turn: None,
            tried: HashSet::new(),
            survivors_probed: HashSet::new(),
            rounds: 0,
            stage: Stage::First,
        }
    }

    /// The next act.
    pub(super) fn next(&mut self, state: &State) -> Next {
        if let Some(process) = self.turn
            && !state.running_processes().any(|running| running == process)
        {
            if let Some((actor, handle)) = self.survivor(state) {
                return Next::Act(actor, Op::Query(handle));
            }
            self.turn = None;
        }
        let Some(process) = self.turn.or_else(|| self.choose(state)) else { return Next::Over };
        if self.turn.is_none() {
            self.turn = Some(process);
            self.stage = Stage::First;
            self.rounds = 0;
            self.tried.clear();
            self.survivors_probed.clear();
        }
        self.act(state, process)
    }

    fn choose(&self, state: &State) -> Option<Process> {
        match self.oldest_first {
            true => state.running_processes().next(),
            false => state.running_processes().last(),
        }
    }

    fn act(&mut self, state: &State, process: Process) -> Next {
        loop {
            let found = match self.stage {
                Stage::First => self.first(state, process),
                Stage::Holdings => self.holdings(state, process),
                Stage::Fresh => self.fresh(state, process),
                Stage::Dispose => self.dispose(state, process),
                Stage::Exit => self.exit(state, process),
            };
            if let Some((actor, op)) = found {
                return Next::Act(actor, op);
            }
            self.stage = match self.stage {
                Stage::First => Stage::Holdings,
                Stage::Holdings if state.actors(process).any(|actor| state.is_busy(actor)) => return Next::Wait,
                Stage::Holdings => Stage::Fresh,
                Stage::Fresh => {
                    if !self.asks_again(state, process) {
                        self.stage = Stage::Dispose;
                    }
                    continue;
                }
                Stage::Dispose => Stage::Exit,
                // Nothing fits: an exit is in flight.
                Stage::Exit => return Next::Wait,
            };
        }
    }

    fn propose(&mut self, state: &State, actor: Actor, op: Op) -> Option<(Actor, Op)> {
        (state.skips(self.terms, actor, &op).is_none() && self.tried.insert((actor, op))).then_some((actor, op))
    }

    /// A child that is to exec does so; one that is to call the hook calls it.
    fn first(&mut self, state: &State, process: Process) -> Option<(Actor, Op)> {
        let actor = state.actors(process).find(|actor| !state.is_busy(*actor))?;
        match self.terms.promise {
            Promise::ExecOnly if state.is_child(process) => self.propose(state, actor, Op::Exec),
            Promise::HookInChild if state.waits_for_hook(process) => {
                reachable(state, process).into_iter().find_map(|pool| self.propose(state, actor, Op::AfterFork(pool)))
            }
            _ => None,
        }
    }

    /// Where sessions were ended, a pool may hand out as many broken ones as it has room for; then it has to serve.
    fn asks_again(&mut self, state: &State, process: Process) -> bool {
        let again = self.rounds < state.max_size() && state.pools(process).iter().any(|pool| pool.faulty);
        if again {
            self.rounds += 1;
            self.tried.retain(|(_, op)| !matches!(op, Op::Checkout(..) | Op::Query(_) | Op::Return(_)));
        }
        again
    }

    fn holdings(&mut self, state: &State, process: Process) -> Option<(Actor, Op)> {
        let idle: Vec<Actor> = state.actors(process).filter(|actor| !state.is_busy(*actor)).collect();
        for actor in idle {
            let held: Vec<_> = state.holdings(actor).collect();
            for held in held {
                let handle = held.handle;
                let leak = held.inherited.then_some(Op::Leak(handle));
                let acts = [Op::Query(handle), Op::Commit(handle), Op::Rollback(handle), Op::Return(handle)];
                let found = acts.into_iter().chain(leak).find_map(|op| self.propose(state, actor, op));
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    /// A fresh checkout of each pool that a step could name.
    fn fresh(&mut self, state: &State, process: Process) -> Option<(Actor, Op)> {
        let actor = state.actors(process).find(|actor| !state.is_busy(*actor))?;
        for pool in reachable(state, process) {
            let handle = fresh_handle(state, process, pool);
            let acts = [Op::Checkout(handle, pool), Op::Query(handle), Op::Return(handle)];
            let found = acts.into_iter().find_map(|op| self.propose(state, actor, op));
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Newest first, so that every pool becomes the newest once.
    fn dispose(&mut self, state: &State, process: Process) -> Option<(Actor, Op)> {
        let actor = state.actors(process).find(|actor| !state.is_busy(*actor))?;
        let newest = state.slot(process, None)?;
        let ends = [Op::DropPool(None), Op::LeakPool(None)];
        if !newest.disposed
            && let Some(act) = self.propose(state, actor, Op::Dispose(None))
        {
            return Some(act);
        }
        let fits = |op: &Op| state.skips(self.terms, actor, op).is_none();
        ends.into_iter().find(fits).map(|op| {
            // The next pool is named by the same words.
            self.tried.remove(&(actor, Op::Dispose(None)));
            (actor, op)
        })
    }

    fn exit(&mut self, state: &State, process: Process) -> Option<(Actor, Op)> {
        let actor = state.actors(process).find(|actor| !state.is_busy(*actor))?;
        [ExitKind::Main, ExitKind::Now].into_iter().find_map(|kind| self.propose(state, actor, Op::Exit(kind)))
    }

    fn survivor(&mut self, state: &State) -> Option<(Actor, Handle)> {
        let actors: Vec<Actor> = state.running_processes().flat_map(|process| state.actors(process)).collect();
        for actor in actors {
            for held in state.holdings(actor) {
                let op = Op::Query(held.handle);
                let fits = state.skips(self.terms, actor, &op).is_none();
                if fits && self.survivors_probed.insert((actor, held.handle)) {
                    return Some((actor, held.handle));
                }
            }
        }
        None
    }
}

/// The newest pool, and those that have a name.
fn reachable(state: &State, process: Process) -> Vec<Option<PoolName>> {
    let pools = state.pools(process);
    let newest = pools.last().map(|_| None);
    let older = &pools[..pools.len().saturating_sub(1)];
    newest.into_iter().chain(older.iter().filter(|pool| pool.name.is_some()).map(|pool| pool.name)).collect()
}

/// A name that nothing in the process has, the same for every act on one pool.
fn fresh_handle(state: &State, process: Process, pool: Option<PoolName>) -> Handle {
    let place = pool.map_or(0, |name| 1 + name.0 % 100);
    let taken = |number: u8| {
        let held = |actor: Actor| state.holding(actor, Handle(number)).is_some_and(|held| held.inherited);
        state.actors(process).any(held)
    };
    (0..=u8::MAX)
        .map(|round| place.wrapping_add(EPILOGUE_HANDLES).wrapping_add(round))
        .find(|number| !taken(*number))
        .map_or(Handle(place), Handle)
}

/// The first name that the epilogue takes: `z`.
const EPILOGUE_HANDLES: u8 = 25;
