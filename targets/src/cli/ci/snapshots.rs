//! Every format with every verdict and conclusion, as files to look at. `UPDATE_EXPECT=1` writes them anew; what changes then is
//! read before it is kept.

use std::path::Path;

use expect_test::expect_file;
use poolproof::certificate::{Certificate, Chapter};

use super::{annotations, junit, summary};
use crate::cli::{matrix, page};

/// The library's own document with one of everything.
fn every() -> Vec<Certificate> {
    let json = include_str!("../../../../harness/src/certificate/tests/every.json");
    vec![Certificate::from_json(json).expect("a certificate")]
}

#[test]
fn junit_is_as_it_was() {
    expect_file!["snapshots/every.junit.xml"].assert_eq(&junit::text(&every()).expect("XML"));
}

#[test]
fn the_summary_is_as_it_was() {
    expect_file!["snapshots/every.summary.md"].assert_eq(&summary::page(&every()));
}

#[test]
fn the_matrix_is_as_it_was() {
    let blocks = matrix::blocks(&every());
    expect_file!["snapshots/every.matrix.md"].assert_eq(&page::as_markdown(&blocks));
    expect_file!["snapshots/every.matrix.html"].assert_eq(&page::as_html(&blocks));
}

#[test]
fn annotations_are_as_they_were() {
    expect_file!["snapshots/every.annotations.txt"].assert_eq(&annotations::lines(&every(), Path::new("nowhere")));
}

/// Who forks carefully is not told that nothing helps; where more was seen that is not certain, nothing is said.
#[test]
fn what_breaks_without_a_fork_is_told_apart() {
    let mut certificates = every();
    let chapter = Chapter { promise: "threads-only".to_owned(), ..certificates[0].promises[0].clone() };
    certificates[0].promises.push(chapter);
    let words = "OWN-1 breaks without any fork. Nothing more breaks where this is promised: a child may use inherited pools and";
    let unsure = page::as_markdown(&matrix::blocks(&certificates));
    assert!(unsure.contains("OWN-1 breaks without any fork.") && !unsure.contains(words), "{unsure}");
    certificates[0].promises[0].failures.retain(|failure| failure.certain);
    let sure = page::as_markdown(&matrix::blocks(&certificates));
    assert!(sure.contains(words), "{sure}");
}

/// GitHub reads a command to the end of the line, a property to the next comma or colon.
#[test]
fn nothing_that_a_pool_says_ends_an_annotation() {
    let mut certificates = every();
    certificates[0].pool.name = "a,file=b::c\n::error::d".to_owned();
    let lines = annotations::lines(&certificates, Path::new("nowhere"));
    for line in lines.lines() {
        let properties = line.split("::").nth(1).unwrap_or_default();
        let (kind, title) = properties.split_once(" title=").expect("a title");
        assert!(["error", "warning", "notice"].contains(&kind), "{line}");
        assert!(title.starts_with("a%2Cfile=b%3A%3Ac%0A%3A%3Aerror%3A%3Ad ") && !title.contains(','), "{line}");
    }
}

/// The gravest first: GitHub shows ten of each kind.
#[test]
fn a_saved_failure_is_named_as_its_file() {
    let out = tempfile::tempdir().expect("a directory");
    let saved = out.path().join("failures/my-pool/anything.OWN-1.interleaving");
    std::fs::create_dir_all(saved.parent().expect("a directory")).expect("made");
    std::fs::write(&saved, "").expect("written");
    let lines = annotations::lines(&every(), out.path());
    let first = lines.lines().next().unwrap_or_default();
    assert!(first.contains(&format!(",file={}::", saved.display())), "{lines}");
    assert_eq!(lines.matches(",file=").count(), 1, "{lines}");
}
