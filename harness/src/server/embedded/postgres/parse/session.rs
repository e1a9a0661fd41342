//! Statements about transactions and settings.

use super::{Read, list};
use crate::server::embedded::postgres::statement::{Modes, Statement, Transaction};
use crate::server::embedded::sql::{Reader, Token, Unreadable};

/// Reads on after the first word of a statement that controls the transaction.
pub(super) fn transaction(reader: &mut Reader<'_>, first: &str) -> Read<Transaction> {
    let name = |reader: &mut Reader<'_>| reader.name().ok_or(Unreadable);
    Ok(match first {
        "start" => {
            reader.need_word("transaction")?;
            Transaction::Begin { modes: modes(reader)?, tag: "START TRANSACTION" }
        }
        "begin" => {
            let _ = reader.one_of(&["work", "transaction"]);
            Transaction::Begin { modes: modes(reader)?, tag: "BEGIN" }
        }
        "savepoint" => Transaction::Savepoint(name(reader)?),
        "release" => {
            let _ = reader.word("savepoint");
            Transaction::Release(name(reader)?)
        }
        _ => {
            let _ = reader.one_of(&["work", "transaction"]);
            if first == "rollback" && reader.word("to") {
                let _ = reader.word("savepoint");
                return Ok(Transaction::RollbackTo(name(reader)?));
            }
            // AND CHAIN, which begins another one at once, is left unread.
            let _ = reader.words(&["and", "no", "chain"]);
            if matches!(first, "commit" | "end") { Transaction::Commit } else { Transaction::Rollback }
        }
    })
}

fn modes(reader: &mut Reader<'_>) -> Read<Modes> {
    const MODES: &[(&[&str], &str, &str)] = &[
        (&["isolation", "level", "serializable"], "transaction_isolation", "serializable"),
        (&["isolation", "level", "repeatable", "read"], "transaction_isolation", "repeatable read"),
        (&["isolation", "level", "read", "committed"], "transaction_isolation", "read committed"),
        (&["isolation", "level", "read", "uncommitted"], "transaction_isolation", "read uncommitted"),
        (&["read", "only"], "transaction_read_only", "on"),
        (&["read", "write"], "transaction_read_only", "off"),
        (&["not", "deferrable"], "transaction_deferrable", "off"),
        (&["deferrable"], "transaction_deferrable", "on"),
    ];
    let mut modes = Modes::new();
    while let Some((_, name, value)) = MODES.iter().find(|(words, _, _)| reader.words(words)) {
        modes.push((name, value));
        if modes.len() > MODES.len() || (reader.symbol(",") && reader.is_at_end()) {
            return Err(Unreadable);
        }
    }
    Ok(modes)
}

/// Reads on after SET.
pub(super) fn set(reader: &mut Reader<'_>) -> Read<Statement> {
    if reader.words(&["session", "characteristics", "as", "transaction"]) {
        return Ok(Statement::SetTransaction { modes: modes(reader)?, session: true });
    }
    if reader.word("transaction") {
        return Ok(Statement::SetTransaction { modes: modes(reader)?, session: false });
    }
    // SESSION may be said twice: how long it holds, and what is set.
    if reader.words(&["session", "authorization", "default"]) || reader.words(&["session", "session", "authorization", "default"])
    {
        return Ok(Statement::Set { name: "session_authorization".to_owned(), value: None, local: false });
    }
    let local = reader.one_of(&["local", "session"]) == Some("local");
    if reader.words(&["role", "none"]) {
        return Ok(Statement::Set { name: "role".to_owned(), value: None, local });
    }
    let name = if reader.words(&["time", "zone"]) {
        "timezone".to_owned()
    } else if reader.word("names") {
        "client_encoding".to_owned()
    } else {
        let name = setting(reader)?;
        if !reader.symbol("=") {
            reader.need_word("to")?;
        }
        name
    };
    if reader.word("default") || (name == "timezone" && reader.word("local")) {
        return Ok(Statement::Set { name, value: None, local });
    }
    let is_list = name == "search_path";
    let values = list(reader, |reader| value(reader, is_list))?;
    if values.len() > 1 && !is_list && !name.eq_ignore_ascii_case("datestyle") {
        return Err(Unreadable);
    }
    Ok(Statement::Set { name, value: Some(values.join(", ")), local })
}

/// A value of a setting. In a list of names those are quoted that need it.
fn value(reader: &mut Reader<'_>, is_list: bool) -> Read<String> {
    let sign = if reader.symbol("-") { "-" } else { "" };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let value = match reader.peek() {
        Token::Text(text) if is_list && !is_plain(text) => format!("\"{}\"", text.replace('"', "\"\"")),
        Token::Text(text) => text.clone().into_owned(),
        Token::Number(digits) => format!("{sign}{digits}"),
        Token::Name(name) if is_list && !is_plain(name) => format!("\"{}\"", name.replace('"', "\"\"")),
        Token::Word(_) | Token::Name(_) if sign.is_empty() => return reader.name().ok_or(Unreadable),
        _ => return Err(Unreadable),
    };
    reader.take();
    Ok(value)
}

/// The name of a setting: words with dots between them.
fn setting(reader: &mut Reader<'_>) -> Read<String> {
    let mut name = reader.name().ok_or(Unreadable)?;
    while reader.symbol(".") {
        name.push('.');
        name.push_str(&reader.name().ok_or(Unreadable)?);
    }
    Ok(name)
}

/// Reads the name of a setting, or ALL.
pub(super) fn setting_or_all(reader: &mut Reader<'_>) -> Read<Option<String>> {
    const LONG: &[(&[&str], &str)] = &[
        (&["time", "zone"], "timezone"),
        (&["transaction", "isolation", "level"], "transaction_isolation"),
        (&["session", "authorization"], "session_authorization"),
    ];
    if reader.word("all") {
        return Ok(None);
    }
    match LONG.iter().find(|(words, _)| reader.words(words)) {
        Some((_, name)) => Ok(Some((*name).to_owned())),
        None => setting(reader).map(Some),
    }
}
