//! Reading what concerns tables: INSERT, DELETE, CREATE, DROP.

use super::super::super::sql::Token;
use super::super::super::tables::{Column, Kind};
use super::super::error::Error;
use super::super::tree::{Statement, TableName};
use super::Text;

/// More columns than MySQL allows in a table.
const MOST_COLUMNS: usize = 4096;

impl Text<'_> {
    pub(super) fn insert(&mut self) -> Result<Statement, Error> {
        self.reader.word("INTO");
        let table = self.table_name()?;
        let columns = if matches!(self.reader.peek(), Token::Symbol("(")) { Some(self.bracketed(Self::name)?) } else { None };
        if self.reader.one_of(&["VALUES", "VALUE"]).is_none() {
            return Err(Error::syntax());
        }
        let rows = self.list(|text| text.bracketed(Self::expression))?;
        Ok(Statement::Insert { table, columns, rows })
    }

    pub(super) fn delete(&mut self) -> Result<Statement, Error> {
        self.reader.need_word("FROM")?;
        let table = self.table_name()?;
        let filter = self.reader.word("WHERE").then(|| self.expression()).transpose()?;
        Ok(Statement::Delete { table, filter })
    }

    pub(super) fn drop_table(&mut self) -> Result<Statement, Error> {
        self.reader.need_word("TABLE")?;
        let if_exists = self.reader.words(&["IF", "EXISTS"]);
        let tables = self.list(Self::table_name)?;
        let _ignored = self.reader.one_of(&["RESTRICT", "CASCADE"]);
        Ok(Statement::DropTable { tables, if_exists })
    }

    pub(super) fn create(&mut self) -> Result<Statement, Error> {
        if self.reader.word("INDEX") {
            self.name()?;
            self.reader.need_word("ON")?;
            let table = self.table_name()?;
            let columns = self.bracketed(Self::index_column)?;
            return Ok(Statement::CreateIndex { table, columns });
        }
        self.reader.need_word("TABLE")?;
        let if_not_exists = self.reader.words(&["IF", "NOT", "EXISTS"]);
        let table = self.table_name()?;
        self.columns(table, if_not_exists)
    }

    fn columns(&mut self, table: TableName, if_not_exists: bool) -> Result<Statement, Error> {
        let (mut columns, mut indexed) = (Vec::<Column>::new(), Vec::new());
        self.reader.need_symbol("(")?;
        loop {
            if self.reader.one_of(&["INDEX", "KEY"]).is_some() {
                if !matches!(self.reader.peek(), Token::Symbol("(")) {
                    self.name()?;
                }
                indexed.extend(self.bracketed(Self::index_column)?);
            } else {
                columns.push(self.column_definition()?);
            }
            if !self.reader.symbol(",") {
                break;
            }
        }
        self.reader.need_symbol(")")?;
        self.table_options()?;
        if columns.len() > MOST_COLUMNS {
            return Err(Error::new(1117, b"HY000", "Too many columns"));
        }
        let mut names = std::collections::BTreeSet::new();
        if let Some(twice) = columns.iter().find(|column| !names.insert(column.name.to_lowercase())) {
            return Err(Error::new(1060, b"42S21", format!("Duplicate column name '{}'", twice.name)));
        }
        if let Some(missing) = indexed.iter().find(|name| !names.contains(&name.to_lowercase())) {
            return Err(Error::new(1072, b"42000", format!("Key column '{missing}' doesn't exist in table")));
        }
        Ok(Statement::CreateTable { table, columns, if_not_exists })
    }

    fn index_column(&mut self) -> Result<String, Error> {
        let name = self.name()?;
        let _order = self.reader.one_of(&["ASC", "DESC"]);
        Ok(name)
    }

    /// A column. What would make a difference, like PRIMARY KEY or DEFAULT, is not known here.
    fn column_definition(&mut self) -> Result<Column, Error> {
        if matches!(self.reader.peek(), Token::Word(word) if super::expression::is_reserved(word)) {
            return Err(Error::syntax());
        }
        let name = self.name()?;
        let kind = self.kind()?;
        let mut required = false;
        loop {
            if self.reader.words(&["NOT", "NULL"]) {
                required = true;
            } else if self.reader.words(&["CHARACTER", "SET"]) || self.reader.one_of(&["COLLATE", "CHARSET"]).is_some() {
                self.name()?;
            } else if self.reader.word("COMMENT") {
                self.reader.take();
            } else if !self.reader.word("NULL") && !self.reader.words(&["DEFAULT", "NULL"]) {
                return Ok(Column { name, kind, required });
            }
        }
    }

    fn kind(&mut self) -> Result<Kind, Error> {
        const KINDS: &[&str] = &[
            "BIGINT",
            "INTEGER",
            "INT",
            "MEDIUMINT",
            "SMALLINT",
            "TINYINT",
            "BOOLEAN",
            "BOOL",
            "VARCHAR",
            "CHAR",
            "TINYTEXT",
            "TEXT",
            "MEDIUMTEXT",
            "LONGTEXT",
        ];
        let word = self.reader.one_of(KINDS).ok_or_else(Error::syntax)?;
        let size = if self.reader.symbol("(") {
            let size = self.number()?;
            self.reader.need_symbol(")")?;
            Some(size)
        } else {
            None
        };
        Ok(match word {
            "BIGINT" => Kind::Integer(8),
            "INTEGER" | "INT" => Kind::Integer(4),
            "MEDIUMINT" => Kind::Integer(3),
            "SMALLINT" => Kind::Integer(2),
            "TINYINT" | "BOOLEAN" | "BOOL" => Kind::Integer(1),
            "VARCHAR" => Kind::Varchar(size.ok_or_else(Error::syntax)?),
            "CHAR" => Kind::Varchar(size.unwrap_or(1)),
            _ => Kind::Text,
        })
    }

    /// `ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 …`: they change nothing here.
    fn table_options(&mut self) -> Result<(), Error> {
        while !self.reader.is_at_end() {
            let _ = self.reader.symbol(",");
            self.reader.word("DEFAULT");
            const OPTIONS: &[&str] =
                &["ENGINE", "CHARSET", "COLLATE", "COMMENT", "AUTO_INCREMENT", "ROW_FORMAT", "STATS_PERSISTENT"];
            if !self.reader.words(&["CHARACTER", "SET"]) && self.reader.one_of(OPTIONS).is_none() {
                return Err(Error::syntax());
            }
            self.reader.symbol("=");
            match self.reader.take() {
                Token::Word(_) | Token::Name(_) | Token::Text(_) | Token::Number(_) => {}
                _ => return Err(Error::syntax()),
            }
        }
        Ok(())
    }
}
