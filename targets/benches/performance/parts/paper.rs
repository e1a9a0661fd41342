//! Sections of the report: tables that can be read as text and as Markdown.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// One part of the report.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What is measured, and how.
    pub(crate) about: String,
    pub(crate) header: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
    /// What was wanted, and whether it came out.
    pub(crate) findings: Vec<Finding>,
}

/// A bound on a figure.
pub(crate) struct Finding {
    wanted: String,
    figure: String,
    met: bool,
}

impl Finding {
    pub(crate) fn at_most(what: &str, figure: f64, bound: f64) -> Self {
        Self { wanted: format!("{what}: at most {bound}"), figure: format!("{figure:.2}"), met: figure <= bound }
    }

    pub(crate) fn at_least(what: &str, figure: f64, bound: f64) -> Self {
        Self { wanted: format!("{what}: at least {bound}"), figure: format!("{figure:.2}"), met: figure >= bound }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n{}\n", self.title, self.about)?;
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.header[column].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let line = |f: &mut fmt::Formatter<'_>, cells: &mut dyn Iterator<Item = &str>| {
            for (cell, width) in cells.zip(&widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")
        };
        line(f, &mut self.header.iter().copied())?;
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        line(f, &mut rules.iter().map(String::as_str))?;
        for row in &self.rows {
            line(f, &mut row.iter().map(String::as_str))?;
        }
        writeln!(f)?;
        for Finding { wanted, figure, met } in &self.findings {
            writeln!(f, "- {wanted}. It is {figure}: **{}**.", if *met { "met" } else { "missed" })?;
        }
        Ok(())
    }
}

/// Puts a section into the report in the repository, in the place of what was measured of it before.
pub(crate) fn write(section: &Section) -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    let before = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    std::fs::write(&path, with(&before, section))?;
    eprintln!("written: docs/performance.md");
    Ok(())
}

/// The report with a section that is new, or replaces its predecessor. Titles begin with a letter, which is their order.
fn with(before: &str, section: &Section) -> String {
    let kept = before.split("\n## ").skip(1).filter_map(|text| text.split_once('\n'));
    let mut sections: BTreeMap<&str, String> =
        kept.map(|(title, rest)| (title, format!("## {title}\n{}\n", rest.trim_end()))).collect();
    sections.insert(section.title, section.to_string());
    let mut text = format!(
        "# Performance\n\nWritten by `cargo bench`. Medians of runs in turns, each section in one go, on {}.\n",
        machine()
    );
    sections.values().for_each(|section| text.push_str(&format!("\n{section}")));
    text
}

fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, model)| model);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{processors} processors ({model}), Linux {}", kernel.trim())
}
