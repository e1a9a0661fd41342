//! Certificates: made of what `certify` has found, and put together of parts.

use std::time::SystemTime;

use poolproof::certificate::{Certificate, Made, Plan, Server};
use poolproof::certify::Cases;
use poolproof::generate::Shard;
use poolproof::{Target, corpus};
use poolproof_targets::{documented, findings};

use super::args::{Certify, Merge};
use super::ci;
use super::exit::{Code, Stop};
use super::progress::Teller;
use super::screen::Screen;
use super::summary::Certified;

/// The document on a pool.
pub(super) fn certificate(
    certified: &Certified,
    target: &Target,
    wanted: &Certify,
    teller: &mut Teller,
) -> Result<Certificate, Stop> {
    let server = Server::new(target.database(), &certified.server, certified.embedded);
    let interleavings = match wanted.amount() {
        Cases::Number(number) | Cases::Within(number, _) => Some(number),
        Cases::Budget(_) | Cases::Everything => None,
    };
    let sources = wanted.selection()?.sources.iter().map(ToString::to_string).collect();
    let shards = if wanted.shard == Shard::WHOLE { Vec::new() } else { vec![wanted.shard.to_string()] };
    let plan = Plan { seed: wanted.seed, interleavings, sources, depth: wanted.depth.map(u64::from), shards };
    let planted = poolproof_targets::mutants().iter().filter(|mutant| mutant.target.database() == target.database()).count();
    let mut certificate = Certificate::record(target, server, plan, planted as u64, again(target, wanted), &certified.cells);
    certificate.made = Made { on: today(), system: system(), ..certificate.made };
    certificate.pool.versions = wanted.foreign.versions(target, teller)?;
    certificate.pool.documented = documented::of(target.name());
    for failure in certificate.promises.iter_mut().flat_map(|chapter| &mut chapter.failures) {
        failure.source = findings::lines(target.name(), failure);
    }
    Ok(certificate)
}

/// The day, in UTC.
fn today() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string().chars().take("2026-11-23".len()).collect()
}

fn system() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim()).trim_end().to_owned()
}

/// The command that finds the same again.
fn again(target: &Target, wanted: &Certify) -> String {
    let mut words = vec!["poolproof certify".to_owned(), wanted.foreign.name(target)];
    let promises: Vec<&str> = wanted.promises().iter().map(|promise| promise.name()).collect();
    words.push(format!("--promise {}", promises.join(",")));
    if let Some(cases) = wanted.cases {
        words.push(format!("--cases {cases}"));
    }
    if let Some(budget) = wanted.budget {
        words.push(format!("--budget {}ms", budget.as_millis()));
    }
    if !wanted.sources.is_empty() {
        let sources: Vec<String> = wanted.sources.iter().map(ToString::to_string).collect();
        words.push(format!("--source {}", sources.join(",")));
    }
    if let Some(depth) = wanted.depth {
        words.push(format!("--depth {depth}"));
    }
    words.push(format!("--seed {}", wanted.seed));
    format!("{}{}{}", words.join(" "), wanted.foreign.options(), wanted.servers.again(target.database()))
}

/// `poolproof merge`.
pub(super) fn merge(wanted: &Merge, screen: &mut Screen) -> Result<Code, Stop> {
    let parts = wanted.files.iter().map(|file| corpus::certificate(file)).collect::<Result<Vec<_>, _>>()?;
    let whole = Certificate::merge(parts).map_err(|unlike| {
        Stop::usage(format!("these cannot be one certificate: {unlike}"))
            .hint("merge the certificates of `certify --shard 1/N` to `--shard N/N`, made with the same words otherwise")
    })?;
    let path = corpus::save_certificate(&wanted.out, &whole)?;
    let lacking = match whole.plan.shards.as_slice() {
        [] => String::new(),
        shards => format!("; it has the parts {} and is not whole", shards.join(", ")),
    };
    screen.say(&format!("{} under {} promises: {}{lacking}\n", whole.pool.name, whole.promises.len(), path.display()))?;
    ci::tell(&wanted.ci, &wanted.out, &[whole], screen)?;
    Ok(Code::Passed)
}
