//! Ways in which programs with pools are deployed, and what each of them promises.

use super::{Certificate, Conclusion};
use crate::promise::Promise;

/// A way in which programs are deployed.
pub(super) struct Deployment {
    /// What it is, in the words of those who do it.
    pub(super) what: &'static str,
    /// The same in a few words.
    pub(super) short: &'static str,
    /// What the application promises by it.
    pub(super) promise: Promise,
}

/// The usual ones first.
pub(super) const DEPLOYMENTS: [Deployment; 9] = [
    Deployment {
        what: "Prefork server that preloads: the pool is opened before the fork, and workers use it",
        short: "workers that use a pool which was opened before the fork (preloading)",
        promise: Promise::ChildUsesPool,
    },
    Deployment {
        what: "Prefork server that preloads, and nothing is checked out while it forks",
        short: "preloading, with nothing checked out at the moment of the fork",
        promise: Promise::ForkWhenIdle,
    },
    Deployment {
        what: "Prefork server that preloads, and each worker first calls the hook that the pool documents for forks",
        short: "preloading, where workers first call the hook that the pool documents for forks",
        promise: Promise::HookInChild,
    },
    Deployment {
        what: "Worker that opens a pool of its own after the fork, and ends by returning from main or by exit: destructors run \
               on what it inherited",
        short: "workers that open their own pool, and end by returning from main or by exit",
        promise: Promise::ChildDrops,
    },
    Deployment {
        what: "Worker that opens a pool of its own after the fork, never touches what it inherited (leaks it) and ends by _exit, so \
               that no destructor runs",
        short: "workers that open their own pool, leave the inherited one alone and end by _exit",
        promise: Promise::ChildLeaks,
    },
    Deployment {
        what: "Everything is returned and the pool closed before each fork, or the pool is opened after the last fork, as daemons do; \
               however the processes end",
        short: "pools that are closed before each fork, or opened after the last one, however the processes end",
        promise: Promise::DisposeBeforeFork,
    },
    Deployment {
        what: "A child does nothing but exec another program",
        short: "children that do nothing but exec another program",
        promise: Promise::ExecOnly,
    },
    Deployment { what: "Threads, and no fork at all", short: "threads without a fork", promise: Promise::ThreadsOnly },
    Deployment {
        what: "Whatever the application does, also with connections that were checked out at the fork",
        short: "whatever the application does",
        promise: Promise::Anything,
    },
];

/// What is known of a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Every MUST held.
    Safe,
    /// These rules were broken.
    Unsafe(Vec<&'static str>),
    /// It was looked at, and nothing follows from that; why.
    Open(String),
    /// It was not looked at.
    NotLookedAt,
}

impl Answer {
    /// What a document says of a promise: found under it, or under one from which it follows. Who is safe under a promise is so under
    /// those that it includes; who is not is not under those that include it.
    pub(super) fn of(certificate: &Certificate, promise: Promise) -> (Self, Option<Promise>) {
        let known = |wanted: fn(&Conclusion) -> bool| {
            certificate.promises.iter().filter(move |chapter| wanted(&chapter.conclusion())).filter_map(|chapter| chapter.terms())
        };
        let direct =
            certificate.promises.iter().find(|chapter| chapter.terms() == Some(promise)).map(|chapter| chapter.conclusion());
        match direct {
            Some(conclusion) if conclusion.is_safe() => return (Self::Safe, None),
            Some(Conclusion::Broken(rules, _)) => return (Self::Unsafe(rules), None),
            _ => {}
        }
        if let Some(larger) = known(Conclusion::is_safe).find(|larger| larger.below().contains(&promise)) {
            return (Self::Safe, Some(larger));
        }
        if let Some(smaller) = known(Conclusion::is_unsafe).find(|smaller| promise.below().contains(smaller)) {
            let chapter = certificate.promises.iter().find(|chapter| chapter.terms() == Some(smaller));
            let rules = chapter.map(|chapter| chapter.conclusion());
            let rules = if let Some(Conclusion::Broken(rules, _)) = rules { rules } else { Vec::new() };
            return (Self::Unsafe(rules), Some(smaller));
        }
        match direct {
            Some(Conclusion::NotOffered) => (Self::Open("the pool has no hook for it".to_owned()), None),
            Some(conclusion) => (Self::Open(conclusion.words()), None),
            None => (Self::NotLookedAt, None),
        }
    }
}
