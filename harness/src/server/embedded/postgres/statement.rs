//! Statements and expressions, as they are after reading.

use super::catalogue::Question;
use super::types::{Datum, Type};
use crate::server::embedded::tables::Column;

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Statement {
    Select(Select),
    Insert {
        table: Name,
        columns: Option<Vec<String>>,
        rows: Vec<Vec<Expr>>,
    },
    Delete {
        table: Name,
        condition: Option<Expr>,
    },
    CreateTable {
        table: String,
        columns: Vec<Column>,
        if_not_exists: bool,
    },
    /// There are no indexes; the statement is believed.
    CreateIndex {
        table: Name,
    },
    DropTable {
        tables: Vec<Name>,
        if_exists: bool,
    },
    Transaction(Transaction),
    /// Without a value: to the default.
    Set {
        name: String,
        value: Option<String>,
        local: bool,
    },
    /// `SET SESSION CHARACTERISTICS AS TRANSACTION` and `SET TRANSACTION`.
    SetTransaction {
        modes: Modes,
        session: bool,
    },
    /// Without a name: all.
    Reset(Option<String>),
    /// Without a name: all.
    Show(Option<String>),
    Discard(&'static str),
    /// Without a name: all.
    Deallocate(Option<String>),
    /// Without a name: all.
    Close(Option<String>),
    Unlisten,
    /// A question to the catalogue that drivers are known to ask.
    Catalogue(&'static Question),
}

/// A name in a statement, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) offset: usize,
}

/// A SELECT of expressions, perhaps over one table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Select {
    /// `None` is the asterisk.
    pub(super) items: Vec<Option<Item>>,
    pub(super) from: Option<Name>,
    pub(super) condition: Option<Expr>,
    pub(super) limit: Option<u64>,
}

/// What a SELECT gives in a column, with the column's name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) expr: Expr,
    pub(super) name: String,
}

/// A statement that controls the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Transaction {
    Begin { modes: Modes, tag: &'static str },
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
}

/// The characteristics of a transaction: settings and values.
pub(super) type Modes = Vec<(&'static str, &'static str)>;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Value(Datum, Type),
    /// Counted from 1.
    Parameter(u16),
    Column(Name),
    /// The column of this index, of this type: what becomes of [`Expr::Column`].
    Field(usize, Type),
    Cast(Box<Expr>, Type),
    Call {
        function: Name,
        arguments: Vec<Expr>,
    },
    Not(Box<Expr>),
    Minus(Box<Expr>),
    Binary {
        left: Box<Expr>,
        operator: Operator,
        right: Box<Expr>,
        offset: usize,
    },
    IsNull {
        value: Box<Expr>,
        not: bool,
    },
    In {
        value: Box<Expr>,
        list: Vec<Expr>,
        not: bool,
    },
    /// `count(*)`.
    Count,
}

/// What stands between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Concatenate,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
}

impl Operator {
    /// As it is written.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Or => "OR",
            Self::And => "AND",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Concatenate => "||",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

impl Transaction {
    /// Allowed in a transaction that has failed.
    pub(super) fn ends_failure(&self) -> bool {
        matches!(self, Self::Commit | Self::Rollback | Self::RollbackTo(_))
    }
}
