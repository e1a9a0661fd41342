//! The lines of the pools' sources that break a rule, as far as somebody has looked: what `docs/findings.md` tells, for certificates.

use poolproof::certificate::Counterexample;
use poolproof::interleaving::{Interleaving, Op, parse};

/// A line that breaks a rule.
#[derive(Debug)]
struct Finding {
    /// How the section of the document is headed, which a test looks for.
    #[cfg_attr(not(test), allow(dead_code))]
    section: &'static str,
    /// How the names of the pools begin.
    pools: &'static [&'static str],
    /// The rule.
    rule: &'static str,
    /// What stands in the evidence if it was this line; nothing where the rule alone tells.
    shows: &'static str,
    /// Whose step it was, if that tells.
    whose: Whose,
    /// The crate, and the place in it.
    at: (&'static str, &'static str),
}

/// Whose steps a line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// Anybody's.
    Any,
    /// Those of a process that opened a pool itself, as the first one always does.
    Openers,
    /// Those of a process that has no pool but what it inherited.
    Heirs,
}

const fn of(
    section: &'static str,
    pools: &'static [&'static str],
    rule: &'static str,
    shows: &'static str,
    at: (&'static str, &'static str),
) -> Finding {
    Finding { section, pools, rule, shows, whose: Whose::Any, at }
}

impl Finding {
    const fn by(self, whose: Whose) -> Self {
        Self { whose, ..self }
    }
}

const R2D2: &str = "`r2d2`";
const TOKIO: &str = "Every asynchronous pool";
const DEADPOOLS: &[&str] = &["deadpool-postgres", "deadpool-verified", "deadpool-clean"];
const ON_TOKIO: &[&str] = &["deadpool-", "bb8-", "mobc-", "sqlx-", "mysql-async"];

const NO_POOL: &str = "No pool";

