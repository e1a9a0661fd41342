//! Who still holds the client's end of a connection: the kernel is asked for the number of the socket there, and a process for the
//! sockets that it has open.
//!
//! An end of file says that nobody can write any more. If the opener's descriptor is still open, then nobody has closed the socket:
//! somebody has shut it down.

use std::collections::HashSet;
use std::net::SocketAddrV4;
use std::os::fd::AsFd;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrAny, SocketFlags, SocketType, getpeername, getsockname};

// linux/netlink.h, linux/sock_diag.h and linux/unix_diag.h.
const NLM_F_REQUEST: u16 = 1;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const UDIAG_SHOW_PEER: u32 = 4;
pub(super) const UNIX_DIAG_PEER: u16 = 2;
/// The lengths of a message's header, and of the answer before its attributes.
const HEADER: usize = 16;
pub(super) const ANSWER: usize = 16;
// linux/inet_diag.h: where ports and addresses are in a request, and the number of the socket in an answer.
const PORTS: usize = 8;
const ADDRESSES: usize = 12;
const COOKIE: usize = 48;
const INODE: usize = 68;
/// The length of an answer before its attributes, and the attribute with the socket's `tcp_info` (linux/tcp.h): what of it is where.
const INET_ANSWER: usize = 72;
const INET_DIAG_INFO: u16 = 2;
const RECEIVED: usize = 128;
const UNSENT: usize = 144;
const SENT: usize = 200;
const SENT_AGAIN: usize = 208;

/// The process that connected still has a descriptor of its end. False where the kernel does not say.
pub(super) fn opener_holds(socket: impl AsFd) -> bool {
    let inode = peer_inode(&socket);
    let opener = getsockopt(&socket, PeerCredentials).map(|credentials| credentials.pid());
    inode.zip(opener.ok()).is_some_and(|(inode, opener)| sockets(opener).contains(&inode))
}

/// Over TCP: bytes that the other end has written have not arrived yet. On a Unix socket they arrive when they are written.
pub(super) fn is_on_its_way(socket: impl AsFd) -> bool {
    let Some((near, far)) = inet_ends(&socket) else { return false };
    let sent = ask(&about_inet(far, near)).as_deref().and_then(Traffic::of);
    let received = ask(&about_inet(near, far)).as_deref().and_then(Traffic::of);
    sent.zip(received).is_some_and(|(sent, received)| sent.sent > received.received)
}

/// How many bytes a TCP socket has been given to send, and how many it has received.
struct Traffic {
    sent: u64,
    received: u64,
}

impl Traffic {
    /// From the `tcp_info` in the kernel's answer; `None` before Linux 4.19, which does not count what was sent.
    fn of(answer: &[u8]) -> Option<Self> {
        let info = attribute(answer, INET_ANSWER, INET_DIAG_INFO)?;
        let long = |at: usize| info.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
        let unsent = info.get(UNSENT..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))?;
        let sent = long(SENT)?.saturating_sub(long(SENT_AGAIN)?) + u64::from(unsent);
        Some(Self { sent, received: long(RECEIVED)? })
    }
}

/// This end's address and the other's; `None` for what is no TCP connection.
fn inet_ends(socket: impl AsFd) -> Option<(SocketAddrV4, SocketAddrV4)> {
    let address = |address: SocketAddrAny| SocketAddrV4::try_from(address).ok();
    Some((address(getsockname(&socket).ok()?)?, address(getpeername(&socket).ok()??)?))
}

/// The number of the socket at the other end of a connection on this machine; `None` if it is closed.
pub(super) fn peer_inode(socket: impl AsFd) -> Option<u32> {
    match inet_ends(&socket) {
        Some((near, far)) => inet_inode(&ask(&about_inet(far, near))?),
        None => peer(&ask(&about_unix(u32::try_from(rustix::fs::fstat(&socket).ok()?.st_ino).ok()?))?),
    }
}

/// What the kernel says about one socket of this network namespace.
pub(super) fn ask(request: &[u8]) -> Option<Vec<u8>> {
    let kernel =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG)).ok()?;
    let mut message = vec![0; HEADER];
    message.extend_from_slice(request);
    let length = u32::try_from(message.len()).ok()?;
    message[..4].copy_from_slice(&length.to_ne_bytes());
    message[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    rustix::net::send(&kernel, &message, SendFlags::empty()).ok()?;
    // The kernel has answered before it takes the request for sent.
    let mut answer = vec![0; 1024];
    let (_, read) = rustix::net::recv(&kernel, &mut answer, RecvFlags::DONTWAIT).ok()?;
    answer.truncate(read);
    Some(answer)
}

