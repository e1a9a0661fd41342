//! What people see and paste, and what is behind it: one table for `poolproof explain` and for `docs/symptoms.md`.
//!
//! It knows messages and words, and nothing of how anything is measured.

mod errors;
mod page;
mod silent;
mod words;

pub use page::page;

/// Something that is seen.
#[derive(Clone, Copy, Debug)]
pub struct Symptom {
    /// Its name, which is its heading too.
    pub name: &'static str,
    /// Messages as programs, drivers and servers print them; or, where nobody says anything, what one notices.
    pub messages: &'static [&'static str],
    /// What gives it away in any text, as plain words; `*` stands for whatever is between.
    pub signs: &'static [&'static str],
    /// What the words mean.
    pub meaning: &'static str,
    /// How it comes about.
    pub cause: &'static str,
    /// The rules that it breaks; the first one is the cause.
    pub rules: &'static [&'static str],
    /// What to do.
    pub cures: &'static [Cure],
    /// Where it can be seen.
    pub shown: Shown,
}

/// Something that one can do.
#[derive(Clone, Copy, Debug)]
pub struct Cure {
    /// What.
    pub what: &'static str,
    /// How it was measured here; `None`: it was not.
    pub measured: Option<&'static str>,
}

/// Where a symptom can be seen.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The file of `harness/scenarios`, without its ending.
    pub scenario: &'static str,
    /// The pool that shows it; `None`: no pool of this project has the failure.
    pub pool: Option<&'static str>,
}

impl Shown {
    /// The command that shows it.
    pub fn command(&self) -> String {
        let Self { scenario, pool } = self;
        format!("poolproof replay harness/scenarios/{scenario}.interleaving --pool {}", pool.unwrap_or("POOL"))
    }
}

/// Every symptom.
pub fn all() -> impl Iterator<Item = &'static Symptom> {
    errors::ALL.iter().chain(silent::ALL)
}

/// The symptoms that a text shows, the one of which it shows most first.
pub fn find(text: &str) -> Vec<&'static Symptom> {
    let text = words::plain(text);
    let weight = |symptom: &Symptom| symptom.signs.iter().filter_map(|sign| words::weight(sign, &text)).max();
    let mut found: Vec<_> = all().filter_map(|symptom| Some((weight(symptom)?, symptom))).collect();
    // Of equals the one that stands first in the table.
    found.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    found.into_iter().map(|(_, symptom)| symptom).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolproof::rules;

    fn first(text: &str) -> &'static str {
        find(text).first().map_or("nothing", |symptom| symptom.name)
    }

    #[test]
    fn every_message_leads_to_its_symptom_first() {
        for symptom in all() {
            for message in symptom.messages {
                assert_eq!(first(message), symptom.name, "{message}");
            }
        }
        assert!(all().map(|symptom| symptom.messages.len()).sum::<usize>() >= 40);
    }

    /// As they stand in the reports, and as they come with other numbers, names, quotes and words around them.
    #[test]
    fn messages_are_known_in_other_dress() {
        for (text, name) in [
            (
                "OperationalError: (psycopg2.OperationalError) server closed the connection unexpectedly\n\tThis probably means",
                "goodbye",
            ),
            ("SSL ERROR: Decryption failed or bad record MAC", "tls"),
            ("sqlalchemy.exc.OperationalError: (2014, ‘Commands out of sync; you can’t run this command now’)", "interleaved"),
            ("FATAL:  no more connections allowed (max_client_conn)", "limit"),
            ("ERROR 1040 (HY000): Too many connections", "limit"),
            ("FATAL: sorry, too many clients already", "limit"),
            ("error with status PGRES_TUPLES_OK and no message from the libpq", "interleaved"),
            ("lost synchronization with server: got message type \"\\x54\", length 1852", "interleaved"),
            ("psycopg.errors.DuplicatePreparedStatement: prepared statement \"_pg3_12\" already exists", "statement"),
            ("ERROR:  prepared statement \"pdo_stmt_a\" does not exist", "statement"),
            ("Packet sequence number wrong - got 45 expected 2", "interleaved"),
            (
                "QueuePool limit of size 20 overflow 0 reached, connection timed out, timeout 5 (Background on this error)",
                "capacity",
            ),
            ("Connection record belongs to pid 90210, attempting to check out in pid 4", "guard"),
            ("write unix @->/run/x/.s.PGSQL.5432: write: broken pipe", "goodbye"),
            ("WARNING:  there is no transaction in progress", "vanished"),
            ("InvalidRequestError: Session is already flushing", "two threads"),
        ] {
            let found = first(text);
            assert!(found.contains(name), "{text}: '{found}' and not '{name}'");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for text in ["", "relation \"users\" does not exist", "2014", "Segmentation fault", "timeout", "connection", "*"] {
            assert_eq!(first(text), "nothing", "{text}");
        }
    }

    #[test]
    fn of_several_the_one_that_says_most_comes_first() {
        let found = find("Broken pipe. Before that: SSL error: decryption failed or bad record mac");
        let names: Vec<&str> = found.iter().map(|symptom| symptom.name).collect();
        assert!(names.len() == 2 && names[0].contains("tls"), "{names:?}");
    }

    /// A rule, a scenario or a pool that is renamed must not leave a dead end here.
    #[test]
    fn every_symptom_leads_to_what_there_is() {
        for Symptom { name, messages, signs, rules, cures, shown, .. } in all().copied() {
            assert!(!messages.is_empty() && !signs.is_empty() && !rules.is_empty() && !cures.is_empty(), "{name}");
            assert!(rules.iter().all(|id| rules::find(id).is_some()), "{name}: {rules:?}");
            assert!(poolproof::generate::scenarios::all().iter().any(|known| known.file == shown.scenario), "{name}");
            assert!(shown.pool.is_none_or(|pool| crate::all().iter().any(|target| target.name() == pool)), "{name}");
        }
    }
}
