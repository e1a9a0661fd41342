//! What can be wrong with the reference pool, one thing at a time: the list of defects, and what must find each of them.
//!
//! A mutant is the reference with one of them. Which one is a number that is chosen when the process under test starts, so that all
//! mutants are one pool for the compiler.

use std::sync::atomic::{AtomicU16, Ordering};

use poolproof::Promise;
use poolproof::promise::Terms;

/// What is said of a defect besides its rule and its promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It shows only where connections are returned dirty.
    Dirty,
    /// It shows only where something happens while another is inside an operation.
    Inside,
    /// It shows only where the server refuses or breaks off sessions.
    Fault,
    /// MySQL's protocol has nothing that could be done wrong here.
    PostgresOnly,
}

/// A defect, and what must find it.
#[derive(Clone, Copy, Debug)]
pub struct Plant {
    /// The defect.
    pub defect: Defect,
    /// The names of the mutants: for PostgreSQL, and for MySQL.
    pub names: [&'static str; 2],
    /// What is wrong.
    pub about: &'static str,
    /// The rule that it breaks first.
    pub rule: &'static str,
    /// A smallest promise under which it does.
    pub promise: Promise,
    /// More of it.
    pub notes: &'static [Note],
}

impl Plant {
    /// Whether that is said of it.
    pub fn has(&self, note: Note) -> bool {
        self.notes.contains(&note)
    }

