//! [`deadpool`] with the neutral driver: what fails here fails by deadpool's own fault.
//!
//! Settings: as for [`crate::deadpool_postgres`].

use std::marker::PhantomData;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleResult, Timeouts};
use poolproof::asynchronous::{AsyncPool, Closing};
use poolproof::neutral::{Connection as Session, Driver};
use poolproof::{Config, Database, Error, ErrorKind, Transport};

use crate::neutral_session::check;

/// A pool of deadpool.
pub struct DeadpoolNeutral<D: Driver>(managed::Pool<Manager<D>>);

/// A connection of it.
pub struct Checkout<D: Driver>(Object<Manager<D>>);

/// What deadpool asks of a driver.
pub struct Manager<D: Driver>(Config, PhantomData<D>);

impl<D: Driver> managed::Manager for Manager<D> {
    type Type = Session<D>;
    type Error = Error;

    async fn create(&self) -> Result<Session<D>, Error> {
        Session::connect(&self.0)
    }

    async fn recycle(&self, session: &mut Session<D>, _metrics: &Metrics) -> RecycleResult<Error> {
        Ok(check(session)?)
    }
}

impl<D: Driver> AsyncPool for DeadpoolNeutral<D> {
    type Connection = Checkout<D>;
    const DATABASE: Database = D::DATABASE;
    const TRANSPORTS: &'static [Transport] = D::TRANSPORTS;

    async fn open(config: &Config) -> Result<Self, Error> {
        let max_size = usize::try_from(config.max_size).map_err(|error| Error::from_error(ErrorKind::Other, &error))?;
        let manager = Manager(config.clone(), PhantomData);
        let pool = managed::Pool::builder(manager).max_size(max_size).runtime(Runtime::Tokio1).build();
        pool.map(Self).map_err(|error| Error::from_error(ErrorKind::Other, &error))
    }

    async fn checkout(&self, patience: Duration) -> Result<Checkout<D>, Error> {
        let limits = Timeouts { wait: Some(patience), create: Some(patience), recycle: Some(patience) };
        self.0.timeout_get(&limits).await.map(Checkout).map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => Error::from_error(ErrorKind::Closed, &error),
            _ => Error::from_error(ErrorKind::TimedOut, &error),
        })
    }

    fn dispose(&self) -> Option<Closing> {
        self.0.close();
        Some(Box::pin(async { Ok(()) }))
    }
}

crate::neutral_session::connection!(Checkout);
