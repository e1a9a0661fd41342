//! The tap where a client's end of file comes without a goodbye: was the socket closed, or shut down while its opener had it?

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::Shutdown;

use super::sockets::Lab;
use crate::history::Event;
use crate::pool::Database;

/// What must come comes long before that.
const SOON: Duration = Duration::from_secs(20);

/// How the history tells the client's end; `None` if it does not, within the time.
fn told(lab: &mut Lab, within: Duration) -> Option<bool> {
    let limit = Timespec::try_from(within).unwrap();
    // Children of other tests may have a copy of the socket until they start their program.
    while poll(&mut [PollFd::new(&lab.tap.as_fd(), PollFlags::IN)], Some(&limit)).unwrap() > 0 {
        lab.drain();
        let closed = lab.history.events().iter().find_map(|event| match event {
            Event::ClientClosed { held, .. } => Some(*held),
            _ => None,
        });
        if closed.is_some() {
            return closed;
        }
    }
    None
}

fn copy(of: &UnixStream) -> OwnedFd {
    of.try_clone().unwrap().into()
}

/// This very test is the child: it shuts down what it inherited, its standard input, when it is told to, and stays until nobody hears
/// what it says.
#[test]
fn a_socket_that_a_child_shuts_down_is_held_if_its_opener_has_not_closed_it() {
    const CHILD: &str = "POOLPROOF_TEST_SHUTS_DOWN";
    if std::env::var_os(CHILD).is_some() {
        let inherited = rustix::stdio::stdin();
        // It does not block: the test has made it so.
        poll(&mut [PollFd::new(&inherited, PollFlags::IN)], None).unwrap();
        rustix::io::read(inherited, &mut [0]).unwrap();
        rustix::net::shutdown(inherited, Shutdown::Both).unwrap();
        poll(&mut [PollFd::new(&rustix::stdio::stdout(), PollFlags::empty())], None).unwrap();
        return;
    }
    let test = "a_socket_that_a_child_shuts_down_is_held_if_its_opener_has_not_closed_it";
    let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    for closes in [false, true] {
        let mut lab = Lab::new(Database::Postgres);
        let (near, far) = lab.connect();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", &name, "--test-threads=1"]).env(CHILD, "1");
        let mut child = command.stdin(copy(&near)).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(command);
        let kept = (!closes).then_some(near);
        assert_eq!(told(&mut lab, Duration::ZERO), None);
        lab.write(&far, b"!");
        assert_eq!(told(&mut lab, SOON), Some(!closes));
        drop((kept, child.stdout.take()));
        child.wait().unwrap();
    }
}

#[test]
fn a_client_that_closes_holds_nothing() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, _far) = lab.connect();
    drop(near);
    assert_eq!(told(&mut lab, SOON), Some(false));
}

#[test]
fn a_client_that_says_goodbye_may_shut_down() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, far) = lab.connect();
    let hello = [&9_u32.to_be_bytes()[..], &196_608_u32.to_be_bytes(), b"\0"].concat();
    lab.carry(&near, &[&hello[..], b"X\0\0\0\x04"].concat(), &far);
    near.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(told(&mut lab, SOON), Some(false));
}

/// As long as anybody has a descriptor there is no end; when the last goes, nobody holds one.
#[test]
fn a_child_that_keeps_it_is_no_end() {
    let mut lab = Lab::new(Database::Postgres);
    let (near, _far) = lab.connect();
    // It waits for the end of its input, which is not the socket.
    let mut child = Command::new("sh").args(["-c", "read line"]).stdin(Stdio::piped()).stdout(copy(&near)).spawn().unwrap();
    drop(near);
    assert_eq!(told(&mut lab, Duration::ZERO), None);
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(told(&mut lab, SOON), Some(false));
}
