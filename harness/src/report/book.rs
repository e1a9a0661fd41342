//! The rulebook as a page: every promise, every rule. `RULES.md` is this text.

use crate::promise::Promise;
use crate::rules::{self, Level, Rule};
use crate::transport::Transport;

/// The command that writes the page again.
const COMMAND: &str = "cargo run -p poolproof-targets -- rules --markdown > RULES.md";

/// The page, in Markdown.
pub fn book() -> String {
    let mut page = format!(
        "# The rules, edition {}\n\n<!-- Written by `{COMMAND}`; do not edit it by hand. -->\n\n\
         MUST and SHOULD as in RFC 2119. Where the field reports and failures come from that the reasons name:\n\
         [docs/sources.md](docs/sources.md). `poolproof rules ID` shows one rule with its picture.\n",
        rules::EDITION
    );
    promises(&mut page);
    page.push_str("\n## Rules\n\n| id | level | rule |\n| --- | --- | --- |\n");
    for rule in rules::ALL {
        page.push_str(&format!("| [{}](#{}) | {} | {} |\n", rule.id, anchor(rule), level(rule), rule.sentence));
    }
    rules::ALL.iter().for_each(|rule| chapter(rule, &mut page));
    page
}

fn promises(page: &mut String) {
    page.push_str(
        "\n## Promises\n\nWhat the application promises around fork. A pool has a verdict under each of them. Whoever keeps a promise \
         keeps every\none that includes it.\n\n| promise | the application promises | includes |\n| --- | --- | --- |\n",
    );
    for promise in Promise::ALL {
        let included: Vec<_> = promise.includes().iter().map(|included| format!("`{included}`")).collect();
        page.push_str(&format!("| `{promise}` | {} | {} |\n", promise.sentence(), included.join(", ")));
    }
    page.push_str(
        "\nWith `+dirty` behind it, connections may be returned with an open transaction or changed settings. The rules about what the\n\
         next holder finds are judged there and only there; every other rule only where that is not allowed.\n",
    );
}

fn chapter(rule: &Rule, page: &mut String) {
    page.push_str(&format!("\n### {}\n\n**{}** {}\n\n", rule.id, level(rule), rule.sentence));
    page.push_str(&format!("- Why: {}\n- It rests on: {}.\n", rule.reason, rule.evidence));
    if rule.is_about_returns() {
        page.push_str("- It is judged under promises with `+dirty`, and only there.\n");
    }
    let hidden: Vec<&str> =
        Transport::ALL.into_iter().filter(|transport| !rule.is_visible(*transport)).map(Transport::word).collect();
    if !hidden.is_empty() {
        page.push_str(&format!("- It cannot be seen over: {}.\n", hidden.join(", ")));
    }
    page.push_str(&format!("- What to do: {}\n", rule.usual_remedy()));
    for (promise, remedy) in rule.special_remedies() {
        page.push_str(&format!("  - under `{promise}`: {remedy}\n"));
    }
    page.push_str(&format!(
        "- The negative control that breaks it: `{}`\n\nThe smallest interleaving that breaks it:\n\n",
        rule.mutant
    ));
    page.push_str(&format!("```text\n{}\n```\n", rule.smallest));
}

fn level(rule: &Rule) -> &'static str {
    match rule.level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
    }
}

fn anchor(rule: &Rule) -> String {
    rule.id.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader finds at the root of the repository is what the rules say today.
    #[test]
    fn the_page_at_the_root_is_up_to_date() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../RULES.md");
        let written = std::fs::read_to_string(file).unwrap_or_default();
        assert!(written == book(), "RULES.md is stale; write it again: {COMMAND}");
    }
}
