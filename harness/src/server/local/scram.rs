//! A password as PostgreSQL stores it (RFC 5802, with SHA-256), made here for the sake of its number of iterations.
//!
//! The number protects a guessable password from whoever steals the stored form. This password is random and lives as long as a
//! run, and each connection of each pool pays for the iterations: the usual 4096 are more than half of libpq's time to connect.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The stored form of an ASCII password, after one iteration.
pub(super) fn stored(password: &str, salt: &[u8]) -> String {
    let salted = keyed(password.as_bytes(), &[salt, &[0, 0, 0, 1]].concat());
    let stored_key = Sha256::digest(keyed(&salted, b"Client Key"));
    let server_key = keyed(&salted, b"Server Key");
    format!("SCRAM-SHA-256$1:{}${}:{}", STANDARD.encode(salt), STANDARD.encode(stored_key), STANDARD.encode(server_key))
}

fn keyed(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut code = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    code.update(text);
    code.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_the_one_that_postgresql_makes() {
        // Python: hashlib.pbkdf2_hmac and hmac, by the formulas of RFC 5802.
        assert_eq!(
            stored("secret", b"0123456789abcdef"),
            "SCRAM-SHA-256$1:MDEyMzQ1Njc4OWFiY2RlZg==$rb2i4FWE8CCi1HDhnBxhv8/uERf3QN6tiTjE4qSdliQ=:\
             gWfVquF9Vgm4YA/KIyjllnL4Zn6B7unP+DKFnilYEAg="
        );
    }
}
