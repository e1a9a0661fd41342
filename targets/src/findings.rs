//! The lines of the pools' sources that break a rule, as far as somebody has looked: what `docs/findings.md` tells, for certificates.

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
    /// The crate, and the place in it.
    at: (&'static str, &'static str),
}

const fn of(
    section: &'static str,
    pools: &'static [&'static str],
    rule: &'static str,
    shows: &'static str,
    at: (&'static str, &'static str),
) -> Finding {
    Finding { section, pools, rule, shows, at }
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
    of(R2D2, &["r2d2-"], "LIV-2", "", ("r2d2", "r2d2/src/config.rs:250")),
    of(R2D2, &["r2d2-"], "LIV-2", "", ("r2d2", "r2d2/src/lib.rs:192")),
    of(R2D2, &["r2d2-"], "LIV-4", "", ("r2d2", "r2d2/src/lib.rs:472")),
    of(R2D2, &["r2d2-"], "TXN-3", "", ("r2d2", "r2d2/src/lib.rs:489")),
    of(R2D2, &["r2d2-"], "TXN-4", "", ("r2d2", "r2d2/src/lib.rs:489")),
    of(R2D2, &["r2d2-"], "LIV-1", "has computed", ("parking_lot_core", "src/parking_lot.rs:324")),
    of(R2D2, &["r2d2-"], "LIV-1", "did not end in time", ("parking_lot", "src/raw_mutex.rs:305")),
    of(R2D2, &["r2d2-"], "LIV-3", "", ("parking_lot_core", "src/parking_lot.rs:324")),
    of(TOKIO, &["deadpool-postgres"], "LIV-1", "p0's", ("tokio", "tokio/src/io/poll_evented.rs:312")),
    of(TOKIO, ON_TOKIO, "LIV-1", "p1", ("tokio", "tokio/src/runtime/scheduler/current_thread/mod.rs:211")),
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
    of("`sqlx`", &["sqlx-"], "LIV-2", "p1's", ("sqlx-core", "sqlx-core/src/pool/connection.rs:208")),
    of("`mysql_async`", &["mysql-async"], "OWN-1", "COM_RESET_CONNECTION", ("mysql_async", "src/conn/pool/recycler.rs:109")),
    of("`mysql_async`", &["mysql-async"], "OWN-1", "COM_QUIT", ("mysql_async", "src/conn/mod.rs:454")),
];

const TERMINATE: (&str, &str) = ("tokio-postgres", "src/connection.rs:215");
const DEADPOOL: (&str, &str) = ("deadpool", "src/managed/pool.rs:137");

/// The lines that are known to break that rule in that pool as the evidence shows it; none where nobody has found one.
pub fn lines(pool: &str, rule: &str, evidence: &[String]) -> Vec<String> {
    let is_pool = |finding: &&Finding| {
        let begins = |start: &&str| {
            pool == *start || start.ends_with('-') && pool.starts_with(start) || pool.strip_suffix("-mt") == Some(start)
        };
        finding.pools.iter().any(begins) && (!pool.contains("-neutral") || finding.shows.is_empty())
    };
    let shown = |finding: &&Finding| finding.rule == rule && evidence.iter().any(|line| line.contains(finding.shows));
    let found = FINDINGS.iter().filter(is_pool).filter(shown);
    found.map(|Finding { at: (name, place), .. }| format!("{name}: {place}")).collect()
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
        let of = |pool: &str, line: &str| lines(pool, "OWN-1", &[line.to_owned()]);
        assert_eq!(of("mysql", "p1 wrote COM_PING, 5 bytes, on c0"), ["mysql: conn/pool/mod.rs:118"]);
        assert_eq!(of("mysql", "p1 wrote COM_QUIT, 5 bytes, on c0"), Vec::<String>::new());
        assert_eq!(of("mysql-async-mt", "p1 wrote COM_QUIT on c0"), ["mysql_async: src/conn/mod.rs:454"]);
        assert_eq!(of("reference", "p1 wrote COM_PING on c0"), Vec::<String>::new());
    }
}
