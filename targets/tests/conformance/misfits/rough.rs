//! Pools that treat the process they live in badly. Each is the reference with one bad habit; whatever it is, there is a verdict, and
//! the run goes on.

use std::marker::PhantomData;
use std::time::Duration;

use nix::unistd::{ForkResult, fork};
use poolproof::{Config, Connection, Database, Error, Pool, Rows, Target};
use poolproof_targets::reference::ReferencePool;

pub(crate) fn targets() -> [Target; 7] {
    [
        Target::of::<Rough<Hangs>>("hangs-in-query", "waits for ever in each query"),
        Target::of::<Rough<Aborts>>("aborts-in-query", "aborts in each query"),
        Target::of::<Rough<Floods>>("floods-output", "prints a megabyte at each checkout"),
        Target::of::<Rough<Exits>>("exits-in-open", "ends the process when it is opened"),
        Target::of::<Rough<Forks>>("forks-by-itself", "has a process of its own, which ends when nobody needs it"),
        Target::of::<Rough<PanicsInDrop>>("panics-in-drop", "panics when the pool is dropped"),
        Target::of::<Rough<PanicsAtReturn>>("panics-at-return", "panics when a connection is dropped"),
    ]
}

/// A bad habit.
trait Habit: Send + Sync + 'static {
    fn on_open() {}
    fn on_checkout() {}
    fn on_query() {}
    fn on_return() {}
    fn on_drop() {}
}

struct Hangs;

impl Habit for Hangs {
    fn on_query() {
        loop {
            std::thread::park();
        }
    }
}

struct Aborts;

impl Habit for Aborts {
    fn on_query() {
        std::process::abort();
    }
}

struct Floods;

impl Habit for Floods {
    fn on_checkout() {
        let words = "nobody wants to know this\n".repeat(1 << 15);
        print!("{words}");
        eprint!("{words}");
    }
}

struct Exits;

impl Habit for Exits {
    fn on_open() {
        std::process::exit(0);
    }
}

struct Forks;

impl Habit for Forks {
    fn on_open() {
        // SAFETY: the child calls `pause` alone, until it is ended.
        if let Ok(ForkResult::Child) = unsafe { fork() } {
            loop {
                nix::unistd::pause();
            }
        }
    }
}

struct PanicsInDrop;

impl Habit for PanicsInDrop {
    fn on_drop() {
        panic!("I was not done");
    }
}

struct PanicsAtReturn;

impl Habit for PanicsAtReturn {
    fn on_return() {
        panic!("I would rather stay");
    }
}

struct Rough<H: Habit>(ReferencePool, PhantomData<H>);

struct Checkout<H: Habit>(<ReferencePool as Pool>::Connection, PhantomData<H>);

impl<H: Habit> Pool for Rough<H> {
    type Connection = Checkout<H>;
    const DATABASE: Database = Database::Postgres;

    fn open(config: &Config) -> Result<Self, Error> {
        H::on_open();
        ReferencePool::open(config).map(|pool| Self(pool, PhantomData))
    }

    fn checkout(&self, patience: Duration) -> Result<Self::Connection, Error> {
        H::on_checkout();
        self.0.checkout(patience).map(|checkout| Checkout(checkout, PhantomData))
    }

    fn dispose(&self) -> Option<Result<(), Error>> {
        self.0.dispose()
    }
}

impl<H: Habit> Drop for Rough<H> {
    fn drop(&mut self) {
        H::on_drop();
    }
}

impl<H: Habit> Connection for Checkout<H> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        H::on_query();
        self.0.query(sql)
    }
}

impl<H: Habit> Drop for Checkout<H> {
    fn drop(&mut self) {
        H::on_return();
    }
}
