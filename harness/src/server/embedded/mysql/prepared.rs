//! Prepared statements: what is kept of them, and the arguments that come with each execution.

use std::collections::BTreeMap;
use std::sync::Arc;

use mysql_common::Value as Argument;
use mysql_common::constants::{ColumnFlags, ColumnType};
use mysql_common::io::ParseBuf;
use mysql_common::value::{BinValue, ValueDeserializer};

use super::super::MOST_IN_A_FRAME;
use super::error::Error;
use super::tree::Statement;
use super::value::Value;

/// MySQL's `max_prepared_stmt_count`, here of one session.
const MOST: usize = 16_382;
/// What all texts of a session's statements may have together, in bytes: as they were read they take many times as much.
const MOST_SQL: usize = 4 << 20;
/// What all arguments that were sent ahead may take together, in bytes.
const MOST_AHEAD: usize = 32 << 20;

/// All of a session's.
#[derive(Default)]
pub(super) struct Prepared {
    statements: BTreeMap<u32, Entry>,
    last: u32,
    bytes: usize,
    /// Bytes of arguments that were sent ahead.
    ahead: usize,
}

struct Entry {
    sql: Arc<str>,
    statement: Arc<Statement>,
    parameters: u16,
    /// The types that came with an earlier execution, which need not be repeated.
    types: Vec<(ColumnType, bool)>,
    /// Arguments that were sent ahead in pieces, by their places.
    long: BTreeMap<usize, Vec<u8>>,
    /// More was sent ahead than may be.
    too_long: bool,
}

/// A statement with its arguments.
pub(super) struct Execution {
    pub(super) sql: Arc<str>,
    pub(super) statement: Arc<Statement>,
    pub(super) arguments: Vec<Value>,
}

impl Prepared {
    /// A statement is to be prepared: that takes a number even if it comes to nothing.
    pub(super) fn begin(&mut self) {
        self.last = self.last.wrapping_add(1);
    }

    /// Keeps the statement that was begun; gives its number.
    pub(super) fn add(&mut self, sql: &str, statement: Statement, parameters: u16) -> Result<u32, Error> {
        if self.statements.len() >= MOST || self.bytes + sql.len() > MOST_SQL {
            let message = format!("Can't create more than max_prepared_stmt_count statements (current value: {MOST})");
            return Err(Error::new(1461, b"42000", message));
        }
        self.bytes += sql.len();
        let (statement, types) = (Arc::new(statement), Vec::new());
        let entry = Entry { sql: sql.into(), statement, parameters, types, long: BTreeMap::new(), too_long: false };
        self.statements.insert(self.last, entry);
        Ok(self.last)
    }

    pub(super) fn close(&mut self, packet: &[u8]) {
        if let Some(mut entry) = number(packet).and_then(|id| self.statements.remove(&id)) {
            self.bytes = self.bytes.saturating_sub(entry.sql.len());
            self.ahead = self.ahead.saturating_sub(entry.forget_long());
        }
    }

    /// Forgets the arguments that were sent ahead.
    pub(super) fn reset(&mut self, packet: &[u8]) -> Result<(), Error> {
        let id = number(packet).ok_or_else(Error::malformed)?;
        let entry = self.statements.get_mut(&id).ok_or_else(|| unknown(id, "mysqld_stmt_reset"))?;
        self.ahead = self.ahead.saturating_sub(entry.forget_long());
        Ok(())
    }

    /// Takes a piece of an argument. There is no answer: whatever is wrong with it comes out at the execution.
    pub(super) fn long_data(&mut self, packet: &[u8]) {
        let Some((head, data)) = packet.split_first_chunk::<6>() else { return };
        let [a, b, c, d, low, high] = *head;
        let (id, place) = (u32::from_le_bytes([a, b, c, d]), u16::from_le_bytes([low, high]));
        let Some(entry) = self.statements.get_mut(&id).filter(|entry| place < entry.parameters) else { return };
        let whole = entry.long.entry(place.into()).or_default();
        if whole.len() + data.len() > MOST_IN_A_FRAME || self.ahead + data.len() > MOST_AHEAD {
            entry.too_long = true;
            return;
        }
        whole.extend_from_slice(data);
        self.ahead += data.len();
    }

