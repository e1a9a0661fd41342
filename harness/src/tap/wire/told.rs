//! What single frames tell beside the state of their session: names of sessions, aims, and values that somebody has drawn.

use std::hash::{DefaultHasher, Hasher};

/// What was told since it was last asked for; of several the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// How the server calls this session.
    pub(crate) name: Option<Name>,
    /// The client wants something of a session.
    pub(crate) aim: Option<Aim>,
    /// The random value that the client has drawn for its login, as a fingerprint.
    pub(crate) random: Option<u64>,
}

/// How a server calls a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// PostgreSQL's process id, MySQL's connection id.
    pub(crate) number: u32,
    /// The fingerprint of PostgreSQL's secret key.
    pub(crate) secret: Option<u64>,
}

/// Which session a client wants to disturb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aim {
    pub(crate) name: Name,
    /// The session is to end, and not only its statement.
    pub(crate) ends: bool,
}

/// A number and a secret key behind it, as PostgreSQL's server and clients write them.
pub(super) fn number_and_secret(body: &[u8]) -> Option<Name> {
    let (number, secret) = body.split_first_chunk()?;
    Some(Name { number: u32::from_be_bytes(*number), secret: Some(fingerprint(secret)) })
}

/// The client's nonce in a `SASLInitialResponse` of SCRAM (RFC 5802): behind the mechanism and a length it stands as `r=`.
pub(super) fn random_of_scram(body: &[u8]) -> Option<u64> {
    let end = body.iter().position(|byte| *byte == 0).filter(|_| body.starts_with(b"SCRAM-"))?;
    let mut parts = body.get(end + 5..)?.split(|byte| *byte == b',');
    parts.find_map(|part| part.strip_prefix(b"r=")).filter(|random| !random.is_empty()).map(fingerprint)
}

/// The aim of MySQL's `KILL [HARD | SOFT] [CONNECTION | QUERY [ID]] number`, behind comments.
pub(super) fn aim_of_kill(statement: &[u8]) -> Option<Aim> {
    let mut words = without_comments(statement).split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.next().filter(|word| word.eq_ignore_ascii_case(b"KILL"))?;
    let mut ends = true;
    for word in words {
        match word.to_ascii_uppercase().as_slice() {
            b"QUERY" => ends = false,
            b"HARD" | b"SOFT" | b"CONNECTION" | b"ID" => {}
            number => {
                let number = std::str::from_utf8(number).ok()?.parse().ok()?;
                return Some(Aim { name: Name { number, secret: None }, ends });
            }
        }
    }
    None
}

fn without_comments(statement: &[u8]) -> &[u8] {
    let mut rest = statement.trim_ascii_start();
    while let Some(comment) = rest.strip_prefix(b"/*") {
        let Some(end) = memchr::memmem::find(comment, b"*/") else { return b"" };
        rest = comment[end + 2..].trim_ascii_start();
    }
    rest
}

/// The same in each run and each process.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
