//! A saved failure, replayed by the same program: `POOLPROOF_REPLAY=FILE cargo test --test poolproof`.

use std::path::Path;

use libtest_mimic::Failed;

use super::stage::Stage;
use crate::certify::{self, Plan, Replay};
use crate::choice::ServerChoice;
use crate::corpus;
use crate::report::{self, Style};
use crate::rules::Level;
use crate::verdict::Verdict;
use crate::words::quoted;

/// Replays a file. It fails if a MUST is broken, nearly each time.
pub(super) fn replay(stage: &Stage, file: &Path, choice: &ServerChoice, style: Style) -> Result<(), Failed> {
    let interleaving = corpus::read(file)?;
    let (pool, database) = (stage.target.name(), stage.target.database());
    let (replayed, server, embedded) = stage.on(choice, |bench| {
        let replayed = certify::replay(bench, &stage.target, &interleaving, Plan::default().replays)?;
        Ok((replayed, stage.product(bench), bench.is_embedded(database)))
    })?;
    let again = command(file, choice);
    let shown = match replayed.finding(&interleaving, pool, &server, embedded, &again) {
        Some(finding) => report::failure(&finding, style),
        None => {
            let heading = style.strong(&format!("{pool} under {}, on {server}: no rule was broken", interleaving.promise));
            format!("{heading}\n\n{}", report::lanes(&interleaving, &replayed.history, &replayed.judgement, style))
        }
    };
    let table = report::verdict_table(replayed.judgement.verdicts.iter().map(|(rule, verdict)| (*rule, verdict)), style);
    let text = format!("\n{shown}\n{table}");
    if is_broken(&replayed) {
        return Err(text.into());
    }
    stage.note(text);
    Ok(())
}

fn is_broken(replayed: &Replay) -> bool {
    let mut musts = replayed.judgement.verdicts.iter().filter(|(rule, _)| rule.level == Level::Must);
    replayed.is_steady() && musts.any(|(_, verdict)| matches!(verdict, Verdict::Failed(_) | Verdict::Consequence { .. }))
}

/// What replays a file on the same server, through this program or what started it.
pub(super) fn command(file: &Path, choice: &ServerChoice) -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let package = std::env::var("CARGO_PKG_NAME").ok();
    let file = quoted(&file.to_string_lossy());
    let server = match choice {
        ServerChoice::Embedded => String::new(),
        choice => format!("POOLPROOF_SERVER={} ", quoted(&choice.word())),
    };
    format!("{server}POOLPROOF_REPLAY={file} {}", starter(&program, package.as_deref()))
}

/// Cargo names the programs of tests with a hash and keeps them apart from those that are meant to be run by hand.
fn starter(program: &Path, package: Option<&str>) -> String {
    let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let kept = program.parent().and_then(Path::file_name).is_some_and(|folder| folder == "deps");
    match (name.rsplit_once('-'), package) {
        (Some((test, _)), Some(package)) if kept => format!("cargo test -p {} --test {}", quoted(package), quoted(test)),
        _ => quoted(&program.to_string_lossy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_started_by_cargo_and_anything_else_by_its_path() {
        let test = Path::new("/w/target/debug/deps/pool_proof-0123456789abcdef");
        assert_eq!(starter(test, Some("my-pool")), "cargo test -p my-pool --test pool_proof");
        assert_eq!(starter(test, None), "/w/target/debug/deps/pool_proof-0123456789abcdef");
        assert_eq!(starter(Path::new("/w/target/debug/examples/a-b"), Some("my-pool")), "/w/target/debug/examples/a-b");
    }

    #[test]
    fn a_command_names_the_server_but_no_password() {
        let url = ServerChoice::Url("postgres://me:secret@here/db".to_owned());
        let line = command(Path::new("/a b"), &url);
        assert!(line.starts_with("POOLPROOF_SERVER=postgres://me:PASSWORD@here/db POOLPROOF_REPLAY='/a b' "), "{line}");
        assert!(command(Path::new("/a"), &ServerChoice::Embedded).starts_with("POOLPROOF_REPLAY=/a "));
    }
}
