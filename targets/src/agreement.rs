//! What may differ between an embedded server and a real one: `accepted-differences.json`, and whether something is in it.

use poolproof::certify::Causes;
use poolproof::trouble::Trouble;
use poolproof::{Database, interleaving, rules};
use serde::Deserialize;

const FILE: &str = include_str!("../accepted-differences.json");
/// More would be a habit.
const MOST: usize = 10;

/// The accepted differences.
#[derive(Debug)]
pub struct Agreement {
    accepted: Vec<Accepted>,
}

/// A rule that a pool may break on a real server and not on the embedded one, or the other way round.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    rule: String,
    pool: String,
    /// The real server's product, without its version.
    server: String,
    /// Why that says nothing against the embedded server, and an interleaving that shows it.
    reason: String,
    interleaving: String,
}

impl Agreement {
    /// The file that poolproof was built with.
    ///
    /// # Errors
    /// A bug of poolproof: the file is wrong.
    pub fn built_in() -> Result<Self, Trouble> {
        Self::parse(FILE).map_err(|cause| Trouble::Bug(format!("accepted-differences.json: {cause}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let accepted: Vec<Accepted> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if accepted.len() > MOST {
            return Err(format!("{} differences are accepted; at most {MOST} may be", accepted.len()));
        }
        for (nth, one) in accepted.iter().enumerate() {
            one.check().map_err(|cause| format!("entry {}: {cause}", nth + 1))?;
        }
        Ok(Self { accepted })
    }

    /// Without what is known to depend on the server, nothing was seen on one of the two that could contradict the other. `product` is
    /// the real server's name and version.
    pub fn accepts(&self, pool: &str, product: &str, causes: &Causes) -> bool {
        let known = |rule: &str| self.accepted.iter().any(|one| one.rule == rule && one.pool == pool && one.is_of(product));
        causes.iter().any(|seen| seen.iter().all(|cause| cause.is_some_and(known)))
    }
}

impl Accepted {
    fn check(&self) -> Result<(), String> {
        let Self { rule, pool, server, reason, interleaving } = self;
        rules::find(rule).ok_or_else(|| format!("there is no rule '{rule}'"))?;
        let known = crate::all();
        let target = known.iter().find(|target| target.name() == pool).ok_or_else(|| format!("there is no pool '{pool}'"))?;
        if !products(target.database()).contains(&server.as_str()) {
            return Err(format!("'{server}' is no server that {pool} speaks to"));
        }
        if reason.trim().is_empty() {
            return Err("there is no reason".to_owned());
        }
        interleaving::parse(interleaving).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn is_of(&self, product: &str) -> bool {
        product.strip_prefix(&self.server).is_some_and(|version| version.is_empty() || version.starts_with(' '))
    }
}

/// What real servers call themselves.
fn products(database: Database) -> &'static [&'static str] {
    match database {
        Database::Postgres => &["PostgreSQL"],
        Database::MySql => &["MySQL", "MariaDB", "Percona Server"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn entry() -> Value {
        json!({ "rule": "LIV-1", "pool": "mysql", "server": "MariaDB", "reason": "luck", "interleaving": "p0 open\n" })
    }

    fn with(key: &str, value: &str) -> Value {
        let mut entry = entry();
        entry[key] = value.into();
        entry
    }

    fn parsed(entries: &[Value]) -> Result<Agreement, String> {
        Agreement::parse(&Value::from(entries).to_string())
    }

    #[test]
    fn the_file_is_sound() {
        Agreement::built_in().expect("a file that can be read");
    }

    #[test]
    fn an_entry_has_exactly_its_five_keys() {
        parsed(&[entry()]).expect("valid");
        let error = parsed(&[with("since", "today")]).expect_err("a key too many");
        assert!(error.contains("since"), "{error}");
        for key in ["rule", "pool", "server", "reason", "interleaving"] {
            let mut short = entry();
            short.as_object_mut().expect("an object").remove(key);
            let error = parsed(&[short]).expect_err("a key too few");
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn an_entry_speaks_of_what_is_known() {
        for (key, value) in [
            ("rule", "LIV-9"),
            ("pool", "mysqk"),
            ("server", "PostgreSQL"),
            ("server", "Maria"),
            ("reason", " "),
            ("interleaving", "p0 opn\n"),
        ] {
            let error = parsed(&[entry(), with(key, value)]).expect_err(value);
            assert!(error.starts_with("entry 2: "), "{error}");
        }
    }

    #[test]
    fn at_most_ten_are_accepted() {
        parsed(&vec![entry(); 10]).expect("ten");
        assert!(parsed(&vec![entry(); 11]).is_err());
    }

    #[test]
    fn only_this_rule_of_this_pool_on_this_server_is_accepted() {
        let agreement = parsed(&[entry()]).expect("valid");
        let accepts = |pool, product, one: &[Option<&'static str>], other: &[Option<&'static str>]| {
            agreement.accepts(pool, product, &[one.iter().copied().collect(), other.iter().copied().collect()])
        };
        let (known, none, other) = ([Some("LIV-1")], [None], [Some("OWN-1")]);
        assert!(accepts("mysql", "MariaDB 10.11.14", &known, &none));
        assert!(accepts("mysql", "MariaDB 10.11.14", &none, &known));
        assert!(!accepts("mysql", "MySQL 9.7.0", &known, &none));
        assert!(!accepts("mysql", "MariaDBx 1", &known, &none));
        assert!(!accepts("r2d2-mysql", "MariaDB 10.11.14", &known, &none));
        assert!(!accepts("mysql", "MariaDB 10.11.14", &other, &none));
        // Something else was seen in one place, and its absence in the other.
        assert!(!accepts("mysql", "MariaDB 10.11.14", &[Some("LIV-1"), Some("OWN-1")], &none));
        // Whoever spins never comes to what the other one breaks.
        assert!(accepts("mysql", "MariaDB 10.11.14", &known, &other));
    }
}
