//! The first screen: what a stranger wants to know, in words that both pages use.

use super::deployments::{Answer, DEPLOYMENTS, below};
use super::{Certificate, Chapter, Conclusion};
use crate::promise::Promise;
use crate::rules;

/// The first screen.
pub(super) struct Front {
    /// What was judged, and where.
    pub(super) title: String,
    /// In two or three sentences.
    pub(super) verdict: Vec<(Mood, String)>,
    /// A row for each way of deployment.
    pub(super) deployments: Vec<Deployed>,
    /// How strong the evidence is.
    pub(super) strength: Vec<String>,
    /// What nobody has looked at.
    pub(super) unseen: Vec<String>,
    /// Versions, date, and the command that makes the document again.
    pub(super) origin: Vec<(&'static str, String)>,
}

/// How a sentence is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// All is well.
    Good,
    /// It is not.
    Bad,
    /// Nobody knows.
    Open,
}

impl Mood {
    /// For those who see no colours.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Open => "?",
        }
    }
}

/// A way of deployment, and what is known of it.
pub(super) struct Deployed {
    pub(super) what: &'static str,
    pub(super) promise: Promise,
    pub(super) mood: Mood,
    pub(super) answer: String,
}

pub(super) fn front(certificate: &Certificate) -> Front {
    let Certificate { pool, server, .. } = certificate;
    Front {
        title: format!("{} on {}", pool.name, server.product),
        verdict: verdict(certificate),
        deployments: DEPLOYMENTS.iter().map(|deployment| deployed(certificate, deployment.what, deployment.promise)).collect(),
        strength: strength(certificate),
        unseen: unseen(certificate),
        origin: origin(certificate),
    }
}

/// The weakest promises under which it is safe, and the strongest under which it is not.
fn verdict(certificate: &Certificate) -> Vec<(Mood, String)> {
    let of = |wanted: fn(&Conclusion) -> bool| -> Vec<Promise> {
        let chapters = certificate.promises.iter().filter(|chapter| wanted(&chapter.conclusion()));
        chapters.filter_map(Chapter::terms).collect()
    };
    let (safe, broken) = (of(Conclusion::is_safe), of(Conclusion::is_unsafe));
    let open: Vec<Promise> = of(|conclusion| !conclusion.is_safe() && !conclusion.is_unsafe());
    let weakest: Vec<Promise> =
        safe.iter().copied().filter(|one| !safe.iter().any(|other| below(*other).contains(one))).collect();
    let strongest: Vec<Promise> =
        broken.iter().copied().filter(|one| !broken.iter().any(|other| below(*one).contains(other))).collect();
    let sentences = |promises: &[Promise]| {
        promises.iter().map(|promise| format!("{} (`{promise}`)", said(*promise))).collect::<Vec<_>>().join("; or if ")
    };
    let mut lines = Vec::new();
    if !weakest.is_empty() {
        lines.push((Mood::Good, format!("Safe if {}.", sentences(&weakest))));
    }
    if !strongest.is_empty() {
        lines.push((Mood::Bad, format!("Not safe even if {}.", sentences(&strongest))));
    }
    if !open.is_empty() {
        lines.push((Mood::Open, format!("Not decided if {}.", sentences(&open))));
    }
    if lines.is_empty() {
        lines.push((Mood::Open, "Nothing was looked at.".to_owned()));
    }
    lines
}

fn deployed(certificate: &Certificate, what: &'static str, promise: Promise) -> Deployed {
    let (answer, from) = Answer::of(certificate, promise);
    let follows = from.map_or_else(String::new, |from| format!(", as under `{from}`"));
    let (mood, answer) = match answer {
        Answer::Safe => (Mood::Good, format!("safe{follows}")),
        Answer::Unsafe(broken) => (Mood::Bad, format!("not safe{follows}: {}", what_happens(&broken))),
        Answer::Open(why) => (Mood::Open, format!("not decided: {why}")),
        Answer::NotLookedAt => (Mood::Open, "not looked at".to_owned()),
    };
    Deployed { what, promise, mood, answer }
}

/// Broken rules in words that need no rulebook.
fn what_happens(broken: &[&str]) -> String {
    let words = broken.iter().filter_map(|id| rules::find(id)).map(|rule| format!("{} ({})", rule.harm, rule.id));
    words.collect::<Vec<_>>().join(", ")
}

