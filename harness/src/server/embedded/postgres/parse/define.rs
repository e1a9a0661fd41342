//! Statements that make tables and drop them.

use super::{Read, closed, free_name, list, table, types::type_name};
use crate::server::embedded::postgres::statement::Statement;
use crate::server::embedded::sql::{Reader, Unreadable};
use crate::server::embedded::tables::Column;

/// Reads on after CREATE.
pub(super) fn create(reader: &mut Reader<'_>) -> Read<Statement> {
    if reader.words(&["index"]) || reader.words(&["unique", "index"]) {
        let if_not_exists = reader.words(&["if", "not", "exists"]);
        if !reader.is_word("on") {
            free_name(reader).ok_or(Unreadable)?;
        } else if if_not_exists {
            return Err(Unreadable);
        }
        reader.need_word("on")?;
        let table = table(reader)?;
        reader.need_symbol("(")?;
        closed(reader, |reader| free_name(reader).ok_or(Unreadable))?;
        return Ok(Statement::CreateIndex { table });
    }
    let _ = reader.word("unlogged");
    reader.need_word("table")?;
    let if_not_exists = reader.words(&["if", "not", "exists"]);
    let table = table(reader)?.name;
    reader.need_symbol("(")?;
    let columns = closed(reader, column)?;
    Ok(Statement::CreateTable { table, columns, if_not_exists })
}

fn column(reader: &mut Reader<'_>) -> Read<Column> {
    let name = free_name(reader).ok_or(Unreadable)?;
    let kind = type_name(reader)?.kind().ok_or(Unreadable)?;
    let required = reader.words(&["not", "null"]);
    let _ = reader.word("null");
    Ok(Column { name, kind, required })
}

/// Reads on after DROP.
pub(super) fn drop_table(reader: &mut Reader<'_>) -> Read<Statement> {
    reader.need_word("table")?;
    let if_exists = reader.words(&["if", "exists"]);
    let tables = list(reader, table)?;
    let _ = reader.one_of(&["cascade", "restrict"]);
    Ok(Statement::DropTable { tables, if_exists })
}