const FINDINGS: &[Finding] = &[
    of(NO_POOL, &["no-pool"], "OWN-1", "Terminate", TERMINATE),
    of(NO_POOL, &["no-pool-mysql"], "OWN-1", "COM_QUIT", ("mysql", "conn/mod.rs:1495")),
    of(NO_POOL, &["no-pool"], "OWN-4", "", ("rand", "src/rngs/thread.rs:108")),
    of("`mysql::Pool`", &["mysql"], "OWN-1", "COM_RESET_CONNECTION", ("mysql", "conn/pool/mod.rs:230")),
    of("`mysql::Pool`", &["mysql"], "OWN-1", "COM_PING", ("mysql", "conn/pool/mod.rs:118")),
    of("`mysql::Pool`", &["mysql"], "LIV-2", "", ("mysql", "conn/pool/mod.rs:245")),
    of("`mysql::Pool`", &["mysql"], "LIV-1", "", ("mysql", "conn/pool/mod.rs:95")),
    of(R2D2, &["r2d2-postgres"], "OWN-1", "Query", ("r2d2_postgres", "r2d2_postgres/src/lib.rs:71")),
    of(R2D2, &["r2d2-postgres"], "OWN-1", "Terminate", TERMINATE),
    of(R2D2, &["r2d2-mysql"], "OWN-1", "COM_PING", ("r2d2_mysql", "r2d2_mysql/src/pool.rs:31")),
    of(R2D2, &["r2d2-"], "LIV-2", "", ("r2d2", "r2d2/src/config.rs:250")).by(Whose::Heirs),
    of(R2D2, &["r2d2-"], "LIV-2", "", ("r2d2", "r2d2/src/lib.rs:192")).by(Whose::Openers),
    of(R2D2, &["r2d2-"], "LIV-4", "", ("r2d2", "r2d2/src/lib.rs:472")),
    of(R2D2, &["r2d2-"], "TXN-3", "", ("r2d2", "r2d2/src/lib.rs:489")),
    of(R2D2, &["r2d2-"], "TXN-4", "", ("r2d2", "r2d2/src/lib.rs:489")),
    of(R2D2, &["r2d2-"], "LIV-1", "has computed", ("parking_lot_core", "src/parking_lot.rs:324")),
    of(R2D2, &["r2d2-"], "LIV-1", "did not end in time", ("parking_lot", "src/raw_mutex.rs:305")),
    of(R2D2, &["r2d2-"], "LIV-3", "", ("parking_lot_core", "src/parking_lot.rs:324")),
    of(TOKIO, &["deadpool-postgres"], "LIV-1", "", ("tokio", "tokio/src/io/poll_evented.rs:312")).by(Whose::Openers),
    of(TOKIO, ON_TOKIO, "LIV-1", "", ("tokio", "tokio/src/runtime/scheduler/current_thread/mod.rs:211")).by(Whose::Heirs),
    of(TOKIO, &["deadpool-postgres", "deadpool-verified"], "TXN-3", "", ("deadpool", "src/managed/pool.rs:455")),
    of(TOKIO, &["deadpool-postgres", "deadpool-verified"], "TXN-4", "", ("deadpool", "src/managed/pool.rs:455")),
    of(TOKIO, &["bb8-"], "TXN-3", "", ("bb8", "bb8/src/inner.rs:143")),
    of(TOKIO, &["bb8-"], "TXN-4", "", ("bb8", "bb8/src/inner.rs:143")),
    of(TOKIO, &["mobc-"], "TXN-3", "", ("mobc", "mobc/src/lib.rs:634")),
    of(TOKIO, &["mobc-"], "TXN-4", "", ("mobc", "mobc/src/lib.rs:634")),
    of(TOKIO, &["sqlx-"], "TXN-3", "", ("sqlx-core", "sqlx-core/src/pool/connection.rs:314")),
    of(TOKIO, &["sqlx-"], "TXN-4", "", ("sqlx-core", "sqlx-core/src/pool/connection.rs:314")),
    of(TOKIO, ON_TOKIO, "ISO-2", "", ("tokio", "tokio/src/runtime/io/driver.rs:354")),
    of(TOKIO, ON_TOKIO, "OWN-4", "", ("rand", "src/rngs/thread.rs:108")),
    of("`deadpool-postgres`", DEADPOOLS, "OWN-1", "", DEADPOOL),
    of(
        "`deadpool-postgres`",
        &["deadpool-verified", "deadpool-clean"],
        "OWN-1",
        "",
        ("deadpool-postgres", "deadpool-postgres/src/lib.rs:161"),
    ),
    of("`deadpool-postgres`", DEADPOOLS, "CAP-3", "", ("deadpool-postgres", "deadpool-postgres/src/lib.rs:311")),
    of("`bb8`", &["bb8-postgres"], "OWN-1", "Query", ("bb8-postgres", "bb8-postgres/src/lib.rs:66")),
    of("`bb8`", &["bb8-postgres"], "OWN-1", "Terminate", TERMINATE),
    of("`mobc`", &["mobc-postgres"], "OWN-1", "", ("mobc", "mobc/src/lib.rs:423")),
    of("`mobc`", &["mobc-"], "LIV-1", "", ("mobc", "mobc/src/time.rs:41")),
    of("`sqlx`", &["sqlx-"], "OWN-1", "Sync", ("sqlx-core", "sqlx-core/src/pool/connection.rs:314")),
    of("`sqlx`", &["sqlx-"], "OWN-1", "COM_PING", ("sqlx-core", "sqlx-core/src/pool/connection.rs:314")),
    of("`sqlx`", &["sqlx-"], "LIV-2", "", ("sqlx-core", "sqlx-core/src/pool/connection.rs:208")).by(Whose::Heirs),
    of("`mysql_async`", &["mysql-async"], "OWN-1", "COM_RESET_CONNECTION", ("mysql_async", "src/conn/pool/recycler.rs:109")),
    of("`mysql_async`", &["mysql-async"], "OWN-1", "COM_QUIT", ("mysql_async", "src/conn/mod.rs:454")),
];

const TERMINATE: (&str, &str) = ("tokio-postgres", "src/connection.rs:215");
const DEADPOOL: (&str, &str) = ("deadpool", "src/managed/pool.rs:137");

/// The lines that are known to break a rule in that pool as the failure shows it; none where nobody has found one.
pub fn lines(pool: &str, failure: &Counterexample) -> Vec<String> {
    let told = failure.evidence.iter().find(|told| told.rule == failure.rule);
    let interleaving = parse(&failure.interleaving).ok();
    known(pool, &failure.rule, told.map_or(&[], |told| &told.lines), interleaving.as_ref())
}

