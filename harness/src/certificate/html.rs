//! The document as a page for a browser, and what every page for one is made with: one file, without a script and without the network.

use std::fmt::Write;

use super::front::{Front, Mood, Said, front};
use super::{Certificate, Chapter, Counterexample, Documented};
use crate::report::{Beat, Broken, Passed, Timeline};
use crate::rules::{self, Level};

const STYLE: &str = include_str!("style.css");

pub(super) fn page(certificate: &Certificate) -> String {
    let front = front(certificate);
    let mut body = first_screen(&front);
    body.push_str(&failures(certificate));
    body.push_str(&verdicts(certificate));
    body.push_str(&exercised(certificate));
    frame(&format!("{}: poolproof", front.title), &body)
}

/// A whole page around a body of HTML: one file, without a script and without the network.
pub fn frame(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escaped(title)
    )
}

fn class(mood: Mood) -> &'static str {
    match mood {
        Mood::Good => "good",
        Mood::Bad => "bad",
        Mood::Open => "open",
    }
}

fn first_screen(front: &Front) -> String {
    let mut page = format!("<h1>{}</h1>\n", escaped(&front.title));
    for Said { mood, words, of } in &front.verdict {
        let of: String = of.iter().map(|way| format!("<li>{}</li>", with_code(way))).collect();
        let (class, sign) = (class(*mood), mood.sign());
        let _ = writeln!(page, "<div class=\"verdict {class}\"><p>{sign} {}:</p><ul>{of}</ul></div>", with_code(words));
    }
    page.push_str("<h2>May it be deployed like this?</h2>\n<div class=\"wide\"><table class=\"deployments\">\n");
    page.push_str("<tr><th>deployment</th><th>through a Unix socket</th><th>TCP, TLS</th><th>name of the promise</th></tr>\n");
    for row in &front.deployments {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"{}\" data-head=\"through a Unix socket\">{} {}</td>\
             <td class=\"open\" data-head=\"TCP, TLS\">? not looked at</td><td data-head=\"promise\"><code>{}</code></td></tr>",
            escaped(row.what),
            class(row.mood),
            row.mood.sign(),
            with_code(&row.answer),
            row.promise
        );
    }
    page.push_str("</table></div>\n");
    page.push_str(&list("What was not looked at", &front.unseen));
    page.push_str(&list("How strong this is", &front.strength));
    page.push_str("<h2>Where it comes from</h2>\n<dl>\n");
    for (what, words) in &front.origin {
        let words = if *what == "again" { format!("<code>{}</code>", escaped(words)) } else { escaped(words) };
        let _ = writeln!(page, "<dt>{what}</dt><dd>{words}</dd>");
    }
    page.push_str("</dl>\n");
    page
}

fn list(heading: &str, lines: &[String]) -> String {
    let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", with_code(line))).collect();
    format!("<h2>{heading}</h2>\n<ul>\n{items}</ul>\n")
}

fn failures(certificate: &Certificate) -> String {
    let all = certificate.promises.iter().flat_map(|chapter| chapter.failures.iter().map(move |failure| (chapter, failure)));
    all.map(|(chapter, failure)| counterexample(chapter, failure)).collect()
}

fn counterexample(chapter: &Chapter, failure: &Counterexample) -> String {
    let verb = if failure.certain { "is broken" } else { "seems to be broken" };
    let mut page = format!("<section>\n<h2>{} {verb} under {}</h2>\n", escaped(&failure.rule), escaped(&chapter.promise));
    if let Some(rule) = rules::find(&failure.rule) {
        let _ = writeln!(page, "<p>{}</p>", with_code(rule.sentence));
    }
    page.push_str(&picture(&failure.timeline));
    page.push_str("<ul>\n");
    for told in &failure.evidence {
        let lines: Vec<String> = told.lines.iter().map(|line| escaped(line)).collect();
        let _ = writeln!(page, "<li><strong>{}</strong> {}</li>", escaped(&told.rule), lines.join("<br>"));
    }
    let _ = writeln!(page, "</ul>\n<p>{} {}</p>", escaped(&failure.standing()), escaped(&failure.origin()));
    if let Some(blame) = &failure.blame {
        let _ = writeln!(page, "<p><strong>Pool or driver?</strong> {}</p>", escaped(blame));
    }
    let _ = writeln!(page, "<p><strong>What to do:</strong> {}</p>", escaped(&failure.remedy));
    let _ = writeln!(
        page,
        "<details open><summary>The interleaving, for <code>poolproof replay FILE --pool POOL</code></summary>\n<pre>{}</pre></details>\n\
         </section>",
        escaped(&failure.interleaving)
    );
    page
}

