//! The examples do what their first lines say.
#![cfg(all(target_os = "linux", not(poolproof_elsewhere)))]

use std::process::Command;

/// What an example of this build says.
fn said(example: &str) -> String {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--offline", "--quiet", "-p", "poolproof", "--example", example]);
    let release = std::env::current_exe().is_ok_and(|program| program.iter().any(|part| part == "release"));
    command.args(release.then_some("--release")).current_dir(env!("CARGO_MANIFEST_DIR")).env("POOLPROOF_CASES", "40");
    let output = command.output().expect("cargo runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

#[test]
fn the_smallest_pool_keeps_what_it_promises() {
    let text = said("smallest");
    assert!(text.contains("2 passed; 0 failed"), "{text}");
}

/// The bug is found in the one pool, and nothing in the other.
#[test]
fn the_walk_leads_from_a_bug_to_its_cure() {
    let text = said("walk_through");
    assert!(text.contains("workshop breaks OWN-1 under child-uses-pool"), "{text}");
    assert!(text.contains("\nworkshop-cured: 0 broken in 100 interleavings"), "{text}");
}
