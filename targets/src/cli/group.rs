//! What certificates say of the pools of a group: a table for each promise, with a row for each kind of pool and a column for each driver.

use std::fmt::Write;

use poolproof::Promise;
use poolproof::certificate::Certificate;

use super::matrix;
use super::page::{self, Block};

/// The page.
pub(super) fn of(certificates: &[Certificate]) -> String {
    let mut text = HEAD.to_owned();
    let columns = once(certificates.iter().map(|certificate| parts(certificate).1));
    let rows = once(certificates.iter().map(|certificate| parts(certificate).0));
    let looked = |promise: &Promise| matrix::chapters(certificates).any(|(_, chapter)| chapter.terms() == Some(*promise));
    for promise in Promise::ALL.into_iter().filter(looked) {
        let heads: String = columns.iter().map(|driver| format!(" {driver} |")).collect();
        let _ = write!(text, "\n## `{promise}`\n\n{}.\n\n", promise.sentence());
        let _ = writeln!(text, "| pool |{heads}\n| --- |{}", " --- |".repeat(columns.len()));
        for kind in &rows {
            let cells: String =
                columns.iter().map(|driver| format!(" {} |", cell(certificates, (*kind, *driver), promise))).collect();
            let _ = writeln!(text, "| `{kind}` |{cells}");
        }
    }
    let broken = [Block::Heading("What was broken".to_owned()), matrix::failures(certificates)];
    format!("{text}\n{}", page::as_markdown(&broken))
}

const HEAD: &str = "# Pools of a group, by promise and driver\n\n\
    Written by `poolproof certify --group`, and by nobody else.\n\n\
    - ✓ no MUST was broken in the interleavings that were executed: no proof; a SHOULD that was stands beside it\n\
    - ✗ these rules were broken; the last table says how often in replays, and what shows it\n\
    - ? nothing follows: the cell says why\n";

/// The kind of pool and its driver: `sqlalchemy-KIND-DRIVER`, or a driver's own pool.
fn parts(certificate: &Certificate) -> (&str, &str) {
    let name = certificate.pool.name.as_str();
    let parts = name.strip_prefix("sqlalchemy-").and_then(|rest| rest.rsplit_once('-'));
    parts.unwrap_or((name, name.split('-').next().unwrap_or(name)))
}

fn cell(certificates: &[Certificate], place: (&str, &str), promise: Promise) -> String {
    let certificate = certificates.iter().find(|certificate| parts(certificate) == place);
    certificate.map_or_else(String::new, |certificate| matrix::cell(certificate, promise))
}

/// Each once, in the order of their first appearance.
fn once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut once: Vec<&str> = Vec::new();
    names.for_each(|name| {
        if !once.contains(&name) {
            once.push(name);
        }
    });
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_kind_and_a_column_a_driver() {
        let json = include_str!("../../../harness/src/certificate/tests/every.json");
        let names = [
            "sqlalchemy-queuepool-psycopg2",
            "sqlalchemy-queuepool-pymysql",
            "sqlalchemy-guard-of-then-psycopg2",
            "psycopg-pool",
        ];
        let certificates = names.map(|name| {
            let mut certificate = Certificate::from_json(json).expect("a certificate");
            certificate.pool.name = name.to_owned();
            certificate
        });
        let page = of(&certificates);
        let (_, table) = page.split_once("\n## `anything`\n").expect("a promise that the certificates have");
        let lines: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).take(5).collect();
        let expected = [
            "| pool | psycopg2 | pymysql | psycopg |",
            "| --- | --- | --- | --- |",
            "| `queuepool` | ✗ OWN-1 | ✗ OWN-1 |  |",
            "| `guard-of-then` | ✗ OWN-1 |  |  |",
            "| `psycopg-pool` |  |  | ✗ OWN-1 |",
        ];
        assert_eq!(lines, expected);
        assert!(page.contains("## What was broken") && page.contains("20 of 20"), "{page}");
    }
}
