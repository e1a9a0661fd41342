//! One client connection and its session with the server, with the bytes on their way between them.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::far::Far;
use super::numbers::Numbers;
use super::refusal::Reaction;
use super::side::Side;
use super::stall::{Armed, Replies, Share};
use super::wire::{Name, Wire};
use super::{Identify, TapShim};
use crate::history::{Event, Frame, History, SessionId, Witness};
use crate::interleaving::Process;
use crate::limits;
use crate::pool::Database;
use crate::server::embedded::{Embedded, Number};

/// A client that has written so much behind what the server has not read is not followed any further.
const FLOOD: usize = 2 * limits::PENDING;

/// Both sides of a session.
pub(super) struct Link {
    session: SessionId,
    owner: Witness,
    /// The client's bytes come with the writer's pid.
    shows_writers: bool,
    client: Side,
    server: Far,
    wire: Wire,
    replies: Replies,
    announced: Announced,
}

/// What was already said in the history, so that it is said once.
#[derive(Default)]
struct Announced {
    ready: bool,
    cancel: bool,
    encrypted: bool,
    desynchronised: bool,
    flooded: bool,
}

/// A client that has just come in.
pub(super) struct Client {
    pub(super) socket: OwnedFd,
    pub(super) owner: Witness,
    pub(super) shows_writers: bool,
}

impl Link {
    /// A client and the server's side of its session.
    pub(super) fn new(session: SessionId, client: Client, server: Far, database: Database) -> Self {
        let Client { socket, owner, shows_writers } = client;
        let (client, wire) = (Side::new(socket, false), Wire::new(database));
        let (replies, announced) = (Replies::default(), Announced::default());
        Self { session, owner, shows_writers, client, server, wire, replies, announced }
    }

    pub(super) fn watch(&mut self, set: &OwnedFd, index: u64) -> rustix::io::Result<()> {
        self.client.watch(set, index * 2)?;
        self.server.watch(set, index * 2 + 1)
    }

    /// The session of the embedded server.
    pub(super) fn number(&self) -> Option<Number> {
        self.server.number()
    }

    /// Gives the embedded server what the client wrote.
    pub(super) fn hand_over(&mut self, embedded: &mut Embedded) {
        self.server.hand_over(embedded);
    }

    /// Takes what the embedded server wrote.
    pub(super) fn take_answer(&mut self, embedded: &mut Embedded, shim: TapShim, history: &mut History) {
        let Some(number) = self.server.number() else { return };
        let bytes = embedded.output(number).map(std::mem::take).unwrap_or_default();
        if !bytes.is_empty() {
            self.answered(&bytes, history);
        }
        if embedded.is_over(number) && !self.server.has_ended() {
            embedded.remove(number);
            self.server_closed_now(shim, history);
        }
    }

    /// Takes what the client wrote, each writer's bytes as an event of their own, until it is more than `most`.
    pub(super) fn read_client(
        &mut self,
        scratch: &mut [u8],
        most: usize,
        shim: TapShim,
        (who, numbers): (&dyn Identify, &Numbers),
        history: &mut History,
    ) {
        let mut taken = 0;
        while !self.client.has_ended() && taken < most {
            match self.client.receive(scratch) {
                Ok((0, _)) => self.client_closed(history),
                Ok((read, pid)) => {
                    taken += read;
                    let writer = match self.shows_writers {
                        _ if shim.blind => self.owner,
                        true => who.identify(pid),
                        false => Witness::Unseen,
                    };
                    let mut frames = Vec::new();
                    self.wire.client(&scratch[..read], &mut frames);
                    self.tell(writer, numbers, history);
                    self.announce(history);
                    history.append(Event::Wrote { session: self.session, writer, bytes: read as u32, frames });
                    if !self.replies.is_cut() {
                        self.server.push(&scratch[..read]);
                    }
                    self.replies.asked();
                }
                Err(nix::errno::Errno::EAGAIN) => return,
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => self.client_closed(history),
            }
        }
    }

    /// The client has written something that has not arrived, and there is room for it.
    pub(super) fn is_on_its_way(&self) -> bool {
        !self.client.has_ended() && self.room() > 0 && self.client.is_on_its_way()
    }

