//! The settings of a session, with the transactions that they obey: what a transaction set that was rolled back never was.

mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::Problem;
pub(super) use known::REPORTED;
use known::{Setting, find};

/// How many bytes the names and values of a session's settings may have together.
const MOST_BYTES: usize = 16 << 20;

/// The settings of one session.
#[derive(Default)]
pub(super) struct Settings {
    /// What the client said when it connected: what RESET goes back to.
    start: BTreeMap<String, String>,
    now: Arc<Values>,
    /// Custom settings that were ever set: reset, they are empty, not absent.
    custom: BTreeSet<String>,
    /// What the client was last told of the reported settings, in their order.
    told: Vec<String>,
    /// At least as many bytes as [`Settings::count`] would count.
    bytes: usize,
    /// Something may have changed that the client is to be told.
    changed: bool,
}

#[derive(Clone, Default)]
struct Values {
    session: BTreeMap<String, String>,
    /// Until the end of the transaction.
    local: BTreeMap<String, String>,
}

/// All settings at one moment, to go back to.
#[derive(Clone)]
pub(super) struct Snapshot(Arc<Values>);

impl Settings {
    /// A value that the client gave when it connected, or that follows from who it is.
    pub(super) fn start_with(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let (name, value) = accept(name, value).map_err(|problem| Problem { severity: "FATAL", ..problem })?;
        self.start.insert(name, value);
        Ok(())
    }

    /// A value that follows from who the client is.
    pub(super) fn fix(&mut self, name: &str, value: &str) {
        self.start.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a setting. `None`: there is no such setting.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let name = canonical(name);
        let value = [&self.now.local, &self.now.session, &self.start].into_iter().find_map(|values| values.get(&*name));
        match value {
            Some(value) => Some(value),
            // A transaction begins with the session's defaults for transactions.
            None if name.starts_with("transaction_") => self.get(&format!("default_{name}")),
            None => find(&name).map(|setting| setting.default).or_else(|| self.custom.contains(&*name).then_some("")),
        }
    }

    /// Sets for the session, or with `local` for the transaction. Gives the value as it is shown.
    pub(super) fn set(&mut self, name: &str, value: &str, local: bool) -> Result<String, Problem> {
        let (name, value) = accept(name, value)?;
        self.bytes += name.len() + value.len();
        if self.bytes > MOST_BYTES {
            self.bytes = self.count();
        }
        if self.bytes + name.len() + value.len() > MOST_BYTES {
            return Err(Problem::error("53200", "out of memory").detail("The session's settings are too large."));
        }
        if name.contains('.') {
            self.custom.insert(name.clone());
        }
        let now = Arc::make_mut(&mut self.now);
        if local {
            now.local.insert(name, value.clone());
        } else {
            now.local.remove(&name);
            now.session.insert(name, value.clone());
        }
        self.changed = true;
        Ok(value)
    }

    /// The name of a setting as it is shown.
    pub(super) fn shown_name(name: &str) -> String {
        let name = canonical(name);
        find(&name).map_or_else(|| name.clone().into_owned(), |setting| setting.name.to_owned())
    }

    fn count(&self) -> usize {
        let values = [&self.now.local, &self.now.session].into_iter().flatten();
        let bytes = values.map(|(name, value)| name.len() + value.len());
        bytes.chain(self.custom.iter().map(String::len)).sum()
    }

    /// Back to the value of the start.
    pub(super) fn reset(&mut self, name: &str) -> Result<(), Problem> {
        let name = canonical(name);
        match find(&name) {
            Some(setting) if setting.fixed => return Err(cannot_change(&name)),
            None if !self.custom.contains(&*name) => return Err(no_such(&name)),
            _ => {}
        }
        let now = Arc::make_mut(&mut self.now);
        now.local.remove(&*name);
        now.session.remove(&*name);
        self.changed = true;
        Ok(())
    }

    /// All of them back to the values of the start.
    pub(super) fn reset_all(&mut self) {
        let transaction = |values: &BTreeMap<String, String>| {
            let kept = values.iter().filter(|(name, _)| name.starts_with("transaction_"));
            kept.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        self.now = Arc::new(Values { session: BTreeMap::new(), local: transaction(&self.now.local) });
        self.changed = true;
    }

    /// All settings now.
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot(Arc::clone(&self.now))
    }

    /// Back to an earlier moment.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) {
        if !Arc::ptr_eq(&self.now, &snapshot.0) {
            self.now = Arc::clone(&snapshot.0);
            self.changed = true;
        }
    }

    /// The transaction is committed: what was set for it alone ends.
    pub(super) fn end_transaction(&mut self) {
        if !self.now.local.is_empty() {
            Arc::make_mut(&mut self.now).local.clear();
            self.changed = true;
        }
    }

    /// The reported settings that have other values than the client knows; now it is told.
    pub(super) fn take_news(&mut self) -> Vec<(&'static str, String)> {
        if !std::mem::take(&mut self.changed) && !self.told.is_empty() {
            return Vec::new();
        }
        let values: Vec<String> = REPORTED.iter().map(|name| self.get(name).unwrap_or_default().to_owned()).collect();
        let news = REPORTED.iter().zip(&values).enumerate();
        let news = news.filter(|(index, (_, value))| self.told.get(*index) != Some(value));
        let news = news.map(|(_, (name, value))| (*name, value.clone())).collect();
        self.told = values;
        news
    }
}

