//! Failures, tables and rules.

use super::pictures::goodbye;
use super::same;
use super::tale::{actor, tale};
use crate::history::{Ending, Event, Outcome};
use crate::interleaving::Process;
use crate::report::{Finding, Ground, Style, failure, rule, rules, verdict_table, wrapped};
use crate::rules::{ALL, find};
use crate::verdict::{Evidence, Verdict};

const PLAIN: Style = Style { colour: false, width: 100 };

#[test]
fn a_failure_says_everything_that_a_stranger_needs() {
    let (interleaving, history, judgement) = goodbye().parts();
    let finding = Finding {
        pool: "my-pool",
        server: "PostgreSQL 15.18",
        rule: find("OWN-1").expect("a rule"),
        interleaving: &interleaving,
        history: &history,
        judgement: &judgement,
        replayed: (20, 20),
        steady: true,
        ground: Ground::Embedded,
        printed: "not to be seen",
        command: "poolproof replay out/failures/my-pool/child-uses-pool.OWN-1.interleaving --pool my-pool",
    };
    let text = failure(&finding, PLAIN);
    same(
        &text,
        "
my-pool breaks OWN-1 under child-uses-pool, on PostgreSQL 15.18
  Every byte on a session is written by its owner.
  promised: a child only returns or leaks inherited checkouts; it may use the inherited pool

  pool max_size=1
  promise child-uses-pool
  p0    open
  p0    checkout a
  p0    begin a
  p0    insert a
  p0    fork p1
  p1    return a
  p0    commit a

      p0          p1        wire
   0  open
   1  checkout a            c0 opened by p0
   2  begin a               p0 ▸ Query on c0
   3  insert a              p0 ▸ Query on c0
   4  fork p1
▶  5  │           return a  p1 ▸ Terminate on c0, which ends it
   6  commit a    │         p0 ▸ Query on c0
▷     → error: connection closed by pid N

▶ OWN-1  p1 wrote Terminate, 5 bytes, on c0, opened by p0
         during p1's step 5 (return a)
▷ and so ISO-1  p0's step 6 (commit a) failed without a cause in its own process

  replayed: 20 of 20
  what to do: Let the child open its own pool and neither use, return nor drop the inherited one, or
              dispose and drop the pool before each fork.
  see it again: poolproof replay out/failures/my-pool/child-uses-pool.OWN-1.interleaving --pool my-pool
",
    );
}

#[test]
fn a_panic_is_quoted_without_what_came_before_it() {
    let told = tale().does("p0 open").starts("p0 checkout a");
    let told = told.ends(1, Outcome::Panicked("boom".into())).breaks("ISO-2", "p0's step 1 (checkout a) panicked", &["boom"]);
    let (interleaving, history, judgement) = told.event(Event::Ended { process: Process(0), ending: Ending::Signal(6) }).parts();
    let finding = Finding {
        pool: "my-pool",
        server: "MariaDB 10.11.14",
        rule: find("ISO-2").expect("a rule"),
        interleaving: &interleaving,
        history: &history,
        judgement: &judgement,
        replayed: (19, 20),
        steady: true,
        ground: Ground::Embedded,
        printed: "of another execution\nthread 'main' (99) panicked at a.rs:1:2:\nold\nthread 'main' (4711) panicked at a.rs:1:2:\nboom\n",
        command: "poolproof replay x --pool my-pool",
    };
    let text = failure(&finding, PLAIN);
    assert!(text.ends_with("  the pool's last words:\n    thread 'main' (N) panicked at a.rs:1:2:\n    boom\n"), "{text}");
    assert!(text.contains("replayed: 19 of 20\n"), "{text}");
    assert!(text.contains("→ panicked: boom"), "{text}");
    assert!(text.contains("p0 died of SIGABRT"), "{text}");
    // Whatever is promised about children, there was none.
    assert!(text.contains("what to do: Report the crash to the pool's authors: no fork is involved.\n"), "{text}");
}

