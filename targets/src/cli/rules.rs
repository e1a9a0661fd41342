//! `poolproof rules`: all rules, all about one, or the page that the repository has of them.

use poolproof::report;
use poolproof::rules;

use super::args::Rules;
use super::exit::{Code, Stop};
use super::names;
use super::screen::Screen;

/// Shows them.
pub(crate) fn run(wanted: &Rules, screen: &mut Screen) -> Result<Code, Stop> {
    let text = match &wanted.id {
        None if wanted.markdown => report::book(),
        None => report::rules(screen.style) + "\n`poolproof rules ID` tells why a rule is there and what to do.\n",
        Some(id) => {
            let rule = rules::find(&id.to_uppercase()).ok_or_else(|| {
                let ids: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
                names::unknown("rule", id, &ids, "`poolproof rules` lists them")
            })?;
            report::rule(rule, screen.style)
        }
    };
    screen.say(&text)?;
    Ok(Code::Passed)
}
