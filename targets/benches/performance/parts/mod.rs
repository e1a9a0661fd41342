//! The parts of the report.

mod bare;
mod first;
mod floor;
mod growth;
mod measure;
mod memory;
mod paper;
#[path = "../../../tests/conformance/processes.rs"]
mod processes;
mod script;
mod twin;

use std::error::Error;

use paper::Section;

/// What a part gives, or what kept it from being measured.
type Part = fn() -> Result<Section, Box<dyn Error>>;

const PARTS: [(&str, Part); 5] = [
    ("twin", twin::section),
    ("floor", floor::section),
    ("growth", growth::section),
    ("memory", memory::section),
    ("first", first::section),
];

/// Measures the named parts, or all of them, and writes the report.
pub(crate) fn run(named: &[String]) -> Result<(), Box<dyn Error>> {
    if let Some(unknown) = named.iter().find(|name| PARTS.iter().all(|(part, _)| part != name)) {
        let parts: Vec<&str> = PARTS.iter().map(|(part, _)| *part).collect();
        return Err(format!("there is no part '{unknown}'; the parts are: {}", parts.join(", ")).into());
    }
    for (name, part) in PARTS {
        if named.is_empty() || named.iter().any(|wanted| wanted == name) {
            eprintln!("measuring: {name} …");
            let section = part()?;
            println!("{section}");
            paper::write(&section)?;
        }
    }
    Ok(())
}
