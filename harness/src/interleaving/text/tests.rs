//! The text form reads back what it wrote, and says where it cannot.

use super::*;
use proptest::prelude::*;

fn any_op() -> impl Strategy<Value = Op> {
    let pool = || prop::option::of(any::<u8>().prop_map(PoolName));
    let handle = || any::<u8>().prop_map(Handle);
    prop_oneof![
        pool().prop_map(Op::Open),
        pool().prop_map(Op::Dispose),
        pool().prop_map(Op::DropPool),
        pool().prop_map(Op::LeakPool),
        pool().prop_map(Op::AfterFork),
        pool().prop_map(Op::DropRuntime),
        (handle(), pool()).prop_map(|(h, p)| Op::Checkout(h, p)),
        handle().prop_map(Op::Return),
        handle().prop_map(Op::Leak),
        handle().prop_map(Op::Query),
        handle().prop_map(Op::Prepared),
        handle().prop_map(Op::Insert),
        prop_oneof![handle().prop_map(Op::Mark), handle().prop_map(Op::Lock)],
        prop_oneof![handle().prop_map(Op::Cancel), handle().prop_map(Op::EndSession)],
        prop_oneof![Just(Op::Exec), Just(Op::Collect), Just(Op::Release)],
        prop_oneof![prop::sample::select(Refusal::ALL.to_vec()).prop_map(Op::Refuse), Just(Op::Accept), Just(Op::Restart)],
        handle().prop_map(Op::Begin),
        handle().prop_map(Op::Commit),
        handle().prop_map(Op::Rollback),
        (any::<u8>(), prop::sample::select(ForkKind::ALL.to_vec())).prop_map(|(p, kind)| Op::Fork(Process(p), kind)),
        any::<u8>().prop_map(|p| Op::Wait(Process(p))),
        prop::sample::select(ExitKind::ALL.to_vec()).prop_map(Op::Exit),
        any::<u8>().prop_map(|t| Op::Spawn(Thread(t))),
        any::<u8>().prop_map(|t| Op::Join(Thread(t))),
        (handle(), any::<u8>()).prop_map(|(h, t)| Op::Send(h, Thread(t))),
    ]
}

proptest! {
    /// The text form is the replay token: nothing of an interleaving may get lost in it.
    #[test]
    fn what_is_printed_reads_back(
        max_size in 1..=limits::MAX_SIZE,
        promise in prop::sample::select(Promise::ALL.to_vec()),
        (dirty, ancestor_first) in any::<(bool, bool)>(),
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any_op(), prop::option::of(1..=limits::STALL), any::<Option<u8>>()), 0..20),
    ) {
        let steps = steps.into_iter().map(|(process, thread, op, stall, cut)| {
            let stall = stall.filter(|_| op.reaches_the_wire());
            let cut = cut.filter(|_| op.reaches_the_wire());
            Step { actor: Actor { process: Process(process), thread: Thread(thread) }, op, stall, cut }
        }).collect();
        let written = Interleaving { max_size, promise, dirty, ancestor_first, steps };
        prop_assert_eq!(parse(&written.to_string()), Ok(written));
    }

    /// Whatever a file holds, the parser answers.
    #[test]
    fn no_text_makes_the_parser_panic(text in "(pool|promise|p0|p1.t1|open|checkout|send|a|B|t1|max_size=|exit|[ -~é\n])*") {
        let _ = parse(&text);
    }
}

#[test]
fn a_mistake_is_named_with_its_line_and_column() {
    let place = |text: &str| parse(text).map_err(|error| (error.line, error.column)).err();
    assert_eq!(place("p0 open\np0  chekout a"), Some((2, 5)));
    assert_eq!(place("pool max_size=0"), Some((1, 6)));
    assert_eq!(place("promise nothing"), Some((1, 9)));
    assert_eq!(place("p0 checkout"), Some((1, 12)));
    assert_eq!(place("p0 query a b"), Some((1, 12)));
    assert_eq!(place("é0 open"), Some((1, 1)));
    assert_eq!(place("p0 exit é later"), Some((1, 9)));
    assert_eq!(place("p0 query A # a comment"), Some((1, 10)));
    assert_eq!(place("pool max_size=1\npromise child-drops\npromise threads-only"), Some((3, 1)));
    assert_eq!(place("p0 open\n pool max_size=2"), Some((2, 2)), "it holds for every step");
    assert_eq!(place("p0 query a stall=0"), Some((1, 12)));
    assert_eq!(place("p0 checkout a stall=1 A"), Some((1, 23)), "a stall stands last");
    assert_eq!(place("p0 fork p1 stall=1"), Some((1, 12)), "it asks the server nothing");
    assert_eq!(place("p0 query a cut=256"), Some((1, 12)));
    assert_eq!(place("p0 query a cut=0 stall=1"), Some((1, 18)), "a stall stands before");
    assert_eq!(place("p0 spawn t1 cut=0"), Some((1, 13)), "it asks the server nothing");
    assert_eq!(place("p0 refuse closed"), Some((1, 11)));
    assert_eq!(place("p0 fork p1 vfork"), Some((1, 12)));
    assert_eq!(place("promise anything+dusty"), Some((1, 9)));
    assert_eq!(place("order youngest-first"), Some((1, 7)));
    assert_eq!(place("p0 query \u{fffd}"), Some((1, 10)), "what was no text");
}

#[test]
fn comments_and_empty_lines_say_nothing() {
    let read = parse("# why\n\npool max_size=2 # two\npromise child-drops\np0  fork p1\n").expect("valid");
    assert_eq!((read.max_size, read.promise, read.steps.len()), (2, Promise::ChildDrops, 1));
}