    /// The promise, with what it says of dirty returns.
    pub fn terms(&self) -> Terms {
        Terms { promise: self.promise, dirty: self.has(Note::Dirty) }
    }
}

macro_rules! plant {
    ($($defect:ident $name:literal breaks $rule:literal under $promise:ident $(, $note:ident)*: $about:literal;)*) => {
        /// A defect that was planted in the reference pool.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Defect { $(#[doc = $about] $defect,)* }

        /// Every defect.
        pub const ALL: &[Plant] = &[$(Plant {
            defect: Defect::$defect,
            names: [concat!("mutant-", $name), concat!("mutant-", $name, "-mysql")],
            about: $about,
            rule: $rule,
            promise: Promise::$promise,
            notes: &[$(Note::$note),*],
        },)*];
    };
}

plant! {
    // The child's teardown reaches the server.
    Goodbye "goodbye" breaks "OWN-1" under ChildDrops: "a child says goodbye on what it inherited";
    ExitGoodbye "exit-goodbye" breaks "OWN-1" under ChildDrops: "an exit handler says goodbye on every open session";
    HookGoodbye "hook-goodbye" breaks "OWN-1" under HookInChild: "the hook for a child closes what is inherited with a goodbye";
    StatementClosed "statement-closed" breaks "OWN-1" under ChildDrops: "a child closes a prepared statement of its parent's";
    Shutdown "shutdown" breaks "OWN-3" under ChildDrops: "a child shuts an inherited socket down to close it";
    CancelsInherited "cancels-inherited" breaks "OWN-3" under ChildDrops: "a child cancels on a session before it lets go of it";

    // An inherited session is used.
    NoGuard "no-guard" breaks "OWN-1" under ForkWhenIdle: "the fork is never noticed";
    CancelUnguarded "cancel-unguarded" breaks "OWN-3" under Anything: "a child may cancel on an inherited checkout";
    RefusesLate "refuses-late" breaks "OWN-1" under Anything: "a child is refused after its ping was written";
    FlightGoodbye "flight-goodbye" breaks "OWN-1" under ChildDrops, Inside: "a child says goodbye where a statement was in flight";
    FlightCancelled "flight-cancelled" breaks "OWN-3" under ChildDrops, Inside: "a child cancels what was in flight at the fork";

    // Transactions.
    CommitUnsent "commit-unsent" breaks "TXN-1" under ThreadsOnly: "a commit is acknowledged and not sent";
    AutocommitOff "autocommit-off" breaks "TXN-1" under ThreadsOnly: "an insert begins a transaction that nobody commits";
    Reconnects "reconnects" breaks "TXN-1" under ThreadsOnly: "a lost session is replaced in the middle of a transaction";
    FlightReplayed "flight-replayed" breaks "TXN-1" under ChildUsesPool, Inside: "a child repeats what was in flight at the fork";
    RollbackCommits "rollback-commits" breaks "TXN-2" under ThreadsOnly: "a rollback commits";
    BeginUnsent "begin-unsent" breaks "TXN-2" under ThreadsOnly: "a transaction is begun in name only";
    TransactionLeft "transaction-left" breaks "TXN-3" under ThreadsOnly, Dirty: "a return leaves the transaction to the next holder";
    SettingsLeft "no-reset" breaks "TXN-4" under ThreadsOnly, Dirty: "a return rolls back and resets nothing";
    LockLeft "lock-left" breaks "TXN-4" under ThreadsOnly, Dirty, PostgresOnly: "a return resets settings and keeps locks";

    // Threads and locks that the child lacks.
    LockAtConnect "lock-held-at-fork" breaks "LIV-1" under ChildLeaks, Inside: "a lock is held while a session is opened";
    LockAtStatement "lock-at-statement" breaks "LIV-1" under ChildLeaks, Inside: "a lock is held while a statement runs";
    LockAtReset "lock-at-reset" breaks "LIV-1" under ChildLeaks, Inside: "a lock is held while a session is reset";
    OpeningCopied "opening-copied" breaks "LIV-2" under ChildLeaks, Inside: "a child waits for a connect that its parent began";
    WorkerMissing "worker-missing" breaks "LIV-2" under DisposeBeforeFork: "sessions are opened by a thread that a child lacks";
    WaitersCopied "waiters-copied" breaks "LIV-2" under ChildUsesPool: "a child serves waiters that its parent had";
    CountersCopied "counters-copied" breaks "LIV-2" under ChildUsesPool: "a child inherits its parent's count of connections";
    ResetsTwice "resets-twice" breaks "CAP-1" under ForkWhenIdle, Inside: "two threads of a child each install a fresh state";
    ResetsPanic "resets-panic" breaks "ISO-2" under ForkWhenIdle, Inside: "a second thread that notices the fork panics";
    ExitJoins "exit-joins" breaks "LIV-3" under DisposeBeforeFork: "an exit handler waits for a thread that a child lacks";
    ExitLocks "exit-locks" breaks "LIV-3" under ChildDrops, Inside: "an exit handler takes a lock that is held during a connect";
    DropPanics "drop-panics" breaks "ISO-2" under ChildDrops: "what is inherited panics when it is dropped";
    Aborts "aborts" breaks "ISO-2" under ChildDrops: "a child that notices the fork aborts";

    // Guards that do not guard.
    GuardOnlyAtCheckout "guard-at-checkout" breaks "OWN-1" under ChildDrops: "inherited checkouts are taken back in a child";
    GuardOnlyAtReturn "guard-at-return" breaks "OWN-1" under ForkWhenIdle: "the fork is noticed where a checkout is returned";
    GuardOnlyAtQuery "guard-at-query" breaks "OWN-1" under ChildDrops: "the fork is noticed where a statement is to run";
    PidGuard "pid-guard" breaks "OWN-1" under ForkWhenIdle: "a process is known by its pid";
    ForkHandler "fork-handler" breaks "OWN-1" under ForkWhenIdle: "a process is known by a handler of pthread_atfork";
    FirstForkOnly "first-fork-only" breaks "OWN-1" under ForkWhenIdle: "only the first fork of a line is noticed";
    PingsFirst "pings-first" breaks "OWN-1" under ForkWhenIdle: "an idle session is pinged before it is asked whose it is";
    ParentRefuses "parent-refuses" breaks "ISO-1" under ExecOnly: "a checkout is refused in the parent after a fork";
    QueryInterrupted "query-interrupted" breaks "ISO-1" under ExecOnly, Inside: "a statement fails if its process forks meanwhile";
    PlaceLost "place-lost" breaks "LIV-2" under ExecOnly, Inside: "a place is lost if the process forks during a connect";

    // Sessions that stay, or are too many.
    OffByOne "one-too-many" breaks "CAP-1" under ThreadsOnly: "there is room for one more than the limit";
    CountedLate "counted-late" breaks "CAP-1" under ThreadsOnly, Inside: "a place is counted when its session is open";
    Overflow "overflow" breaks "CAP-1" under ThreadsOnly: "whoever has waited in vain gets a session beyond the limit";
    Outlives "helper-process" breaks "CAP-2" under ThreadsOnly: "a program that the pool starts inherits its sessions";
    DisposeForgets "dispose-forgets" breaks "CAP-3" under ThreadsOnly: "what is idle stays open when the pool is disposed";
    DisposeSilent "silent-close" breaks "CAP-3" under ChildLeaks: "sessions are closed without a goodbye";
    ExecKeeps "crosses-exec" breaks "OWN-5" under ExecOnly: "sockets are not close-on-exec";

    // Without any fork.
    LostWakeUp "lost-wake-up" breaks "LIV-2" under ThreadsOnly: "nobody is woken where a broken session is returned";
    ReturnedTwice "returned-twice" breaks "OWN-2" under ThreadsOnly: "what is returned becomes idle twice";
    ReadsShared "reads-shared" breaks "OWN-2" under ThreadsOnly: "reads run on a session that another holds, too";
    ReplyUnread "reply-unread" breaks "REP-1" under ThreadsOnly: "a return pings and does not read the reply";
    IdleEarly "idle-early" breaks "REP-1" under ThreadsOnly, Inside: "a session is idle before its ping was answered";
    StaleRows "stale-rows" breaks "REP-1" under ThreadsOnly: "a lost session gives the rows of its last answer";
    PatienceIgnored "patience-ignored" breaks "LIV-1" under ThreadsOnly: "a checkout waits without end";
    DisposeWaits "dispose-waits" breaks "LIV-1" under ThreadsOnly: "to dispose waits for what is out";
    BrokenKept "broken-kept" breaks "LIV-4" under ThreadsOnly: "sessions that have ended are handed out again";
    StaleStatement "stale-statement" breaks "ISO-1" under ThreadsOnly, PostgresOnly: "statements are remembered over a reset";
    DisposedHangs "disposed-hangs" breaks "API-1" under ThreadsOnly: "a checkout of a disposed pool waits for ever";
    DisposedPanics "disposed-panics" breaks "API-1" under ThreadsOnly: "a checkout of a disposed pool panics";

    // A server that fails.
    CommitEarly "commit-early" breaks "TXN-1" under ThreadsOnly, Fault: "a commit is reported before its reply was read";
    CommitRepeated "commit-repeated" breaks "TXN-1" under ThreadsOnly, Fault: "a lost commit is sent again on a new session";
    InsertRepeated "insert-repeated" breaks "TXN-1" under ThreadsOnly, Fault: "a lost insert is sent again on a new session";
    InsertMoved "insert-moved" breaks "TXN-2" under ThreadsOnly, Fault: "a lost insert of a transaction is sent again outside of it";
    HalfReply "half-reply" breaks "REP-1" under ThreadsOnly, Fault: "an end of file is taken for the end of a reply";
    LossShares "loss-shares" breaks "OWN-2" under ThreadsOnly, Fault: "a lost session is replaced by that of another checkout";
    LossKeepsLock "loss-keeps-lock" breaks "LIV-1" under ThreadsOnly, Fault: "whoever loses his session keeps a lock";
    FreedTwice "freed-twice" breaks "CAP-1" under ThreadsOnly, Fault: "the place of a lost session is given back twice";
    RefusedPlace "refused-place" breaks "LIV-4" under ThreadsOnly, Fault: "a place is lost where a connect is refused";
    ErrorRemembered "error-remembered" breaks "LIV-4" under ThreadsOnly, Fault: "the error of a refused connect is remembered for ever";
    RefusedPanics "refused-panics" breaks "ISO-2" under ThreadsOnly, Fault: "a connect that is refused panics";
    RefusedRetries "refused-retries" breaks "LIV-1" under ThreadsOnly, Fault: "a connect that is refused is tried again without end";

    // Randomness.
    NonceCopied "generator-copied" breaks "OWN-4" under ChildLeaks, PostgresOnly: "nonces come from a generator that a fork copies";
}

/// The number of the defect of this process.
static PLANTED: AtomicU16 = AtomicU16::new(0);

/// Plants the defect of that number, for the whole life of this process and its children.
pub fn choose(number: u16) {
    PLANTED.store(number, Ordering::Relaxed);
}

/// The defect of this process.
pub(super) fn planted() -> Defect {
    ALL[usize::from(PLANTED.load(Ordering::Relaxed))].defect
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_enough_of_each_kind_and_none_twice() {
        assert!(ALL.len() >= 40, "{}", ALL.len());
        assert!(ALL.iter().filter(|plant| plant.has(Note::Inside)).count() >= 10);
        assert_eq!(ALL.iter().map(|plant| plant.names).collect::<BTreeSet<_>>().len(), ALL.len());
    }

    /// A rule without a mutant might as well be off.
    #[test]
    fn every_rule_has_a_defect() {
        let planted: BTreeSet<&str> = ALL.iter().map(|plant| plant.rule).collect();
        let missing: Vec<_> = poolproof::rules::ALL.iter().filter(|rule| !planted.contains(rule.id)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