/// The name that a setting is kept under. Names know no case.
fn canonical(name: &str) -> std::borrow::Cow<'_, str> {
    match name.to_ascii_lowercase().as_str() {
        "time zone" => "timezone".into(),
        "session authorization" => "session_authorization".into(),
        "transaction isolation level" => "transaction_isolation".into(),
        _ if name.bytes().any(|byte| byte.is_ascii_uppercase()) => name.to_ascii_lowercase().into(),
        _ => name.into(),
    }
}

/// The name and the value as they are kept, if the setting may have it.
fn accept(name: &str, value: &str) -> Result<(String, String), Problem> {
    let name = canonical(name).into_owned();
    let Some(setting) = find(&name) else {
        let parts = || name.split('.');
        let is_part = |part: &str| part.starts_with(|first: char| first.is_alphabetic() || first == '_');
        return if parts().count() < 2 {
            Err(no_such(&name))
        } else if parts().all(is_part) {
            Ok((name, value.to_owned()))
        } else {
            let detail = "Custom parameter names must be two or more simple identifiers separated by dots.";
            Err(Problem::error("42602", format!("invalid configuration parameter name \"{name}\"")).detail(detail))
        };
    };
    if setting.fixed {
        return Err(cannot_change(&name));
    }
    let shown = setting.shown(value).ok_or_else(|| refused(setting, value))?;
    Ok((name, shown))
}

fn refused(setting: &Setting, value: &str) -> Problem {
    let message = match setting.kind {
        known::Kind::Truth => format!("parameter \"{}\" requires a Boolean value", setting.name),
        _ => format!("invalid value for parameter \"{}\": \"{value}\"", setting.name),
    };
    Problem::error("22023", message)
}

/// There is no setting of that name.
pub(super) fn no_such(name: &str) -> Problem {
    Problem::error("42704", format!("unrecognized configuration parameter \"{name}\""))
}

fn cannot_change(name: &str) -> Problem {
    Problem::error("55P02", format!("parameter \"{name}\" cannot be changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_in_a_transaction_goes_with_it() {
        let mut settings = Settings::default();
        assert_eq!(settings.get("poolproof.mark"), None);
        let before = settings.snapshot();
        settings.set("poolproof.mark", "a", false).unwrap();
        settings.set("poolproof.mark", "b", true).unwrap();
        assert_eq!(settings.get("POOLPROOF.Mark"), Some("b"));
        settings.end_transaction();
        assert_eq!(settings.get("poolproof.mark"), Some("a"), "the commit ends what was local");
        settings.restore(&before);
        assert_eq!(settings.get("poolproof.mark"), Some(""), "as PostgreSQL: it was there once");
        settings.reset_all();
        assert_eq!(settings.get("poolproof.mark"), Some(""));
    }

    #[test]
    fn the_client_is_told_what_changed_and_nothing_else() {
        let mut settings = Settings::default();
        settings.start_with("application_name", "a").unwrap();
        assert_eq!(settings.take_news().len(), REPORTED.len());
        settings.set("application_name", "b", false).unwrap();
        settings.set("statement_timeout", "5000", false).unwrap();
        assert_eq!(settings.take_news(), [("application_name", "b".to_owned())]);
        assert!(settings.take_news().is_empty());
        settings.reset("application_name").unwrap();
        assert_eq!(settings.take_news(), [("application_name", "a".to_owned())]);
    }

    #[test]
    fn values_are_shown_as_postgresql_shows_them() {
        let mut settings = Settings::default();
        for (name, value, shown) in [
            ("statement_timeout", "5000", "5s"),
            ("statement_timeout", "90 s", "90s"),
            ("lock_timeout", "60000ms", "1min"),
            ("client_encoding", "'utf-8'".trim_matches('\''), "UTF8"),
            ("standard_conforming_strings", "1", "on"),
            ("DateStyle", "iso", "ISO, MDY"),
            ("default_transaction_isolation", "Serializable", "serializable"),
        ] {
            assert_eq!(settings.set(name, value, false).unwrap(), shown, "{name}");
        }
        for (name, value, code) in [
            ("nonsense", "1", "42704"),
            ("a.1", "1", "42602"),
            ("server_version", "1", "55P02"),
            ("client_encoding", "x", "22023"),
            ("row_security", "x", "22023"),
        ] {
            assert_eq!(settings.set(name, value, false).unwrap_err().code, code, "{name}");
        }
    }
}
