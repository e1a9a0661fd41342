//! The lanes.

use super::same;
use super::tale::{Tale, session, tale};
use crate::history::{Ending, Event, Expectation, Frame, InvocationId, Outcome, Skip, Witness};
use crate::interleaving::Process;
use crate::nonce::Nonce;
use crate::pool::ErrorKind;
use crate::report::Style;

const PLAIN: Style = Style { colour: false, width: 100 };

/// A child returns what it inherited, and the pool says goodbye; the parent's commit is lost.
pub(super) fn goodbye() -> Tale {
    tale()
        .does("p0 open")
        .starts("p0 checkout a")
        .opens("p0", "c0")
        .ends(1, Outcome::Done)
        .starts("p0 begin a")
        .writes("p0", "c0", &["Query"])
        .ends(2, Outcome::Done)
        .asks("p0 insert a", "c0")
        .does("p0 fork p1")
        .starts("p1 return a")
        .writes("p1", "c0", &["Terminate"])
        .breaks("OWN-1", "p1 wrote Terminate, 5 bytes, on c0, opened by p0", &["during p1's step 5 (return a)"])
        .ends(5, Outcome::Done)
        .event(Event::ServerClosed { session: session("c0") })
        .starts("p0 commit a")
        .writes("p0", "c0", &["Query"])
        .ends(6, Outcome::Error { kind: ErrorKind::Database, message: "connection closed\nby pid 4711".into() })
        .and_so("ISO-1", "p0's step 6 (commit a) failed without a cause in its own process")
}

#[test]
fn a_failure_reads_from_top_to_bottom() {
    let drawn = goodbye().final_check().does("p1 exit main").does("p0 return a").does("p0 exit main").drawn(PLAIN);
    same(
        &drawn,
        "
      p0          p1        wire
   0  open
   1  checkout a            c0 opened by p0
   2  begin a               p0 ▸ Query on c0
   3  insert a              p0 ▸ Query on c0
   4  fork p1
▶  5  │           return a  p1 ▸ Terminate on c0, which ends it
   6  commit a    │         p0 ▸ Query on c0
▷     → error: connection closed by pid N
      … final check went on

▶ OWN-1  p1 wrote Terminate, 5 bytes, on c0, opened by p0
         during p1's step 5 (return a)
▷ and so ISO-1  p0's step 6 (commit a) failed without a cause in its own process
",
    );
}

/// The same events in another run, with the same bytes cut in other places, and the server's EOF at another moment.
#[test]
fn the_text_shows_nothing_of_the_run_and_of_the_moment() {
    let story = |run: u32, whole: bool| {
        let told = tale().in_run(run).does("p0 open").starts("p0 checkout a").opens("p0", "c0").ends(1, Outcome::Done);
        let told = told.does("p0 fork p1").starts("p1 checkout a");
        let told = match whole {
            true => {
                told.writes("p1", "c0", &["Parse", "Sync", "Terminate"]).event(Event::ServerClosed { session: session("c0") })
            }
            false => told.writes("p1", "c0", &[]).writes("p1", "c0", &["Parse", "Sync"]).writes("p1", "c0", &["Terminate"]),
        };
        let wrong = format!("timed out after {run}.5s, asked poolproof-{run}-3., see /tmp/pp-run{run}/w{run}/.s.PGSQL.5432");
        let told = told.ends(3, Outcome::Error { kind: ErrorKind::Other, message: wrong });
        let told = told.breaks("LIV-1", &format!("p1's step 3 (checkout a) did not end within {run} ms"), &[]);
        let told = told.does("p0 open").writes("p0", "c0", &["Query"]);
        let told = if whole { told } else { told.event(Event::ServerClosed { session: session("c0") }) };
        told.drawn(PLAIN)
    };
    let drawn = story(1, true);
    assert_eq!(drawn, story(4711, false));
    assert!(drawn.contains("p1 ▸ Parse, Sync, Terminate on c0, which ends it"), "{drawn}");
}

