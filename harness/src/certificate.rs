//! What was found of one pool, as a document: data, which is saved as `certificate.json`, and the pages that are made from it alone.
//!
//! | file | what |
//! | --- | --- |
//! | `chapter.rs` | one promise: verdicts, situations, failures |
//! | `conclusion.rs` | what a promise comes to, in a word |
//! | `record.rs` | from the results of a search to the document |
//! | `front.rs`, `deployments.rs` | the first screen: may I use it like this? what was not looked at? |
//! | `markdown.rs`, `html.rs`, `style.css` | the document as a page |
//! | `merge.rs`, `doubts.rs` | of several parts one; what contradicts itself in a document |
//!
//! Two runs with one seed give the same document but for [`Made`].

mod chapter;
mod conclusion;
mod deployments;
mod doubts;
mod front;
pub mod html;
pub mod markdown;
mod merge;
#[cfg(all(target_os = "linux", not(poolproof_elsewhere)))]
mod record;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::pool::Database;
use crate::promise::Promise;
pub use chapter::{Chapter, Counterexample, Line, Reached, Share};
pub use conclusion::Conclusion;
use deployments::Answer;
pub use merge::Unlike;

/// The version of the document's format; it changes whenever a reader of the one before would err.
pub const FORMAT: u32 = 1;

/// What was found of one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Certificate {
    /// The version of the format.
    pub format: u32,
    /// What differs between two runs of the same.
    pub made: Made,
    /// Version of poolproof.
    pub poolproof: String,
    /// Edition of the rules.
    pub rules: String,
    /// Defects that are planted to show that each rule bites.
    pub planted: u64,
    /// What was judged.
    pub pool: Subject,
    /// Where.
    pub server: Server,
    /// How much was searched.
    pub plan: Plan,
    /// The command that makes the document again.
    pub again: String,
    /// What was found under each promise.
    pub promises: Vec<Chapter>,
}

/// When it was made, and how long that took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Made {
    /// The day, in UTC: `2026-11-23`.
    pub on: String,
    /// The system and its release.
    pub system: String,
    /// How many seconds the searches took.
    pub seconds: f64,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Subject {
    /// Its name on the command line.
    pub name: String,
    /// What it is.
    pub about: String,
    /// The pool whose code it runs, if it is not the first of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_of: Option<String>,
    /// The crates or packages whose code it runs, each with its exact version, where that is known: `mysql 28.0.4`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// What is written about fork, as far as anybody has looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documented: Vec<Documented>,
}

/// What the documentation of a pool, of its driver or of its runtime says of some promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Documented {
    /// The promises of which it is said.
    pub promises: Vec<String>,
    /// What it comes to.
    pub standing: Standing,
    /// Word by word.
    pub words: String,
    /// Where it stands.
    pub source: String,
}

/// What a documentation says about what an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It works.
    Promised,
    /// It must not be done.
    Unsupported,
}

impl Subject {
    /// What is documented of a promise, in a few words.
    pub(crate) fn documented_of(&self, promise: &str) -> &'static str {
        let found = self.documented.iter().find(|documented| documented.promises.iter().any(|other| other == promise));
        match found.map(|documented| documented.standing) {
            Some(Standing::Promised) => "promised",
            Some(Standing::Unsupported) => "documented as unsupported",
            None => "not promised",
        }
    }
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Server {
    /// `postgres` or `mysql`.
    pub database: String,
    /// Its name and version.
    pub product: String,
    /// It is poolproof's own, in memory.
    pub embedded: bool,
    /// How the pool was connected.
    pub transport: String,
}

/// How much was searched, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// What the random interleavings were made from.
    pub seed: u64,
    /// Interleavings for each promise, where that was what ended the search.
    pub interleavings: Option<u64>,
    /// The sources.
    pub sources: Vec<String>,
    /// How far the exhaustive source went, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
    /// Which parts of the whole: `1/8`; none if it is whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<String>,
}

impl Server {
    /// Where a pool was judged.
    pub fn new(database: Database, product: &str, embedded: bool) -> Self {
        Self { database: database.name().to_owned(), product: product.to_owned(), embedded, transport: "unix".to_owned() }
    }
}

impl Certificate {
    /// The document as text, with its last line ended.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a document.
    ///
    /// # Errors
    /// What is no such document, or one of another format, in words.
    pub fn from_json(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_str(text).map_err(|error| format!("it is no certificate: {error}"))?;
        if format != FORMAT {
            return Err(format!("it is a certificate of format {format}, and this poolproof reads format {FORMAT}"));
        }
        serde_json::from_str(text).map_err(|error| format!("it is no certificate: {error}"))
    }

    /// The same as a page for a repository.
    pub fn to_markdown(&self) -> String {
        markdown::page(self)
    }

    /// The same as a page for a browser, which needs nothing else.
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// Whether the pool is safe under a promise; `None` where nothing follows for it.
    pub fn is_safe_under(&self, promise: Promise) -> Option<bool> {
        match Answer::of(self, promise).0 {
            Answer::Safe => Some(true),
            Answer::Unsafe(_) => Some(false),
            Answer::Open(_) | Answer::NotLookedAt => None,
        }
    }

    /// What in it contradicts itself; nothing, if nobody has edited it.
    pub fn doubts(&self) -> Vec<String> {
        doubts::doubts(self)
    }
}
