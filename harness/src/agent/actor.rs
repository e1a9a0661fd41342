//! An actor: one thread of one process, with its checkouts and its control connection.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid};

use super::control::Control;
use super::protocol::{Birth, Exit, Order, Reply, Task};
use super::shared::{Parcel, Shared};
use super::{birth, successor};
use crate::interleaving::{self, Process, Thread};
use crate::pool::{Config, Connection, Error, Pool, Rows};

struct Actor<P: Pool> {
    shared: &'static Shared<P>,
    process: Process,
    thread: Thread,
    control: Control,
    checkouts: HashMap<String, P::Connection>,
    spawned: HashMap<u8, JoinHandle<()>>,
}

/// Why an actor takes no more orders.
enum End {
    Exit(Exit),
    Finished,
    Abandoned,
}

/// The main thread of the first process of a case.
pub(super) fn first<P: Pool>(socket: &Path, case: u32, config: Config) -> ! {
    let shared = Shared::<P>::leak(socket.to_owned(), case, config);
    live(shared, Process::FIRST, Thread::MAIN);
    leave()
}

/// An actor's whole life. It returns only for a thread that was told to finish.
fn live<P: Pool>(shared: &'static Shared<P>, process: Process, thread: Thread) {
    let Ok(mut actor) = Actor::born(shared, process, thread) else { leave() };
    let ended = catch_unwind(AssertUnwindSafe(move || {
        let end = actor.work();
        (end, actor)
    }));
    match ended {
        Ok((End::Finished, actor)) => actor.finish(),
        Ok((End::Exit(kind), actor)) => {
            // A destructor may panic; in a real program that ends `main` with this code.
            let _ = catch_unwind(AssertUnwindSafe(move || actor.exit(kind)));
            std::process::exit(101)
        }
        Ok((End::Abandoned, _)) => leave(),
        // The panic that was ordered has unwound the actor and dropped its checkouts.
        Err(_) => std::process::exit(101),
    }
}

/// Ends the process at once: the coordinator has gone.
fn leave() -> ! {
    // SAFETY: `_exit` takes no pointer and runs nothing of this process.
    unsafe { nix::libc::_exit(0) }
}

impl<P: Pool> Actor<P> {
    fn born(shared: &'static Shared<P>, process: Process, thread: Thread) -> std::io::Result<Self> {
        let name = interleaving::Actor { process, thread }.to_string();
        let control = Control::connect(&shared.socket, shared.case, name)?;
        shared.register(thread.0, control.stream());
        Ok(Self { shared, process, thread, control, checkouts: HashMap::new(), spawned: HashMap::new() })
    }

    fn work(&mut self) -> End {
        loop {
            let Ok(Some(order)) = self.control.order() else { return End::Abandoned };
            self.open_mail();
            let reply = match order {
                Order { task: Task::Exit { kind: Exit::Panic }, .. } => resume_unwind(Box::new("told to panic")),
                Order { task: Task::Exit { kind }, .. } => return End::Exit(kind),
                Order { task: Task::Finish {}, .. } => return End::Finished,
                Order { task: Task::Fork { ref child, kind }, .. } => match self.fork(child, kind) {
                    Some(reply) => reply,
                    None => continue,
                },
                Order { task: Task::Exec { ref argv, ref environment }, .. } => successor::exec(argv, environment),
                Order { task, .. } => self.carry_out(task),
            };
            if self.control.answer(order.id, reply).is_err() {
                return End::Abandoned;
            }
        }
    }

    fn open_mail(&mut self) {
        while let Some(parcel) = self.shared.mailbox(self.thread.0).and_then(|mailbox| mailbox.pop()) {
            self.checkouts.insert(parcel.handle, parcel.connection);
        }
    }

