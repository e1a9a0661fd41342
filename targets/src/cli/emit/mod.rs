//! `poolproof replay --emit`: a failure as a program of its own, for a report to the authors of the pool. It shows what is broken without
//! poolproof, on any server.
//!
//! `plan.rs` says what it does, `rust.rs` and `python.rs` write it down.

mod plan;
mod python;
mod rust;

use poolproof::certify::Replay;
use poolproof::interleaving::Interleaving;

use super::args::Language;
use super::exit::Stop;

/// The program that shows what a replay has shown on that server.
pub(super) fn program(
    language: Language,
    pool: &str,
    server: &str,
    interleaving: &Interleaving,
    replay: &Replay,
) -> Result<String, Stop> {
    let none = |why: String| {
        Stop::usage(format!("there is no program for this: {why}"))
            .hint("without --emit the interleaving is replayed, and shown as it stands")
    };
    let plan = plan::plan(&replay.history, &replay.judgement).map_err(none)?;
    let about = about(pool, server, interleaving, replay);
    let program = match language {
        Language::Rust => rust::program(pool, interleaving.max_size, &about, &plan),
        Language::Python => python::program(pool, interleaving.max_size, &about, &plan),
    };
    program.map_err(none)
}

/// What it shows.
fn about(pool: &str, server: &str, interleaving: &Interleaving, replay: &Replay) -> Vec<String> {
    let rule = replay.judgement.first_cause().map(|(rule, _)| rule);
    // The rest of a rule's sentences says what it is not about.
    let broken = rule.map_or_else(String::new, |rule| {
        let sentence = rule.sentence.split_once(". ").map_or(rule.sentence, |(first, _)| first).trim_end_matches('.');
        format!(" breaks {}: {sentence}.", rule.id)
    });
    vec![
        format!("{pool}{broken}"),
        format!(
            "Found by poolproof {} under {}, on {server}. Its argument is a server's URL, its exit code 0 if nothing breaks.",
            env!("CARGO_PKG_VERSION"),
            interleaving.terms()
        ),
    ]
}
