//! How a session begins: the startup message and whatever proof of the password the server asks for.

use std::thread;

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::super::line::Line;
use super::{Postgres, refusal};
use crate::pool::{Config, Error, ErrorKind};

impl Postgres {
    /// Speaks from the first byte to the first ready-for-query.
    pub(super) fn prove_identity(&mut self, line: &mut Line, config: &Config) -> Result<(), Error> {
        if !config.transport.shows_frames() {
            self.ask_for_encryption(line)?;
            line.encrypt(config)?;
        }
        let parameters = [("user", &*config.user), ("database", &*config.database), ("client_encoding", "UTF8")];
        let mut request = Default::default();
        frontend::startup_message(parameters, &mut request).map_err(other)?;
        line.send(&request)?;
        loop {
            let (message, frame) = self.receive(line)?;
            match message {
                Message::AuthenticationOk => return self.answer(line).map(drop),
                Message::AuthenticationCleartextPassword => send_password(line, config.password.as_bytes())?,
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(config.user.as_bytes(), config.password.as_bytes(), body.salt());
                    send_password(line, hash.as_bytes())?;
                }
                Message::AuthenticationSasl(_) if offers_scram(&frame) => self.prove(line, &config.password)?,
                Message::ErrorResponse(_) => return Err(refusal(&frame)),
                Message::NoticeResponse(_) => {}
                _ => return Err(other("the server asks for a proof of identity that this driver does not know")),
            }
        }
    }

    fn ask_for_encryption(&mut self, line: &mut Line) -> Result<(), Error> {
        let mut request = Default::default();
        frontend::ssl_request(&mut request);
        line.send(&request)?;
        match line.receive_more(&mut [0])? {
            b"S" => Ok(()),
            _ => Err(Error::new(ErrorKind::Database, "the server speaks no TLS")),
        }
    }

    /// SCRAM-SHA-256. The server proves itself too: without its proof the login fails.
    fn prove(&mut self, line: &mut Line, password: &str) -> Result<(), Error> {
        let mut scram = if line.has_copied_generator() { draw(password) } else { scram(password)? };
        let mut request = Default::default();
        frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut request).map_err(other)?;
        line.send(&request)?;
        loop {
            match self.receive(line)? {
                (Message::AuthenticationSaslContinue(body), _) => {
                    scram.update(body.data()).map_err(other)?;
                    let mut request = Default::default();
                    frontend::sasl_response(scram.message(), &mut request).map_err(other)?;
                    line.send(&request)?;
                }
                (Message::AuthenticationSaslFinal(body), _) => return scram.finish(body.data()).map_err(other),
                (Message::ErrorResponse(_), frame) => return Err(refusal(&frame)),
                (Message::NoticeResponse(_), _) => {}
                _ => return Err(other("the server broke off SCRAM-SHA-256")),
            }
        }
    }
}

fn send_password(line: &mut Line, password: &[u8]) -> Result<(), Error> {
    let mut request = Default::default();
    frontend::password_message(password, &mut request).map_err(other)?;
    line.send(&request)
}

/// A SCRAM client whose nonce no other session has.
///
/// `ScramSha256::new` takes no nonce; it draws one from rand's `ThreadRng` (postgres-protocol 0.6.12,
/// `authentication/sasl.rs:149`), which "is not automatically reseeded on fork" (rand 0.10.3, `rngs/thread.rs:108`): parent and
/// child would send the same nonce. The generator belongs to the thread, and that of a new thread is seeded by the kernel.
fn scram(password: &str) -> Result<ScramSha256, Error> {
    let drawn = thread::scope(|scope| {
        thread::Builder::new().stack_size(256 * 1024).spawn_scoped(scope, || draw(password)).map(|thread| thread.join())
    });
    drawn.map_err(other)?.map_err(|_| other("the kernel gave no random numbers"))
}

/// A SCRAM client with a nonce from the generator of this thread.
fn draw(password: &str) -> ScramSha256 {
    ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported())
}

/// Whether an AuthenticationSASL frame names the one mechanism that needs no TLS.
fn offers_scram(frame: &[u8]) -> bool {
    // Tag, length and kind of authentication are nine bytes; then come names, each with a zero after it.
    frame.get(9..).unwrap_or_default().split(|byte| *byte == 0).any(|name| name == SCRAM_SHA_256.as_bytes())
}

fn other(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Other, error)
}

#[cfg(test)]
mod tests {
    use nix::libc;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::Pid;

    use super::scram;

    #[test]
    fn parent_and_child_draw_different_nonces() {
        use std::io::{Read, Write};
        let (mut ours, mut theirs) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
        let _used_before = scram("secret").expect("random numbers");
        // SAFETY: the child writes its nonce and leaves by `_exit`.
        let pid = unsafe { libc::fork() };
        let mine = scram("secret").expect("random numbers").message().to_vec();
        if pid == 0 {
            let written = theirs.write_all(&mine).is_ok();
            // SAFETY: nothing of the parent's runs in the child after it.
            unsafe { libc::_exit(i32::from(!written)) };
        }
        drop(theirs);
        let mut childs = Vec::new();
        ours.read_to_end(&mut childs).expect("the child writes");
        assert_eq!(waitpid(Pid::from_raw(pid), None), Ok(WaitStatus::Exited(Pid::from_raw(pid), 0)));
        assert_eq!(childs.len(), mine.len());
        assert_ne!(childs, mine);
    }
}
