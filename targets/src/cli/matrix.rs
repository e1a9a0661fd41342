//! `poolproof matrix`: what certificates say of many pools, side by side, as a page for a repository or a browser.

use poolproof::certificate::{Certificate, Chapter, Conclusion, Counterexample};
use poolproof::rules::{self, Level};
use poolproof::{Promise, corpus};
use poolproof_targets::findings;

use super::args::Matrix;
use super::exit::{Code, Stop};
use super::page::{self, Block, Line, Span, code, text};
use super::screen::Screen;

const LEAVES_SOME: &str = "name what `poolproof certify --out DIR` has left: a directory with one for each pool";

/// Reads the certificates, and prints the page.
pub(crate) fn run(wanted: &Matrix, screen: &mut Screen) -> Result<Code, Stop> {
    let mut certificates = Vec::new();
    for directory in &wanted.directories {
        if !directory.is_dir() {
            return Err(Stop::usage(format!("{}: there is no such directory", directory.display())).hint(LEAVES_SOME));
        }
        certificates.extend(corpus::certificates(directory)?);
    }
    if certificates.is_empty() {
        return Err(Stop::usage("there is no certificate in these directories").hint(LEAVES_SOME));
    }
    let blocks = blocks(&certificates);
    screen.say(&if wanted.html { page::as_html(&blocks) } else { page::as_markdown(&blocks) })?;
    Ok(Code::Passed)
}

/// The whole page.
pub(super) fn blocks(certificates: &[Certificate]) -> Vec<Block> {
    let mut blocks = head();
    blocks.push(table(certificates));
    blocks.push(Block::Heading("What was broken".to_owned()));
    blocks.push(failures(certificates));
    blocks.push(Block::Heading("What to do to be safe".to_owned()));
    blocks.push(Block::List(certificates.iter().map(advice).collect()));
    blocks.push(Block::Heading("Where it comes from".to_owned()));
    blocks.push(origin(certificates));
    blocks
}

fn head() -> Vec<Block> {
    let what = "Written from certificates, and by nobody else. A column is what the application promises around a fork (";
    let rest = " says it in a sentence); a row is a pool on a server. A row with 'code of' runs the code of another pool, with another \
                driver, runtime, database or setting.";
    let signs = [
        "✓ no MUST was broken in the interleavings that were executed: no proof; a SHOULD that was stands beside it",
        "✗ these rules were broken, and each failure was replayed",
        "? nothing follows: the cell says why",
    ];
    vec![
        Block::Title("Pools, databases and promises".to_owned()),
        Block::Text(vec![text(what), code("poolproof certify --help"), text(rest)]),
        Block::List(signs.map(|sign| vec![text(sign)]).into()),
    ]
}

/// What was found under each promise.
pub(super) fn chapters(certificates: &[Certificate]) -> impl Iterator<Item = (&Certificate, &Chapter)> {
    certificates.iter().flat_map(|certificate| certificate.promises.iter().map(move |chapter| (certificate, chapter)))
}

/// A row for each certificate, a column for each promise that one of them looked at.
pub(super) fn table(certificates: &[Certificate]) -> Block {
    let looked = |promise: &Promise| chapters(certificates).any(|(_, chapter)| chapter.terms() == Some(*promise));
    let promises: Vec<Promise> = Promise::ALL.into_iter().filter(looked).collect();
    let named = ["pool", "server"].map(|head| vec![text(head)]);
    let heads = named.into_iter().chain(promises.iter().map(|promise| vec![code(promise.name())])).collect();
    let row = |certificate: &Certificate| {
        let cells = promises.iter().map(|promise| vec![text(cell(certificate, *promise))]);
        [name(certificate), vec![text(&certificate.server.product)]].into_iter().chain(cells).collect()
    };
    Block::Table { heads, rows: certificates.iter().map(row).collect() }
}