fn known(pool: &str, rule: &str, evidence: &[String], interleaving: Option<&Interleaving>) -> Vec<String> {
    let is_pool = |finding: &&Finding| {
        let begins = |start: &&str| {
            pool == *start || start.ends_with('-') && pool.starts_with(start) || pool.strip_suffix("-mt") == Some(start)
        };
        finding.pools.iter().any(begins) && (!pool.contains("-neutral") || finding.shows.is_empty())
    };
    let shown = |finding: &&Finding| finding.rule == rule && evidence.iter().any(|line| line.contains(finding.shows));
    let whose = whose(evidence, interleaving);
    let found = FINDINGS.iter().filter(is_pool).filter(shown);
    let found = found.filter(|finding| finding.whose == Whose::Any || whose.is_none_or(|whose| whose == finding.whose));
    found.map(|Finding { at: (name, place), .. }| format!("{name}: {place}")).collect()
}

/// Whose step the evidence names first: `p1.t2's step 4`.
fn whose(evidence: &[String], interleaving: Option<&Interleaving>) -> Option<Whose> {
    let before = evidence.iter().find_map(|line| line.split_once("'s step").map(|(before, _)| before))?;
    let process = before.rsplit(' ').next()?.split('.').next()?;
    let opens =
        interleaving?.steps.iter().any(|step| matches!(step.op, Op::Open(_)) && step.actor.process.to_string() == process);
    Some(if opens { Whose::Openers } else { Whose::Heirs })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../docs/findings.md");

    /// A section's points, each in one line.
    fn points(section: &str) -> Vec<String> {
        let all = PAGE.split("\n## ").find(|text| text.starts_with(section)).unwrap_or_default();
        all.split("\n- ").skip(1).map(|point| point.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn the_document_tells_of_each_line() {
        for Finding { section, rule, at: (_, place), .. } in FINDINGS {
            let told = points(section)
                .iter()
                .any(|point| point.split("**").nth(1).is_some_and(|rules| rules.contains(rule)) && point.contains(place));
            assert!(told, "{section}, {rule}: {place}");
        }
    }

    /// What the document explains by a line is in the table.
    #[test]
    fn each_line_of_the_document_is_known() {
        let mut explained = 0;
        for section in PAGE.split("\n## ").skip(1) {
            for point in points(section)
                .iter()
                .filter(|point| point.starts_with("**") && point.contains(".rs:") && !point.contains("inferred"))
            {
                let rules = point.split("**").nth(1).unwrap_or_default();
                for rule in rules.split([' ', ',']).filter(|word| word.contains('-')) {
                    let known = |finding: &Finding| {
                        finding.rule == rule && section.starts_with(finding.section) && point.contains(finding.at.1)
                    };
                    assert!(FINDINGS.iter().any(known), "{point}");
                    explained += 1;
                }
            }
        }
        assert!(explained > 12, "{explained}");
    }

    #[test]
    fn the_evidence_tells_which_line_it_was() {
        let of = |pool: &str, line: &str| known(pool, "OWN-1", &[line.to_owned()], None);
        assert_eq!(of("mysql", "p1 wrote COM_PING, 5 bytes, on c0"), ["mysql: conn/pool/mod.rs:118"]);
        assert_eq!(of("mysql", "p1 wrote COM_QUIT, 5 bytes, on c0"), Vec::<String>::new());
        assert_eq!(of("mysql-async-mt", "p1 wrote COM_QUIT on c0"), ["mysql_async: src/conn/mod.rs:454"]);
        assert_eq!(of("reference", "p1 wrote COM_PING on c0"), Vec::<String>::new());
    }
    /// A child that has no threads for new connections, and a place that nobody is told of, break the same rule.
    #[test]
    fn whose_step_it_was_tells_which_line_it_was() {
        let of = |line: &str, steps: &str| {
            let story = parse(&format!("pool max_size=1\npromise child-uses-pool\n{steps}")).expect("a story");
            known("r2d2-postgres", "LIV-2", &["room came free".to_owned(), line.to_owned()], Some(&story))
        };
        let (lacking, unwoken) = (["r2d2: r2d2/src/config.rs:250"], ["r2d2: r2d2/src/lib.rs:192"]);
        assert_eq!(of("p0.t1's step 3 (checkout b)", "p0 open"), unwoken);
        assert_eq!(of("p1's step 3 (checkout b) failed", "p0 open\np0 fork p1"), lacking);
        assert_eq!(of("p1's step 3 (checkout b) failed", "p0 open\np0 fork p1\np1 open"), unwoken);
    }
}