/// What was broken and confirmed is a failure, also where the execution that is shown went well.
#[test]
fn a_failure_that_depends_on_the_moment_says_so() {
    let (interleaving, history, judgement) = tale().does("p0 open").parts();
    let finding = Finding {
        pool: "my-pool",
        server: "PostgreSQL 15.18",
        rule: find("LIV-2").expect("a rule"),
        interleaving: &interleaving,
        history: &history,
        judgement: &judgement,
        replayed: (2, 20),
        steady: false,
        ground: Ground::Embedded,
        printed: "",
        command: "poolproof replay x --pool my-pool",
    };
    let text = failure(&finding, PLAIN);
    assert!(text.starts_with("my-pool seems to break LIV-2 "), "{text}");
    let wanted = "it depends on the moment.\n  replayed: 2 of 20\n  That is too seldom to blame the pool for it: no verdict.\n  \
                  Provisional: an effect, seen on an embedded server. See it on a real one with --server local.\n";
    assert!(text.contains(wanted), "{text}");
    let asked = |steady, seen| failure(&Finding { steady, ground: Ground::Asked("PostgreSQL 15.18", seen, 5), ..finding }, PLAIN);
    let (seen, unseen, seldom) = (asked(true, 4), asked(true, 0), asked(false, 4));
    assert!(seen.starts_with("my-pool breaks LIV-2 "), "{seen}");
    assert!(seen.contains("\n  Seen on PostgreSQL 15.18 too: in 4 of 5 executions.\n"), "{seen}");
    assert!(unseen.starts_with("my-pool seems to break LIV-2 "), "{unseen}");
    assert!(unseen.contains("\n  Not seen on PostgreSQL 15.18, in 5 executions: no verdict.\n"), "{unseen}");
    assert!(seldom.starts_with("my-pool seems to break LIV-2 "), "{seldom}");
}

#[test]
fn words_are_wrapped_and_only_long_ones_broken() {
    assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    assert_eq!(wrapped("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
    assert_eq!(wrapped("é▶é ▶é▶é", 3), ["é▶é", "▶é▶", "é"]);
    assert_eq!(wrapped("", 3), [""]);
    assert_eq!(wrapped("ab", 0), ["a", "b"]);
}

/// One of every verdict.
#[test]
fn every_verdict_has_its_words() {
    let evidence = || Evidence { at: 0, sentence: format!("{} did it", actor("p1")), details: Vec::new() };
    let verdicts = [
        Verdict::Passed { exercised: 1 },
        Verdict::Passed { exercised: 200 },
        Verdict::Failed(evidence()),
        Verdict::Consequence { of: "OWN-1", evidence: evidence() },
        Verdict::Refused,
        Verdict::NotExercised,
        Verdict::NoVerdict("pid 99 said so".into()),
        Verdict::NotVisible,
        Verdict::NotOffered,
        Verdict::NotApplicable,
    ];
    let table = verdict_table(ALL.iter().zip(&verdicts), PLAIN);
    same(
        &table,
        "
  OWN-1  MUST   passed, 1 opportunity
  OWN-2  MUST   passed, 200 opportunities
  OWN-3  MUST   broken: p1 did it
  OWN-4  SHOULD broken after OWN-1: p1 did it
  OWN-5  SHOULD the pool refused in the child, which is safe
  REP-1  MUST   not exercised
  TXN-1  MUST   no verdict: pid N said so
  TXN-2  MUST   cannot be seen on this server or transport
  TXN-3  SHOULD not offered by the pool
  TXN-4  SHOULD the promise excludes it
",
    );
}

/// The words are the rules' own; here only that all of them are there, and that no line is too long.
#[test]
fn a_rule_is_told_whole() {
    let text = rules(PLAIN) + &ALL.iter().map(|one| rule(one, PLAIN)).collect::<String>();
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for rule in ALL {
        for words in [rule.id, rule.sentence, rule.reason, rule.usual_remedy()] {
            assert!(flat.contains(&words.split_whitespace().collect::<Vec<_>>().join(" ")), "{words} is missing");
        }
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100));
    assert!(rule(find("OWN-1").expect("a rule"), PLAIN).starts_with("OWN-1 MUST\n  Every byte on a session"));
}