    fn carry_out(&mut self, task: Task) -> Reply {
        let shared = self.shared;
        match task {
            Task::Open { pool } => guarded(|| P::open(&shared.config).map(|opened| shared.keep(pool, opened)).into_reply()),
            Task::Dispose { pool } => {
                self.with_pool(pool, |pool| pool.dispose().map_or(Reply::NotOffered, IntoReply::into_reply))
            }
            Task::DropPool { pool } => guarded(|| {
                drop(shared.take(pool));
                Reply::Done
            }),
            Task::LeakPool { pool } => {
                std::mem::forget(shared.take(pool));
                Reply::Done
            }
            Task::Checkout { handle, pool, patience } => self.check_out(handle, pool, patience),
            Task::Return { handle } => match self.checkouts.remove(&handle) {
                Some(connection) => guarded(|| connection.give_back().into_reply()),
                None => unknown("checkout", &handle),
            },
            Task::Leak { handle } => {
                std::mem::forget(self.checkouts.remove(&handle));
                Reply::Done
            }
            Task::Query { handle, sql } => self.with_checkout(&handle, |connection| connection.query(&sql).into_reply()),
            Task::Prepared { handle, sql, argument } => self.with_checkout(&handle, |connection| {
                connection.prepared(&sql, &argument).map_or(Reply::NotOffered, IntoReply::into_reply)
            }),
            Task::Cancel { handle } => {
                self.with_checkout(&handle, |connection| connection.cancel().map_or(Reply::NotOffered, IntoReply::into_reply))
            }
            Task::AfterFork { pool } => self.with_pool_alone(pool, |pool| pool.after_fork(&shared.config)),
            Task::DropRuntime { pool } => self.with_pool_alone(pool, P::drop_runtime),
            Task::Begin { handle } => self.with_checkout(&handle, |connection| connection.begin().into_reply()),
            Task::Commit { handle } => self.with_checkout(&handle, |connection| connection.commit().into_reply()),
            Task::Rollback { handle } => self.with_checkout(&handle, |connection| connection.rollback().into_reply()),
            Task::Wait { pid } => wait(pid),
            Task::Spawn { thread } => self.spawn(thread),
            Task::Join { thread } => match self.spawned.remove(&thread).map(JoinHandle::join) {
                Some(Ok(())) => Reply::Done,
                Some(Err(panic)) => Reply::Panicked(words(&*panic)),
                None => unknown("thread", &thread.to_string()),
            },
            Task::Send { handle, to } => self.send(handle, to),
            // What nobody uses any more was dropped at once.
            Task::Collect {} => Reply::NotOffered,
            Task::Case { .. }
            | Task::Bury { .. }
            | Task::Fork { .. }
            | Task::Exec { .. }
            | Task::Exit { .. }
            | Task::Finish {} => unknown("order", "of another kind of actor"),
        }
    }

    fn with_pool(&self, number: u32, act: impl FnOnce(&P) -> Reply) -> Reply {
        match self.shared.pool(number) {
            Some(pool) => guarded(|| act(pool)),
            None => unknown("pool", &number.to_string()),
        }
    }

    /// For what may replace the pool: no other actor is inside it.
    fn with_pool_alone(&self, number: u32, act: impl FnOnce(&mut P) -> Option<Result<(), Error>>) -> Reply {
        let Some(mut pool) = self.shared.take(number) else { return unknown("pool", &number.to_string()) };
        let reply = guarded(|| act(&mut pool).map_or(Reply::NotOffered, IntoReply::into_reply));
        self.shared.keep_again(number, pool);
        reply
    }

    fn with_checkout(&mut self, handle: &str, act: impl FnOnce(&mut P::Connection) -> Reply) -> Reply {
        match self.checkouts.get_mut(handle) {
            Some(connection) => guarded(|| act(connection)),
            None => unknown("checkout", handle),
        }
    }

    fn check_out(&mut self, handle: String, pool: u32, patience: Duration) -> Reply {
        let mut got = None;
        let reply = self.with_pool(pool, |pool| pool.checkout(patience).map(|connection| got = Some(connection)).into_reply());
        if let Some(connection) = got {
            // A name that is given anew must not run a destructor that nobody asked for.
            std::mem::forget(self.checkouts.insert(handle, connection));
        }
        reply
    }

    fn send(&mut self, handle: String, to: u8) -> Reply {
        match (self.checkouts.remove(&handle), self.shared.mailbox(to)) {
            (Some(connection), Some(mailbox)) => {
                mailbox.push(Parcel { handle, connection });
                Reply::Done
            }
            _ => unknown("checkout or thread", &handle),
        }
    }

