//! `poolproof matrix`: what certificates say of many pools, side by side, as a page for a repository.

use std::fmt::Write;

use poolproof::certificate::markdown::cell as plain;
use poolproof::certificate::{Certificate, Chapter, Conclusion, Counterexample};
use poolproof::rules::{self, Level};
use poolproof::{Promise, corpus};
use poolproof_targets::findings;

use super::args::Matrix;
use super::exit::{Code, Stop};
use super::screen::Screen;

/// Reads the certificates, and prints the page.
pub(crate) fn run(wanted: &Matrix, screen: &mut Screen) -> Result<Code, Stop> {
    let mut certificates = Vec::new();
    for directory in &wanted.directories {
        certificates.extend(corpus::certificates(directory)?);
    }
    if certificates.is_empty() {
        return Err(Stop::usage("there is no certificate in these directories").hint("`poolproof certify --out DIR` leaves some"));
    }
    screen.say(&page(&certificates))?;
    Ok(Code::Passed)
}

pub(super) fn page(certificates: &[Certificate]) -> String {
    format!("{HEAD}{}{}{}{}", table(certificates), failures(certificates), advice(certificates), origin(certificates))
}

const HEAD: &str = "# Pools, databases and promises\n\n\
    Written by `poolproof matrix` from certificates, and by nobody else. A column is what the application promises around a fork \
    (`poolproof certify --help` says it in a sentence); a row is a pool on a server.\n\n\
    - ✓ no MUST was broken in the interleavings that were executed: no proof; a SHOULD that was stands beside it\n\
    - ✗ these rules were broken, and each failure was replayed\n\
    - ? nothing follows: the cell says why\n\n";

/// What was found under each promise.
pub(super) fn chapters(certificates: &[Certificate]) -> impl Iterator<Item = (&Certificate, &Chapter)> {
    certificates.iter().flat_map(|certificate| certificate.promises.iter().map(move |chapter| (certificate, chapter)))
}

/// A row for each certificate, a column for each promise that one of them looked at.
pub(super) fn table(certificates: &[Certificate]) -> String {
    let looked = |promise: &Promise| chapters(certificates).any(|(_, chapter)| chapter.terms() == Some(*promise));
    let promises: Vec<Promise> = Promise::ALL.into_iter().filter(looked).collect();
    let heads: String = promises.iter().map(|promise| format!(" `{promise}` |")).collect();
    let mut text = format!("| pool | server |{heads}\n| --- | --- |{}\n", " --- |".repeat(promises.len()));
    for certificate in certificates {
        let cells: String = promises.iter().map(|promise| format!(" {} |", cell(certificate, *promise))).collect();
        let pool = &certificate.pool;
        let code = pool.code_of.as_ref().map_or_else(String::new, |other| format!(" (code of `{other}`)"));
        let _ = writeln!(text, "| `{}`{code} | {} |{cells}", pool.name, plain(&certificate.server.product));
    }
    text
}

pub(super) fn cell(certificate: &Certificate, promise: Promise) -> String {
    let Some(chapter) = certificate.promises.iter().find(|chapter| chapter.terms() == Some(promise)) else {
        return "? not looked at".to_owned();
    };
    match chapter.conclusion() {
        Conclusion::Passed => "✓".to_owned(),
        Conclusion::Broken(rules, false) => format!("✓ but {}", rules.join(" ")),
        Conclusion::Broken(rules, true) => format!("✗ {}", rules.join(" ")),
        open => format!("? {}", plain(&open.words())),
    }
}

fn certain(chapter: &Chapter) -> impl Iterator<Item = &Counterexample> {
    chapter.failures.iter().filter(|failure| failure.certain)
}

/// Each broken rule with what shows it, and the line that does it.
pub(super) fn failures(certificates: &[Certificate]) -> String {
    let mut text = "\n## What was broken\n\n| pool | promise | rule | what shows it | replayed | in the source |\n\
                    | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for (certificate, chapter) in chapters(certificates) {
        for failure in certain(chapter) {
            let evidence = failure.evidence.iter().find(|told| told.rule == failure.rule).map_or(&[][..], |told| &told.lines);
            let shows = evidence.first();
            // What is known today may be more than when the certificate was made.
            let today = findings::lines(&certificate.pool.name, &failure.rule, evidence);
            let lines = if today.is_empty() { &failure.source } else { &today };
            let source = match lines.as_slice() {
                [] => "*unexplained*".to_owned(),
                lines => lines.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", "),
            };
            let _ = writeln!(
                text,
                "| `{}` on {} | `{}` | {} | {} | {} of {} | {source} |",
                certificate.pool.name,
                plain(&certificate.server.product),
                chapter.promise,
                failure.rule,
                plain(shows.map_or("", String::as_str)),
                failure.replayed,
                failure.replays,
            );
        }
    }
    text
}

/// What to do to be safe, in a sentence. What breaks without any fork no promise about forks can mend.
fn advice(certificates: &[Certificate]) -> String {
    let mut text = "\n## What to do to be safe\n\n".to_owned();
    for certificate in certificates {
        let always = certificate.promises.iter().find(|chapter| chapter.terms() == Some(Promise::ThreadsOnly));
        let always: Vec<&str> = always.map_or_else(Vec::new, |chapter| musts(chapter).collect());
        let adds_nothing = |chapter: &Chapter| {
            let mut broken = musts(chapter).peekable();
            let is_sure = chapter.failures.iter().all(|failure| failure.certain);
            is_sure && broken.peek().is_some() && broken.all(|rule| always.contains(&rule))
        };
        let is_kept = |promise: &Promise| {
            let chapter = certificate.promises.iter().find(|chapter| chapter.terms() == Some(*promise));
            certificate.is_safe_under(*promise) == Some(true) || chapter.is_some_and(adds_nothing)
        };
        let kept: Vec<Promise> = Promise::ALL.into_iter().filter(is_kept).collect();
        // What a weaker promise includes need not be said.
        let weakest = kept.iter().filter(|promise| !kept.iter().any(|other| other.below().contains(promise)));
        let ways: Vec<String> = weakest.map(|promise| promise.sentence().to_owned()).collect();
        let ways = if ways.is_empty() { "nothing that was tried".to_owned() } else { ways.join("; or: ") };
        let (pool, server) = (&certificate.pool.name, plain(&certificate.server.product));
        let _ = match always.as_slice() {
            [] => writeln!(text, "- `{pool}` on {server}: {ways}."),
            rules => {
                let rules = rules.join(" and ");
                writeln!(
                    text,
                    "- `{pool}` on {server}: {rules} breaks without any fork. Nothing more breaks where this is promised: {ways}."
                )
            }
        };
    }
    text
}

/// The MUST that were broken.
fn musts(chapter: &Chapter) -> impl Iterator<Item = &str> {
    let is_must = |failure: &&Counterexample| rules::find(&failure.rule).is_some_and(|rule| rule.level == Level::Must);
    certain(chapter).filter(is_must).map(|failure| failure.rule.as_str())
}

fn origin(certificates: &[Certificate]) -> String {
    let mut text = "\n## Where it comes from\n\n| pool | code | server | interleavings | made | again |\n\
                    | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for certificate in certificates {
        let Certificate { pool, server, made, promises, again, .. } = certificate;
        let all: u64 = promises.iter().map(|chapter| chapter.interleavings).sum();
        let (versions, product) = (plain(&pool.versions.join(", ")), plain(&server.product));
        let _ = writeln!(text, "| `{}` | {versions} | {product} | {all} | {} | `{again}` |", pool.name, made.on);
    }
    text
}
