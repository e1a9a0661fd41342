//! OWN-5: sockets do not cross `exec`.

use super::bytes::inherits;
use crate::history::{Event, SessionId, Witness};
use crate::interleaving::Op;
use crate::promise::Promise;
use crate::rules::facts::{Call, Facts, Session};
use crate::rules::{Level, Rule};
use crate::verdict::{Evidence, Verdict};

pub(in crate::rules) const OWN_5: Rule = Rule {
    id: "OWN-5",
    level: Level::Should,
    harm: "a program that was executed keeps the connection open",
    sentence: "Sockets are close-on-exec: a program that was executed holds none.",
    reason: "A program that knows nothing of the database keeps its sessions open as long as it runs (failures: exec keeps it).",
    remedy: "Mark the descriptors close-on-exec, or close them in the child before it executes another program.",
    remedies: &[(Promise::ThreadsOnly, "Mark the descriptors close-on-exec: the program that replaces this one keeps them.")],
    evidence: "the descriptor table of the new program, compared by inode with the sockets that the tap has accepted",
    smallest: "pool max_size=1\npromise exec-only\np0 open\np0 checkout a\np0 fork p1\np1 exec",
    mutant: "mutant-crosses-exec",
    kernel: true,
    dirty: false,
    check: nothing_crosses_exec,
};

fn nothing_crosses_exec(facts: &Facts) -> Verdict {
    let mut broken = Vec::new();
    for (at, event) in facts.events.iter().enumerate() {
        let Event::Carried { process, sessions } = event else { continue };
        let names: Vec<_> = sessions.iter().map(SessionId::to_string).collect();
        let sentence = format!("the program that {process} executed has kept {}", names.join(", "));
        broken.push(Evidence { at, sentence, details: Vec::new() });
    }
    let execs = facts.calls.iter().filter(|call| call.invocation.op == Op::Exec && call.succeeded());
    let reached = execs.map(|exec| facts.sessions.values().filter(|session| in_reach(facts, exec, session)).count());
    Verdict::on(broken, u32::try_from(reached.sum::<usize>()).unwrap_or(u32::MAX))
}

/// The process had the session's socket open when it executed another program: opened or inherited.
fn in_reach(facts: &Facts, exec: &Call, session: &Session) -> bool {
    let open = session.opened < exec.at && session.client_closed.is_none_or(|closed| closed > exec.at);
    open && (session.owner == Witness::Process(exec.process()) || inherits(facts, exec.process(), session))
}
