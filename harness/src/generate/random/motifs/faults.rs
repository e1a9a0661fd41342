//! Motifs of a server that fails: a reply that never comes, nobody who is let in, a restart; and then the pool has to serve again.

use super::super::place_of_cut;
use super::{Dice, Draft};
use crate::interleaving::{Actor, Handle, Op, Refusal, Step};

impl Draft {
    /// The server fails somebody in one of these ways.
    pub(super) fn server_fails(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        if self.follower.state().is_refusing() {
            return self.does(actor, Op::Accept);
        }
        match dice.below(4) {
            0 | 1 => self.reply_is_cut(actor, dice),
            2 => self.nobody_comes_in(actor, dice),
            _ => self.waits_for_a_server_that_fails(actor, dice),
        }
    }

    /// Half a reply comes, or none, perhaps inside a transaction; he goes on, or returns it.
    fn reply_is_cut(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        let handle = self.holds(actor)?;
        if dice.one_in(2) && self.does(actor, Op::Begin(handle)).is_some() {
            self.does(actor, Op::Insert(handle))?;
        }
        let inside = self.follower.state().holding(actor, handle)?.transaction;
        let ops: &[fn(Handle) -> Op] = match inside {
            true => &[Op::Commit, Op::Commit, Op::Rollback, Op::Insert, Op::Query],
            false => &[Op::Insert, Op::Insert, Op::Query, Op::Query, Op::Prepared, Op::Begin],
        };
        let op = dice.pick(ops)?(handle);
        self.does_step(Step { cut: Some(place_of_cut(dice)), ..Step::new(actor, op) })?;
        if dice.one_in(2) {
            let goes_on: &[fn(Handle) -> Op] = &[Op::Commit, Op::Rollback, Op::Insert, Op::Query];
            let _ = self.does(actor, dice.pick(goes_on)?(handle));
        }
        self.returns_all(actor)?;
        self.uses_often(actor)
    }

    /// The pool loses what it has, or never had it, and gets nothing new; then the server is there again.
    fn nobody_comes_in(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        self.has_pool(actor)?;
        let broken = dice.one_in(2);
        if broken {
            let handle = self.holds(actor)?;
            let _ = self.does(actor, if dice.one_in(2) { Op::Insert(handle) } else { Op::Query(handle) });
            self.does(actor, Op::Restart)?;
            if dice.one_in(2) {
                self.returns_all(actor)?;
            }
        }
        self.does(actor, Op::Refuse(dice.pick(&Refusal::ALL)?))?;
        for _ in 0..1 + dice.below(3) {
            let handle = crate::generate::fresh(&self.follower, actor)?;
            self.does(actor, Op::Checkout(handle, None));
        }
        self.does(actor, Op::Accept)?;
        self.returns_all(actor)?;
        self.uses_often(actor)
    }

    /// Somebody waits for what another one holds, and that breaks; perhaps nothing new is to be had.
    fn waits_for_a_server_that_fails(&mut self, actor: Actor, dice: &mut Dice) -> Option<()> {
        let (handle, second) = self.has_a_waiter(actor)?;
        let refuses = dice.one_in(2);
        if dice.one_in(2) {
            self.does(actor, Op::Restart)?;
        }
        if refuses {
            self.does(actor, Op::Refuse(dice.pick(&Refusal::ALL)?))?;
        }
        self.ends_transaction(actor, handle);
        let cut = (!refuses && dice.one_in(2)).then(|| place_of_cut(dice));
        self.does_step(Step { cut, ..Step::new(actor, Op::Return(handle)) })?;
        if refuses {
            self.does(actor, Op::Accept)?;
        }
        self.probes(second);
        Some(())
    }
}
