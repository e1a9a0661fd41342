//! Symptoms of which nobody says anything: they are found by what one notices.

use super::errors::SCOPE;
use super::{Cure, Shown, Symptom};

/// Nothing of the parent's in the child.
const OWN_POOL: Cure = Cure {
    what: "let the child open a pool of its own, and fork before the first thread or runtime is started",
    measured: Some("`poolproof certify reference --promise child-drops` passes"),
};
/// Find out who it was.
const WATCH: Cure = Cure {
    what: "find out which process it was: `poolproof watch -- COMMAND` runs the program as it is and names both",
    measured: Some("it names the child in the program of the first report within 20 iterations, in which that shows no error"),
};

/// The symptoms.
pub(super) const ALL: &[Symptom] = &[
    Symptom {
        name: "a commit that did not happen",
        messages: &["commit reports success, the row is gone", "an acknowledged insert is gone", "committed rows are missing"],
        signs: &["commit reports success", "row is gone", "insert is gone", "committed rows are missing", "lost update"],
        meaning: "the server has rolled back what the client believes to be committed",
        cause: "a forked child returned, closed or collected the connection: that rolled the parent's transaction back. The parent's COMMIT \
                then ends nothing, and PostgreSQL and MySQL call that a success.",
        rules: &["OWN-1", "TXN-1"],
        cures: &[WATCH, SCOPE],
        shown: Shown { scenario: "rolled-back-by-the-child", pool: Some("mutant-no-guard") },
    },
    Symptom {
        name: "a rollback that did not happen",
        messages: &["rollback reports success, the row is there", "rolled back rows are there"],
        signs: &["rollback reports success", "row is there", "rolled back rows are there"],
        meaning: "somebody else has committed what the client believes to be rolled back",
        cause: "a forked child committed on the inherited session before its parent rolled back.",
        rules: &["OWN-1", "TXN-2"],
        cures: &[WATCH, SCOPE],
        shown: Shown { scenario: "committed-by-the-child", pool: Some("mutant-no-guard") },
    },
    Symptom {
        name: "a process that hangs",
        messages: &["the child waits for ever", "the parent hangs, no byte was sent", "the process hangs at exit"],
        signs: &[
            "waits for ever",
            "waits forever",
            "parent hangs",
            "child hangs",
            "process hangs",
            "hangs at exit",
            "hangs after fork",
        ],
        meaning: "a thread waits for something that can no longer come",
        cause: "a forked child has the locks of its parent's threads and not the threads: a lock that was held at the fork stays so, workers \
                that open connections or turn a runtime do not exist, a runtime that is dropped joins threads that are not there. A parent \
                hangs when its child has read its answer, or has changed the epoll set that both share.",
        rules: &["LIV-1", "LIV-3"],
        cures: &[OWN_POOL],
        shown: Shown { scenario: "lock-held-at-fork", pool: None },
    },
    Symptom {
        name: "the state of somebody else's session",
        messages: &["wrong schema, lock held", "the search_path of another process"],
        signs: &["wrong schema", "search path of another", "lock held by another process"],
        meaning: "a session has settings or locks that its user did not make",
        cause: "a forked child changed them on the inherited session; or a connection was returned with them, and the pool did not reset it.",
        rules: &["OWN-1"],
        cures: &[WATCH, SCOPE],
        shown: Shown { scenario: "joined", pool: Some("mutant-no-guard") },
    },
];