/// A column for each actor and one for the wire; each session has its colour.
fn picture(timeline: &Timeline) -> String {
    let heads: String = timeline.actors.iter().map(|actor| format!("<th>{}</th>", escaped(actor))).collect();
    let mut page = format!("<div class=\"wide\"><table class=\"timeline\">\n<tr><th></th>{heads}<th>wire</th></tr>\n");
    for beat in &timeline.beats {
        let row = match beat.mark {
            Some(mark) => format!("<tr class=\"{}\">", marked(mark)),
            None => "<tr>".to_owned(),
        };
        let number = beat.number.map_or_else(String::new, |number| number.to_string());
        let wire: Vec<String> = beat.wire.iter().map(passed).collect();
        let sign = beat.mark.map_or("", Broken::sign);
        let _ = writeln!(page, "{row}<td>{sign} {number}</td>{}<td>{}</td></tr>", lanes(timeline, beat), wire.join("<br>"));
    }
    page.push_str("</table></div>\n");
    page
}

fn lanes(timeline: &Timeline, beat: &Beat) -> String {
    let Some(actor) = &beat.actor else {
        if beat.text.is_empty() {
            return timeline.actors.iter().map(|actor| idle(beat, actor)).collect();
        }
        return format!("<td class=\"across\" colspan=\"{}\">{}</td>", timeline.actors.len().max(1), escaped(&beat.text));
    };
    let lane = |of: &String| match of == actor {
        true => format!("<td class=\"alive\">{}</td>", escaped(&beat.text)),
        false => idle(beat, of),
    };
    timeline.actors.iter().map(lane).collect()
}

fn idle(beat: &Beat, actor: &String) -> String {
    if beat.alive.contains(actor) { "<td class=\"alive\"></td>".to_owned() } else { "<td></td>".to_owned() }
}

fn passed(passed: &Passed) -> String {
    let hue = session(&passed.text).map_or(0, |number| number * 137 % 360);
    let (class, sign) = passed.mark.map_or(("", ""), |mark| (marked(mark), mark.sign()));
    format!("<span class=\"session {class}\" style=\"--hue: {hue}\">{sign} {}</span>", escaped(&passed.text))
}

/// The number of the session that a line of the wire is about: the last word of the form `c0`.
fn session(text: &str) -> Option<u32> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|word| word.strip_prefix('c')?.parse().ok()).next_back()
}

fn marked(mark: Broken) -> &'static str {
    match mark {
        Broken::First => "first",
        Broken::Then => "then",
    }
}

fn verdicts(certificate: &Certificate) -> String {
    let heads: String = certificate.promises.iter().map(|chapter| format!("<th>{}</th>", escaped(&chapter.promise))).collect();
    let mut page = format!("<h2>Rules</h2>\n<div class=\"wide\"><table class=\"rules\">\n<tr><th>rule</th>{heads}</tr>\n");
    let documented = certificate.promises.iter().map(|chapter| certificate.pool.documented_of(&chapter.promise));
    let documented: String = documented.map(|words| format!("<td>{words}</td>")).collect();
    let _ = writeln!(page, "<tr><td>what is documented</td>{documented}</tr>");
    for rule in rules::ALL.iter() {
        let level = if rule.level == Level::Must { "" } else { " (SHOULD)" };
        let cells = certificate.promises.iter().map(|chapter| {
            let line = chapter.verdicts.iter().find(|line| line.rule == rule.id);
            let class = match line.map(|line| line.verdict.as_str()) {
                Some("passed" | "refused") => "good",
                Some("broken") => "bad",
                Some("no-verdict" | "not-exercised") => "open",
                _ => "",
            };
            format!("<td class=\"{class}\">{}</td>", line.map_or_else(String::new, |line| escaped(&line.words())))
        });
        let _ = writeln!(
            page,
            "<tr><td><strong>{}</strong>{level} {}</td>{}</tr>",
            rule.id,
            with_code(rule.sentence),
            cells.collect::<String>()
        );
    }
    page.push_str("</table></div>\n");
    for Documented { words, source, .. } in &certificate.pool.documented {
        let _ = writeln!(page, "<blockquote>{}</blockquote>\n<p>{}</p>", with_code(words), escaped(source));
    }
    page
}

fn exercised(certificate: &Certificate) -> String {
    let mut page = "<h2>What was exercised</h2>\n".to_owned();
    for chapter in &certificate.promises {
        let _ = writeln!(
            page,
            "<details><summary><code>{}</code>: {} interleavings, {} of {} required situations</summary>\n\
             <p>{} steps, {} of them skipped; {}.</p>\n<div class=\"wide\"><table>\n<tr><th>situation</th><th>times</th></tr>",
            escaped(&chapter.promise),
            chapter.interleavings,
            chapter.situations.reached(),
            chapter.situations.required.len(),
            chapter.steps,
            chapter.skipped,
            escaped(&chapter.shares())
        );
        for (situation, times) in &chapter.situations.counts {
            let _ = writeln!(page, "<tr><td>{}</td><td>{times}</td></tr>", escaped(situation));
        }
        page.push_str("</table></div></details>\n");
    }
    page
}

/// Text in which nothing is markup, wherever it came from.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The same, with what stands between backticks as code.
fn with_code(text: &str) -> String {
    let parts = escaped(text);
    let mut out = String::with_capacity(parts.len());
    let count = parts.matches('`').count();
    for (nth, part) in parts.split('`').enumerate() {
        let opened = nth % 2 == 1 && nth < count + count % 2;
        let words = if opened { format!("<code>{part}</code>") } else { part.to_owned() };
        out.push_str(&words);
    }
    out
}
