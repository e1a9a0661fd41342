//! Faults of the server: what they excuse, and what has to be right after them.

use super::story::{Story, error, session, story, under, witness};
use super::{broken, passed};
use crate::history::Expectation::{Block, Either};
use crate::history::{Event, Outcome};
use crate::interleaving::Process;
use crate::pool::ErrorKind::{Database, TimedOut};
use crate::promise::Promise;
use crate::verdict::Verdict;

/// p0 holds `a`, which has used c0: steps 0 to 2.
fn holding() -> Story {
    story().done("p0 open").done("p0 checkout a").opens("p0", "c0").asks("p0 query a", "c0")
}

fn cut(told: Story) -> Story {
    told.event(Event::Cut { session: session("c0"), process: Process::FIRST, given: 0 })
}

fn blamed(told: &Story, rule: &str) -> bool {
    matches!(told.verdict(rule), Verdict::Failed(_))
}

#[test]
fn a_step_whose_session_is_cut_may_fail_and_so_may_what_comes_after_on_it() {
    let told = || cut(holding().expecting(Either).start("p0 query a cut=0")).answer("p0", error(Database));
    assert!(!blamed(&told().fails("p0 query a", Database), "ISO-1"), "its session is gone");
    assert!(!blamed(&told().fails("p0 dispose", Database), "ISO-1"), "a pool may complain of what it lost");
    let other = told().done("p0 checkout b").asks("p0 query b", "c1").fails("p0 query b", Database);
    assert!(blamed(&other, "ISO-1"), "another session is not");
}

#[test]
fn half_a_reply_is_no_answer() {
    let told = cut(holding().expecting(Either).start("p0 query a cut=20")).answer("p0", Outcome::Rows(Vec::new()));
    assert!(broken(told.verdict("REP-1")).starts_with("p0's step 3 (query a cut=20) got 0 rows") || blamed(&told, "REP-1"));
}

/// The server may have done it: nobody knows. Two rows are one too many in any case, and one of two is a part.
#[test]
fn a_commit_whose_reply_was_cut_is_all_or_nothing() {
    let told = || {
        let rows = holding().done("p0 begin a").asks("p0 insert a", "c0").asks("p0 insert a", "c0");
        cut(rows.expecting(Either).start("p0 commit a cut=0")).answer("p0", error(Database))
    };
    for ledger in [&[][..], &[1, 2]] {
        assert!(!blamed(&told().ledger(ledger), "TXN-1"), "{ledger:?}");
    }
    assert!(blamed(&told().ledger(&[1]), "TXN-1"));
}

fn restarted(max_size: u32) -> Story {
    let used = under(Promise::Anything, max_size).done("p0 open").done("p0 checkout a").opens("p0", "c0");
    let used = used.asks("p0 query a", "c0").start("p0 restart").event(Event::ServerClosed { session: session("c0") });
    used.answer("p0", Outcome::Done).expecting(Either).done("p0 return a")
}

fn fails_once(told: Story) -> Story {
    let told = told.expecting(Either).done("p0 checkout z").expecting(Either).fails("p0 query z", Database);
    told.expecting(Either).done("p0 return z")
}

#[test]
fn a_restart_gives_every_pool_as_many_failures_as_it_has_room() {
    assert_eq!(fails_once(restarted(1)).verdict("LIV-4"), Verdict::NotExercised);
    assert!(blamed(&fails_once(fails_once(restarted(1))), "LIV-4"));
    assert!(!blamed(&fails_once(fails_once(restarted(2))), "LIV-4"));
    let waits = holding().done("p0 spawn t1").expecting(Block).start("p0.t1 checkout b");
    let told = waits.start("p0 restart").answer("p0.t1", error(Database)).answer("p0", Outcome::Done);
    assert!(!blamed(&told, "LIV-2"), "who was on his way may meet it");
}

/// While the server refuses nothing has to succeed; from then on it has.
#[test]
fn what_is_refused_counts_only_from_the_end_of_the_refusal() {
    let fails = |told: Story| told.expecting(Either).fails("p0 checkout z", TimedOut);
    let refusing = || fails(fails(story().done("p0 open").done("p0 refuse")));
    assert_eq!(fails(refusing()).verdict("LIV-4"), Verdict::NotExercised);
    assert!(!blamed(&fails(refusing().done("p0 accept")), "LIV-4"));
    assert!(blamed(&fails(fails(refusing().done("p0 accept"))), "LIV-4"));
    let undone = fails(fails(refusing().event(Event::Accepting)));
    assert!(blamed(&undone, "LIV-4"), "undone before the final check it is over too");
    let served = refusing().done("p0 accept").done("p0 checkout z").asks("p0 query z", "c1");
    assert_eq!(served.verdict("LIV-4"), passed(1));
}

/// It is the process's own connect that was refused, and not that of another.
#[test]
fn whoever_was_turned_away_meanwhile_is_excused() {
    let refused = |told: Story, who: &str| {
        let told = told.start("p0 checkout a").event(Event::Opened { session: session("c7"), owner: witness(who) });
        told.event(Event::Refused { session: session("c7") }).answer("p0", error(Database))
    };
    assert!(!blamed(&refused(story().done("p0 open"), "p0"), "LIV-2"));
    assert!(blamed(&refused(story().done("p0 open").done("p0 fork p1"), "p1"), "LIV-2"));
}
