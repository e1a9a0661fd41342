//! `poolproof certify`.

use std::path::Path;

use poolproof::bench::Bench;
use poolproof::certificate::Conclusion;
use poolproof::certify::{self, Cases, Plan};
use poolproof::generate::{DEPTH, Selection, Source};
use poolproof::limits::USUAL_CASES;
use poolproof::report::{self, Style};
use poolproof::rules;
use poolproof::trouble::Trouble;
use poolproof::words::quoted;
use poolproof::{Promise, Target, Transport, corpus};

use super::args::{Certify, Foreign};
use super::benches::{prepare, workers};
use super::blame::Blame;
use super::exit::{Code, Stop};
use super::progress::Teller;
use super::screen::Screen;
use super::second::Real;
use super::servers::Servers;
use super::summary::{Certified, code};
use super::{ci, documents, group, summary, table};

/// Certifies pools, prints what was broken, and a table at the end.
pub(crate) fn run(wanted: &Certify, screen: &mut Screen) -> Result<Code, Stop> {
    let mut teller = Teller::new();
    let named = !wanted.names().is_empty() || wanted.foreign.agent.is_some();
    let targets = wanted.servers.reachable(wanted.foreign.pools(&wanted.names(), &mut teller)?, named)?;
    let promises = wanted.promises();
    wanted.selection()?;
    corpus::check(&wanted.out)?;
    ci::check(&wanted.ci)?;
    let bench = prepare(&targets, &wanted.servers, &mut teller)?;
    let (mut real, mut blame) = (Real::default(), Blame::default());
    let (mut results, mut certificates) = (Vec::new(), Vec::new());
    let mut unsaved = None;
    for target in &targets {
        let mut certified = one(&bench, target, &promises, wanted, &mut teller)?;
        if certified.embedded {
            real.ask(target, wanted.servers.transport(), &mut certified.cells, &mut teller)?;
        }
        teller.clear();
        unsaved = unsaved.or(tell(&certified, target, wanted, screen)?);
        let mut certificate = documents::certificate(&certified, target, wanted, &mut teller)?;
        blame.find(target, &mut certificate, &mut teller)?;
        unsaved = unsaved.or(corpus::save_certificate(&wanted.out, &certificate).err());
        certificates.push(certificate);
        results.push(certified);
    }
    bench.finish()?;
    real.finish()?;
    blame.finish()?;
    screen.say(&closing(&results, &promises, wanted, screen.style))?;
    if unsaved.is_none() {
        screen.say(&places(&results, wanted))?;
    }
    ci::tell(&wanted.ci, &wanted.out, &certificates, screen)?;
    if let Some(group) = wanted.group {
        let file = wanted.out.join(format!("{}.md", group.name()));
        let written = std::fs::write(&file, group::of(&certificates));
        written.map_err(|error| Stop::environment(format!("{}: {error}", file.display())))?;
        screen.say(&format!("tables: {}\n", file.display()))?;
    }
    if let Some(trouble) = unsaved {
        return Err(trouble.into());
    }
    let cells = results.iter().flat_map(|certified| &certified.cells);
    let code = cells.map(|cell| code(&Conclusion::of(cell))).fold(Code::Passed, Code::graver);
    // What was broken was confirmed by replays. Whatever else was said rests on a harness that is not to be trusted.
    let doubtful = code != Code::Broken && results.iter().any(Certified::shows_a_defect);
    Ok(if doubtful { Code::Bug } else { code })
}

fn one(bench: &Bench, target: &Target, promises: &[Promise], wanted: &Certify, teller: &mut Teller) -> Result<Certified, Stop> {
    let plan = Plan {
        seed: wanted.seed,
        cases: wanted.amount(),
        selection: wanted.selection()?,
        workers: workers(wanted.workers),
        shard: wanted.shard,
        ..Plan::default()
    };
    let known = |promise: Promise| corpus::known(&wanted.out, target.name(), promise);
    let mut news = |news| teller.news(target.name(), news);
    let cells = certify::certify(bench, target, promises, &plan, &known, &mut news)?;
    let server = bench.product(target.database()).unwrap_or("an unknown server").to_owned();
    let (embedded, repeats) = (bench.is_embedded(target.database()), target.repeats());
    let product = bench.product_over(target.database(), Transport::Unix).unwrap_or_default();
    Ok(Certified { pool: target.name(), server, product, embedded, repeats, cells })
}