fn name(certificate: &Certificate) -> Line {
    let mut line = vec![code(&certificate.pool.name)];
    if let Some(other) = &certificate.pool.code_of {
        line.extend([text(" (code of "), code(other), text(")")]);
    }
    line
}

pub(super) fn cell(certificate: &Certificate, promise: Promise) -> String {
    let Some(chapter) = certificate.promises.iter().find(|chapter| chapter.terms() == Some(promise)) else {
        return "? not looked at".to_owned();
    };
    match chapter.conclusion() {
        Conclusion::Passed => "✓".to_owned(),
        Conclusion::Broken(rules, false) => format!("✓ but {}", rules.join(" ")),
        Conclusion::Broken(rules, true) => format!("✗ {}", rules.join(" ")),
        open => format!("? {}", open.words()),
    }
}

fn certain(chapter: &Chapter) -> impl Iterator<Item = &Counterexample> {
    chapter.failures.iter().filter(|failure| failure.certain)
}

/// Each broken rule with what shows it, and the line that does it.
pub(super) fn failures(certificates: &[Certificate]) -> Block {
    let heads = ["pool", "promise", "rule", "what shows it", "replayed", "in the source"].map(|head| vec![text(head)]).into();
    let rows = chapters(certificates)
        .flat_map(|(certificate, chapter)| certain(chapter).map(|failure| row(certificate, chapter, failure)));
    Block::Table { heads, rows: rows.collect() }
}

fn row(certificate: &Certificate, chapter: &Chapter, failure: &Counterexample) -> Vec<Line> {
    let shows = failure.evidence.iter().find(|told| told.rule == failure.rule).and_then(|told| told.lines.first());
    // What is known today may be more than when the certificate was made.
    let today = findings::lines(&certificate.pool.name, failure);
    let lines = if today.is_empty() { &failure.source } else { &today };
    let places = lines.iter().enumerate().flat_map(|(nth, line)| [text(if nth > 0 { ", " } else { "" }), code(line)]);
    let source = if lines.is_empty() { vec![Span::Emphasis("unexplained".to_owned())] } else { places.collect() };
    vec![
        vec![code(&certificate.pool.name), text(format!(" on {}", certificate.server.product))],
        vec![code(&chapter.promise)],
        vec![text(&failure.rule)],
        vec![text(shows.map_or("", String::as_str))],
        vec![text(format!("{} of {}", failure.replayed, failure.replays))],
        source,
    ]
}

/// What to do to be safe, in a sentence. What breaks without any fork no promise about forks can mend.
fn advice(certificate: &Certificate) -> Line {
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
    let words = match always.as_slice() {
        [] => format!("{ways}."),
        rules => {
            let rules = rules.join(" and ");
            format!("{rules} breaks without any fork. Nothing more breaks where this is promised: {ways}.")
        }
    };
    vec![code(&certificate.pool.name), text(format!(" on {}: {words}", certificate.server.product))]
}

/// The MUST that were broken.
fn musts(chapter: &Chapter) -> impl Iterator<Item = &str> {
    let is_must = |failure: &&Counterexample| rules::find(&failure.rule).is_some_and(|rule| rule.level == Level::Must);
    certain(chapter).filter(is_must).map(|failure| failure.rule.as_str())
}

fn origin(certificates: &[Certificate]) -> Block {
    let heads = ["pool", "code", "server", "interleavings", "made", "again"].map(|head| vec![text(head)]).into();
    let row = |certificate: &Certificate| {
        let Certificate { pool, server, made, promises, again, .. } = certificate;
        let all: u64 = promises.iter().map(|chapter| chapter.interleavings).sum();
        let words = [pool.versions.join(", "), server.product.clone(), all.to_string(), made.on.clone()];
        let words = words.map(|words| vec![text(words)]);
        [vec![code(&pool.name)]].into_iter().chain(words).chain([vec![code(again)]]).collect()
    };
    Block::Table { heads, rows: certificates.iter().map(row).collect() }
}
