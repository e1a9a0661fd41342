//! A watch without a program: clients of this process, and the embedded server.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use super::*;
use crate::neutral::postgres::Connection;
use crate::pool::Config;
use crate::server;
use crate::tap::TapShim;

static STOP: AtomicBool = AtomicBool::new(false);
static FORWARD: AtomicI32 = AtomicI32::new(0);
static SUMMARY: AtomicBool = AtomicBool::new(false);

/// The directory of a test's socket.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("poolproof-watch-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join(socket_name(Database::Postgres))
    }

    fn tap(&self) -> Tap {
        let server = server::embedded(Database::Postgres);
        let upstream = upstream(&server, Transport::Unix).unwrap();
        Tap::listen(Entrance::Socket(&self.socket()), Database::Postgres, upstream, TapShim::default()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn calls() -> Calls {
    let (wake, _) = UnixStream::pair().unwrap();
    Calls { wake: wake.into(), stop: &STOP, forward: &FORWARD, summary: &SUMMARY }
}

/// Every session logs in, so that the server gives it a number.
#[test]
fn nothing_is_remembered_of_a_session_that_is_over() {
    let (place, calls) = (Place::new("over"), calls());
    let mut tell = |_: &str| {};
    let mut watch = Watch::new(place.tap(), &calls, &mut tell);
    let config = Config { socket: place.socket(), ..server::embedded(Database::Postgres).direct_config() };
    let clients = std::thread::spawn(move || (0..20).for_each(|_| drop(Connection::connect(&config).expect("a session"))));
    let mut named = 0;
    while !clients.is_finished() || watch.tap.has_clients() {
        watch.turn().unwrap();
        named = named.max((0..20).filter(|number| watch.tap.server_number(SessionId(*number)).is_some()).count());
    }
    clients.join().unwrap();
    watch.turn().unwrap();
    assert!(named > 0, "the server has named a session while it was open");
    assert!((0..20).all(|number| watch.tap.server_number(SessionId(number)).is_none()));
    assert!(watch.owners.is_empty());
    assert_eq!(watch.findings.summary().0, "20 sessions; every byte was written by the process that had opened its session");
}

#[test]
fn who_finds_no_room_is_told_of_and_forgotten() {
    let (place, calls) = (Place::new("room"), calls());
    let mut told = Vec::new();
    let mut tell = |line: &str| told.push(line.to_owned());
    let mut watch = Watch::new(place.tap(), &calls, &mut tell);
    watch.tap.allow(1);
    let clients: Vec<UnixStream> = (0..3).map(|_| UnixStream::connect(place.socket()).unwrap()).collect();
    watch.turn().unwrap();
    assert_eq!(watch.owners.len(), 1, "two were turned away");
    clients.iter().for_each(|mut client| drop(client.write(b"?")));
    watch.turn().unwrap();
    drop(clients);
    while watch.tap.has_clients() {
        watch.turn().unwrap();
    }
    assert!(watch.owners.is_empty());
    watch.sum_up();
    assert!(
        told[0].ends_with("Z more than 1 sessions at once") && told.last().unwrap().contains("2 sessions or statements"),
        "{told:?}"
    );
}
