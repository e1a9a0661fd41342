//! TLS for a line: the socket is as before, and what passes on it is encrypted.
//!
//! It knows no protocol, and nothing of fork: a child's copy of the keys is of no use to it, as the line refuses before it writes.

use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use crate::pool::{Config, Error, ErrorKind};

/// The keys of one session, and what is encrypted or decrypted and has not been passed on.
#[derive(Debug)]
pub(super) struct Tls(Box<ClientConnection>);

/// How a server on a Unix socket is called in its certificate.
const LOCAL: &str = "localhost";

impl Tls {
    /// Agrees on keys with the server, whose certificate must be the one of the configuration.
    pub(super) fn agree(socket: BorrowedFd<'_>, config: &Config) -> Result<Self, Error> {
        let host = if config.host.is_empty() { LOCAL } else { &config.host };
        let name = ServerName::try_from(host.to_owned()).map_err(other)?;
        let mut tls = Self(Box::new(ClientConnection::new(Arc::new(trusting(config)?), name).map_err(other)?));
        let shaken = tls.0.complete_io(&mut Socket(socket));
        shaken.map_err(|error| Error::from_error(ErrorKind::Database, &error))?;
        Ok(tls)
    }

    /// Waits for bytes; at the end none come.
    pub(super) fn read(&mut self, socket: BorrowedFd<'_>, chunk: &mut [u8]) -> io::Result<usize> {
        Stream::new(&mut *self.0, &mut Socket(socket)).read(chunk)
    }

    pub(super) fn write(&mut self, socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
        Stream::new(&mut *self.0, &mut Socket(socket)).write_all(bytes)
    }

    /// The last words and the end of the encryption, as they go over the socket.
    pub(super) fn farewell(&mut self, words: &[u8]) -> Vec<u8> {
        let mut farewell = Vec::new();
        let said = self.0.writer().write_all(words);
        self.0.send_close_notify();
        while said.is_ok() && self.0.wants_write() {
            // Into memory, which takes everything.
            if self.0.write_tls(&mut farewell).is_err() {
                break;
            }
        }
        farewell
    }
}

/// Who trusts the server's own certificate and no other.
fn trusting(config: &Config) -> Result<ClientConfig, Error> {
    let file = config.certificate.as_ref().ok_or_else(|| other("the configuration names no certificate"))?;
    let certificate = CertificateDer::from_pem_file(file).map_err(|error| other(format!("{}: {error}", file.display())))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(other)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(other)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The line's socket. No signal comes of a server that is gone, whatever the program around does about `SIGPIPE`.
struct Socket<'a>(BorrowedFd<'a>);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(self.0, buffer, RecvFlags::empty())?.1)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::net::send(self.0, buffer, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                sent => return Ok(sent?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn other(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Other, error)
}
