//! A document with one of everything, and what becomes of it.

mod every;

use super::*;
use crate::report::{Beat, Broken, Passed, Timeline, Told};
use crate::rules;
use crate::verdict::{Evidence, Verdict};

/// What no page may take for markup.
const NASTY: &str = "<script>alert(`1`)</script> | *x* & \"y\"";

/// A verdict of every kind, over and over.
fn verdicts(broken: &[&str]) -> Vec<Line> {
    let evidence = || Evidence { at: 3, sentence: NASTY.to_owned(), details: Vec::new() };
    let kinds = [
        Verdict::Passed { exercised: 7 },
        Verdict::Refused,
        Verdict::NotExercised,
        Verdict::NoVerdict(NASTY.to_owned()),
        Verdict::NotVisible,
        Verdict::NotOffered,
        Verdict::NotApplicable,
        Verdict::Consequence { of: "OWN-1", evidence: evidence() },
    ];
    let of = |(place, rule): (usize, &'static rules::Rule)| match broken.contains(&rule.id) {
        true => Line::of(rule, &Verdict::Failed(evidence())),
        false => Line::of(rule, &kinds[place % kinds.len()]),
    };
    rules::ALL.iter().enumerate().map(of).collect()
}

fn failure(rule: &str, promise: &str, number: u64) -> Counterexample {
    let wire = vec![Passed { text: "p1 ▸ Terminate on c0".to_owned(), mark: Some(Broken::First) }];
    let alive = vec!["p0".to_owned(), "p1".to_owned()];
    let beat = Beat { number: Some(0), actor: Some("p0".to_owned()), text: NASTY.to_owned(), mark: None, alive, wire };
    Counterexample {
        rule: rule.to_owned(),
        number,
        certain: true,
        replayed: 20,
        replays: 20,
        real: None,
        interleaving: format!("pool max_size=1\npromise {promise}\np0    open\n"),
        evidence: vec![Told { rule: rule.to_owned(), lines: vec![NASTY.to_owned()] }],
        timeline: Timeline { actors: vec!["p0".to_owned(), "p1".to_owned()], beats: vec![beat] },
        remedy: NASTY.to_owned(),
        source: vec![NASTY.to_owned()],
        blame: Some(NASTY.to_owned()),
    }
}

fn chapter(promise: &str, broken: &[&str]) -> Chapter {
    let mut situations =
        Reached { required: vec!["fork (own, idle)".to_owned(), "wait (own, idle)".to_owned()], ..Reached::default() };
    situations.counts.insert("fork (own, idle)".to_owned(), 5);
    Chapter {
        promise: promise.to_owned(),
        interleavings: 100,
        steps: 900,
        skipped: 9,
        sources: vec![Share { source: "random".to_owned(), interleavings: 100, broken: broken.len() as u64 }],
        whole: false,
        verdicts: verdicts(broken),
        situations,
        failures: broken.iter().map(|rule| failure(rule, promise, 4)).collect(),
        unlike: 0,
    }
}

/// All rules passed.
fn passed(promise: &str) -> Chapter {
    let verdicts = rules::ALL.iter().map(|rule| Line::of(rule, &Verdict::Passed { exercised: 9 })).collect();
    Chapter { verdicts, ..chapter(promise, &[]) }
}

fn certificate(promises: Vec<Chapter>) -> Certificate {
    Certificate {
        format: FORMAT,
        made: Made { on: "2026-11-23".to_owned(), system: "Linux 6.1".to_owned(), seconds: 1.5 },
        poolproof: "0.1.0".to_owned(),
        rules: rules::EDITION.to_owned(),
        planted: 63,
        pool: Subject {
            name: "my-pool".to_owned(),
            about: NASTY.to_owned(),
            code_of: None,
            versions: vec!["my-pool 1.2.3".to_owned()],
            documented: vec![Documented {
                promises: vec!["child-uses-pool".to_owned()],
                standing: Standing::Unsupported,
                words: NASTY.to_owned(),
                source: NASTY.to_owned(),
            }],
        },
        server: Server::new(Database::Postgres, "PostgreSQL 15.18", false),
        plan: Plan { seed: 1, interleavings: Some(100), sources: vec!["random".to_owned()], depth: None, shards: Vec::new() },
        again: "poolproof certify my-pool".to_owned(),
        promises,
    }
}

fn whole() -> Certificate {
    certificate(vec![chapter("child-uses-pool", &["OWN-1"]), chapter("child-leaks", &[]), passed("dispose-before-fork")])
}

#[test]
fn a_document_is_read_as_it_was_written() {
    let document = whole();
    assert_eq!(Certificate::from_json(&document.to_json()).expect("a document"), document);
    let newer = document.to_json().replacen("\"format\": 1", "\"format\": 2", 1);
    assert!(Certificate::from_json(&newer).is_err_and(|error| error.contains("format 2")), "{newer}");
    assert!(Certificate::from_json("{}").is_err_and(|error| error.contains("no certificate")));
    for line in document.promises.iter().flat_map(|chapter| &chapter.verdicts) {
        let (rule, verdict) = line.verdict().expect("a verdict");
        assert_eq!(Line::of(rule, &verdict), *line);
    }
}

