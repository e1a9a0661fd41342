//! What the pools over the driver `tokio_postgres` have in common: how it is told where the server is, and how it is asked.

use poolproof::{Config, Error, ErrorKind, Rows, Transport};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, Statement};

/// How the driver is told where the server is. A path as host is a socket's directory.
pub(crate) fn options(config: &Config) -> tokio_postgres::Config {
    let mut options = tokio_postgres::Config::new();
    match config.transport {
        Transport::Unix => options.host_path(config.socket_dir()),
        _ => options.host(&config.host),
    };
    options.port(config.port);
    options.user(&config.user).password(&config.password).dbname(&config.database);
    options
}

/// Runs a statement by the simple protocol.
pub(crate) async fn text_rows(client: &Client, sql: &str) -> Result<Rows, Error> {
    let messages = client.simple_query(sql).await.map_err(|error| failure(&error))?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    });
    Ok(rows.collect())
}

/// Runs a statement that was prepared. Every column is text.
pub(crate) async fn prepared_rows(client: &Client, statement: &Statement, argument: &str) -> Result<Rows, Error> {
    let rows = client.query(statement, &[&argument]).await.map_err(|error| failure(&error))?;
    let values = |row: &tokio_postgres::Row| (0..row.len()).map(|column| row.try_get(column)).collect();
    rows.iter().map(values).collect::<Result<_, _>>().map_err(|error| failure(&error))
}

/// Asks the server, over a connection of its own, to break off what runs.
pub(crate) async fn cancel(client: &Client) -> Result<(), Error> {
    client.cancel_token().cancel_query(NoTls).await.map_err(|error| failure(&error))
}

pub(crate) fn failure(error: &tokio_postgres::Error) -> Error {
    Error::from_error(ErrorKind::Database, error)
}