    fn spawn(&mut self, thread: u8) -> Reply {
        let (shared, process) = (self.shared, self.process);
        match std::thread::Builder::new().spawn(move || live(shared, process, Thread(thread))) {
            Ok(handle) => {
                self.spawned.insert(thread, handle);
                Reply::Done
            }
            Err(error) => Error::new(crate::pool::ErrorKind::Other, error).into_reply(),
        }
    }

    /// The parent's answer; in the child, which has become another actor, nothing.
    fn fork(&mut self, child: &str, kind: Birth) -> Option<Reply> {
        // SAFETY: the process may have more threads; that is what is under test. The child uses its own stack, the allocator, which
        // glibc makes usable where its handlers run, and atomics; it takes no lock of the harness, for there is none.
        match unsafe { birth::fork(kind) } {
            Ok(ForkResult::Parent { .. }) => Some(Reply::Done),
            Ok(ForkResult::Child) => {
                self.reborn(child);
                None
            }
            Err(error) => Some(Error::new(crate::pool::ErrorKind::Other, error).into_reply()),
        }
    }

    /// Makes this actor the first one of a forked process: closes what the harness inherited, then says hello.
    fn reborn(&mut self, child: &str) {
        self.shared.after_fork();
        let number = child.strip_prefix('p').and_then(|digits| digits.parse().ok());
        let (Some(number), Ok(control)) = (number, Control::connect(&self.shared.socket, self.shared.case, child.to_owned()))
        else {
            leave()
        };
        std::mem::replace(&mut self.control, control).forget();
        self.process = Process(number);
        self.thread = Thread::MAIN;
        self.shared.register(self.thread.0, self.control.stream());
        // These threads live in the parent: there is nothing here to join or to detach.
        std::mem::forget(std::mem::take(&mut self.spawned));
    }

    fn finish(self) {
        for (_, connection) in self.checkouts {
            // A destructor that panics ends this thread; its joiner says so.
            let _ = connection.give_back();
        }
        self.shared.unregister(self.thread.0);
    }

    fn exit(self, kind: Exit) {
        match kind {
            Exit::Now => leave(),
            Exit::Signal => {
                let _ = raise(Signal::SIGKILL);
                leave()
            }
            // Nothing of this stack is dropped: `exit` does not return.
            Exit::Atexit => std::process::exit(0),
            Exit::Main => {
                drop(self.checkouts);
                self.shared.drop_pools();
                std::process::exit(0)
            }
            Exit::Panic => std::process::exit(101),
        }
    }
}

pub(super) fn wait(pid: u32) -> Reply {
    let Ok(pid) = i32::try_from(pid) else { return unknown("pid", &pid.to_string()) };
    match waitpid(Pid::from_raw(pid), None) {
        Ok(_) => Reply::Done,
        // Somebody else has reaped it: the pool, or a disposition of SIGCHLD that it set.
        Err(nix::errno::Errno::ECHILD) => Reply::Done,
        Err(error) => Error::new(crate::pool::ErrorKind::Other, error).into_reply(),
    }
}

fn unknown(kind: &str, name: &str) -> Reply {
    Reply::Rejected(format!("there is no {kind} {name} here"))
}

/// Runs an operation of the pool; a panic of it is an answer.
fn guarded(operation: impl FnOnce() -> Reply) -> Reply {
    catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|panic| Reply::Panicked(words(&*panic)))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}

trait IntoReply {
    fn into_reply(self) -> Reply;
}

impl IntoReply for Error {
    fn into_reply(self) -> Reply {
        Reply::Error { kind: self.kind, message: self.message }
    }
}

impl IntoReply for Result<(), Error> {
    fn into_reply(self) -> Reply {
        self.map_or_else(Error::into_reply, |()| Reply::Done)
    }
}

impl IntoReply for Result<Rows, Error> {
    fn into_reply(self) -> Reply {
        self.map_or_else(Error::into_reply, Reply::Rows)
    }
}