    /// A statement with the arguments that an execution's packet brings.
    pub(super) fn execution(&mut self, packet: &[u8]) -> Result<Execution, Error> {
        let Some((head, rest)) = packet.split_first_chunk::<9>() else { return Err(Error::malformed()) };
        let id = number(head).unwrap_or_default();
        let entry = self.statements.get_mut(&id).ok_or_else(|| unknown(id, "mysqld_stmt_execute"))?;
        let too_long = entry.too_long;
        let arguments = entry.arguments(rest);
        self.ahead = self.ahead.saturating_sub(entry.forget_long());
        if too_long {
            let message = "Parameter of prepared statement which is set through mysql_send_long_data() is longer than \
                           'max_allowed_packet' bytes";
            return Err(Error::new(1105, b"HY000", message));
        }
        Ok(Execution { sql: Arc::clone(&entry.sql), statement: Arc::clone(&entry.statement), arguments: arguments? })
    }
}

impl Entry {
    fn forget_long(&mut self) -> usize {
        self.too_long = false;
        std::mem::take(&mut self.long).values().map(Vec::len).sum()
    }

    /// A bit for each NULL; whether types follow, and those; the values.
    fn arguments(&mut self, rest: &[u8]) -> Result<Vec<Value>, Error> {
        let count = usize::from(self.parameters);
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut rest = ParseBuf(rest);
        let nulls = rest.checked_eat(count.div_ceil(8)).ok_or_else(Error::malformed)?;
        if rest.checked_eat_u8().ok_or_else(Error::malformed)? == 1 {
            let types = rest.checked_eat(2 * count).ok_or_else(Error::malformed)?;
            let one = |pair: &[u8]| match pair {
                [kind, flags] => Some((ColumnType::try_from(*kind).ok()?, flags & 0x80 != 0)),
                _ => None,
            };
            self.types = types.chunks(2).map(one).collect::<Option<_>>().ok_or_else(Error::malformed)?;
        }
        if self.types.len() != count {
            return Err(Error::malformed());
        }
        let mut arguments = Vec::with_capacity(count);
        for (place, (kind, unsigned)) in self.types.iter().enumerate() {
            let is_null = nulls.get(place / 8).is_some_and(|byte| byte & 1 << (place % 8) != 0);
            arguments.push(match self.long.remove(&place) {
                Some(bytes) => labelled(bytes, *kind),
                None if is_null => Value::Null,
                None => argument(&mut rest, *kind, *unsigned)?,
            });
        }
        Ok(arguments)
    }
}

fn argument(rest: &mut ParseBuf<'_>, kind: ColumnType, unsigned: bool) -> Result<Value, Error> {
    use ColumnType::{
        MYSQL_TYPE_DATE, MYSQL_TYPE_DATETIME, MYSQL_TYPE_DATETIME2, MYSQL_TYPE_NEWDATE, MYSQL_TYPE_TIME, MYSQL_TYPE_TIME2,
        MYSQL_TYPE_TIMESTAMP, MYSQL_TYPE_TIMESTAMP2, MYSQL_TYPE_TYPED_ARRAY, MYSQL_TYPE_UNKNOWN,
    };
    match kind {
        // Those are never sent, and `mysql_common` panics at them.
        MYSQL_TYPE_DATETIME2 | MYSQL_TYPE_TIME2 | MYSQL_TYPE_TIMESTAMP2 | MYSQL_TYPE_TYPED_ARRAY | MYSQL_TYPE_UNKNOWN => {
            return Err(Error::malformed());
        }
        // At some of these, too.
        MYSQL_TYPE_DATE | MYSQL_TYPE_NEWDATE | MYSQL_TYPE_DATETIME | MYSQL_TYPE_TIMESTAMP | MYSQL_TYPE_TIME => {
            let bytes = rest.checked_eat_u8_str().ok_or_else(Error::malformed)?;
            let text = if kind == MYSQL_TYPE_TIME { duration(bytes) } else { date(bytes) };
            return text.map(Value::text).ok_or_else(Error::malformed);
        }
        _ => {}
    }
    let flags = if unsigned { ColumnFlags::UNSIGNED_FLAG } else { ColumnFlags::empty() };
    let value: ValueDeserializer<BinValue> = rest.parse((kind, flags)).map_err(|_| Error::malformed())?;
    Ok(match value.0 {
        Argument::Bytes(bytes) => labelled(bytes, kind),
        Argument::Int(number) => Value::Integer(number),
        Argument::UInt(number) => Value::from_whole(number.into()).unwrap_or(Value::Null),
        Argument::Float(number) => Value::Double(number.into()),
        Argument::Double(number) => Value::Double(number),
        Argument::NULL | Argument::Date(..) | Argument::Time(..) => Value::Null,
    })
}

