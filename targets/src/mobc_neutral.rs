//! [`mobc`] with the neutral driver: what fails here fails by mobc's own fault.
//!
//! Settings: as for [`crate::mobc_postgres`].

use std::marker::PhantomData;
use std::time::Duration;

use mobc::async_trait;
use poolproof::asynchronous::AsyncPool;
use poolproof::neutral::{Connection as Session, Driver};
use poolproof::{Config, Database, Error, ErrorKind, Transport};

use crate::neutral_session::check;

/// A pool of mobc.
pub struct MobcNeutral<D: Driver>(mobc::Pool<Manager<D>>);

/// A connection of it.
pub struct Checkout<D: Driver>(mobc::Connection<Manager<D>>);

/// What mobc asks of a driver.
pub struct Manager<D: Driver>(Config, PhantomData<D>);

#[async_trait]
impl<D: Driver> mobc::Manager for Manager<D> {
    type Connection = Session<D>;
    type Error = Error;

    async fn connect(&self) -> Result<Session<D>, Error> {
        Session::connect(&self.0)
    }

    async fn check(&self, mut session: Session<D>) -> Result<Session<D>, Error> {
        check(&mut session).map(|()| session)
    }

    fn validate(&self, session: &mut Session<D>) -> bool {
        !session.is_broken()
    }
}

impl<D: Driver> AsyncPool for MobcNeutral<D> {
    type Connection = Checkout<D>;
    const DATABASE: Database = D::DATABASE;
    const TRANSPORTS: &'static [Transport] = D::TRANSPORTS;

    async fn open(config: &Config) -> Result<Self, Error> {
        let manager = Manager(config.clone(), PhantomData);
        Ok(Self(mobc::Pool::builder().max_open(config.max_size.into()).build(manager)))
    }

    async fn checkout(&self, patience: Duration) -> Result<Checkout<D>, Error> {
        self.0.get_timeout(patience).await.map(Checkout).map_err(|error| match error {
            mobc::Error::Inner(error) => error,
            mobc::Error::Timeout => Error::from_error(ErrorKind::TimedOut, &error),
            mobc::Error::PoolClosed => Error::from_error(ErrorKind::Closed, &error),
            mobc::Error::BadConn => Error::from_error(ErrorKind::Database, &error),
        })
    }
}

crate::neutral_session::connection!(Checkout);
