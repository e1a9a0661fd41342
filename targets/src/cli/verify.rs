//! `poolproof verify`.

use poolproof::bench::Bench;
use poolproof::certificate::{Certificate, Chapter, Conclusion, Counterexample};
use poolproof::certify::{self, Cases, Plan};
use poolproof::generate::{DEPTH, Selection, Source};
use poolproof::interleaving::parse;
use poolproof::rules::{self, Level};
use poolproof::{Promise, Target, corpus};

use super::args::Verify;
use super::benches::{prepare, workers};
use super::exit::{Code, Stop};
use super::progress::Teller;
use super::screen::Screen;

/// So often each failure is replayed.
const REPLAYS: u32 = 20;

/// Holds a certificate against itself, and then against the pool.
pub(crate) fn run(wanted: &Verify, screen: &mut Screen) -> Result<Code, Stop> {
    let certificate = corpus::certificate(&wanted.file)?;
    let doubts = certificate.doubts();
    if !doubts.is_empty() {
        screen.say(&format!("{}: it contradicts itself\n", wanted.file.display()))?;
        doubts.iter().try_for_each(|doubt| screen.say(&format!("  {doubt}\n")))?;
        return Ok(Code::Broken);
    }
    let mut teller = Teller::new();
    let target = wanted.foreign.pool(Some(&certificate.pool.name), &mut teller)?;
    let bench = prepare(&[target], &wanted.servers, &mut teller)?;
    let versions = wanted.foreign.versions(&target, &mut teller)?;
    for difference in differences(&certificate, &bench, &target, &versions) {
        screen.say(&format!("note: {difference}\n"))?;
    }
    let mut holds = true;
    for chapter in &certificate.promises {
        let complaints = complaints(&certificate, chapter, (&bench, &target), wanted, &mut teller)?;
        teller.clear();
        holds &= complaints.is_empty();
        let said = chapter.conclusion().words();
        let found = if complaints.is_empty() { "holds".to_owned() } else { format!("does not hold: {}", complaints.join("; ")) };
        screen.say(&format!("{}  {said}: {found}\n", chapter.promise))?;
    }
    bench.finish()?;
    let verdict = if holds { "holds" } else { "does not hold" };
    screen.say(&format!("\n{}: the certificate {verdict}\n", certificate.pool.name))?;
    Ok(if holds { Code::Passed } else { Code::Broken })
}

/// What is not as it was: the answer may differ for that.
fn differences(certificate: &Certificate, bench: &Bench, target: &Target, versions: &[String]) -> Vec<String> {
    let (then, now) = (certificate.pool.versions.join(", "), versions.join(", "));
    let product = bench.product(target.database()).unwrap_or("an unknown server");
    let pairs = [
        ("server", certificate.server.product.as_str(), product),
        ("rules", certificate.rules.as_str(), rules::EDITION),
        ("pool", certificate.pool.about.as_str(), target.about()),
        ("code", then.as_str(), now.as_str()),
    ];
    let unlike = pairs.into_iter().filter(|(_, then, now)| then != now);
    unlike.map(|(what, then, now)| format!("the {what} was {then}, and is {now} here")).collect()
}

/// What of a chapter is not so.
fn complaints(
    certificate: &Certificate,
    chapter: &Chapter,
    (bench, target): (&Bench, &Target),
    wanted: &Verify,
    teller: &mut Teller,
) -> Result<Vec<String>, Stop> {
    let Some(promise) = chapter.terms() else { return Ok(vec!["there is no such promise here".to_owned()]) };
    let mut complaints = Vec::new();
    for failure in chapter.failures.iter().filter(|failure| failure.certain) {
        teller.begins(&format!("{}, {promise}: replaying what breaks {}", target.name(), failure.rule));
        complaints.extend(not_broken(failure, bench, target)?);
    }
    let known = chapter.failures.iter().map(|failure| failure.rule.as_str());
    let known: Vec<&str> = known.collect();
    let found = search(certificate, chapter, promise, (bench, target), wanted, teller)?;
    if let Conclusion::Broken(broken, true) = &found {
        let is_new = |id: &&str| !known.contains(id) && rules::find(id).is_some_and(|rule| rule.level == Level::Must);
        complaints.extend(broken.iter().copied().filter(is_new).map(|rule| format!("{rule} breaks")));
    }
    let whole = wanted.sample.is_none_or(|sample| sample >= chapter.interleavings);
    if whole && chapter.conclusion().is_safe() && !found.is_safe() && complaints.is_empty() {
        complaints.push(format!("it is not safe here but '{}'", found.words()));
    }
    Ok(complaints)
}

/// A failure that does not show again.
fn not_broken(failure: &Counterexample, bench: &Bench, target: &Target) -> Result<Option<String>, Stop> {
    let interleaving = parse(&failure.interleaving).map_err(Stop::usage)?;
    let replay = certify::replay(bench, target, &interleaving, REPLAYS)?;
    let cause = replay.judgement.first_cause().map(|(rule, _)| rule.id);
    let same = cause == Some(failure.rule.as_str());
    let again = if same { replay.replayed } else { 0 };
    Ok((!same || !replay.is_steady()).then(|| format!("{} breaks in {again} of {} replays only", failure.rule, replay.replays)))
}

/// What the search comes to when it is done again, or its first part.
fn search(
    certificate: &Certificate,
    chapter: &Chapter,
    promise: Promise,
    (bench, target): (&Bench, &Target),
    wanted: &Verify,
    teller: &mut Teller,
) -> Result<Conclusion, Stop> {
    let plan = &certificate.plan;
    let sources = Source::ALL.into_iter().filter(|source| plan.sources.contains(&source.to_string())).collect();
    let depth = plan.depth.and_then(|depth| usize::try_from(depth).ok()).unwrap_or(DEPTH);
    // Its own number of interleavings decides how they are shared out among the sources.
    let whole = plan.interleavings.unwrap_or(chapter.interleavings);
    let plan = Plan {
        seed: plan.seed,
        cases: Cases::Number(wanted.sample.map_or(whole, |sample| sample.min(whole))),
        selection: Selection { sources, depth },
        workers: workers(wanted.workers),
        ..Plan::default()
    };
    let none = |_| Ok(Vec::new());
    let mut news = |news| teller.news(target.name(), news);
    let cells = certify::certify(bench, target, &[promise], &plan, &none, &mut news)?;
    cells.first().map(Conclusion::of).ok_or_else(|| Stop::bug("nothing was searched"))
}