#[test]
fn nothing_that_a_pool_says_is_markup() {
    let (html, markdown) = (whole().to_html(), whole().to_markdown());
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"), "{html}");
    let mut fenced = false;
    for line in markdown.lines() {
        fenced ^= line.starts_with("```");
        let bare = line.replace("\\<", "").replace("\\|", "");
        assert!(fenced || !bare.contains('<'), "{line}");
        let bars = bare.matches('|').count();
        assert!(!line.starts_with('|') || [4, 5].contains(&bars), "{bars} bars in {line}");
    }
}

#[test]
fn the_first_screen_answers_for_every_deployment() {
    let markdown = whole().to_markdown();
    for words in [
        "✗ Not safe: workers that use a pool which was opened before the fork (preloading).",
        "✓ Safe: pools that are closed before each fork, or opened after the last one, however the processes end.",
        "? Not looked at: connections through TCP and through TLS;",
        "; workers that open their own pool, and end by returning from main or by exit;",
        "? Not decided: workers that open their own pool, leave the inherited one alone",
        "`anything` | ✗ not safe, which follows from 'child-uses-pool'",
        "`threads-only` | ✓ safe, which follows from 'dispose-before-fork'",
        "`child-drops` | ? not looked at",
        "two processes write on one connection (OWN-1)",
        "fewer than 3.0 in 100",
        "Connections through TCP",
    ] {
        assert!(markdown.contains(words), "'{words}' is missing in: {markdown}");
    }
    let html = whole().to_html();
    assert!(html.contains("<td class=\"good\" data-head=\"through a Unix socket\">✓ safe, which follows from <code>dispose-before-fork</code></td>"), "{html}");
}

/// No way of forking mends what breaks without a fork, and each says so.
#[test]
fn what_breaks_without_a_fork_is_told_apart_from_what_a_fork_adds() {
    let chapters =
        [("child-uses-pool", ["OWN-1", "LIV-2"].as_slice()), ("dispose-before-fork", &["LIV-2"]), ("threads-only", &["LIV-2"])];
    let markdown = certificate(chapters.map(|(promise, broken)| chapter(promise, broken)).into()).to_markdown();
    for words in [
        "✗ Not safe: workers that use a pool which was opened before the fork (preloading).",
        "✗ Not safe, with or without a fork, as a checkout is not served though there is room (LIV-2): pools that are closed before each \
         fork, or opened after the last one, however the processes end; threads without a fork.",
        "`dispose-before-fork` | ✗ not safe: a checkout is not served though there is room (LIV-2); it happens without a fork, too |",
        "`threads-only` | ✗ not safe: a checkout is not served though there is room (LIV-2) |",
    ] {
        assert!(markdown.contains(words), "'{words}' is missing in: {markdown}");
    }
}

#[test]
fn an_edited_verdict_contradicts_the_rest() {
    assert_eq!(whole().doubts(), Vec::<String>::new());
    let edited = |edit: fn(&mut Chapter)| {
        let mut document = whole();
        edit(&mut document.promises[0]);
        document.doubts()
    };
    let own = |chapter: &mut Chapter| chapter.verdicts.iter().position(|line| line.rule == "OWN-1").expect("a line");
    let passed = |chapter: &mut Chapter| {
        let at = own(chapter);
        chapter.verdicts[at] = Line::of(rules::find("OWN-1").expect("a rule"), &Verdict::Passed { exercised: 5 });
    };
    for (what, doubts) in [
        ("a verdict", {
            let mut document = whole();
            passed(&mut document.promises[0]);
            document.doubts()
        }),
        ("a failure that is gone", edited(|chapter| chapter.failures.clear())),
        ("a verdict that is gone", edited(|chapter| drop(chapter.verdicts.remove(2)))),
        ("a rate", edited(|chapter| chapter.failures[0].replayed = 3)),
        ("another promise", edited(|chapter| chapter.promise = "anything".to_owned())),
        ("numbers", edited(|chapter| chapter.interleavings = 1)),
    ] {
        assert!(!doubts.is_empty(), "{what}");
    }
}

#[test]
fn parts_make_the_whole_in_any_order() {
    let part = |at: u64, chapter: Chapter| {
        let mut part = certificate(vec![chapter]);
        part.plan.shards = vec![format!("{at}/3")];
        part
    };
    let mut late = chapter("child-uses-pool", &["OWN-1"]);
    late.failures[0].number = 9;
    late.failures[0].remedy = "late".to_owned();
    let parts = [part(1, passed("child-uses-pool")), part(2, late), part(3, chapter("child-uses-pool", &["OWN-1"]))];
    let merged = Certificate::merge(parts.to_vec()).expect("a whole");
    let backwards: Vec<_> = parts.iter().rev().cloned().collect();
    assert_eq!(Certificate::merge(backwards).expect("a whole").promises, merged.promises);
    assert!(merged.plan.shards.is_empty());
    let chapter = &merged.promises[0];
    assert_eq!((chapter.interleavings, chapter.failures.len(), chapter.failures[0].number), (300, 1, 4));
    assert_eq!(merged.doubts(), Vec::<String>::new());
    let some = Certificate::merge(parts[..2].to_vec()).expect("a part");
    assert_eq!(some.plan.shards, ["1/3", "2/3"]);
    assert!(Certificate::merge(vec![parts[0].clone(), parts[0].clone()]).is_err_and(|error| error.to_string().contains("twice")));
    let mut other = parts[1].clone();
    other.plan.seed = 2;
    assert!(Certificate::merge(vec![parts[0].clone(), other]).is_err());
    assert!(Certificate::merge(Vec::new()).is_err());
}
