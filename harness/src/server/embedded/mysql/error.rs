//! MySQL's errors, with the codes, states and words of the real server (`share/messages_to_clients.txt` in MySQL's sources).

use super::super::World;
use super::super::sql::Unreadable;

/// An error that a statement or a command is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Error {
    pub(super) code: u16,
    pub(super) state: [u8; 5],
    pub(super) message: String,
    /// This server did not know what to do; a real one might.
    pub(super) unknown: bool,
}

impl Error {
    pub(super) fn new(code: u16, state: &[u8; 5], message: impl Into<String>) -> Self {
        Self { code, state: *state, message: message.into(), unknown: false }
    }

    /// A statement that cannot be read. It may be wrong, or only more than this server knows.
    pub(super) fn syntax() -> Self {
        let message = "You have an error in your SQL syntax, or the embedded server does not know it";
        Self { unknown: true, ..Self::new(1064, b"42000", message) }
    }

    /// What is wrong on a real server, too.
    pub(super) fn syntax_near(rest: &str) -> Self {
        let near: String = rest.trim_start().chars().take(80).collect();
        let message = format!(
            "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right \
             syntax to use near '{near}'"
        );
        Self::new(1064, b"42000", message)
    }

    /// A statement that was read, but that this server cannot carry out.
    pub(super) fn unsupported(what: &str) -> Self {
        Self { unknown: true, ..Self::new(1235, b"42000", format!("The embedded server doesn't support {what}")) }
    }

    /// What is sent: an error about something unknown quotes the statement, and the harness will hear of it.
    pub(super) fn quoting(mut self, sql: &str, world: &mut World) -> Self {
        if self.unknown {
            self.message = format!("{}: {}", self.message, world.not_known(sql.trim()));
        }
        self
    }

    pub(super) fn out_of_order() -> Self {
        Self::new(1156, b"08S01", "Got packets out of order")
    }

    pub(super) fn too_large() -> Self {
        Self::new(1153, b"08S01", "Got a packet bigger than 'max_allowed_packet' bytes")
    }

    pub(super) fn bad_handshake() -> Self {
        Self::new(1043, b"08S01", "Bad handshake")
    }

    pub(super) fn unknown_command() -> Self {
        Self::new(1047, b"08S01", "Unknown command")
    }

    pub(super) fn malformed() -> Self {
        Self::new(1835, b"HY000", "Malformed communication packet.")
    }

    pub(super) fn empty_query() -> Self {
        Self::new(1065, b"42000", "Query was empty")
    }

    pub(super) fn unknown_database(name: &str) -> Self {
        Self::new(1049, b"42000", format!("Unknown database '{name}'"))
    }

    pub(super) fn interrupted() -> Self {
        Self::new(1317, b"70100", "Query execution was interrupted")
    }

    pub(super) fn no_database() -> Self {
        Self::new(1046, b"3D000", "No database selected")
    }

    pub(super) fn no_thread(number: impl std::fmt::Display) -> Self {
        Self::new(1094, b"HY000", format!("Unknown thread id: {number}"))
    }

    pub(super) fn no_table(schema: &str, name: &str) -> Self {
        Self::new(1146, b"42S02", format!("Table '{schema}.{name}' doesn't exist"))
    }

    pub(super) fn no_column(name: &str, clause: &str) -> Self {
        Self::new(1054, b"42S22", format!("Unknown column '{name}' in '{clause}'"))
    }

    pub(super) fn no_savepoint(name: &str) -> Self {
        Self::new(1305, b"42000", format!("SAVEPOINT {name} does not exist"))
    }

    pub(super) fn out_of_memory() -> Self {
        Self::new(1041, b"HY000", "Out of memory; the embedded server holds only so much for a session")
    }
}

impl From<Unreadable> for Error {
    fn from(Unreadable: Unreadable) -> Self {
        Self::syntax()
    }
}
