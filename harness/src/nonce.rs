//! The mark that ties a statement to the step that asked it, wherever it passes: in SQL text, in an argument, in a row.

use std::fmt;

/// Run number and step, written as `poolproof-RUN-STEP.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce {
    /// The number of the interleaving's execution, unique within a server's ledger.
    pub run: u32,
    /// The step that asked.
    pub step: u32,
}

/// What every nonce begins with.
pub const PREFIX: &[u8] = b"poolproof-";

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "poolproof-{}-{}.", self.run, self.step)
    }
}

impl Nonce {
    /// Reads a nonce from the start of `text`, which begins after [`PREFIX`].
    pub fn after_prefix(text: &[u8]) -> Option<Self> {
        let (run, rest) = number(text)?;
        let (step, rest) = number(rest.strip_prefix(b"-")?)?;
        rest.starts_with(b".").then_some(Self { run, step })
    }

    /// Reads a value that is a nonce and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let nonce = Self::after_prefix(text.as_bytes().strip_prefix(PREFIX)?)?;
        (nonce.to_string() == text).then_some(nonce)
    }
}

fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    Some((value, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_reads_back_what_it_wrote_and_nothing_else() {
        let nonce = Nonce { run: 17, step: 4_000_000_000 };
        assert_eq!(Nonce::parse(&nonce.to_string()), Some(nonce));
        for other in ["poolproof-1-2", "poolproof-1-2.x", "poolproof--2.", "poolproof-1-99999999999.", "poolproof-01-2.", ""] {
            assert_eq!(Nonce::parse(other), None, "{other}");
        }
    }
}
