//! `poolproof which-promise`: questions that lead to a promise, and to the pools that keep it.

use std::io::{BufRead, Write};
use std::path::Path;

use poolproof::certificate::Certificate;
use poolproof::report::wrapped;
use poolproof::{Promise, corpus};

use super::args::Which;
use super::exit::{Code, Stop};
use super::screen::Screen;

/// A question, and where each answer leads.
struct Question {
    words: &'static str,
    yes: Next,
    no: Next,
}

/// Where an answer leads.
enum Next {
    Ask(&'static Question),
    Promise(Promise),
}

const FORKS: Question = Question {
    words: "Does your program, or a server or library that it runs in, ever fork without executing another program at once?",
    yes: Next::Ask(&CLOSED),
    no: Next::Promise(Promise::ExecOnly),
};
const CLOSED: Question = Question {
    words: "Is everything returned, and the pool closed and dropped, whenever it forks, or is the pool opened after the last fork?",
    yes: Next::Promise(Promise::DisposeBeforeFork),
    no: Next::Ask(&USES),
};
const USES: Question = Question {
    words: "Does a child use the pool, or a connection, that was opened before it was forked?",
    yes: Next::Ask(&IDLE),
    no: Next::Ask(&LEAVES),
};
const IDLE: Question = Question {
    words: "Is nothing checked out, in any thread, whenever it forks?",
    yes: Next::Promise(Promise::ForkWhenIdle),
    no: Next::Promise(Promise::ChildUsesPool),
};
const LEAVES: Question = Question {
    words: "Does a child never close, return or collect what it inherited, and end by _exit (os._exit, quick exit) alone?",
    yes: Next::Promise(Promise::ChildLeaks),
    no: Next::Promise(Promise::ChildDrops),
};

/// Asks, and says what the answers promise.
pub(crate) fn run(wanted: &Which, screen: &mut Screen) -> Result<Code, Stop> {
    let mut given = wanted.answers.as_deref().map(str::chars);
    let mut lines = std::io::stdin().lock().lines();
    let mut question = &FORKS;
    let promise = loop {
        for (nth, line) in wrapped(question.words, screen.style.width.saturating_sub(10)).iter().enumerate() {
            screen.say(&format!("{}{line}", if nth == 0 { "" } else { "\n" }))?;
        }
        let yes = match &mut given {
            Some(answers) => {
                let answer = answers.next().map(String::from);
                let yes = answer.as_deref().and_then(meant);
                screen.say(&format!(" {}\n", if yes == Some(true) { "yes" } else { "no" }))?;
                yes.ok_or_else(|| Stop::usage("--answers has one letter for each question, y or n, such as ynn"))?
            }
            None => ask(screen, &mut lines)?,
        };
        match if yes { &question.yes } else { &question.no } {
            Next::Ask(next) => question = next,
            Next::Promise(promise) => break *promise,
        }
    };
    screen.say(&format!("\nYour program promises {promise}: {}.\n", promise.sentence()))?;
    screen.say(&keepers(&wanted.out, promise)?)?;
    Ok(Code::Passed)
}

fn ask(screen: &mut Screen, lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Result<bool, Stop> {
    loop {
        screen.say(" [y/n] ")?;
        // Whoever answers sees the question first.
        std::io::stdout().flush().map_err(|error| Stop::output(&error))?;
        let line = lines.next().ok_or_else(|| Stop::usage("there was no answer").hint("`--answers ynn` gives them at once"))?;
        let line = line.map_err(|error| Stop::environment(format!("the answer cannot be read: {error}")))?;
        if let Some(yes) = meant(&line) {
            return Ok(yes);
        }
    }
}

fn meant(answer: &str) -> Option<bool> {
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

/// The pools whose certificates say that they are safe under a promise, and those that are not.
fn keepers(out: &Path, promise: Promise) -> Result<String, Stop> {
    let certificates = corpus::certificates(out)?;
    let that = |wanted: bool| {
        let is = |certificate: &&Certificate| certificate.is_safe_under(promise) == Some(wanted);
        let told = certificates.iter().filter(is).map(|one| format!("  {} on {}\n", one.pool.name, one.server.product));
        told.collect::<String>()
    };
    let (safe, unsafe_ones) = (that(true), that(false));
    let mut text = String::new();
    if !safe.is_empty() {
        text.push_str(&format!("\nSafe, by the certificates in {}:\n{safe}", out.display()));
    }
    if !unsafe_ones.is_empty() {
        text.push_str(&format!("\nNot safe:\n{unsafe_ones}"));
    }
    if text.is_empty() {
        text = format!("\nNo certificate in {} speaks of it; this one will:\n", out.display());
    } else {
        text.push_str("\nFor another pool:\n");
    }
    text.push_str(&format!("  poolproof certify POOL --promise {promise}\n"));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every promise that an application can make for its users is reached, by four answers at the most.
    #[test]
    fn every_way_ends_at_a_promise() {
        fn ends(question: &Question, depth: usize) -> Vec<(Promise, usize)> {
            let follow = |next: &Next| match next {
                Next::Ask(question) => ends(question, depth + 1),
                Next::Promise(promise) => vec![(*promise, depth)],
            };
            [follow(&question.yes), follow(&question.no)].concat()
        }
        let all = ends(&FORKS, 1);
        assert!(all.iter().all(|(_, depth)| *depth <= 4), "{all:?}");
        let mut promises: Vec<Promise> = all.into_iter().map(|(promise, _)| promise).collect();
        promises.sort_unstable();
        promises.dedup();
        assert_eq!(promises.len(), 6);
    }
}
