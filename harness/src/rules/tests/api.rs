//! API-1.

use super::story::{Story, error, row_of, story};
use super::{broken, passed};
use crate::history::{Ending, Outcome};
use crate::pool::ErrorKind;
use crate::verdict::Verdict;

/// p0 holds a connection of a pool that it has disposed: steps 0 to 2.
fn disposed() -> Story {
    story().done("p0 open").done("p0 checkout a").opens("p0", "c0").done("p0 dispose")
}

#[test]
fn a_disposed_pool_answers_with_an_error_or_with_its_own_row() {
    assert_eq!(disposed().fails("p0 query a", ErrorKind::Closed).verdict("API-1"), passed(1));
    assert_eq!(disposed().asks("p0 query a", "c0").fails("p0 checkout b", ErrorKind::Closed).verdict("API-1"), passed(2));
    assert_eq!(story().done("p0 open").done("p0 checkout a").asks("p0 query a", "c0").verdict("API-1"), Verdict::NotExercised);
}

/// A step goes wrong.
type Wrong = fn(Story) -> Story;

/// What goes wrong in p0's step 3, with the general rule that would say the same of any other pool.
const WRONGS: [(&str, Wrong); 6] = [
    ("ISO-2", |told| told.answer("p0", Outcome::Panicked("closed".into()))),
    ("ISO-2", |told| told.ended("p0", Ending::Signal(11)).closes("c0")),
    ("REP-1", |told| told.answer("p0", row_of(1))),
    ("LIV-1", |told| told.stuck("p0")),
    ("LIV-1", |told| told.spins("p0")),
    ("LIV-1", |told| told.overdue("p0")),
];

#[test]
fn it_does_not_crash_hang_or_give_the_row_of_another() {
    let said: Vec<_> = WRONGS.iter().map(|(_, wrong)| broken(wrong(disposed().start("p0 query a")).verdict("API-1"))).collect();
    let disposal = "the pool was disposed in p0's step 2 (dispose)";
    let step = "p0's step 3 (query a)";
    let begins = [
        format!("{step} panicked\n{disposal}\nclosed"),
        format!("p0 died of SIGSEGV\n{disposal}\nduring {step}"),
        format!("{step} got a row that nobody asked for\n{disposal}\nasked "),
        format!("{step} never ends: every thread of p0 waits for what can no longer come\n{disposal}\nt0: futex"),
        format!("{step} never ends: a thread of p0 has computed for 1000 ms without a system call\n{disposal}"),
        format!("{step} did not end within 5000 ms\n{disposal}"),
    ];
    for (said, begins) in said.iter().zip(begins) {
        assert!(said.starts_with(&begins), "{said}");
    }
}

/// The rule and the general ones never tell the same twice, and none counts what another judges.
#[test]
fn what_goes_wrong_in_a_disposed_pool_is_its_alone_and_elsewhere_that_of_the_general_rules() {
    for (general, wrong) in WRONGS {
        let judgement = wrong(disposed().start("p0 query a")).judged();
        assert_eq!(judgement.first_cause().map(|(rule, _)| rule.id), Some("API-1"), "{general}");
        assert_eq!(judgement.consequences().map(|(rule, _)| rule.id).collect::<Vec<_>>(), [""; 0], "{general}");
        let open = || story().done("p0 open").done("p0 checkout a").done("p0 open B").done("p0 dispose B").start("p0 query a");
        assert_eq!(wrong(open()).judged().first_cause().map(|(rule, _)| rule.id), Some(general));
        assert_eq!(wrong(open()).verdict("API-1"), Verdict::NotExercised);
    }
    let asked = |told: Story| ["LIV-1", "ISO-2", "REP-1", "API-1"].map(|rule| told.verdict(rule));
    let before = asked(disposed());
    let after = asked(disposed().asks("p0 query a", "c0"));
    assert_eq!(before[..3], after[..3]);
    assert_eq!(after[3], passed(1));
}

/// A pool without `dispose` cannot be asked again: that nothing was exercised is not for want of interleavings.
#[test]
fn where_no_pool_can_be_disposed_it_is_not_offered() {
    let refused = |told: Story| told.start("p0 dispose").answer("p0", Outcome::NotOffered);
    let open = || story().done("p0 open").done("p0 checkout a");
    assert_eq!(open().asks("p0 query a", "c0").verdict("API-1"), Verdict::NotExercised, "nobody was to dispose it");
    assert_eq!(refused(open()).asks("p0 query a", "c0").verdict("API-1"), Verdict::NotOffered);
    assert_eq!(refused(open()).start("p0 dispose").verdict("API-1"), Verdict::NotExercised, "one may be under way");
    assert_eq!(refused(open().done("p0 dispose")).asks("p0 query a", "c0").verdict("API-1"), passed(1));
    assert_eq!(refused(open()).judged().verdict("API-1"), Some(&Verdict::NotOffered));
}

/// Who is in two pools at once when he dies may have died of either.
#[test]
fn a_process_that_dies_inside_another_pool_too_is_no_evidence() {
    let told = disposed().done("p0 open B").done("p0 spawn t1").start("p0 query a").start("p0.t1 checkout b B");
    let judgement = told.ended("p0", Ending::Signal(11)).judged();
    assert_eq!(judgement.first_cause().map(|(rule, _)| rule.id), Some("ISO-2"));
}

/// A waiter of a pool that is disposed while it waits has no claim to be served.
#[test]
fn a_checkout_that_outlives_its_pool_is_not_late_for_room() {
    let told = story().done("p0 open").done("p0 spawn t1").start("p0.t1 checkout a").done("p0 dispose").overdue("p0.t1");
    let judgement = told.judged();
    assert_eq!(judgement.first_cause().map(|(rule, _)| rule.id), Some("API-1"));
    assert_eq!(judgement.consequences().count(), 0);
    let earlier = story().done("p0 open").done("p0 spawn t1").start("p0.t1 checkout a").overdue("p0.t1").done("p0 dispose");
    assert_eq!(
        earlier.judged().first_cause().map(|(rule, _)| rule.id),
        Some("LIV-2"),
        "it was late before the pool was disposed"
    );
}

#[test]
fn a_pool_is_disposed_for_its_process_and_its_later_children() {
    let hangs = |told: Story| told.start("p1 return a").stuck("p1").verdict("API-1");
    assert!(matches!(hangs(disposed().done("p0 fork p1")), Verdict::Failed(_)));
    let held = || story().done("p0 open").done("p0 checkout a").done("p0 fork p1");
    assert_eq!(hangs(held().done("p0 dispose")), Verdict::NotExercised, "the parent disposed its own copy, after the fork");
    let nothing = held().start("p1 dispose").answer("p1", Outcome::NotOffered);
    assert_eq!(hangs(nothing), Verdict::NotOffered);
    let user = story().done("p0 open").done("p0 checkout a").done("p0 spawn t1").done("p0 send a t1").start("p0.t1 query a");
    let caught = user.done("p0 dispose").answer("p0.t1", error(ErrorKind::Closed));
    assert_eq!(caught.verdict("API-1"), passed(1), "the user was in the middle of it");
}
