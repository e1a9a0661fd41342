//! `poolproof explain`: from a message to what is behind it.

use std::io::Read;

use poolproof::report::wrapped;
use poolproof_targets::symptoms::{self, Cure, Symptom};

use super::args::Explain;
use super::exit::{Code, Stop};
use super::screen::Screen;

/// Says what a text means.
pub(crate) fn run(wanted: &Explain, screen: &mut Screen) -> Result<Code, Stop> {
    if wanted.page {
        screen.say(&symptoms::page())?;
        return Ok(Code::Passed);
    }
    let text = text(&wanted.text)?;
    let found = symptoms::find(&text);
    let Some((first, others)) = found.split_first() else {
        screen.say(UNKNOWN)?;
        return Ok(Code::NoVerdict);
    };
    screen.say(&whole(first, screen))?;
    if !others.is_empty() {
        screen.say("\nThe text shows this too, less clearly:\n\n")?;
        for other in others {
            screen.say(&paragraph(&format!("  {}: ", other.name), other.meaning, screen))?;
            screen.say(&format!("    poolproof explain {:?}\n", other.messages[0].replace('"', "'")))?;
        }
    }
    Ok(Code::Passed)
}

/// What is said of a text in which nothing is known.
const UNKNOWN: &str = "\
No symptom is known in this text.

Give the words of the message itself, without the lines around it; names and numbers do not matter.
docs/symptoms.md has all that are known. Whether processes share a connection can be seen whatever
the message says:

  poolproof watch -- COMMAND       runs your program as it is, and names who writes where
  poolproof certify POOL           looks for what breaks a pool

A message that belongs here is worth a report: with the message, the driver and the pool.
";

/// The words, or all of the standard input.
fn text(words: &[String]) -> Result<String, Stop> {
    if words != ["-"] {
        return Ok(words.join(" "));
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().read_to_end(&mut bytes);
    read.map_err(|error| Stop::environment(format!("cannot read the standard input: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn whole(symptom: &Symptom, screen: &Screen) -> String {
    let Symptom { name, meaning, cause, rules, cures, shown, .. } = symptom;
    let mut text = format!("{}\n\n", screen.style.strong(name));
    text.push_str(&paragraph("  it means: ", meaning, screen));
    text.push_str(&paragraph("  cause: ", cause, screen));
    text.push_str(&format!("\n  rules: {} (`poolproof rules {}`)\n\n  what to do:\n", rules.join(", "), rules[0]));
    cures.iter().for_each(|cure| text.push_str(&told(cure, screen)));
    let command = shown.command();
    text.push_str(&match shown.pool {
        Some(_) => format!("\n  see it: {command}\n"),
        None => format!("\n  see it, if your pool has it: {command}\n"),
    });
    text
}

fn told(cure: &Cure, screen: &Screen) -> String {
    let mut text = paragraph("  - ", cure.what, screen);
    match cure.measured {
        Some(how) => text.push_str(&paragraph("    measured: ", how, screen)),
        None => text.push_str("    not measured\n"),
    }
    text
}

/// Wrapped words that hang below the label.
fn paragraph(label: &str, words: &str, screen: &Screen) -> String {
    let indent = label.chars().take_while(|letter| " -".contains(*letter)).count().max(2) + 2;
    let lines = wrapped(&format!("{}{words}", label.trim_start()), screen.style.width.saturating_sub(indent).max(30));
    let blank = &label[..label.len() - label.trim_start().len()];
    let lines = lines.iter().enumerate().map(|(nth, line)| match nth {
        0 => format!("{blank}{line}\n"),
        _ => format!("{}{line}\n", " ".repeat(indent)),
    });
    lines.collect()
}
