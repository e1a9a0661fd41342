//! An actor's connection to the coordinator: blocking, one line at a time.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::thread::gettid;

use super::protocol::{Answer, Hello, Message, Order, Reply, VERSION};

/// The actor's end.
pub(super) struct Control {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Control {
    /// Connects and says who this is.
    pub(super) fn connect(path: &Path, case: u32, who: String) -> io::Result<Self> {
        let mut control = Self { stream: UnixStream::connect(path)?, unread: Vec::new() };
        control.say(&Message::Hello(Hello { version: VERSION, case, who, thread: gettid().as_raw_nonzero().get() }))?;
        Ok(control)
    }

    /// The next order; `None` when the coordinator has gone.
    pub(super) fn order(&mut self) -> io::Result<Option<Order>> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let order = serde_json::from_slice(&self.unread[..end])?;
                self.unread.drain(..=end);
                return Ok(Some(order));
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(read) => self.unread.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Answers the order of that number.
    pub(super) fn answer(&mut self, id: u32, is: Reply) -> io::Result<()> {
        self.say(&Message::Answer(Answer { id, is }))
    }

    fn say(&mut self, message: &Message) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.stream.write_all(&line)
    }

    /// The connection itself, for the register of descriptors that a forked child closes.
    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Gives the connection up without closing it.
    pub(super) fn forget(self) {
        std::mem::forget(self.stream);
    }
}
