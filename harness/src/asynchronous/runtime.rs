//! The runtime under an asynchronous pool: who owns it, and when it is turned.
//!
//! It is turned after each operation, so that what the operation left to others is done as far as it can be done now; a program
//! whose main thread sits in the runtime would have done as much. It is never dropped unless [`Pool::drop_runtime`] says so: not by a
//! child, which lacks its threads and would wait for them, and not when the pool is dropped.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::{AsyncConnection, AsyncPool};
use crate::pool::{Config, Connection, Database, Error, ErrorKind, Pool, Rows};
use crate::transport::Transport;

/// One of the two kinds of runtime.
pub trait Flavour: Send + Sync + 'static {
    /// What builds such a runtime.
    fn builder() -> Builder;

    /// How often the tasks get a turn after an operation.
    const TURNS: u32;
}

/// A runtime without threads: tasks run while somebody waits in it.
#[derive(Clone, Copy, Debug)]
pub enum CurrentThread {}

/// A runtime with two threads of its own, which run tasks at any time.
#[derive(Clone, Copy, Debug)]
pub enum MultiThread {}

impl Flavour for CurrentThread {
    fn builder() -> Builder {
        Builder::new_current_thread()
    }

    // In each turn tokio runs every task that can run, and those that they wake, and then asks the kernel what has arrived. So two
    // are enough to follow what has arrived to its end; the others are for tasks that give way themselves.
    const TURNS: u32 = 4;
}

impl Flavour for MultiThread {
    fn builder() -> Builder {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    }

    // Nobody has to turn it, and before a fork its threads are waited for until they rest.
    const TURNS: u32 = 0;
}

/// An asynchronous pool with the runtime that it runs on.
pub struct OnRuntime<P: AsyncPool, F: Flavour> {
    /// `None` only when it has been dropped.
    pool: Option<P>,
    /// `None` once it was dropped.
    runtime: Option<Arc<Runtime>>,
    ground: Ground,
    flavour: PhantomData<F>,
}

/// A connection of an asynchronous pool, with the runtime that it runs on.
pub struct Checkout<C: AsyncConnection> {
    /// `None` only when it has been returned.
    connection: Option<C>,
    ground: Ground,
}

/// What a pool and its checkouts stand on.
#[derive(Clone)]
struct Ground {
    runtime: Weak<Runtime>,
    /// It outlives the runtime, so that what is dropped later still finds where it belongs.
    handle: Handle,
    turns: u32,
    /// How many checkouts are out, or on their way.
    out: Arc<AtomicU32>,
}

impl<P: AsyncPool, F: Flavour> Pool for OnRuntime<P, F> {
    type Connection = Checkout<P::Connection>;
    const DATABASE: Database = P::DATABASE;
    const TRANSPORTS: &'static [Transport] = P::TRANSPORTS;

    fn open(config: &Config) -> Result<Self, Error> {
        let runtime = F::builder().enable_all().build().map_err(|error| Error::from_error(ErrorKind::Other, &error))?;
        let handle = runtime.handle().clone();
        let runtime = Arc::new(runtime);
        let ground = Ground { runtime: Arc::downgrade(&runtime), handle, turns: F::TURNS, out: Arc::default() };
        let mut opened = Self { pool: None, runtime: Some(runtime), ground, flavour: PhantomData };
        opened.pool = Some(opened.ground.run(P::open(config))??);
        Ok(opened)
    }

    fn checkout(&self, patience: Duration) -> Result<Self::Connection, Error> {
        let pool = self.pool.as_ref().ok_or_else(gone)?;
        // Counted before it is there: a pool that is being closed may wait for whoever is on his way.
        self.ground.out.fetch_add(1, Ordering::Relaxed);
        match self.ground.run(pool.checkout(patience)).flatten() {
            Ok(connection) => Ok(Checkout { connection: Some(connection), ground: self.ground.clone() }),
            Err(error) => {
                self.ground.out.fetch_sub(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    fn dispose(&self) -> Option<Result<(), Error>> {
        let context = self.ground.handle.enter();
        let closing = self.pool.as_ref()?.dispose()?;
        drop(context);
        let nothing_is_out = self.ground.out.load(Ordering::Relaxed) == 0;
        let disposed = self.ground.run(async move {
            match nothing_is_out {
                true => closing.await,
                false => {
                    // What becomes of it is seen on the wire.
                    drop(tokio::spawn(closing));
                    Ok(())
                }
            }
        });
        Some(disposed.and_then(|result| result))
    }

    fn after_fork(&mut self, config: &Config) -> Option<Result<(), Error>> {
        let _context = self.ground.handle.enter();
        self.pool.as_mut()?.after_fork(config)
    }

    fn drop_runtime(&mut self) -> Option<Result<(), Error>> {
        // Somebody who is inside an operation drops it when he leaves it.
        Some(self.runtime.take().map(drop).ok_or_else(gone))
    }
}

impl<P: AsyncPool, F: Flavour> Drop for OnRuntime<P, F> {
    fn drop(&mut self) {
        self.ground.lay_down(self.pool.take());
        std::mem::forget(self.runtime.take());
    }
}

impl<C: AsyncConnection> Connection for Checkout<C> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.ground.run(connection(&mut self.connection)?.query(sql))?
    }

    fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        let prepared = connection(&mut self.connection).map(|connection| self.ground.run(connection.prepared(sql, argument)));
        flat(prepared)
    }

    fn cancel(&mut self) -> Option<Result<(), Error>> {
        let cancelled = connection(&mut self.connection).map(|connection| self.ground.run(connection.cancel()));
        flat(cancelled)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.ground.run(connection(&mut self.connection)?.begin())?
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.ground.run(connection(&mut self.connection)?.commit())?
    }

    fn rollback(&mut self) -> Result<(), Error> {
        self.ground.run(connection(&mut self.connection)?.rollback())?
    }

    fn give_back(mut self) -> Result<(), Error> {
        let connection = self.connection.take().ok_or_else(gone)?;
        self.ground.out.fetch_sub(1, Ordering::Relaxed);
        if self.ground.is_gone() {
            self.ground.lay_down(connection);
            return Err(gone());
        }
        self.ground.run(connection.give_back())?
    }
}

impl<C: AsyncConnection> Drop for Checkout<C> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.ground.out.fetch_sub(1, Ordering::Relaxed);
            self.ground.lay_down(connection);
        }
    }
}

impl Ground {
    /// Runs a future to its end, and then what it left to others as far as that can be done now.
    fn run<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        let runtime = self.runtime.upgrade().ok_or_else(gone)?;
        Ok(runtime.block_on(async {
            let result = future.await;
            for _ in 0..self.turns {
                tokio::task::yield_now().await;
            }
            result
        }))
    }

    /// Drops something that belongs on the runtime, whether it still runs or not.
    fn lay_down<T>(&self, thing: T) {
        if self.is_gone() {
            let _context = self.handle.enter();
            return drop(thing);
        }
        // An error would mean that the runtime has just been dropped, and `thing` with the future, which nobody ran.
        let _ = self.run(async { drop(thing) });
    }

    fn is_gone(&self) -> bool {
        self.runtime.strong_count() == 0
    }
}

fn connection<C>(connection: &mut Option<C>) -> Result<&mut C, Error> {
    connection.as_mut().ok_or_else(gone)
}

fn flat<T>(answer: Result<Result<Option<Result<T, Error>>, Error>, Error>) -> Option<Result<T, Error>> {
    match answer.and_then(|ran| ran) {
        Ok(offered) => offered,
        Err(error) => Some(Err(error)),
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Closed, "the runtime was dropped")
}
