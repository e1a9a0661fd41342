//! Texts of histories that were written by hand, as they shall look.

mod pictures;
mod tale;
mod texts;

/// The expected text begins on a line of its own, so that its columns stand as they will on screen.
fn same(text: &str, expected: &str) {
    assert!(format!("\n{text}") == expected, "got:\n{text}\nexpected:{expected}");
}
