//! The system variables that drivers and poolproof ask for or set. A session's change is its own; the global ones do not change.

mod known;

use std::collections::BTreeMap;

use super::error::Error;
use super::value::Value;
use known::May::{self, Global, Read, Session};
use known::Start::{self, Number, Switch, Text};
use known::VARIABLES;

/// Drivers shall take this server for MySQL 8; it says of itself what it is.
pub(super) const VERSION: &str = "8.0.0-poolproof";

/// The modes that are known, in MySQL's order. Those that change how texts are written are not among them.
const MODES: &[&str] = &[
    "REAL_AS_FLOAT",
    "PIPES_AS_CONCAT",
    "IGNORE_SPACE",
    "ONLY_FULL_GROUP_BY",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_AUTO_VALUE_ON_ZERO",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",
    "ALLOW_INVALID_DATES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "NO_AUTO_CREATE_USER",
    "HIGH_NOT_PRECEDENCE",
    "NO_ENGINE_SUBSTITUTION",
];

const LEVELS: &[&str] = &["READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"];

/// A text that a variable can hold: longer ones are nobody's.
const LONGEST: usize = 1024;

/// What a session has set.
#[derive(Debug, Default)]
pub(super) struct Settings {
    changed: BTreeMap<&'static str, Value>,
}

impl Settings {
    pub(super) fn autocommit(&self) -> bool {
        self.changed.get("autocommit").is_none_or(|value| *value == Value::Integer(1))
    }

    /// Transactions of this session must not write.
    pub(super) fn read_only(&self) -> bool {
        self.changed.get("transaction_read_only").is_some_and(|value| *value == Value::Integer(1))
    }

    pub(super) fn pipes_as_concat(&self) -> bool {
        self.changed.get("sql_mode").and_then(Value::string).is_some_and(|modes| modes.contains("PIPES_AS_CONCAT"))
    }

    /// The value of a variable, its switches as 0 and 1.
    pub(super) fn get(&self, name: &str, global: bool) -> Result<Value, Error> {
        let (name, start, _) = find(name)?;
        let changed = self.changed.get(name).filter(|_| !global);
        Ok(changed.cloned().unwrap_or_else(|| start.value()))
    }

    /// `None`: what it was at the start.
    pub(super) fn set(&mut self, name: &str, global: bool, value: Option<Value>) -> Result<(), Error> {
        let (name, start, may) = find(name)?;
        let read_only = |what: &str| Err(Error::new(1238, b"HY000", format!("Variable '{name}' is a {what} variable")));
        match may {
            Read => return read_only("read only"),
            _ if global => {
                let message = "Access denied; you need (at least one of) the SUPER or SYSTEM_VARIABLES_ADMIN privilege(s) for this \
                               operation";
                return Err(Error::new(1227, b"42000", message));
            }
            Global => {
                let message = format!("Variable '{name}' is a GLOBAL variable and should be set with SET GLOBAL");
                return Err(Error::new(1229, b"HY000", message));
            }
            Session => {}
        }
        let value = value.map_or_else(|| Ok(start.value()), |value| checked(name, start, value))?;
        // An old name of the same variable.
        let twin = match name {
            "transaction_isolation" => Some("tx_isolation"),
            "tx_isolation" => Some("transaction_isolation"),
            "transaction_read_only" => Some("tx_read_only"),
            "tx_read_only" => Some("transaction_read_only"),
            _ => None,
        };
        if let Some(twin) = twin {
            self.changed.insert(twin, value.clone());
        }
        self.changed.insert(name, value);
        Ok(())
    }

    /// `SET NAMES`
    pub(super) fn set_names(&mut self, character_set: Option<&str>, collation: Option<&str>) -> Result<(), Error> {
        let name = character_set.unwrap_or("utf8mb4").to_ascii_lowercase();
        // What is not written in UTF-8 or ASCII would have to be translated.
        if !["utf8mb4", "utf8mb3", "utf8", "latin1", "ascii", "binary"].contains(&name.as_str()) {
            return Err(Error::new(1115, b"42000", format!("Unknown character set: '{name}'")));
        }
        let collation = collation.map_or_else(|| format!("{name}_general_ci"), str::to_ascii_lowercase);
        if !collation.starts_with(name.as_str()) || collation.len() > 64 {
            let message = format!("COLLATION '{collation}' is not valid for CHARACTER SET '{name}'");
            return Err(Error::new(1253, b"42000", message));
        }
        for variable in ["character_set_client", "character_set_connection", "character_set_results"] {
            self.changed.insert(variable, Value::text(name.as_str()));
        }
        self.changed.insert("collation_connection", Value::text(collation));
        Ok(())
    }

