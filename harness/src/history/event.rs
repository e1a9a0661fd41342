//! One thing that happened, and what it is made of.

use super::{CheckoutId, InvocationId, PoolId, SessionId, Witness};
use crate::interleaving::{Actor, Op, Process};
use crate::nonce::Nonce;
use crate::pool::{ErrorKind, Rows};

/// One frame of the wire protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The protocol's own name for it: `Terminate`, `COM_QUIT`.
    pub name: &'static str,
    /// Its length with its header.
    pub bytes: u32,
    /// The first nonce in it.
    pub nonce: Option<Nonce>,
    /// The client says goodbye with it.
    pub goodbye: bool,
}

/// What the model expected of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// It must succeed.
    Success,
    /// It must wait for somebody, and nobody may come.
    Block,
    /// Either answer is right.
    Either,
}

/// The start of a step or of an act of the epilogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Its number.
    pub id: InvocationId,
    /// Who was told.
    pub actor: Actor,
    /// What.
    pub op: Op,
    /// Which step of the interleaving it is; `None` in the epilogue.
    pub step: Option<usize>,
    /// The pool it is about, or whose checkout it uses.
    pub pool: Option<PoolId>,
    /// The checkout that it makes or uses.
    pub checkout: Option<CheckoutId>,
    /// The checkout or the pool that it uses was inherited by the actor's process.
    pub inherited: bool,
    /// The nonce of its statement.
    pub nonce: Option<Nonce>,
    /// What the model expected.
    pub expected: Expectation,
    /// The server's reply of this number is withheld until the actor is released.
    pub stall: Option<u8>,
    /// The session on which the server replies ends when the actor has been given so many bytes.
    pub cut: Option<u8>,
}