/// A nonce is as long as its run's number has digits.
#[test]
fn a_length_is_shown_only_where_it_is_the_same_in_every_run() {
    let story = |run: u32| {
        let bytes = 100 + run.to_string().len() as u32;
        let told = tale().in_run(run).does("p0 open").opens("p0", "c0").does("p0 fork p1").starts("p1 query a");
        let frames = vec![Frame { name: "Query", bytes, nonce: Some(Nonce { run, step: 2 }), goodbye: false }];
        let told = told.event(Event::Wrote { session: session("c0"), writer: Witness::Process(Process(1)), bytes, frames });
        let foreign = format!("p1 wrote Query, {bytes} bytes, on c0, opened by p0");
        told.breaks("OWN-1", &foreign, &["p1 wrote Terminate, 5 bytes, on c0, opened by p0"]).drawn(PLAIN)
    };
    let drawn = story(7);
    assert_eq!(drawn, story(4711));
    assert!(drawn.contains("OWN-1  p1 wrote Query on c0, opened by p0\n"), "{drawn}");
    assert!(drawn.contains("p1 wrote Terminate, 5 bytes, on c0, opened by p0\n"), "{drawn}");
}

#[test]
fn a_step_that_waits_gets_its_outcome_where_it_comes() {
    let drawn = tale()
        .does("p0 open")
        .does("p0 checkout a")
        .does("p0 spawn t1")
        .starts("p0.t1 checkout b")
        .does("p0 return a")
        .ends(3, Outcome::Done)
        .does("p0.t1 return b")
        .expecting(Expectation::Block)
        .fails("p0 checkout c", ErrorKind::TimedOut, "timed out after 10 ms")
        .skips("p0.t1 commit b", Skip::NoSuchName)
        .drawn(PLAIN);
    same(
        &drawn,
        "
      p0          p0.t1               wire
   0  open
   1  checkout a
   2  spawn t1
   3  │           checkout b … waits
   4  return a    │
   3  │           checkout b → done
   5  │           return b
   6  checkout c → timed out, as it must
      │           (commit b) skipped: a name in it stands for nothing here
",
    );
}

#[test]
fn a_process_that_is_stuck_and_one_that_dies_are_shown() {
    let drawn = tale()
        .does("p0 open")
        .does("p0 fork p1")
        .starts("p1 checkout a")
        .event(Event::Stuck { process: Process(1), id: InvocationId(2), threads: vec!["futex, without a time limit".into()] })
        .breaks(
            "LIV-1",
            "p1's step 2 (checkout a) never ends: every thread of p1 waits for what can no longer come",
            &["futex, without a time limit"],
        )
        .event(Event::Killed { process: Process(1) })
        .event(Event::Ended { process: Process(1), ending: Ending::Signal(9) })
        .event(Event::Ended { process: Process(0), ending: Ending::Signal(11) })
        .and_so("ISO-2", "p0 died of SIGSEGV")
        .drawn(PLAIN);
    same(
        &drawn,
        "
      p0       p1  wire
   0  open
   1  fork p1
▶  2  │        checkout a → never ends; p1 is killed
▷     p0 died of SIGSEGV

▶ LIV-1  p1's step 2 (checkout a) never ends: every thread of p1 waits for what can no longer come
         futex, without a time limit
▷ and so ISO-2  p0 died of SIGSEGV
",
    );
}