/// What is left out at the end is 0.
fn date(bytes: &[u8]) -> Option<String> {
    let whole: [u8; 11] = padded(bytes, &[0, 4, 7, 11])?;
    let [a, b, month, day, hour, minute, second, micros @ ..] = whole;
    let date = format!("{:04}-{month:02}-{day:02}", u16::from_le_bytes([a, b]));
    let micros = u32::from_le_bytes(micros);
    Some(match bytes.len() {
        0..=4 => date,
        5..=7 => format!("{date} {hour:02}:{minute:02}:{second:02}"),
        _ => format!("{date} {hour:02}:{minute:02}:{second:02}.{micros:06}"),
    })
}

fn duration(bytes: &[u8]) -> Option<String> {
    let whole: [u8; 12] = padded(bytes, &[0, 8, 12])?;
    let [negative, a, b, c, d, hour, minute, second, micros @ ..] = whole;
    let hours = u64::from(u32::from_le_bytes([a, b, c, d])) * 24 + u64::from(hour);
    let sign = if negative == 0 { "" } else { "-" };
    let time = format!("{sign}{hours:02}:{minute:02}:{second:02}");
    let micros = u32::from_le_bytes(micros);
    Some(if bytes.len() > 8 { format!("{time}.{micros:06}") } else { time })
}

fn padded<const N: usize>(bytes: &[u8], lengths: &[usize]) -> Option<[u8; N]> {
    let mut whole = [0; N];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    lengths.contains(&bytes.len()).then_some(whole)
}

fn labelled(bytes: Vec<u8>, kind: ColumnType) -> Value {
    use ColumnType::{MYSQL_TYPE_DECIMAL, MYSQL_TYPE_NEWDECIMAL};
    match (kind, String::from_utf8(bytes)) {
        (MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL, Ok(digits)) => Value::Decimal(digits),
        // Drivers send texts as blobs, too.
        (_, Ok(text)) => Value::text(text),
        (_, Err(bytes)) => Value::Binary(bytes.into_bytes()),
    }
}

fn number(packet: &[u8]) -> Option<u32> {
    packet.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

pub(super) fn unknown(id: u32, function: &str) -> Error {
    Error::new(1243, b"HY000", format!("Unknown prepared statement handler ({id}) given to {function}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_become_texts() {
        assert_eq!(date(&[0xe4, 7, 1, 2]).as_deref(), Some("2020-01-02"));
        assert_eq!(date(&[0xe4, 7, 1, 2, 3, 4, 5]).as_deref(), Some("2020-01-02 03:04:05"));
        assert_eq!(date(&[0xe4, 7, 1, 2, 3, 4, 5, 6, 0, 0, 0]).as_deref(), Some("2020-01-02 03:04:05.000006"));
        assert_eq!(duration(&[1, 2, 0, 0, 0, 3, 4, 5]).as_deref(), Some("-51:04:05"));
        assert_eq!(duration(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]).as_deref(), Some("103079215335:00:00"));
        assert_eq!((date(&[1]), duration(&[0; 13])), (None, None));
    }
}
