//! `docs/symptoms.md`, made from the table.

use super::{Cure, Symptom, all};

/// What stands above the table.
const HEAD: &str = "# Symptoms

What people see, and what is behind it. `poolproof explain \"TEXT\"` finds the entry for a message, whatever numbers, names and quotes it
has; `poolproof explain -` reads a log. Where a cure was measured it says how; what was not measured is what the documentation of the
libraries or the reports say. `POOL` stands for yours where no pool of this project has the failure.

This page is made from `targets/src/symptoms`: `poolproof explain --page` prints it.
";

/// The whole page.
pub fn page() -> String {
    let entries: Vec<String> = all().map(entry).collect();
    format!("{HEAD}\n{}", entries.join("\n"))
}

fn entry(symptom: &Symptom) -> String {
    let Symptom { name, messages, meaning, cause, rules, cures, shown, .. } = symptom;
    let quoted: Vec<String> = messages.iter().map(|message| format!("    {message}\n")).collect();
    let cures: Vec<String> = cures.iter().map(cure).collect();
    format!(
        "## {}\n\n{}\n{}.\n\n**Cause.** {cause}\n\n**Rules.** {}\n\n**Cures.**\n\n{}\n**Seen by** `{}`\n",
        capital(name),
        quoted.concat(),
        capital(meaning),
        rules.join(", "),
        cures.concat(),
        shown.command(),
    )
}

fn cure(cure: &Cure) -> String {
    match cure.measured {
        Some(how) => format!("- {}. *Measured:* {how}.\n", capital(cure.what)),
        None => format!("- {}. *Not measured.*\n", capital(cure.what)),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/symptoms.md");
        let stored = std::fs::read_to_string(path).unwrap_or_default();
        assert!(stored == page(), "docs/symptoms.md is stale: `cargo run -- explain --page > docs/symptoms.md` makes it anew");
    }
}
