//! First cause and consequences, and executions that decide nothing.

use super::story::{Story, dirty, story, under};
use super::{broken, passed};
use crate::interleaving::parse;
use crate::model::State;
use crate::pool::ErrorKind;
use crate::promise::Promise;
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
            _ if rule.is_about_returns() => assert_eq!(*verdict, Verdict::NotApplicable),
            id => assert_eq!(*verdict, Verdict::NoVerdict("too many sessions".into()), "{id}"),
        }
    }
    let later = story().opens("p0", "c0").done("p0 fork p1").abandoned("lost").writes("p1", "c0", "Query", 9);
    assert_eq!(later.verdict("OWN-1"), Verdict::NoVerdict("lost".into()));
}

#[test]
fn a_rule_that_crashes_gives_no_verdict_and_harms_no_other() {
    const fn rule(id: &'static str, check: fn(&crate::rules::Facts) -> Verdict) -> Rule {
        Rule {
            id,
            level: Level::Must,
            harm: "",
            sentence: "",
            reason: "",
            remedy: "",
            remedies: &[],
            evidence: "",
            smallest: "",
            mutant: "",
            kernel: false,
            dirty: false,
            check,
        }
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
    let families = [("OWN", 5), ("REP", 1), ("TXN", 4), ("LIV", 4), ("ISO", 2), ("CAP", 3), ("API", 1)];
    let listed = families.iter().flat_map(|(family, rules)| (1..=*rules).map(move |number| format!("{family}-{number}")));
    assert_eq!(ids, listed.collect::<Vec<_>>());
    for rule in ALL {
        assert_eq!(find(rule.id).map(|found| found.id), Some(rule.id));
        let should = ["OWN-4", "OWN-5", "TXN-3", "TXN-4", "CAP-3"].contains(&rule.id);
        assert_eq!(rule.level, if should { Level::Should } else { Level::Must }, "{}", rule.id);
        for text in [rule.sentence, rule.reason].into_iter().chain(Promise::ALL.map(|promise| rule.remedy(promise))) {
            assert!(text.ends_with('.') && !text.contains("  "), "{}: {text}", rule.id);
        }
        assert!(!rule.evidence.is_empty() && !rule.evidence.ends_with('.'), "{}", rule.id);
        assert!(!sources(rule.reason).is_empty(), "{} names where it comes from", rule.id);
    }
    assert!(find("OWN-9").is_none());
}

/// Whoever reads a rule can see it broken: the interleaving is written as a file would be, and no step of it is skipped.
#[test]
fn the_smallest_interleaving_of_each_rule_is_well_formed_and_every_step_of_it_applies() {
    for rule in ALL {
        let smallest = parse(rule.smallest).unwrap_or_else(|error| panic!("{}: {error}", rule.id));
        assert_eq!(smallest.dirty, rule.is_about_returns(), "{}", rule.id);
        let mut state = State::new(smallest.max_size);
        for step in &smallest.steps {
            assert_eq!(state.skips(smallest.terms(), step.actor, &step.op), None, "{}: {step}", rule.id);
            state.start(step.actor, &step.op);
            match step.stall {
                Some(_) => state.stall(step.actor),
                None => state.apply(step.actor, &step.op, true),
            }
        }
    }
}

/// One mutant for one rule, and the advice for a promise differs from the usual one, or it need not be there.
#[test]
fn mutants_are_named_and_special_advice_is_special() {
    let names: std::collections::BTreeSet<_> = ALL.iter().map(|rule| rule.mutant).collect();
    assert!(names.len() == ALL.len() && names.iter().all(|name| name.starts_with("mutant-")));
    for rule in ALL {
        let mut promises = std::collections::BTreeSet::new();
        for (promise, remedy) in rule.special_remedies() {
            assert!(promises.insert(promise) && remedy != rule.usual_remedy(), "{} under {promise}", rule.id);
            assert_eq!(rule.remedy(promise), remedy);
        }
    }
    let own = find("OWN-1").expect("a rule");
    assert!(own.remedy(Promise::ChildUsesPool).contains("open its own pool"));
    assert_eq!(own.remedy(Promise::Anything), own.usual_remedy());
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

/// p0 returns a connection inside a transaction, in which the next holder finds it.
fn returned_dirty(told: Story) -> Story {
    let used = told.done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0").answers("c0", true);
    used.done("p0 return a").done("p0 checkout b").asks("p0 query b", "c0")
}

#[test]
fn what_is_returned_dirty_is_judged_there_and_only_there() {
    let judgement = returned_dirty(dirty(1)).judged();
    assert_eq!(judgement.first_cause().map(|(rule, _)| rule.id), Some("TXN-3"));
    for (rule, verdict) in &judgement.verdicts {
        assert_eq!(*verdict == Verdict::NotApplicable, !rule.is_about_returns(), "{}", rule.id);
    }
    let clean = returned_dirty(story()).judged();
    assert!(clean.first_cause().is_none());
    assert_eq!((clean.verdict("TXN-3"), clean.verdict("REP-1")), (Some(&Verdict::NotApplicable), Some(&passed(2))));
}

#[test]
fn what_follows_from_another_rule_is_no_fault_of_dirty_returns() {
    let harmed = dirty(1).done("p0 open").opens("p0", "c9").done("p0 fork p1").writes("p1", "c9", "Query", 9);
    let told = harmed.done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0").answers("c0", true).done("p0 return a");
    let judgement = told.done("p0 checkout b").asks("p0 query b", "c0").judged();
    assert!(matches!(judgement.verdict("TXN-3"), Some(Verdict::Consequence { of: "OWN-1", .. })));
    assert!(judgement.first_cause().is_none());
    assert_eq!(judgement.verdict("OWN-1"), Some(&Verdict::NotApplicable));
}

#[test]
fn a_hook_that_is_not_there_leaves_nothing_to_judge() {
    let hooked = |promise| {
        let forked = under(promise, 1).done("p0 open").opens("p0", "c0").done("p0 fork p1").start("p1 after-fork");
        forked.answer("p1", crate::history::Outcome::NotOffered).writes("p1", "c0", "Query", 9).judged()
    };
    let verdicts = hooked(Promise::HookInChild).verdicts;
    assert!(verdicts.iter().all(|(_, verdict)| *verdict == Verdict::NotOffered));
    let larger = hooked(Promise::Anything);
    assert!(matches!(larger.verdict("OWN-1"), Some(Verdict::Failed(_))), "who promised nothing needs no hook");
}