    fn client_closed(&mut self, history: &mut History) {
        let state = self.wire.state();
        let held = !state.goodbye && !state.cancel && self.client.is_held();
        self.client.end();
        self.server.close();
        if self.client.is_gone() {
            self.give(history);
        }
        history.append(Event::ClientClosed { session: self.session, held });
    }

    /// A server that does not take the session says what it has to say.
    pub(super) fn is_refused(&mut self, shim: TapShim, history: &mut History) {
        while !self.server.has_ended()
            && let Some(reaction) = self.server.react()
        {
            let (words, ends) = match reaction {
                Reaction::Listens => return,
                Reaction::Says(words) => (words, false),
                Reaction::Ends(words) => (words, true),
            };
            if !words.is_empty() {
                self.answered(&words, history);
            }
            if ends {
                self.server_closed_now(shim, history);
            }
        }
    }

    /// Takes what the server wrote.
    pub(super) fn read_server(&mut self, scratch: &mut [u8], shim: TapShim, history: &mut History) {
        while !self.server.has_ended() && !self.client_is_full() {
            match self.server.read(scratch) {
                Ok(0) => self.server_closed_now(shim, history),
                Ok(read) => self.answered(&scratch[..read], history),
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(_) => self.server_closed_now(shim, history),
            }
        }
    }

    fn answered(&mut self, bytes: &[u8], history: &mut History) {
        let mut frames: Vec<Frame> = Vec::new();
        self.wire.server(bytes, &mut frames);
        let in_transaction = self.wire.state().in_transaction;
        history.append(Event::Answered { session: self.session, bytes: bytes.len() as u32, frames, in_transaction });
        self.announce(history);
        if self.replies.answered() {
            history.append(Event::Withheld { session: self.session });
        }
        match self.replies.is_withheld() {
            true => self.replies.hold(bytes),
            false => self.pass(bytes, history),
        }
    }

    /// Gives the client these bytes, or the last of them that it is to have.
    fn pass(&mut self, bytes: &[u8], history: &mut History) {
        match self.replies.share(bytes.len()) {
            Share::All => self.client.push(bytes),
            Share::Last { bytes: most, process, given } => {
                self.client.push(&bytes[..most.min(bytes.len())]);
                self.client.close();
                self.server.close();
                history.append(Event::Cut { session: self.session, process, given: u32::from(given) });
            }
            Share::Nothing => {}
        }
    }

    /// Ends the session on both sides, as if its way were gone.
    pub(super) fn cut(&mut self) {
        self.client.close();
        self.server.close();
    }

    /// What somebody did on this session may make it the one that his step uses.
    pub(super) fn concern(&mut self, armed: &mut Vec<Armed>, events: &[Event]) {
        self.replies.concern(armed, events, self.wire.state().cancel);
    }

    /// This process's step has ended.
    pub(super) fn disarm(&mut self, process: Process) {
        if self.replies.counted_by() == Some(process) {
            self.replies.let_go();
        }
    }

    /// For the sake of whose step the server's replies are withheld.
    pub(super) fn withheld_from(&self) -> Option<Process> {
        self.replies.withheld_from()
    }

    /// Gives the client what was withheld.
    pub(super) fn release(&mut self, history: &mut History) {
        history.append(Event::Resumed { session: self.session });
        self.give(history);
    }

    /// The port from which the server was connected to, over TCP.
    pub(super) fn server_port(&self) -> Option<u16> {
        self.server.port()
    }

    /// The number of the client's socket; `None` if it is closed.
    pub(super) fn client_inode(&self) -> Option<u32> {
        self.client.peer_inode()
    }

    /// Withholds nothing any more; where nobody is left to read it, it is lost on the way.
    fn give(&mut self, history: &mut History) {
        let held = self.replies.release();
        self.pass(&held, history);
        if self.server.has_ended() {
            self.client.close();
        }
    }

    /// The client's socket is kept open until the client's own end: a goodbye that comes late is still evidence.
    fn server_closed_now(&mut self, shim: TapShim, history: &mut History) {
        self.server.end();
        if !self.replies.is_withheld() {
            self.client.close();
        }
        history.append(Event::ServerClosed { session: self.session });
        if shim.closes_early {
            self.client_closed(history);
        }
    }

