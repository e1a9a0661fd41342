//! Statements and expressions, as they were read.

use super::super::tables;
use super::value::Value;

/// A name, perhaps with the database's before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TableName {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Statement {
    Select(Select),
    Insert {
        table: TableName,
        columns: Option<Vec<String>>,
        rows: Vec<Vec<Expression>>,
    },
    Delete {
        table: TableName,
        filter: Option<Expression>,
    },
    Truncate(TableName),
    CreateTable {
        table: TableName,
        columns: Vec<tables::Column>,
        if_not_exists: bool,
    },
    CreateIndex {
        table: TableName,
        columns: Vec<String>,
    },
    DropTable {
        tables: Vec<TableName>,
        if_exists: bool,
    },
    /// What the transaction may do; `None`: what the session says.
    Begin {
        read_only: Option<bool>,
    },
    Commit {
        chain: bool,
        release: bool,
    },
    RollBack {
        chain: bool,
        release: bool,
    },
    Savepoint(String),
    RollBackTo(String),
    Release(String),
    Set(Vec<Assignment>),
    Use(String),
    /// `true`: the connection, not its statement alone.
    Kill {
        connection: bool,
        number: Expression,
    },
    Do(Vec<Expression>),
    Show {
        what: Show,
        like: Option<Like>,
    },
    /// A statement that is without effect here, like `UNLOCK TABLES`.
    Nothing,
}

/// What `SHOW` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    Variables,
    Status,
    Warnings,
    Databases,
}

/// Which rows `SHOW` shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Like {
    Pattern(String),
    /// An expression over the names of its columns.
    Where(Expression),
}

/// One part of `SET`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Assignment {
    Variable(String, Expression),
    /// `None`: DEFAULT.
    System {
        name: String,
        global: bool,
        value: Option<Expression>,
    },
    /// `SET NAMES`, `SET CHARACTER SET`.
    Names {
        character_set: Option<String>,
        collation: Option<String>,
    },
    /// `SET TRANSACTION`, for the session or for the next transaction alone.
    Transaction {
        session: bool,
        level: Option<String>,
        read_only: Option<bool>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Select {
    pub(super) items: Vec<Item>,
    pub(super) from: Option<From>,
    pub(super) filter: Option<Expression>,
    /// Expressions, and whether the greatest come first.
    pub(super) order: Vec<(Expression, bool)>,
    pub(super) limit: Option<Expression>,
    pub(super) offset: Option<Expression>,
}

/// The table of a SELECT, and its other name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct From {
    pub(super) table: TableName,
    pub(super) alias: Option<String>,
}

/// What a SELECT gives.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    All,
    One { expression: Expression, name: String },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Literal(Value),
    /// From 0.
    Parameter(usize),
    Variable(String),
    /// `@name := value`
    Assign(String, Box<Expression>),
    System {
        name: String,
        global: bool,
    },
    Column(String),
    Call(String, Vec<Expression>),
    CountAll,
    Cast(Box<Expression>, Target),
    Not(Box<Expression>),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    IsNull(Box<Expression>),
    /// `IS TRUE`, `IS FALSE`
    Is(Box<Expression>, bool),
    In(Box<Expression>, Vec<Expression>),
    Like(Box<Expression>, Box<Expression>),
    /// Conditions with their results, and the result otherwise.
    Case {
        operand: Option<Box<Expression>>,
        arms: Vec<(Expression, Expression)>,
        otherwise: Option<Box<Expression>>,
    },
    Subquery(Box<Select>),
}

/// What a cast gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Text of at most so many characters.
    Text(Option<u32>),
    Binary,
    Signed,
    Unsigned,
    Decimal,
    Double,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    Xor,
    And,
    Equal,
    /// `<=>`
    Same,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideWhole,
    Remainder,
    Concatenate,
}
