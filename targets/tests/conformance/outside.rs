//! A crate that is none of this workspace, made of what the README says: its adapter, its `main`, its three lines for `Cargo.toml`.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;

use crate::lab::{Outcome, ensure, run, scratch};
use crate::suites::said;

const README: &str = include_str!("../../../README.md");
const LOCK: &str = include_str!("../../../Cargo.lock");

/// A workspace of its own. The profiles are those of this one, so that what it has compiled can be used.
const WORKSPACE: &str = "\n[workspace]\n\n[profile.release]\ndebug = \"line-tables-only\"\n\n\
                         [profile.dev.package.\"*\"]\nopt-level = 2\n";

/// It is green at its first run; a promise that the pool does not keep turns exactly its own test red.
pub(crate) fn stands_alone() -> Outcome {
    let (_directory, path) = scratch();
    write(&path, "ThreadsOnly, ExecOnly")?;
    let first = said(&run(&mut cargo_test(&path, &[])), 0, &["2 passed; 0 failed", "test threads-only::embedded"])?;
    ensure(!path.join("tests/poolproof").exists(), || format!("something was saved: {first}"))?;
    said(&run(&mut cargo_test(&path, &["no_such_name"])), 0, &["running 0 tests"])?;
    write(&path, "ThreadsOnly, ExecOnly, ChildUsesPool")?;
    let words = ["2 passed; 1 failed", "under child-uses-pool", "cargo test -p outside --test poolproof"];
    let second = said(&run(&mut cargo_test(&path, &[])), 101, &words)?;
    let red: Vec<&str> = second.lines().filter(|line| line.ends_with("... FAILED")).collect();
    ensure(red.len() == 1 && red[0].starts_with("test child-uses-pool::embedded "), || format!("{red:?}"))
}

fn write(path: &Path, promises: &str) -> Outcome {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness");
    let manifest = format!(
        "[package]\nname = \"outside\"\nedition = \"2024\"\n\n[lib]\npath = \"lib.rs\"\n\n{}\
         postgres = \"0.19\"\nr2d2 = \"0.8\"\nr2d2_postgres = \"0.18\"\n\n{}{WORKSPACE}\n\
         [profile.dev.package.poolproof]\nopt-level = 0\n",
        block("[dev-dependencies]\n")?.replace("../poolproof/harness", &harness.to_string_lossy()),
        block("[[test]]\n")?,
    );
    let main = block("poolproof::suite::<MyPool>")?.replace("[ThreadsOnly, ExecOnly]", &format!("[{promises}]"));
    let main = main.replace("{ExecOnly, ThreadsOnly}", &format!("{{{promises}}}"));
    std::fs::create_dir_all(path.join("tests"))?;
    std::fs::write(path.join("tests/poolproof.rs"), format!("{}\n{main}", block("impl Pool for MyPool")?))?;
    std::fs::write(path.join("Cargo.toml"), manifest)?;
    std::fs::write(path.join("Cargo.lock"), LOCK)?;
    Ok(std::fs::write(path.join("lib.rs"), "")?)
}

/// The README's block of code with these words in it.
fn block(words: &str) -> Result<String, Failed> {
    let mut blocks = README.split("```").skip(1).step_by(2);
    let block = blocks.find(|block| block.contains(words)).ok_or_else(|| format!("the README has no block with {words}"))?;
    Ok(block.split_once('\n').map(|(_, code)| code.to_owned()).unwrap_or_default())
}

fn cargo_test(path: &Path, filter: &[&str]) -> Command {
    let mut command = cargo(path, "test", &["--test", "poolproof"]);
    command.arg("--").args(filter);
    command
}

/// Cargo in a crate elsewhere, with what this workspace has compiled, and without the network.
pub(crate) fn cargo(path: &Path, what: &str, words: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap_or_default();
    // target/PROFILE/deps/conformance-…
    let profile = program.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
    let target: PathBuf = profile.parent().map(Path::to_owned).unwrap_or_default();
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args([what, "--offline"]).args(words).arg("--target-dir").arg(target).current_dir(path);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    command
}

/// A crate that is one program, with these lines of dependencies.
pub(crate) fn write_program(path: &Path, needs: &str, program: &str) -> Outcome {
    let manifest = format!("[package]\nname = \"report\"\nedition = \"2024\"\n\n[dependencies]\n{needs}{WORKSPACE}");
    std::fs::create_dir_all(path.join("src"))?;
    std::fs::write(path.join("src/main.rs"), program)?;
    std::fs::write(path.join("Cargo.toml"), manifest)?;
    Ok(std::fs::write(path.join("Cargo.lock"), LOCK)?)
}
