//! Who is born in a case, who takes whose place, and who ends.

use super::case::{Case, Phase};
use super::flight::Flight;
use super::reactor::{Reactor, abandon};
use crate::agent::protocol::{Birth, Hello, Order, Task};
use crate::history::{Event, Outcome};
use crate::interleaving::{Actor, Op, Process};
use crate::trouble::Trouble;

/// Numbers of orders to the zygote. No invocation has them: it may answer when the first process is at work already.
pub(super) const BURIAL: u32 = u32::MAX - 1;
pub(super) const BIRTH: u32 = u32::MAX - 2;

impl Case<'_> {
    pub(super) fn hello(&mut self, connection: usize, hello: &Hello, pid: i32, reactor: &mut Reactor) -> Result<(), Trouble> {
        let who = &hello.who;
        if !is_thread(pid, hello.thread) {
            return Err(Trouble::Agent(format!(
                "{who} said hello as thread {}, and process {pid} has no such thread",
                hello.thread
            )));
        }
        let strange = || Trouble::Agent(format!("'{who}' said hello, and nobody expected it"));
        let expected = |flight: &&mut Flight| match flight.op {
            Op::Fork(child, _) => child.main().to_string() == *who,
            Op::Exec => flight.actor.process.main().to_string() == *who,
            Op::Spawn(thread) => Actor { thread, ..flight.actor }.to_string() == *who,
            _ => false,
        };
        if self.phase == Phase::Birth && *who == Process::FIRST.to_string() {
            reactor.introduce(connection, Process::FIRST.main());
            self.threads.push((Process::FIRST.main(), hello.thread));
            self.phase = Phase::Steps;
            self.history.append(Event::Born { process: Process::FIRST, parent: None });
            return reactor.watch(Process::FIRST, pid);
        }
        let Some(flight) = self.flights.iter_mut().find(expected) else {
            // The child of a process that was ended in the middle of its fork; the zygote will bury it.
            return if self.killed { Ok(()) } else { Err(strange()) };
        };
        flight.hello = true;
        let (id, actor, op) = (flight.id, flight.actor, flight.op);
        match op {
            Op::Exec => self.succeeded_by(connection, hello, actor.process, pid, reactor),
            Op::Fork(child, _) => {
                reactor.introduce(connection, child.main());
                self.threads.push((child.main(), hello.thread));
                reactor.watch(child, pid)?;
                self.history.append(Event::Born { process: child, parent: Some(actor.process) });
            }
            Op::Spawn(thread) => {
                let spawned = Actor { thread, ..actor };
                reactor.introduce(connection, spawned);
                self.threads.retain(|(known, _)| *known != spawned);
                self.threads.push((spawned, hello.thread));
            }
            _ => return Err(strange()),
        }
        self.settle(id, reactor)
    }

    /// Another program runs in a process: which sockets has it kept?
    fn succeeded_by(&mut self, connection: usize, hello: &Hello, process: Process, pid: i32, reactor: &mut Reactor) {
        reactor.introduce(connection, process.main());
        self.threads.retain(|(known, _)| known.process != process);
        self.threads.push((process.main(), hello.thread));
        let sessions = reactor.tap.sessions_held_by(pid);
        if !sessions.is_empty() {
            self.history.append(Event::Carried { process, sessions });
        }
        let executed = |flight: &&mut Flight| flight.actor.process == process && flight.op == Op::Exec;
        self.flights.iter_mut().filter(executed).for_each(|flight| flight.answer = Some(Outcome::Done));
    }

    /// A pid is free only when nobody is left to be reaped who has it.
    pub(super) fn bury_first(&mut self, actor: Actor, order: Order, reactor: &mut Reactor) -> Result<(), Trouble> {
        let Task::Fork { kind: Birth::WithPid(pid), .. } = order.task else { return Ok(()) };
        self.burial = Some((actor, order));
        reactor.order(None, &Order { id: BURIAL, task: Task::Bury { pid } })
    }

    /// The pid is free: the order that waited for it goes out.
    pub(super) fn is_buried(&mut self, reactor: &mut Reactor) -> Result<(), Trouble> {
        self.burial.take().map_or(Ok(()), |(actor, order)| reactor.order(Some(actor), &order))
    }

    /// A process has ended, and with it whatever it was inside of.
    pub(super) fn ended(&mut self, process: Process, reactor: &mut Reactor) {
        match reactor.people.ending(process) {
            Some(ending) => self.history.append(Event::Ended { process, ending }),
            None => abandon(&mut self.history, format!("the exit status of {process} was taken by somebody else")),
        }
        let own = |flight: &Flight| flight.actor.process == process;
        if let Some(exit) =
            self.flights.iter().find(|flight| own(flight) && matches!(flight.op, Op::Exit(_)) && !flight.is_killing())
        {
            self.history.append(Event::Finished { id: exit.id, outcome: Outcome::Done });
        }
        self.flights.retain(|flight| !own(flight));
        self.state.end(process);
        if self.phase == Phase::Birth {
            abandon(&mut self.history, "the first process ended before it said hello");
            self.phase = Phase::Over;
        }
    }
}

/// Whether a process has a thread of that number. One that has ended is not asked: it has no program any more.
fn is_thread(pid: i32, thread: i32) -> bool {
    let path = |rest: &str| format!("/proc/{pid}/{rest}");
    std::fs::exists(path(&format!("task/{thread}"))).unwrap_or(true) || std::fs::read_link(path("exe")).is_err()
}
