//! `SHOW`.

use super::super::evaluate::{Scope, Stop};
use super::super::tree::{Like, Show};
use super::super::value::{Kind, Value, is_like};
use super::{Column, Rows};

impl Show {
    /// The columns of its answer.
    pub(in super::super) fn columns(self) -> Vec<Column> {
        let columns: &[(&str, Kind)] = match self {
            Self::Variables | Self::Status => &[("Variable_name", Kind::Text(64)), ("Value", Kind::Text(1024))],
            Self::Warnings => &[("Level", Kind::Text(7)), ("Code", Kind::Unsigned), ("Message", Kind::Text(512))],
            Self::Databases => &[("Database", Kind::Text(64))],
        };
        columns.iter().map(|(name, kind)| Column::new(*name, *kind)).collect()
    }
}

impl Scope<'_> {
    pub(super) fn show(&mut self, what: Show, like: Option<&Like>) -> Result<Rows, Stop> {
        let text = |text: &str| Value::text(text);
        let rows: Vec<Vec<Value>> = match what {
            Show::Variables => self.state.settings.shown().map(|(name, value)| vec![text(name), value]).collect(),
            Show::Status => {
                let connected = self.world.alive.len().to_string();
                let status = [("Ssl_cipher", ""), ("Threads_connected", &connected), ("Threads_running", "1"), ("Uptime", "0")];
                status.map(|(name, value)| vec![text(name), text(value)]).to_vec()
            }
            Show::Warnings => {
                let notes = self.state.notes.iter();
                notes.map(|(code, words)| vec![text("Note"), Value::Unsigned((*code).into()), text(words)]).collect()
            }
            Show::Databases => ["information_schema", &self.world.account.name].map(|name| vec![text(name)]).to_vec(),
        };
        let columns = what.columns();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let mut shown = Vec::new();
        for row in rows {
            let fits = match like {
                None => true,
                Some(Like::Pattern(pattern)) => row.first().and_then(Value::string).is_some_and(|name| is_like(&name, pattern)),
                Some(Like::Where(filter)) => self.holds(Some(filter), (&names, &row))?,
            };
            if fits {
                shown.push(row);
            }
        }
        Ok(Rows { columns, rows: shown })
    }
}
