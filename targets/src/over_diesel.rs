//! What the pools over diesel have in common: the URL that says where the server is, and rows of any number of columns as text.

use diesel::QueryableByName;
use diesel::backend::Backend;
use diesel::mysql::{Mysql, MysqlValue};
use diesel::pg::{Pg, PgValue};
use diesel::row::{Field, NamedRow};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use poolproof::{Config, Error, ErrorKind};

/// A row of an answer. Every column is text, and so are its bytes in either protocol.
pub(crate) struct TextRow(pub(crate) Vec<Option<String>>);

/// A database whose values are read as text.
pub(crate) trait Texts: Backend {
    /// The bytes of a value.
    fn bytes<'a>(value: &'a Self::RawValue<'_>) -> &'a [u8];
}

impl Texts for Pg {
    fn bytes<'a>(value: &'a PgValue<'_>) -> &'a [u8] {
        value.as_bytes()
    }
}

impl Texts for Mysql {
    fn bytes<'a>(value: &'a MysqlValue<'_>) -> &'a [u8] {
        value.as_bytes()
    }
}

impl<DB: Texts> QueryableByName<DB> for TextRow {
    fn build<'a>(row: &impl NamedRow<'a, DB>) -> diesel::deserialize::Result<Self> {
        let text = |column: usize| {
            let field = diesel::row::Row::get(row, column)?;
            field.value().map(|value| String::from_utf8_lossy(DB::bytes(&value)).into_owned())
        };
        Ok(Self((0..row.field_count()).map(text).collect()))
    }
}

/// Where the server is: `kind` is the scheme, and `socket` how the driver wants to be told of the socket.
pub(crate) fn url(config: &Config, kind: &str, socket: &[(&str, &str)]) -> String {
    let quoted = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let parameters: Vec<String> = socket.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    let (user, password, database) = (quoted(&config.user), quoted(&config.password), quoted(&config.database));
    format!("{kind}://{user}:{password}@localhost/{database}?{}", parameters.join("&"))
}

/// The statements of the steps that have rows. Of others diesel wants to know no more than how many rows they changed.
pub(crate) fn has_rows(sql: &str) -> bool {
    sql.starts_with("SELECT")
}

pub(crate) fn failure(error: &diesel::result::Error) -> Error {
    Error::from_error(ErrorKind::Database, error)
}