    /// What the client's frames tell beside the session's state.
    fn tell(&mut self, writer: Witness, numbers: &Numbers, history: &mut History) {
        let (session, told) = (self.session, self.wire.take_told());
        let target = told.aim.and_then(|aim| numbers.aimed_at(aim));
        if self.wire.state().cancel {
            if !std::mem::replace(&mut self.announced.cancel, true) {
                history.append(Event::CancelRequested { session, writer, target });
            }
        } else if let Some(aim) = told.aim {
            history.append(Event::KillRequested { session, writer, target, ends: aim.ends });
        }
        if let Some(random) = told.random {
            history.append(Event::Drew { session, writer, random });
        }
    }

    /// How the server calls the session, when it has just said so.
    pub(super) fn take_name(&mut self) -> Option<Name> {
        self.wire.take_told().name
    }

    fn announce(&mut self, history: &mut History) {
        let (session, state) = (self.session, self.wire.state());
        if state.ready && !std::mem::replace(&mut self.announced.ready, state.ready) {
            history.append(Event::Ready { session });
        }
        if state.encrypted && !std::mem::replace(&mut self.announced.encrypted, true) {
            history.append(Event::Encrypted { session });
        }
        if state.desynchronised && !std::mem::replace(&mut self.announced.desynchronised, state.desynchronised) {
            history.append(Event::Desynchronised { session });
        }
    }

    /// Writes what can be written now, and asks to be told when there is room for the rest, and of what there is room for.
    pub(super) fn flush(&mut self, set: &OwnedFd, index: u64) {
        self.client.write();
        self.server.write();
        self.client.pause(self.room() == 0);
        self.server.pause(self.client_is_full());
        // An error shows again when it is written to.
        let _ = self.watch(set, index);
    }

    /// How much may be taken from the client. What the embedded server is told it answers at once: it hears no more than the client
    /// hears of it.
    pub(super) fn room(&self) -> usize {
        limits::PENDING.saturating_sub(self.backlog())
    }

    fn backlog(&self) -> usize {
        let answers = if self.number().is_some() { self.for_client() } else { 0 };
        self.server.pending() + answers
    }

    /// What the client has written behind the limit, which must not come into the history after what the client said then. That the
    /// history is true goes before the limit, as long as it can.
    pub(super) fn overdue(&mut self, history: &mut History) -> usize {
        match self.backlog() {
            ..limits::PENDING => 0,
            limits::PENDING..FLOOD => self.client.unread(),
            FLOOD.. => {
                if !std::mem::replace(&mut self.announced.flooded, true) {
                    let why = format!("a client has written more than {FLOOD} bytes on {} that nobody reads", self.session);
                    history.append(Event::Abandoned { why });
                }
                0
            }
        }
    }

    /// Bytes that the server has written and the client has not been given.
    fn for_client(&self) -> usize {
        self.client.pending() + self.replies.held()
    }

    fn client_is_full(&self) -> bool {
        self.for_client() >= limits::PENDING
    }

    /// Both peers have ended, and nothing is left to pass on.
    pub(super) fn is_over(&self) -> bool {
        self.client.has_ended() && self.server.has_ended() && !self.is_pending()
    }

    pub(super) fn server_closed(&self) -> bool {
        self.server.has_ended()
    }

    /// The client may still write, or the server has not been given all that it wrote.
    pub(super) fn has_client(&self) -> bool {
        !self.client.has_ended() || self.server.pending() > 0
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    pub(super) fn is_busy(&self) -> bool {
        if self.replies.is_withheld() {
            return self.server.pending() > 0;
        }
        let state = self.wire.state();
        // After a goodbye or a cancel request its answer is its end.
        let leaving = state.goodbye || state.cancel || self.client.has_ended();
        // What waits for the client to read is the client's affair, and so is what the server cannot say before that.
        let speaks = state.owed && !state.desynchronised && !self.client_is_full();
        let owes = (leaving || speaks) && !self.server.has_ended();
        owes || self.server.pending() > 0
    }

    /// Bytes were taken and not passed on.
    fn is_pending(&self) -> bool {
        self.client.pending() + self.server.pending() > 0 || self.replies.is_withheld()
    }
}
