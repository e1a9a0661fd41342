//! What a fuzzer exercises without any process: the frame decoders, the embedded servers and the parser of the text form. Each takes
//! any bytes; a panic is the finding.

use crate::interleaving::parse;
use crate::pool::Database;
use crate::server::embedded::{Account, Embedded};
use crate::tap::wire::Wire;

/// Pieces of at most so many bytes, so that frames are cut anywhere.
const PIECE: usize = 64;

/// The bytes in pieces, each behind a byte that says how long it is and where it goes.
fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&head, rest) = bytes.split_first()?;
        let (piece, left) = rest.split_at(rest.len().min(usize::from(head >> 2) % PIECE + 1));
        bytes = left;
        Some((head & 3, piece))
    })
}

/// Both directions of one connection, as the tap reads them.
pub fn wire(database: Database, bytes: &[u8]) {
    let mut wire = Wire::new(database);
    let mut frames = Vec::new();
    for (way, piece) in pieces(bytes) {
        match way & 1 {
            0 => wire.client(piece, &mut frames),
            _ => wire.server(piece, &mut frames),
        }
        frames.clear();
        let _ = wire.take_told();
    }
}

/// Three sessions of an embedded server, to which anything is written.
pub fn embedded(database: Database, bytes: &[u8]) {
    let account = Account { user: "user".to_owned(), password: "password".to_owned(), name: "name".to_owned() };
    let mut server = Embedded::new(database, account);
    let mut sessions = [(); 3].map(|()| server.connect());
    for (which, piece) in pieces(bytes) {
        match sessions.get_mut(usize::from(which)) {
            Some(session) => server.received(*session, piece),
            // The oldest goes, and another one comes.
            None => {
                server.client_closed(sessions[0]);
                sessions.rotate_left(1);
                sessions[2] = server.connect();
            }
        }
        for session in server.touched() {
            if let Some(output) = server.output(session) {
                output.clear();
            }
            if server.is_over(session) {
                server.remove(session);
            }
        }
    }
}

/// The text form: what can be read can be written and read again.
///
/// # Panics
/// If that is not so.
pub fn text(bytes: &[u8]) {
    let Ok(read) = parse(&String::from_utf8_lossy(bytes)) else { return };
    assert_eq!(parse(&read.to_string()).as_ref(), Ok(&read), "what was written means something else");
    assert_eq!(super::decode(&super::encode(&read)), read, "its bytes mean something else");
}