fn strength(certificate: &Certificate) -> Vec<String> {
    let all: u64 = certificate.promises.iter().map(|chapter| chapter.interleavings).sum();
    let safe = certificate.promises.iter().filter(|chapter| chapter.conclusion().is_safe());
    let mut lines = vec![format!(
        "{all} interleavings of fork, threads, checkouts and transactions were executed in real processes, under {} promises.",
        certificate.promises.len()
    )];
    if let Some(fewest) = safe.map(Chapter::random).filter(|random| *random > 0).min() {
        lines.push(format!(
            "Where it is called safe, at least {fewest} random interleavings broke nothing: with 95 % confidence fewer than {} of such \
             interleavings break anything. That is no proof for others.",
            share(3.0 / fewest as f64)
        ));
    }
    if certificate.planted > 0 {
        lines.push(format!(
            "The same rules and generators are tested on {} defects that are planted for them: `poolproof mutants`.",
            certificate.planted
        ));
    }
    let failures: Vec<_> = certificate.promises.iter().flat_map(|chapter| &chapter.failures).collect();
    if !failures.is_empty() {
        let certain = failures.iter().filter(|failure| failure.certain).count();
        lines.push(format!("Each failure below was shrunk and replayed; {certain} of {} are certain.", failures.len()));
    }
    lines
}

fn share(share: f64) -> String {
    if share >= 0.01 { format!("{:.1} in 100", share * 100.0) } else { format!("{:.1} in 10,000", share * 10_000.0) }
}

fn unseen(certificate: &Certificate) -> Vec<String> {
    let mut lines = Vec::new();
    let transport = match certificate.server.transport.as_str() {
        "unix" => "Connections through TCP and through TLS: the pool was connected through a Unix socket.",
        _ => "Connections through other transports.",
    };
    lines.push(transport.to_owned());
    if certificate.server.embedded {
        lines.push(
            "A real server: it was judged on poolproof's embedded one. What is printed as certain was seen by the kernel, or on a real \
             server as well; `--server local` takes a real one for all."
                .to_owned(),
        );
    }
    let looked: Vec<Promise> = certificate.promises.iter().filter_map(Chapter::terms).collect();
    let skipped: Vec<&str> = Promise::ALL.into_iter().filter(|promise| !looked.contains(promise)).map(Promise::name).collect();
    if !skipped.is_empty() {
        lines.push(format!("These promises by themselves: {}.", skipped.join(", ")));
    }
    lines.push("Connections that are returned with an open transaction or changed settings.".to_owned());
    for chapter in &certificate.promises {
        let missing = chapter.situations.missing();
        if chapter.whole && !missing.is_empty() {
            lines.push(format!("Under `{}`: {}.", chapter.promise, missing.join(", ")));
        }
    }
    let hidden: Vec<&str> = not(certificate, "not-visible");
    if !hidden.is_empty() {
        lines.push(format!("These rules, which cannot be seen on this server or transport: {}.", hidden.join(", ")));
    }
    lines.push(
        "Other versions of the pool, of its driver and of the server; other systems than Linux; what only a race shows."
            .to_owned(),
    );
    lines
}

/// The rules with such a verdict under some promise, each once.
fn not<'a>(certificate: &'a Certificate, verdict: &str) -> Vec<&'a str> {
    let lines = certificate.promises.iter().flat_map(|chapter| &chapter.verdicts);
    let mut rules: Vec<&str> = lines.filter(|line| line.verdict == verdict).map(|line| line.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn origin(certificate: &Certificate) -> Vec<(&'static str, String)> {
    let Certificate { made, poolproof, rules, pool, server, plan, again, .. } = certificate;
    let mut lines = vec![("pool", pool.about.clone())];
    if let Some(other) = &pool.code_of {
        lines.push(("code", format!("that of {other}, with another driver, runtime, database or setting")));
    }
    lines.push(("server", server.product.clone()));
    lines.push(("rules", format!("edition {rules}, poolproof {poolproof}")));
    let shards = if plan.shards.is_empty() { String::new() } else { format!(", parts {}", plan.shards.join(" and ")) };
    let amount =
        plan.interleavings.map_or_else(|| "by time".to_owned(), |number| format!("{number} interleavings for each promise"));
    lines.push(("search", format!("seed {}, {amount}, from {}{shards}", plan.seed, plan.sources.join(", "))));
    if !made.on.is_empty() {
        lines.push(("made", format!("{}, on {}", made.on, made.system)));
    }
    lines.push(("again", again.clone()));
    lines
}

/// What is promised, as the end of a sentence.
fn said(promise: Promise) -> &'static str {
    if promise == Promise::ThreadsOnly { "there is no fork at all" } else { promise.sentence() }
}