    /// All of them as `SHOW VARIABLES` shows them: switches as ON and OFF.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&'static str, Value)> {
        VARIABLES.iter().map(|(name, start, _)| {
            let value = self.changed.get(name).cloned().unwrap_or_else(|| start.value());
            let value = match (start, &value) {
                (Switch(_), Value::Integer(0)) => Value::text("OFF"),
                (Switch(_), _) => Value::text("ON"),
                _ => Value::text(value.string().unwrap_or_default()),
            };
            (*name, value)
        })
    }
}

impl Start {
    fn value(self) -> Value {
        match self {
            Switch(on) => Value::Integer(on.into()),
            Number(number) => Value::Unsigned(number),
            Text(text) => Value::text(text),
        }
    }
}

fn find(name: &str) -> Result<(&'static str, Start, May), Error> {
    let unknown = || Error { unknown: true, ..Error::new(1193, b"HY000", format!("Unknown system variable '{name}'")) };
    let place = VARIABLES.binary_search_by_key(&name, |(known, ..)| known).map_err(|_| unknown())?;
    VARIABLES.get(place).copied().ok_or_else(unknown)
}

/// A value as the variable holds it.
fn checked(name: &str, start: Start, value: Value) -> Result<Value, Error> {
    let wrong = |value: &Value| {
        let value = value.string().unwrap_or_else(|| "NULL".to_owned());
        Error::new(1231, b"42000", format!("Variable '{name}' can't be set to the value of '{value}'"))
    };
    let text = value.string().unwrap_or_default();
    if text.len() > LONGEST {
        return Err(wrong(&value));
    }
    match (start, &value) {
        (Switch(_), _) => match text.to_ascii_uppercase().as_str() {
            "ON" | "1" | "TRUE" => Ok(Value::Integer(1)),
            "OFF" | "0" | "FALSE" => Ok(Value::Integer(0)),
            _ => Err(wrong(&value)),
        },
        (Number(_), Value::Integer(_) | Value::Unsigned(_)) => {
            Ok(Value::Unsigned(value.whole().and_then(|number| u64::try_from(number.max(0)).ok()).unwrap_or_default()))
        }
        (Number(_), _) => Err(Error::new(1232, b"42000", format!("Incorrect argument type to variable '{name}'"))),
        (Text(_), Value::Null) if name == "character_set_results" => Ok(value),
        (Text(_), Value::Null) => Err(wrong(&value)),
        (Text(_), _) if name == "sql_mode" => modes(&text).map(Value::text).map_err(|()| Error {
            // A mode of a real server, or none of any.
            unknown: true,
            ..wrong(&value)
        }),
        (Text(_), _) if name.ends_with("_isolation") => {
            let level = text.to_ascii_uppercase();
            if LEVELS.contains(&level.as_str()) { Ok(Value::text(level)) } else { Err(wrong(&value)) }
        }
        (Text(_), _) => Ok(Value::text(text)),
    }
}

/// Modes in their order, each once.
fn modes(text: &str) -> Result<String, ()> {
    let wanted: Vec<String> = text.split(',').filter(|mode| !mode.is_empty()).map(str::to_ascii_uppercase).collect();
    if wanted.iter().any(|mode| !MODES.contains(&mode.as_str())) {
        return Err(());
    }
    let modes: Vec<&str> = MODES.iter().copied().filter(|mode| wanted.iter().any(|wanted| wanted == mode)).collect();
    Ok(modes.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_found() {
        assert!(VARIABLES.is_sorted_by_key(|(name, ..)| name));
        for (name, ..) in VARIABLES {
            assert!(Settings::default().get(name, false).is_ok());
        }
    }

    #[test]
    fn a_setting_is_checked_and_can_be_taken_back() {
        let mut settings = Settings::default();
        settings.set("autocommit", false, Some(Value::text("off"))).unwrap();
        assert!(!settings.autocommit());
        settings.set("autocommit", false, None).unwrap();
        assert!(settings.autocommit());
        settings.set("sql_mode", false, Some(Value::text("no_zero_date,,PIPES_AS_CONCAT"))).unwrap();
        assert_eq!(settings.get("sql_mode", false), Ok(Value::text("PIPES_AS_CONCAT,NO_ZERO_DATE")));
        assert_eq!(settings.get("sql_mode", true), Ok(Value::text(known::MODES_AT_START)));
        settings.set("tx_isolation", false, Some(Value::text("serializable"))).unwrap();
        assert_eq!(settings.get("transaction_isolation", false), Ok(Value::text("SERIALIZABLE")));
        for (name, global, value, code) in [
            ("autocommit", false, "7", 1231),
            ("sql_mode", false, "ANSI_QUOTES", 1231),
            ("version", false, "x", 1238),
            ("wait_timeout", false, "x", 1232),
            ("wait_timeout", true, "1", 1227),
            ("max_connections", false, "1", 1229),
            ("nonsense", false, "1", 1193),
        ] {
            assert_eq!(settings.set(name, global, Some(Value::text(value))).unwrap_err().code, code, "{name}");
        }
    }
}
