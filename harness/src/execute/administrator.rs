//! The administrator: one more session with the server, for the ledger. It is part of the loop and never waits for an answer.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::server::admin::Admin;
use crate::trouble::Trouble;

pub(super) struct Administrator {
    pub(super) socket: OwnedFd,
    pub(super) session: Admin,
}

impl Administrator {
    pub(super) fn flush(&mut self) -> Result<(), Trouble> {
        let lost = |error| Trouble::system("write to the server", error);
        let output = self.session.output();
        while !output.is_empty() {
            // The questions are short and the server reads them: this does not wait.
            let sent = rustix::net::send(&self.socket, output, SendFlags::NOSIGNAL).map_err(lost)?;
            output.drain(..sent);
        }
        Ok(())
    }

    pub(super) fn hear(&mut self) -> Result<(), Trouble> {
        let mut chunk = [0; 16 * 1024];
        loop {
            match rustix::net::recv(&self.socket, &mut chunk, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Err(Trouble::ServerGone("it closed the administrator's session".to_owned())),
                Ok((_, read)) => self.session.received(&chunk[..read]),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(Trouble::system("read from the server", error)),
            }
        }
        match self.session.failure() {
            Some(failure) => Err(Trouble::ServerGone(failure.to_owned())),
            None => self.flush(),
        }
    }
}
