//! What the pools over diesel-async have in common: how a connection is told where the server is, and how it is asked.

use std::ops::DerefMut;

use diesel::result::QueryResult;
use diesel::sql_query;
use diesel::sql_types::Text;
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncMysqlConnection, AsyncPgConnection, RunQueryDsl, TransactionManager};
use poolproof::asynchronous::AsyncConnection;
use poolproof::{Config, Database, Error, Rows};

use crate::over_diesel::{TextRow, failure, has_rows, url};

/// One of diesel-async's connections.
pub trait Client: PoolableConnection + 'static {
    /// Which protocol it speaks.
    const DATABASE: Database;

    /// Where the server is.
    fn url(config: &Config) -> String;

    /// Runs a statement for its rows.
    fn rows(&mut self, sql: &str, argument: Option<&str>) -> impl Future<Output = QueryResult<Rows>> + Send;

    /// Runs a statement that has none.
    fn execute(&mut self, sql: &str) -> impl Future<Output = QueryResult<usize>> + Send;
}

macro_rules! client {
    ($connection:ty, $database:expr, $url:expr) => {
        impl Client for $connection {
            const DATABASE: Database = $database;

            fn url(config: &Config) -> String {
                $url(config)
            }

            async fn rows(&mut self, sql: &str, argument: Option<&str>) -> QueryResult<Rows> {
                let rows: Vec<TextRow> = match argument {
                    Some(argument) => sql_query(sql).bind::<Text, _>(argument).load(self).await,
                    None => sql_query(sql).load(self).await,
                }?;
                Ok(rows.into_iter().map(|row| row.0).collect())
            }

            async fn execute(&mut self, sql: &str) -> QueryResult<usize> {
                sql_query(sql).execute(self).await
            }
        }
    };
}

client!(AsyncPgConnection, Database::Postgres, |config: &Config| {
    let (directory, port) = (config.socket_dir().to_string_lossy(), config.port.to_string());
    url(config, "postgres", &[("host", &directory), ("port", &port)])
});
client!(AsyncMysqlConnection, Database::MySql, |config: &Config| {
    // It would leave a loopback TCP connection for the server's own socket, past any tap; said here so that it stays off.
    url(config, "mysql", &[("socket", &config.socket.to_string_lossy()), ("prefer_socket", "false")])
});

/// A connection that was checked out, by whatever the pool hands out.
pub struct Checkout<D>(pub(crate) D);

impl<C: Client, D: DerefMut<Target = C> + Send + 'static> AsyncConnection for Checkout<D> {
    async fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        let answer = match has_rows(sql) {
            true => C::rows(&mut self.0, sql, None).await,
            false => C::execute(&mut self.0, sql).await.map(|_| Rows::new()),
        };
        answer.map_err(|error| failure(&error))
    }

    async fn prepared(&mut self, sql: &str, argument: &str) -> Option<Result<Rows, Error>> {
        Some(C::rows(&mut self.0, sql, Some(argument)).await.map_err(|error| failure(&error)))
    }

    async fn begin(&mut self) -> Result<(), Error> {
        C::TransactionManager::begin_transaction(&mut *self.0).await.map_err(|error| failure(&error))
    }

    async fn commit(&mut self) -> Result<(), Error> {
        C::TransactionManager::commit_transaction(&mut *self.0).await.map_err(|error| failure(&error))
    }

    async fn rollback(&mut self) -> Result<(), Error> {
        C::TransactionManager::rollback_transaction(&mut *self.0).await.map_err(|error| failure(&error))
    }
}
