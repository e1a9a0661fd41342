//! (c) What more steps, processes and connections cost.

use std::error::Error;

use poolproof::bench::ServerChoice;
use poolproof::interleaving::{Interleaving, parse};

use super::measure::{self, Processors, median};
use super::paper::{Finding, Section};

/// How often each is executed in one run.
const TIMES: usize = 60;
/// How many runs.
const ROUNDS: usize = 7;

/// Something that grows, with an interleaving for each of its sizes.
struct Series {
    name: &'static str,
    sizes: Vec<usize>,
    story: fn(usize) -> String,
}

pub(super) fn section() -> Result<Section, Box<dyn Error>> {
    let reference = measure::target("reference");
    let _processor = Processors::only(1)?;
    let bench = measure::bench_with(&ServerChoice::Embedded, &reference)?;
    let series = [
        Series { name: "steps", sizes: vec![4, 16, 28, 40, 52, 64], story: steps },
        Series { name: "processes", sizes: vec![1, 2, 3, 4, 5, 6], story: processes },
        Series { name: "connections", sizes: vec![1, 2, 3, 4, 5, 6, 7, 8], story: connections },
    ];
    let mut rows = Vec::new();
    let mut findings = Vec::new();
    for Series { name, sizes, story } in series {
        let stories: Vec<Vec<Interleaving>> = sizes
            .iter()
            .map(|size| Ok(vec![parse(&story(*size))?; TIMES]))
            .collect::<Result<_, poolproof::interleaving::ParseError>>()?;
        let mut costs = vec![Vec::new(); sizes.len()];
        // In turns, so that a slow minute of the machine is shared by all sizes.
        for _ in 0..ROUNDS {
            for (story, costs) in stories.iter().zip(&mut costs) {
                let cell = measure::search(&bench, &reference, story, 1)?;
                costs.push(cell.searched.as_secs_f64() * 1e6 / TIMES as f64);
            }
        }
        let points: Vec<(f64, f64)> = sizes.iter().zip(&costs).map(|(size, costs)| (*size as f64, median(costs))).collect();
        let line = Line::through(&points);
        let off = points.iter().map(|(size, cost)| (cost / line.at(*size) - 1.0).abs()).fold(0.0, f64::max);
        let list = |figures: &mut dyn Iterator<Item = f64>| {
            figures.map(|figure| format!("{figure:.0}")).collect::<Vec<String>>().join(" ")
        };
        rows.push(vec![
            name.to_owned(),
            list(&mut points.iter().map(|(size, _)| *size)),
            list(&mut points.iter().map(|(_, cost)| *cost)),
            format!("{:.0} µs", line.slope),
            format!("{:.0} %", off * 100.0),
        ]);
        findings.push(Finding::at_most(&format!("{name}: distance from a straight line, as a share"), off, 0.1));
    }
    let about = format!(
        "Microseconds for one interleaving of pool `reference` on embedded PostgreSQL, one worker; {ROUNDS} runs of {TIMES} for each \
         size, in\nturns. A step is a query; each process more opens a pool, connects and queries once; each connection more is one \
         checkout."
    );
    let header = vec!["of", "so many", "µs each", "one more", "off the line"];
    Ok(Section { title: "(c) Cost against size", about, header, rows, findings })
}

/// The straight line with the least squares.
struct Line {
    slope: f64,
    start: f64,
}

impl Line {
    fn through(points: &[(f64, f64)]) -> Self {
        let count = points.len() as f64;
        let (x, y) = (points.iter().map(|(x, _)| x).sum::<f64>() / count, points.iter().map(|(_, y)| y).sum::<f64>() / count);
        let above: f64 = points.iter().map(|(px, py)| (px - x) * (py - y)).sum();
        let below: f64 = points.iter().map(|(px, _)| (px - x).powi(2)).sum();
        let slope = above / below;
        Self { slope, start: y - slope * x }
    }

    fn at(&self, x: f64) -> f64 {
        self.start + self.slope * x
    }
}

fn steps(count: usize) -> String {
    let queries = "p0 query a\n".repeat(count - 2);
    format!("pool max_size=1\npromise threads-only\np0 open\np0 checkout a\n{queries}")
}

fn processes(count: usize) -> String {
    let mut story = "pool max_size=1\npromise child-leaks\np0 open\np0 checkout a\np0 query a\np0 return a\n".to_owned();
    for child in 1..count {
        story += &format!("p0 fork p{child}\np{child} leak-pool\np{child} open\np{child} checkout a\np{child} query a\n");
    }
    story
}

/// Two pools, as one is never larger than four.
fn connections(count: usize) -> String {
    let mut story = "pool max_size=4\npromise threads-only\np0 open A\np0 open B\n".to_owned();
    for (place, handle) in ('a'..='h').take(count).enumerate() {
        story += &format!("p0 checkout {handle} {}\n", if place < 4 { 'A' } else { 'B' });
    }
    story
}
