//! A page of tables and lists, as Markdown for a repository and as HTML for a browser. What came from a pool or a server is text in both.

use poolproof::certificate::{html, markdown};

/// A part of a page.
pub(super) enum Block {
    Title(String),
    Heading(String),
    Text(Line),
    List(Vec<Line>),
    Table { heads: Vec<Line>, rows: Vec<Vec<Line>> },
}

/// Some words after each other.
pub(super) type Line = Vec<Span>;

/// Words of one kind.
pub(super) enum Span {
    Text(String),
    Code(String),
    Emphasis(String),
}

pub(super) fn text(words: impl Into<String>) -> Span {
    Span::Text(words.into())
}

pub(super) fn code(words: impl Into<String>) -> Span {
    Span::Code(words.into())
}

/// The page as Markdown.
pub(super) fn as_markdown(blocks: &[Block]) -> String {
    let parts: Vec<String> = blocks.iter().map(in_markdown).collect();
    parts.join("\n")
}

fn in_markdown(block: &Block) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    match block {
        Block::Title(words) => format!("# {}\n", markdown::escaped(words)),
        Block::Heading(words) => format!("## {}\n", markdown::escaped(words)),
        Block::Text(line) => format!("{}\n", line_in_markdown(line)),
        Block::List(lines) => lines.iter().map(|line| format!("- {}\n", line_in_markdown(line))).collect(),
        Block::Table { heads, rows } => {
            let heads: Vec<String> = heads.iter().map(|line| line_in_markdown(line)).collect();
            let rows = rows.iter().map(|cells| row(&cells.iter().map(|line| line_in_markdown(line)).collect::<Vec<_>>()));
            format!("{}{}{}", row(&heads), row(&vec!["---".to_owned(); heads.len()]), rows.collect::<String>())
        }
    }
}

fn line_in_markdown(line: &[Span]) -> String {
    line.iter()
        .map(|span| match span {
            Span::Text(words) => markdown::cell(words),
            Span::Code(words) => format!("`{}`", words.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " ")),
            Span::Emphasis(words) => format!("*{}*", markdown::cell(words)),
        })
        .collect()
}

/// The page as HTML: one file, which needs nothing else.
pub(super) fn as_html(blocks: &[Block]) -> String {
    let title = blocks.iter().find_map(|block| if let Block::Title(words) = block { Some(words.as_str()) } else { None });
    html::frame(title.unwrap_or("poolproof"), &blocks.iter().map(in_html).collect::<String>())
}

fn in_html(block: &Block) -> String {
    match block {
        Block::Title(words) => format!("<h1>{}</h1>\n", html::escaped(words)),
        Block::Heading(words) => format!("<h2>{}</h2>\n", html::escaped(words)),
        Block::Text(line) => format!("<p>{}</p>\n", line_in_html(line)),
        Block::List(lines) => {
            let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", line_in_html(line))).collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Table { heads, rows } => {
            let heads: String = heads.iter().map(|line| format!("<th>{}</th>", line_in_html(line))).collect();
            let row = |cells: &Vec<Line>| {
                let cells: String = cells.iter().map(|line| cell_in_html(line)).collect();
                format!("<tr>{cells}</tr>\n")
            };
            let rows: String = rows.iter().map(row).collect();
            format!("<div class=\"wide\"><table class=\"rules\">\n<tr>{heads}</tr>\n{rows}</table></div>\n")
        }
    }
}

/// A cell that begins with a verdict's sign has its colour.
fn cell_in_html(line: &[Span]) -> String {
    let sign = line.first().and_then(|span| if let Span::Text(words) = span { words.chars().next() } else { None });
    let class = match sign {
        Some('✓') => " class=\"good\"",
        Some('✗') => " class=\"bad\"",
        Some('?') => " class=\"open\"",
        _ => "",
    };
    format!("<td{class}>{}</td>", line_in_html(line))
}

fn line_in_html(line: &[Span]) -> String {
    line.iter()
        .map(|span| match span {
            Span::Text(words) => html::escaped(words),
            Span::Code(words) => format!("<code>{}</code>", html::escaped(words)),
            Span::Emphasis(words) => format!("<em>{}</em>", html::escaped(words)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_no_markup_in_either_form() {
        let nasty = "<b>|`*";
        let line = || vec![text(nasty), code(nasty), Span::Emphasis(nasty.to_owned())];
        let blocks = [
            Block::Title(nasty.to_owned()),
            Block::Heading(nasty.to_owned()),
            Block::Text(line()),
            Block::List(vec![line()]),
            Block::Table { heads: vec![line()], rows: vec![vec![vec![text("✗ no")], line()]] },
        ];
        let (markdown, html) = (as_markdown(&blocks), as_html(&blocks));
        let body = &html[html.find("<main>").expect("a body")..];
        assert!(!body.contains("<b>") && body.contains("<td class=\"bad\">✗ no</td>"), "{html}");
        let bare = markdown.replace("\\|", "").replace("\\<", "");
        let bars: Vec<usize> = bare.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count()).collect();
        assert_eq!(bars, [2, 2, 3], "{markdown}");
    }
}
