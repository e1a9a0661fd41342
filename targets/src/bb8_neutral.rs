//! [`bb8`] with the neutral driver: what fails here fails by bb8's own fault.
//!
//! Settings: as for [`crate::bb8_postgres`].

use std::marker::PhantomData;
use std::time::Duration;

use bb8::{ManageConnection, PooledConnection, RunError};
use poolproof::asynchronous::AsyncPool;
use poolproof::neutral::{Connection as Session, Driver};
use poolproof::{Config, Database, Error, ErrorKind, Transport};

use crate::neutral_session::check;

/// A pool of bb8.
pub struct Bb8Neutral<D: Driver>(bb8::Pool<Manager<D>>);

/// A connection of it.
pub struct Checkout<D: Driver>(PooledConnection<'static, Manager<D>>);

/// What bb8 asks of a driver.
pub struct Manager<D: Driver>(Config, PhantomData<D>);

impl<D: Driver> ManageConnection for Manager<D> {
    type Connection = Session<D>;
    type Error = Error;

    async fn connect(&self) -> Result<Session<D>, Error> {
        Session::connect(&self.0)
    }

    async fn is_valid(&self, session: &mut Session<D>) -> Result<(), Error> {
        check(session)
    }

    fn has_broken(&self, session: &mut Session<D>) -> bool {
        session.is_broken()
    }
}

impl<D: Driver> AsyncPool for Bb8Neutral<D> {
    type Connection = Checkout<D>;
    const DATABASE: Database = D::DATABASE;
    const TRANSPORTS: &'static [Transport] = D::TRANSPORTS;

    async fn open(config: &Config) -> Result<Self, Error> {
        let manager = Manager(config.clone(), PhantomData);
        Ok(Self(bb8::Pool::builder().max_size(config.max_size).build_unchecked(manager)))
    }

    async fn checkout(&self, patience: Duration) -> Result<Checkout<D>, Error> {
        let checkout = tokio::time::timeout(patience, self.0.get_owned()).await;
        match checkout.map_err(|late| Error::from_error(ErrorKind::TimedOut, &late))? {
            Ok(connection) => Ok(Checkout(connection)),
            Err(RunError::TimedOut) => Err(Error::new(ErrorKind::TimedOut, "bb8's own time ran out")),
            Err(RunError::User(error)) => Err(error),
        }
    }
}

crate::neutral_session::connection!(Checkout);