/// A question about a Unix socket, whatever its cookie.
pub(super) fn about_unix(inode: u32) -> [u8; 24] {
    let mut request = [0; 24];
    request[0] = AddressFamily::UNIX.as_raw() as u8;
    request[8..12].copy_from_slice(&inode.to_ne_bytes());
    request[12..16].copy_from_slice(&UDIAG_SHOW_PEER.to_ne_bytes());
    request[16..].fill(0xff);
    request
}

/// A question about the TCP socket at `near` that is connected to `far`, whatever its cookie and its state.
fn about_inet(near: SocketAddrV4, far: SocketAddrV4) -> [u8; 56] {
    let mut request = [0; 56];
    request[0] = AddressFamily::INET.as_raw() as u8;
    request[1] = 6; // TCP
    request[2] = 1 << (INET_DIAG_INFO - 1);
    request[4..8].fill(0xff);
    request[PORTS..PORTS + 2].copy_from_slice(&near.port().to_be_bytes());
    request[PORTS + 2..PORTS + 4].copy_from_slice(&far.port().to_be_bytes());
    request[ADDRESSES..ADDRESSES + 4].copy_from_slice(&near.ip().octets());
    request[ADDRESSES + 16..ADDRESSES + 20].copy_from_slice(&far.ip().octets());
    request[COOKIE..].fill(0xff);
    request
}

/// The number of a TCP socket; one that nobody has open any more has the number 0.
fn inet_inode(answer: &[u8]) -> Option<u32> {
    let kind = answer.get(4..6).filter(|kind| *kind == SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    let inode = kind.and_then(|_| answer.get(HEADER + INODE..)?.first_chunk());
    inode.map(|inode| u32::from_ne_bytes(*inode)).filter(|inode| *inode != 0)
}

/// The number of a Unix socket's peer. One that nobody has open any more has the number 0.
fn peer(answer: &[u8]) -> Option<u32> {
    let inode = attribute(answer, ANSWER, UNIX_DIAG_PEER)?.first_chunk().map(|inode| u32::from_ne_bytes(*inode));
    inode.filter(|inode| *inode != 0)
}

/// An attribute of an answer, of which so many bytes stand before the first one; an answer that is an error has none.
pub(super) fn attribute(answer: &[u8], before: usize, wanted: u16) -> Option<&[u8]> {
    let kind = answer.get(4..6)?;
    let mut rest = answer.get(HEADER + before..).filter(|_| kind == SOCK_DIAG_BY_FAMILY.to_ne_bytes())?;
    loop {
        let [a, b, c, d, ..] = *rest else { return None };
        let (length, kind) = (usize::from(u16::from_ne_bytes([a, b])), u16::from_ne_bytes([c, d]));
        let value = rest.get(4..length)?;
        if kind == wanted {
            return Some(value);
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

/// The numbers of the sockets that a process has open; none where it cannot be seen.
pub(crate) fn sockets(pid: i32) -> HashSet<u32> {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = descriptors.filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok());
    targets.filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn the_kernel_knows_the_socket_at_the_other_end() {
        let (near, far) = UnixStream::pair().unwrap();
        let number = std::fs::metadata(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&far))).unwrap().ino();
        assert_eq!(peer_inode(&near).map(u64::from), Some(number));
        assert!(opener_holds(&near));
        far.shutdown(std::net::Shutdown::Both).unwrap();
        assert!(opener_holds(&near), "shutting down is not closing");
        drop(far);
        assert_eq!(peer_inode(&near), None);
        assert!(!opener_holds(&near));
    }

    #[test]
    fn the_other_end_of_a_tcp_connection_is_known_as_long_as_it_is_open() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(peer_inode(&listener), None, "nobody is at the other end of a listener");
        let far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let near = listener.accept().unwrap().0;
        let number = std::fs::metadata(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&far))).unwrap().ino();
        assert_eq!(peer_inode(&near).map(u64::from), Some(number));
        std::io::Write::write_all(&mut &far, b"here").unwrap();
        let traffic = |near, far| Traffic::of(&ask(&about_inet(near, far)).unwrap()).unwrap();
        let (own, others) = inet_ends(&near).unwrap();
        assert_eq!((traffic(others, own).sent, traffic(others, own).received), (4, 0));
        // What was sent arrives, whether or not anybody reads it.
        while is_on_its_way(&near) {}
        assert_eq!((traffic(own, others).sent, traffic(own, others).received), (0, 4));
        far.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(peer_inode(&near).map(u64::from), Some(number), "shutting down is not closing");
        drop(far);
        assert_eq!(peer_inode(&near), None);
    }
}
