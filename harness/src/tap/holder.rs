//! Who still holds the client's end of a connection: the kernel is asked for the number of the socket there, and a process for the
//! sockets that it has open.
//!
//! An end of file says that nobody can write any more. If the opener's descriptor is still open, then nobody has closed the socket:
//! somebody has shut it down.

use std::collections::HashSet;
use std::os::fd::AsFd;

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

// linux/netlink.h, linux/sock_diag.h and linux/unix_diag.h.
const NLM_F_REQUEST: u16 = 1;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const UDIAG_SHOW_PEER: u32 = 4;
const UNIX_DIAG_PEER: u16 = 2;
/// The lengths of a message's header, of the request, and of the answer before its attributes.
const HEADER: usize = 16;
const REQUEST: usize = 24;
const ANSWER: usize = 16;

/// The process that connected still has a descriptor of its end. False where the kernel does not say.
pub(super) fn opener_holds(socket: impl AsFd) -> bool {
    let inode = peer_inode(&socket);
    let opener = getsockopt(&socket, PeerCredentials).map(|credentials| credentials.pid());
    inode.zip(opener.ok()).is_some_and(|(inode, opener)| sockets(opener).contains(&inode))
}

/// The number of the socket at the other end of a Unix connection; `None` if it is closed.
pub(super) fn peer_inode(socket: impl AsFd) -> Option<u32> {
    let own = u32::try_from(rustix::fs::fstat(socket).ok()?.st_ino).ok()?;
    let kernel =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG)).ok()?;
    rustix::net::send(&kernel, &request(own), SendFlags::empty()).ok()?;
    // The kernel has answered before it takes the request for sent.
    let mut answer = [0; 512];
    let (_, read) = rustix::net::recv(&kernel, &mut answer, RecvFlags::DONTWAIT).ok()?;
    peer(answer.get(..read)?)
}

/// Asks about one socket of this network namespace, whatever its cookie.
fn request(inode: u32) -> [u8; HEADER + REQUEST] {
    let mut bytes = [0; HEADER + REQUEST];
    bytes[..4].copy_from_slice(&((HEADER + REQUEST) as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    let request = &mut bytes[HEADER..];
    request[0] = AddressFamily::UNIX.as_raw() as u8;
    request[8..12].copy_from_slice(&inode.to_ne_bytes());
    request[12..16].copy_from_slice(&UDIAG_SHOW_PEER.to_ne_bytes());
    request[16..].fill(0xff);
    bytes
}

/// The attribute of the answer that tells of the peer; an answer that is an error has none.
fn peer(answer: &[u8]) -> Option<u32> {
    let kind = answer.get(4..6)?;
    let mut rest = answer.get(HEADER + ANSWER..).filter(|_| kind == SOCK_DIAG_BY_FAMILY.to_ne_bytes())?;
    loop {
        let [a, b, c, d, ..] = *rest else { return None };
        let (length, attribute) = (usize::from(u16::from_ne_bytes([a, b])), u16::from_ne_bytes([c, d]));
        let value = rest.get(4..length)?;
        if attribute == UNIX_DIAG_PEER {
            // A socket that nobody has open any more has the number 0.
            return value.first_chunk().map(|inode| u32::from_ne_bytes(*inode)).filter(|inode| *inode != 0);
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

/// The numbers of the sockets that a process has open; none where it cannot be seen.
pub(super) fn sockets(pid: i32) -> HashSet<u32> {
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
    fn what_is_no_unix_socket_has_no_other_end() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(peer_inode(&listener), None);
    }
}
