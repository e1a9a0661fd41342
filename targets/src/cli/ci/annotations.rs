//! Annotations: lines that GitHub takes from what a step prints, and shows at the files of a change and above the job.
//!
//! Their form is that of GitHub's *workflow commands*, and what is escaped in them what its own `@actions/core` escapes.

use std::path::Path;

use poolproof::certificate::{Certificate, Chapter, Conclusion, Counterexample};
use poolproof::corpus;
use poolproof::rules::{self, Level};

/// GitHub shows ten of each kind for a step, so the gravest come first.
pub(super) fn lines(certificates: &[Certificate], out: &Path) -> String {
    let mut all: Vec<Annotation> = certificates.iter().flat_map(|certificate| of(certificate, out)).collect();
    all.sort_by_key(|annotation| annotation.kind);
    all.iter().map(Annotation::line).collect()
}

/// How grave it is, by GitHub's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// What makes the command fail.
    Error,
    /// What should not be, and fails nothing.
    Warning,
    /// What was seen and is not blamed on the pool.
    Notice,
}

struct Annotation {
    kind: Kind,
    title: String,
    /// The saved interleaving, where there is one.
    file: Option<String>,
    message: String,
}

fn of(certificate: &Certificate, out: &Path) -> Vec<Annotation> {
    let pool = &certificate.pool.name;
    let mut all = Vec::new();
    for chapter in &certificate.promises {
        let promise = &chapter.promise;
        all.extend(chapter.failures.iter().map(|failure| failed(pool, chapter, failure, out)));
        let message = match chapter.conclusion() {
            Conclusion::Passed | Conclusion::Broken(..) | Conclusion::NotOffered => continue,
            undecided => undecided.words(),
        };
        all.push(Annotation {
            kind: Kind::Error,
            title: format!("{pool} under {promise}: nothing follows"),
            file: None,
            message,
        });
    }
    all
}

fn failed(pool: &str, chapter: &Chapter, failure: &Counterexample, out: &Path) -> Annotation {
    let Counterexample { rule, replayed, replays, remedy, .. } = failure;
    let known = rules::find(rule);
    let is_should = known.is_some_and(|rule| rule.level == Level::Should);
    let (kind, verb) = match (failure.certain, is_should) {
        (false, _) => (Kind::Notice, "seems to break"),
        (true, true) => (Kind::Warning, "should not break"),
        (true, false) => (Kind::Error, "breaks"),
    };
    let mut words = vec![known.map_or(String::new(), |rule| rule.sentence.to_owned())];
    words.extend(failure.evidence.iter().filter(|told| told.rule == *rule).flat_map(|told| told.lines.clone()));
    words.push(format!("Replayed: {replayed} of {replays}."));
    words.push(format!("What to do: {remedy}"));
    let saved = chapter.terms().map(|promise| corpus::path(out, pool, promise, rule)).filter(|path| path.is_file());
    Annotation {
        kind,
        title: format!("{pool} {verb} {rule} under {}", chapter.promise),
        file: saved.map(|path| path.to_string_lossy().into_owned()),
        message: words.join("\n"),
    }
}

impl Annotation {
    fn line(&self) -> String {
        let kind = match self.kind {
            Kind::Error => "error",
            Kind::Warning => "warning",
            Kind::Notice => "notice",
        };
        let file = self.file.as_ref().map_or_else(String::new, |file| format!(",file={}", property(file)));
        format!("::{kind} title={}{file}::{}\n", property(&self.title), data(&self.message))
    }
}

/// Text that ends at the line's end.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text that ends at a comma or a colon, too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
