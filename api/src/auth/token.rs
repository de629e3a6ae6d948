//! Tokens for programs and one-time codes: 256 random bits, shown once, kept as their SHA-256.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use spaceport_domain::spelling;

/// What every API token begins with, so that it is recognised where it leaked.
pub const PREFIX: &str = "spt_";

/// A new token for a program.
pub fn generate() -> String {
    format!("{PREFIX}{}", random())
}

/// 256 random bits in base64url (RFC 4648 §5, without padding).
pub fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is kept of a token or a code, in hex. It has too much entropy for its hash to be guessed, so a
/// plain hash does.
pub fn hash(token: &str) -> String {
    spelling::hex(&Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_recognised() {
        let (one, two) = (generate(), generate());
        assert_ne!(one, two);
        assert!(one.starts_with(PREFIX) && one.len() > 40);
        assert_eq!(hash("abc")[..8], *"ba7816bf");
    }
}
