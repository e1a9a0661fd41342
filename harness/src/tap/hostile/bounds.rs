//! What one session may take: the bounds that every attempt is held to, whatever its bytes.
//!
//! Nothing here asks a clock. Work is counted in frames, in answers and in requests for memory.

use super::heap::{Cost, measure};
use super::recording::server;
use crate::history::Frame;
use crate::pool::Database;
use crate::tap::wire::Wire;

/// What a session may take, whatever is written, and what more for each byte.
#[derive(Clone, Copy)]
struct Bound {
    once: usize,
    each: usize,
}

/// What a session may hold, and how often it may ask for memory.
struct Bounds {
    held: Bound,
    requests: Bound,
}

/// A decoder; two or three times what it takes at the most.
const DECODER: Bounds = Bounds { held: Bound { once: 4 << 10, each: 4 }, requests: Bound { once: 64, each: 1 } };
/// A server along with a decoder: what a statement is read into is larger than its text.
const SERVER: Bounds = Bounds { held: Bound { once: 16 << 10, each: 32 }, requests: Bound { once: 500, each: 2 } };
/// The bytes of a server's answers.
const ANSWERS: Bound = Bound { once: 4 << 10, each: 8 };

impl Bound {
    fn check(&self, what: &str, is: usize, written: usize) {
        let most = self.once + self.each * written;
        assert!(is <= most, "{what}: {is} for {written} bytes, which is more than {most}");
    }
}

impl Bounds {
    /// `kept`: what the caller keeps.
    fn check(&self, cost: Cost, kept: usize, written: usize) {
        self.held.check("bytes held", cost.most, written);
        self.requests.check("requests for memory", cost.requests, written);
        assert_eq!(usize::try_from(cost.left), Ok(kept), "everything else is given back");
    }
}

/// What came of a session.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What the server said.
    pub(super) said: Vec<u8>,
    /// The decoder could not read all of it.
    pub(super) lost: bool,
}

/// Brings a client's bytes to an embedded server and to a decoder, which hears the answers too.
pub(super) fn serve(database: Database, pieces: &[Vec<u8>]) -> Outcome {
    let written = total(pieces);
    let (outcome, cost) = measure(|| {
        let mut server = server(database);
        let mut listener = Listener::new(database);
        let number = server.connect();
        let mut said = server.output(number).map(std::mem::take).unwrap();
        listener.server(&said);
        for piece in pieces {
            listener.client(piece);
            server.received(number, piece);
            let answer = server.output(number).map(std::mem::take).unwrap();
            listener.server(&answer);
            said.extend(answer);
        }
        server.client_closed(number);
        assert!(server.is_over(number), "a session without a client is over");
        server.remove(number);
        assert!(server.touched().is_empty() && server.output(number).is_none(), "nobody is left");
        Outcome { said, lost: listener.wire.state().desynchronised }
    });
    ANSWERS.check("bytes of answers", outcome.said.len(), written);
    SERVER.check(cost, outcome.said.capacity(), written);
    outcome
}

/// Brings both sides' bytes to a decoder, in turns.
pub(super) fn listen(database: Database, client: &[Vec<u8>], server: &[Vec<u8>]) -> Outcome {
    let written = total(client) + total(server);
    let (lost, cost) = measure(|| {
        let mut listener = Listener::new(database);
        for turn in 0..client.len().max(server.len()) {
            client.get(turn).into_iter().for_each(|piece| listener.client(piece));
            server.get(turn).into_iter().for_each(|piece| listener.server(piece));
        }
        listener.wire.state().desynchronised
    });
    DECODER.check(cost, 0, written);
    Outcome { said: Vec::new(), lost }
}

fn total(pieces: &[Vec<u8>]) -> usize {
    pieces.iter().map(Vec::len).sum()
}

/// A decoder and what it has heard.
struct Listener {
    wire: Wire,
    frames: Vec<Frame>,
    heard: usize,
    /// How much of that stood in frames which it has told of.
    told: usize,
}

impl Listener {
    fn new(database: Database) -> Self {
        Self { wire: Wire::new(database), frames: Vec::new(), heard: 0, told: 0 }
    }

    fn client(&mut self, bytes: &[u8]) {
        let was_lost = self.wire.state().desynchronised;
        self.wire.client(bytes, &mut self.frames);
        self.check(bytes.len(), was_lost);
    }

    fn server(&mut self, bytes: &[u8]) {
        let was_lost = self.wire.state().desynchronised;
        self.wire.server(bytes, &mut self.frames);
        self.check(bytes.len(), was_lost);
    }

    fn check(&mut self, heard: usize, was_lost: bool) {
        self.heard += heard;
        self.told += self.frames.drain(..).map(|frame| usize::try_from(frame.bytes).unwrap()).sum::<usize>();
        assert!(self.told <= self.heard, "no byte stands in two frames");
        assert!(self.wire.state().desynchronised || !was_lost, "what is lost stays lost");
    }
}