/// In a long final check only what leads to a broken rule is shown.
#[test]
fn the_final_check_is_cut_to_what_matters() {
    let told = tale().does("p0 open").starts("p0 checkout a").opens("p0", "c0").ends(1, Outcome::Done).does("p0 fork p1");
    let told = told.final_check().does("p1 leak a").does("p1 checkout z");
    let told = (5..9).fold(told, |told, _| told.asks("p1 query z", "c0"));
    let drawn = told
        .starts("p1 exit main")
        .writes("p1", "c0", &["Terminate"])
        .breaks("OWN-1", "p1 wrote Terminate, 5 bytes, on c0, opened by p0", &[])
        .event(Event::Ended { process: Process(1), ending: Ending::Code(0) })
        .asks("p0 query a", "c0")
        .does("p0 return a")
        .does("p0 drop-pool")
        .starts("p0 exit main")
        .event(Event::Ended { process: Process(0), ending: Ending::Code(0) })
        .event(Event::Ledger { rows: Vec::new() })
        .and_so("TXN-1", "p0's step 1 was reported done, and its row is not in the ledger")
        .drawn(PLAIN);
    same(
        &drawn,
        "
      p0          p1         wire
   0  open
   1  checkout a             c0 opened by p0
   2  fork p1
      ── final check ──
      …
   6  │           query z    p1 ▸ Query on c0
   7  │           query z    p1 ▸ Query on c0
   8  │           query z    p1 ▸ Query on c0
▶  9  │           exit main  p1 ▸ Terminate on c0
  10  query a                p0 ▸ Query on c0
  11  return a
  12  drop-pool
  13  exit main
▷     ── row check: 0 rows ──

▶ OWN-1  p1 wrote Terminate, 5 bytes, on c0, opened by p0
▷ and so TXN-1  p0's step 1 was reported done, and its row is not in the ledger
",
    );
}

/// Where nothing was broken there is nothing to leave out.
#[test]
fn a_passing_execution_is_shown_whole() {
    let drawn = tale()
        .does("p0 open")
        .final_check()
        .starts("p0 checkout z")
        .opens("p0", "c0")
        .ends(1, Outcome::Done)
        .asks("p0 query z", "c0")
        .does("p0 return z")
        .starts("p0 drop-pool")
        .writes("p0", "c0", &["Terminate"])
        .event(Event::ClientClosed { session: session("c0"), held: false })
        .event(Event::ServerClosed { session: session("c0") })
        .ends(4, Outcome::Done)
        .does("p0 exit main")
        .drawn(PLAIN);
    same(
        &drawn,
        "
      p0          wire
   0  open
      ── final check ──
   1  checkout z  c0 opened by p0
   2  query z     p0 ▸ Query on c0
   3  return z
   4  drop-pool   p0 ▸ Terminate on c0
   5  exit main
",
    );
}

/// With so many actors there is no room for a lane each.
#[test]
fn a_crowd_shares_one_lane_and_no_line_is_too_long() {
    let names = ["p0", "p0.t1", "p0.t2", "p1", "p1.t1", "p2", "p2.t3", "p3", "p4"];
    let words = "an error of the pool with very many words in it, and a_very_long_name_without_any_blank_in_it".repeat(9);
    let crowd = |width: usize| {
        let told = names.iter().fold(tale(), |told, name| told.does(&format!("{name} checkout a")));
        told.opens("p0", "c0")
            .writes("p1", "c0", &["COM_STMT_PREPARE", "COM_STMT_SEND_LONG_DATA", "COM_STMT_EXECUTE"])
            .breaks("OWN-1", &words, &[&words])
            .fails("p2.t3 query a", ErrorKind::Other, &words)
            .drawn(Style { colour: false, width })
    };
    assert!(crowd(100).contains("p2.t3 checkout a"), "{}", crowd(100));
    for width in [60, 72, 100] {
        for drawn in [crowd(width), goodbye().drawn(Style { colour: false, width })] {
            let longest = drawn.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
            assert!(longest.chars().count() <= width, "longer than {width}: {longest}");
        }
    }
}

/// Colours are added to the text and change nothing of it; what broke a rule is red.
#[test]
fn colours_leave_the_text_as_it_is() {
    let coloured = goodbye().drawn(Style { colour: true, width: 100 });
    assert!(coloured.contains("\x1b[1;31mp1 ▸ Terminate on c0, which ends it\x1b[0m"), "{coloured}");
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        bare.push_str(before);
        rest = after.split_once('m').map_or("", |(_, text)| text);
    }
    bare.push_str(rest);
    assert_eq!(bare, goodbye().drawn(PLAIN));
}
