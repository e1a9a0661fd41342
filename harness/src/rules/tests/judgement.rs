//! First cause and consequences, and executions that decide nothing.

use super::story::{Story, story};
use super::{broken, passed};
use crate::pool::ErrorKind;
use crate::rules::{ALL, Level, Rule, find, judge_by};
use crate::verdict::{Evidence, Verdict};

/// The child returns its copy of a checkout and so rolls back what the parent commits.
fn rolled_back_by_the_child() -> Story {
    let begun = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 insert a", "c0").done("p0 begin a");
    let forked = begun.asks("p0 insert a", "c0").done("p0 fork p1");
    let harmed = forked.start("p1 return a").writes("p1", "c0", "Query", 13).answer("p1", crate::history::Outcome::Done);
    harmed
        .done("p0 commit a")
        .fails("p0 return a", ErrorKind::Database)
        .closes("c0")
        .exits("p1 exit now")
        .exits("p0 exit now")
        .ledger(&[1])
}

#[test]
fn the_earliest_evidence_is_the_cause_and_the_rest_follow_from_it() {
    let judgement = rolled_back_by_the_child().judged();
    let (rule, evidence) = judgement.first_cause().expect("a failure");
    assert_eq!((rule.id, evidence.sentence.as_str()), ("OWN-1", "p1 wrote Query, 13 bytes, on c0, opened by p0"));
    let ids: Vec<_> = judgement.consequences().map(|(rule, _)| rule.id).collect();
    assert_eq!(ids, ["TXN-1", "ISO-1"]);
    let lost = "p0's step 7 (commit a) was reported done, and the row of p0's step 4 (insert a) is not in the ledger";
    match judgement.verdict("TXN-1") {
        Some(Verdict::Consequence { of: "OWN-1", evidence }) => assert_eq!(evidence.sentence, lost),
        other => panic!("{other:?}"),
    }
    assert_eq!(judgement.verdict("CAP-2"), Some(&passed(1)), "what was not broken is told as it is");
    assert_eq!(judgement.no_verdict(), None);
}

#[test]
fn an_earlier_failure_of_a_later_rule_is_the_cause() {
    let told = story().done("p0 open").opens("p0", "c0").fails("p0 dispose", ErrorKind::Other).done("p0 fork p1");
    let judgement = told.writes("p1", "c0", "Terminate", 5).judged();
    assert_eq!(judgement.first_cause().map(|(rule, _)| rule.id), Some("ISO-1"));
    assert!(matches!(judgement.verdict("OWN-1"), Some(Verdict::Consequence { of: "ISO-1", .. })));
}

#[test]
fn of_two_rules_with_one_evidence_the_first_of_the_list_is_the_cause() {
    let shared = story().done("p0 open").done("p0 checkout a").opens("p0", "c0").done("p0 fork p1").asks("p1 query a", "c0");
    let judgement = shared.judged();
    assert_eq!(judgement.first_cause().map(|(rule, _)| rule.id), Some("OWN-1"));
    assert_eq!(judgement.consequences().next().map(|(rule, _)| rule.id), Some("OWN-2"));
}

#[test]
fn where_nothing_is_broken_there_is_no_cause() {
    let judgement = story().done("p0 open").exits("p0 exit now").judged();
    assert!(judgement.first_cause().is_none());
    assert_eq!(judgement.consequences().count(), 0);
}

#[test]
fn an_abandoned_execution_proves_only_what_the_kernel_had_seen() {
    let judgement = rolled_back_by_the_child().abandoned("too many sessions").judged();
    assert_eq!(judgement.no_verdict(), Some("too many sessions"));
    for (rule, verdict) in &judgement.verdicts {
        match rule.id {
            "OWN-1" => assert!(matches!(verdict, Verdict::Failed(_))),
            id => assert_eq!(*verdict, Verdict::NoVerdict("too many sessions".into()), "{id}"),
        }
    }
    let later = story().opens("p0", "c0").done("p0 fork p1").abandoned("lost").writes("p1", "c0", "Query", 9);
    assert_eq!(later.verdict("OWN-1"), Verdict::NoVerdict("lost".into()));
}

#[test]
fn a_rule_that_crashes_gives_no_verdict_and_harms_no_other() {
    const fn rule(id: &'static str, check: fn(&crate::rules::Facts) -> Verdict) -> Rule {
        Rule { id, level: Level::Must, sentence: "", reason: "", remedy: "", kernel: false, check }
    }
    fn fails(_: &crate::rules::Facts) -> Verdict {
        Verdict::Failed(Evidence { at: 0, sentence: "seen".into(), details: Vec::new() })
    }
    static RULES: [Rule; 3] =
        [rule("X-1", |_| panic!("off by one")), rule("X-2", |facts| panic!("at {}", facts.events.len())), rule("X-3", fails)];
    let (interleaving, history) = story().parts();
    let judgement = judge_by(&RULES, &interleaving, &history);
    assert_eq!(judgement.verdict("X-1"), Some(&Verdict::NoVerdict("rule X-1 crashed: off by one".into())));
    assert_eq!(judgement.verdict("X-2"), Some(&Verdict::NoVerdict("rule X-2 crashed: at 1".into())));
    assert_eq!(judgement.no_verdict(), Some("rule X-1 crashed: off by one"));
    assert_eq!(broken(judgement.verdict("X-3").expect("judged").clone()), "seen");
}

#[test]
fn the_list_is_the_rulebooks_and_each_entry_says_why_and_what_to_do() {
    let ids: Vec<_> = ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(ids, ["OWN-1", "OWN-2", "REP-1", "TXN-1", "TXN-2", "LIV-1", "LIV-2", "LIV-3", "ISO-1", "ISO-2", "CAP-1", "CAP-2"]);
    for rule in ALL {
        assert_eq!(find(rule.id).map(|found| found.id), Some(rule.id));
        assert_eq!(rule.level, Level::Must, "{}", rule.id);
        for text in [rule.sentence, rule.reason, rule.remedy] {
            assert!(text.ends_with('.') && !text.contains("  "), "{}: {text}", rule.id);
        }
        assert!(!sources(rule.reason).is_empty(), "{} names where it comes from", rule.id);
    }
    assert!(find("OWN-9").is_none());
}

/// The reports and failures that a reason names.
fn sources(reason: &str) -> Vec<&str> {
    let reports = reason.split(|c: char| !c.is_alphanumeric()).filter(|word| {
        let digits = word.strip_prefix('F').unwrap_or_default();
        !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit())
    });
    let failures = reason.split_once("failures: ").and_then(|(_, rest)| rest.split_once(')')).map_or("", |(names, _)| names);
    reports.chain(failures.split(", ").filter(|name| !name.is_empty())).collect()
}

#[test]
fn every_source_of_a_rule_is_told_in_the_documents() {
    let told = include_str!("../../../../docs/sources.md");
    for rule in ALL {
        for source in sources(rule.reason) {
            assert!(told.contains(&format!("\n| {source} |")), "{}: {source}", rule.id);
        }
    }
}
