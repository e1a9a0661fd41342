//! What the server says, as packets.

use mysql_common::constants::{CapabilityFlags, ColumnFlags, ColumnType, StatusFlags};
use mysql_common::io::BufMutExt;
use mysql_common::packets::{ErrPacket, ServerError, SqlState};
use mysql_common::proto::MySerialize;

use super::error::Error;
use super::execute::{Column, Done, Rows};
use super::packets::Outgoing;
use super::value::{Kind, Value};

/// Numbers and bytes have this collation.
const BINARY: u16 = 63;

/// Writes answers.
pub(super) struct Answers<'a> {
    pub(super) to: &'a mut Outgoing,
    pub(super) capabilities: CapabilityFlags,
    pub(super) status: StatusFlags,
    pub(super) warnings: u16,
    pub(super) collation: u8,
}

impl Answers<'_> {
    pub(super) fn ok(&mut self, done: &Done) {
        let (status, warnings) = (self.status.bits(), self.warnings);
        self.to.packet(|to| {
            to.push(0);
            to.put_lenenc_int(done.affected);
            to.put_lenenc_int(0); // there are no columns that count
            to.extend_from_slice(&status.to_le_bytes());
            to.extend_from_slice(&warnings.to_le_bytes());
            if !done.info.is_empty() {
                to.put_lenenc_str(done.info.as_bytes());
            }
        });
    }

    pub(super) fn error(&mut self, error: &Error) {
        let state = SqlState::new(error.state);
        let packet = ErrPacket::Error(ServerError::new(error.code, Some(state), error.message.as_bytes()));
        self.to.packet(|to| packet.serialize(to));
    }

    /// The end of rows, or of a command that answers with nothing else.
    pub(super) fn end(&mut self) {
        let (status, warnings) = (self.status.bits().to_le_bytes(), self.warnings.to_le_bytes());
        let instead = self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
        self.to.packet(|to| {
            to.push(0xfe);
            if instead {
                to.extend_from_slice(&[0, 0]);
                to.extend_from_slice(&status);
                to.extend_from_slice(&warnings);
            } else {
                to.extend_from_slice(&warnings);
                to.extend_from_slice(&status);
            }
        });
    }

    /// The end of definitions, where the client still wants one.
    fn end_of_definitions(&mut self) {
        if !self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            self.end();
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.to.packet(|to| to.extend_from_slice(text.as_bytes()));
    }

    /// The answer to a statement that was prepared.
    pub(super) fn prepared(&mut self, id: u32, parameters: u16, columns: &[Column]) {
        let (warnings, count) = (self.warnings, u16::try_from(columns.len()).unwrap_or(u16::MAX));
        self.to.packet(|to| {
            to.push(0);
            to.extend_from_slice(&id.to_le_bytes());
            to.extend_from_slice(&count.to_le_bytes());
            to.extend_from_slice(&parameters.to_le_bytes());
            to.push(0);
            to.extend_from_slice(&warnings.to_le_bytes());
        });
        let parameter = Column::new("?", Kind::Binary);
        for _ in 0..parameters {
            self.definition(&parameter);
        }
        if parameters > 0 {
            self.end_of_definitions();
        }
        for column in columns {
            self.definition(column);
        }
        if !columns.is_empty() {
            self.end_of_definitions();
        }
    }

    /// Rows, for a query or a prepared statement.
    pub(super) fn rows(&mut self, rows: &Rows, binary: bool) {
        self.to.packet(|to| to.put_lenenc_int(rows.columns.len() as u64));
        for column in &rows.columns {
            self.definition(column);
        }
        self.end_of_definitions();
        for row in &rows.rows {
            if self.to.is_flooded() {
                return;
            }
            self.to.packet(|to| if binary { binary_row(to, row, &rows.columns) } else { text_row(to, row) });
        }
        self.end();
    }

    fn definition(&mut self, column: &Column) {
        let collation = u16::from(self.collation);
        let (kind, collation, length, flags) = match column.kind {
            Kind::Null => (ColumnType::MYSQL_TYPE_NULL, BINARY, 0, ColumnFlags::BINARY_FLAG),
            Kind::Integer => (ColumnType::MYSQL_TYPE_LONGLONG, BINARY, 21, ColumnFlags::BINARY_FLAG),
            Kind::Unsigned => {
                (ColumnType::MYSQL_TYPE_LONGLONG, BINARY, 21, ColumnFlags::BINARY_FLAG | ColumnFlags::UNSIGNED_FLAG)
            }
            Kind::Decimal => (ColumnType::MYSQL_TYPE_NEWDECIMAL, BINARY, 66, ColumnFlags::BINARY_FLAG),
            Kind::Double => (ColumnType::MYSQL_TYPE_DOUBLE, BINARY, 23, ColumnFlags::BINARY_FLAG),
            Kind::Text(most) => (ColumnType::MYSQL_TYPE_VAR_STRING, collation, most.saturating_mul(4), ColumnFlags::empty()),
            Kind::Binary => (ColumnType::MYSQL_TYPE_VAR_STRING, BINARY, u32::MAX, ColumnFlags::BINARY_FLAG),
        };
        let flags = if column.required { flags | ColumnFlags::NOT_NULL_FLAG } else { flags };
        let original = if column.table.is_empty() { "" } else { &column.name };
        // By hand: what `mysql_common` 0.38 writes has length and character set in the wrong order.
        self.to.packet(|to| {
            for name in ["def", "", &column.table, &column.table, &column.name, original] {
                to.put_lenenc_str(name.as_bytes());
            }
            to.push(0x0c); // the length of what follows
            to.extend_from_slice(&collation.to_le_bytes());
            to.extend_from_slice(&length.to_le_bytes());
            to.push(kind as u8);
            to.extend_from_slice(&flags.bits().to_le_bytes());
            to.push(if matches!(column.kind, Kind::Double) { 31 } else { 0 });
            to.extend_from_slice(&[0, 0]);
        });
    }
}

fn text_row(to: &mut Vec<u8>, row: &[Value]) {
    for value in row {
        match value {
            Value::Text(bytes) | Value::Binary(bytes) => to.put_lenenc_str(bytes),
            other => match other.bytes() {
                Some(bytes) => to.put_lenenc_str(&bytes),
                None => to.push(0xfb),
            },
        }
    }
}

/// A bit for each NULL, from the third on, and then the values that are none, each as its column says.
fn binary_row(to: &mut Vec<u8>, row: &[Value], columns: &[Column]) {
    to.push(0);
    let start = to.len();
    to.resize(start + (row.len() + 9) / 8, 0);
    for (place, (value, column)) in row.iter().zip(columns).enumerate() {
        if value.is_null() {
            if let Some(byte) = to.get_mut(start + (place + 2) / 8) {
                *byte |= 1 << ((place + 2) % 8);
            }
            continue;
        }
        match column.kind {
            Kind::Integer | Kind::Unsigned => {
                // The lower bits of either are the same.
                let number = value.whole().unwrap_or_default() as i64;
                to.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Double => to.extend_from_slice(&value.double().unwrap_or_default().to_le_bytes()),
            Kind::Null | Kind::Decimal | Kind::Text(_) | Kind::Binary => to.put_lenenc_str(&value.bytes().unwrap_or_default()),
        }
    }
}
