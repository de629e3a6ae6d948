//! Secrets at rest: ChaCha20-Poly1305 (RFC 8439) with a key outside the database.
//!
//! A copy of the database alone gives no secret parameter away. A sealed value is bound to its
//! place, so that nobody who can write to the database moves a secret into a space of their own.

use std::{io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

use super::files;

const KEY_LEN: usize = 32;

/// A sealed value can't be opened: it was damaged, moved, or sealed with another key.
#[derive(Debug, thiserror::Error)]
#[error("a sealed value can't be opened")]
pub struct SealError;

/// Seals and opens.
pub struct Seal {
    key: LessSafeKey,
    fingerprints: hmac::Key,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Reads the key below `data_dir`, or makes it.
    pub fn open_key(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join("keys").join("sealing.key");
        let key = files::read_or_create(&path, || Ok(rand::random::<[u8; KEY_LEN]>().to_vec()))?;
        Self::new(&key).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is no key", path.display()),
            )
        })
    }

    fn new(key: &[u8]) -> Option<Self> {
        let sealing = UnboundKey::new(&CHACHA20_POLY1305, key).ok()?;
        // A key of its own, derived, so that no key serves two purposes.
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"fingerprints");
        Some(Self {
            key: LessSafeKey::new(sealing),
            fingerprints: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        })
    }

    /// Seals `value` for `place`.
    pub fn seal(&self, place: &str, value: &str) -> Result<String, SealError> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = value.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| SealError)?;
        Ok(STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// A fingerprint of `text`: equal for equal texts, and telling nothing of them without the key.
    pub fn fingerprint(&self, text: &str) -> String {
        STANDARD_NO_PAD.encode(hmac::sign(&self.fingerprints, text.as_bytes()))
    }

    /// Opens what was sealed for `place`.
    pub fn open(&self, place: &str, sealed: &str) -> Result<String, SealError> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| SealError)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError)?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut sealed)
            .map_err(|_| SealError)?;
        String::from_utf8(opened.to_vec()).map_err(|_| SealError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_place() {
        let seal = Seal::new(&[7; KEY_LEN]).expect("a key");
        let sealed = seal.seal("space_1/TOKEN", "swordfish").expect("seals");
        assert!(!sealed.contains("swordfish"));
        assert_eq!(
            seal.open("space_1/TOKEN", &sealed).expect("opens"),
            "swordfish"
        );
        assert!(seal.open("space_2/TOKEN", &sealed).is_err());
        assert!(seal.open("space_1/TOKEN", "").is_err());
        assert_eq!(seal.fingerprint("a"), seal.fingerprint("a"));
        assert_ne!(seal.fingerprint("a"), seal.fingerprint("b"));
        let other = Seal::new(&[8; KEY_LEN]).expect("a key");
        assert!(other.open("space_1/TOKEN", &sealed).is_err());
    }
}
