//! The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677).
//!
//! The number of iterations protects a guessable password from whoever steals the stored form. Here nothing is stored, and each
//! connection of each pool pays for it: one is enough, but for clients that refuse that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What a server knows of a password.
#[derive(Clone)]
pub(in crate::server::embedded) struct Verifier {
    salt: [u8; 16],
    iterations: u32,
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

impl Verifier {
    /// Of an ASCII password.
    pub(in crate::server::embedded) fn new(password: &str, iterations: u32) -> Self {
        // Nothing here draws random numbers: nobody is to be kept out who is not at home in this process.
        let salt = keyed(password.as_bytes(), &[b"salt"]).first_chunk().copied().unwrap_or_default();
        let mut round = keyed(password.as_bytes(), &[&salt, &[0, 0, 0, 1]]);
        let mut salted = round;
        for _ in 1..iterations {
            round = keyed(password.as_bytes(), &[&round]);
            salted.iter_mut().zip(round).for_each(|(salted, round)| *salted ^= round);
        }
        let stored_key = Sha256::digest(keyed(&salted, &[b"Client Key"])).into();
        Self { salt, iterations: iterations.max(1), stored_key, server_key: keyed(&salted, &[b"Server Key"]) }
    }
}

/// An exchange that has asked for the client's proof.
pub(super) struct Exchange {
    /// The first messages of both sides.
    bare: String,
    server_first: String,
    /// What the client's last message begins with: the channel binding that it said, and both nonces.
    expected: String,
    verifier: Verifier,
}

/// The message is no SCRAM message, or not one that can follow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Exchange {
    /// Reads the client's first message. `seed` makes this exchange differ from others.
    pub(super) fn begin(message: &[u8], verifier: &Verifier, seed: &[u8]) -> Result<Self, Malformed> {
        let message = std::str::from_utf8(message).map_err(|_| Malformed)?;
        // No channel binding: the client has none (n) or thinks that the server has none (y). No other identity.
        let (header, bare) =
            ["n,,", "y,,"].iter().find_map(|header| Some((*header, message.strip_prefix(header)?))).ok_or(Malformed)?;
        let mut parts = bare.split(',');
        parts.next().filter(|name| name.starts_with("n=")).ok_or(Malformed)?;
        let nonce = parts.next().and_then(|part| part.strip_prefix("r=")).filter(|nonce| !nonce.is_empty()).ok_or(Malformed)?;
        let own = STANDARD.encode(keyed(seed, &[b"nonce", nonce.as_bytes()]).get(..18).unwrap_or_default());
        Ok(Self {
            bare: bare.to_owned(),
            server_first: format!("r={nonce}{own},s={},i={}", STANDARD.encode(verifier.salt), verifier.iterations),
            expected: format!("c={},r={nonce}{own}", STANDARD.encode(header)),
            verifier: verifier.clone(),
        })
    }

    /// The server's first message.
    pub(super) fn first(&self) -> &str {
        &self.server_first
    }

    /// Reads the client's last message. The server's last, which proves that it knows the password too; `None`: the client does not.
    pub(super) fn end(&self, message: &[u8]) -> Result<Option<String>, Malformed> {
        let message = std::str::from_utf8(message).map_err(|_| Malformed)?;
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(Malformed)?;
        if without_proof != self.expected {
            return Err(Malformed);
        }
        let proof = STANDARD.decode(proof).map_err(|_| Malformed)?;
        let signed: [&[u8]; 5] = [self.bare.as_bytes(), b",", self.server_first.as_bytes(), b",", without_proof.as_bytes()];
        let signature = keyed(&self.verifier.stored_key, &signed);
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(proof, signature)| proof ^ signature).collect();
        if proof.len() != signature.len() || Sha256::digest(client_key)[..] != self.verifier.stored_key {
            return Ok(None);
        }
        Ok(Some(format!("v={}", STANDARD.encode(keyed(&self.verifier.server_key, &signed)))))
    }
}

/// HMAC-SHA-256 over several pieces.
pub(super) fn keyed(key: &[u8], pieces: &[&[u8]]) -> [u8; 32] {
    // A key of any length will do, so the error never is.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for piece in pieces {
        code.update(piece);
    }
    code.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

    #[test]
    fn a_client_of_another_house_believes_it_and_is_believed() {
        for iterations in [1, 3] {
            let mut client = ScramSha256::new(b"secret", ChannelBinding::unsupported());
            let exchange = Exchange::begin(client.message(), &Verifier::new("secret", iterations), b"1").unwrap();
            client.update(exchange.first().as_bytes()).unwrap();
            let last = exchange.end(client.message()).unwrap().unwrap();
            client.finish(last.as_bytes()).unwrap();
        }
    }

    #[test]
    fn another_password_and_another_nonce_are_not_believed() {
        let verifier = Verifier::new("secret", 1);
        let mut client = ScramSha256::new(b"wrong", ChannelBinding::unsupported());
        let exchange = Exchange::begin(client.message(), &verifier, b"1").unwrap();
        client.update(exchange.first().as_bytes()).unwrap();
        assert_eq!(exchange.end(client.message()), Ok(None));
        let other = Exchange::begin(b"n,,n=,r=abc", &verifier, b"1").unwrap();
        assert_eq!(other.end(client.message()), Err(Malformed));
    }

    #[test]
    fn what_is_no_first_message_is_refused() {
        for message in ["", "n,,", "n,,n=,r=", "p=tls-unique,,n=,r=a", "n,a=x,n=,r=a", "x", "n,,r=a,n="] {
            assert!(Exchange::begin(message.as_bytes(), &Verifier::new("", 1), b"").is_err(), "{message}");
        }
    }
}
