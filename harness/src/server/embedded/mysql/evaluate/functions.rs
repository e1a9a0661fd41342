//! Functions.

use super::super::super::MOST_IN_A_FRAME;
use super::super::super::locks::{Release, Wish};
use super::super::error::Error;
use super::super::tree::Expression;
use super::super::value::{Kind, Value};
use super::super::variables::VERSION;
use super::{Row, Scope, Stop};

/// The longest name of a lock, in characters.
const LONGEST_LOCK: usize = 64;

/// What is known of the functions: the fewest and the most arguments, and the kind of the result if that is always the same.
const FUNCTIONS: &[(&str, usize, usize, Option<Kind>)] = &[
    ("ABS", 1, 1, None),
    ("CHARACTER_LENGTH", 1, 1, Some(Kind::Integer)),
    ("CHAR_LENGTH", 1, 1, Some(Kind::Integer)),
    ("COALESCE", 1, usize::MAX, None),
    ("CONCAT", 1, usize::MAX, Some(Kind::Text(255))),
    ("CONCAT_WS", 2, usize::MAX, Some(Kind::Text(255))),
    ("CONNECTION_ID", 0, 0, Some(Kind::Unsigned)),
    ("COUNT", 1, 1, Some(Kind::Integer)),
    ("CURRENT_USER", 0, 0, Some(Kind::Text(96))),
    ("DATABASE", 0, 0, Some(Kind::Text(64))),
    ("FOUND_ROWS", 0, 0, Some(Kind::Integer)),
    ("GET_LOCK", 2, 2, Some(Kind::Integer)),
    ("IF", 3, 3, None),
    ("IFNULL", 2, 2, None),
    ("ISNULL", 1, 1, Some(Kind::Integer)),
    ("IS_FREE_LOCK", 1, 1, Some(Kind::Integer)),
    ("IS_USED_LOCK", 1, 1, Some(Kind::Unsigned)),
    ("LAST_INSERT_ID", 0, 0, Some(Kind::Unsigned)),
    ("LCASE", 1, 1, Some(Kind::Text(255))),
    ("LENGTH", 1, 1, Some(Kind::Integer)),
    ("LOWER", 1, 1, Some(Kind::Text(255))),
    ("MAX", 1, 1, None),
    ("MIN", 1, 1, None),
    ("NULLIF", 2, 2, None),
    ("RELEASE_ALL_LOCKS", 0, 0, Some(Kind::Unsigned)),
    ("RELEASE_LOCK", 1, 1, Some(Kind::Integer)),
    ("ROW_COUNT", 0, 0, Some(Kind::Integer)),
    ("SCHEMA", 0, 0, Some(Kind::Text(64))),
    ("SESSION_USER", 0, 0, Some(Kind::Text(96))),
    ("SYSTEM_USER", 0, 0, Some(Kind::Text(96))),
    ("UCASE", 1, 1, Some(Kind::Text(255))),
    ("UPPER", 1, 1, Some(Kind::Text(255))),
    ("USER", 0, 0, Some(Kind::Text(96))),
    ("VERSION", 0, 0, Some(Kind::Text(32))),
];

/// Whether a function is about all rows together.
pub(in super::super) fn is_aggregate(name: &str) -> bool {
    matches!(name, "COUNT" | "MIN" | "MAX")
}

/// The kind of a function's result, if that is always the same.
///
/// # Errors
/// It is not known, or takes another number of arguments.
pub(super) fn known(name: &str, arguments: usize) -> Result<Option<Kind>, Error> {
    let place = FUNCTIONS.binary_search_by_key(&name, |(known, ..)| known).ok();
    let Some((_, least, most, kind)) = place.and_then(|place| FUNCTIONS.get(place)) else {
        return Err(Error::unsupported(&format!("the function {name}")));
    };
    if (*least..=*most).contains(&arguments) {
        return Ok(*kind);
    }
    Err(Error::new(1582, b"42000", format!("Incorrect parameter count in the call to native function '{name}'")))
}

