//! Whether processes are connected to somebody whom the harness does not know. From there may come what nobody here can see.

use std::collections::HashSet;

use super::holder::{ANSWER, UNIX_DIAG_PEER, about_unix, ask, attribute};

// linux/unix_diag.h, and what both flags of sk_shutdown (net/sock.h) together say: nobody reads and nobody writes any more.
const UNIX_DIAG_SHUTDOWN: u16 = 6;
const BOTH_WAYS: u8 = 3;

/// Those of these sockets that are connected to somebody who is none of them and none of those who are known. One who has not taken
/// the connection yet is unknown.
pub(crate) fn leading_elsewhere(sockets: &HashSet<u32>, known: &HashSet<u32>) -> HashSet<u32> {
    let is_ours = |inode: u32| sockets.contains(&inode) || known.contains(&inode);
    let by_unix = |inode: u32| ask(&about_unix(inode)).and_then(|answer| open_peer(&answer)).is_some_and(|peer| !is_ours(peer));
    let connections = inet_connections();
    let by_inet = |inode: u32| {
        let mut own = connections.iter().filter(|connection| connection.inode == inode);
        own.any(|own| !connections.iter().any(|other| other.near == own.far && other.far == own.near && is_ours(other.inode)))
    };
    sockets.iter().copied().filter(|inode| by_unix(*inode) || by_inet(*inode)).collect()
}

/// A TCP connection of this network namespace, with its ends as the kernel writes them.
struct InetConnection {
    near: String,
    far: String,
    inode: u32,
}

/// Those that are open, or about to be.
fn inet_connections() -> Vec<InetConnection> {
    const ESTABLISHED: &str = "01";
    const CONNECTING: &str = "02";
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let connection = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, near, far, ESTABLISHED | CONNECTING, _, _, _, _, _, inode, ..] = words.as_slice() else { return None };
        Some(InetConnection { near: (*near).to_owned(), far: (*far).to_owned(), inode: inode.parse().ok()? })
    };
    tables.iter().flat_map(|table| table.lines().skip(1).filter_map(connection)).collect()
}

/// The number of a Unix socket's peer while they are connected: 0 before that one has taken the connection.
fn open_peer(answer: &[u8]) -> Option<u32> {
    let number = attribute(answer, ANSWER, UNIX_DIAG_PEER)?.first_chunk().map(|inode| u32::from_ne_bytes(*inode))?;
    (attribute(answer, ANSWER, UNIX_DIAG_SHUTDOWN)?.first() != Some(&BOTH_WAYS)).then_some(number)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    fn leads_elsewhere(sockets: &HashSet<u32>, known: &HashSet<u32>) -> bool {
        !leading_elsewhere(sockets, known).is_empty()
    }

    fn numbers(sockets: &[&dyn AsFd]) -> HashSet<u32> {
        sockets.iter().map(|socket| rustix::fs::fstat(socket.as_fd()).unwrap().st_ino as u32).collect()
    }

    #[test]
    fn a_socket_leads_elsewhere_as_long_as_a_stranger_is_at_its_other_end() {
        let (near, far) = UnixStream::pair().unwrap();
        let none = HashSet::new();
        assert!(leads_elsewhere(&numbers(&[&near]), &none));
        assert!(!leads_elsewhere(&numbers(&[&near]), &numbers(&[&far])), "he is known");
        assert!(!leads_elsewhere(&numbers(&[&near, &far]), &none), "he is one of them");
        drop(far);
        assert!(!leads_elsewhere(&numbers(&[&near]), &none), "he is gone");
    }

    #[test]
    fn who_has_not_taken_the_connection_yet_is_a_stranger() {
        let place = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(place.path().join("socket")).unwrap();
        let near = UnixStream::connect(place.path().join("socket")).unwrap();
        assert!(leads_elsewhere(&numbers(&[&near]), &HashSet::new()));
        assert!(!leads_elsewhere(&numbers(&[&listener]), &HashSet::new()), "nobody is connected to a listener");
        drop(listener);
        assert!(!leads_elsewhere(&numbers(&[&near]), &HashSet::new()), "nobody will take it");
    }

    #[test]
    fn over_tcp_it_is_no_other() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let far = listener.accept().unwrap().0;
        assert!(leads_elsewhere(&numbers(&[&near]), &HashSet::new()));
        assert!(!leads_elsewhere(&numbers(&[&near]), &numbers(&[&far])), "he is known");
        assert!(!leads_elsewhere(&numbers(&[&listener]), &HashSet::new()), "nobody is connected to a listener");
        drop(far);
        assert!(!leads_elsewhere(&numbers(&[&near]), &HashSet::new()), "he is gone");
    }
}
