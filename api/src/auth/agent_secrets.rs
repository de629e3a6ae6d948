//! What the agents in spaces believe the edge by.
//!
//! Each start of a space has a secret of its own, derived from a key outside the database by
//! HMAC-SHA256 (RFC 2104): nothing has to be kept, and who has one of them can't make another.

use std::{fmt, io, path::Path};

use ring::hmac;
use sha2::{Digest, Sha256};
use spaceport_domain::{agent::Secret, id::SpaceId, spelling};

use super::files;

const KEY_LEN: usize = 32;

/// Makes the secrets.
pub struct AgentSecrets(hmac::Key);

impl fmt::Debug for AgentSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentSecrets")
    }
}

impl AgentSecrets {
    /// Reads the key below `data_dir`, or makes it. Replicas that share a database share it too.
    ///
    /// # Errors
    /// When the file can't be read or made, or is no key.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join("keys").join("agents.key");
        let key = files::read_or_create(&path, || Ok(rand::random::<[u8; KEY_LEN]>().to_vec()))?;
        if key.len() != KEY_LEN {
            let problem = format!("{} is no key", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(Self::new(&key))
    }

    fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The secret of the start of `space` with this instance number.
    pub fn secret(&self, space: SpaceId, instance: u32) -> Secret {
        let tag = hmac::sign(&self.0, format!("{space}/{instance}").as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        Secret::new(bytes)
    }

    /// The SHA-256 of that secret in hexadecimal: all that the space itself is told.
    pub fn hash(&self, space: SpaceId, instance: u32) -> String {
        spelling::hex(&Sha256::digest(self.secret(space, instance).bytes()))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_start_of_every_space_has_its_own_secret() {
        let space = |n| SpaceId::new(Uuid::from_u128(n));
        let secrets = AgentSecrets::new(&[7; KEY_LEN]);
        let secret = secrets.secret(space(1), 1);
        assert_eq!(secret, AgentSecrets::new(&[7; KEY_LEN]).secret(space(1), 1));
        for other in [
            secrets.secret(space(1), 2),
            secrets.secret(space(2), 1),
            AgentSecrets::new(&[8; KEY_LEN]).secret(space(1), 1),
        ] {
            assert_ne!(secret, other);
        }
    }
}
