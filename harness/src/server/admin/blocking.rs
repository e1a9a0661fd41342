//! One question over a connection of its own, waited for. For the time before a run only: the loop of a run never waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Admin;
use crate::pool::{Database, Rows};
use crate::server::{Address, Server};
use crate::trouble::Trouble;

/// How long a server may stay silent.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest wait before Ctrl-C is looked for again.
const LOOK: Duration = Duration::from_millis(200);

/// Connects, logs in, asks, and says goodbye; to the server behind a pooler, if there is one.
///
/// # Errors
/// [`Trouble::Connect`] where there is no session, [`Trouble::Refused`] where the server answers the question with an error,
/// [`Trouble::Interrupted`] if `stop` is set.
pub(crate) fn blocking(server: &Server, sql: &str, stop: &AtomicBool) -> Result<Rows, Trouble> {
    let server = &server.administered();
    let trouble = |cause: String| Trouble::Connect { address: server.address.to_string(), cause };
    let mut stream = connect(&server.address).map_err(|error| trouble(error.to_string()))?;
    let mut admin = Admin::new(server);
    admin.ask(sql);
    let mut bytes = [0; 8 * 1024];
    let mut heard = Instant::now();
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Trouble::Interrupted);
        }
        let output = std::mem::take(admin.output());
        if let Err(error) = stream.write_all(&output) {
            admin.closed(&broken_off(&admin, server, &error.to_string()));
        }
        if let Some(failure) = admin.failure() {
            return Err(trouble(failure.to_owned()));
        }
        if let Some(answer) = admin.answer() {
            admin.goodbye();
            let _ = stream.write_all(admin.output());
            let refused = |cause| Trouble::Refused { address: server.address.to_string(), sql: sql.to_owned(), cause };
            return answer.map_err(|error| refused(error.message));
        }
        match stream.read(&mut bytes) {
            Ok(0) => admin.closed(&broken_off(&admin, server, "it closed the connection")),
            Ok(count) => {
                heard = Instant::now();
                admin.received(&bytes[..count]);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) && heard.elapsed() < PATIENCE => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                admin.closed(&format!("it said nothing for {} seconds", PATIENCE.as_secs()));
            }
            Err(error) => admin.closed(&broken_off(&admin, server, &error.to_string())),
        }
    }
}

/// A server of the other kind speaks at another time, and ends what it does not understand.
fn broken_off(admin: &Admin, server: &Server, how: &str) -> String {
    match (admin.is_ready(), server.database) {
        (true, _) => how.to_owned(),
        (false, Database::Postgres) => format!("{how} during the login; is it a PostgreSQL server?"),
        (false, Database::MySql) => format!("{how} during the login; is it a MySQL or MariaDB server?"),
    }
}

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

fn connect(address: &Address) -> io::Result<Box<dyn Stream>> {
    match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(LOOK))?;
            Ok(Box::new(stream))
        }
        Address::Tcp(host, port) => {
            let mut last = io::Error::new(ErrorKind::NotFound, format!("'{host}' has no address"));
            for address in (&**host, *port).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, PATIENCE) {
                    Ok(stream) => {
                        stream.set_nodelay(true)?;
                        stream.set_read_timeout(Some(LOOK))?;
                        return Ok(Box::new(stream));
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        Address::Inside => Err(io::Error::other("the embedded server is asked by its worker alone")),
    }
}
