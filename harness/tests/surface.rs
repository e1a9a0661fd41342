//! What the crate offers to others stands in `harness/public-api.txt`, so that a change of it is a decision. `UPDATE_EXPECT=1` writes it
//! anew.
//!
//! Whatever is `pub` can be reached from outside: the lint `unreachable_pub` sees to that. So the declarations of the sources are the
//! interface.

use std::path::{Path, PathBuf};

use expect_test::expect_file;

#[test]
fn the_public_interface_is_the_one_that_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = String::new();
    for file in sources(&root) {
        let source = std::fs::read_to_string(&file).expect("a source");
        let declared = declarations(&source);
        if !declared.is_empty() {
            let name = file.strip_prefix(&root).expect("it lies below").display();
            text.push_str(&format!("{name}\n    {}\n", declared.join("\n    ")));
        }
    }
    assert!(text.contains("fn checkout(&self, patience: Duration) -> Result<Self::Connection, Error>;"), "{text}");
    expect_file!["../public-api.txt"].assert_eq(&text);
}

#[test]
fn a_declaration_is_all_that_others_can_rely_on() {
    let source = "/// Words.\n#[derive(Clone, Debug)]\npub struct A {\n    /// A word.\n    pub one: u8,\n    two: u8,\n}\n\n\
                  pub(crate) fn hidden() {}\n\nimpl A {\n    pub fn long(\n        &self,\n        other: &Self,\n    ) -> bool {\n        true\n    }\n}\n\n\
                  pub trait B: Send {\n    const C: u8;\n    fn must(&self);\n    fn may(&self) -> u8 {\n        0\n    }\n}\n\n\
                  pub enum D {\n    E,\n    F {\n        // Why.\n        g: u8,\n    },\n}\n\n#[cfg(test)]\nmod tests {\n    pub fn t() {}\n}\n";
    let wanted = [
        "#[derive(Clone, Debug)]",
        "pub struct A {",
        "pub one: u8,",
        "impl A {",
        "pub fn long( &self, other: &Self, ) -> bool {",
        "pub trait B: Send {",
        "const C: u8;",
        "fn must(&self);",
        "fn may(&self) -> u8 {",
        "pub enum D {",
        "E,",
        "F {",
        "g: u8,",
        "},",
    ];
    assert_eq!(declarations(source), wanted);
}

/// Every source that is no test's, in the order of their paths.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    let is_test =
        |path: &Path| path.file_stem().is_some_and(|name| name.to_string_lossy().split('_').next_back() == Some("tests"));
    let entries = entries.into_iter().filter(|path| !is_test(path));
    let of = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.flat_map(of).filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// The public declarations of a source, each in one line, without what is inside of functions.
fn declarations(source: &str) -> Vec<String> {
    let source = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let (mut found, mut derived, mut block) = (Vec::new(), None, None);
    // Inside of a trait or an enum, to the brace that ends it, everything is public.
    let mut open: Option<(&str, bool)> = None;
    while let Some(line) = lines.next() {
        let (indent, text) = line.split_at(line.len() - line.trim_start().len());
        if open.is_some_and(|(of, _)| indent == of && text == "}") {
            open = None;
            continue;
        }
        let in_trait =
            open.is_some_and(|(of, is_trait)| is_trait && indent.len() == of.len() + 4 && !text.starts_with(['}', '#']));
        let in_enum = open.is_some_and(|(_, is_trait)| !is_trait && !text.starts_with('#'));
        match text {
            _ if text.starts_with("#[derive(") => derived = Some(text.to_owned()),
            _ if text.starts_with("impl") && indent.is_empty() => block = Some(joined(text, &mut lines)),
            "}" if indent.is_empty() => block = None,
            _ if text.starts_with("pub ") || in_trait || in_enum => {
                let declared = if in_enum { text.to_owned() } else { joined(text, &mut lines) };
                if indent.is_empty() {
                    found.extend(derived.take());
                } else {
                    found.extend(block.take());
                }
                if declared.ends_with('{') && ["pub trait ", "pub enum "].iter().any(|word| declared.starts_with(word)) {
                    open = Some((indent, declared.starts_with("pub trait ")));
                }
                found.push(declared);
            }
            _ if indent.is_empty() && !text.starts_with('#') => derived = None,
            _ => {}
        }
    }
    found
}

/// A declaration to its end, which is a brace, a semicolon, or, of a field, a comma.
fn joined<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut text = first.to_owned();
    let is_field = |text: &str| text.ends_with(',') && !text.contains('(') && !text.starts_with("pub use");
    while !text.ends_with(['{', ';', '}']) && !is_field(&text) {
        let Some(line) = lines.next() else { break };
        text.push(' ');
        text.push_str(line.trim());
    }
    text
}
