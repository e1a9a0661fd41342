//! What encryption betrays: two who write by one key garble each other's records, and whoever reads one says so.

use std::collections::BTreeSet;

use crate::history::{Event, SessionId};
use crate::rules::facts::Facts;
use crate::rules::own;
use crate::verdict::Evidence;

/// How OpenSSL, rustls and SChannel call a record that fails its check, written without blanks and signs.
const COMPLAINTS: [&str; 4] = ["badrecordmac", "decryptionfailed", "cannotdecryptpeersmessage", "decrypterror"];

/// What of the words of an error, and of the server's about these sessions, tells of a garbled record; with the session's name, if it
/// is one.
pub(super) fn garbled(facts: &Facts, used: &BTreeSet<SessionId>, words: &str) -> Vec<String> {
    let names: Vec<String> = used.iter().map(|id| owned(facts, *id)).collect();
    let complains = is_about_a_record(words) && !names.is_empty();
    let own = complains.then(|| format!("a record was garbled on {}: two have written by one key", names.join(", ")));
    let servers = facts.events.iter().filter_map(|event| match event {
        Event::Undecipherable { session, words } if used.contains(session) => Some(said(facts, *session, words)),
        _ => None,
    });
    own.into_iter().chain(servers).collect()
}

/// The sessions that somebody inherited and of which the server says that it cannot decrypt them.
pub(super) fn written_by_others(facts: &Facts) -> Vec<Evidence> {
    let garbled = facts.events.iter().enumerate().filter_map(|(at, event)| match event {
        Event::Undecipherable { session, words } => Some((at, *session, words)),
        _ => None,
    });
    let inherited = |id: &SessionId| {
        let session = facts.sessions.get(id);
        session.is_some_and(|session| facts.lives.keys().any(|process| own::inherits(facts, *process, session)))
    };
    let evidence = |(at, id, words): (usize, SessionId, &String)| Evidence {
        at,
        sentence: format!("somebody else has written by the key of {}", owned(facts, id)),
        details: vec![said(facts, id, words)],
    };
    garbled.filter(|(_, id, _)| inherited(id)).map(evidence).collect()
}

fn said(facts: &Facts, id: SessionId, words: &str) -> String {
    format!("the server says of {}: {words}", owned(facts, id))
}

fn owned(facts: &Facts, id: SessionId) -> String {
    facts.sessions.get(&id).map_or_else(|| id.to_string(), |session| format!("{id}, opened by {}", session.owner))
}

/// Somebody says that a record failed its check.
fn is_about_a_record(words: &str) -> bool {
    let letters: String = words.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect();
    COMPLAINTS.iter().any(|complaint| letters.contains(complaint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_complains_in_its_own_words() {
        for words in [
            "SSL error: decryption failed or bad record mac",
            "received fatal alert: BadRecordMac",
            "IoError { cannot decrypt peer's message }",
            "ssl.SSLError: [SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]",
        ] {
            assert!(is_about_a_record(words), "{words}");
        }
        assert!(!is_about_a_record("server closed the connection unexpectedly"));
    }
}
