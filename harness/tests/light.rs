//! The library's default build stays light: the README says how many crates it takes, and this holds it to its word.

use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn the_readme_says_how_many_crates_the_library_takes() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("the README");
    let (before, _) = readme.split_once(" crates besides itself").expect("the README says how many crates there are");
    let said: usize = before.rsplit(char::is_whitespace).next().unwrap_or_default().parse().expect("a number of crates");
    assert_eq!(crates().len(), said, "the README is wrong about the crates of the library: {:#?}", crates());
}

/// What `cargo` compiles for the library alone, for this system.
fn crates() -> BTreeSet<String> {
    let arguments =
        ["tree", "--offline", "--locked", "-p", "poolproof", "-e", "normal,build", "--prefix", "none", "--format", "{p}"];
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    names.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).filter(|line| !line.starts_with("poolproof ")).collect()
}
