//! One execution as data for a picture: the rows of the lanes.

use serde::{Deserialize, Serialize};

use super::draw::Line;
use super::lanes::chosen;
use super::rows::{Mark, Row, rows};
use super::words;
use crate::history::History;
use crate::interleaving::Interleaving;
use crate::rules::Judgement;

/// One execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Timeline {
    /// Everybody who did anything.
    pub actors: Vec<String>,
    /// What happened, from top to bottom.
    pub beats: Vec<Beat>,
}

/// What an actor did, and what passed the wire meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Beat {
    /// The number by which evidence calls the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What; words across all columns, if it is nobody's.
    pub text: String,
    /// It broke a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Broken>,
    /// Who is alive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alive: Vec<String>,
    /// What passed the wire.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wire: Vec<Passed>,
}

/// Something that passed the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Passed {
    /// What.
    pub text: String,
    /// It broke a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Broken>,
}

/// How something broke a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Broken {
    /// It was the first cause.
    First,
    /// It was a consequence.
    Then,
}

impl Broken {
    /// What stands before it in every picture.
    pub fn sign(self) -> &'static str {
        match self {
            Self::First => words::FIRST,
            Self::Then => words::THEN,
        }
    }
}

/// The execution as data: the same as [`lanes`](super::lanes) draws.
pub fn timeline(interleaving: &Interleaving, history: &History, judgement: &Judgement) -> Timeline {
    let rows = rows(interleaving, history, judgement);
    let mut actors = Vec::new();
    let mut beats = Vec::new();
    for line in chosen(&rows) {
        match line {
            Line::Row(row) => {
                actors.extend(row.alive.iter().copied().chain(row.lane.iter().map(|(actor, _)| *actor)));
                beats.push(beat(row));
            }
            Line::Instead(words) => beats.push(Beat { text: words.to_owned(), ..Beat::default() }),
        }
    }
    actors.sort_unstable();
    actors.dedup();
    Timeline { actors: actors.iter().map(ToString::to_string).collect(), beats }
}

fn beat(row: &Row) -> Beat {
    let (actor, text) = match (&row.lane, &row.across) {
        (Some((actor, text)), _) => (Some(actor.to_string()), text.clone()),
        (None, across) => (None, across.clone().unwrap_or_default()),
    };
    Beat {
        number: row.number,
        actor,
        text,
        mark: row.mark.map(Broken::from),
        alive: row.alive.iter().map(ToString::to_string).collect(),
        wire: row.wire.iter().map(|note| Passed { text: note.text(), mark: note.mark.map(Broken::from) }).collect(),
    }
}

impl From<Mark> for Broken {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::First => Self::First,
            Mark::Then => Self::Then,
        }
    }
}
