//! Questions to the catalogue that drivers ask by themselves, each known by its whole text. There is no catalogue.

use super::types::{Datum, Type};
use super::write::Field;
use crate::pool::Database;
use crate::server::embedded::sql::{Reader, Token};

/// One question.
pub(super) struct Question {
    text: &'static str,
    /// The types of its parameters.
    pub(super) parameters: &'static [Type],
    columns: &'static [(&'static str, Type)],
    /// The rows of the answer, for these parameters. `None`: the answer is not known.
    pub(super) answer: fn(&[Datum]) -> Option<Vec<Vec<Datum>>>,
}

/// Who asks what, and why.
const QUESTIONS: &[Question] = &[
    // psycopg2's `HstoreAdapter.get_oids`, which SQLAlchemy calls for its first connection. There is no such type.
    Question {
        text: "SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = ns.oid WHERE typname = 'hstore'",
        parameters: &[],
        columns: &[("oid", Type::Oid), ("typarray", Type::Oid)],
        answer: |_| Some(Vec::new()),
    },
    // psycopg's `TypeInfo.fetch`, which SQLAlchemy calls for each connection, for the same type.
    Question {
        text: "SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter \
               FROM pg_type t WHERE t.oid = to_regtype($1) ORDER BY t.oid",
        parameters: &[Type::Text],
        columns: &[
            ("name", Type::Name),
            ("oid", Type::Oid),
            ("array_oid", Type::Oid),
            ("regtype", Type::Text),
            ("delimiter", Type::Text),
        ],
        answer: |parameters| (parameters == [Datum::Text("hstore".to_owned())]).then(Vec::new),
    },
];

impl Question {
    /// The question that a statement asks, if it is one of these: word by word, whatever the white space.
    pub(super) fn of_text(text: &str) -> Option<&'static Self> {
        QUESTIONS.iter().find(|question| is_same(question.text, text))
    }

    /// What its rows look like.
    pub(super) fn fields(&self) -> Vec<Field> {
        self.columns.iter().map(|(name, kind)| Field { name: (*name).to_owned(), kind: *kind }).collect()
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

fn is_same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (Reader::new(Database::Postgres, one), Reader::new(Database::Postgres, other));
    loop {
        match (one.take(), other.take()) {
            (Token::End, Token::End) => return true,
            (Token::Word(one), Token::Word(other)) if one.eq_ignore_ascii_case(other) => {}
            (Token::End | Token::Bad(_), _) => return false,
            (one, other) if one == other => {}
            _ => return false,
        }
    }
}
