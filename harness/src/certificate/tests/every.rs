//! A document with every verdict and every conclusion, and each page that is made of it, as files to look at. `UPDATE_EXPECT=1`
//! writes them anew; what changes then is read before it is kept.

use std::collections::BTreeSet;

use expect_test::expect_file;

use super::*;

/// A promise for each conclusion.
fn every() -> Certificate {
    let all = |verdict: Verdict| rules::ALL.iter().map(|rule| Line::of(rule, &verdict)).collect::<Vec<_>>();
    let but = |id: &str, verdict: &Verdict| {
        let mut lines = all(Verdict::Passed { exercised: 9 });
        lines
            .iter_mut()
            .filter(|line| line.rule == id)
            .for_each(|line| *line = Line::of(rules::find(id).expect("a rule"), verdict));
        lines
    };
    let of = |promise: &str, verdicts| Chapter { verdicts, ..chapter(promise, &[]) };
    let should = Verdict::Failed(Evidence { at: 3, sentence: "a setting was left".to_owned(), details: Vec::new() });
    let unseen = Some(("PostgreSQL 15.18".to_owned(), 0, 5));
    let unsure = Counterexample { certain: false, real: unseen, source: Vec::new(), ..failure("LIV-1", "anything", 7) };
    let mut broken = chapter("anything", &["OWN-1"]);
    broken.failures.push(Counterexample { replayed: 3, ..unsure });
    certificate(vec![
        broken,
        chapter("child-uses-pool", &[]),
        Chapter { whole: true, ..passed("fork-when-idle") },
        of("hook-in-child", all(Verdict::NotOffered)),
        of("child-drops", but("LIV-2", &Verdict::NotExercised)),
        Chapter { failures: vec![failure("TXN-4", "child-leaks", 8)], ..of("child-leaks", but("TXN-4", &should)) },
        passed("dispose-before-fork"),
        of("exec-only", all(Verdict::NotExercised)),
    ])
}

/// What a new verdict or conclusion would be missing in.
#[test]
fn nothing_is_missing_in_it_and_it_contradicts_nothing() {
    let document = every();
    let words: BTreeSet<&str> = document.promises[0].verdicts.iter().map(|line| line.verdict.as_str()).collect();
    assert_eq!(words.len(), 9, "{words:?}");
    let kinds: BTreeSet<&str> = document.promises.iter().map(|chapter| kind(&chapter.conclusion())).collect();
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    assert_eq!(document.doubts(), Vec::<String>::new());
}

/// Each conclusion once: a new one does not compile until it is here.
fn kind(conclusion: &Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Passed => "passed",
        Conclusion::Broken(_, true) => "broken",
        Conclusion::Broken(_, false) => "a SHOULD is broken",
        Conclusion::NoVerdict(_) => "no verdict",
        Conclusion::NotOffered => "not offered",
        Conclusion::NothingExercised => "nothing exercised",
        Conclusion::NotExercised(_) => "not exercised",
        Conclusion::Unseen(_) => "unseen",
        Conclusion::Unreached(_) => "unreached",
    }
}

#[test]
fn the_data_is_as_it_was() {
    expect_file!["every.json"].assert_eq(&every().to_json());
}

#[test]
fn the_page_for_a_repository_is_as_it_was() {
    expect_file!["every.md"].assert_eq(&every().to_markdown());
}

#[test]
fn the_page_for_a_browser_is_as_it_was() {
    expect_file!["every.html"].assert_eq(&every().to_html());
}
