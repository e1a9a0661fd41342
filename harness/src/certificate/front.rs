//! The first screen: what a stranger wants to know, in words that both pages use.

use super::deployments::{Answer, DEPLOYMENTS, Deployment};
use super::{Certificate, Chapter, Conclusion};
use crate::promise::Promise;
use crate::rules::{self, Level};

/// The first screen.
pub(super) struct Front {
    /// What was judged, and where.
    pub(super) title: String,
    /// What is safe and what is not, in a few words.
    pub(super) verdict: Vec<Said>,
    /// A row for each way of deployment.
    pub(super) deployments: Vec<Deployed>,
    /// How strong the evidence is.
    pub(super) strength: Vec<String>,
    /// What nobody has looked at.
    pub(super) unseen: Vec<String>,
    /// Versions, date, and the command that makes the document again.
    pub(super) origin: Vec<(&'static str, String)>,
}

/// What is said of some ways of deployment.
pub(super) struct Said {
    pub(super) mood: Mood,
    pub(super) words: String,
    /// The ways of which it is said.
    pub(super) of: Vec<String>,
}

impl Said {
    /// In one sentence.
    pub(super) fn sentence(&self) -> String {
        format!("{}: {}.", self.words, self.of.join("; "))
    }
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

/// What was searched, in the words of those who deploy; what follows from it stands in the table. What breaks without a fork no way of
/// forking mends: it is told apart from what a fork adds.
fn verdict(certificate: &Certificate) -> Vec<Said> {
    let always = without_a_fork(certificate);
    let of = |wanted: &dyn Fn(&Chapter) -> bool| {
        let is =
            |promise: Promise| certificate.promises.iter().any(|chapter| chapter.terms() == Some(promise) && wanted(chapter));
        let named = DEPLOYMENTS.iter().filter(|deployment| is(deployment.promise)).map(|deployment| deployment.short.to_owned());
        named.collect::<Vec<_>>()
    };
    let is_unsafe = |chapter: &Chapter| chapter.conclusion().is_unsafe();
    let is_open = |chapter: &Chapter| !chapter.conclusion().is_safe() && !chapter.conclusion().is_unsafe();
    let anyway = format!("Not safe, with or without a fork, as {}", what_happens(&always));
    let lines = [
        (Mood::Good, "Safe".to_owned(), of(&|chapter| chapter.conclusion().is_safe())),
        (Mood::Bad, "Not safe".to_owned(), of(&|chapter| is_unsafe(chapter) && !adds_nothing(chapter, &always))),
        (Mood::Bad, anyway, of(&|chapter| is_unsafe(chapter) && adds_nothing(chapter, &always))),
        (Mood::Open, "Not decided".to_owned(), of(&is_open)),
    ];
    let said = lines.into_iter().filter(|(.., of)| !of.is_empty()).map(|(mood, words, of)| Said { mood, words, of });
    said.chain([Said { mood: Mood::Open, words: "Not looked at".to_owned(), of: unseen_in_short(certificate) }]).collect()
}

/// The rules that a MUST says and that are broken where nobody forks.
fn without_a_fork(certificate: &Certificate) -> Vec<&'static str> {
    let chapter = certificate.promises.iter().find(|chapter| chapter.terms() == Some(Promise::ThreadsOnly));
    match chapter.map(Chapter::conclusion) {
        Some(Conclusion::Broken(broken, true)) => musts(&broken),
        _ => Vec::new(),
    }
}

fn musts(broken: &[&'static str]) -> Vec<&'static str> {
    let is_must = |id: &&&'static str| rules::find(id).is_some_and(|rule| rule.level == Level::Must);
    broken.iter().filter(is_must).copied().collect()
}

/// Every MUST that is broken is broken without a fork, too.
fn adds_nothing(chapter: &Chapter, always: &[&str]) -> bool {
    match chapter.conclusion() {
        Conclusion::Broken(broken, true) => musts(&broken).iter().all(|rule| always.contains(rule)),
        _ => false,
    }
}

fn deployed(certificate: &Certificate, what: &'static str, promise: Promise) -> Deployed {
    let (answer, from) = Answer::of(certificate, promise);
    let follows = from.map_or_else(String::new, |from| format!(", which follows from `{from}`"));
    let always = without_a_fork(certificate);
    let (mood, answer) = match answer {
        Answer::Safe => (Mood::Good, format!("safe{follows}")),
        Answer::Unsafe(broken) => {
            let anyway = musts(&broken).iter().all(|rule| always.contains(rule)) && promise != Promise::ThreadsOnly;
            let anyway = if anyway { "; it happens without a fork, too" } else { "" };
            (Mood::Bad, format!("not safe{follows}: {}{anyway}", what_happens(&broken)))
        }
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
            "Where it is called safe, no interleaving broke anything, at least {fewest} random ones among them: with 95 % confidence fewer \
             than {} of those that are drawn like these break anything. It is no proof.",
            share(3.0 / fewest as f64)
        ));
    }
    if certificate.planted > 0 {
        lines.push(format!(
            "So that a rule cannot sleep: {} defects are planted in a correct pool, and the same search has to find each of them \
             (`poolproof mutants`).",
            certificate.planted
        ));
    }
    let failures: Vec<_> = certificate.promises.iter().flat_map(|chapter| &chapter.failures).collect();
    if !failures.is_empty() {
        let certain = failures.iter().filter(|failure| failure.certain).count();
        lines.push(format!(
            "Each failure on this page was made as short as it can be and replayed; {certain} of {} are certain.",
            failures.len()
        ));
    }
    lines
}

fn share(share: f64) -> String {
    if share >= 0.01 { format!("{:.1} in 100", share * 100.0) } else { format!("{:.1} in 10,000", share * 10_000.0) }
}

/// What weighs most of that, for the first lines.
fn unseen_in_short(certificate: &Certificate) -> Vec<String> {
    let transport = match certificate.server.transport.as_str() {
        "unix" => "connections through TCP and through TLS",
        _ => "other transports",
    };
    let mut lines = vec![transport.to_owned()];
    if certificate.server.embedded {
        lines.push("a real server, for what is called safe".to_owned());
    }
    let unknown = |promise: &Promise| certificate.is_safe_under(*promise).is_none();
    let unlooked = |deployment: &&Deployment| {
        let looked = certificate.promises.iter().any(|chapter| chapter.terms() == Some(deployment.promise));
        unknown(&deployment.promise) && !looked
    };
    lines.extend(DEPLOYMENTS.iter().filter(unlooked).map(|deployment| deployment.short.to_owned()));
    lines.push("connections that are returned with an open transaction or changed settings".to_owned());
    lines.push("other versions and other systems than Linux".to_owned());
    lines
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
            "A real server, for what is called safe: the search ran on poolproof's own small server. What is called not safe was \
             witnessed by the kernel or shown by a real server too, wherever one was installed. `--server local` searches on a real one."
                .to_owned(),
        );
    }
    let looked: Vec<Promise> = certificate.promises.iter().filter_map(Chapter::terms).collect();
    let others = || Promise::ALL.into_iter().filter(|promise| !looked.contains(promise));
    let list = |follows: bool| {
        let is = |promise: &Promise| certificate.is_safe_under(*promise).is_some() == follows;
        others().filter(is).map(|promise| format!("`{promise}`")).collect::<Vec<_>>().join(", ")
    };
    for (words, promises) in [("Nothing is known of", list(false)), ("Not searched, as it follows from other rows", list(true))] {
        if !promises.is_empty() {
            lines.push(format!("{words}: {promises}."));
        }
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
        "Other versions of the pool, of its driver and of the server; other systems than Linux; what shows only when two things happen at the very same moment."
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
    if !pool.versions.is_empty() {
        lines.push(("versions", pool.versions.join(", ")));
    }
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