/// How an invocation finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Done,
    /// It succeeded and gave rows.
    Rows(Rows),
    /// The pool or the server answered with an error.
    Error {
        /// A hint.
        kind: ErrorKind,
        /// The words.
        message: String,
    },
    /// The pool panicked.
    Panicked(String),
    /// The pool has no such operation.
    NotOffered,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// Why a step was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// A name in it stands for nothing.
    NoSuchName,
    /// The promise forbids it.
    Promise,
    /// It does not fit the state: a commit without a begin, a join of a busy thread.
    DoesNotApply,
    /// A limit of the harness.
    Limit,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A process said who it is.
    Born {
        /// Which.
        process: Process,
        /// Its parent, but for the first.
        parent: Option<Process>,
    },
    /// A step was skipped.
    Skipped {
        /// Its place in the interleaving.
        step: usize,
        /// Why.
        why: Skip,
    },
    /// The server is a pooler, whose clients share sessions of the server behind it, a transaction at a time: what a session has set is
    /// not to be seen by who set it, and what is seen was set by anybody.
    Shared,
    /// A step or an act of the epilogue was started.
    Invoked(Invocation),
    /// It finished.
    Finished {
        /// Which.
        id: InvocationId,
        /// How.
        outcome: Outcome,
    },
    /// An invocation that was to be stalled finished before the server had replied so often.
    NeverStalled {
        /// Which.
        id: InvocationId,
    },
    /// An invocation that was to be cut finished before the server had said so many bytes.
    NeverCut {
        /// Which.
        id: InvocationId,
    },
    /// A reply was kept from a checkout for so long that its patience may end, whatever the pool is worth.
    KeptTooLong {
        /// Which.
        id: InvocationId,
    },
    /// The program that a process executed has sockets of sessions that the one before had open.
    Carried {
        /// The process.
        process: Process,
        /// The sessions.
        sessions: Vec<SessionId>,
    },
    /// There is room in a pool for which checkouts are waiting: one of them must be served now.
    Released {
        /// The waiting checkouts.
        waiters: Vec<InvocationId>,
    },
    /// A client connected.
    Opened {
        /// The new session.
        session: SessionId,
        /// Who called `connect`.
        owner: Witness,
    },
    /// The session's connection turned out to carry a cancel request; it is no session.
    CancelRequested {
        /// The connection.
        session: SessionId,
        /// Who asked.
        writer: Witness,
        /// The session whose statement is to be cancelled, if the tap knows one of that number and secret.
        target: Option<SessionId>,
    },
    /// A client asked the server to disturb a session by its number: MySQL's `KILL`.
    KillRequested {
        /// On which session it asked.
        session: SessionId,
        /// Who asked.
        writer: Witness,
        /// The session that is to be disturbed, if the tap knows one of that number.
        target: Option<SessionId>,
        /// The session is to end, and not only its statement.
        ends: bool,
    },
    /// A client drew a random value for its login; two that drew the same share their random numbers.
    Drew {
        /// On which session.
        session: SessionId,
        /// Who wrote it.
        writer: Witness,
        /// A fingerprint of the value.
        random: u64,
    },
    /// The server reported the session ready for its first statement.
    Ready {
        /// Which.
        session: SessionId,
    },
    /// A client wrote; one event for the bytes of one writer.
    Wrote {
        /// On which session.
        session: SessionId,
        /// Who, by the kernel's word.
        writer: Witness,
        /// How many bytes.
        bytes: u32,
        /// The frames that these bytes completed.
        frames: Vec<Frame>,
    },
    /// The server wrote.
    Answered {
        /// On which session.
        session: SessionId,
        /// How many bytes.
        bytes: u32,
        /// The frames that these bytes completed and that carry a nonce.
        frames: Vec<Frame>,
        /// The session is inside a transaction after these bytes.
        in_transaction: bool,
    },
    /// From the bytes that the server wrote last, the client is given nothing more of what the server writes.
    Withheld {
        /// On which session.
        session: SessionId,
    },
    /// The client is given what was withheld, and what follows.
    Resumed {
        /// On which session.
        session: SessionId,
    },
    /// From here on the frames of a session are encrypted, as both sides have agreed.
    Encrypted {
        /// Which.
        session: SessionId,
    },
    /// The server could not decrypt what a client wrote: a record's checksum is wrong, as it is where two have written by one key.
    Undecipherable {
        /// On which session.
        session: SessionId,
        /// The server's words.
        words: String,
    },
    /// Of the bytes that the server wrote last the client is given no more than so many, then the end of the session.
    Cut {
        /// Which.
        session: SessionId,
        /// For the sake of whose step.
        process: Process,
        /// How many.
        given: u32,
    },
    /// A session that was opened is not taken by the server.
    Refused {
        /// Which.
        session: SessionId,
    },
    /// The server takes new sessions again, as the steps have come to their end.
    Accepting,
    /// The frames of a session can no longer be read.
    Desynchronised {
        /// Which.
        session: SessionId,
    },
    /// The client's side was closed: by the last descriptor of it, or by `shutdown(2)`.
    ClientClosed {
        /// Which.
        session: SessionId,
        /// Nobody said goodbye, and whoever connected still had a descriptor of it: somebody shut it down. False where the
        /// kernel does not say.
        held: bool,
    },
    /// The server's side was closed.
    ServerClosed {
        /// Which.
        session: SessionId,
    },
    /// A process ended.
    Ended {
        /// Which.
        process: Process,
        /// How.
        ending: Ending,
    },
    /// Every thread of a process waits for something that can no longer come.
    Stuck {
        /// Which.
        process: Process,
        /// The invocation that does not end.
        id: InvocationId,
        /// A line for each thread: its system call.
        threads: Vec<String>,
    },
    /// The clock ran out.
    Overdue {
        /// The process that owes something.
        process: Process,
        /// The invocation that does not end.
        id: InvocationId,
        /// The bound that was exceeded, in milliseconds.
        bound_ms: u64,
    },
    /// A thread of a process computes without end: it used up so much of the processor's time and asked the system for nothing.
    Spinning {
        /// The process that owes something.
        process: Process,
        /// The invocation that does not end.
        id: InvocationId,
        /// The processor's time, in milliseconds.
        cpu_ms: u64,
    },
    /// The harness ended a process that would not end.
    Killed {
        /// Which.
        process: Process,
    },
    /// Sessions that the server still had when the wait for their end ran out.
    SessionsLeft {
        /// Which.
        sessions: Vec<SessionId>,
    },
    /// The rows of this run in the ledger, after the EOF of every session.
    Ledger {
        /// Each row's nonce; one that stands there twice is listed twice.
        rows: Vec<Nonce>,
    },
    /// The harness could not carry this execution out; nothing may be concluded from it.
    Abandoned {
        /// Why.
        why: String,
    },
}
