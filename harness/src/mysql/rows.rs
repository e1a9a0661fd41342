//! The rows of answers as text, and the argument of a prepared statement.

use std::io;
use std::sync::Arc;

use mysql_common::Value;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{Column, ComStmtExecuteRequestBuilder};
use mysql_common::proto::{Binary, MyDeserialize, MySerialize, Text};
use mysql_common::row::RowDeserializer;
use mysql_common::value::ServerSide;

/// A row in the form that answers to texts have.
pub(super) fn text(packet: &[u8], columns: &Arc<[Column]>) -> io::Result<Vec<Option<String>>> {
    row::<Text>(packet, columns)
}

/// A row in the form that answers to prepared statements have.
pub(super) fn binary(packet: &[u8], columns: &Arc<[Column]>) -> io::Result<Vec<Option<String>>> {
    row::<Binary>(packet, columns)
}

/// The execution of a prepared statement with one argument.
pub(super) fn execution(statement: u32, argument: &str) -> Vec<u8> {
    let argument = [Value::from(argument)];
    let (request, _) = ComStmtExecuteRequestBuilder::new(statement).build(&argument);
    let mut bytes = Vec::new();
    request.serialize(&mut bytes);
    bytes
}

fn row<P>(packet: &[u8], columns: &Arc<[Column]>) -> io::Result<Vec<Option<String>>>
where
    RowDeserializer<ServerSide, P>: for<'de> MyDeserialize<'de, Ctx = Arc<[Column]>>,
{
    let row: RowDeserializer<ServerSide, P> = ParseBuf(packet).parse(Arc::clone(columns))?;
    Ok(row.into_inner().unwrap().into_iter().map(value).collect())
}

fn value(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        // Dates and times come in quotes.
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use mysql_common::constants::{ColumnFlags, ColumnType};

    use super::*;

    #[test]
    fn values_are_the_same_text_in_either_form() {
        let column = |kind| Column::new(kind).with_flags(ColumnFlags::empty());
        let kinds = [ColumnType::MYSQL_TYPE_LONGLONG, ColumnType::MYSQL_TYPE_DATE, ColumnType::MYSQL_TYPE_VAR_STRING];
        let columns: Arc<[Column]> = kinds.into_iter().chain(kinds).map(column).collect();
        // A header, a bit for each NULL behind two that mean nothing, the values that are none.
        let in_binary = [&[0, 0b1110_0000][..], &42i64.to_le_bytes(), &[4, 0xe4, 7, 1, 2], b"\x02hi"].concat();
        let in_text = b"\x0242\x0a2020-01-02\x02hi\xfb\xfb\xfb";
        let wanted = ["42", "2020-01-02", "hi"].map(|text| Some(text.to_owned())).into_iter().chain([None, None, None]);
        let wanted: Vec<_> = wanted.collect();
        assert_eq!(binary(&in_binary, &columns).unwrap(), wanted);
        assert_eq!(text(in_text, &columns).unwrap(), wanted);
        assert!(binary(&in_binary[..9], &columns).is_err());
    }
}
