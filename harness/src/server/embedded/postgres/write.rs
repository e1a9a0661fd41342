//! The messages of the server, written straight into the bytes for the client.
//!
//! Source: chapter "Message Formats" of PostgreSQL's documentation.

use super::error::{Problem, Stop};
use super::types::{Datum, Type};

/// The description of a column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Type,
}

/// Writes a message: its type, then what `body` writes, with the length before it.
pub(super) fn message(output: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    output.push(tag);
    sized(output, 4, body);
}

/// Writes a value of a row or a parameter.
pub(super) fn value(output: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    sized(output, 0, body);
}

/// A length, then what it counts, and as many bytes more.
fn sized(output: &mut Vec<u8>, more: usize, body: impl FnOnce(&mut Vec<u8>)) {
    let start = output.len();
    output.extend([0; 4]);
    body(output);
    let length = output.len().saturating_sub(start + 4).saturating_add(more);
    if let Some(place) = output.get_mut(start..start + 4) {
        place.copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

/// Writes text with the zero that ends it.
pub(super) fn text(output: &mut Vec<u8>, text: &str) {
    output.extend(text.bytes().filter(|byte| *byte != 0));
    output.push(0);
}

/// Writes a message without a body.
pub(super) fn bare(output: &mut Vec<u8>, tag: u8) {
    output.extend([tag, 0, 0, 0, 4]);
}

/// Writes an `Authentication` message of a kind, with what belongs to it.
pub(super) fn authentication(output: &mut Vec<u8>, kind: u32, data: &[u8]) {
    message(output, b'R', |body| {
        body.extend(kind.to_be_bytes());
        body.extend(data);
    });
}

/// Writes a `ParameterStatus`.
pub(super) fn parameter_status(output: &mut Vec<u8>, name: &str, value: &str) {
    message(output, b'S', |body| {
        text(body, name);
        text(body, value);
    });
}

/// Writes a `CommandComplete`.
pub(super) fn complete(output: &mut Vec<u8>, tag: &str) {
    message(output, b'C', |body| text(body, tag));
}

/// Writes an `ErrorResponse` or a `NoticeResponse`. `statement`: the text that the problem's offset is in.
pub(super) fn problem(output: &mut Vec<u8>, problem: &Problem, statement: &str) {
    let tag = if matches!(problem.severity, "ERROR" | "FATAL" | "PANIC") { b'E' } else { b'N' };
    message(output, tag, |body| {
        let mut field = |tag: u8, value: &str| {
            body.push(tag);
            text(body, value);
        };
        field(b'S', problem.severity);
        field(b'V', problem.severity);
        field(b'C', problem.code);
        field(b'M', &problem.message);
        if let Some(detail) = &problem.detail {
            field(b'D', detail);
        }
        if let Some(before) = problem.offset.and_then(|offset| statement.get(..offset)) {
            // Counted in characters, from 1.
            field(b'P', &(before.chars().count() + 1).to_string());
        }
        body.push(0);
    });
}

/// Writes a `RowDescription`. A column without a format is text; one format is for all columns.
pub(super) fn row_description(output: &mut Vec<u8>, fields: &[Field], formats: &[u16]) {
    message(output, b'T', |body| {
        body.extend(count(fields.len()));
        for (index, field) in fields.iter().enumerate() {
            text(body, &field.name);
            // Neither the table nor the column in it is told.
            body.extend([0; 6]);
            body.extend(field.kind.oid().to_be_bytes());
            body.extend(field.kind.size().to_be_bytes());
            body.extend(field.kind.modifier().to_be_bytes());
            body.extend(format_of(formats, index).to_be_bytes());
        }
    });
}

/// Writes a `ParameterDescription`.
pub(super) fn parameter_description(output: &mut Vec<u8>, parameters: &[Type]) {
    message(output, b't', |body| {
        body.extend(count(parameters.len()));
        body.extend(parameters.iter().flat_map(|kind| kind.oid().to_be_bytes()));
    });
}

/// The format that a list of formats says for a column or a parameter: 0 for text, 1 for binary.
pub(super) fn format_of(formats: &[u16], index: usize) -> u16 {
    let format = if formats.len() == 1 { formats.first() } else { formats.get(index) };
    format.copied().unwrap_or(0)
}

/// A number of columns or parameters.
pub(super) fn count(count: usize) -> [u8; 2] {
    u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes()
}

/// Writes a `DataRow`; if a value cannot be written, nothing.
pub(super) fn row(output: &mut Vec<u8>, row: &[Datum], fields: &[Field], formats: &[u16]) -> Result<(), Stop> {
    let start = output.len();
    let mut result = Ok(());
    message(output, b'D', |body| {
        body.extend(count(fields.len()));
        for (index, (datum, field)) in row.iter().zip(fields).enumerate() {
            if *datum == Datum::Null {
                body.extend((-1i32).to_be_bytes());
                continue;
            }
            value(body, |body| {
                if let Err(stop) = datum.write(field.kind, format_of(formats, index), body) {
                    result = Err(stop);
                }
            });
        }
    });
    if result.is_err() {
        output.truncate(start);
    }
    result
}
