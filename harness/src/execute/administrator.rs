//! The administrator: one more session with the server, for the ledger. It is part of the loop and never waits for an answer.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use crate::pool::{Error, Rows};
use crate::server::admin::Admin;
use crate::server::embedded::Number;
use crate::tap::Tap;
use crate::trouble::Trouble;

pub(super) struct Administrator {
    way: Way,
    session: Admin,
    asked: Asked,
}

/// What the administrator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// The rows of a case.
    Ledger,
    /// The end of a session.
    SessionEnd,
    /// What the worker needs for itself, between cases.
    Upkeep,
}

/// The questions without an answer, in their order; `None` for those of a case that is over.
#[derive(Debug, Default)]
struct Asked(VecDeque<Option<Question>>);

impl Asked {
    /// A case that was cut short does not wait for answers, and they are not the next one's.
    fn forget(&mut self) {
        self.0.iter_mut().for_each(|question| *question = None);
    }

    /// The question that the next answer belongs to, if anybody wants it.
    fn answered(&mut self) -> Option<Question> {
        self.0.pop_front().flatten()
    }
}

/// How the administrator speaks to the server.
enum Way {
    Socket(OwnedFd),
    Embedded(Number),
}

impl Administrator {
    /// Over a connection, or without one where the tap's server is embedded.
    pub(super) fn new(socket: Option<OwnedFd>, session: Admin, tap: &mut Tap) -> Result<Self, Trouble> {
        let way = match (socket, tap.connect_inside()) {
            (Some(socket), _) => Way::Socket(socket),
            (None, Some(number)) => Way::Embedded(number),
            (None, None) => return Err(Trouble::Bug("the administrator has no way to the server".to_owned())),
        };
        let mut administrator = Self { way, session, asked: Asked::default() };
        administrator.flush(tap)?;
        Ok(administrator)
    }

    /// Readable when the server has answered; `None` where it answers at once.
    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.way {
            Way::Socket(socket) => Some(socket.as_fd()),
            Way::Embedded(_) => None,
        }
    }

    pub(super) fn ask(&mut self, question: Question, sql: &str, tap: &mut Tap) -> Result<(), Trouble> {
        self.asked.0.push_back(Some(question));
        self.session.ask(sql);
        self.flush(tap)
    }

    /// Nobody wants the answers that are still to come.
    pub(super) fn forget(&mut self) {
        self.asked.forget();
    }

    /// The next answer that somebody wants, if one is there.
    pub(super) fn answer(&mut self) -> Option<(Question, Result<Rows, Error>)> {
        while let Some(answer) = self.session.answer() {
            if let Some(question) = self.asked.answered() {
                return Some((question, answer));
            }
        }
        None
    }

    /// There is an answer that no socket will announce.
    pub(super) fn has_news(&self) -> bool {
        matches!(self.way, Way::Embedded(_)) && self.session.has_answer()
    }

    fn flush(&mut self, tap: &mut Tap) -> Result<(), Trouble> {
        let lost = |error| Trouble::system("write to the server", error);
        match &self.way {
            Way::Socket(socket) => {
                let output = self.session.output();
                while !output.is_empty() {
                    // The questions are short and the server reads them: this does not wait.
                    let sent = rustix::net::send(socket, output, SendFlags::NOSIGNAL).map_err(lost)?;
                    output.drain(..sent);
                }
            }
            Way::Embedded(number) => loop {
                let said = std::mem::take(self.session.output());
                let heard = tap.exchange(*number, &said);
                if said.is_empty() && heard.is_empty() {
                    break;
                }
                self.session.received(&heard);
            },
        }
        self.check()
    }

    fn check(&self) -> Result<(), Trouble> {
        self.session.failure().map_or(Ok(()), |failure| Err(Trouble::ServerGone(failure.to_owned())))
    }

    /// Takes what the server wrote.
    pub(super) fn hear(&mut self, tap: &mut Tap) -> Result<(), Trouble> {
        let mut chunk = [0; 16 * 1024];
        while let Way::Socket(socket) = &self.way {
            match rustix::net::recv(socket, &mut chunk, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Err(Trouble::ServerGone("it closed the administrator's session".to_owned())),
                Ok((_, read)) => self.session.received(&chunk[..read]),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(Trouble::system("read from the server", error)),
            }
        }
        self.check()?;
        self.flush(tap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a session that a case asked for before it was cut short must not be read as the next case's ledger.
    #[test]
    fn answers_of_a_case_that_is_over_are_nobodys() {
        let mut asked = Asked::default();
        asked.0.extend([Some(Question::Ledger), Some(Question::SessionEnd)]);
        assert_eq!(asked.answered(), Some(Question::Ledger));
        asked.forget();
        asked.0.push_back(Some(Question::Ledger));
        assert_eq!([asked.answered(), asked.answered(), asked.answered()], [None, Some(Question::Ledger), None]);
    }
}
