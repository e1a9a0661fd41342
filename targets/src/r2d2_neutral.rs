//! [`r2d2`] with the neutral driver: what fails here fails by r2d2's own fault.
//!
//! Settings: as for [`crate::r2d2_postgres`].

use std::time::Duration;

use poolproof::neutral::{Connection as Session, Driver};
use poolproof::{Config, Connection, Database, Error, ErrorKind, Pool, Rows, Transport};
use r2d2::{ManageConnection, PooledConnection};

use crate::neutral_session::check;

/// A pool of r2d2.
pub struct R2d2Neutral<D: Driver>(r2d2::Pool<Manager<D>>);

/// A connection of it.
pub struct Checkout<D: Driver>(PooledConnection<Manager<D>>);

/// What r2d2 asks of a driver.
pub struct Manager<D: Driver>(Config, std::marker::PhantomData<D>);

impl<D: Driver> ManageConnection for Manager<D> {
    type Connection = Session<D>;
    type Error = Error;

    fn connect(&self) -> Result<Session<D>, Error> {
        Session::connect(&self.0)
    }

    fn is_valid(&self, session: &mut Session<D>) -> Result<(), Error> {
        check(session)
    }

    fn has_broken(&self, session: &mut Session<D>) -> bool {
        session.is_broken()
    }
}

impl<D: Driver> Pool for R2d2Neutral<D> {
    type Connection = Checkout<D>;
    const DATABASE: Database = D::DATABASE;
    const TRANSPORTS: &'static [Transport] = D::TRANSPORTS;

    fn open(config: &Config) -> Result<Self, Error> {
        let manager = Manager(config.clone(), std::marker::PhantomData);
        Ok(Self(r2d2::Pool::builder().max_size(config.max_size).min_idle(Some(0)).build_unchecked(manager)))
    }

    fn checkout(&self, patience: Duration) -> Result<Checkout<D>, Error> {
        self.0.get_timeout(patience).map(Checkout).map_err(|error| Error::from_error(ErrorKind::TimedOut, &error))
    }
}

impl<D: Driver> Connection for Checkout<D> {
    fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.0.query(sql)
    }

    fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        Some(self.0.prepared(sql, argument))
    }

    fn cancel(&mut self) -> Option<Result<(), Error>> {
        Some(self.0.cancel())
    }
}
