//! `poolproof replay`.

use std::path::Path;

use poolproof::certify::{self, Replay as Replayed};
use poolproof::corpus;
use poolproof::history::Event;
use poolproof::interleaving::Interleaving;
use poolproof::report;
use poolproof::rules::Level;
use poolproof::trouble::Trouble;
use poolproof::verdict::Verdict;

use super::args::Replay;
use super::benches::prepare;
use super::certify::replay_command;
use super::emit;
use super::exit::{Code, Stop};
use super::progress::Teller;
use super::screen::Screen;

/// Runs one interleaving, and shows what happened and what the rules say of it.
pub(crate) fn run(wanted: &Replay, screen: &mut Screen) -> Result<Code, Stop> {
    let mut teller = Teller::new();
    let target = wanted.foreign.pool(wanted.pool.as_deref(), &mut teller)?;
    let interleaving = read(&wanted.file)?;
    let bench = prepare(&[target], &wanted.servers, &mut teller)?;
    teller.begins(&format!("{}: replaying {}", target.name(), wanted.file.display()));
    let replayed = certify::replay(&bench, &target, &interleaving, wanted.times)?;
    teller.clear();
    let server = bench.product(target.database()).unwrap_or("an unknown server").to_owned();
    let embedded = bench.is_embedded(target.database());
    bench.finish()?;
    if let Some(language) = wanted.emit {
        let program = emit::program(language, target.name(), &server, &interleaving, &replayed)?;
        screen.say(&program)?;
        return Ok(Code::Passed);
    }
    let command = replay_command(&wanted.file, &target, &wanted.foreign, &wanted.servers);
    screen.say(&text(&replayed, &interleaving, target.name(), (&server, embedded), &command, screen))?;
    let code = code(&replayed, &interleaving);
    if code == Code::NotExercised {
        screen.say("\n  nothing was exercised: no step was carried out\n")?;
    }
    Ok(code)
}

/// The interleaving in a file. Whatever is wrong with the file is wrong with the command, unless reading it is forbidden.
fn read(file: &Path) -> Result<Interleaving, Stop> {
    corpus::read(file).map_err(|trouble| match trouble {
        Trouble::File { path, cause, .. } if !is_forbidden(file) => Stop::usage(format!("{}: {cause}", path.display()))
            .hint("`poolproof certify` saves failures as DIR/failures/POOL/PROMISE.RULE.interleaving"),
        other => other.into(),
    })
}

fn is_forbidden(file: &Path) -> bool {
    std::fs::File::open(file).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

fn text(
    replayed: &Replayed,
    interleaving: &Interleaving,
    pool: &str,
    (server, embedded): (&str, bool),
    command: &str,
    screen: &Screen,
) -> String {
    let (style, judgement) = (screen.style, &replayed.judgement);
    let mut text = match replayed.finding(interleaving, pool, server, embedded, command) {
        Some(finding) => report::failure(&finding, style),
        None => {
            let heading = style.strong(&format!("{pool} under {}, on {server}: no rule was broken", interleaving.promise));
            format!("{heading}\n\n{}", report::lanes(interleaving, &replayed.history, judgement, style))
        }
    };
    text.push('\n');
    text.push_str(&report::verdict_table(judgement.verdicts.iter().map(|(rule, verdict)| (*rule, verdict)), style));
    if judgement.first_cause().is_none() && replayed.replays > 1 {
        text.push_str(&format!("\n  the same in {} of {}\n", replayed.replayed, replayed.replays));
    }
    text
}

fn code(replayed: &Replayed, interleaving: &Interleaving) -> Code {
    let musts = || replayed.judgement.verdicts.iter().filter(|(rule, _)| rule.level == Level::Must).map(|(_, verdict)| verdict);
    let skipped = replayed.history.events().iter().filter(|event| matches!(event, Event::Skipped { .. })).count();
    if musts().any(|verdict| matches!(verdict, Verdict::Failed(_) | Verdict::Consequence { .. })) {
        // What only some executions show decides nothing.
        if replayed.is_steady() { Code::Broken } else { Code::NoVerdict }
    } else if musts().any(|verdict| matches!(verdict, Verdict::NoVerdict(_))) {
        Code::NoVerdict
    } else if skipped == interleaving.steps.len() {
        Code::NotExercised
    } else {
        Code::Passed
    }
}
