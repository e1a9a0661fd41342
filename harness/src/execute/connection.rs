//! A control connection: what the agent may say on it, and when. What breaks the protocol is named, and ends the run.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::agent::protocol::{Answer, Hello, Message, Order, Task, VERSION};
use crate::interleaving::Actor;
use crate::trouble::Trouble;

/// A connection of the agent: the zygote's or an actor's.
pub(super) struct Connection {
    socket: OwnedFd,
    /// Who opened it.
    pub(super) pid: i32,
    pub(super) kind: Kind,
    unread: Vec<u8>,
    /// It has said hello.
    greeted: bool,
    /// The orders that wait for an answer.
    owed: VecDeque<u32>,
}

/// Whose it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Unknown,
    Zygote,
    Actor(Actor),
}

/// A line that is longer than this breaks the protocol.
const LINE: usize = 1 << 20;
/// So much of a line that is no message is shown.
const SHOWN: usize = 200;

impl Connection {
    pub(super) fn new(socket: OwnedFd, pid: i32) -> Self {
        Self { socket, pid, kind: Kind::Unknown, unread: Vec::new(), greeted: false, owed: VecDeque::new() }
    }

    /// Reads what is there, and adds the messages in it. False when the other end is closed.
    pub(super) fn read(&mut self, messages: &mut Vec<Message>) -> Result<bool, Trouble> {
        let mut chunk = [0; 8192];
        let open = loop {
            match rustix::net::recv(&self.socket, &mut chunk, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => break false,
                Ok((_, read)) => self.unread.extend_from_slice(&chunk[..read]),
                Err(Errno::AGAIN) => break true,
                Err(Errno::INTR) => {}
                Err(_) => break false,
            }
            if self.unread.len() > LINE {
                return Err(self.breach(format!("sent a line of more than {LINE} bytes")));
            }
        };
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            messages.push(self.message(&line)?);
        }
        Ok(open)
    }

    fn message(&mut self, line: &[u8]) -> Result<Message, Trouble> {
        let message = serde_json::from_slice(line).map_err(|error| {
            let text = String::from_utf8_lossy(line);
            let shown: String = text.trim_end().chars().take(SHOWN).collect();
            self.breach(format!("sent a line that is no message ({error}): {shown}"))
        })?;
        match &message {
            Message::Hello(hello) => self.greet(hello)?,
            Message::Answer(answer) => self.settle(answer)?,
        }
        Ok(message)
    }

    fn greet(&mut self, hello: &Hello) -> Result<(), Trouble> {
        if hello.version != VERSION {
            return Err(self.breach(format!("speaks version {} of the protocol, not {VERSION}", hello.version)));
        }
        if std::mem::replace(&mut self.greeted, true) {
            return Err(self.breach(format!("said hello a second time on one connection, as '{}'", hello.who)));
        }
        if hello.who == "zygote" {
            self.kind = Kind::Zygote;
        }
        Ok(())
    }

    fn settle(&mut self, answer: &Answer) -> Result<(), Trouble> {
        match self.owed.pop_front() {
            Some(owed) if owed == answer.id => Ok(()),
            Some(owed) => Err(self.breach(format!("answered order {}, and was given order {owed}", answer.id))),
            None if self.greeted => Err(self.breach(format!("answered order {}, and owes no answer", answer.id))),
            None => Err(self.breach(format!("answered order {} before it said hello", answer.id))),
        }
    }

    /// Sends an order. To who has ended, nothing: his process's end is, or will be, a notice of its own.
    pub(super) fn order(&mut self, order: &Order) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(order).map_err(|error| Trouble::Bug(format!("an order cannot be written: {error}")))?;
        line.push(b'\n');
        if !matches!(order.task, Task::Exit { .. } | Task::Finish {}) {
            self.owed.push_back(order.id);
        }
        match rustix::net::send(&self.socket, &line, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(sent) if sent == line.len() => Ok(()),
            Ok(_) | Err(Errno::AGAIN) => Err(self.breach("does not read its orders")),
            Err(_) => Ok(()),
        }
    }

    fn breach(&self, what: impl std::fmt::Display) -> Trouble {
        let who = match self.kind {
            Kind::Unknown => format!("process {}", self.pid),
            Kind::Zygote => "the zygote".to_owned(),
            Kind::Actor(actor) => actor.to_string(),
        };
        Trouble::Agent(format!("{who} {what}"))
    }
}