/// Prints what was broken, and then saves it. What cannot be saved is the answer, and takes nothing away from the rest.
fn tell(certified: &Certified, target: &Target, wanted: &Certify, screen: &mut Screen) -> Result<Option<Trouble>, Stop> {
    let style = screen.style;
    let mut unsaved = None;
    for cell in &certified.cells {
        for failure in &cell.failures {
            let path = corpus::path(&wanted.out, certified.pool, cell.promise, failure.rule.id);
            let transport = failure.history.transport();
            let command = replay_command(&path, target, &wanted.foreign, &wanted.servers.over(transport));
            let server = certified.server_over(transport);
            let finding = failure.finding(certified.pool, &server, certified.embedded, &command);
            screen.say(&format!("{}\n", report::failure(&finding, style)))?;
            unsaved = unsaved.or(corpus::save(&wanted.out, certified.pool, cell.promise, failure).err());
        }
        for unlike in &cell.unlike {
            let path = corpus::unlike_path(&wanted.out, certified.pool, cell.promise, unlike.number);
            let command = replay_command(&path, target, &wanted.foreign, &wanted.servers);
            screen.say(&format!("{}\n", summary::twice(certified, cell.promise, &unlike.what, &command, style)))?;
            unsaved = unsaved.or(corpus::save_unlike(&wanted.out, certified.pool, cell.promise, unlike).err());
        }
        if wanted.situations {
            let heading = style.strong(&format!("{} under {}: what was exercised", certified.pool, cell.promise));
            screen.say(&format!("{heading}\n{}\n", report::situations(cell.promise, &cell.situations, style)))?;
        }
        if wanted.verbose {
            let heading = style.strong(&format!("{} under {}, on {}", certified.pool, cell.promise, certified.server));
            let verdicts = cell.verdicts.iter().map(|(rule, verdict)| (*rule, verdict));
            screen.say(&format!("{heading}\n{}\n", report::verdict_table(verdicts, style)))?;
        }
    }
    Ok(unsaved)
}

/// What replays a saved interleaving: this program, as it was called.
pub(crate) fn replay_command(file: &Path, target: &Target, foreign: &Foreign, servers: &Servers) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "poolproof".to_owned());
    let file = quoted(&file.to_string_lossy());
    let (pool, servers) = (foreign.again(target), servers.again(target.database()));
    format!("{} replay {file}{pool}{servers}", quoted(&program))
}

/// The table, and what was measured.
fn closing(results: &[Certified], promises: &[Promise], wanted: &Certify, style: Style) -> String {
    let mut text = table::table(results, promises, style);
    text.push('\n');
    for certified in results {
        text.push_str(&certified.lines(style.width));
    }
    let amount = match wanted.amount() {
        Cases::Budget(budget) => format!("{budget:?} for each promise"),
        Cases::Number(1) => "1 interleaving for each promise".to_owned(),
        Cases::Number(number) => format!("{number} interleavings for each promise"),
        Cases::Within(number, budget) => format!("{number} interleavings for each promise, in {budget:?} at the most"),
        Cases::Everything => "everything that the sources have for each promise".to_owned(),
    };
    text.push_str(&format!("\nrules of edition {}, seed {}, {amount}\n", poolproof::rules::EDITION, wanted.seed));
    if results.iter().any(|certified| certified.embedded) {
        text.push_str("judged on embedded servers; `--server local` takes real ones\n");
    }
    text.extend(elsewhere(wanted.servers.transport(), style.width).iter().map(|line| format!("{line}\n")));
    text
}

/// Where everything was saved.
fn places(results: &[Certified], wanted: &Certify) -> String {
    let mut text = match results {
        [only] => format!("certificate: {}\n", wanted.out.join(only.pool).join("certificate.html").display()),
        _ => format!("certificates: {}\n", wanted.out.join("POOL").join("certificate.html").display()),
    };
    if results.iter().any(|certified| certified.cells.iter().any(|cell| !cell.failures.is_empty())) {
        let out = wanted.out.join("failures");
        text.push_str(&format!("failures are saved in {} and run first next time\n", out.display()));
    }
    text
}

/// What the transport does not show, and where it was judged.
fn elsewhere(transport: Transport, width: usize) -> Vec<String> {
    let hidden = rules::ALL.iter().filter(|rule| !rule.is_visible(transport));
    let hidden: Vec<&str> = hidden.map(|rule| rule.id).collect();
    let why = match transport {
        Transport::Unix => return Vec::new(),
        Transport::Tcp => "writers cannot be told apart",
        Transport::Tls => "writers cannot be told apart, and frames cannot be read",
        Transport::UnixTls => "frames cannot be read",
    };
    let words = format!("over {transport} {why}: {} were judged on Unix sockets, by the same interleavings", hidden.join(", "));
    report::wrapped(&words, width)
}

impl Certify {
    /// How much is searched.
    pub(crate) fn amount(&self) -> Cases {
        match (self.budget, self.cases) {
            (Some(budget), _) => Cases::Budget(budget),
            (None, Some(cases)) => Cases::Number(cases),
            (None, None) if Source::ENDLESS.iter().any(|source| self.uses(*source)) => Cases::Number(USUAL_CASES),
            (None, None) => Cases::Everything,
        }
    }

    /// Where interleavings come from.
    pub(crate) fn selection(&self) -> Result<Selection, Stop> {
        if self.depth.is_some() && !self.uses(Source::Exhaustive) {
            return Err(Stop::usage("--depth says how far the source 'exhaustive' goes, which is not among the sources"));
        }
        let sources = Source::ALL.into_iter().filter(|source| self.uses(*source)).collect();
        Ok(Selection { sources, depth: self.depth.map_or(DEPTH, usize::from) })
    }

    fn uses(&self, source: Source) -> bool {
        if self.sources.is_empty() { Source::USUAL.contains(&source) } else { self.sources.contains(&source) }
    }
}
