//! The situations that a run must have reached under each promise.
//!
//! The file has one section for each promise. `as PROMISE` takes over what a smaller promise requires; the other lines are
//! `OPERATION (RELATION): CONDITION, CONDITION …`.

use std::sync::LazyLock;

use super::{OPERATIONS, Relation, Situation, word};
use crate::model::Condition;
use crate::promise::Promise;

const FILE: &str = include_str!("../../situations/required.txt");

static REQUIRED: LazyLock<Vec<(Promise, Vec<Situation>)>> = LazyLock::new(|| {
    // A test reads the file: what is wrong in it is found there.
    parse(FILE).unwrap_or_default()
});

/// The situations that a run must have reached under a promise.
pub fn required(promise: Promise) -> &'static [Situation] {
    REQUIRED.iter().find(|(of, _)| *of == promise).map_or(&[], |(_, situations)| situations)
}

type Sections = Vec<(Promise, Vec<Situation>)>;

pub(super) fn parse(text: &str) -> Result<Sections, String> {
    let mut sections: Sections = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let read = if line.is_empty() { Some(()) } else { read(line, &mut sections) };
        read.ok_or_else(|| format!("line {}: '{line}'", number + 1))?;
    }
    Ok(sections)
}

fn read(line: &str, sections: &mut Sections) -> Option<()> {
    if let Some(name) = line.strip_prefix('[') {
        let promise = name.strip_suffix(']')?.parse().ok()?;
        let new = sections.iter().all(|(known, _)| *known != promise);
        new.then(|| sections.push((promise, Vec::new())))
    } else if let Some(name) = line.strip_prefix("as ") {
        let smaller: Promise = name.parse().ok()?;
        let (_, taken) = sections.iter().find(|(known, _)| *known == smaller).cloned()?;
        let (promise, situations) = sections.last_mut()?;
        (*promise != smaller).then(|| taken.into_iter().for_each(|situation| add(situation, situations)))
    } else {
        let (front, conditions) = line.split_once("): ")?;
        let (name, relation) = front.rsplit_once(" (")?;
        let operation = OPERATIONS.into_iter().find(|operation| *operation == name)?;
        let relation = Relation::ALL.into_iter().find(|known| known.word() == relation)?;
        let (_, situations) = sections.last_mut()?;
        conditions.split(", ").try_for_each(|name| {
            let condition = Condition::ALL.into_iter().find(|condition| word(*condition) == name)?;
            add(Situation { operation, relation, condition }, situations);
            Some(())
        })
    }
}

fn add(situation: Situation, situations: &mut Vec<Situation>) {
    if !situations.contains(&situation) {
        situations.push(situation);
    }
}

#[cfg(test)]
pub(super) fn file() -> &'static str {
    FILE
}
