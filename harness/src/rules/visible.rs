//! What must be seen for a rule to be judged: who writes, which the kernel says on Unix sockets only, or frames, which TLS hides.
//!
//! Every other rule rests on effects: what steps were answered, what the ledger has, how processes end, and the ends of sessions.

use super::Rule;
use crate::transport::Transport;

/// Whether a transport shows what a rule needs.
type Shows = fn(Transport) -> bool;

/// The rules that not every transport shows, and what shows each.
const NEEDS: &[(&str, Shows)] = &[
    ("OWN-1", Transport::shows_writers),
    // A goodbye tells an orderly end from a shutdown, and who asked for a cancel or a KILL is who wrote it.
    ("OWN-3", |transport| transport.shows_writers() && transport.shows_frames()),
    // The server says in its frames whether a session is inside a transaction.
    ("TXN-3", Transport::shows_frames),
];

impl Rule {
    /// It can be judged of sessions on that transport. Where it cannot, it is no reason to trust a pool, and none to blame it.
    pub fn is_visible(&self, transport: Transport) -> bool {
        NEEDS.iter().all(|(id, shows)| *id != self.id || shows(transport))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{ALL, find};

    #[test]
    fn on_a_unix_socket_in_the_clear_every_rule_can_be_judged() {
        assert!(ALL.iter().all(|rule| rule.is_visible(Transport::Unix)));
        assert!(NEEDS.iter().all(|(id, _)| find(id).is_some()));
    }

    #[test]
    fn the_kernels_word_outlives_encryption_and_not_tcp() {
        let hidden = |transport| ALL.iter().filter(|rule| !rule.is_visible(transport)).map(|rule| rule.id).collect::<Vec<_>>();
        assert_eq!(hidden(Transport::Tcp), ["OWN-1", "OWN-3"]);
        assert_eq!(hidden(Transport::UnixTls), ["OWN-3", "TXN-3"]);
        assert_eq!(hidden(Transport::Tls), ["OWN-1", "OWN-3", "TXN-3"]);
    }
}