impl Scope<'_> {
    pub(super) fn call(&mut self, name: &str, arguments: &[Expression], row: Row<'_>) -> Result<Value, Stop> {
        known(name, arguments.len())?;
        let mut values = Vec::with_capacity(arguments.len());
        match (name, arguments) {
            // Only one of the two is asked for its value.
            ("IF", [condition, yes, no]) => {
                let holds = self.value(condition, row)?.is_true() == Some(true);
                return self.value(if holds { yes } else { no }, row);
            }
            ("IFNULL" | "COALESCE", _) => {
                for argument in arguments {
                    let value = self.value(argument, row)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                return Ok(Value::Null);
            }
            _ => {
                for argument in arguments {
                    values.push(self.value(argument, row)?);
                }
            }
        }
        if name.contains("LOCK") { self.lock(name, &values) } else { self.plain(name, &values) }
    }

    fn plain(&mut self, name: &str, values: &[Value]) -> Result<Value, Stop> {
        let first = values.first().unwrap_or(&Value::Null);
        let text = |change: fn(&str) -> String| first.string().map_or(Value::Null, |text| Value::text(change(&text)));
        let count = |count: usize| Value::Integer(i64::try_from(count).unwrap_or(i64::MAX));
        Ok(match name {
            "CONNECTION_ID" => Value::Unsigned(self.state.number.into()),
            "DATABASE" | "SCHEMA" => self.state.database.as_ref().map_or(Value::Null, |name| Value::text(name.as_str())),
            "VERSION" => Value::text(VERSION),
            "USER" | "CURRENT_USER" | "SESSION_USER" | "SYSTEM_USER" => Value::text(format!("{}@localhost", self.state.user)),
            "ROW_COUNT" => Value::Integer(self.state.row_count),
            "FOUND_ROWS" => Value::Integer(self.state.row_count.max(0)),
            "LAST_INSERT_ID" => Value::Unsigned(0),
            "ISNULL" => Value::truth(Some(first.is_null())),
            "NULLIF" => match values {
                [a, b] if a.compare(b).is_some_and(std::cmp::Ordering::is_eq) => Value::Null,
                _ => first.clone(),
            },
            "CONCAT" => concatenated(values, None),
            "CONCAT_WS" => concatenated(values.get(1..).unwrap_or_default(), first.bytes().as_deref().or(Some(&[]))),
            "LOWER" | "LCASE" => text(str::to_lowercase),
            "UPPER" | "UCASE" => text(str::to_uppercase),
            "LENGTH" => first.bytes().map_or(Value::Null, |bytes| count(bytes.len())),
            "CHAR_LENGTH" | "CHARACTER_LENGTH" => first.string().map_or(Value::Null, |text| count(text.chars().count())),
            "ABS" => match first {
                Value::Null => Value::Null,
                Value::Integer(_) | Value::Unsigned(_) => {
                    first.whole().and_then(|number| Value::from_whole(number.abs())).unwrap_or(Value::Null)
                }
                _ => Value::Double(first.double().unwrap_or_default().abs()),
            },
            "COUNT" | "MIN" | "MAX" => return Err(Error::new(1111, b"HY000", "Invalid use of group function").into()),
            _ => return Err(Error::unsupported(&format!("the function {name}")).into()),
        })
    }

    /// The functions about named locks. What was done before the statement waited is not done again.
    fn lock(&mut self, name: &str, values: &[Value]) -> Result<Value, Stop> {
        if let Some(value) = self.state.redo() {
            return Ok(value);
        }
        let value = match (name, values) {
            ("RELEASE_ALL_LOCKS", _) => Value::Unsigned(self.world.locks.release_all(self.state.number)),
            (_, [lock, rest @ ..]) => {
                let lock = lock_name(lock)?;
                let owner = self.world.locks.owner(&lock);
                match (name, rest) {
                    ("GET_LOCK", [timeout]) => self.get_lock(&lock, timeout)?,
                    ("RELEASE_LOCK", _) => match self.world.locks.release(&lock, self.state.number) {
                        Release::Released => Value::Integer(1),
                        Release::NotYours => Value::Integer(0),
                        Release::Nobody => Value::Null,
                    },
                    ("IS_FREE_LOCK", _) => Value::Integer(owner.is_none().into()),
                    _ => owner.map_or(Value::Null, |owner| Value::Unsigned(owner.into())),
                }
            }
            _ => Value::Null,
        };
        self.state.note(&value);
        Ok(value)
    }

    /// There is no clock here: a time-out of 0 is over at once, and any other never.
    fn get_lock(&mut self, lock: &str, timeout: &Value) -> Result<Value, Stop> {
        let (locks, number) = (&mut self.world.locks, self.state.number);
        let patient = timeout.double().unwrap_or_default() != 0.0;
        match if patient { locks.take(lock, number) } else { locks.try_take(lock, number) } {
            Wish::Taken => Ok(Value::Integer(1)),
            Wish::Busy if patient => Err(Stop::Wait),
            Wish::Busy => Ok(Value::Integer(0)),
            Wish::Deadlock => {
                let message = "Deadlock found when trying to get user-level lock; try rolling back transaction/releasing locks and \
                               restarting lock acquisition.";
                Err(Error::new(3058, b"HY000", message).into())
            }
            Wish::Full => Err(Error::out_of_memory().into()),
        }
    }
}

/// Names of locks are not told apart by their case.
fn lock_name(value: &Value) -> Result<String, Error> {
    let name = value.string().unwrap_or_default();
    if name.is_empty() || name.chars().count() > LONGEST_LOCK {
        let shown: String =
            value.string().map_or_else(|| "NULL".to_owned(), |name| name.chars().take(LONGEST_LOCK + 1).collect());
        return Err(Error::new(3057, b"42000", format!("Incorrect user-level lock name '{shown}'.")));
    }
    Ok(name.to_lowercase())
}

/// Without a separator NULL makes all NULL, with one it is passed over. What is longer than a packet is NULL, as in MySQL.
pub(super) fn concatenated(values: &[Value], separator: Option<&[u8]>) -> Value {
    let (mut text, mut begun) = (Vec::new(), false);
    for value in values {
        match (value.bytes(), separator) {
            (None, None) => return Value::Null,
            (None, Some(_)) => continue,
            (Some(bytes), separator) => {
                if begun {
                    text.extend_from_slice(separator.unwrap_or_default());
                }
                text.extend_from_slice(&bytes);
                begun = true;
            }
        }
        if text.len() > MOST_IN_A_FRAME {
            return Value::Null;
        }
    }
    Value::Text(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_found() {
        assert!(FUNCTIONS.is_sorted_by_key(|(name, ..)| name));
        for (name, least, ..) in FUNCTIONS {
            assert!(known(name, *least).is_ok());
        }
        assert!(known("SLEEP", 1).unwrap_err().unknown);
        assert_eq!(known("IFNULL", 1).unwrap_err().code, 1582);
    }

    #[test]
    fn texts_are_joined_up_to_the_size_of_a_packet() {
        let (a, b) = (Value::text("a"), Value::Integer(1));
        assert_eq!(concatenated(&[a.clone(), b.clone()], None), Value::text("a1"));
        assert_eq!(concatenated(&[a.clone(), Value::Null, b.clone()], Some(b"-")), Value::text("a-1"));
        assert_eq!(concatenated(&[a, Value::Null], None), Value::Null);
        assert_eq!(concatenated(&[Value::Text(vec![0; MOST_IN_A_FRAME]), b], None), Value::Null);
    }
}
