//! What a driver would never do to a socket: bytes that it knows nothing of, replies that it does not read.

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::LazyLock;

use poolproof::Database;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::{FdFlags, fcntl_setfd, read};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send as write, shutdown};

thread_local! {
    /// The socket on which a reply is to come that nobody reads.
    static OWED: Cell<Option<RawFd>> = const { Cell::new(None) };
}

/// Sends bytes; whoever is gone does not get them.
pub(super) fn send(socket: BorrowedFd<'_>, bytes: &[u8]) {
    let _ = write(socket, bytes, SendFlags::NOSIGNAL);
}

/// Ends the connection for whoever has it.
pub(super) fn shut_down(socket: BorrowedFd<'_>) {
    let _ = shutdown(socket, Shutdown::Both);
}

/// Lets programs inherit it.
pub(super) fn keep_over_exec(socket: BorrowedFd<'_>) {
    let _ = fcntl_setfd(socket, FdFlags::empty());
}

/// A question whose answer has no rows.
pub(super) fn ping(database: Database) -> Vec<u8> {
    match database {
        Database::Postgres => b"Q\0\0\0\x05\0".to_vec(),
        Database::MySql => b"\x01\0\0\0\x0e".to_vec(),
    }
}

/// Closes the first statement that the session prepared, and asks for no answer.
pub(super) fn close_statement(database: Database) -> Vec<u8> {
    match database {
        Database::Postgres => b"C\0\0\0\x08Ss1\0".to_vec(),
        Database::MySql => b"\x05\0\0\0\x19\x01\0\0\0".to_vec(),
    }
}

/// Throws away what has arrived, be it a reply that is owed to somebody else.
pub(super) fn drain(socket: BorrowedFd<'_>) {
    let mut chunk = [0; 512];
    while matches!(recv(socket, &mut chunk, RecvFlags::DONTWAIT), Ok((_, read)) if read > 0) {
        tell_of_reading();
    }
}

/// Readable when somebody has read replies since one was last owed.
static READ: LazyLock<Option<OwnedFd>> = LazyLock::new(|| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok());

/// Remembers that a reply is to come here.
pub(super) fn owe_reply(socket: BorrowedFd<'_>) {
    if let Some(event) = READ.as_ref() {
        let _ = read(event, &mut [0; 8]);
    }
    OWED.set(Some(socket.as_raw_fd()));
}

/// Somebody has read what there was, the owed reply too.
pub(super) fn tell_of_reading() {
    if let Some(event) = READ.as_ref() {
        let _ = rustix::io::write(event, &1_u64.to_ne_bytes());
    }
}

/// Waits until it has come, and leaves it there, or until somebody else has read it.
pub(super) fn await_owed_reply() {
    let Some(socket) = OWED.take() else { return };
    // SAFETY: the session that has it is idle, and is closed by nobody who has not taken it first.
    let socket = unsafe { BorrowedFd::borrow_raw(socket) };
    let readable = |socket| PollFd::from_borrowed_fd(socket, PollFlags::IN);
    let event = READ.as_ref().map_or(socket, |event| event.as_fd());
    let _ = poll(&mut [readable(socket), readable(event)], None);
}
