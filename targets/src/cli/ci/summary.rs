//! The results as a page in Markdown that a job shows: the table, and what was broken with what to do about it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use poolproof::certificate::markdown::{escaped, fenced};
use poolproof::certificate::{Certificate, Chapter, Counterexample};

use crate::cli::exit::Stop;
use crate::cli::{matrix, page as pages};

/// Adds the page to the file: what other steps of the job have said stays.
pub(super) fn add(file: &Path, certificates: &[Certificate]) -> Result<(), Stop> {
    let written = || std::fs::File::options().create(true).append(true).open(file)?.write_all(page(certificates).as_bytes());
    written().map_err(|error| Stop::unwritable(file, &error))
}

pub(super) fn page(certificates: &[Certificate]) -> String {
    let mut text = format!("## Pools across fork\n\n{}", pages::as_markdown(&[matrix::table(certificates)]));
    for (certificate, chapter) in matrix::chapters(certificates) {
        chapter.failures.iter().for_each(|failure| text.push_str(&told(&certificate.pool.name, chapter, failure)));
    }
    text.push('\n');
    text
}

fn told(pool: &str, chapter: &Chapter, failure: &Counterexample) -> String {
    let Counterexample { rule, replayed, replays, interleaving, remedy, .. } = failure;
    let verb = if failure.certain { "breaks" } else { "seems to break" };
    let (pool, promise) = (escaped(pool), escaped(&chapter.promise));
    let mut text = format!("\n### {pool} {verb} {} under {promise}\n\n{}", escaped(rule), fenced(interleaving));
    for told in &failure.evidence {
        let _ = writeln!(text, "- **{}** {}", escaped(&told.rule), escaped(&told.lines.join("; ")));
    }
    let _ = writeln!(text, "\nReplayed: {replayed} of {replays}. What to do: {}", escaped(remedy));
    text
}
