//! What the pools over the neutral driver have in common.

use poolproof::Error;
use poolproof::neutral::{Connection, Driver};

/// Asks the server whether the session is still of use, as the usual drivers do.
pub(crate) fn check<D: Driver>(session: &mut Connection<D>) -> Result<(), Error> {
    session.query("SELECT 1").map(drop)
}

/// The same for all asynchronous pools: the neutral driver waits with the thread that asks.
#[cfg(feature = "pools")]
macro_rules! connection {
    ($checkout:ident) => {
        impl<D: poolproof::neutral::Driver> poolproof::asynchronous::AsyncConnection for $checkout<D> {
            async fn query(&mut self, sql: &str) -> Result<poolproof::Rows, poolproof::Error> {
                self.0.query(sql)
            }

            async fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<poolproof::Rows, poolproof::Error>> {
                Some(self.0.prepared(sql, argument))
            }

            async fn cancel(&mut self) -> Option<Result<(), poolproof::Error>> {
                Some(self.0.cancel())
            }
        }
    };
}

#[cfg(feature = "pools")]
pub(crate) use connection;
