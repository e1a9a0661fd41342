//! An embedded server on a socket of its own, for clients that are no pool under test: one thread, until it is dropped.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};

use super::PORT;
use super::embedded;
use super::embedded::{Account, Embedded, Number};
use crate::pool::{Config, Database};

/// The server. Dropping it ends its sessions.
#[derive(Debug)]
pub struct Served {
    config: Config,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Listens in this directory.
    ///
    /// # Errors
    /// A socket that cannot be made there.
    pub fn start(database: Database, directory: &Path) -> std::io::Result<Self> {
        let socket = directory.join(match database {
            Database::Postgres => format!(".s.PGSQL.{PORT}"),
            Database::MySql => "mysql.sock".to_owned(),
        });
        let listener = UnixListener::bind(&socket)?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = UnixStream::pair()?;
        let server = embedded(database);
        let config = Config { socket, port: PORT, ..server.direct_config() };
        let account = Account { user: server.user, password: server.password, name: server.name };
        let embedded = Embedded::new(database, account);
        let mut desk = Desk { embedded, listener, clients: HashMap::new() };
        let thread = std::thread::Builder::new().name("embedded".to_owned()).spawn(move || desk.serve(&stopped))?;
        Ok(Self { config, stop: Some(stop), thread: Some(thread) })
    }

    /// How to connect.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic of the thread has been printed.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Desk {
    embedded: Embedded,
    listener: UnixListener,
    clients: HashMap<Number, UnixStream>,
}

impl Desk {
    /// Until the other end of `stopped` is closed, or the system fails.
    fn serve(&mut self, stopped: &UnixStream) {
        loop {
            let numbers: Vec<Number> = self.clients.keys().copied().collect();
            let mut descriptors = vec![PollFd::new(stopped, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
            descriptors.extend(numbers.iter().map(|number| {
                let waits = self.embedded.output(*number).is_some_and(|output| !output.is_empty());
                PollFd::new(&self.clients[number], if waits { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN })
            }));
            if poll(&mut descriptors, None).is_err_and(|error| error != rustix::io::Errno::INTR) {
                return;
            }
            let ready: Vec<bool> = descriptors.iter().map(|descriptor| !descriptor.revents().is_empty()).collect();
            drop(descriptors);
            if ready[0] {
                return;
            }
            if ready[1] {
                self.accept();
            }
            for (number, ready) in numbers.into_iter().zip(ready.into_iter().skip(2)) {
                if ready {
                    self.read(number);
                }
            }
            self.write();
        }
    }

    fn accept(&mut self) {
        while let Ok((client, _)) = self.listener.accept() {
            if client.set_nonblocking(true).is_ok() {
                self.clients.insert(self.embedded.connect(), client);
            }
        }
    }

    fn read(&mut self, number: Number) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        let mut chunk = [0; 8192];
        loop {
            match client.read(&mut chunk) {
                Ok(0) => return self.embedded.client_closed(number),
                Ok(read) => self.embedded.received(number, &chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.embedded.client_closed(number),
            }
        }
    }

    /// Writes what can be written, and closes what is over.
    fn write(&mut self) {
        let Self { embedded, clients, .. } = self;
        clients.retain(|number, client| {
            let output = embedded.output(*number);
            let mut gone = output.is_none();
            if let Some(output) = output {
                while !output.is_empty() {
                    match client.write(output) {
                        Ok(written) => drop(output.drain(..written)),
                        Err(error) if error.kind() == ErrorKind::Interrupted => {}
                        Err(error) => {
                            gone = error.kind() != ErrorKind::WouldBlock;
                            break;
                        }
                    }
                }
                gone |= output.is_empty() && embedded.is_over(*number);
            }
            if gone {
                embedded.remove(*number);
            }
            !gone
        });
    }
}
